"""Permutations and exact p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.permutations import p_values, permute
from panneuro.core.errors import InputError


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_p_values_count_the_observed_one():
    assert p_values(5.0, [1, 2, 3]) == 0.25
    assert p_values(2.0, [1, 2, 3]) == 0.75
    assert p_values(2.0, [1, 2, 3], "less") == 0.75
    assert p_values(9.0, [1, 2, 3], "two-sided") == 0.5


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
    st.lists(st.integers(-5, 5), min_size=1, max_size=5),
    st.sampled_from(["greater", "less", "two-sided"]),
)
def test_one_null_for_all_is_as_one_null_each(null, observed, tail):
    each = np.repeat(np.array(null)[:, None], len(observed), axis=1)
    np.testing.assert_array_equal(p_values(observed, null, tail), p_values(observed, each, tail))


@pytest.mark.parametrize(
    ("observed", "null", "tail"),
    [
        (np.nan, [1.0], "greater"),
        (1.0, [], "greater"),
        (1.0, [1.0], "up"),
        ([1.0, 2.0], [[1.0]], "less"),
    ],
)
def test_p_values_refuse(observed, null, tail):
    with pytest.raises(InputError):
        p_values(observed, null, tail)


def test_permutations_do_not_depend_on_how_many_follow():
    few, many = (permute(np.arange(50), n, seed=1) for n in (3, 10))
    np.testing.assert_array_equal(few, many[:3])
    np.testing.assert_array_equal(np.sort(many, axis=1), np.tile(np.arange(50), (10, 1)))
    assert len(np.unique(many, axis=0)) == 10


def test_permutations_stay_within_groups(random):
    groups = random.integers(0, 4, 60)
    for order in permute(np.arange(60), 5, seed=2, within=groups):
        np.testing.assert_array_equal(groups[order], groups)


def test_labels_are_permuted_as_their_trials_are():
    labels = np.array(list("abcdefgh"))
    found = permute(labels, 4, seed=3)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, labels[permute(np.arange(8), 4, seed=3)])


@pytest.mark.parametrize(("number", "within"), [(0, None), (3, [0, 0]), (3, [0, 0, 1, np.nan])])
def test_permutations_refuse(number, within):
    with pytest.raises(InputError):
        permute(np.arange(4), number, 0, within)
