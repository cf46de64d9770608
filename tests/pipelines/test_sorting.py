"""What a sorter draws without a seed is drawn by the run's."""

from __future__ import annotations

import random

import numpy as np
import pytest

from panneuro.pipelines.sorting import seeded


def drawn():
    return (
        np.random.default_rng().normal(),
        np.random.default_rng(seed=None).normal(),
        np.random.default_rng(1).normal(),
        np.random.normal(),  # noqa: NPY002
        random.random(),
    )


def test_all_draws_follow_the_seed():
    with seeded(5):
        first = drawn()
    with seeded(5):
        assert drawn() == first
    with seeded(6):
        other = drawn()
    assert [a == b for a, b in zip(first, other, strict=True)] == [False, False, True, False, False]


def test_afterwards_draws_are_as_they_were():
    before = np.random.default_rng
    with pytest.raises(ZeroDivisionError), seeded(5):
        _ = 1 / 0
    assert np.random.default_rng is before
    assert np.random.default_rng().normal() != np.random.default_rng().normal()
