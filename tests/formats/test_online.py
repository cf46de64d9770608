"""What was found online: digital words as their changes, and the edges of their lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.formats import online
from panneuro.formats.online import digital
from panneuro.signals.timeseries import TimeSeries

KINDS = ["u1", "i2", "u2", "u4", "u8"]


class Counted:
    """An array that counts how many rows were read of it."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.rows = values, values.shape, values.dtype, 0

    def __getitem__(self, key):
        found = self.values[key]
        self.rows += len(found)
        return found


@st.composite
def words(draw):
    """Digital words that stay for a while, in one channel or a few."""
    kind = np.dtype(draw(st.sampled_from(KINDS)))
    n_channels, n_runs = draw(st.integers(1, 3)), draw(st.integers(0, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    runs = random.integers(0, 2 ** (8 * kind.itemsize - 1), (n_runs, n_channels), np.uint64)
    lengths = random.integers(1, draw(st.sampled_from([2, 40])), n_runs)
    return np.repeat(runs.astype(kind), lengths, axis=0)


@given(words(), st.sampled_from([3, 16, 1 << 20]), st.data())
def test_words_and_edges_are_those_that_were_recorded(values, block, data):
    read = Counted(values)
    signal = TimeSeries("sync", read, rate_hz=100.0, start_s=2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(online, "_BLOCK_ROWS", block)
        kept, *lines = digital(signal, [])
    assert read.rows == len(values)
    start, stop = sorted(data.draw(st.integers(0, len(values))) for _ in range(2))
    found = kept.data[start:stop]
    assert found.dtype == values.dtype
    assert np.array_equal(found, values[start:stop])
    channel = data.draw(st.integers(0, values.shape[1] - 1))
    assert np.array_equal(kept.data[start:stop, channel], values[start:stop, channel])
    edges = sum(len(unit) for events in lines for unit in events.trains().values())
    bits = np.unpackbits(np.ascontiguousarray(values).view(np.uint8), axis=1).astype(int)
    assert edges == np.abs(np.diff(bits, axis=0)).sum()


def test_words_that_seldom_change_are_read_once():
    values = np.zeros((10_000, 1), np.int16)
    values[3_000:4_000] = 64
    read = Counted(values)
    kept, lines = digital(TimeSeries("sync", read, rate_hz=1000.0), [])
    assert np.array_equal(kept.data[:], values)
    assert read.rows == len(values)
    assert {name: times.tolist() for name, times in lines.trains().items()} == {
        "word 0 line 6 on": [3.0],
        "word 0 line 6 off": [4.0],
    }


def test_words_that_change_often_stay_where_they_are():
    values = np.arange(1000, dtype=np.uint16)[:, None]
    read = Counted(values)
    kept, _ = digital(TimeSeries("counter", read, rate_hz=1000.0), [])
    assert kept.data is read


def test_very_long_words_are_not_searched(monkeypatch):
    monkeypatch.setattr(online, "_MAX_LINES_BYTES", 100)
    notes, signal = [], TimeSeries("sync", Counted(np.ones((51, 1), "i2")), rate_hz=1.0)
    assert list(digital(signal, notes)) == [signal]
    assert notes == ["sync: too long to be searched for edges when it is opened"]
    assert signal.data.rows == 0
