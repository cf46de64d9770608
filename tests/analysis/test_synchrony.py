"""Synchrony: found where it was put, and not where it was not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.expected_correlograms import jitter_expectation
from panneuro.analysis.synchrony import excess, jitter_test
from panneuro.core.errors import InputError


@pytest.fixture
def units():
    random = np.random.default_rng(0)
    trains = {unit: np.sort(random.uniform(0, 60, 600)) for unit in range(3)}
    driven = trains[0][::4] + 0.003
    return {**trains, 3: np.sort(np.concatenate([random.uniform(0, 60, 450), driven]))}


def test_p_values_are_those_of_scipy(units):
    observed = correlograms(units, max_lag_s=0.01)
    expected = jitter_expectation(units, max_lag_s=0.01)
    found = excess(observed, expected)
    np.testing.assert_allclose(found.p_more, stats.poisson.sf(observed - 1, expected), atol=1e-12)
    np.testing.assert_allclose(found.p_less, stats.poisson.cdf(observed, expected), atol=1e-12)
    np.testing.assert_allclose(found.corrected, observed - expected)


def test_a_connection_is_found_at_its_lag(units):
    found = excess(correlograms(units), jitter_expectation(units))
    pair = found.sel(unit=0, other=3)
    assert abs(float(pair.lag[np.argmin(pair.p_more.values)]) - 0.003) < 1e-9
    assert pair.p_more.min() < 1e-10


def test_nothing_expected_and_nothing_seen_is_no_surprise():
    units = {"a": [], "b": [1.0]}
    found = excess(correlograms(units), jitter_expectation(units))
    assert (found.p_more == 1).all()
    assert (found.p_less == 1).all()


def test_other_lags_are_not_compared(units):
    with pytest.raises(InputError):
        excess(correlograms(units), jitter_expectation(units, max_lag_s=0.01))


def test_surrogates_find_the_connection_only(units):
    found = jitter_test(units, n_surrogates=99, seed=1)
    assert found.p_more.sel(unit=0, other=3) == 0.01
    np.testing.assert_array_equal(found.p_more, found.p_more.values.T)
    others = [(0, 1), (0, 2), (1, 2), (1, 3)]
    assert sum(float(found.p_more[pair]) <= 0.05 for pair in others) <= 1
    with ThreadPoolExecutor(2) as executor:
        again = jitter_test(units, n_surrogates=99, seed=1, executor=executor)
    assert found.identical(again)


def test_surrogates_are_at_least_one(units):
    with pytest.raises(InputError):
        jitter_test(units, n_surrogates=0)


def test_surrogates_keep_to_epochs(units):
    """Spikes of an epoch alone are tested as in it; those outside have no say."""
    inside = {unit: times[(times >= 10) & (times < 40)] - 10 for unit, times in units.items()}
    inside[0] = np.insert(inside[0], 0, 0.0)
    whole = {unit: np.sort(np.append(times + 10, 1.0 + unit)) for unit, times in inside.items()}
    alone = jitter_test(inside, n_surrogates=19)
    within = jitter_test(whole, n_surrogates=19, epochs=[(10.0, 41.0)])
    assert within.identical(alone)
    with pytest.raises(InputError, match="overlap"):
        jitter_test(units, epochs=[(0, 2), (1, 3)])
