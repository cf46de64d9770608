"""Communication: against scikit-learn and regressions that are fitted anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LinearRegression, Ridge

from panneuro.analysis.communication import (
    canonical_correlations,
    prediction_test,
    reduced_rank_regression,
)
from panneuro.core.errors import InputError

FOLDS = np.arange(300) % 5


@pytest.fixture
def random():
    return np.random.default_rng(0)


def areas(random, rank=2, noise=1.0):
    source = random.normal(size=(300, 9)) + random.normal(size=9)
    through = random.normal(size=(9, rank)) @ random.normal(size=(rank, 7))
    return source, source @ through + noise * random.normal(size=(300, 7)) + 5


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_performance_is_that_of_fitting_each_fold(random, ridge):
    source, target = areas(random)
    found = reduced_rank_regression(source, target, folds=FOLDS, ridge=ridge)
    for fold in range(5):
        train, test = fold != FOLDS, fold == FOLDS
        spread = source[train].var(axis=0).mean() * train.sum()
        model = Ridge(ridge * spread) if ridge else LinearRegression()
        model.fit(source[train], target[train])
        predicted = model.predict(source[train]) - target[train].mean(axis=0)
        axes = np.linalg.svd(predicted)[2]
        away = target[test] - target[train].mean(axis=0)
        there = model.predict(source[test]) - target[train].mean(axis=0)
        for rank in range(8):
            error = away - there @ axes[:rank].T @ axes[:rank]
            expected = 1 - (error**2).sum() / (away**2).sum()
            np.testing.assert_allclose(found.performance[fold, rank], expected, atol=1e-9)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_dimensions_are_found(random, rank):
    source, target = areas(random, rank)
    found = reduced_rank_regression(source, target)
    assert found.n_dimensions == rank
    assert np.linalg.matrix_rank(found.weights) == rank
    assert found.dimensions.shape == (9, rank)


def test_areas_that_do_not_talk_have_no_dimension(random):
    found = reduced_rank_regression(random.normal(size=(300, 9)), random.normal(size=(300, 4)))
    assert found.n_dimensions == 0
    assert not found.performance[:, 0].any()
    assert not found.weights.any()


def test_silent_units_and_few_trials_are_borne(random):
    source, target = areas(random)
    source[:, 3] = 2
    found = reduced_rank_regression(source[:12], target[:12], folds=3)
    assert np.isfinite(found.performance).all()


def test_canonical_correlations_are_those_of_scikit_learn(random):
    source, target = areas(random, noise=3)
    found = canonical_correlations(source, target, folds=FOLDS, n_components=3)
    theirs = CCA(3, tol=1e-10, max_iter=10_000).fit(source, target)
    a, b = theirs.transform(source, target)
    expected = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(3)]
    np.testing.assert_allclose(found.correlation, expected, atol=1e-6)
    np.testing.assert_allclose((source @ found.source.values).var(axis=0, ddof=1), 1)
    held = []
    for fold in range(5):
        train = fold != FOLDS
        model = CCA(1, tol=1e-10, max_iter=10_000).fit(source[train], target[train])
        a, b = model.transform(source[~train], target[~train])
        held.append(np.corrcoef(a[:, 0], b[:, 0])[0, 1])
    np.testing.assert_allclose(found.held_out[:, 0], held, atol=1e-5)


def test_held_out_correlations_do_not_overfit(random):
    found = canonical_correlations(random.normal(size=(100, 20)), random.normal(size=(100, 20)))
    assert found.correlation[0] > 0.6
    assert abs(found.held_out.mean(axis=0)[0]) < 0.3


def test_what_conditions_explain_is_no_prediction(random):
    """Both areas follow the stimulus, and nothing else."""
    shown = np.repeat(np.arange(6), 20)
    source = random.normal(size=(6, 4))[shown] + random.normal(size=(120, 4))
    target = random.normal(size=(6, 3))[shown] + random.normal(size=(120, 3))
    _, free = prediction_test(source, target, n_permutations=99)
    _, p = prediction_test(source, target, shown, n_permutations=99)
    assert free == 0.01
    assert p > 0.05
    with ThreadPoolExecutor(2) as executor:
        again = prediction_test(source, target, shown, n_permutations=99, executor=executor)
    assert again[1] == p


@pytest.mark.parametrize(
    ("source", "target", "folds"),
    [
        (np.eye(4), np.eye(3), 2),
        (np.eye(4), np.full((4, 1), np.nan), 2),
        (np.eye(4), np.eye(4), 1),
        (np.eye(4), np.eye(4), 3),
        (np.eye(4), np.eye(4), [0, 0, 0, 0]),
        (np.eye(4), np.eye(4), [0, 1]),
        (np.ones(4), np.eye(4), 2),
        (np.eye(4), np.ones((4, 1)), 2),
    ],
)
def test_areas_that_cannot_be_compared(source, target, folds):
    with pytest.raises(InputError):
        reduced_rank_regression(source, target, folds=folds)
