"""Sensitivity and criterion against closed forms and simulated observers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from panneuro.analysis.detection import d_prime, d_prime_over_trials
from panneuro.core.errors import InputError

COUNTS = st.integers(0, 200)


def test_textbook_values():
    # Macmillan & Creelman (2005), table 1.1: 20 of 25 hits, 10 of 25 false alarms.
    found = d_prime(20, 5, 10, 15, correction="clip")
    assert float(found.d_prime) == pytest.approx(norm.ppf(0.8) - norm.ppf(0.4))
    assert float(found.criterion) == pytest.approx(-(norm.ppf(0.8) + norm.ppf(0.4)) / 2)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_swapping_answers_turns_the_criterion_and_swapping_trials_the_sensitivity(h, m, f, r):
    here, turned = d_prime(h, m, f, r), d_prime(m, h, r, f)
    swapped = d_prime(f, r, h, m)
    if h + m and f + r:
        assert float(turned.d_prime) == pytest.approx(-float(here.d_prime), abs=1e-9)
        assert float(turned.criterion) == pytest.approx(-float(here.criterion), abs=1e-9)
        assert float(swapped.d_prime) == pytest.approx(-float(here.d_prime), abs=1e-9)
        assert np.isfinite(here.d_prime)
    else:
        assert np.isnan(here.d_prime)


def test_an_observer_of_known_sensitivity_is_found():
    rng = np.random.default_rng(3)
    signal = rng.random(40_000) < 0.3
    responded = rng.normal(1.5 * signal, 1.0) > 1.0
    found = d_prime_over_trials(signal, responded, n_trials=40_000).isel(trial=-1)
    assert float(found.d_prime) == pytest.approx(1.5, abs=0.05)
    assert float(found.criterion) == pytest.approx(0.25, abs=0.05)


def test_a_moving_window_is_the_count_in_it():
    rng = np.random.default_rng(0)
    signal, responded = rng.random(300) < 0.5, rng.random(300) < 0.4
    found = d_prime_over_trials(signal, responded, n_trials=50)
    last = slice(120 - 49, 121)
    there = d_prime(
        np.sum(signal[last] & responded[last]),
        np.sum(signal[last] & ~responded[last]),
        np.sum(~signal[last] & responded[last]),
        np.sum(~signal[last] & ~responded[last]),
    )
    assert float(found.d_prime[120]) == pytest.approx(float(there.d_prime))
    assert found.sizes == {"trial": 300}


def test_until_a_trial_of_each_kind_was_seen_nothing_is_said():
    found = d_prime_over_trials([1, 1, 0, 1], [1, 0, 0, 1])
    assert np.isnan(found.d_prime.values).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "counts", [(-1, 1, 1, 1), (0.5, 1, 1, 1), ("a", 1, 1, 1), ([1, 2], 1, 1, 1)]
)
def test_what_is_no_count_is_refused(counts):
    with pytest.raises(InputError):
        d_prime(*counts)


def test_trials_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="2 trials have 1 responses"):
        d_prime_over_trials([1, 0], [1])
    with pytest.raises(InputError, match="true or false"):
        d_prime_over_trials([1, 2], [1, 0])
    with pytest.raises(InputError, match="0 trials of a window"):
        d_prime_over_trials([1], [1], n_trials=0)
    with pytest.raises(InputError, match="no correction"):
        d_prime(1, 1, 1, 1, correction="none")
