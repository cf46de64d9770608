"""Lakes with small recordings whose truth is known, and steps to run on them."""

from __future__ import annotations

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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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


@pytest.fixture
def folder_lake(tmp_path):
    """Return a lake of three sessions in a folder."""
    return filled(str(tmp_path / "lake"), 3)


@pytest.fixture
def steps():
    """Return the path of a file of steps."""
    return STEPS
