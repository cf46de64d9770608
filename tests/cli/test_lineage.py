from __future__ import annotations

import json
import re
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
    line = ("run", f"{STEPS}:count", "--on", "has:units", "--lake", own, "-p", "at_least=1000000")
    newer = run(*line)
    assert newer.exit_code == 0, newer.output
    left = run("lineage", "--package", "panneuro", "--rerun", "--lake", own).stderr
    assert re.search(r"left: (\S+_count)@\w+, since \1@\w+ was made later", left)
    assert run("lineage", "--lake", own).exit_code == 2
