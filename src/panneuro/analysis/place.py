"""Where the animal was, from which cells fired: Bayesian decoding of position.

Source: Zhang, Ginzburg, McNaughton & Sejnowski (1998) J. Neurophysiol. 79:1017.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from panneuro.analysis.fields import (
    Fields,
    as_columns,
    check_chosen,
    check_counts,
    check_edges,
    tuning_fields,
)
from panneuro.analysis.folds import check_folds
from panneuro.analysis.walks import normal_moves, smooth_over_time
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.floating[Any]]

BLOCK_ROWS = 8192
"""Bins of time in memory at once."""

LOWEST_HZ = 1e-3
"""The least rate of a field, so that one unexpected spike rules nothing out."""


@dataclass(frozen=True)
class Decoded:
    """Where the animal was decoded to be.

    Parameters
    ----------
    position : ndarray of float64, shape (n_times, n_axes)
        Middle of the likeliest bin.
    error : ndarray of float64, shape (n_times,)
        Distance from the true position, in its unit; NaN where that is not known.
    certainty : ndarray of float64, shape (n_times,)
        Probability of the likeliest bin.
    """

    position: Floats
    error: Floats
    certainty: Floats


def position_log_likelihood(
    counts: npt.ArrayLike, fields: Fields, bin_s: float, dtype: npt.DTypeLike = np.float64
) -> Floats:
    """Return ``sum_i(n_i log(f_i(x) dt)) - dt sum_i(f_i(x))``, up to a term without position.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each cell in bins of time.
    fields : Fields
        Rates; bins where the animal never was are impossible: minus infinity.
    bin_s : float
        Seconds of a bin of time.
    dtype : dtype
        In what to compute.

    Returns
    -------
    ndarray, shape (n_times, n_bins)

    Examples
    --------
    >>> fields = Fields(np.array([[1.0, 10.0]]), np.ones(2), (np.arange(3.0),))
    >>> position_log_likelihood([[0], [3]], fields, 0.1).argmax(axis=1)
    array([0, 1])
    """
    spikes = check_counts(counts, bin_s)
    if spikes.shape[1] != len(fields.rates_hz):
        raise InputError(f"{spikes.shape[1]} cells were given fields of {len(fields.rates_hz)}")
    return _log_likelihood(spikes, *_weights(fields, bin_s, dtype))


def position_posterior(
    counts: npt.ArrayLike,
    fields: Fields,
    bin_s: float,
    *,
    prior: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> Floats:
    """Return the probability of each position in each bin of time, from that bin alone.

    Parameters
    ----------
    counts, fields, bin_s, dtype
        As for :func:`position_log_likelihood`.
    prior : array-like, shape (*n_bins), optional
        Probability of each position; flat by default. ``fields.occupancy_s`` is the usual other.

    Returns
    -------
    ndarray, shape (n_times, n_bins)
        Rows sum to one. Nowhere is a bin's row flat merely because no cell fired: that, too, tells.

    Examples
    --------
    >>> fields = Fields(np.array([[1.0, 10.0]]), np.ones(2), (np.arange(3.0),))
    >>> position_posterior([[0], [3]], fields, 0.1).round(2)
    array([[0.71, 0.29],
           [0.  , 1.  ]])
    """
    return _normalise(
        position_log_likelihood(counts, fields, bin_s, dtype) + _log_prior(prior, fields, dtype)
    )


def decode_position(
    counts: npt.ArrayLike,
    positions: npt.ArrayLike,
    edges: npt.ArrayLike | tuple[npt.ArrayLike, ...],
    bin_s: float,
    folds: npt.ArrayLike,
    *,
    smoothing_bins: float = 0.0,
    moving: npt.ArrayLike | None = None,
    step: float | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Decoded:
    """Decode each bin of time with the fields of the folds that it is not in.

    Parameters
    ----------
    counts, positions, edges, bin_s, smoothing_bins, moving
        As for :func:`tuning_fields`; times that do not move are decoded, but not learnt from.
    folds : array-like of int, shape (n_times,)
        Fold of each bin of time. They must be long stretches, such as laps or minutes: neighbours
        in time know of each other. ``make_folds(..., groups=minutes)`` or ``minutes % 5``.
    step : float, optional
        Smooth over time: the standard deviation of a random walk from one bin of time to the next,
        in the unit of positions along a line; the posterior then uses all bins, before and after.
    dtype : dtype
        In what to compute.

    Returns
    -------
    Decoded
        Memory is bounded by blocks of time, but with `step`, which holds the posterior twice.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> position = np.abs(np.arange(4000) % 200 - 100.0)
    >>> rates = 20 * np.exp(-((position[:, None] - np.arange(0, 101, 10)) ** 2) / 200)
    >>> counts = random.poisson(rates * 0.1)
    >>> folds = np.arange(4000) // 1000
    >>> found = decode_position(counts, position, np.arange(0, 101, 5), 0.1, folds)
    >>> bool(np.median(found.error) < 5)
    True
    """
    spikes = check_counts(counts, bin_s)
    bounds, numbered = check_edges(edges), check_folds(folds, len(spikes))
    true = as_columns(positions, len(spikes))
    chosen = np.ones(len(spikes), bool) if moving is None else check_chosen(moving, len(spikes))
    if step is not None and len(bounds) > 1:
        raise InputError("smoothing over time is along a line; positions have several axes")
    learnt = [
        tuning_fields(
            spikes,
            true,
            bounds,
            bin_s,
            smoothing_bins=smoothing_bins,
            moving=chosen & (numbered != one),
        )
        for one in range(int(numbered.max()) + 1)
    ]
    weights = [_weights(fields, bin_s, dtype) for fields in learnt]
    if step is not None:
        likelihood = np.empty((len(spikes), len(bounds[0]) - 1), dtype=dtype)
        for rows, block in _blocks(spikes, numbered, weights):
            likelihood[rows] = block
        best, certainty = _best(smooth_over_time(likelihood, normal_moves(step, bounds[0])))
    else:
        best, certainty = _best_by_block(spikes, numbered, weights)
    decoded = learnt[0].centres[best]
    return Decoded(decoded, np.linalg.norm(decoded - true, axis=1), certainty)


def _blocks(
    spikes: Floats, folds: npt.NDArray[np.int64], weights: list[tuple[Floats, Floats]]
) -> Iterator[tuple[slice, Floats]]:
    """Yield log-likelihoods of blocks of time, none of which lies in two folds."""
    changes = np.flatnonzero(np.diff(folds)) + 1
    for first, last in pairwise([0, *changes.tolist(), len(folds)]):
        for start in range(first, last, BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, last))
            yield rows, _log_likelihood(spikes[rows], *weights[folds[first]])


def _best_by_block(
    spikes: Floats, folds: npt.NDArray[np.int64], weights: list[tuple[Floats, Floats]]
) -> tuple[npt.NDArray[np.int64], Floats]:
    best, certainty = np.empty(len(spikes), dtype=np.int64), np.empty(len(spikes))
    for rows, block in _blocks(spikes, folds, weights):
        highest = block.argmax(axis=1)
        below = block - np.take_along_axis(block, highest[:, None], axis=1)
        best[rows], certainty[rows] = highest, 1 / np.exp(below, out=below).sum(axis=1)
    return best, certainty


def _best(posterior: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    return posterior.argmax(axis=1), posterior.max(axis=1)


def _weights(fields: Fields, bin_s: float, dtype: npt.DTypeLike) -> tuple[Floats, Floats]:
    """Return the logarithms of expected counts, and their sums: infinite where nobody was."""
    rates = fields.rates_hz.reshape(len(fields.rates_hz), -1)
    expected = np.maximum(np.nan_to_num(rates), LOWEST_HZ) * bin_s
    totals = np.where(np.isnan(rates).any(axis=0), np.inf, expected.sum(axis=0))
    return np.log(expected).astype(dtype), totals.astype(dtype)


def _log_likelihood(spikes: Floats, logs: Floats, totals: Floats) -> Floats:
    with threadpool_limits(1):
        found: Floats = spikes.astype(logs.dtype) @ logs
    found -= totals
    return found


def _log_prior(prior: npt.ArrayLike | None, fields: Fields, dtype: npt.DTypeLike) -> Floats:
    if prior is None:
        return np.zeros(fields.occupancy_s.size, dtype=dtype)
    given = np.asarray(prior, dtype=float).ravel()
    if given.shape != (fields.occupancy_s.size,) or not (given >= 0).all() or not given.sum() > 0:
        raise InputError(f"the prior of {fields.occupancy_s.size} positions is {given[:5]}…")
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(given / given.sum()).astype(dtype)
    return logs


def _normalise(logs: Floats) -> Floats:
    highest = logs.max(axis=1, keepdims=True)
    if not np.isfinite(highest).all():
        raise InputError("the prior allows no position where the animal has been")
    logs -= highest
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs
