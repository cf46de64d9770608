"""The likelihood of Poisson counts under log-linear rates, its slope and its curvature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK_ROWS = 4096
"""Bins of time at once: their rates stay in the processor's cache."""


@dataclass(frozen=True)
class Problem:
    """Counts of cells, and what they are to be explained by.

    Parameters
    ----------
    features : ndarray, shape (n_times, n_weights)
        The last column is one.
    counts : ndarray, shape (n_times, n_units)
        Of the features' precision, in which products are computed; their sums are in double.
    ridge : ndarray, shape (n_weights, 1)
    towards : ndarray, shape (n_weights, n_units)
        Mean over time of feature times count.
    """

    features: Array
    counts: Array
    ridge: Array
    towards: Array

    @classmethod
    def of(cls, features: Array, counts: Array, ridge: Array) -> Problem:
        """Add the column of ones."""
        ones = np.ones((len(features), 1), dtype=features.dtype)
        points = np.hstack([features, ones])
        penalties = np.append(ridge, 0.0)[:, None]
        towards = np.zeros((points.shape[1], counts.shape[1]))
        for rows in _blocks(len(points)):
            towards += points[rows].T @ counts[rows]
        return cls(points, counts, penalties, towards / len(points))

    def cells(self, chosen: Any) -> Problem:
        """Return the problem of some cells."""
        return Problem(self.features, self.counts[:, chosen], self.ridge, self.towards[:, chosen])

    def start(self) -> Array:
        """Return weights that tell each cell's mean."""
        found = np.zeros_like(self.towards)
        found[-1] = np.log(self.counts.mean(axis=0, dtype=np.float64))
        return found

    def value(self, weights: Array) -> Array:
        """Return what is to be made least, for each cell."""
        given, total = weights.astype(self.features.dtype), np.zeros(weights.shape[1])
        with np.errstate(over="ignore"):
            for rows in _blocks(len(self.features)):
                total += np.exp(self.features[rows] @ given).sum(axis=0, dtype=np.float64)
        return self._penalised(total, weights)

    def evaluate(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return the value, the slope and the rates of each cell."""
        rates = np.empty_like(self.counts)
        slope = self.ridge * weights - self.towards
        given, total = weights.astype(self.features.dtype), np.zeros(weights.shape[1])
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in _blocks(len(self.features)):
                np.exp(self.features[rows] @ given, out=rates[rows])
                slope += self.features[rows].T @ rates[rows] / len(rates)
                total += rates[rows].sum(axis=0, dtype=np.float64)
        return self._penalised(total, weights), slope, rates

    def curve(self, towards: Array, rates: Array) -> Array:
        """Return the Hessian of each cell times a direction of its own."""
        bent, given = self.ridge * towards, towards.astype(self.features.dtype)
        for rows in _blocks(len(self.features)):
            along = self.features[rows] @ given
            along *= rates[rows]
            bent += self.features[rows].T @ along / len(rates)
        return bent

    def _penalised(self, total: Array, weights: Array) -> Array:
        value: Array = total / len(self.features)
        value -= np.einsum("ij,ij->j", self.towards, weights)
        value += 0.5 * (self.ridge * weights**2).sum(axis=0)
        return value


def _blocks(n_times: int) -> Iterator[slice]:
    for start in range(0, n_times, BLOCK_ROWS):
        yield slice(start, start + BLOCK_ROWS)
