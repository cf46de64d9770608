"""Poisson regression of spikes on stimuli, their own history, and other cells.

Sources: coupled spike trains, Pillow et al. (2008) Nature 454:995; inexact Newton steps, Dembo,
Eisenstat & Steihaug (1982) SIAM Journal on Numerical Analysis 19:400; group lasso, Yuan & Lin
(2006) J. R. Stat. Soc. B 68:49; accelerated proximal gradients, Beck & Teboulle (2009) SIAM J.
Imaging Sci. 2:183.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import xarray as xr

from panneuro.analysis.blocks import check_number, check_threads
from panneuro.analysis.group_lasso import descend
from panneuro.analysis.labels import unit_names
from panneuro.analysis.poisson import Array, Problem
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_INNER = 60
_MOST_HALVINGS = 30


@dataclass(frozen=True, eq=False, repr=False)
class PoissonFit:
    """What was fitted: ``rate = exp(features @ weights + intercepts)``, in spikes a bin.

    Parameters
    ----------
    weights : ndarray, shape (n_features, n_units)
    intercepts : ndarray, shape (n_units,)
    steps : int
        How many were taken.
    gradient : float
        Largest slope that is left; with a group penalty, largest step over its length.
    """

    weights: Array
    intercepts: Array
    steps: int
    gradient: float

    def __repr__(self) -> str:
        features, units = self.weights.shape
        slope = f"largest slope {self.gradient:.2g}"
        return f"<PoissonFit {features} features × {units} units, {self.steps} steps, {slope}>"

    def predict(self, features: npt.ArrayLike) -> Array:
        """Return the expected spikes of each bin and cell, shape (n_times, n_units)."""
        given = np.asarray(features)
        if given.ndim != 2 or given.shape[1] != len(self.weights):
            raise InputError(f"{len(self.weights)} weights met features of shape {given.shape}")
        rates: Array = np.exp(given @ self.weights + self.intercepts)
        return rates

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the weight of each feature for each cell; white is none.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        weights = xr.DataArray(self.weights, dims=("feature", "unit"), name="weight")
        drawn: Axes = weights.neuro.plot(ax)
        return drawn


def fit_poisson(
    features: npt.ArrayLike,
    counts: npt.ArrayLike,
    *,
    ridge: npt.ArrayLike = 1e-3,
    groups: npt.ArrayLike | None = None,
    group_penalty: float = 0.0,
    tolerance: float = 1e-5,
    max_steps: int = 200,
    executor: ThreadPoolExecutor | None = None,
) -> PoissonFit:
    """Fit the rates of many cells to the same features, all at once.

    Each cell's ``mean(rate - count * log(rate)) + sum(ridge * weight**2) / 2`` is least, to which
    `group_penalty` adds ``group_penalty * sum(sqrt(size) * norm)`` over groups of weights, so that
    whole groups become zero. Intercepts are not penalised. The cells share the Gram matrix of the
    features, which preconditions Newton steps of all of them: the Hessian is never made.

    Parameters
    ----------
    features : array-like of float, shape (n_times, n_features)
        `float32` is computed as such, in half the time and memory.
    counts : array-like, shape (n_times, n_units)
        Spikes of each bin; every cell has at least one.
    ridge : float or array-like, shape (n_features,)
        Penalty of all, or of each; at least 0.
    groups : array-like of int, shape (n_features,), optional
        Group of each feature: all lags of one source. Features of group -1 are not in any.
    group_penalty : float
        The weight of the group lasso.
    tolerance : float
        Largest slope of any weight at which a cell is done.
    max_steps : int
        At most so many steps.
    executor : ThreadPoolExecutor, optional
        Shares blocks of time out; the result is the same to the bit.

    Returns
    -------
    PoissonFit

    Raises
    ------
    InputError
        If values are not finite, a cell has no spike, or it did not come to rest.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(20_000, 2))
    >>> spikes = random.poisson(np.exp(x @ [[0.5], [-0.3]] - 1))
    >>> fit_poisson(x, spikes).weights.round(1).ravel()
    array([ 0.5, -0.3])
    """
    check_threads(executor)
    check_number("steps", max_steps)
    if not is_real(tolerance, above=0):
        raise InputError(f"cells are done at a slope of {tolerance!r}", hint="tolerance=1e-5")
    points, spikes = _check(features, counts)
    penalties = _check_ridge(ridge, points.shape[1])
    with one_thread():
        problem = Problem.of(points, spikes, penalties, executor)
        found, steps = _newton(problem, tolerance, max_steps)
        if group_penalty:
            members = _check_groups(groups, points.shape[1], group_penalty)
            limits = (group_penalty, tolerance, max_steps)
            found, steps, slope = descend(problem, found, members, *limits)
            return PoissonFit(found[:-1], found[-1], steps, slope)
        slope = float(np.abs(problem.evaluate(found)[1]).max())
    return PoissonFit(found[:-1], found[-1], steps, slope)


def bits_per_spike(rates: npt.ArrayLike, counts: npt.ArrayLike | xr.DataArray) -> xr.DataArray:
    """Say how much better rates foretell spikes than the mean does.

    ``(logL(rates) - logL(mean count)) / (log(2) * spikes)``, on data that were not fitted.

    Parameters
    ----------
    rates : array-like, shape (n_times, n_units)
        Expected spikes of each bin.
    counts : array-like, shape (n_times, n_units)
        Spikes of each bin; a DataArray's coordinate ``unit`` names the units.

    Returns
    -------
    DataArray, dims (unit,)
        Bits a spike; NaN of a cell without spikes.

    Raises
    ------
    InputError
        If shapes differ, rates are not above 0, or counts are not finite.

    Examples
    --------
    >>> bits_per_spike([[1.0], [0.25]], [[1], [0]]).values.round(2)
    array([0.64])
    """
    expected, spikes = reals(rates, "rates"), reals(counts, "counts")
    if expected.shape != spikes.shape or expected.ndim != 2:
        raise InputError(f"rates of shape {expected.shape} met counts of {spikes.shape}")
    if not (expected > 0).all() or not np.isfinite(expected).all():
        raise InputError("rates are not all finite and above 0")
    if not (np.isfinite(spikes) & (spikes >= 0)).all():
        raise InputError("counts are not all finite and from 0", hint="leave such bins out")
    total = spikes.sum(axis=0)
    some = np.where(total > 0, total, np.nan)
    gained = (spikes * np.log(expected)).sum(axis=0) - expected.sum(axis=0)
    gained -= total * np.log(some / len(spikes)) - total
    named = {"units": "bits/spike", "long_name": "information"}
    units = {"unit": unit_names(counts, spikes.shape[1])}
    return xr.DataArray(gained / (np.log(2) * some), units, "unit", "bits", named)


def _newton(problem: Problem, tolerance: float, max_steps: int) -> tuple[Array, int]:
    found = problem.start()
    active = np.arange(found.shape[1])
    undo = _preconditioner(problem)
    for step in range(max_steps):
        part = problem.cells(active)
        value, slope, rates = part.evaluate(found[:, active])
        left = np.abs(slope).max(axis=0) > tolerance
        if not left.any():
            return found, step
        if not left.all():
            active, value, slope, rates = active[left], value[left], slope[:, left], rates[:, left]
            part = problem.cells(active)
        move = _solve(part, slope, rates, partial(undo, cells=active))
        found[:, active] = _search(part, found[:, active], value, slope, move)
    raise InputError(
        f"{len(active)} cells have not come to rest after {max_steps} steps",
        hint="raise ridge, max_steps or tolerance; are some features multiples of others?",
    )


def _preconditioner(problem: Problem) -> Callable[..., Array]:
    """Return what undoes each cell's Hessian as it is where all weights are zero."""
    gram = problem.features.T @ problem.features / len(problem.features)
    least = 1e-6 * np.trace(gram) / len(gram)
    scale = 1 / np.sqrt(np.maximum(problem.ridge[:, 0], least))
    values, axes = scipy.linalg.eigh(gram.astype(np.float64) * scale[:, None] * scale)
    axes = scale[:, None] * axes
    shrink = 1 / (
        np.maximum(values, 0)[:, None] * problem.counts.mean(axis=0, dtype=np.float64) + 1
    )

    def undo(rest: Array, cells: Any) -> Array:
        undone: Array = axes @ (shrink[:, cells] * (axes.T @ rest))
        return undone

    return undo


