"""Signals of every kind, laid out and written as a lake would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from panneuro.core.progress import Silence
from panneuro.core.store import Prefixed
from panneuro.documents import read
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.compose import compose
from panneuro.storage.head import KEY, Head
from panneuro.storage.reading import HeadStore
from panneuro.storage.stores import open_store
from panneuro.storage.writing import Choice, VersionWriter

PREFIX = "assets/session/0123456789ab"
DOCUMENTS = {
    "description": {
        "name": "session",
        "title": "a session",
        "lab": "Smith lab",
        "experimenters": ["Ada Lovelace"],
        "modalities": ["ecephys"],
    },
    "subject": {"id": "m1", "species": "mouse", "sex": "female", "weight_g": 25.5},
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
    "instrument": {"probes": [{"name": "probe-A", "serial": "123"}]},
}
CODECS = (
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "zstd", "configuration": {"level": 1, "checksum": False}},
    {"name": "crc32c"},
)
ONE_BYTE = ({"name": "bytes"}, *CODECS[1:])


def every_signal():
    """Return one of every kind, with the oddities that recordings have."""
    random = np.random.default_rng(0)
    raw = random.normal(0, 50, (9000, 4)).astype("int16")
    ramp = np.arange(50.0)
    stamps = np.cumsum(random.uniform(0.01, 0.02, 50))
    electrodes = pd.DataFrame(
        {
            "x": [1.0, 2.0, np.nan, 4.0],
            "location": ["CA1", None, "CA3", "CA1"],
            "group_name": ["probe-A"] * 4,
            "channel_name": ["AP0", "AP1", "AP2", "AP3"],
            "gain_uv": [2.34, 2.34, None, 2.34],
            "shank": [0, 0, 1, 1],
        }
    )
    units = pd.DataFrame(
        {
            "quality": ["good", None, "mua"],
            "depth": [10.0, np.nan, 30.0],
            "waveform": [np.arange(3.0), np.arange(0.0), np.arange(2.0)],
        }
    )
    trials = pd.DataFrame(
        {
            "start_time": [0, 1, 2],
            "stop_time": [0.5, np.nan, 2.5],
            "correct": [True, False, True],
            "choice": ["left", None, "rechts: Zürich"],
            "licks": [[0.1, 0.2], [], [2.1]],
            "tags": ["a", "b", "c"],
            "id": [7, 8, 9],
        }
    )
    volts = {"unit": "volts", "neurodata_type": "ElectricalSeries"}
    return (
        TimeSeries(
            "ap", raw, rate_hz=3000.0, gain=2e-6, electrodes=(0, 1, 2, 3), start_s=1.5, **volts
        ),
        TimeSeries(
            "uneven",
            raw[:100],
            rate_hz=30.0,
            gain=np.array([0.0, 1e-6, 2e-6, 3e-6]),
            electrodes=(3, 2, 1, 0),
            **volts,
        ),
        TimeSeries("bare", raw[:100, :2], rate_hz=30.0, channels=("a", "b"), **volts),
        TimeSeries("single", raw[:100, 0], rate_hz=30.0, gain=1e-6, **volts),
        TimeSeries(
            "wheel",
            np.stack([ramp, ramp]).T,
            "m/s",
            timestamps=stamps.astype("f4"),
            gain=np.array([1.0, 2.0]),
            offset=np.array([0.5, 0.0]),
            role="processing/behavior",
        ),
        TimeSeries("big-endian", ramp.astype(">i4"), rate_hz=1.0),
        TimeSeries("flags", ramp > 9, rate_hz=1.0),
        TimeSeries("bytes", ramp.astype("u1"), rate_hz=1.0, role="stimulus"),
        TimeSeries("words", np.array(["a", "Zürich"] * 25, object), timestamps=stamps),
        TimeSeries("empty", np.empty((0, 3), "i2"), rate_hz=10.0),
        TimeSeries("none", np.empty(0), timestamps=np.empty(0)),
        TimeSeries(
            "clamp",
            ramp,
            "volts",
            rate_hz=10.0,
            neurodata_type="CurrentClampSeries",
            attributes={"sweep_number": np.int64(3), "gain": 2.0, "electrode": "pipette"},
        ),
        TimeSeries(
            "posición",
            np.ones((50, 2)),
            "meters",
            rate_hz=9.0,
            neurodata_type="SpatialSeries",
            role="processing/behavior",
        ),
        Events.from_trains(
            "units", {4: [0.1, 0.5], 9: [], 2: [0.3]}, Table.from_frame("units", units)
        ),
        Events.from_trains("licks", {"left": [0.2, 0.4], "right": [1.0]}),
        Events.from_trains("nothing", {}),
        Table.from_frame("electrodes", electrodes),
        Table.from_frame("roi/s"[:3] + "s", pd.DataFrame({"id": [5, 6], "a/b": [1.0, 2.0]})),
        Table.from_frame("rowless", pd.DataFrame({"a": np.empty(0)})),
        Intervals.from_frame("trials", trials),
        Intervals.from_frame("spontaneous", trials[["start_time", "stop_time"]]),
        Frames("stack", ramp[:6], np.arange(6 * 4 * 5, dtype="u2").reshape(6, 4, 5), shape=(4, 5)),
        Frames(
            "face",
            ramp[:7],
            file="face.mp4",
            shape=(480, 640),
            rate_hz=30.0,
            thumbnails=np.arange(2 * 4 * 5 * 3, dtype="u1").reshape(2, 4, 5, 3),
        ),
    )


def choose(data, chunk):
    return Choice(ONE_BYTE if data.dtype.itemsize == 1 else CODECS, "zstd", "as the test says")


def write(store, signals, documents=DOCUMENTS, kept=(), choose=choose):
    """Write signals as one version and return what was written."""
    structure, placed = compose(signals, read(documents))
    with ThreadPoolExecutor(2) as executor:
        writer = VersionWriter(Prefixed(store, PREFIX), executor, choose, Silence())
        content = writer.write(structure, placed, kept, "session")
    return SimpleNamespace(content=content, placed=placed, structure=structure)


def open_head(store):
    return HeadStore(store, PREFIX, Head.decode(store.get(f"{PREFIX}/{KEY}")))


@pytest.fixture(scope="session")
def zoo():
    """Return every signal, written once into memory."""
    store = open_store("memory://zoo")
    signals = every_signal()
    written = write(store, signals)
    return SimpleNamespace(
        store=store, signals={signal.name: signal for signal in signals}, **vars(written)
    )


@pytest.fixture(scope="session", name="write")
def _write():
    return write


@pytest.fixture(scope="session", name="open_head")
def _open_head():
    return open_head
