"""Blocks that overlap give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.overlap import Plan, block_size, fold, overlap_saved, turn_power
from panneuro.analysis.traces import evaluate
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries


@given(reach=st.integers(0, 200_000), every=st.integers(1, 500))
def test_blocks_hold_their_margins_and_whole_steps(reach, every):
    n_fft, margin = block_size(reach, every)
    assert margin >= reach
    assert n_fft % every == margin % every == 0
    assert n_fft >= max(8 * margin, 1 << 15)


def smoothed(n_fft, margin, kernel):
    """Return a plan that convolves with a symmetric kernel."""
    circle = np.roll(np.pad(kernel, (0, n_fft - len(kernel))), -(len(kernel) // 2))
    gains = np.fft.rfft(circle).real.astype(np.float32)

    def convolve(spectra, kept, out):
        out[:] = scipy.fft.irfft(spectra * gains, n_fft, axis=1)[:, kept].T

    return Plan(n_fft, margin, 1, convolve)


@given(n=st.integers(20, 900), channels=st.integers(1, 5), seed=st.integers(0, 9))
@settings(max_examples=30)
def test_small_blocks_are_one_convolution(n, channels, seed):
    values = np.random.default_rng(seed).standard_normal((n, channels))
    kernel = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    lfp = TimeSeries("x", values, rate_hz=1.0)
    found = evaluate(overlap_saved(lfp, smoothed(64, 2, kernel), np.float32))
    padded = np.pad(values, ((2, 2), (0, 0)), "reflect", reflect_type="odd")
    expected = [np.convolve(channel, kernel, "valid") for channel in padded.T]
    np.testing.assert_allclose(found, np.transpose(expected), atol=1e-4)


def test_a_signal_shorter_than_the_margin_is_refused():
    with pytest.raises(InputError, match="are fewer than the 3"):
        overlap_saved(
            TimeSeries("x", np.zeros(2), rate_hz=1.0), smoothed(64, 2, np.ones(5)), np.float32
        )


@given(gain=st.floats(0.1, 10), offset=st.floats(-5, 5), per_channel=st.booleans())
@settings(max_examples=20)
def test_integers_are_made_physical(gain, offset, per_channel):
    stored = np.random.default_rng(0).integers(-99, 99, (400, 3)).astype(np.int16)
    gains = gain * np.array([1.0, 2.0, 3.0]) if per_channel else gain
    lfp = TimeSeries("x", stored, rate_hz=1.0, gain=gains, offset=offset)
    floats = TimeSeries("x", stored * gains + offset, rate_hz=1.0)
    plan = smoothed(64, 2, np.array([1.0, 2.0, 1.0]))
    found, expected = (evaluate(overlap_saved(x, plan, np.float32)) for x in (lfp, floats))
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [">i2", "<i2", "u1", "i8", "f2", ">f8"])
def test_samples_of_any_type_are_taken(dtype):
    stored = np.random.default_rng(0).integers(0, 99, (400, 3)).astype(dtype)
    plan = smoothed(64, 2, np.array([1.0, 2.0, 1.0]))
    lfp, floats = (TimeSeries("x", x, rate_hz=1.0) for x in (stored, stored.astype(float)))
    found, expected = (evaluate(overlap_saved(x, plan, np.float32)) for x in (lfp, floats))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("rooted", [True, False])
def test_power_is_turned(rooted):
    values = np.random.default_rng(0).standard_normal((3, 200, 2)).astype(np.float32)
    source = values.view(np.complex64)[..., 0]
    target = np.empty((200, 3), np.float32)
    turn_power(source, target, rooted)
    np.testing.assert_allclose(target.T, np.abs(source) ** (1 if rooted else 2), rtol=1e-5)


@given(first=st.integers(-9, 20), width=st.integers(1, 40), n_out=st.integers(1, 16))
def test_folding_is_decimation(first, width, n_out):
    spectrum = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    spectrum = spectrum.view(np.complex64)[:, 0]
    gains = np.linspace(1, 2, width, dtype=np.float32)
    expected = np.zeros(n_out, complex)
    for at, gain in enumerate(gains):
        value = spectrum[first + at] if first + at >= 0 else spectrum[-first - at].conj()
        expected[(first + at) % n_out] += gain * value
    found = np.zeros(n_out, np.complex64)
    fold(spectrum, first, gains, found)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
