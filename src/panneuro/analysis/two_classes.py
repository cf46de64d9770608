"""Linear classifiers of two classes under permuted labels: one decomposition for all folds.

What the trials of a fold would be told by a classifier that was fitted without them follows from a
fit with them. For least squares that is the hat matrix less the block of the fold; for a
discriminant, whose shrinkage depends on the labels a little, the same with a matrix as large as the
fold, which is a smooth function of one number and is interpolated.

Sources: Treder (2018) arXiv:1803.10016; folds of a hat matrix, Cook & Weisberg (1982) Residuals
and Influence in Regression, section 3.6; interpolation, Trefethen (2013) Approximation Theory and
Approximation Practice, theorem 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from panneuro.analysis.blocks import ranges
from panneuro.analysis.labels import Integers
from panneuro.analysis.streams import spread
from panneuro.core.errors import InputError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
_LABELLINGS = 2048
"""Scored at once: so many that what folds share costs little, and few megabytes."""
_RUN = 1.1
"""The widest ratio of levels that are interpolated together."""
_EXACT = 1e-11


def ridge_accuracies(
    points: Array, members: npt.NDArray[np.bool_], folds: Integers, alpha: float
) -> Floats:
    """Return the accuracy of ridge classifiers under each labelling, from one hat matrix.

    With the hat matrix H of all trials, their intercept among them, what the other folds tell of
    the trials k of a fold is ``(I - H_kk)^-1 H_k y``, of which the columns k are left out.

    Parameters
    ----------
    points : ndarray of float, shape (n_trials, n_dimensions)
        Centred.
    members : ndarray of bool, shape (n_labellings, n_trials)
        Which trials are of the second class.
    folds : ndarray of int64, shape (n_trials,)
        The same for all.
    alpha : float
        The penalty.

    Returns
    -------
    ndarray of float64, shape (n_labellings,)
        Mean over folds of the fraction that is right.

    Examples
    --------
    >>> points = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> ridge_accuracies(points, points.T > 0, np.array([0, 1, 0, 1]), 1.0)
    array([1.])
    """
    order, sizes = np.argsort(folds, kind="stable"), np.bincount(folds)
    hat, ends = _hat(points[order], alpha), np.cumsum(sizes)
    truth = np.ascontiguousarray(members.T[order])
    # Twice over, the trials of other folds follow one another, whichever fold is left out.
    signs = np.empty((2, *truth.shape), np.float32)
    np.multiply(truth, 2, out=signs)
    signs -= 1
    signs = signs.reshape(-1, len(members))
    right = np.zeros(len(members))
    for first, last in zip(ends - sizes, ends, strict=True):
        rows = hat[first:last]
        left = np.eye(last - first, dtype=hat.dtype) - rows[:, first:last]
        others = np.hstack([rows[:, last:], rows[:, :first]])
        told = _scores(np.linalg.inv(left) @ others, signs[last : first + len(truth)])
        right += np.count_nonzero((told > 0) == truth[first:last], axis=0) / (last - first)
    return right / len(sizes)


def _hat(points: Array, alpha: float) -> Array:
    """Return what turns labels into their ridge regression on centred trials, shape (n, n)."""
    gram = points.T @ points
    gram[np.diag_indices(len(gram))] += alpha
    factor = scipy.linalg.cholesky(gram.T, lower=True, overwrite_a=True, check_finite=False)
    divide = scipy.linalg.get_blas_funcs("trsm", (factor, points))
    half = divide(1.0, factor, points.T, lower=True)
    hat: Array = half.T @ half
    hat += 1 / len(points)
    return hat


def _scores(weights: Array, signs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Multiply in single precision, and again those whose sign that leaves open."""
    scores = weights.astype(np.float32) @ signs
    if weights.dtype == np.float32:
        return scores
    # Higham (2002) Accuracy and Stability of Numerical Algorithms, section 3.1.
    bound = (len(signs) + 2) * np.finfo(np.float32).eps / 2 * np.abs(weights).sum(axis=1)
    rows, columns = np.nonzero(np.abs(scores) < bound[:, None])
    scores[rows, columns] = np.sign(np.einsum("ij,ji->i", weights[rows], signs[:, columns]))
    return scores


