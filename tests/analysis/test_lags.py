"""Bins of lags: that they are whole, lie where they should, and mirror."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.lags import Lags
from panneuro.core.errors import InputError


@given(st.integers(1, 90), st.integers(1, 20), st.booleans())
def test_bins_meet_and_are_symmetric(bin_ticks, n_bins, centred):
    lags = Lags.of(n_bins * bin_ticks / 30_000, bin_ticks / 30_000, 30_000, centred)
    assert (lags.bin_ticks, lags.n_bins) == (bin_ticks, n_bins)
    np.testing.assert_allclose(lags.centres_s, -lags.centres_s[::-1], atol=1e-12)
    edge = lags.centres_s[-1] + bin_ticks / 60_000
    assert lags.stop - edge * 30_000 == pytest.approx(bin_ticks / 2 - lags.before if centred else 0)


@pytest.mark.parametrize("centred", [True, False])
def test_lags_below_zero_are_those_of_the_units_exchanged(centred):
    lags = Lags.of(0.003, 0.001, None, centred)
    counts = np.zeros((1, 2, lags.n_sided + 1), int)
    counts[0, 1] = [*range(1, lags.n_sided + 1), 10]
    out = np.zeros((2, 2, lags.n_all), int)
    lags.unfold(counts, 0, out)
    upward = np.arange(1, lags.n_sided + 1)
    np.testing.assert_array_equal(out[0, 1, lags.n_bins :], upward + 10 * (upward == 1))
    np.testing.assert_array_equal(out[1, 0, : lags.n_sided], upward[::-1])
    assert out.sum() == 2 * upward.sum() + 10


@pytest.mark.parametrize(
    "arguments",
    [
        (0.0, 0.001, None),
        (np.nan, 0.001, None),
        (np.inf, 0.001, None),
        (0.05, -0.001, None),
        (0.05, 0.0007, None),
        (0.05, 1e-10, None),
        (0.0105, 0.00105, 30_000),
        (1e10, 1e10, None),
        (0.05, 0.001, -30_000),
    ],
)
def test_windows_must_make_sense(arguments):
    with pytest.raises(InputError):
        Lags.of(*arguments, True)
