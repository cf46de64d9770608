"""Where the animal was, from which units fired: Bayesian decoding of position.

Source: Zhang, Ginzburg, McNaughton & Sejnowski (1998) J. Neurophysiol. 79:1017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number, ranges
from panneuro.analysis.fields import (
    Fields,
    as_columns,
    check_chosen,
    check_counts,
    check_edges,
    tuning_fields,
    unit_of,
)
from panneuro.analysis.folds import check_folds
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import reals
from panneuro.analysis.state_space import normal_moves, smooth_blocks
from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.floating[Any]]

type Prior = Literal["flat", "occupancy"]

_COPIES = 4
"""Arrays of times and positions in memory at once."""

LOWEST_HZ = 1e-3
"""The least rate of a field, so that one unexpected spike rules nothing out."""


def position_log_likelihood(
    counts: npt.ArrayLike, fields: Fields, bin_s: float, dtype: npt.DTypeLike = np.float64
) -> Floats:
    """Return ``sum_i(n_i log(f_i(x) dt)) - dt sum_i(f_i(x))``, up to a term without position.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each unit in bins of time.
    fields : Fields
        Rates; bins where the animal never was are impossible: minus infinity.
    bin_s : float
        Seconds of a bin of time.
    dtype : dtype
        In what to compute.

    Returns
    -------
    ndarray, shape (n_times, n_bins)

    Raises
    ------
    InputError
        If counts are negative or not finite, or there are not as many units as fields.

    Examples
    --------
    >>> fields = Fields(np.array([[1.0, 10.0]]), np.ones(2), (np.arange(3.0),))
    >>> position_log_likelihood([[0], [3]], fields, 0.1).argmax(axis=1)
    array([0, 1])
    """
    spikes = check_counts(counts, bin_s)
    check_kind(
        fields, Fields, "decoding position", "tuning_fields(counts, positions, edges, bin_s)"
    )
    if fields.rates_hz.shape[1:] != fields.occupancy_s.shape:
        raise InputError(
            f"fields of shape {fields.rates_hz.shape} have occupancy of {fields.occupancy_s.shape}"
        )
    if spikes.shape[1] != len(fields.rates_hz):
        raise InputError(f"{spikes.shape[1]} units were given fields of {len(fields.rates_hz)}")
    logs, totals = _weights(fields, bin_s, dtype)
    found = np.empty((len(spikes), len(totals)), dtype=logs.dtype)
    with one_thread():
        _log_likelihood(spikes, logs, totals, found)
    return found


def position_posterior(
    counts: npt.ArrayLike | xr.DataArray,
    fields: Fields,
    bin_s: float,
    *,
    prior: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> xr.DataArray:
    """Return the probability of each position in each bin of time, from that bin alone.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each unit in bins of time. A DataArray's coordinate ``time`` says when; otherwise
        times count from 0 s.
    fields : Fields
        Rates; bins where the animal never was are impossible.
    bin_s : float
        Seconds of a bin of time.
    prior : array-like, shape (*n_bins), optional
        Probability of each position; flat by default. ``fields.occupancy_s`` is the usual other.
    dtype : dtype
        In what to compute.

    Returns
    -------
    DataArray, dims (time, position) along a line, (time, x, y) in a plane
        Each time sums to one. Nowhere is it flat merely because no unit fired: that, too, tells.

    Raises
    ------
    InputError
        If counts are negative or not finite, there are not as many units as fields, or the prior
        allows no position where the animal has been.

    Examples
    --------
    >>> fields = Fields(np.array([[1.0, 10.0]]), np.ones(2), (np.arange(3.0),))
    >>> position_posterior([[0], [3]], fields, 0.1).round(2).values
    array([[0.71, 0.29],
           [0.  , 1.  ]])
    """
    rows = probabilities(counts, fields, bin_s, prior, dtype)
    places = fields.dataset["occupancy_s"]
    coordinates = {"time": ("time", _times(counts, len(rows), bin_s), {"units": "s"})}
    found = xr.DataArray(
        rows.reshape(-1, *places.shape),
        coordinates | dict(places.coords),
        ("time", *places.dims),
        name="probability",
        attrs={"units": "1", "long_name": "probability"},
    )
    return found.rename(x="position") if places.dims == ("x",) else found


def probabilities(
    counts: npt.ArrayLike,
    fields: Fields,
    bin_s: float,
    prior: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> Floats:
    """Return :func:`position_posterior` without its names, shape (n_times, n_bins)."""
    return normalise(
        position_log_likelihood(counts, fields, bin_s, dtype) + _log_prior(prior, fields, dtype)
    )


def decode_position(
    counts: npt.ArrayLike | xr.DataArray,
    positions: npt.ArrayLike | xr.DataArray,
    edges: npt.ArrayLike | tuple[npt.ArrayLike, ...],
    bin_s: float,
    folds: int | npt.ArrayLike = 5,
    *,
    smoothing_bins: float = 0.0,
    moving: npt.ArrayLike | None = None,
    prior: Prior = "flat",
    step: float | None = None,
    dtype: npt.DTypeLike = np.float32,
    max_bytes: int = 2**28,
) -> xr.Dataset:
    """Decode each bin of time with the fields of the folds that it is not in.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each unit in bins of time, one after the other. A DataArray's coordinate ``time``
        says when; otherwise times count from 0 s.
    positions : array-like, shape (n_times,) or (n_times, n_axes)
        Where the animal was in each; times with a NaN or outside the edges are decoded, but not
        learnt from. A DataArray's ``attrs["units"]`` says in what: ``"cm"``.
    edges : array-like, or one for each axis
        Ascending edges of the bins of space, in the unit of the positions.
    bin_s : float
        Seconds of a bin of time.
    folds : int or array-like of int, shape (n_times,)
        How many stretches of consecutive times; or the fold of each bin of time, such as
        ``minutes % 5``. Folds must be of long stretches, laps or minutes: neighbours in time know
        of each other.
    smoothing_bins : float
        Standard deviation of the Gaussian by which spikes and occupancy are smoothed, in bins.
    moving : array-like of bool, shape (n_times,), optional
        Times to learn from; the others are decoded only.
    prior : {"flat", "occupancy"}
        What is believed of each bin of time before its spikes: that the animal is anywhere alike,
        or where it was most often in the other folds.
    step : float, optional
        Believe in a walk instead: the standard deviation of a random step from one bin of time to
        the next along each axis, in the unit of positions along a line or in a plane. The
        posterior then uses all bins, before and after [1]_.
    dtype : dtype
        In what to compute.
    max_bytes : int
        Memory for blocks of time; the result is the same whatever it is.

    Returns
    -------
    Dataset
        ``position`` (time, axis), the middle of the likeliest bin; ``true_position``, and
        ``error`` (time,), the distance between the two, NaN where it is not known; and
        ``certainty`` (time,), the probability of the likeliest bin. Positions and their error are
        in the unit of `positions`.

    Raises
    ------
    InputError
        If lengths differ, edges do not ascend, no time is left to learn from, a prior is asked for
        besides a walk, or a walk in more than two axes.

    References
    ----------
    .. [1] Brown, Frank, Tang, Quirk & Wilson, J. Neurosci. 18 (1998) 7411-7425.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> position = np.abs(np.arange(4000) % 200 - 100.0)
    >>> rates = 20 * np.exp(-((position[:, None] - np.arange(0, 101, 10)) ** 2) / 200)
    >>> counts = random.poisson(rates * 0.1)
    >>> found = decode_position(counts, position, np.arange(0, 101, 5), 0.1)
    >>> bool(found.error.median() < 5)
    True
    """
    spikes, bounds = check_counts(counts, bin_s), check_edges(edges)
    numbered = stretches(folds, len(spikes))
    true = as_columns(positions, len(spikes))
    chosen = np.ones(len(spikes), bool) if moving is None else check_chosen(moving, len(spikes))
    if prior not in ("flat", "occupancy") or (step is not None and prior != "flat"):
        raise InputError(
            f"position was to be decoded with the prior {prior!r} and the step {step!r}",
            hint='prior="flat" or "occupancy", or a step',
        )
    options: dict[str, Any] = {"bin_s": bin_s, "smoothing_bins": smoothing_bins}
    learnt = [
        tuning_fields(spikes, true, bounds, **options, moving=chosen & (numbered != one))
        for one in range(int(numbered.max()) + 1)
    ]
    weights = [_weights(fields, bin_s, dtype, prior) for fields in learnt]
    likelihood = _Likelihood(spikes, numbered, weights)
    best, certainty = likeliest(likelihood, len(spikes), bounds, step, dtype, max_bytes)
    times = _times(counts, len(spikes), bin_s)
    return decoded(learnt[0].centres[best], true, certainty, times, unit_of(positions))


def _times(counts: npt.ArrayLike | xr.DataArray, n_times: int, bin_s: float) -> npt.NDArray[Any]:
    if isinstance(counts, xr.DataArray) and counts.dims[0] == "time" and "time" in counts.coords:
        return np.asarray(counts.coords["time"])
    return (np.arange(n_times) + 0.5) * bin_s


def decoded(
    found: Floats, true: Floats, certainty: Floats, times: npt.NDArray[Any], unit: str
) -> xr.Dataset:
    """Return what was decoded, with names and units: see :func:`decode_position`."""
    of_space = {"units": unit}
    values = {
        "position": (("time", "axis"), found, of_space | {"long_name": "position"}),
        "true_position": (("time", "axis"), true, of_space | {"long_name": "position"}),
        "error": ("time", np.linalg.norm(found - true, axis=1), of_space),
        "certainty": ("time", certainty, {"units": "1"}),
    }
    coordinates: dict[str, Any] = {"time": ("time", times, {"units": "s"})}
    if found.shape[1] <= 3:
        coordinates["axis"] = list("xyz")[: found.shape[1]]
    return xr.Dataset(values, coordinates)


def event_posterior(posterior: Floats, places: Floats, bin_s: float, unit: str) -> xr.DataArray:
    """Return the posterior of an event along a line, dims (time, position), with its units."""
    times = (np.arange(len(posterior)) + 0.5) * bin_s
    coordinates = {
        "time": ("time", times, {"units": "s", "long_name": "time in the event"}),
        "position": ("position", places, {"units": unit}),
    }
    named = {"units": "1", "long_name": "probability"}
    return xr.DataArray(posterior, coordinates, ("time", "position"), "probability", named)


@dataclass(frozen=True)
class _Likelihood:
    """Log-likelihoods of times, each by the weights of its fold."""

    spikes: Floats
    folds: npt.NDArray[np.int64]
    weights: list[tuple[Floats, Floats]]

    def __call__(self, rows: slice) -> Floats:
        folds, logs = self.folds[rows], self.weights[0][0]
        found = np.empty((len(folds), logs.shape[1]), dtype=logs.dtype)
        changes = (np.flatnonzero(np.diff(folds)) + 1).tolist()
        with one_thread():
            for first, last in pairwise([0, *changes, len(folds)]):
                spikes = self.spikes[rows.start + first : rows.start + last]
                logs, totals = self.weights[folds[first]]
                _log_likelihood(spikes, logs, totals, found[first:last])
        return found


def likeliest(
    log_likelihood: Callable[[slice], Floats],
    n_times: int,
    bounds: tuple[Floats, ...],
    step: float | None,
    dtype: npt.DTypeLike,
    max_bytes: int,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the likeliest bin of each time and its probability, alone or along a walk."""
    check_number("bytes", max_bytes)
    shape = tuple(len(edges) - 1 for edges in bounds)
    n_rows = max(1, max_bytes // (_COPIES * int(np.prod(shape)) * np.dtype(dtype).itemsize))
    best, certainty = np.empty(n_times, dtype=np.int64), np.empty(n_times)
    if step is None:
        for rows in ranges(n_times, n_rows):
            block = log_likelihood(rows)
            best[rows] = block.argmax(axis=1)
            block -= block.max(axis=1, keepdims=True)
            certainty[rows] = 1 / np.exp(block, out=block).sum(axis=1)
        return best, certainty
    kernels = tuple(normal_moves(step, edges) for edges in bounds)
    for rows, posterior in smooth_blocks(log_likelihood, n_times, shape, kernels, n_rows, dtype):
        best[rows], certainty[rows] = posterior.argmax(axis=1), posterior.max(axis=1)
    return best, certainty


def stretches(folds: int | npt.ArrayLike, n_times: int) -> npt.NDArray[np.int64]:
    """Return the fold of each bin of time: as many stretches as are asked for, or those given."""
    if isinstance(folds, int | np.integer):
        if not 2 <= folds <= n_times:
            raise InputError(f"{n_times} bins of time were to be cut into {folds} folds")
        return np.arange(n_times) * int(folds) // n_times
    return check_folds(folds, n_times)


def _weights(
    fields: Fields, bin_s: float, dtype: npt.DTypeLike, prior: Prior = "flat"
) -> tuple[Floats, Floats]:
    """Return the logarithms of expected counts, and what to subtract: infinite where nobody was."""
    rates = fields.rates_hz.reshape(len(fields.rates_hz), -1)
    expected = np.maximum(np.nan_to_num(rates), LOWEST_HZ) * bin_s
    totals = np.where(np.isnan(rates).any(axis=0), np.inf, expected.sum(axis=0))
    if prior == "occupancy":
        with np.errstate(divide="ignore"):
            totals = totals - np.log(fields.occupancy_s.ravel())
    return np.log(expected).astype(dtype), totals.astype(dtype)


def _log_likelihood(spikes: Floats, logs: Floats, totals: Floats, found: Floats) -> None:
    np.matmul(spikes.astype(logs.dtype), logs, out=found)
    found -= totals


def _log_prior(prior: npt.ArrayLike | None, fields: Fields, dtype: npt.DTypeLike) -> Floats:
    if prior is None:
        return np.zeros(fields.occupancy_s.size, dtype=dtype)
    given = reals(prior, "probabilities of positions").ravel()
    if (
        given.shape != (fields.occupancy_s.size,)
        or not (given >= 0).all()
        or not 0 < given.sum() < np.inf
    ):
        raise InputError(f"the prior of {fields.occupancy_s.size} positions is {given[:5]}…")
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(given / given.sum()).astype(dtype)
    return logs


def normalise(logs: Floats) -> Floats:
    """Turn log-likelihoods of times and positions into probabilities, in place."""
    highest = logs.max(axis=1, keepdims=True)
    if not np.isfinite(highest).all():
        raise InputError("the prior allows no position where the animal has been")
    logs -= highest
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs
