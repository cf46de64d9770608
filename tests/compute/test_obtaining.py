from __future__ import annotations

import io
import json

import pytest

from panneuro.compute import texts
from panneuro.compute.archives import pack
from panneuro.compute.obtaining import Recipe, _notes, digest_of
from panneuro.compute.running import run
from panneuro.core.manifest import KEY


@pytest.fixture
def recipe(folder_lake, steps):
    """Return what it takes to repeat a run."""
    (made,) = run(folder_lake, f"{steps}:rates", on="subject=m0 has:units").done
    return Recipe(folder_lake, made)


def said_of(recipe):
    key = texts.environment_key(recipe.run.installed)
    return key, json.loads(recipe.lake.store.get(key))


def test_what_is_rebuilt_is_what_is_reached_imported_and_underneath(recipe):
    packages = recipe.environment.packages
    assert {"numpy", "pandas", "zarr", "pydantic"} <= set(packages)
    assert not {"panneuro", "pytest", "mypy", "ruff"} & set(packages)
    assert packages["numpy"] == recipe.run.packages["numpy"]
    assert recipe.differs_here() == []
    recipe.look()
    assert recipe.missing == {}


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (
            {"url": "https://example.org/g.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}},
            "numpy@ git+https://example.org/g.git@0a1b",
        ),
        (
            {
                "url": "https://example.org/numpy.whl",
                "archive_info": {"hashes": {"sha256": "00" * 32}},
            },
            f"numpy@ https://example.org/numpy.whl --hash=sha256:{'00' * 32}",
        ),
    ],
)
def test_what_was_installed_from_an_address_is_installed_from_there(recipe, origin, line):
    key, said = said_of(recipe)
    said["packages"]["numpy"]["origin"] = origin
    recipe.lake.store.put(key, json.dumps(said).encode())
    lines = recipe.environment.text.replace("numpy @ ", "numpy@ ").splitlines()
    assert line in lines


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../b", "a\\b"])
def test_texts_that_lead_elsewhere_are_refused(recipe, name):
    key = texts.code_key(recipe.run.code)
    for code in (
        {"sources": {name: "x = 1"}, "loads": [], "files": {}},
        {"sources": {}, "loads": [], "files": {name: "x"}},
    ):
        recipe.lake.store.put(key, json.dumps(code).encode())
        fresh = Recipe(recipe.lake, recipe.run)
        fresh.look(quick=True)
        assert "code" in fresh.missing, code


def test_only_the_objects_of_inputs_may_be_read(recipe):
    (source,) = recipe.manifests
    assert f"{source.prefix}/{KEY}" in recipe.keys
    assert all(key.startswith(f"{source.prefix}/") for key in recipe.keys)


def test_inputs_that_changed_are_named(recipe):
    (source,) = recipe.manifests
    file = next(one for one in source.files if one.path.endswith("units.parquet"))
    recipe.lake.store.put(source.key_of(file), bytes(file.size))
    recipe.look(quick=True)
    assert recipe.missing == {}
    recipe.look()
    assert list(recipe.missing) == [f"input {source.name}@{source.version}"]
    recipe.lake.store.delete(f"{source.prefix}/{KEY}")
    fresh = Recipe(recipe.lake, recipe.run)
    fresh.look(quick=True)
    assert list(fresh.missing) == [f"input {source.name}@{source.version}"]


def test_what_was_rebuilt_otherwise_is_noted(recipe):
    _, recorded = said_of(recipe)
    built = json.loads(json.dumps(recorded))
    assert _notes(recorded, built) == []
    built["packages"]["numpy"]["digest"] = "sha256:00"
    built["python"] = "3.12.99"
    first, second = _notes(recorded, built)
    assert first == f"python: {recorded['python']} then, 3.12.99 now"
    assert second.endswith("other files than those recorded")
    built["machine"] = "riscv64"
    assert not [one for one in _notes(recorded, built) if "other files" in one]


def test_kernels_that_were_others_are_noted(recipe, tmp_path):
    ours = recipe.installed["panneuro"]
    recipe.lay_out(tmp_path / "same")
    assert recipe.notes == []
    old = tmp_path / "same/source"
    for built in (old / "panneuro/codecs").glob("kernels.*"):
        built.write_bytes(b"/* of another year */")
    files = {path.relative_to(old).as_posix(): path for path in old.rglob("*") if path.is_file()}
    sink = io.BytesIO()
    pack(sink, files)
    ours["source"] = digest_of(old)
    recipe.lake.store.put(texts.source_key(ours["source"]), sink.getvalue())
    recipe.lay_out(tmp_path / "other")
    assert len(recipe.notes) == 1
    assert "their source has changed" in recipe.notes[0]
    kernels = (tmp_path / "other/source/panneuro/codecs").glob("kernels.*")
    assert {path.read_bytes() for path in kernels} == {b"/* of another year */"}
