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


def test_a_pipeline_is_brought_up_to_date(run, own):
    foreseen = run("up", STEPS, "--lake", own, "--dry-run")
    assert "count: 1 to run" in foreseen.stderr
    assert "total: up to 1 more, after these" in foreseen.stderr
    first = run("up", STEPS, "--lake", own, "--json")
    assert [item["status"] for item in json.loads(first.stdout)["runs"]] == ["done", "done"]
    again = run("up", STEPS, "--lake", own)
    assert "0 run, 2 there already, 0 failed" in again.stderr


def test_pipelines_of_lake_toml(run, own):
    nothing = run("up", "--lake", own)
    assert nothing.exit_code == 3
    settings = Path(own) / "lake.toml"
    said = f'\n[pipelines.counting]\non = "has:units"\nsteps = ["{STEPS}:count"]\n'
    settings.write_text(settings.read_text() + said)
    done = run("up", "--lake", own)
    assert done.exit_code == 0, done.output
    assert "1 run" in done.stderr


def test_views_are_brought_up_to_date_when_asked(run, own):
    assert run("view", "session-overview", "--lake", own).exit_code == 0
    panneuro.open(own).describe(next(iter(panneuro.open(own))), {"subject": {"sex": "male"}})
    foreseen = run("up", STEPS, "--lake", own, "--dry-run", "--views")
    assert "view session-overview: 1 to compute" in foreseen.stderr
    done = run("up", STEPS, "--lake", own, "--views")
    assert done.exit_code == 0, done.output
    assert "view session-overview: edition 2 (1 made)" in done.stderr
    again = run("up", STEPS, "--lake", own, "--views")
    assert "view " not in again.stderr
