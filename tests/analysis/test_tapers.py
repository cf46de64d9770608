"""Tapers and the windows that they are laid on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import windows

from panneuro.analysis import tapers as tp
from panneuro.core.errors import InputError
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 100.0


def counting(n=100_000, channels=2):
    return TimeSeries(
        "lfp", np.arange(n * channels, dtype=np.int32).reshape(n, channels), rate_hz=RATE_HZ
    )


def test_slepians_are_scipys_and_orthonormal():
    found = tp.slepians(counting(), 2.0, 2.0)
    np.testing.assert_allclose(found.windows, windows.dpss(200, 4, 7))
    np.testing.assert_allclose(found.windows @ found.windows.T, np.eye(7), atol=1e-12)
    assert len(tp.slepians(counting(), 2.0)) == 3


@pytest.mark.parametrize("max_hz", [None, 20.0])
def test_transform_is_that_of_numpy(max_hz):
    found = tp.slepians(counting(), 5.0, 0.8, max_hz)
    samples = np.random.default_rng(0).standard_normal((500, 3, 2)).astype(np.float32) + 7
    centred = samples - samples.mean(0)
    expected = np.fft.rfft(found.windows[:, :, None, None] * centred, axis=1)
    expected = expected[:, : found.n_frequencies]
    got = found.transform(samples)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(
        found.power(samples), (np.abs(expected) ** 2).mean(0), rtol=1e-3, atol=1e-4
    )


@given(
    rows=st.lists(st.integers(0, 99_950), min_size=1, max_size=60),
    batch=st.sampled_from([1, 500, 1 << 18]),
)
@settings(max_examples=30)
def test_every_window_comes_once_and_whole(rows, batch):
    lfp = counting()
    shape = tp.single_taper(lfp, 0.5)
    seen = []
    at = np.array(rows)
    for run in tp.runs(lfp, at, shape):
        for part, samples in tp.gathered(lfp, at, shape, run, batch):
            seen.extend(run[part].tolist())
            for slot, window in enumerate(run[part]):
                expected = lfp.data[rows[window] : rows[window] + 50]
                np.testing.assert_array_equal(samples[:, slot], expected)
    assert sorted(seen) == list(range(len(rows)))


def test_close_windows_are_read_at_once_and_far_ones_alone():
    read = []

    def zeros(start, stop):
        read.append((start, stop))
        return np.zeros((stop - start, 1))

    lazy = TimeSeries("lfp", Sliced((10_000_000, 1), np.float64, zeros), rate_hz=RATE_HZ)
    shape = tp.single_taper(lazy, 0.5)
    rows = np.array([10, 60, 110, 9_000_000])
    for run in tp.runs(lazy, rows, shape):
        list(tp.gathered(lazy, rows, shape, run))
    assert read == [(10, 160), (9_000_000, 9_000_050)]


def test_rows_are_the_nearest_samples():
    lfp = TimeSeries("lfp", np.zeros(1000), rate_hz=RATE_HZ, start_s=3.0)
    np.testing.assert_array_equal(
        tp.first_rows(lfp, [3.0, 3.014, 12.5], (0.0, 0.5), 50), [0, 1, 950]
    )
    with pytest.raises(InputError, match="1 of 2 are not wholly"):
        tp.first_rows(lfp, [3.0, 12.51], (0.0, 0.5), 50)


def test_windows_keep_to_epochs():
    lfp = counting(1000)
    found = tp.regular_rows(lfp, 50, 25, [(5.0, 6.0), (1.0, 1.49), (8.0, 8.6)])
    assert found.tolist() == [500, 525, 550, 800]
    assert tp.regular_rows(lfp, 400, 300, None).tolist() == [0, 300, 600]
    with pytest.raises(InputError, match="60 samples there at once, fewer than the 70"):
        tp.regular_rows(lfp, 70, 25, [(8.0, 8.6)])


@pytest.mark.parametrize("window", [0.5, (0.0,), (0.5, 0.5), (0.0, np.nan), ("a", "b")])
def test_a_window_has_two_ends(window):
    with pytest.raises(InputError, match=r"window"):
        tp.length_of(window)


@given(n=st.integers(8, 60), shape=st.sampled_from([None, "hann", "boxcar"]))
@settings(max_examples=30)
def test_power_is_that_of_transforms(n, shape):
    samples = np.random.default_rng(n).standard_normal((n, 3, 2)).astype(np.float32)
    lfp = TimeSeries("x", samples[:, 0], rate_hz=1.0)
    tapers = tp.single_taper(lfp, n, shape) if shape else tp.slepians(lfp, n)
    expected = np.mean(np.abs(tapers.transform(samples)) ** 2, axis=0)
    np.testing.assert_allclose(tapers.power(samples), expected, rtol=1e-4, atol=1e-5)
