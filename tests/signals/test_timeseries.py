from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATES = st.sampled_from([0.5, 1.0, 3.0, 25.0, 1250.0, 24_414.0625, 30_000.0, 29_999.954846])
STARTS = st.sampled_from([0.0, -3.25, 17.1, 1e5 + 0.1, 1_700_000_000.123])


class Counting:
    """An array that notes how many elements were asked of it."""

    def __init__(self, values):
        self._values = values
        self.shape = values.shape
        self.dtype = values.dtype
        self.elements = 0

    def __getitem__(self, key):
        found = self._values[key]
        self.elements += found.size
        return found


def sampled(n_times=1000, n_channels=4, **fields):
    data = np.arange(n_times * n_channels, dtype="int16").reshape(n_times, n_channels)
    return TimeSeries("lfp", data, "volts", **{"rate_hz": 100.0, **fields})


@given(RATES, STARTS, st.integers(0, 500), st.integers(0, 500), st.integers(1, 500))
def test_a_span_between_the_times_of_two_samples_has_the_samples_between(rate, start, a, b, n):
    signal = TimeSeries("x", np.zeros(n), rate_hz=rate, start_s=start)
    times = signal.times()
    a, b = min(a, n - 1), min(b, n - 1)
    assert signal.rows(times[a], times[b]) == slice(a, max(a, b))
    assert signal.rows() == slice(0, n) == signal.rows(signal.start_s, signal.stop_s)


@given(RATES, st.integers(1, 300), st.floats(-50, 400), st.floats(-50, 400))
def test_rows_of_a_sampled_signal_are_those_whose_time_is_in_the_span(rate, n, a, b):
    a, b = a / rate, b / rate
    signal = TimeSeries("x", np.zeros(n), rate_hz=rate)
    nearest = np.abs(signal.times()[:, None] - [a, b]) * rate
    if np.any((nearest > 0) & (nearest < 1e-3)):
        return
    rows = signal.rows(a, b)
    found = np.flatnonzero((signal.times() >= a) & (signal.times() < b))
    assert np.arange(n)[rows].tolist() == found.tolist()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50).map(sorted),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.booleans(),
)
def test_rows_of_a_stamped_signal_are_those_whose_time_is_in_the_span(stamps, a, b, lazily):
    stamps = np.asarray(stamps)
    signal = TimeSeries("x", np.arange(len(stamps)), timestamps=stamps)
    if lazily:
        object.__setattr__(signal, "_stamps", Counting(stamps))
    expected = np.flatnonzero((stamps >= a) & (stamps < b))
    assert signal.read(a, b).tolist() == expected.tolist()
    assert signal.times(a, b).tolist() == stamps[expected].tolist()
    assert len(signal.read(signal.first_s, signal.stop_s)) == len(stamps)


@given(
    st.lists(st.integers(0, 5), max_size=6),
    st.floats(0, 10),
    st.floats(0, 10),
    st.sampled_from([1.0, 2.5, np.array([1.0, 2, 3, 4, 5, 6])]),
    st.sampled_from([0.0, np.array([6.0, 5, 4, 3, 2, 1])]),
)
def test_reading_is_slicing_and_scaling(channels, a, b, gain, offset):
    signal = sampled(1000, 6, gain=gain, offset=offset)
    rows = signal.rows(a, b)
    whole = np.asarray(signal.data)
    assert np.array_equal(signal.read(a, b, channels), whole[rows][:, channels])
    physical = (whole * gain + offset)[rows][:, channels]
    read = signal.read(a, b, channels, scaled=True)
    assert read.dtype == np.float64
    assert np.array_equal(read, physical)


