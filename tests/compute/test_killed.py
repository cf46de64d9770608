"""Drivers and workers are killed at random, again and again; what comes out is the same.

``PANNEURO_KILLS=100 python -m pytest tests/compute/test_killed.py`` kills a hundred times.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import panneuro

PIPELINE = Path(__file__).with_name("killed_pipeline.py")
KILLS = int(os.environ.get("PANNEURO_KILLS", "2"))
SESSIONS = 6


def up(place, *words):
    line = [
        Path(sys.executable).with_name("panneuro"),
        "up",
        str(PIPELINE),
        "--lake",
        str(place),
        "-q",
    ]
    return subprocess.Popen([*line, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def workers_of(driver):
    try:
        found = psutil.Process(driver.pid).children(recursive=True)
        return [one for one in found if "spawn_main" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def kill_one(driver, chance):
    """Kill the driver or one of its workers soon after these are there; say if one was hit."""
    deadline = time.monotonic() + 60
    while driver.poll() is None and not workers_of(driver) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 2))
    victims = [driver, *workers_of(driver)]
    victim = chance.choice(victims)
    if driver.poll() is not None:
        return False
    try:
        os.kill(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    if victim is driver:
        driver.wait()
        psutil.wait_procs(victims[1:], timeout=30)
    return True


def made(place):
    lake = panneuro.open(place)
    lake.reindex()
    return {
        entry.name: (entry.version, {file.path: file.digest for file in lake[entry.name].files})
        for entry in lake.find("kind=derived")
    }


def finish(place, chance, kills):
    """Bring a lake up to date in spite of kills, and return how many there were."""
    hit = 0
    while True:
        driver = up(place, "--executor", "processes", "--workers", "2")
        hit += hit < kills and kill_one(driver, chance)
        told = driver.communicate(timeout=1200)[0].decode()
        if driver.returncode != -signal.SIGKILL:
            assert driver.returncode == 0, told
            return hit


@pytest.mark.slow
def test_what_comes_out_is_what_would_have(tmp_path, make_lake):
    chance, left = random.Random(0), KILLS
    make_lake(str(tmp_path / "new"), SESSIONS)
    quiet = shutil.copytree(tmp_path / "new", tmp_path / "quiet")
    finish(quiet, chance, 0)
    expected = made(quiet)
    assert len(expected) == 2 * SESSIONS + 1
    while left > 0:
        place = shutil.copytree(tmp_path / "new", tmp_path / "disturbed")
        left -= finish(place, chance, left)
        assert made(place) == expected
        report = panneuro.open(place).check()
        assert report.ok, report.problems
        shutil.rmtree(place)
