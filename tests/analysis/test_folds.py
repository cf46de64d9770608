"""Folds hold out what they must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.folds import make_folds
from panneuro.core.errors import InputError


@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 99))
def test_every_fold_has_its_share_of_each_label(n_folds, n_classes, seed):
    labels = np.repeat(np.arange(n_classes), n_folds * 2)
    folds = make_folds(labels, n_folds, seed=seed)
    for one in range(n_classes):
        assert np.bincount(folds[labels == one]).tolist() == [2] * n_folds


def test_groups_are_never_split():
    groups = np.repeat(np.arange(12), 5)
    folds = make_folds(np.tile([0, 1], 30), 4, groups=groups)
    assert all(len(set(folds[groups == group])) == 1 for group in range(12))
    assert len(set(folds)) == 4


@given(st.integers(4, 50), st.integers(2, 4))
def test_blocks_are_consecutive_and_even(n_trials, n_folds):
    folds = make_folds(np.arange(n_trials) % 2, n_folds, blocked=True)
    assert np.all(np.diff(folds) >= 0)
    assert np.ptp(np.bincount(folds)) <= 1


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1, 0, 1], {"n_folds": 1}, "1 folds"),
        ([0, 1, 0, 1], {"n_folds": 3}, "there are 2"),
        ([0, 1, 0, 1], {"n_folds": 5, "blocked": True}, "there are 4"),
        ([0, 1, 0, 1], {"n_folds": 2, "groups": [0, 0, 0, 0]}, "groups, and there are 1"),
        ([0, 1, 0, 1], {"n_folds": 2, "groups": [0]}, "not one for each"),
        ([], {}, "shape"),
        ([[0, 1]], {}, "shape"),
        ([1, 1], {}, "all 2 trials"),
    ],
)
def test_what_cannot_be_divided_is_said(labels, options, message):
    with pytest.raises(InputError, match=message):
        make_folds(labels, **options)
