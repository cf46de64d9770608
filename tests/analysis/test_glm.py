"""Poisson regression against scikit-learn, its optimality conditions, and known networks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor

from panneuro.analysis.glm import bits_per_spike, fit_poisson
from panneuro.analysis.history import filters_of, history_features, raised_cosines
from panneuro.core.errors import InputError


def regression(n_times=3000, n_features=6, n_units=4, seed=0):
    random = np.random.default_rng(seed)
    features = random.normal(size=(n_times, n_features))
    features[:, 1] += features[:, 0]
    weights = random.normal(0, 0.4, (n_features, n_units))
    return features, random.poisson(np.exp(features @ weights - 1.5)), weights


@settings(max_examples=8)
@given(st.integers(0, 1000), st.sampled_from([1e-4, 1e-2, 1.0]))
def test_weights_are_those_of_scikit_learn(seed, ridge):
    features, counts, _ = regression(1000, seed=seed)
    found = fit_poisson(features, counts, ridge=ridge, tolerance=1e-9)
    for cell in range(4):
        theirs = PoissonRegressor(alpha=ridge, tol=1e-10, max_iter=10_000, solver="newton-cholesky")
        theirs.fit(features, counts[:, cell])
        np.testing.assert_allclose(found.weights[:, cell], theirs.coef_, atol=1e-6)
        assert found.intercepts[cell] == pytest.approx(theirs.intercept_, abs=1e-6)
    np.testing.assert_allclose(found.predict(features)[:, 3], theirs.predict(features), rtol=1e-5)


def test_a_fit_says_in_a_line_what_it_is():
    features, counts, _ = regression(300)
    found = repr(fit_poisson(features, counts))
    assert found.startswith("<PoissonFit 6 features × 4 units, ")
    assert "largest slope" in found


def test_single_precision_is_near_and_cells_do_not_depend_on_each_other():
    features, counts, _ = regression()
    double = fit_poisson(features, counts)
    single = fit_poisson(features.astype(np.float32), counts, tolerance=1e-5)
    np.testing.assert_allclose(single.weights, double.weights, atol=2e-3)
    alone = fit_poisson(features, counts[:, 2:3])
    np.testing.assert_allclose(alone.weights[:, 0], double.weights[:, 2], atol=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 0.02])
def test_the_result_does_not_depend_on_the_number_of_threads(penalty):
    features, counts, _ = regression(9_000)
    asked = {"groups": [0, 0, 1, 1, 2, 2], "group_penalty": penalty}
    alone = fit_poisson(features, counts, **asked)
    for threads in (1, 2, 5):
        with ThreadPoolExecutor(threads) as executor:
            found = fit_poisson(features, counts, **asked, executor=executor)
        np.testing.assert_array_equal(found.weights, alone.weights)
        np.testing.assert_array_equal(found.intercepts, alone.intercepts)
        assert (found.steps, found.gradient) == (alone.steps, alone.gradient)
    assert alone.gradient < 1e-5


def test_processes_cannot_share_the_rates(processes):
    features, counts, _ = regression(100)
    with pytest.raises(InputError, match="ThreadPoolExecutor") as error:
        fit_poisson(features, counts, executor=processes)
    assert "written in place" in str(error.value)


def test_each_feature_can_have_a_penalty_of_its_own():
    features, counts, _ = regression()
    found = fit_poisson(features, counts, ridge=[0, 0, 0, 0, 0, 1e6])
    assert np.all(np.abs(found.weights[5]) < 1e-5)
    without = fit_poisson(features[:, :5], counts, ridge=0)
    np.testing.assert_allclose(found.weights[:5], without.weights, atol=1e-4)


def test_groups_are_zero_where_the_conditions_of_optimality_say():
    features, counts, _ = regression(4000, 9, 3)
    groups, penalty = np.repeat([0, 1, 2], 3), 0.05
    found = fit_poisson(
        features, counts, ridge=1e-3, groups=groups, group_penalty=penalty, tolerance=1e-8
    )
    slope = features.T @ (found.predict(features) - counts) / len(features) + 1e-3 * found.weights
    for cell in range(3):
        for one in range(3):
            weights, down = found.weights[groups == one, cell], -slope[groups == one, cell]
            if np.any(weights):
                expected = penalty * np.sqrt(3) * weights / np.linalg.norm(weights)
                np.testing.assert_allclose(down, expected, atol=1e-5)
            else:
                assert np.linalg.norm(down) <= penalty * np.sqrt(3) + 1e-6
    strong = fit_poisson(features, counts, groups=groups, group_penalty=10.0)
    assert not strong.weights.any()


def test_a_known_network_is_found_again():
    random, bin_s = np.random.default_rng(0), 0.005
    basis = raised_cosines(3, 0.03, bin_s)
    truth = np.zeros((3, 3, 3))
    truth[0, 1], truth[1, 2] = [1.2, 0.6, 0.2], [-1.5, -0.6, 0.0]
    for cell in range(3):
        truth[cell, cell] = [-2.0, -0.3, 0.0]
    counts = np.zeros((60_000, 3), int)
    drive = np.zeros((60_000 + len(basis) + 1, 3))
    for time in range(len(counts)):
        counts[time] = random.poisson(np.exp(np.minimum(drive[time] - 2.3, 1)))
        for source in np.flatnonzero(counts[time]):
            drive[time + 1 : time + 1 + len(basis)] += (
                counts[time, source] * basis @ truth[source].T
            )
    features = history_features(counts, basis)
    found = fit_poisson(features, counts, ridge=1e-5)
    filters = filters_of(found.weights, basis).to_numpy()
    expected = np.einsum("stb,lb->tsl", truth, basis)
    assert np.corrcoef(filters.ravel(), expected.ravel())[0, 1] > 0.97
    groups = np.repeat(np.arange(3), 3)
    sparse = fit_poisson(features, counts, ridge=1e-5, groups=groups, group_penalty=4e-3)
    linked = np.linalg.norm(sparse.weights.reshape(3, 3, 3), axis=1) > 0
    assert linked[0, 1]
    assert not linked[2, 0]
    assert not linked[1, 0]


def test_bits_are_those_of_the_likelihood():
    features, counts, _ = regression(500)
    found = fit_poisson(features, counts)
    bits = bits_per_spike(found.predict(features), counts)
    mean = np.broadcast_to(counts.mean(axis=0), counts.shape)
    likelihood = [
        np.sum(scipy.stats.poisson.logpmf(counts, rate), axis=0)
        for rate in (found.predict(features), mean)
    ]
    np.testing.assert_allclose(
        bits, (likelihood[0] - likelihood[1]) / np.log(2) / counts.sum(axis=0)
    )
    assert np.isnan(bits_per_spike(np.ones((3, 1)), np.zeros((3, 1))))[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.full((9, 2), np.nan)}, "finite"),
        ({"counts": np.full((9, 1), -1)}, "below 0"),
        ({"counts": np.zeros((9, 2))}, "cell 0 and 1 more"),
        ({"counts": np.ones(9)}, "met counts"),
        ({"ridge": -1}, "ridge"),
        ({"ridge": [1, 2, 3]}, "ridge"),
        ({"group_penalty": 1.0}, "group"),
        ({"max_steps": 1, "tolerance": 1e-12}, "come to rest"),
    ],
)
def test_what_cannot_be_fitted_is_said(change, message):
    random = np.random.default_rng(0)
    good = {"features": random.normal(size=(9, 2)), "counts": random.poisson(2, (9, 2)) + 1}
    with pytest.raises(InputError, match=message):
        fit_poisson(**(good | change))


def test_shapes_that_do_not_meet_are_said():
    features, counts, _ = regression(100)
    with pytest.raises(InputError, match="6 weights"):
        fit_poisson(features, counts, ridge=0.1).predict(features[:, :2])
    with pytest.raises(InputError, match="met counts"):
        bits_per_spike(np.ones((2, 2)), np.ones((3, 2)))
    with pytest.raises(InputError, match="above 0"):
        bits_per_spike(np.zeros((2, 2)), np.ones((2, 2)))