@dataclass(frozen=True)
class _Trials:
    """All trials along the axes of their scatter, and the rows of each fold."""

    points: Floats
    scatter: Floats
    held: list[Integers]
    shrinkage: float
    n_units: int


def discriminant_accuracies(
    points: Array,
    members: npt.NDArray[np.bool_],
    folds: Integers,
    shrinkage: float,
    n_units: int,
    executor: Executor | None = None,
) -> Floats:
    """Return the accuracy of linear discriminants under each labelling, in double precision.

    The scatter within classes that a fold is told by is that of all trials, a diagonal here, less
    the trials of the fold and less the product of the difference of the means with itself. By
    Woodbury's identity the former leaves a system as large as the fold; by Sherman and Morrison's
    the latter leaves the direction as it was.

    Parameters
    ----------
    points : ndarray of float, shape (n_trials, n_dimensions)
        Centred.
    members : ndarray of bool, shape (n_labellings, n_trials)
        Which trials are of the second class.
    folds : ndarray of int64, shape (n_trials,)
        The same for all.
    shrinkage : float
        As in :class:`~panneuro.analysis.linear_classifiers.LDA`.
    n_units : int
        How many dimensions there were before the data were rotated into fewer.
    executor : concurrent.futures.Executor, optional
        Spreads blocks of labellings; the result is the same.

    Returns
    -------
    ndarray of float64, shape (n_labellings,)
        Mean over folds of the fraction that is right.

    Raises
    ------
    InputError
        If trials do not vary.

    Examples
    --------
    >>> points = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> discriminant_accuracies(points, points.T > 0, np.array([0, 1, 0, 1]), 0.1, 1)
    array([1.])
    """
    wide = points.astype(np.float64, copy=False)
    scatter, axes = scipy.linalg.eigh(
        wide.T @ wide, driver="evd", overwrite_a=True, check_finite=False
    )
    if not scatter[-1] > 0:
        raise InputError("no cell varies between trials", hint="leave out cells that never vary")
    held = [np.flatnonzero(folds == fold) for fold in range(int(folds.max()) + 1)]
    trials = _Trials(wide @ axes, np.maximum(scatter, 0), held, shrinkage, n_units)
    blocks = (members[rows] for rows in ranges(len(members), _LABELLINGS))
    return np.concatenate(list(spread(partial(_discriminate, trials), blocks, executor)))


def _discriminate(trials: _Trials, members: npt.NDArray[np.bool_]) -> Floats:
    """Return the accuracy of each labelling, mean over folds."""
    truths = [np.ascontiguousarray(members[:, rows].T) for rows in trials.held]
    sums = [
        trials.points[rows].T @ truth.astype(np.float64)
        for rows, truth in zip(trials.held, truths, strict=True)
    ]
    whole, n_ones = sum(sums[1:], start=sums[0]), members.sum(axis=1)
    right = np.zeros(len(members))
    for rows, truth, part in zip(trials.held, truths, sums, strict=True):
        np.subtract(whole, part, out=part)
        told = _told(trials, trials.points[rows], part, n_ones - truth.sum(axis=0))
        right += np.count_nonzero(told == truth, axis=0) / len(rows)
    return right / len(sums)


