from __future__ import annotations

import json
import shutil
from importlib.metadata import metadata
from pathlib import Path

import panneuro
from panneuro.cli import doctor


def signs(result) -> dict[str, dict[str, str]]:
    return {sign["what"]: sign for sign in json.loads(result.stdout)["signs"]}


def test_everything_works(run, filled: str):
    result = run("doctor", "--json", "--lake", filled)
    assert result.exit_code == 0, result.output
    found = signs(result)
    assert found["lake"]["state"] == "ok"
    assert found["create-only"]["state"] == "ok"
    assert found["index"]["found"] == "1 versions, as in the store"
    assert "nwb" in found["formats"]["found"]
    assert "disk" in found
    assert not list(Path(filled).glob("_probe/*"))


def test_every_extra_is_looked_for():
    offered = set(metadata("panneuro").get_all("Provides-Extra"))
    assert set(doctor._EXTRAS) == offered - {"all"}


def test_what_is_missing_comes_with_the_line_that_brings_it(run, monkeypatch):
    monkeypatch.setattr(doctor, "_EXTRAS", {"video": "no_such_module_anywhere"})
    result = run("doctor")
    assert result.exit_code == 0
    assert 'pip install "panneuro[video]"' in result.stdout


def test_no_lake_there(run, tmp_path: Path):
    result = run("doctor", "--lake", tmp_path / "nothing")
    assert result.exit_code == 1
    assert "panneuro add" in result.stderr


def test_an_index_out_of_step(run, filled: str, tmp_path: Path):
    lake = shutil.copytree(filled, tmp_path / "lake")
    panneuro.open(lake).catalog.remove(list(panneuro.open(lake)))
    shutil.copytree(next(lake.glob("assets/*/*/")), lake / "assets/other/0123456789ab")
    found = signs(run("doctor", "--json", "--lake", lake))
    assert found["index"]["fix"] == "panneuro reindex"
    assert found["index"]["state"] == "bad"
