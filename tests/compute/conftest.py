"""Lakes with small recordings whose truth is known, and steps to run on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import panneuro
from panneuro.core.manifest import Manifest
from panneuro.documents import read
from panneuro.lake.deriving import Derived, derive
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

STEPS = Path(__file__).parent / "steps.py"


@pytest.fixture(scope="session")
def _packages(tmp_path_factory):
    """Return uv's cache: that of whoever tests, or else one for all tests."""
    own = Path(os.environ.get("UV_CACHE_DIR", "~/.cache/uv")).expanduser()
    return own if own.is_dir() else tmp_path_factory.mktemp("uv")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch, _packages):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(_packages))


def session(lake, number: int, *, n_units: int = 4) -> Manifest:
    """Put a small session into a lake: units, trials and an LFP."""
    rng = np.random.default_rng(number)
    counts = rng.integers(5, 20, n_units)
    times = np.concatenate([np.sort(rng.uniform(0, 10, count)) for count in counts])
    starts = np.arange(10.0)
    documents = read(
        {
            "description": {
                "name": f"ecephys_m{number}_2026-03-02_09-30-00",
                "title": "a session",
                "lab": "Smith lab",
                "institution": "Somewhere",
                "licence": "CC-BY-4.0",
                "modalities": ["ecephys"],
            },
            "subject": {"id": f"m{number}", "species": "mouse"},
            "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
        }
    )
    signals = (
        Events("units", times, np.cumsum(counts), np.arange(n_units)),
        Intervals.from_frame(
            "trials", pd.DataFrame({"start_time": starts, "stop_time": starts + 0.5})
        ),
        TimeSeries(
            "lfp",
            rng.integers(-99, 99, (500, 2)).astype(np.int16),
            "volts",
            rate_hz=50.0,
            gain=1e-6,
        ),
    )
    manifest, _ = derive(lake.store, Derived(documents, f"made up {number}", signals))
    return manifest


def filled(place: str, count: int):
    """Return a new lake with some sessions."""
    lake = panneuro.open(place, create=True)
    for number in range(count):
        session(lake, number)
    lake.reindex()
    return lake


@pytest.fixture
def make_lake():
    """Return what makes a lake of some sessions in a place."""
    return filled


@pytest.fixture
def lake():
    """Return a lake of three sessions in memory."""
    return filled(f"memory://{uuid.uuid4().hex}", 3)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Return the folder of a lake of three sessions; not to be changed."""
    place = tmp_path_factory.mktemp("template") / "lake"
    filled(str(place), 3)
    return place


@pytest.fixture
def folder_lake(tmp_path, template):
    """Return a lake of three sessions in a folder."""
    return panneuro.open(shutil.copytree(template, tmp_path / "lake"))


@pytest.fixture
def steps():
    """Return the path of a file of steps."""
    return STEPS


@pytest.fixture(scope="session")
def registry(need, tmp_path_factory):
    """Say whether the registry that uv knows gives a small package."""
    place = tmp_path_factory.mktemp("registry")
    asked = Path(place, "six.in")
    asked.write_text("six==1.16.0\n")
    uv = Path(sys.executable).with_name("uv")
    need("registry", uv.exists(), "uv is not installed")
    command = [uv, "pip", "compile", "--quiet", "--no-cache", str(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    need("registry", not done.returncode, f"uv reaches no registry: {done.stderr[:200]}")
