from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

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


def test_watching(run, own):
    result = run("watch", STEPS, "--lake", own, "--rounds", 2, "--every", 0.1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("  done: ") == 2


def test_lineage(run, own):
    run("up", STEPS, "--lake", own, "-q")
    up = run("lineage", "--on", "has:total", "--lake", own)
    assert up.exit_code == 0, up.output
    assert " total ← " in up.stdout
    assert " count(at_least=0) ← " in up.stdout
    assert " panneuro.add ← session.nwb" in up.stdout
    down = json.loads(run("lineage", "--on", "has:units", "--down", "--lake", own, "--json").stdout)
    assert {one["step"] for one in down["runs"]} >= {"count", "total"}
    dot = run("lineage", "--on", "has:total", "--dot", "--lake", own)
    assert dot.stdout.startswith("digraph lineage {")
    again = run("lineage", "--package", "panneuro", "--rerun", "--lake", own)
    assert again.exit_code == 0, again.output
    assert run("lineage", "--lake", own).exit_code == 2
