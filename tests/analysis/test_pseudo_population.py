"""Cells of many sessions are joined trial by trial, each trial once."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.decoding import decode
from panneuro.analysis.pseudo_population import pseudo_population
from panneuro.core.errors import InputError


@st.composite
def sessions(draw):
    """Return sessions whose features name the trial that they are of."""
    n_classes, found = draw(st.integers(2, 4)), []
    for number in range(draw(st.integers(1, 4))):
        rest = draw(st.lists(st.integers(0, n_classes - 1), max_size=12))
        labels = np.random.default_rng(number).permutation([*range(n_classes), *rest])
        features = np.arange(len(labels)) + 1000.0 * np.arange(draw(st.integers(1, 3)))[:, None]
        found.append((features.T, labels))
    return found


@given(sessions(), st.integers(0, 100))
def test_every_trial_is_used_once_and_stands_for_its_own_label(given_sessions, seed):
    found = pseudo_population(given_sessions, seed=seed)
    fewest = min(np.bincount(labels).min() for _, labels in given_sessions)
    assert np.bincount(found.label).tolist() == [fewest] * (given_sessions[0][1].max() + 1)
    first = 0
    for number, (features, labels) in enumerate(given_sessions):
        own = found.values[:, first : first + features.shape[1]]
        np.testing.assert_array_equal(found.session[first : first + features.shape[1]], number)
        trials = own[:, 0].astype(int)
        assert len(set(trials)) == len(trials)
        np.testing.assert_array_equal(labels[trials], found.label)
        np.testing.assert_array_equal(own, features[trials])
        first += features.shape[1]


@given(sessions(), st.integers(0, 100))
def test_sessions_that_are_added_leave_the_draws_of_others_as_they_were(given_sessions, seed):
    few = pseudo_population(given_sessions[:1], n_trials=1, seed=seed)
    all_ = pseudo_population(given_sessions, n_trials=1, seed=seed)
    np.testing.assert_array_equal(all_[:, all_.session == 0], few)


def test_cells_that_tell_little_alone_tell_much_together():
    random = np.random.default_rng(0)
    many = []
    for _ in range(30):
        labels = random.permutation(np.repeat(["left", "right"], 100))
        many.append((random.normal(size=(200, 1)) + 0.6 * (labels == "left")[:, None], labels))
    joined = pseudo_population(many)
    alone = decode(many[0][0], many[0][1]).accuracy
    assert decode(joined, joined.label).accuracy > 0.9 > alone


def test_times_are_kept():
    times = xr.DataArray([0.1, 0.2], dims="time", attrs={"units": "s"})
    features = xr.DataArray(np.ones((2, 3, 2)), {"time": times}, ("trial", "unit", "time"))
    found = pseudo_population([(features, [0, 1])] * 2)
    assert found.sizes == {"trial": 2, "unit": 6, "time": 2}
    assert found.time.attrs == {"units": "s"}


@pytest.mark.parametrize(
    ("given_sessions", "asked", "message"),
    [
        ([], {}, "no session"),
        (
            [(np.ones((2, 1)), ["a", "b"]), (np.ones((2, 1)), ["a", "c"])],
            {},
            "session 1 has labels",
        ),
        ([(np.ones((2, 1)), [0, 1]), (np.ones((2, 1, 3)), [0, 1])], {}, "bins of shape"),
        ([(np.ones((2, 1)), [0, 1])], {"n_trials": 2}, "2 trials of each label"),
        ([(np.ones((2, 1)), [0, 1])], {"n_trials": 0}, "0 trials of each label"),
        ([(np.full((2, 1), np.nan), [0, 1])], {}, "not finite"),
        ([(np.ones((3, 1)), [0, 1])], {}, "2 labels"),
    ],
)
def test_what_cannot_be_joined_is_said(given_sessions, asked, message):
    with pytest.raises(InputError, match=message):
        pseudo_population(given_sessions, **asked)
