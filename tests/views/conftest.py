"""Lakes with tables of a few assets, and a view that notes what it computes."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest

import panneuro
from panneuro.documents import read
from panneuro.lake.deriving import Derived, derive
from panneuro.lake.entries import entry_of
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table

VIEW = '''
"""How many spikes each unit has."""

from pathlib import Path

import pandas as pd

from panneuro.views.view import view

NOTES = Path(__file__).with_name("notes.txt")


@view(over="has:units", takes={"units": "units", "asset": "asset"})
def spikes(units, asset, least: int = 0) -> pd.DataFrame:
    """How many spikes each unit has."""
    with NOTES.open("a") as notes:
        notes.write(asset.name + "\\n")
    if asset.name.endswith("bad"):
        raise ValueError("no good")
    counts = units.counts
    return pd.DataFrame({"unit": units.ids, "spikes": counts})[counts >= least]


@spikes.figure
def drawn(table):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().bar(table["unit"], table["spikes"])
    return figure
'''


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def lake():
    """Return a new lake in memory."""
    return panneuro.open(f"memory://{uuid.uuid4()}", create=True)


class Noted:
    """A file with a view, and the names of the assets that it looked at since asked last."""

    def __init__(self, folder):
        self.path = folder / "mine.py"
        self.path.write_text(VIEW)
        self._notes = folder / "notes.txt"

    def change(self, old, new):
        self.path.write_text(self.path.read_text().replace(old, new))

    def looked_at(self):
        if not self._notes.exists():
            return []
        found = sorted(self._notes.read_text().split())
        self._notes.unlink()
        return found


@pytest.fixture
def noted(tmp_path):
    """Return a view in a file of its own."""
    return Noted(tmp_path)


def put(lake, name, counts=(3, 1), run="", **said):
    """Put an asset with so many spikes of each unit into a lake, or another version of it."""
    times = np.concatenate([np.arange(count) + 0.5 for count in counts])
    table = Table.from_frame(
        "units",
        pd.DataFrame(
            {"location": ["CA1", "CA3"][: len(counts)], "quality": ["good"] * len(counts)}
        ),
    )
    trials = pd.DataFrame(
        {"start_time": [0.0, 60.0], "stop_time": [1.0, 120.0], "correct": [True, False]}
    )
    documents = read(
        {
            "description": {"name": name, "title": "a session", "project": "retina", **said},
            "subject": {"id": "m1", "species": "mouse"},
            "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
        }
    )
    signals = (
        Events("units", times, np.cumsum(counts), np.arange(len(counts)), table),
        Intervals.from_frame("trials", trials),
    )
    manifest, _ = derive(lake.store, Derived(documents, run or f"run of {counts}", signals))
    lake.catalog.index([entry_of(manifest)], replace=True)
    return manifest
