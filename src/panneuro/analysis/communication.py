"""How much, and through how many dimensions, activity of one area tells that of another.

Everything needs only products of units summed over trials: those of a fold's training trials are
those of all trials less those it holds out.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.folds import check_folds
from panneuro.analysis.labels import unit_names
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

type Floats = npt.NDArray[np.floating[Any]]
type Integers = npt.NDArray[np.intp]

_NEGLIGIBLE = 1e-10
_HELD_OUT = {"units": "1", "long_name": "held-out correlation"}
_PERFORMANCE = {"units": "1", "long_name": "held-out variance predicted"}


@dataclass(frozen=True)
class _Moments:
    """Sums over trials, and of products of units."""

    n: int
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats
    yy: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Moments:
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, y.T @ y)

    def less(self, other: _Moments) -> _Moments:
        """Return the sums without those of other trials."""
        mine, theirs = vars(self), vars(other)
        return _Moments(**{name: mine[name] - theirs[name] for name in mine})

    def centred(self) -> tuple[Floats, Floats, Floats]:
        """Return products of activity from its mean: source, source with target, target."""
        return (
            self.xx - np.outer(self.x, self.x) / self.n,
            self.xy - np.outer(self.x, self.y) / self.n,
            self.yy - np.outer(self.y, self.y) / self.n,
        )


def reduced_rank_regression(
    source: npt.ArrayLike | xr.DataArray,
    target: npt.ArrayLike | xr.DataArray,
    *,
    max_rank: int | None = None,
    ridge: float = 0.0,
    folds: int | npt.ArrayLike = 10,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Predict one area from another through few dimensions, cross-validated.

    With the weights :math:`B` of ordinary (ridge) regression and the first :math:`r` principal
    axes :math:`V_r` of its predictions, the best weights of rank :math:`r` are
    :math:`B V_r V_r^T` [1]_.

    Parameters
    ----------
    source : array-like, shape (n_trials, n_source)
        Activity that predicts. For what areas share from trial to trial, give residuals: counts
        less the mean of their condition.
    target : array-like, shape (n_trials, n_target)
        Activity that is predicted, in the same trials.
    max_rank : int, optional
        The largest rank that is tried, at least 1; by default all.
    ridge : float
        Penalty, at least 0, in units of the mean variance of the source's units times trials.
    folds : int or array-like of int, shape (n_trials,)
        How many folds of trials drawn at random; or the fold of each trial, as from
        :func:`panneuro.analysis.folds.make_folds` for blocks of consecutive trials.
    seed : int, SeedSequence or Generator
        Of the folds that are drawn.

    Returns
    -------
    Dataset
        ``performance`` (fold, rank), the share of the held-out variance that is predicted with each
        rank from zero up; ``weights`` (source_unit, target_unit), of the regression of the chosen
        rank on all trials, for activity from its mean; ``dimensions`` (source_unit, dimension),
        what of the source the target follows, the most predictive first. The attribute
        ``n_dimensions`` is the smallest rank whose mean performance is within one standard error
        of the best [2]_.

    Raises
    ------
    InputError
        If trials are not equally many, fewer than folds, or not finite, or a rank or penalty
        cannot be.

    References
    ----------
    .. [1] Izenman, J. Multivar. Anal. 5 (1975) 248-264.
    .. [2] Semedo, Zandvakili, Machens, Yu & Kohn, Neuron 102 (2019) 249-259.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> source = random.normal(size=(500, 8))
    >>> target = source[:, :2] @ random.normal(size=(2, 6)) + random.normal(size=(500, 6))
    >>> reduced_rank_regression(source, target).n_dimensions
    2
    """
    x, y = _checked(source, target, ridge)
    n_ranks = _at_most(max_rank, x, y)
    parts = _folds(folds, len(x), seed)
    with one_thread():
        total = _Moments.of(x, y)
        performance = np.stack(
            [_performance(total, x[part], y[part], ridge, n_ranks) for part in parts]
        )
        chosen = _fewest(performance)
        weights, axes = _regress(*total.centred()[:2], ridge)
        kept = axes[:, :chosen]
    found = {
        "performance": (("fold", "rank"), performance, _PERFORMANCE),
        "weights": (("source_unit", "target_unit"), weights @ kept @ kept.T),
        "dimensions": (("source_unit", "dimension"), weights @ kept),
    }
    sides = {"source_unit": source, "target_unit": target}
    return xr.Dataset(found, _names(sides), {"n_dimensions": chosen})


def _performance(total: _Moments, x: Floats, y: Floats, ridge: float, n_ranks: int) -> Floats:
    """Return the share of held-out variance that each rank predicts.

    Axes are orthonormal, so each adds its own part to the error whatever the others.
    """
    train = total.less(_Moments.of(x, y))
    weights, axes = _regress(*train.centred()[:2], ridge)
    kept = axes[:, :n_ranks]
    away = y - train.y / train.n
    variance = float(np.sum(away**2))
    predicted = (x - train.x / train.n) @ weights @ kept
    gained = np.sum(predicted * (2 * (away @ kept) - predicted), axis=0)
    if variance <= 0:
        raise InputError("the target does not vary in the trials of a fold")
    return np.concatenate([[0.0], np.cumsum(gained) / variance])