def _solve(problem: Problem, slope: Array, rates: Array, undo: Callable[[Array], Array]) -> Array:
    """Solve each cell's Newton equations by conjugate gradients, as exactly as is worth it."""
    move, rest = np.zeros_like(slope), -slope
    towards = conditioned = undo(rest)
    size = np.einsum("ij,ij->j", rest, conditioned)
    first = size.copy()
    goal = np.minimum(0.25, np.sqrt(first)) ** 2 * first
    for _ in range(_MOST_INNER):
        ahead = problem.curve(towards, rates)
        bend = np.einsum("ij,ij->j", towards, ahead)
        step = np.where((size > goal) & (bend > 0), size / np.where(bend > 0, bend, 1), 0)
        move += step * towards
        rest = rest - step * ahead
        conditioned = undo(rest)
        new = np.einsum("ij,ij->j", rest, conditioned)
        if (new <= goal).all() or not step.any():
            break
        towards = conditioned + np.where(size > 0, new / np.where(size > 0, size, 1), 0) * towards
        size = new
    return move


def _search(problem: Problem, found: Array, value: Array, slope: Array, move: Array) -> Array:
    """Halve the steps of those cells that would not come down."""
    step = np.ones_like(value)
    descent = np.einsum("ij,ij->j", slope, move)
    slack = 1e-12 if problem.features.dtype == np.float64 else 1e-7
    for _ in range(_MOST_HALVINGS):
        values = problem.value(found + step * move)
        worse = ~(values <= value + 1e-4 * step * descent + slack * np.abs(value))
        if not worse.any():
            break
        step[worse] /= 2
    moved: Array = found + step * move
    return moved


