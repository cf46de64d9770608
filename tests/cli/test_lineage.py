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
