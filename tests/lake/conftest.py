"""Lakes, and recordings to add to them."""

from __future__ import annotations

import shutil
import uuid
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import panneuro
from panneuro.lake import adding
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording, SourceFile
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.testing.sessions import make_session


@pytest.fixture(scope="session")
def session(tmp_path_factory):
    """Return a small generated session: SpikeGLX, NWB and CSV."""
    return make_session(
        tmp_path_factory.mktemp("session"), seconds=2.0, n_channels=8, n_units=5, seed=1
    )


@pytest.fixture
def probe(session, tmp_path):
    """Return a copy of the generated SpikeGLX folder, to be tampered with."""
    return shutil.copytree(session.probe, tmp_path / "probe")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def lake():
    """Return a new lake in memory."""
    return panneuro.open(f"memory://{uuid.uuid4()}", create=True)


def signals(seed=0):
    """Return a few signals of different kinds."""
    random = np.random.default_rng(seed)
    raw = random.normal(0, 99, (9000, 3)).astype("i2")
    table = Table.from_frame("units", pd.DataFrame({"quality": ["good", "mua"]}))
    trials = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [0.5, 1.5], "side": ["L", None]})
    return (
        TimeSeries(
            "ap", raw, "volts", rate_hz=3000.0, gain=1e-6, neurodata_type="ElectricalSeries"
        ),
        TimeSeries("wheel", raw[:100, 0] * 1.0, timestamps=np.arange(100.0)),
        Events.from_trains("units", {"a": [0.1, 0.4], "b": [0.2]}, table),
        Intervals.from_frame("trials", trials),
    )


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """Return what makes the reader give a recording of our own."""
    source = tmp_path / "source.dat"
    source.write_bytes(b"what the rig wrote")

    def use(*chosen, kept=False, files=None, **fields):
        files = (SourceFile(source, "source.dat", kept),) if files is None else files
        recording = Recording("made-up", chosen or signals(), files, **fields)
        monkeypatch.setattr(adding, "begin", lambda *_: recording)
        return source

    return SimpleNamespace(use=use, signals=signals, source=source)
