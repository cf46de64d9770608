"""The likelihood of Poisson counts under log-linear rates, its slope and its curvature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import ranges

Array = npt.NDArray[Any]

BLOCK_ROWS = 4096
"""Bins of time at once: their rates stay in the processor's cache."""

_AHEAD = 32
"""Blocks whose sums wait in memory to be added in order."""


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
    executor : ThreadPoolExecutor, optional
        Shares blocks of time out; their sums are added in order, so that the result is the same.
    """

    features: Array
    counts: Array
    ridge: Array
    towards: Array
    executor: ThreadPoolExecutor | None = None

    @classmethod
    def of(
        cls,
        features: Array,
        counts: Array,
        ridge: Array,
        executor: ThreadPoolExecutor | None = None,
    ) -> Problem:
        """Add the column of ones."""
        ones = np.ones((len(features), 1), dtype=features.dtype)
        points = np.hstack([features, ones])
        penalties = np.append(ridge, 0.0)[:, None]
        problem = cls(points, counts, penalties, np.zeros(()), executor)
        towards = np.zeros((points.shape[1], counts.shape[1]))
        for found in problem._each(lambda rows: points[rows].T @ counts[rows]):
            towards += found
        return replace(problem, towards=towards / len(points))

    def cells(self, chosen: Any) -> Problem:
        """Return the problem of some cells."""
        return replace(self, counts=self.counts[:, chosen], towards=self.towards[:, chosen])

    def start(self) -> Array:
        """Return weights that tell each cell's mean."""
        found = np.zeros_like(self.towards)
        found[-1] = np.log(self.counts.mean(axis=0, dtype=np.float64))
        return found

    def value(self, weights: Array) -> Array:
        """Return what is to be made least, for each cell."""
        given, total = weights.astype(self.features.dtype), np.zeros(weights.shape[1])

        def expected(rows: slice) -> Array:
            with np.errstate(over="ignore"):
                found: Array = np.exp(self.features[rows] @ given).sum(axis=0, dtype=np.float64)
            return found

        for found in self._each(expected):
            total += found
        return self._penalised(total, weights)

    def evaluate(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return the value, the slope and the rates of each cell."""
        rates = np.empty_like(self.counts)
        slope = self.ridge * weights - self.towards
        given, total = weights.astype(self.features.dtype), np.zeros(weights.shape[1])

        def sloped(rows: slice) -> tuple[Array, Array]:
            with np.errstate(over="ignore", invalid="ignore"):
                np.exp(self.features[rows] @ given, out=rates[rows])
                towards = self.features[rows].T @ rates[rows] / len(rates)
            return towards, rates[rows].sum(axis=0, dtype=np.float64)

        for towards, expected in self._each(sloped):
            slope += towards
            total += expected
        return self._penalised(total, weights), slope, rates

    def curve(self, towards: Array, rates: Array) -> Array:
        """Return the Hessian of each cell times a direction of its own."""
        bent, given = self.ridge * towards, towards.astype(self.features.dtype)

        def curved(rows: slice) -> Array:
            along = self.features[rows] @ given
            along *= rates[rows]
            found: Array = self.features[rows].T @ along / len(rates)
            return found

        for found in self._each(curved):
            bent += found
        return bent

    def _each[R](self, task: Callable[[slice], R]) -> Iterator[R]:
        """Yield the result of each block of time, in order."""
        spread = map if self.executor is None else self.executor.map
        for some in batched(ranges(len(self.features), BLOCK_ROWS), _AHEAD):
            yield from spread(task, some)

    def _penalised(self, total: Array, weights: Array) -> Array:
        value: Array = total / len(self.features)
        value -= np.einsum("ij,ij->j", self.towards, weights)
        value += 0.5 * (self.ridge * weights**2).sum(axis=0)
        return value
