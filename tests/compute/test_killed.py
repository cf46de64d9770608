"""Drivers and workers are killed at random, again and again; what comes out is the same.

``PANNEURO_KILLS=100 python -m pytest tests/compute/test_killed.py`` kills a hundred times.
"""

from __future__ import annotations

import os
import random
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
SESSIONS = 6 if KILLS < 10 else 100


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
    """Kill the driver or one of its workers some time after the workers are there."""
    deadline = time.monotonic() + 60
    while driver.poll() is None and not workers_of(driver) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 3))
    victims = [driver, *workers_of(driver)]
    victim = chance.choice(victims)
    try:
        os.kill(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    if victim is driver:
        driver.wait()
        psutil.wait_procs(victims[1:], timeout=30)


def made(place):
    lake = panneuro.open(place)
    lake.reindex()
    return {
        entry.name: (entry.version, {file.path: file.digest for file in lake[entry.name].files})
        for entry in lake.find("kind=derived")
    }


@pytest.mark.slow
def test_what_comes_out_is_what_would_have(tmp_path, make_lake):
    chance = random.Random(0)
    place = tmp_path / "disturbed"
    make_lake(str(place), SESSIONS)
    for _ in range(KILLS):
        driver = up(place, "--executor", "processes", "--workers", "2")
        kill_one(driver, chance)
        driver.communicate(timeout=300)
    last = up(place)
    told = last.communicate(timeout=300)[0].decode()
    assert last.returncode == 0, told
    quiet = tmp_path / "undisturbed"
    make_lake(str(quiet), SESSIONS)
    undisturbed = up(quiet)
    undisturbed.communicate(timeout=300)
    assert undisturbed.returncode == 0
    expected = made(quiet)
    assert len(expected) == 2 * SESSIONS + 1
    assert made(place) == expected
    report = panneuro.open(place).check()
    assert report.ok, report.problems
