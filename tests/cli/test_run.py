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


def test_a_step_is_run_once(run, own):
    line = ("run", f"{STEPS}:count", "--on", "has:units", "--lake", own, "-p", "at_least=2")
    foreseen = run(*line, "--dry-run", "--json")
    document = json.loads(foreseen.stdout)
    assert len(document["would_run"]) == 1
    assert document["projected"]["input_bytes"] > 0
    first = run(*line)
    assert first.exit_code == 0, first.output
    assert "1 run, 0 there already, 0 failed" in first.stderr
    assert "_count" in first.stdout
    again = run(*line, "--json")
    assert [item["status"] for item in json.loads(again.stdout)["runs"]] == ["there already"]
    assert "count: nothing to run, 1 there already and up to date" in again.stderr
    changed = run(*line[:-1], "at_least=3", "--dry-run")
    assert "stale because: parameter at_least 2 → 3" in changed.stderr


def test_a_failure_is_told(run, own):
    result = run("run", f"{STEPS}:fail", "--on", "has:units", "--lake", own)
    assert result.exit_code == 1
    assert "ValueError: not today" in result.stderr
    assert "steps.py:" in result.stderr
    assert len(panneuro.open(own).runs.find(status="failed")) == 1


def test_limits(run, own):
    result = run("run", f"{STEPS}:count", "--on", "has:units", "--lake", own, "--max-bytes", 1)
    assert result.exit_code == 7
    assert "projected bytes" in result.stderr


@pytest.mark.parametrize("words", [("-p", "at_least"), ("--executor", "slurm"), ("--workers", 0)])
def test_lines_that_cannot_be_understood(run, own, words):
    assert run("run", f"{STEPS}:count", "--lake", own, *words).exit_code == 2


def test_steps_are_listed(run):
    result = run("run", "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout)["steps"], list)


@pytest.mark.parametrize(
    ("step", "last"),
    [
        ("nobody", "or path/to/file.py:function"),
        (f"{STEPS}:nobody", f"{STEPS}:count"),
    ],
)
def test_a_step_that_is_not_there_ends_with_those_that_are(run, own, step, last):
    refused = run("run", step, "--on", "has:units", "--lake", own)
    assert refused.exit_code == 3
    assert last in refused.stderr.splitlines()[-1]
