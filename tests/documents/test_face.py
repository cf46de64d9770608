from __future__ import annotations

import subprocess
import sys

import pytest

import panneuro.documents as face


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize("name", face.__all__)
def test_every_name_is_there(name):
    assert getattr(face, name) is not None
    assert name in dir(face)


def test_every_name_has_a_home():
    assert set(face.__all__) == {"atlas", *face._HOMES}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = face.nothing


def test_the_atlas_is_asked_without_loading_models():
    loaded = loaded_by("from panneuro.documents import atlas; atlas.expand(['VISp'])")
    assert "pydantic" not in loaded


def test_validation_loads_nothing_heavy_and_no_network():
    loaded = loaded_by("from panneuro.documents import validate, read; validate(read({}))")
    assert not loaded & {"numpy", "pandas", "zarr", "yaml", "requests", "httpx", "urllib.request"}
