from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import panneuro


@pytest.fixture
def lake(filled: str, tmp_path: Path) -> str:
    place = tmp_path / "lake"
    shutil.copytree(filled, place)
    return str(place)


def test_an_asset_and_its_units_are_judged(run, lake: str, name: str):
    result = run("judge", name, "drift", "fail", "--why", "it moves", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert "drift is fail" in result.stdout
    labelled = run("judge", name, "units", "good", "-u", "0", "-u", "2", "--json", "--lake", lake)
    (said,) = json.loads(labelled.stdout)["judged"]
    asset = panneuro.open(lake)[name]
    assert (said["version"], said["units"]) == (asset.version, ["0", "2"])
    assert asset.units.table.df["curation"].fillna("").tolist() == ["good", "", "good"]
    assert asset.documents.quality.evaluations[0].history[0].reason == "it moves"


def test_refusals_and_dry_runs_change_nothing(run, lake: str, name: str):
    assert run("judge", name, "drift", "good", "--lake", lake).exit_code == 2
    assert run("judge", name, "units", "good", "-u", "9", "--lake", lake).exit_code == 3
    dry = run("judge", name, "drift", "pass", "--dry-run", "--lake", lake)
    assert "drift would be pass" in dry.stdout
    assert len(panneuro.open(lake).versions(name)) == 1
