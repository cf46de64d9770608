"""Decoding over time: when labels are told, and how far what was learnt reaches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier

from panneuro.analysis import decoding_over_time
from panneuro.analysis.decoding import decode
from panneuro.analysis.decoding_over_time import decode_over_time, generalise_over_time
from panneuro.analysis.folds import make_folds
from panneuro.analysis.linear_classifiers import LDA, Ridge
from panneuro.core.errors import InputError


def session(n_trials=80, n_units=6, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(n_trials) % 2
    counts = random.poisson(3, (n_trials, n_units, 4))
    counts[:, :, 2] += 3 * labels[:, None]
    return counts, labels


def test_time_tells_when_labels_can_be_told():
    counts, labels = session()
    folds = make_folds(labels, 4)
    found = decode_over_time(counts, labels, folds, n_permutations=99)
    assert found.accuracy.to_numpy().argmax() == 2
    assert found.p_max[2] == 0.01
    assert np.all(found.p_max >= found.p)
    alone = decode(counts[:, :, 1], labels, folds, n_permutations=99)
    np.testing.assert_array_equal(found.null[:, 1], alone.null)


@pytest.mark.parametrize("n_units", [6, 120])
@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (LDA(0.2), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)),
        (Ridge(5.0), RidgeClassifier(5.0)),
    ],
)
def test_closed_forms_generalise_as_scikit_learn_does(n_units, mine, theirs):
    counts, labels = session(60, n_units)
    folds = make_folds(labels, 3)
    ours, peer = (generalise_over_time(counts, labels, folds, model=one) for one in (mine, theirs))
    np.testing.assert_allclose(ours.accuracy, peer.accuracy)


def test_the_diagonal_is_decoding_each_time_by_itself():
    counts, labels = session()
    folds = make_folds(labels, 4)
    found = generalise_over_time(counts, labels, folds, n_permutations=5)
    diagonal = decode_over_time(counts, labels, folds, n_permutations=5)
    np.testing.assert_allclose(np.diag(found.accuracy), diagonal.accuracy)
    np.testing.assert_allclose(np.diagonal(found.null, axis1=1, axis2=2), diagonal.null)


def test_a_code_that_is_kept_generalises_and_one_that_moves_on_does_not():
    random, labels = np.random.default_rng(1), np.arange(100) % 2
    kept, moving = random.poisson(3, (2, 100, 8, 3)).astype(float)
    kept += 4 * labels[:, None, None] * (np.arange(8) < 4)[:, None]
    for time in range(3):
        moving[:, 2 * time : 2 * time + 2, time] += 6 * labels[:, None]
    one, two = (generalise_over_time(of, labels, 5, n_permutations=39) for of in (kept, moving))
    assert (one.accuracy > 0.9).all()
    assert (one.p_max == 1 / 40).all()
    off = ~np.eye(3, dtype=bool)
    assert (np.diag(two.accuracy) > 0.9).all()
    assert two.accuracy.values[off].max() < 0.75


def test_what_stays_with_a_trial_does_not_leak_from_time_to_time():
    """Each trial has a state of its own at all times; labels have nothing to do with it."""
    random, accuracies = np.random.default_rng(2), []
    for seed in range(20):
        state = np.repeat(random.normal(size=(40, 30, 1)), 3, axis=2)
        labels = random.permutation(np.arange(40) % 2)
        accuracies.append(generalise_over_time(state, labels, 4, seed=seed).accuracy.mean())
    assert abs(np.mean(accuracies) - 0.5) < 0.05


def test_nothing_depends_on_workers_or_memory(monkeypatch, processes):
    counts, labels = session(40)
    options = {"n_permutations": 12, "seed": 3}
    alone = [of(counts, labels, 4, **options) for of in (decode_over_time, generalise_over_time)]
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, processes):
            options["executor"] = executor
            xr.testing.assert_identical(alone[0], decode_over_time(counts, labels, 4, **options))
            xr.testing.assert_identical(
                alone[1], generalise_over_time(counts, labels, 4, **options)
            )
    monkeypatch.setattr(decoding_over_time, "_IN_MEMORY", 1)
    options["executor"] = None
    xr.testing.assert_identical(alone[1], generalise_over_time(counts, labels, 4, **options))


def test_times_are_named_and_without_permutations_there_is_no_p():
    counts, labels = session()
    named = xr.DataArray(counts, {"time": [-0.1, 0.0, 0.1, 0.2]}, ("trial", "unit", "time"))
    found = generalise_over_time(named, labels, 4)
    assert (
        found.train_time.values.tolist() == found.test_time.values.tolist() == [-0.1, 0, 0.1, 0.2]
    )
    assert np.isnan(found.p).all()
    assert found.null.shape == (0, 4, 4)


def test_features_without_times_are_said():
    with pytest.raises(InputError, match="trials, units, times"):
        decode_over_time(np.ones((20, 3)), np.arange(20) % 2)


def test_more_than_memory_holds_is_said():
    counts, labels = session()
    with pytest.raises(InputError, match="10 × 4 × 4 values of float64"):
        generalise_over_time(counts, labels, 4, n_permutations=10, max_bytes=1000)
