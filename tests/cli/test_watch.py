from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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
