"""Decoders against scikit-learn, and against what they must not know."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from panneuro.analysis.decoding import (
    Tuned,
    decode,
    trial_features,
)
from panneuro.analysis.folds import make_folds
from panneuro.analysis.linear_classifiers import LDA, Ridge, predict
from panneuro.analysis.permutations import permute
from panneuro.analysis.permuted_classifiers import permuted_accuracies
from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals


def session(n_trials=120, n_units=20, n_classes=3, seed=0, strength=1.0):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n_trials) % n_classes)
    tuning = 3 + strength * random.gamma(1, 1, (n_classes, n_units))
    return random.poisson(tuning[labels]).astype(float), labels


def reference(model):
    if isinstance(model, LDA):
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=model.shrinkage)
    return RidgeClassifier(model.alpha)


SHAPES = [(120, 20, 2), (120, 20, 3), (60, 90, 2), (60, 90, 5), (200, 15, 12)]


@pytest.mark.parametrize("model", [LDA(0.2), LDA(1.0), Ridge(5.0)])
@pytest.mark.parametrize("shape", SHAPES)
def test_predictions_and_permutations_are_those_of_scikit_learn(model, shape):
    features, labels = session(*shape)
    folds = make_folds(labels, 5)
    found = decode(features, labels, folds, model=model, n_permutations=12, seed=3)
    splits = PredefinedSplit(folds)
    told = cross_val_predict(reference(model), features, labels, cv=splits)
    np.testing.assert_array_equal(found.predicted, told)
    for accuracy, one in zip(found.null, permute(labels, 12, 3), strict=True):
        score = cross_val_score(reference(model), features, one, cv=splits).mean()
        assert accuracy == pytest.approx(score, abs=1e-12)


def test_labellings_that_lack_a_label_in_training_are_told_as_by_fitting():
    random = np.random.default_rng(3)
    features, folds = random.normal(3.0, size=(40, 70)), np.arange(40) % 4
    codes = (random.random((20, 40)) < 0.2).astype(int)
    codes[0], codes[1] = folds == 1, folds != 2
    found = permuted_accuracies(features, codes, folds, LDA(0.2))
    told = np.stack([predict(features, one, folds, LDA(0.2))[0] for one in codes])
    np.testing.assert_allclose(found, (told == codes).mean(axis=1), atol=1e-12)


@pytest.mark.parametrize("model", [LDA(0.2), Ridge(5.0)])
def test_single_precision_tells_the_same(model):
    features, labels = session(200, 40, 6)
    folds = make_folds(labels, 5)
    double = decode(features, labels, folds, model=model, n_permutations=20)
    single = decode(features.astype(np.float32), labels, folds, model=model, n_permutations=20)
    assert np.mean(single.predicted == double.predicted) > 0.99
    np.testing.assert_allclose(single.null, double.null, atol=0.011)


@pytest.mark.parametrize("model", [LDA(0.2), Ridge(5.0)])
def test_a_label_that_a_training_set_lacks_is_never_told(model):
    features, labels = session(40, 8, 2)
    labels[:3] = 2
    folds = np.arange(40) // 8
    found = decode(features, labels, folds, model=model)
    told = cross_val_predict(reference(model), features, labels, cv=PredefinedSplit(folds))
    np.testing.assert_array_equal(found.predicted, told)


def test_strengths_are_chosen_by_the_other_folds_alone():
    features, labels = session(80, 60, 3, strength=0.5)
    folds, grid = make_folds(labels, 4), (0.01, 0.1, 0.5, 1.0)
    found = decode(features, labels, folds, model=LDA(grid))
    for fold, chosen in enumerate(found.chosen):
        train = folds != fold
        search = GridSearchCV(
            LinearDiscriminantAnalysis(solver="lsqr"),
            {"shrinkage": grid},
            cv=PredefinedSplit(folds[train]),
        ).fit(features[train], labels[train])
        assert chosen == search.best_params_["shrinkage"]
        np.testing.assert_array_equal(found.predicted[~train], search.predict(features[~train]))


def test_any_scikit_learn_classifier_and_its_grid_will_do():
    features, labels = session(60, 6, 2, strength=4.0)
    folds = make_folds(labels, 3)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    told = cross_val_predict(pipeline, features, labels, cv=PredefinedSplit(folds))
    plain = decode(features, labels, folds, model=pipeline, n_permutations=4)
    np.testing.assert_array_equal(plain.predicted, told)
    tuned = decode(
        features, labels, folds, model=Tuned(pipeline, {"logisticregression__C": [0.01, 1.0]})
    )
    assert all(one["logisticregression__C"] in (0.01, 1.0) for one in tuned.chosen)


def test_noise_is_decoded_at_chance_even_when_strengths_are_chosen():
    random = np.random.default_rng(1)
    found = []
    for _ in range(30):
        labels = np.arange(40) % 2
        features = random.normal(size=(40, 100))
        folds = make_folds(labels, 4, seed=int(random.integers(1000)))
        found.append(decode(features, labels, folds, model=LDA((0.01, 0.3, 1.0))).accuracy)
    assert abs(np.mean(found) - 0.5) < 0.05


def test_p_values_are_uniform_where_there_is_nothing():
    random = np.random.default_rng(2)
    labels = np.arange(60) % 2
    folds = make_folds(labels, 5)
    p = [
        decode(random.normal(size=(60, 5)), labels, folds, n_permutations=99, seed=index).p
        for index in range(120)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.1) <= 0.19
    assert 0.4 < np.mean(p) < 0.65


def test_blocks_keep_slow_drift_from_telling_labels():
    random = np.random.default_rng(3)
    drift = np.cumsum(random.normal(size=(200, 10)), axis=0)
    labels = np.arange(200) // 10 % 2
    scattered = decode(drift, labels, make_folds(labels, 5))
    blocked = decode(drift, labels, make_folds(labels, 5, groups=np.arange(200) // 10))
    assert scattered.accuracy > blocked.accuracy + 0.15


def test_workers_change_nothing(processes):
    features, labels = session(90, 12, 9)
    folds = make_folds(labels, 3)
    alone = decode(features, labels, folds, n_permutations=200, seed=5)
    with ThreadPoolExecutor(2) as executor:
        shared = decode(features, labels, folds, n_permutations=200, seed=5, executor=executor)
    apart = decode(features, labels, folds, n_permutations=200, seed=5, executor=processes)
    np.testing.assert_array_equal(alone.null, shared.null)
    np.testing.assert_array_equal(alone.null, apart.null)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_order_and_offset_of_cells_do_not_matter(seed):
    features, labels = session(60, 10, 3, seed)
    folds, random = make_folds(labels, 3), np.random.default_rng(seed)
    moved = features[:, random.permutation(10)] + random.normal(size=10)
    one, two = decode(features, labels, folds), decode(moved, labels, folds)
    np.testing.assert_array_equal(one.predicted, two.predicted)


def test_confusion_counts_every_trial():
    features, labels = session()
    names = np.array(["cat", "dog", "house"])[labels]
    found = decode(features, names, make_folds(names))
    assert found.confusion.to_numpy().sum() == len(labels)
    assert found.confusion.index.tolist() == ["cat", "dog", "house"]
    by_hand = np.mean([np.mean(found.predicted[names == one] == one) for one in set(names)])
    assert found.balanced_accuracy == pytest.approx(by_hand)
    assert np.isnan(found.p)


def test_features_are_counts_in_a_window_of_each_trial():
    frame = pd.DataFrame(
        {"start_time": [0.0, 1.0], "stop_time": [0.5, 2.0], "go": [0.2, 1.2], "image": ["a", "b"]}
    )
    trials = Intervals.from_frame("trials", frame)
    units = Events.from_trains("units", {5: [0.1, 0.3, 1.4, 1.9], 8: []})
    whole = trial_features(units, trials)
    assert whole.sel(unit=5).values.tolist() == [2, 2]
    assert whole.sel(unit=8).values.tolist() == [0, 0]
    after = trial_features(units, trials, (0.0, 0.3), anchor="go")
    assert after.sel(unit=5).values.tolist() == [1, 1]
    assert after.image.values.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.full((20, 3), np.nan)}, "trial 0 and unit 0 is not finite"),
        ({"features": np.ones((19, 3))}, "20 labels have features"),
        ({"features": np.ones((20, 0))}, "20 labels have features"),
        ({"labels": np.ones(20)}, "all 20 trials"),
        ({"labels": np.r_[np.nan, np.arange(19)]}, "1 of 20 labels"),
        ({"folds": np.zeros(20, int)}, "folds are"),
        ({"folds": np.arange(20) % 2 + 1}, "folds are"),
        ({"folds": np.arange(20) / 2}, "folds of shape"),
        ({"model": LDA(0.0)}, "shrinkage"),
        ({"model": Ridge(-1.0)}, "alpha"),
        ({"model": LDA(())}, "shrinkage"),
        ({"model": LDA((0.1, 0.2)), "folds": np.arange(20) % 2}, "three folds"),
        ({"model": Tuned(RidgeClassifier(), {}), "folds": np.arange(20) % 2}, "three folds"),
        ({"within": np.zeros(3), "n_permutations": 2}, "groups of shape"),
    ],
)
def test_what_cannot_be_decoded_is_said(change, message):
    good = {"features": np.random.default_rng(0).normal(size=(20, 3)), "labels": np.arange(20) % 3}
    good = {**good, "folds": np.arange(20) % 4, **change}
    options = {
        key: good.pop(key) for key in list(good) if key in ("model", "within", "n_permutations")
    }
    with pytest.raises(InputError, match=message):
        decode(**good, **options)


def test_cells_that_never_vary_are_borne():
    features, labels = session()
    features[:, :4] = 7
    assert decode(features, labels, make_folds(labels), n_permutations=5).accuracy > 0.5


def test_bins_of_time_are_for_those_who_take_them():
    features, labels = session()
    with pytest.raises(InputError, match="decode_over_time"):
        decode(features[:, :, None], labels)
    with pytest.raises(InputError, match="LogisticRegression was to learn"):
        decode(features[:, :, None], labels, model=LogisticRegression())


def test_a_number_of_folds_is_enough():
    features, labels = session()
    folds = make_folds(labels, 4)
    assert decode(features, labels, 4).accuracy == pytest.approx(
        decode(features, labels, folds).accuracy, abs=0.1
    )
    assert (
        decode(features, labels, 4, seed=1).accuracy == decode(features, labels, 4, seed=1).accuracy
    )


@pytest.mark.parametrize("model", [Ridge(3.0), LDA(0.3)])
def test_very_many_trials_are_permuted_without_a_hat_matrix(monkeypatch, model):
    features, labels = session(150, 12, 2)
    folds = make_folds(labels, 5)
    hat = decode(features, labels, folds, model=model, n_permutations=30)
    monkeypatch.setattr("panneuro.analysis.permuted_classifiers._MOST_TRIALS", 10)
    weights = decode(features, labels, folds, model=model, n_permutations=30)
    np.testing.assert_array_equal(hat.null, weights.null)
