"""Lines through posteriors, and their correlation."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.trajectories import fit_line, weighted_correlation
from panneuro.core.errors import InputError

CENTRES = np.arange(2.5, 100, 5)


def test_weighted_correlation_is_that_of_repeated_points():
    random = np.random.default_rng(0)
    weights = random.integers(0, 5, (6, 7))
    times, places = np.meshgrid(np.arange(6), CENTRES[:7], indexing="ij")
    repeated = np.corrcoef(
        np.repeat(times.ravel(), weights.ravel()), np.repeat(places.ravel(), weights.ravel())
    )
    assert weighted_correlation(weights, CENTRES[:7]) == pytest.approx(repeated[0, 1])
    assert weighted_correlation(np.eye(3)[:1], [0, 1, 2]) == 0


def test_the_best_line_is_the_best_of_all():
    weights = np.random.default_rng(0).random((5, 8))
    weights /= weights.sum(axis=1, keepdims=True)
    best = max(
        np.mean(
            [
                weights[t, max(0, at - 1) : at + 2].sum()
                for t in range(5)
                for at in [int(first + (last - first) * t / 4 + 0.5)]
            ]
        )
        for first in range(8)
        for last in range(8)
    )
    assert fit_line(weights, 1)[0] == pytest.approx(best)


def test_what_has_no_line_is_said():
    with pytest.raises(InputError, match="weights"):
        weighted_correlation(np.zeros((2, 2)), [0, 1])
    with pytest.raises(InputError, match="weights of shape"):
        weighted_correlation(np.ones((2, 2)), [0])
    with pytest.raises(InputError, match="line"):
        fit_line(np.ones((1, 2)))
