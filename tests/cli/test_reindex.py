from __future__ import annotations

import json
import shutil
from pathlib import Path

import panneuro


def test_the_index_can_be_burnt(run, filled: str, name: str, tmp_path: Path):
    lake = shutil.copytree(filled, tmp_path / "lake")
    panneuro.open(lake).catalog.clear()
    assert "would index 1 version\n" in run("reindex", "--dry-run", "--lake", lake).stdout
    result = run("reindex", "--json", "--lake", lake)
    assert json.loads(result.stdout)["versions"] == 1
    assert name in run("find", "--lake", lake).stdout