def _check(features: npt.ArrayLike, counts: npt.ArrayLike) -> tuple[Array, Array]:
    points, spikes = as_array(features, "features"), reals(counts, "counts")
    if points.dtype != np.float32:
        points = reals(points, "features")
    if (
        points.ndim != 2
        or spikes.ndim != 2
        or len(points) != len(spikes)
        or not points.size * spikes.size
    ):
        raise InputError(f"features of shape {points.shape} met counts of {spikes.shape}")
    dtype = np.float32 if points.dtype == np.float32 else np.float64
    points, spikes = points.astype(dtype, copy=False), spikes.astype(dtype)
    if beyond(points).any() or beyond(spikes).any() or (spikes < 0).any():
        raise InputError("features or counts are not finite or too great, or counts are below 0")
    silent = np.flatnonzero(spikes.sum(axis=0) == 0)
    if len(silent):
        raise InputError(
            f"cell {silent[0]} and {len(silent) - 1} more have no spikes", hint="leave them out"
        )
    return points, spikes


def _check_ridge(ridge: npt.ArrayLike, n_features: int) -> Array:
    given = reals(ridge, "penalties")
    if given.shape not in ((), (n_features,)) or not (given >= 0).all() or np.isinf(given).any():
        raise InputError(
            f"ridge of {n_features} features has the shape {given.shape}, or is below 0"
        )
    return np.asarray(np.ones(n_features) * given)


def _check_groups(
    groups: npt.ArrayLike | None, n_features: int, penalty: float
) -> list[npt.NDArray[np.intp]]:
    given = as_array(groups, "groups")
    if (
        given.shape != (n_features,)
        or given.dtype.kind not in "iu"
        or not is_real(penalty, above=0, most=1e100)
    ):
        raise InputError(
            f"a group penalty of {penalty!r} needs the group of each of {n_features} features"
        )
    return [np.flatnonzero(given == one) for one in np.unique(given[given >= 0])]
