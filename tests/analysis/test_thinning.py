"""Samples made fewer: what is low stays as it is, what would fold onto it goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.thinning import AT_ONCE, thinning_below

RATE_HZ, HIGH_HZ = 1250.0, 12.0
THINNING = thinning_below(HIGH_HZ, RATE_HZ, 32_768)


def sine(hz, phase, n_made, n_channels=3):
    at = np.arange(-THINNING.reach, (n_made - 1) * THINNING.every + THINNING.reach + 1)
    one = np.sin(2 * np.pi * hz * at / RATE_HZ + phase)
    return one[:, None] * np.arange(1, n_channels + 1)


@given(st.floats(0, HIGH_HZ), st.floats(0, 7), st.integers(1, 9))
def test_what_is_low_stays(hz, phase, runs):
    samples = sine(hz, phase, runs * AT_ONCE)
    kept = samples[THINNING.reach :: THINNING.every][: runs * AT_ONCE]
    np.testing.assert_allclose(THINNING(samples), kept, atol=1e-5)


@given(st.floats(RATE_HZ / THINNING.every - HIGH_HZ, RATE_HZ / 2), st.floats(0, 7))
def test_what_would_fold_onto_it_goes(hz, phase):
    assert np.abs(THINNING(sine(hz, phase, AT_ONCE))).max() < 1e-5


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u2", "<f8"])
def test_samples_are_of_any_kind(dtype):
    samples = np.round(1000 * sine(5.0, 0.0, 40) + 4000)
    expected = THINNING(samples.astype(np.float32))
    np.testing.assert_array_equal(THINNING(samples.astype(dtype)), expected)


@pytest.mark.parametrize(("high_hz", "every"), [(300.0, None), (60.0, 4), (1.0, 128)])
def test_it_is_done_where_it_is_worth_it(high_hz, every):
    found = thinning_below(high_hz, RATE_HZ, 32_768)
    assert (found and found.every) == every
