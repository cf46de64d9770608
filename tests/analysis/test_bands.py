"""Filters pass what they say and stop the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as sps

from panneuro.analysis import bands

RATE_HZ = 1000.0


def test_fir_passes_the_band_and_stops_beside_it():
    taps = bands.fir_taps("theta", RATE_HZ)
    frequencies, response = sps.freqz(taps, worN=1 << 16, fs=RATE_HZ)
    gain = np.abs(response)
    assert np.abs(gain[(frequencies >= 4) & (frequencies <= 10)] - 1).max() < 2e-5
    assert gain[(frequencies <= 2) | (frequencies >= 12.5)].max() < 2e-5


@given(low=st.floats(1, 200), width=st.floats(2, 200))
def test_taps_are_symmetric_and_odd(low, width):
    taps = bands.fir_taps((low, low + width), RATE_HZ)
    assert len(taps) % 2 == 1
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_butterworth_taps_are_the_squared_magnitude(order):
    taps = bands.butterworth_taps((8.0, 30.0), RATE_HZ, order)
    frequencies, response = sps.freqz(taps, worN=4096, fs=RATE_HZ)
    sos = sps.butter(order, (8.0, 30.0), "bandpass", fs=RATE_HZ, output="sos")
    expected = np.abs(sps.sosfreqz(sos, worN=frequencies, fs=RATE_HZ)[1]) ** 2
    np.testing.assert_allclose(np.abs(response), expected, atol=1e-5)
