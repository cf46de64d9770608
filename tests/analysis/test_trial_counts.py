"""Residuals of trials by condition."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from panneuro.analysis.trial_counts import TrialCounts
from panneuro.core.errors import InputError


def test_residuals_are_those_of_each_condition(monkeypatch):
    monkeypatch.setattr("panneuro.analysis.trial_counts.BLOCK", 10)
    random = np.random.default_rng(0)
    counts, shown = random.poisson(4, (60, 5)), random.integers(0, 9, 60)
    trials = TrialCounts.of(counts, shown)
    found = [trials.residuals(block) for block in trials.blocks()]
    assert len(found) > 3
    rows = np.concatenate([residual for residual, _ in found])
    for begin, end, mean in zip(
        trials.starts, trials.ends, np.concatenate([mean for _, mean in found]), strict=True
    ):
        chosen = trials.order[begin:end]
        assert len(set(shown[chosen])) == 1
        np.testing.assert_allclose(mean, counts[chosen].mean(axis=0))
        np.testing.assert_allclose(rows[begin:end], counts[chosen] - mean, atol=1e-6)


def test_standardised_residuals_have_unit_variance():
    random = np.random.default_rng(1)
    counts = random.normal(size=(40, 3)) * [1, 5, 0]
    trials = TrialCounts.of(counts, np.arange(40) % 2)
    rows, _ = trials.residuals(slice(0, 2), standardised=True)
    spread = [part.var(axis=0, ddof=1) for part in np.split(rows, 2)]
    np.testing.assert_allclose(spread, [[1, 1, 0]] * 2, atol=1e-5)


def test_single_trials_are_left_out_and_names_kept():
    counts = xr.DataArray(np.eye(4), dims=("trial", "unit"), coords={"unit": list("abcd")})
    trials = TrialCounts.of(counts, [1, 2, 1, 3])
    assert trials.order.tolist() == [0, 2]
    assert trials.units.tolist() == list("abcd")


@pytest.mark.parametrize(
    ("counts", "conditions"),
    [
        (np.eye(3), [0, 0]),
        (np.eye(3), [0, 1, 2]),
        (np.ones(3), [0, 0, 0]),
        (np.full((3, 2), np.nan), [0, 0, 0]),
        (np.array([["a"], ["b"]]), [0, 0]),
        (np.empty((0, 2)), []),
    ],
)
def test_counts_that_cannot_be_used(counts, conditions):
    with pytest.raises(InputError):
        TrialCounts.of(counts, conditions)
