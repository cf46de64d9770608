"""Counts of trials by condition: what is left of them when the mean of the condition is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import unit_names
from panneuro.analysis.reals import as_array, beyond
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError

type Floats = npt.NDArray[np.floating[Any]]
type Integers = npt.NDArray[np.intp]

BLOCK = 8192
"""Trials that are in memory at once, unless a condition has more."""


@dataclass(frozen=True, eq=False)
class TrialCounts:
    """Responses of units in trials, with the condition of each trial.

    Parameters
    ----------
    values : ndarray, shape (n_trials, n_units)
        Spike counts or any other response.
    order : ndarray of intp, shape (n_kept,)
        Trials of conditions that were shown more than once, condition by condition.
    ends : ndarray of intp, shape (n_conditions,)
        Where each condition ends within `order`.
    units : ndarray, shape (n_units,)
        Names of the units.
    """

    values: npt.NDArray[Any]
    order: Integers
    ends: Integers
    units: npt.NDArray[Any]

    @classmethod
    def of(cls, counts: npt.ArrayLike | xr.DataArray, conditions: npt.ArrayLike) -> TrialCounts:
        """Sort trials by condition, or say what is wrong with them.

        Raises
        ------
        InputError
            If lengths do not agree, a value is not finite, or no condition was shown twice.
        """
        values = as_array(counts, "responses")
        if values.ndim != 2 or values.dtype.kind not in "biuf":
            raise InputError(f"responses have the shape {values.shape}, not trials by units")
        _, codes = group(conditions, len(values))
        # Residuals are of 32 bits.
        if values.dtype.kind == "f" and beyond(values, np.float32).any():
            raise InputError(
                "responses are not all finite, or too great", hint="leave such trials out"
            )
        sizes = np.bincount(codes)
        order = np.argsort(codes, kind="stable")
        kept = sizes >= 2
        if not kept.any():
            raise InputError(
                f"none of {len(sizes)} conditions has two trials: nothing varies within them"
            )
        units = unit_names(counts, values.shape[1])
        return cls(values, order[kept[codes[order]]], np.cumsum(sizes[kept]), units)

    @property
    def starts(self) -> Integers:
        """Where each condition begins within `order`."""
        return np.concatenate([[0], self.ends[:-1]])

    @property
    def sizes(self) -> Integers:
        """Trials of each condition."""
        return np.diff(self.ends, prepend=0)

    def blocks(self) -> Iterator[slice]:
        """Cut conditions into blocks of about `BLOCK` trials."""
        first = 0
        while first < len(self.ends):
            start = self.starts[first]
            after = int(np.searchsorted(self.ends, start + BLOCK, side="right"))
            last = max(after, first + 1)
            yield slice(first, last)
            first = last

    def residuals(self, block: slice, *, standardised: bool = False) -> tuple[Floats, Floats]:
        """Return responses less the mean of their condition, and those means.

        Parameters
        ----------
        block : slice
            Of conditions.
        standardised : bool
            Divide by the standard deviation of each unit in each condition too.

        Returns
        -------
        residuals : ndarray of float32, shape (n_trials_of_block, n_units)
        means : ndarray of float64, shape (n_conditions_of_block, n_units)
        """
        begin = int(self.starts[block][0])
        ends = self.ends[block]
        out = self.values[self.order[begin : ends[-1]]].astype(np.float32)
        means = np.empty((len(ends), out.shape[1]))
        _take_means(out, ends - begin, means, bool(standardised))
        return out, means


@compiled
def _take_means(values: Floats, ends: Integers, means: Floats, standardised: bool) -> None:
    """Subtract from consecutive rows their mean; divide by their deviation where asked."""
    n_units = values.shape[1]
    squares = np.empty(n_units)
    first = 0
    for condition in range(ends.size):
        end = ends[condition]
        mean = means[condition]
        mean[:] = 0
        squares[:] = 0
        for row in range(first, end):
            for unit in range(n_units):
                mean[unit] += values[row, unit]
        for unit in range(n_units):
            mean[unit] /= end - first
        for row in range(first, end):
            for unit in range(n_units):
                values[row, unit] -= mean[unit]
                squares[unit] += values[row, unit] * values[row, unit]
        if standardised:
            for unit in range(n_units):
                varies = squares[unit] > 0
                squares[unit] = np.sqrt((end - first - 1) / squares[unit]) if varies else 0.0
            for row in range(first, end):
                for unit in range(n_units):
                    values[row, unit] *= squares[unit]
        first = end
