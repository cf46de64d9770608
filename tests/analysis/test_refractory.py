"""Contamination is found as it was mixed in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from panneuro.analysis.refractory import (
    close_pairs,
    hill_contamination,
    isi_violations_ratio,
    rp_contamination,
    sliding_rp_violation,
)
from panneuro.core.errors import InputError

HOUR_S = 3600.0


def refractory(rate, random, dead_s=3e-3):
    return np.cumsum(dead_s + random.exponential(1 / rate - dead_s, int(rate * HOUR_S * 0.98)))


@given(st.lists(st.integers(0, 200), max_size=40), st.integers(0, 50))
def test_close_pairs_are_all_pairs(spikes, apart):
    ticks = np.sort(np.array(spikes, np.int64))
    expected = sum(b - a <= apart for i, a in enumerate(ticks) for b in ticks[i + 1 :])
    assert close_pairs(ticks, apart) == expected


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=300))
def test_ratio_is_the_formula(spikes):
    times = np.sort(spikes) * 1e-4
    violations = np.sum(np.diff(np.sort(spikes)) < 15)
    expected = violations * 10 / (2 * len(times) ** 2 * 1e-3)
    assert isi_violations_ratio(times, 10.0, censored_s=5e-4) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_contamination_of_two_neurons_is_found(share):
    random = np.random.default_rng(0)
    clean, foreign = refractory(20 * (1 - share), random), refractory(20 * share, random)
    mixed = np.sort(np.concatenate([clean, foreign]))
    true = len(foreign) / len(mixed)
    asked = {"refractory_s": 2.5e-3}
    # A foreign neuron's spikes do not violate each other: Llobet's formula counts pairs with both.
    other = (1 - np.sqrt(1 - 2 * true * (1 - true))) if true else 0.0
    assert rp_contamination(mixed, HOUR_S, **asked) == pytest.approx(other, rel=0.15)
    assert hill_contamination(mixed, HOUR_S, refractory_s=2.5e-3) == pytest.approx(true, rel=0.15)
    assert rp_contamination(clean, HOUR_S, **asked) == 0


def test_unrelated_spikes_are_wholly_contaminated():
    times = np.sort(np.random.default_rng(0).uniform(0, HOUR_S, 100_000))
    assert rp_contamination(times, HOUR_S, refractory_s=2e-3) > 0.9
    assert isi_violations_ratio(times, HOUR_S) == pytest.approx(0.5, abs=0.05)
    assert hill_contamination(times, HOUR_S) == 0.5


def test_few_spikes_tell_nothing():
    assert np.isnan(isi_violations_ratio([], 10.0))
    assert np.isnan(hill_contamination([], 10.0))
    assert np.isnan(rp_contamination([1.0], 10.0))


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="do not ascend"):
        isi_violations_ratio([2.0, 1.0], 10.0)
    with pytest.raises(InputError, match="censored period"):
        rp_contamination([1.0], 10.0, refractory_s=1e-3, censored_s=2e-3)
    with pytest.raises(InputError, match="duration"):
        isi_violations_ratio([1.0], float("nan"))


@pytest.mark.parametrize("share", [0.03, 0.1, 0.2])
def test_sliding_contamination_is_just_above_what_was_mixed_in(share):
    random = np.random.default_rng(2)
    own = refractory(20.0, random)
    foreign = np.cumsum(random.exponential(1 / (20.0 * share), int(20 * share * HOUR_S * 0.97)))
    mixed = np.sort(np.concatenate([own, foreign]))
    mixed = mixed[mixed < HOUR_S]
    truth = len(foreign) / len(mixed)
    assert truth - 0.005 <= sliding_rp_violation(mixed, HOUR_S) <= truth + 0.03


@given(st.lists(st.integers(0, 3_000_000), min_size=200, max_size=500))
@settings(max_examples=15)
def test_sliding_contamination_is_the_definition(samples):
    times = np.sort(samples) / 30_000
    bin_s, lags = 8 / 30_000, np.abs(np.subtract.outer(np.sort(samples), np.sort(samples)))
    lags = lags[np.triu_indices(len(samples), 1)]
    numbers = np.arange(2, 38)
    seen = np.array([np.sum(lags < 8 * number) for number in numbers])
    shares = np.arange(1, 71) / 200
    n = len(samples) * shares[:, None]
    mean = 2 * numbers * bin_s / 101.0 * n * (len(samples) - n + (n - 1) / 2)
    sure = (stats.poisson.sf(seen, mean) > 0.9).any(1)
    expected = shares[sure.argmax()] if sure.any() else np.nan
    assert sliding_rp_violation(times, 101.0, bin_s=bin_s) == pytest.approx(expected, nan_ok=True)


def test_few_spikes_leave_the_sliding_contamination_unknown():
    assert np.isnan(sliding_rp_violation([1.0, 2.0, 3.0], 100.0))
    assert np.isnan(sliding_rp_violation([], 100.0))
    with pytest.raises(InputError, match="cannot be tried"):
        sliding_rp_violation([1.0], 100.0, bin_s=0.0)
