"""Wavelets against convolution in time, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps

from panneuro.analysis.traces import evaluate
from panneuro.analysis.wavelets import morlet, morlet_spectrogram
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 1000.0
FREQUENCIES_HZ = np.array([3.0, 8.0, 20.0, 55.0, 140.0])


def noise(n=70_000, channels=2):
    values = np.random.default_rng(5).standard_normal((n, channels)).cumsum(0) * 0.05
    return TimeSeries("lfp", values + 2, "volts", rate_hz=RATE_HZ, start_s=1.0)


def convolved(x, centre_hz, n_cycles):
    spread = n_cycles / (2 * np.pi * centre_hz)
    reach = int(6 * spread * RATE_HZ)
    t = np.arange(-reach, reach + 1) / RATE_HZ
    gauss = np.exp(-(t**2) / (2 * spread**2))
    level = np.exp(-(n_cycles**2) / 2)
    wavelet = 2 * gauss / gauss.sum() * (np.exp(2j * np.pi * centre_hz * t) - level)
    return sps.fftconvolve(x, wavelet[:, None], "same", axes=0)


@pytest.mark.parametrize("n_cycles", [6.0, np.array([3.0, 4.0, 6.0, 8.0, 12.0])])
def test_it_is_the_convolution(n_cycles):
    lfp = noise()
    found = evaluate(morlet(lfp, FREQUENCIES_HZ, n_cycles=n_cycles, output="complex"))
    middle = slice(5000, -5000)
    for at, (f, n) in enumerate(zip(FREQUENCIES_HZ, np.broadcast_to(n_cycles, 5), strict=True)):
        expected = convolved(lfp.data, f, n)[middle]
        np.testing.assert_allclose(
            found[middle, :, at], expected, atol=2e-4 * np.abs(expected).max()
        )


def test_decimated_is_every_nth():
    lfp = noise()
    whole = evaluate(morlet(lfp, FREQUENCIES_HZ))
    few = morlet(lfp, FREQUENCIES_HZ, every=10)
    assert few.rate_hz == 100.0
    np.testing.assert_allclose(evaluate(few), whole[::10], rtol=1e-3, atol=1e-6 * whole.max())


@given(start=st.integers(0, 6900), count=st.integers(0, 300))
@settings(max_examples=10)
def test_any_rows_are_rows_of_the_whole(start, count):
    signal, same = (morlet(noise(), FREQUENCIES_HZ, every=10) for _ in range(2))
    np.testing.assert_array_equal(
        signal.data[start : start + count], evaluate(same)[start : start + count]
    )


def test_outputs_belong_together():
    lfp = noise(40_000)
    power, amplitude, phase, values = (
        evaluate(morlet(lfp, FREQUENCIES_HZ, every=20, output=output))
        for output in ("power", "amplitude", "phase", "complex")
    )
    np.testing.assert_allclose(power, np.abs(values) ** 2, rtol=1e-4)
    np.testing.assert_allclose(amplitude, np.abs(values), rtol=1e-4)
    np.testing.assert_allclose(phase, np.angle(values), atol=1e-5)


def test_labels_and_one_channel():
    t = np.arange(40_000) / RATE_HZ
    lfp = TimeSeries("x", np.sin(2 * np.pi * 20 * t), "volts", rate_hz=RATE_HZ, start_s=3.0)
    found = morlet_spectrogram(lfp, FREQUENCIES_HZ, every=100)
    assert found.dims == ("time", "channel", "frequency")
    assert found.time[0] == 3.0
    assert found.attrs["units"] == "(volts)²"
    middle = found.sel(time=slice(10, 30))[:, 0]
    assert set(middle.idxmax("frequency").values) == {20.0}
    np.testing.assert_allclose(middle.sel(frequency=20.0), 1.0, rtol=1e-3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"frequencies_hz": []}, "frequencies of []"),
        ({"frequencies_hz": [0.0]}, "frequencies of [0.0]"),
        ({"frequencies_hz": [500.0]}, "at 1000 Hz"),
        ({"frequencies_hz": [8.0], "n_cycles": 0}, "0 cycles"),
        ({"frequencies_hz": [8.0], "n_cycles": [6, 6]}, "[6, 6] cycles"),
        ({"frequencies_hz": [8.0], "every": 0}, "0 samples for each"),
        ({"frequencies_hz": [8.0], "output": "energy"}, "'energy'"),
        ({"frequencies_hz": [0.02]}, "are fewer than"),
    ],
)
def test_what_cannot_be_done_is_told(asked, said):
    with pytest.raises(InputError) as caught:
        morlet(noise(), **asked)
    assert said in str(caught.value)
