from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import panneuro

STEPS = Path(__file__).parent / "steps.py"


@pytest.fixture
def own(filled, tmp_path):
    """Return a lake of one recording, to be computed in."""
    return str(shutil.copytree(filled, tmp_path / "own"))


def test_watching(run, own):
    result = run("watch", STEPS, "--lake", own, "--rounds", 2, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("  done: ") == 2


def test_what_failed_is_not_tried_again_as_it_is(run, own, tmp_path):
    file = tmp_path / "failing.py"
    file.write_text(
        "from panneuro import Pipeline\n"
        f"p = Pipeline('failing', on='has:units kind=raw', steps=['{STEPS}:fail'])\n"
    )
    result = run("watch", file, "--lake", own, "--rounds", 3, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("  failed: ") == 1


def test_views_that_are_kept_are_refreshed(run, own, tmp_path):
    assert run("view", "storage-and-cost", "--lake", own).exit_code == 0
    assert run("view", "pipeline-health", "--lake", own).exit_code == 0
    result = run("watch", STEPS, "--lake", own, "--rounds", 2, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("view storage-and-cost: edition 2 (2 made)") == 1
    assert result.stderr.count("view pipeline-health: edition 2") == 1
    assert "unit-yield" not in result.stderr
    seen = run("view", "storage-and-cost", "--no-refresh", "--json", "--lake", own)
    assert len(json.loads(seen.stdout)["rows"]) == 3


def test_a_view_that_is_lost_stops_nothing(run, own):
    settings = Path(own) / "lake.toml"
    settings.write_text(settings.read_text() + '\n[views]\nlost = "nowhere.py:lost"\n')
    result = run("watch", STEPS, "--lake", own, "--rounds", 2, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("view lost cannot be refreshed: there is no file") == 1
    assert result.stderr.count("  done: ") == 2


def test_views_alone_can_be_watched(run, own):
    assert run("view", "session-overview", "--lake", own).exit_code == 0
    panneuro.open(own).describe(next(iter(panneuro.open(own))), {"subject": {"sex": "male"}})
    result = run("watch", "--lake", own, "--rounds", 2, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("view session-overview: edition 2 (1 made)") == 1
