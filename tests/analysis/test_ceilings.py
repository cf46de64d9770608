"""Ceilings against their formulas, simulated truth, and real macaque responses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.ceilings import noise_ceiling, normalised_correlation
from panneuro.core.errors import InputError


def simulated(signal=1.0, noise=2.0, n_repeats=5, n_stimuli=3000, seed=0):
    random = np.random.default_rng(seed)
    true = random.normal(0, np.sqrt(signal), (2, n_stimuli))
    noisy = random.normal(0, np.sqrt(noise), (2, n_stimuli, n_repeats))
    return true, true[:, :, None] + noisy


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_it_is_the_formula_of_the_paper(seed, n_repeats):
    responses = np.random.default_rng(seed).poisson(4, (3, 40, n_repeats)).astype(float)
    found = noise_ceiling(responses)
    total = responses.var(axis=1, ddof=1).mean(axis=1)
    of_mean = responses.mean(axis=2).var(axis=1, ddof=1)
    signal = (n_repeats * of_mean - total) / (n_repeats - 1)
    np.testing.assert_allclose(found.signal_power, signal)
    kept = np.maximum(signal, 0)
    schoppe = np.sqrt(kept / of_mean)
    np.testing.assert_allclose(found.correlation, schoppe)


def test_the_truth_is_estimated_without_bias_even_where_repeats_are_missing():
    true, responses = simulated()
    responses[:, ::3, 3:] = np.nan
    responses[:, ::7, 1:] = np.nan
    found = noise_ceiling(responses)
    np.testing.assert_allclose(found.signal_power, 1, atol=0.1)
    np.testing.assert_allclose(found.noise_power, 2, atol=0.1)
    np.testing.assert_allclose(normalised_correlation(true, responses), 1, atol=0.05)


def test_a_model_is_judged_by_what_can_be_explained():
    true, responses = simulated(signal=0.5, noise=5.0)
    random = np.random.default_rng(1)
    half = true + random.normal(0, np.sqrt(0.5), true.shape)
    raw = [np.corrcoef(half[one], responses[one].mean(axis=1))[0, 1] for one in range(2)]
    found = normalised_correlation(half, responses)
    np.testing.assert_allclose(found, np.sqrt(0.5), atol=0.08)
    assert np.all(np.array(raw) < found)


def test_where_nothing_repeats_there_is_no_ceiling():
    constant = np.ones((1, 4, 3))
    assert noise_ceiling(constant).correlation.values.tolist() == [0.0]
    assert np.isnan(normalised_correlation(np.arange(4.0)[None], constant)).all()


def test_what_cannot_be_is_said():
    with pytest.raises(InputError, match="unit 0 has 0 stimuli"):
        noise_ceiling(np.ones((2, 5, 1)))
    with pytest.raises(InputError, match="shape"):
        noise_ceiling(np.ones((2, 5)))
    with pytest.raises(InputError, match="infinite"):
        noise_ceiling(np.full((2, 5, 2), np.inf))
    with pytest.raises(InputError, match="model of shape"):
        normalised_correlation(np.ones((2, 4)), np.ones((2, 5, 2)))


def test_real_neurons_have_one(sample_data):
    responses = np.load(sample_data / "spikes/v4_images/responses_210325.npy")
    found = noise_ceiling(responses)
    assert np.all(found.correlation <= 1)
    assert 0.5 < np.median(found.correlation) < 0.95
    halves = [np.nanmean(responses[:, :, start::2], axis=2) for start in (0, 1)]
    both = np.isfinite(halves[0]) & np.isfinite(halves[1])
    split = [np.corrcoef(a[ok], b[ok])[0, 1] for a, b, ok in zip(*halves, both, strict=True)]
    # Spearman and Brown: of two halves of the repeats, what all of them would reach.
    whole = np.sqrt(2 * np.array(split) / (1 + np.array(split)))
    assert np.corrcoef(found.correlation, np.nan_to_num(whole))[0, 1] > 0.9


def test_powers_have_the_square_of_the_unit():
    given = xr.DataArray(
        np.random.default_rng(0).normal(size=(1, 30, 4)), {"unit": [7]}, ("unit", "image", "repeat")
    )
    found = noise_ceiling(given.assign_attrs(units="spikes"))
    assert found.signal_power.attrs["units"] == found.noise_power.attrs["units"] == "(spikes)²"
    assert found.unit.values.tolist() == [7]
