"""Where the animal was, from spikes that nobody sorted: a marked point process.

Every spike tells by its marks, such as its amplitude on each wire of a tetrode, instead of by the
cell it is said to be of. Sources: Kloosterman, Layton, Chen & Wilson (2014) J. Neurophysiol.
111:217; Deng, Liu, Kay, Frank & Eden (2015) Neural Comput. 27:1438; Denovellis et al. (2021) eLife
10:e64505.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import ranges
from panneuro.analysis.fields import (
    LONGEST_S,
    Fields,
    as_columns,
    bins_of,
    check_chosen,
    check_edges,
    smoothed,
    tuning_fields,
    unit_of,
)
from panneuro.analysis.place import (
    LOWEST_HZ,
    decoded,
    event_posterior,
    likeliest,
    normalise,
    stretches,
)
from panneuro.analysis.reals import reals
from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.int64]

type Marked = tuple[npt.ArrayLike, npt.ArrayLike]
"""Times of spikes in seconds, (n_spikes,), and their marks, (n_spikes, n_marks)."""


def decode_clusterless(
    spikes: Sequence[Marked],
    positions: npt.ArrayLike | xr.DataArray,
    edges: npt.ArrayLike | tuple[npt.ArrayLike, ...],
    bin_s: float,
    folds: int | npt.ArrayLike = 5,
    *,
    mark_sd: npt.ArrayLike,
    start_s: float = 0.0,
    smoothing_bins: float = 1.0,
    moving: npt.ArrayLike | None = None,
    step: float | None = None,
    dtype: npt.DTypeLike = np.float32,
    max_bytes: int = 2**28,
) -> xr.Dataset:
    r"""Decode each bin of time from unsorted spikes, by those of the folds that it is not in.

    With spikes :math:`j` of an electrode that were learnt from, their positions :math:`x_j` and
    marks :math:`m_j`, and the time :math:`T(x)` that was spent at each position, a spike of marks
    :math:`m` is expected at :math:`x` at the rate

    .. math:: \lambda(x, m) = \sum_j K(m - m_j) \, G(x - x_j) / T(x),

    with Gaussians `K` of marks and `G` of positions, by which `T` is smoothed too. A bin of time
    of length :math:`\Delta` with spikes of marks :math:`m_k` has the likelihood
    :math:`\prod_k \lambda(x, m_k) \, e^{-\Delta \Lambda(x)}`, where :math:`\Lambda` is the rate
    of all spikes, and the electrodes multiply.

    Parameters
    ----------
    spikes : sequence of (times, marks)
        For each electrode or group of them, such as a tetrode, the times of its spikes in seconds,
        shape (n_spikes,), and their marks, shape (n_spikes, n_marks): amplitudes, widths.
    positions : array-like, shape (n_times,) or (n_times, n_axes)
        Where the animal was in each bin of time; see
        :func:`~panneuro.analysis.place.decode_position`.
    edges : array-like, or one for each axis
        Ascending edges of the bins of space, in the unit of the positions.
    bin_s : float
        Seconds of a bin of time; short ones, of 2 to 20 ms, are usual.
    folds : int or array-like of int, shape (n_times,)
        How many stretches of consecutive times; or the fold of each bin of time.
    mark_sd : float or array-like, shape (n_marks,)
        Standard deviation of `K`, in the unit of the marks, of all or of each: 20 to 24 µV is
        usual for amplitudes.
    start_s : float
        When the first bin of time begins; spikes before it and after the last are left out.
    smoothing_bins : float
        Standard deviation of `G`, in bins of space.
    moving : array-like of bool, shape (n_times,), optional
        Times to learn from; the others are decoded only.
    step : float, optional
        Believe in a walk: the standard deviation of a step from one bin of time to the next.
    dtype : dtype
        In what to compute.
    max_bytes : int
        Memory for blocks of time and of spikes; the result is the same whatever it is.

    Returns
    -------
    Dataset
        As :func:`~panneuro.analysis.place.decode_position` returns it: errors are NaN where the
        true position is not known. A spike unlike any that was learnt from tells nothing.

    Raises
    ------
    InputError
        If there are no electrodes, a spike has not one row of finite marks, lengths differ, edges
        do not ascend, or no time is left to learn from.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> position = np.abs(np.arange(4000) % 200 - 100.0)
    >>> at = random.integers(4000, size=9000)  # The larger the spike, the farther on the track.
    >>> marks = position[at, None] + random.normal(0, 10, (9000, 1))
    >>> found = decode_clusterless(
    ...     [((at + 0.5) * 0.1, marks)], position, np.arange(0, 101, 5), 0.1, mark_sd=5.0
    ... )
    >>> bool(found.error.median() < 8)
    True
    """
    bounds, true = check_edges(edges), _columns(positions)
    numbered = stretches(folds, len(true))
    options: dict[str, Any] = {"bin_s": bin_s, "start_s": start_s, "dtype": dtype}
    options |= {"mark_sd": mark_sd, "smoothing_bins": smoothing_bins, "moving": moving}
    likelihood = _learn(spikes, true, bounds, numbered, max_bytes=max_bytes, **options)
    best, certainty = likeliest(likelihood, len(true), bounds, step, dtype, max_bytes)
    times = start_s + (np.arange(len(true)) + 0.5) * bin_s
    return decoded(likelihood.learnt[0].centres[best], true, certainty, times, unit_of(positions))


def clusterless_posterior(
    spikes: Sequence[Marked],
    positions: npt.ArrayLike | xr.DataArray,
    edges: npt.ArrayLike,
    bin_s: float,
    event_s: tuple[float, float],
    *,
    mark_sd: npt.ArrayLike,
    start_s: float = 0.0,
    smoothing_bins: float = 1.0,
    moving: npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = np.float32,
    max_bytes: int = 2**28,
) -> xr.DataArray:
    """Return the probability of each position in an event along a line, from unsorted spikes.

    What :func:`~panneuro.analysis.replay.score_posterior` judges.

    Parameters
    ----------
    spikes, positions, edges, bin_s, mark_sd, start_s, smoothing_bins, dtype, max_bytes
        Of the whole session, as :func:`decode_clusterless` takes them.
    event_s : tuple of float
        When the event begins and ends, in seconds; bins of time with their middle in between are
        decoded, and never learnt from.
    moving : array-like of bool, shape (n_times,), optional
        Times to learn from; the others are not, and an event may lie among them.

    Returns
    -------
    DataArray, dims (time, position)
        Each time sums to one, or is zero where nothing fired; times are those in the event.

    Raises
    ------
    InputError
        As :func:`decode_clusterless`, or if no bin of time is in the event, or space is no line.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> position = np.abs(np.arange(4000) % 200 - 100.0)
    >>> at = random.integers(4000, size=9000)
    >>> spikes = [((at + 0.5) * 0.1, position[at, None] + random.normal(0, 10, (9000, 1)))]
    >>> found = clusterless_posterior(
    ...     spikes, position, np.arange(0, 101, 5), 0.1, (100.0, 101.0), mark_sd=5.0
    ... )
    >>> found.dims, found.shape
    (('time', 'position'), (10, 20))
    """
    bounds, true = check_edges(edges), _columns(positions)
    if len(bounds) != 1:
        raise InputError(f"an event along a line was to be decoded in space of {len(bounds)} axes")
    rows = _bins_in(event_s, start_s, bin_s, len(true))
    apart = np.ones(len(true), dtype=np.int64)
    apart[rows] = 0
    options: dict[str, Any] = {"bin_s": bin_s, "start_s": start_s, "dtype": dtype}
    options |= {"mark_sd": mark_sd, "smoothing_bins": smoothing_bins, "moving": moving}
    likelihood = _learn(spikes, true, bounds, apart, max_bytes=max_bytes, n_folds=1, **options)
    posterior = normalise(likelihood(rows))
    posterior[~likelihood.fired[rows]] = 0
    return event_posterior(posterior, likelihood.learnt[0].centres[:, 0], bin_s, unit_of(positions))


def _columns(positions: npt.ArrayLike | xr.DataArray) -> Floats:
    return as_columns(positions, len(np.atleast_1d(reals(positions, "positions"))))


def _bins_in(event_s: tuple[float, float], start_s: float, bin_s: float, n_times: int) -> slice:
    """Return the bins of time whose middles are in an event."""
    limits = reals(event_s, "the begin and the end of an event")
    _check_span(start_s, bin_s)
    middles = start_s + (np.arange(n_times) + 0.5) * bin_s
    first, last = (0, 0) if limits.shape != (2,) else np.searchsorted(middles, limits).tolist()
    if not first < last:
        raise InputError(
            f"the event {event_s!r} holds no bin of time",
            hint=f"give a begin and an end from {start_s} s to {start_s + n_times * bin_s} s",
        )
    return slice(first, last)


def _check_span(start_s: float, bin_s: float) -> None:
    if not (is_real(bin_s, above=0) and is_real(start_s, least=-LONGEST_S, most=LONGEST_S)):
        raise InputError(f"bins of time last {bin_s!r} s and begin at {start_s!r} s")


def _learn(
    spikes: Sequence[Marked],
    true: Floats,
    bounds: tuple[Floats, ...],
    folds: Integers,
    *,
    bin_s: float,
    start_s: float,
    mark_sd: npt.ArrayLike,
    smoothing_bins: float,
    moving: npt.ArrayLike | None,
    dtype: npt.DTypeLike,
    max_bytes: int,
    n_folds: int | None = None,
) -> _Likelihood:
    """Learn what tells of each fold from the others: of all folds, or of the first ones."""
    n_times = len(true)
    chosen = np.ones(n_times, bool) if moving is None else check_chosen(moving, n_times)
    _check_span(start_s, bin_s)
    places = np.where(chosen, bins_of(true, bounds, n_times), -1)
    if not isinstance(spikes, Sequence):
        raise InputError(f"spikes are no sequence of electrodes, but a {type(spikes).__name__}")
    groups = [
        _Group.of(number, one, (start_s, bin_s, n_times), mark_sd, places, dtype)
        for number, one in enumerate(spikes)
    ]
    if not groups:
        raise InputError("position was to be decoded from the spikes of no electrodes")
    counts = np.stack([np.bincount(one.times, minlength=n_times) for one in groups], axis=1)
    options: dict[str, Any] = {"bin_s": bin_s, "smoothing_bins": smoothing_bins}
    learnt = [
        tuning_fields(counts, true, bounds, **options, moving=chosen & (folds != fold))
        for fold in range(n_folds or int(folds.max()) + 1)
    ]
    fired = counts.any(axis=1)
    return _Likelihood(groups, learnt, folds, fired, **options, dtype=dtype, max_bytes=max_bytes)


@dataclass(frozen=True)
class _Group:
    """The spikes of an electrode in order of time, and those to learn from in order of place."""

    times: Integers
    marks: Floats
    places: Integers
    by_place: Integers

    @classmethod
    def of(
        cls,
        number: int,
        given: Marked,
        span: tuple[float, float, int],
        mark_sd: npt.ArrayLike,
        places: Integers,
        dtype: npt.DTypeLike,
    ) -> _Group:
        """Put spikes into bins of time, of which those that are not learnt from have no place."""
        seconds, marks, scale = _checked(number, given, mark_sd)
        start_s, bin_s, n_times = span
        # A spike where a bin begins is in that bin, whatever rounding makes of it.
        bins = np.floor((seconds - start_s) / bin_s + 1e-9)
        inside = (bins >= 0) & (bins < n_times)
        order = np.argsort(bins[inside], kind="stable")
        times = bins[inside][order].astype(np.int64)
        # Squared distances are differences of squares, which are exact about the middle.
        scaled = marks[inside][order] / scale
        scaled = scaled - scaled.mean(axis=0) if len(scaled) else scaled
        where = places[times]
        by_place = np.argsort(where, kind="stable")
        return cls(times, scaled.astype(dtype), where, by_place[where[by_place] >= 0])


@dataclass(frozen=True)
class _Likelihood:
    """Log-likelihoods of times, each by the spikes of other folds."""

    groups: list[_Group]
    learnt: list[Fields]
    folds: Integers
    fired: npt.NDArray[np.bool_]
    bin_s: float
    smoothing_bins: float
    dtype: npt.DTypeLike
    max_bytes: int

    def __call__(self, rows: slice) -> Floats:
        folds = self.folds[rows]
        changes = (np.flatnonzero(np.diff(folds)) + 1).tolist()
        found = np.empty((len(folds), self.learnt[0].occupancy_s.size), self.dtype)
        for first, last in pairwise([0, *changes, len(folds)]):
            expected = self.learnt[folds[first]].rates_hz.sum(axis=0).ravel() * self.bin_s
            found[first:last] = -np.where(np.isnan(expected), np.inf, expected)
            for group in self.groups:
                some = np.searchsorted(group.times, rows.start + np.array([first, last]))
                for part, rates in self._rates(group, slice(*some.tolist()), folds[first]):
                    # Where a spike is unlike any that was learnt from, all places are alike.
                    logs = np.log(np.maximum(rates, LOWEST_HZ))
                    np.add.at(found, group.times[part] - rows.start, logs)
        return found

    def _rates(self, group: _Group, spikes: slice, fold: int) -> Iterator[tuple[slice, Floats]]:
        """Yield spikes and their rates at each place, as many as fit into memory."""
        known = group.by_place[self.folds[group.times[group.by_place]] != fold]
        if not len(known):
            return
        others = group.marks[known]
        places, begins = np.unique(group.places[known], return_index=True)
        occupancy = self.learnt[fold].occupancy_s
        sigmas = (self.smoothing_bins,) * occupancy.ndim
        seconds = smoothed(occupancy, sigmas).astype(self.dtype)
        squares = 0.5 * np.einsum("ij,ij->i", others, others)
        each = 4 * others.itemsize * (len(others) + occupancy.size)
        for part in ranges(spikes.stop - spikes.start, max(1, self.max_bytes // each)):
            rows = slice(spikes.start + part.start, spikes.start + part.stop)
            marks = group.marks[rows]
            with one_thread():
                near = marks @ others.T
            near -= squares
            near -= 0.5 * np.einsum("ij,ij->i", marks, marks)[:, None]
            sums = np.zeros((len(marks), occupancy.size), near.dtype)
            sums[:, places] = np.add.reduceat(np.exp(near, out=near), begins, axis=1)
            spread = smoothed(sums.reshape(-1, *occupancy.shape), (0, *sigmas))
            rates = spread / np.where(seconds > 0, seconds, np.inf)
            yield rows, rates.reshape(len(marks), -1)


def _checked(number: int, given: Marked, mark_sd: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return times, marks and what to divide these by."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InputError(
            f"electrode {number} has no times and marks of spikes, but a {type(given).__name__}",
            hint="give (times, marks) of each electrode: n_spikes numbers, and n_spikes × n_marks",
        )
    seconds, marks = (reals(one, f"spikes of electrode {number}") for one in given)
    scale = reals(mark_sd, "deviations of marks")
    if seconds.ndim != 1 or marks.ndim != 2 or len(marks) != len(seconds) or not marks.shape[1]:
        raise InputError(
            f"electrode {number} has times of shape {seconds.shape} and marks of {marks.shape}"
        )
    if not (np.isfinite(seconds).all() and np.isfinite(marks).all()):
        raise InputError(f"times or marks of electrode {number} are not all finite")
    fits = scale.shape in ((), (marks.shape[1],))
    if not fits or not (np.isfinite(scale) & (scale > 0)).all():
        raise InputError(
            f"{marks.shape[1]} marks of electrode {number} have the deviations {mark_sd!r}",
            hint="mark_sd is a number above 0, or one for each mark",
        )
    return seconds, marks, scale
