"""Two classes under permuted labels: the accuracies of classifiers that are fitted anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.linear_classifiers import LDA, Ridge, predict, rotate
from panneuro.analysis.two_classes import discriminant_accuracies, ridge_accuracies
from panneuro.core.errors import InputError


def fitted_anew(features, members, folds, model):
    """Predict with a fit for each labelling and fold; mean over folds."""
    found = []
    for codes in members.astype(np.int64):
        right = predict(features, codes, folds, model)[0] == codes
        found.append(np.mean([right[folds == fold].mean() for fold in np.unique(folds)]))
    return np.array(found)


@st.composite
def sessions(draw):
    n_trials, n_units = draw(st.integers(6, 40)), draw(st.integers(1, 50))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    features = random.normal(size=(n_trials, n_units)) * random.gamma(1, 1, n_units)
    members = random.random((12, n_trials)) < random.uniform(0.2, 0.8)
    members[:, :2] = [False, True]
    n_folds = draw(st.sampled_from([2, 3, 5, n_trials]))
    folds = random.permutation(np.arange(n_trials) % n_folds)
    return features, members, folds


@settings(max_examples=25, deadline=None)
@given(sessions(), st.sampled_from([0.001, 0.1, 0.7, 1.0]))
def test_discriminants_are_those_that_are_fitted_anew(session, shrinkage):
    features, members, folds = session
    found = discriminant_accuracies(rotate(features), members, folds, shrinkage, features.shape[1])
    expected = fitted_anew(features, members, folds, LDA(shrinkage))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(sessions())
def test_ridge_classifiers_are_those_that_are_fitted_anew(session):
    features, members, folds = session
    found = ridge_accuracies(rotate(features), members, folds, 2.0)
    expected = fitted_anew(features, members, folds, Ridge(2.0))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_interpolated_levels_are_as_good_as_their_own(monkeypatch):
    random = np.random.default_rng(0)
    features = random.normal(size=(60, 20))
    members = random.permuted(np.tile([False, True], (500, 30)), axis=1)
    given_to = (rotate(features), members, np.arange(60) % 4, 0.2, 20)
    found = discriminant_accuracies(*given_to)
    monkeypatch.setattr("panneuro.analysis.two_classes._RUN", 1.0)
    np.testing.assert_array_equal(found, discriminant_accuracies(*given_to))


def test_nothing_depends_on_the_blocks_or_the_threads(monkeypatch):
    random = np.random.default_rng(1)
    features, members = random.normal(size=(40, 9)), random.random((50, 40)) < 0.5
    given_to = (rotate(features), members, np.arange(40) % 5, 0.1, 9)
    found = discriminant_accuracies(*given_to)
    monkeypatch.setattr("panneuro.analysis.two_classes._LABELLINGS", 7)
    with ThreadPoolExecutor(3) as executor:
        spread = discriminant_accuracies(*given_to, executor)
    np.testing.assert_array_equal(found, spread)


def test_trials_that_do_not_vary_are_refused():
    with pytest.raises(InputError, match="varies"):
        discriminant_accuracies(np.zeros((6, 2)), np.eye(6) > 0, np.arange(6) % 2, 0.1, 2)
