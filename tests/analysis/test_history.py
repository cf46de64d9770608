"""Bases and what they make of spikes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.history import filters_of, history_features, raised_cosines
from panneuro.core.errors import InputError


def test_cosines_peak_where_they_should_and_sum_to_a_constant():
    basis = raised_cosines(5, 0.1, 0.001)
    assert basis[:, -1].argmax() == 99
    inside = basis[5:60].sum(axis=1)
    assert np.ptp(inside[10:]) < 0.05 * inside.mean()
    assert basis[-1, -1] < 0.01


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_features_are_convolutions_of_the_past(seed):
    random = np.random.default_rng(seed)
    counts, basis = random.poisson(0.3, (60, 2)), random.normal(size=(9, 3))
    found = history_features(counts, basis).reshape(60, 2, 3)
    for cell in range(2):
        for one in range(3):
            full = np.convolve(counts[:, cell], basis[:, one])[:59]
            np.testing.assert_allclose(found[1:, cell, one], full, atol=1e-12)
    assert not found[0].any()


def test_trials_do_not_see_each_other():
    counts, basis = np.ones((10, 1), int), np.ones((8, 1))
    found = history_features(counts, basis, starts=[0, 5])
    assert found.ravel().tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]


def test_filters_are_the_basis_weighted():
    basis, weights = np.random.default_rng(0).normal(size=(9, 3)), np.arange(12.0).reshape(6, 2)
    found = filters_of(weights, basis)
    assert found.shape == (2, 2, 9)
    np.testing.assert_allclose(found[1, 0], basis @ weights[:3, 1])


def test_what_cannot_be_is_said():
    with pytest.raises(InputError, match="1 cosines"):
        raised_cosines(1, 0.1, 0.001)
    with pytest.raises(InputError, match="integers"):
        history_features(np.ones((4, 1)), np.ones((2, 1)))
    with pytest.raises(InputError, match="starts"):
        history_features(np.ones((4, 1), int), np.ones((2, 1)), starts=[9])
    with pytest.raises(InputError, match="met a basis"):
        history_features(np.ones(4, int), np.ones((2, 1)))
    with pytest.raises(InputError, match="met a basis"):
        filters_of(np.ones((4, 1)), np.ones((2, 3)))


def test_filters_have_the_lags_of_their_bins():
    found = filters_of(np.ones((6, 2)), np.ones((4, 3)), 0.01)
    assert found.dims == ("unit", "source", "lag")
    assert found.sizes == {"unit": 2, "source": 2, "lag": 4}
    np.testing.assert_allclose(found.lag, [0.01, 0.02, 0.03, 0.04])
    assert found.lag.attrs["units"] == "s"
    assert filters_of(np.ones((6, 2)), np.ones((4, 3))).lag.attrs["units"] == "bins"


@pytest.mark.parametrize(
    ("weights", "basis", "bin_s"),
    [
        (np.ones((0, 0)), np.ones((2, 1)), None),
        (np.ones((3, 1)), np.ones((0, 3)), None),
        (np.ones((3, 1)), np.ones((3, 0)), None),
        ([], [], None),
        (np.ones((3, 1)), np.ones((2, 3)), np.nan),
    ],
)
def test_there_are_no_filters_of_nothing(weights, basis, bin_s):
    with pytest.raises(InputError):
        filters_of(weights, basis, bin_s)
