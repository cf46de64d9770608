"""Blocks that overlap give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.overlap import Plan, block_size, overlap_saved
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
    return Plan(n_fft, margin, 1, lambda spectrum: scipy.fft.irfft(spectrum * gains, n_fft, axis=1))


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
