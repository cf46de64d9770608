"""Tapers and transforms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import windows

from panneuro.analysis import tapers as tp
from panneuro.signals.timeseries import TimeSeries

LFP = TimeSeries("lfp", np.zeros((100_000, 2)), rate_hz=100.0)


def test_slepians_are_scipys_and_orthonormal():
    found = tp.slepians(LFP, 2.0, 2.0)
    np.testing.assert_allclose(found.windows, windows.dpss(200, 4, 7))
    np.testing.assert_allclose(found.windows @ found.windows.T, np.eye(7), atol=1e-12)
    assert len(tp.slepians(LFP, 2.0)) == 3


@pytest.mark.parametrize("max_hz", [None, 20.0])
def test_transform_is_that_of_numpy(max_hz):
    found = tp.slepians(LFP, 5.0, 0.8, max_hz)
    samples = np.random.default_rng(0).standard_normal((500, 3, 2)).astype(np.float32) + 7
    centred = samples - samples.mean(0)
    expected = np.fft.rfft(found.windows[:, :, None, None] * centred, axis=1)
    expected = expected[:, : found.n_frequencies]
    got = found.transform(samples)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(
        found.power(samples), (np.abs(expected) ** 2).mean(0), rtol=1e-3, atol=1e-4
    )


@given(n=st.integers(8, 60), shape=st.sampled_from([None, "hann", "boxcar"]))
@settings(max_examples=30)
def test_power_is_that_of_transforms(n, shape):
    samples = np.random.default_rng(n).standard_normal((n, 3, 2)).astype(np.float32)
    lfp = TimeSeries("x", samples[:, 0], rate_hz=1.0)
    tapers = tp.single_taper(lfp, n, shape) if shape else tp.slepians(lfp, n)
    expected = np.mean(np.abs(tapers.transform(samples)) ** 2, axis=0)
    np.testing.assert_allclose(tapers.power(samples), expected, rtol=1e-4, atol=1e-5)