def _regress(xx: Floats, xy: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Return weights, and the principal axes of what they predict, the largest first."""
    weights = _inverse(xx, ridge, 1.0) @ xy
    _, axes = np.linalg.eigh(weights.T @ xx @ weights)
    return weights, axes[:, ::-1]


def _inverse(matrix: Floats, ridge: float, power: float) -> Floats:
    """Return a power of the inverse; directions in which nothing varies are left out."""
    values, vectors = np.linalg.eigh(matrix)
    there = values > _NEGLIGIBLE * max(float(values[-1]), 1e-300)
    penalty = ridge * float(np.trace(matrix)) / len(matrix)
    scale = (values[there] + penalty) ** -power
    return np.asarray((vectors[:, there] * scale) @ vectors[:, there].T)


def _fewest(performance: Floats) -> int:
    """Return the smallest rank within one standard error of the best."""
    mean, error = performance.mean(axis=0), _error(performance)
    best = int(mean.argmax())
    return int(np.argmax(mean >= mean[best] - error[best]))


def _error(performance: Floats) -> Floats:
    return np.asarray(performance.std(axis=0, ddof=1) / np.sqrt(len(performance)))


def prediction_test(
    source: npt.ArrayLike | xr.DataArray,
    target: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike | None = None,
    *,
    max_rank: int | None = None,
    ridge: float = 0.0,
    folds: int | npt.ArrayLike = 10,
    n_permutations: int = 200,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> tuple[float, float]:
    """Test whether one area predicts another beyond what conditions explain.

    The trials of the target are shuffled within conditions. The statistic is the largest mean
    performance of any rank, so that choosing a rank is paid for.

    Parameters
    ----------
    source : array-like, shape (n_trials, n_source)
        Activity that predicts.
    target : array-like, shape (n_trials, n_target)
        Activity that is predicted, in the same trials.
    conditions : array-like, shape (n_trials,), optional
        The stimulus of each trial.
    max_rank : int, optional
        The largest rank that is tried, at least 1; by default all.
    ridge : float
        Penalty, at least 0, in units of the mean variance of the source's units times trials.
    folds : int or array-like of int, shape (n_trials,)
        How many folds of trials drawn at random; or the fold of each trial.
    n_permutations : int
        The smallest p-value is one by this plus one.
    seed : int, SeedSequence or Generator
        Of folds and permutations.
    executor : concurrent.futures.Executor, optional
        Where permutations are spread; the result does not depend on it.

    Returns
    -------
    performance : float
        The largest mean performance.
    p : float
        The share of shuffles whose own reaches it.

    Raises
    ------
    InputError
        If trials are not equally many, fewer than folds, or not finite, a rank or penalty cannot
        be, or there are no permutations.

    References
    ----------
    Semedo, Zandvakili, Machens, Yu & Kohn, Neuron 102 (2019) 249-259, for the performance.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> source = random.normal(size=(100, 4))
    >>> target = source @ random.normal(size=(4, 3)) + random.normal(size=(100, 3))
    >>> performance, p = prediction_test(source, target, n_permutations=99)
    >>> performance > 0.5, p
    (True, 0.01)
    """
    x, y = _checked(source, target, ridge)
    parent = root(seed)
    parts = _folds(folds, len(x), parent)
    n_ranks = _at_most(max_rank, x, y)
    task = partial(_best, x, y, parts, ridge, n_ranks)
    observed = task(np.arange(len(x)))
    shuffled = permute(np.arange(len(x)), n_permutations, parent, conditions)
    null = list(spread(task, shuffled, executor))
    return observed, float(p_values(observed, null))


def _best(
    x: Floats, y: Floats, parts: list[Integers], ridge: float, n_ranks: int, order: Integers
) -> float:
    """Return the largest mean performance with the trials of the target in some order."""
    moved = y[order]
    with one_thread():
        total = _Moments.of(x, moved)
        found = [_performance(total, x[part], moved[part], ridge, n_ranks) for part in parts]
    return float(np.mean(found, axis=0)[1:].max())


def canonical_correlations(
    source: npt.ArrayLike | xr.DataArray,
    target: npt.ArrayLike | xr.DataArray,
    *,
    n_components: int | None = None,
    ridge: float = 0.0,
    folds: int | npt.ArrayLike = 10,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Find dimensions of two areas that are correlated most, and how much so in other trials.

    They are the singular vectors of :math:`S_x^{-1/2} S_{xy} S_y^{-1/2}` [1]_.

    Parameters
    ----------
    source : array-like, shape (n_trials, n_source)
        Activity of one area.
    target : array-like, shape (n_trials, n_target)
        Activity of the other, in the same trials.
    n_components : int, optional
        How many pairs; by default as many as the smaller area has units.
    ridge : float
        Penalty on both areas, in units of the mean variance of their units times trials.
    folds : int or array-like of int, shape (n_trials,)
        How many folds of trials drawn at random; or the fold of each trial.
    seed : int, SeedSequence or Generator
        Of the folds that are drawn.

    Returns
    -------
    Dataset
        ``held_out`` (fold, component), the correlation of trials that were held out, NaN where a
        projection of them does not vary; ``correlation`` (component,), of all trials, which fitting
        makes too large; ``source`` (source_unit, component) and ``target`` (target_unit,
        component), weights whose projections of all trials have unit variance.

    Raises
    ------
    InputError
        If trials are not equally many, fewer than folds, or not finite, or a rank or penalty
        cannot be.

    References
    ----------
    .. [1] Hotelling, Biometrika 28 (1936) 321-377.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> shared = random.normal(size=(400, 1))
    >>> source, target = (random.normal(size=(400, 5)) + shared for _ in range(2))
    >>> found = canonical_correlations(source, target, n_components=2)
    >>> found.held_out.mean("fold").values.round(1)
    array([0.8, 0.1])
    """
    x, y = _checked(source, target, ridge)
    n_pairs = _at_most(n_components, x, y)
    parts = _folds(folds, len(x), seed)
    with one_thread():
        total = _Moments.of(x, y)
        correlations, a, b = _canonical(total, ridge, n_pairs)
        held_out = [_held_out(total, x[part], y[part], ridge, n_pairs) for part in parts]
    scale = np.sqrt(len(x) - 1)
    found = {
        "held_out": (("fold", "component"), np.stack(held_out), _HELD_OUT),
        "correlation": ("component", correlations),
        "source": (("source_unit", "component"), a * scale),
        "target": (("target_unit", "component"), b * scale),
    }
    return xr.Dataset(found, _names({"source_unit": source, "target_unit": target}))


def _names(sides: dict[str, npt.ArrayLike | xr.DataArray]) -> dict[str, npt.NDArray[Any]]:
    return {name: unit_names(side, np.shape(side)[1]) for name, side in sides.items()}


def _canonical(moments: _Moments, ridge: float, n_pairs: int) -> tuple[Floats, Floats, Floats]:
    xx, xy, yy = moments.centred()
    left, right = _inverse(xx, ridge, 0.5), _inverse(yy, ridge, 0.5)
    u, values, v = np.linalg.svd(left @ xy @ right)
    return values[:n_pairs], left @ u[:, :n_pairs], right @ v[:n_pairs].T


def _held_out(total: _Moments, x: Floats, y: Floats, ridge: float, n_pairs: int) -> Floats:
    _, a, b = _canonical(total.less(_Moments.of(x, y)), ridge, n_pairs)
    first, second = ((side - side.mean(axis=0)) for side in (x @ a, y @ b))
    norms = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    together = (first * second).sum(axis=0)
    undefined: Floats = np.full(n_pairs, np.nan)
    return np.asarray(np.divide(together, norms, out=undefined, where=norms > 0))


def _at_most(asked: int | None, x: Floats, y: Floats) -> int:
    """Return how many dimensions there can be, and are asked for."""
    if asked is not None:
        check_number("dimensions of areas", asked)
    return int(min(asked or x.shape[1], x.shape[1], y.shape[1]))


def _checked(source: npt.ArrayLike, target: npt.ArrayLike, ridge: float) -> tuple[Floats, Floats]:
    if not is_real(ridge, least=0, most=1e100):
        raise InputError(f"the penalty on areas is {ridge!r}, not a number from 0")
    x, y = (reals(side, "activity of areas") for side in (source, target))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not x.size or not y.size:
        raise InputError(
            f"areas have activity of shapes {x.shape} and {y.shape}",
            hint="give the same trials of both, as rows",
        )
    if beyond(x).any() or beyond(y).any():
        raise InputError(
            "activity of areas is not all finite, or too great", hint="leave such trials out"
        )
    # Sums of squares lose digits far from zero.
    return x - x.mean(axis=0), y - y.mean(axis=0)


def _folds(folds: int | npt.ArrayLike, n: int, seed: Seed) -> list[Integers]:
    """Return the trials of each fold; each leaves at least two trials to train on."""
    given = as_array(folds, "folds")
    if given.ndim == 0:
        check_number("folds", given.item(), 2)
        if not int(given) <= n // 2:
            raise InputError(f"{n} trials were to be held out in {int(given)} folds")
        shuffled = stream(seed, 2**32 - 1).permutation(n)
        return [np.sort(part) for part in np.array_split(shuffled, int(given))]
    numbered = check_folds(folds, n)
    return [np.flatnonzero(numbered == fold) for fold in range(int(numbered.max()) + 1)]
