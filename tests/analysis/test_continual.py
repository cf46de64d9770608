"""Forgetting, counted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB

from panneuro.analysis.continual import Continual, Session, learn_continually, refit
from panneuro.core.errors import InputError


def drifting(n_sessions=4, drift=0.0, seed=0):
    random, labels = np.random.default_rng(seed), np.tile([0, 1, 2], 40)
    tuning, made = random.normal(size=(3, 12)) * 2, []
    for _ in range(n_sessions):
        points = tuning[labels] + random.normal(size=(120, 12))
        made.append(Session(points[:60], labels[:60], points[60:], labels[60:]))
        tuning = (1 - drift) * tuning + drift * random.normal(size=(3, 12)) * 2
    return made


def test_summaries_are_those_of_the_papers():
    found = Continual(
        np.array([[0.9, 0.5, 0.4], [0.7, 0.8, 0.6], [0.6, 0.5, 0.9]]), np.full(3, 0.5)
    )
    assert found.mean_accuracy == pytest.approx((0.6 + 0.5 + 0.9) / 3)
    assert found.backward_transfer == pytest.approx(((0.6 - 0.9) + (0.5 - 0.8)) / 2)
    assert found.forward_transfer == pytest.approx(((0.5 - 0.5) + (0.6 - 0.5)) / 2)
    np.testing.assert_allclose(found.forgetting, [0.3, 0.3])


def test_each_row_is_a_model_taught_that_far():
    sessions = drifting(3, 0.5)
    found = learn_continually(GaussianNB(), sessions)
    model = GaussianNB()
    for row, session in enumerate(sessions):
        model.partial_fit(session.features, session.labels, classes=[0, 1, 2])
        scores = [model.score(other.test_features, other.test_labels) for other in sessions]
        np.testing.assert_allclose(found.accuracies[row], scores)


def test_a_code_that_stays_transfers_and_one_that_changes_is_forgotten():
    stable = learn_continually(GaussianNB(), drifting(4, 0.0), refit)
    changed = learn_continually(GaussianNB(), drifting(4, 0.9), refit)
    assert abs(stable.backward_transfer) < 0.05
    assert stable.forward_transfer > 0.4
    assert changed.backward_transfer < -0.2
    assert changed.forgetting.mean() > 0.2


def test_the_model_given_is_left_as_it_was():
    model = SGDClassifier(random_state=0)
    learn_continually(model, drifting(2))
    assert not hasattr(model, "coef_")


def test_what_cannot_be_learnt_is_said():
    one, two = drifting(2)
    narrow = Session(np.ones((4, 3)), [0, 1, 0, 1], np.ones((2, 3)), [0, 1])
    empty = Session(np.ones((0, 12)), [], np.ones((2, 12)), [0, 1])
    with pytest.raises(InputError, match="1 sessions"):
        learn_continually(GaussianNB(), [one])
    with pytest.raises(InputError, match=r"\[3, 12\] cells"):
        learn_continually(GaussianNB(), [two, narrow])
    with pytest.raises(InputError, match="shape"):
        learn_continually(GaussianNB(), [one, empty])