def _told(
    trials: _Trials, held: Floats, sums: Floats, ones: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.bool_]:
    """Return which trials of a fold are told to be of the second class.

    Parameters
    ----------
    held : ndarray, shape (n_held, n_dimensions)
        The trials of the fold.
    sums : ndarray, shape (n_dimensions, n_labellings)
        Of the second class, over the other trials; overwritten.
    ones : ndarray, shape (n_labellings,)
        How many of the other trials are of the second class.
    """
    total, keep = len(trials.points) - len(held), 1 - trials.shrinkage
    zeros = total - ones
    mean = -held.sum(axis=0) / total
    sums -= np.outer(mean, ones)
    apart = np.multiply(sums, 1 / np.maximum(ones, 1) + 1 / np.maximum(zeros, 1), out=sums)
    between = ones * zeros / total**2
    trace = trials.scatter.sum() - np.vdot(held, held) - total * (mean @ mean)
    within = trace - total * between * np.einsum("pb,pb->b", apart, apart)
    least = np.finfo(np.float64).eps * trials.scatter[-1]
    levels = np.maximum(trials.shrinkage / trials.n_units * within, least)
    solve = _with_all if len(held) <= len(apart) else _without
    scores, inner = solve(trials, held, levels, apart)
    with np.errstate(divide="ignore"):
        prior = np.log(ones) - np.log(zeros)
    inner *= total
    limits = (zeros - ones) / (2 * total) * inner - prior * (1 - keep * between * inner)
    found: npt.NDArray[np.bool_] = total * scores > limits
    return found


def _with_all(
    trials: _Trials, held: Floats, levels: Floats, apart: Floats
) -> tuple[Floats, Floats]:
    """Return scores of a fold's trials, and the distance of the means, from the scatter of all."""
    keep = 1 - trials.shrinkage
    divided = keep * trials.scatter[:, None] + levels
    np.divide(apart, divided, out=divided)
    along = held @ divided
    scores = np.empty_like(along)
    whole = np.eye(len(held)) - 1 / len(trials.points)
    for some, nodes, shares in _interpolated(levels):
        there = along[:, some]
        found = np.zeros_like(there)
        for node, share in zip(nodes, shares, strict=True):
            weights = keep / (keep * trials.scatter + node)
            found += np.linalg.inv(whole - (held * weights) @ held.T) @ (there * share)
        scores[:, some] = found
    inner = np.einsum("pb,pb->b", apart, divided) + keep * np.einsum("mb,mb->b", along, scores)
    return scores, inner


def _without(trials: _Trials, held: Floats, levels: Floats, apart: Floats) -> tuple[Floats, Floats]:
    """Return the same from the scatter of the other trials, where a fold has many."""
    seen = held + held.sum(axis=0) / (len(trials.points) - len(held))
    scatter, axes = scipy.linalg.eigh(
        np.diag(trials.scatter) - held.T @ seen, driver="evd", check_finite=False
    )
    scatter = (1 - trials.shrinkage) * np.maximum(scatter, 0)
    divided = axes @ ((axes.T @ apart) / (scatter[:, None] + levels))
    return seen @ divided, np.einsum("pb,pb->b", apart, divided)


def _interpolated(levels: Floats) -> Iterator[tuple[Integers, Floats, Floats]]:
    """Yield runs of levels: which they are, the nodes between which to interpolate, and shares.

    Solutions have no pole above zero, so that a few Chebyshev nodes give all digits of a run.
    """
    order = np.argsort(levels, kind="stable")
    ordered = levels[order]
    first = 0
    while first < len(ordered):
        last = int(np.searchsorted(ordered, ordered[first] * _RUN, "right"))
        some, at = order[first:last], ordered[first:last]
        middle, half = (at[-1] + at[0]) / 2, (at[-1] - at[0]) / 2
        n_nodes = 1
        if half > _EXACT * middle:
            ratio = middle / half
            n_nodes = int(np.ceil(-np.log(_EXACT) / np.log(ratio + np.sqrt(ratio**2 - 1))))
        if n_nodes < len(at):
            spots = np.cos(np.pi * (np.arange(n_nodes) + 0.5) / n_nodes)
            basis = np.polynomial.chebyshev.chebvander
            where = basis((at - middle) / max(half, _EXACT * middle), n_nodes - 1)
            yield some, middle + half * spots, np.linalg.solve(basis(spots, n_nodes - 1).T, where.T)
        else:
            yield some, at, np.eye(len(at))
        first = last
