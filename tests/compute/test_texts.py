from __future__ import annotations

import io
import json
import zipfile

from panneuro.compute import texts
from panneuro.compute.environments import Environment
from panneuro.compute.step import find_step
from panneuro.core.digests import digest_bytes, digest_json


def test_what_is_kept_is_kept_once(lake, steps):
    step = find_step(f"{steps}:rates")
    texts.keep_texts(lake.store, step)
    before = lake.store.usage.snapshot()
    texts.keep_texts(lake.store, step)
    assert (lake.store.usage.snapshot() - before).bytes_written == 0
    said = json.loads(lake.store.get(texts.code_key(step.code.digest)))
    assert any("def rates" in text for text in said["sources"].values())
    assert {"numpy", "pandas"} <= set(said["loads"])
    assert "panneuro" not in said["loads"]


def test_what_is_installed_is_kept_with_the_panneuro_that_runs(lake):
    digest = texts.keep_installed(lake.store)
    said = json.loads(lake.store.get(texts.environment_key(digest)))
    assert said["packages"]["numpy"]["digest"].startswith("sha256:")
    assert {"numpy", "zarr", "pydantic"} <= set(said["beneath"])
    assert "panneuro" not in said["beneath"]
    assert texts.own_version(lake.store, digest) == said["panneuro"]["version"]
    assert texts.own_version(lake.store, "sha256:00") == ""
    data = lake.store.get(texts.source_key(said["panneuro"]["source"]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {one: digest_bytes(archive.read(one)) for one in archive.namelist()}
    assert digest_json(files) == said["panneuro"]["source"]
    assert "panneuro/compute/repeating.py" in files
    assert any(one.endswith(".dist-info/entry_points.txt") for one in files)


def test_what_is_built_or_cached_is_no_source():
    assert not [one for one in texts.own_source() if "__pycache__" in one or one.endswith(".so")]
    assert texts.own_digest() == texts.own_digest()


def test_locks_are_kept(lake, tmp_path):
    (tmp_path / "own.lock").write_text("six==1.16.0\n")
    path = tmp_path / "mine.py"
    path.write_text(
        "import panneuro\n\n\n"
        '@panneuro.step(takes="units", gives="n", environment="own.lock")\n'
        "def locked(units) -> int:\n    return 1\n"
    )
    step = find_step(f"{path}:locked")
    texts.keep_texts(lake.store, step)
    kept = lake.store.get(texts.lock_key(step.environment.digest)).decode()
    assert Environment.parse(kept) == step.environment
    assert step.packages["(locked)"] == step.environment.digest