def test_no_more_is_read_than_what_is_asked_for():
    data = Counting(np.zeros((100_000, 32), "int16"))
    signal = TimeSeries("raw", data, rate_hz=1000.0)
    signal.read(10.0, 11.0, channels=[3, 5])
    assert data.elements == 1000 * 3
    assert repr(signal) == "<TimeSeries 'raw' 100000 × 32 int16, 1000 Hz, 0.000–100.000 s, unknown>"
    lazy = signal.to_xarray(10.0, 90.0)
    assert data.elements == 3000
    assert lazy.sel(time=slice(20.0, 20.0995)).isel(channel=[1, 2]).to_numpy().shape == (100, 2)
    assert data.elements <= 3000 + 100 * 32


def test_many_stamps_are_searched_without_reading_them_all(monkeypatch):
    monkeypatch.setattr("panneuro.signals.timeseries._CACHED_STAMPS_BYTES", 100)
    stamps = Counting(np.linspace(0, 1000, 100_001))
    signal = TimeSeries("pupil", Counting(np.arange(100_001.0)), timestamps=stamps)
    assert signal.read(500.0, 501.0).tolist() == list(range(50_000, 50_100))
    assert stamps.elements < 50


def test_channels_are_found_by_name_and_in_any_order():
    signal = sampled(10, 3, channels=("a", "b", "c"))
    assert signal.read(channels=["c", "a"]).tolist() == signal.read(channels=[2, 0]).tolist()
    assert signal.read(channels=slice(1, 2)).shape == (10, 1)
    assert signal.read(channels=[]).shape == (10, 0)


@pytest.mark.parametrize("channels", [["d"], [3], [-1], "a", 1])
def test_channels_that_there_are_not(channels):
    with pytest.raises(InputError, match="channel"):
        sampled(10, 3, channels=("a", "b", "c")).read(channels=channels)


@pytest.mark.parametrize("time", [np.nan, np.inf, -np.inf, "a", "1", True, [1, 2], 10**400])
def test_times_that_are_no_times(time):
    with pytest.raises(InputError, match="finite"):
        sampled().read(time)


@pytest.mark.parametrize("time", [1e308, -1e308, 1e18])
def test_times_far_beyond_either_end(time):
    expected = 1000 if time < 0 else 0
    assert len(sampled().read(time)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"rate_hz": None},
        {"timestamps": np.arange(10.0)},
        {"rate_hz": 0.0},
        {"rate_hz": -1.0},
        {"rate_hz": np.nan},
        {"rate_hz": np.inf},
        {"gain": np.nan},
        {"gain": np.array([1.0, np.inf, 1.0, 1.0])},
        {"offset": np.nan},
    ],
)
def test_signals_that_cannot_be(fields):
    with pytest.raises(InputError, match="lfp"):
        sampled(10, **fields)


def test_signals_of_no_samples_and_of_many_axes():
    empty = sampled(0)
    assert empty.read().shape == (0, 4)
    assert (empty.duration_s, empty.first_s) == (0.0, 0.0)
    stamped = TimeSeries("x", np.empty((0, 2)), timestamps=np.empty(0), start_s=3.0)
    assert (stamped.first_s, stamped.stop_s, stamped.read(0.0, 9.0).shape) == (3.0, 3.0, (0, 2))
    images = TimeSeries("i", np.ones((5, 2, 3, 4)), rate_hz=1.0, gain=np.array([1.0, 2.0]))
    assert images.read(1, 3, [1], scaled=True).tolist() == np.full((2, 1, 3, 4), 2.0).tolist()
    single = TimeSeries("s", np.arange(4), rate_hz=1.0, gain=np.array([2.0]))
    assert single.read(scaled=True).tolist() == [0, 2, 4, 6]
    assert (single.n_channels, images.n_bytes) == (1, 960)


def test_the_same_signal_over_other_data():
    doubled = sampled(10).with_data(sampled(10).data * 2, name="twice")
    assert doubled.read()[1, 1] == 10
    assert (doubled.name, doubled.unit) == ("twice", "volts")


def test_a_sampled_signal_has_no_timestamps():
    with pytest.raises(InputError, match="no timestamps"):
        _ = sampled()._stamps
