from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from panneuro.compute.environments import HERE, Environment
from panneuro.compute.packages import LOCKED, PYTHON, beneath, everything, loaded, reached


def test_what_is_reached_brings_what_it_requires():
    found = reached(["pandas"])
    assert {"pandas", "numpy", "python-dateutil", "six"} <= set(found)
    assert found["pandas"] == version("pandas")
    assert found[PYTHON] == HERE
    assert reached([]) == {PYTHON: HERE}
    assert reached(["nothing_of_that_name"]) == {PYTHON: HERE}


def test_panneuro_is_code_and_no_package():
    assert reached(["panneuro"]) == {PYTHON: HERE}
    assert "panneuro" not in beneath()
    assert {"zarr", "numpy", "obstore"} <= set(beneath())


def test_a_module_is_found_under_another_name():
    assert "pyyaml" in reached(["yaml"])
    assert "scikit-learn" in reached(["sklearn"])


def test_what_is_locked_counts_beside_what_is_here():
    locked = Environment.parse(f"six==1.16.0\nnumpy=={version('numpy')}\nsorter==0.1\n")
    found = reached(["six", "numpy"], locked)
    assert found["six"] == version("six")
    assert found[f"six {LOCKED}"] == "1.16.0"
    assert found["sorter"] == "0.1"
    assert f"numpy {LOCKED}" not in found
    assert found[LOCKED] == locked.digest
    other = Environment.parse(f"six==1.16.0 --hash=sha256:{'0' * 64}\n")
    assert reached([], other) != reached([], Environment.parse("six==1.16.0\n"))


def test_what_is_loaded_is_named_by_its_distributions(tmp_path, monkeypatch):
    (tmp_path / "labtools.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert loaded(["labtools", "yaml", "panneuro", "nothing_of_that_name"]) == [
        "labtools",
        "pyyaml",
    ]


def test_everything_is_found_out_once():
    assert everything() is everything()
    assert everything()["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("name", ["pytest", "ruff"])
def test_what_is_installed_beside_does_not_count(name):
    assert name in everything()["packages"]
    assert name not in beneath()
