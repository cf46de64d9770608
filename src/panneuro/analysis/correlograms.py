"""Cross-correlograms of all pairs of units: exact counts of the lags between their spikes.

The correlogram of a unit with another counts, for every spike of the first, the spikes of the
other at each lag after it. Threads own the rows of different units, so that any number of them
gives the same counts.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, in_order, ranges
from panneuro.analysis.compiling import compiled
from panneuro.analysis.epochs import Epochs, epoch_ticks, within
from panneuro.analysis.lags import Lags
from panneuro.analysis.trains import TICKS_PER_S, Ticks, Trains, Units

Counts = npt.NDArray[np.int64]

_UNITS_PER_TASK = 8

_IN_CACHE = 2**18
"""Targets that all units of a task are counted with before the next ones."""


@dataclass(frozen=True)
class Stream:
    """Spikes of all units in order of time.

    Parameters
    ----------
    ticks : ndarray of integers, shape (n_spikes,)
        When; ascending.
    units : ndarray of uint32, shape (n_spikes,)
        Row of the unit of each.
    n_units : int
        Number of units.
    """

    ticks: npt.NDArray[np.integer[Any]]
    units: npt.NDArray[np.uint32]
    n_units: int

    @classmethod
    def of(cls, ticks: Ticks, units: npt.NDArray[np.integer[Any]], n_units: int) -> Stream:
        """Order spikes by time, in 32 bits where they fit."""
        order = np.argsort(ticks, kind="stable")
        ordered = ticks[order]
        if len(ordered) and ordered[0] >= 0 and ordered[-1] < 2**32:
            ordered = ordered.astype(np.uint32)
        return cls(ordered, units[order].astype(np.uint32), n_units)


def correlograms(
    units: Units,
    *,
    max_lag_s: float = 0.05,
    bin_s: float = 0.001,
    epochs: Epochs | None = None,
    rate_hz: float | None = None,
    centred: bool = True,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Count the lags between the spikes of every pair of units, exactly.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times in seconds.
    max_lag_s : float
        Longest lag, on both sides of zero; a whole number of bins.
    bin_s : float
        Width of a bin.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Count only pairs with both spikes in the same one of these; they may not overlap.
    rate_hz : float, optional
        Rate of the clock that spikes were sampled with: lags are then whole samples, and a lag on
        the edge of a bin is always on the same side. Otherwise times are rounded to nanoseconds.
    centred : bool
        Whether the middle bin lies around zero, or zero is an edge as in SpikeInterface.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where units are spread; the counts do not depend on it.

    Returns
    -------
    DataArray of int64, dims (unit, other, lag)
        ``[i, j, k]`` counts the pairs in which the spike of `j` is `lag` seconds after that of
        `i`. Exchanging the units mirrors the lags: an edge lies in the bin farther from zero.
        A spike makes no pair with itself.

    Raises
    ------
    InputError
        If times are not finite or do not ascend, epochs overlap, bins are not whole, or the result
        is larger than is allowed.

    Notes
    -----
    With ``centred=False`` lags from zero up are those of SpikeInterface to the count. Its negative
    bins hold ``[-(k + 1) b, -k b)`` where ours mirror: ``(-(k + 1) b, -k b]``, and pairs at the
    same tick are in the first bin after zero, of both units.

    Source: Perkel, Gerstein & Moore, Biophys. J. 7 (1967) 419-440.

    Examples
    --------
    >>> found = correlograms({"a": [0.100, 0.200], "b": [0.102]}, max_lag_s=0.003)
    >>> found.lag.values
    array([-0.003, -0.002, -0.001,  0.   ,  0.001,  0.002,  0.003])
    >>> found.sel(unit="a", other="b").values
    array([0, 0, 0, 0, 0, 1, 0])
    """
    lags = Lags.of(max_lag_s, bin_s, rate_hz, centred)
    trains = Trains.of(units)
    check_lags(len(trains), lags, np.int64, max_bytes)
    stream = in_epochs(trains, lags, epochs)
    counts = pairs(stream, stream, lags, executor)
    drop_selves(counts, stream, lags)
    return labelled(counts, trains.ids, lags)


def check_lags(n_units: int, lags: Lags, dtype: npt.DTypeLike, max_bytes: int) -> None:
    """Refuse correlograms that would take more memory than is allowed."""
    shape = (n_units, n_units, lags.n_all)
    hint = "choose fewer units, wider bins or shorter lags, or raise max_bytes"
    check_bytes(shape, dtype, max_bytes, "correlating all pairs", hint)


def labelled(values: npt.NDArray[Any], ids: npt.NDArray[Any], lags: Lags) -> xr.DataArray:
    """Name the axes of correlograms."""
    lag = ("lag", lags.centres_s, {"units": "s", "long_name": "lag"})
    named = {"units": "spike pairs", "long_name": "coincidences"}
    dims = ("unit", "other", "lag")
    return xr.DataArray(values, {"unit": ids, "other": ids, "lag": lag}, dims, "count", named)


def on_clock(trains: Trains, lags: Lags) -> Ticks:
    """Return spike times in ticks of the lags' clock."""
    if lags.ticks_per_s == TICKS_PER_S:
        return trains.ticks
    return np.rint(trains.ticks * (lags.ticks_per_s / TICKS_PER_S)).astype(np.int64)


def unit_rows(trains: Trains) -> npt.NDArray[np.int32]:
    """Return the row of the unit of each spike."""
    return np.repeat(np.arange(len(trains), dtype=np.int32), np.diff(trains.ends, prepend=0))


def in_epochs(trains: Trains, lags: Lags, epochs: Epochs | None, grid: int = 1) -> Stream:
    """Return the spikes in epochs, these moved so far apart that no lag reaches across.

    Epochs begin on multiples of `grid` ticks, with at least that much between them.
    """
    ticks, units = on_clock(trains, lags), unit_rows(trains)
    if epochs is None:
        return Stream.of(ticks - ticks.min(initial=0), units, len(trains))
    starts, stops = epochs_on_clock(epochs, lags)
    epoch, inside = within(ticks, starts, stops)
    steps = -(-(stops - starts + lags.stop + grid) // grid) * grid
    moved = np.cumsum(steps) - steps
    there = (ticks - starts[epoch] + moved[epoch])[inside]
    return Stream.of(there, units[inside], len(trains))


def epochs_on_clock(epochs: Epochs, lags: Lags) -> tuple[Ticks, Ticks]:
    """Return when epochs start and stop in ticks of the lags' clock, in order."""
    scale = lags.ticks_per_s / TICKS_PER_S
    starts, stops = (np.rint(ticks * scale).astype(np.int64) for ticks in epoch_ticks(epochs))
    return starts, stops


def pairs(
    references: Stream, targets: Stream, lags: Lags, executor: Executor | None = None
) -> Counts:
    """Count pairs of a reference and a target, and of the same units exchanged.

    Parameters
    ----------
    references, targets : Stream
        Spikes of the same units, on the same clock from the same zero.
    lags : Lags
        Bins.
    executor : Executor, optional
        Where units are spread.

    Returns
    -------
    ndarray of int64, shape (n_units, n_units, n_all)
        From zero up, targets of the second unit after references of the first; below zero, targets
        of the first after references of the second.
    """
    meetings = _Meetings.of(references, targets, lags)
    task = partial(_rows, meetings, lags)
    n_units = references.n_units
    out = np.zeros((n_units, n_units, lags.n_all), dtype=np.int64)
    groups = list(ranges(n_units, _UNITS_PER_TASK))
    for rows, counts in zip(groups, in_order(task, groups, executor), strict=True):
        lags.unfold(counts, rows.start, out)
    return out


def drop_selves(counts: npt.NDArray[Any], spikes: Stream, lags: Lags) -> None:
    """Take out that every spike is at the same tick as itself."""
    rows = np.arange(spikes.n_units)
    counts[rows, rows, lags.n_bins] -= np.bincount(spikes.units, minlength=spikes.n_units)


@dataclass(frozen=True)
class _Meetings:
    """Which targets follow each reference, and what of their bins is known before they are paired.

    A tick is ``quotient * bin_ticks + remainder``. The bin of a lag is the difference of quotients,
    less one if the remainder of the target is the smaller one: no pair needs a division. Numbers
    are as narrow as they can be, and may wrap around: only the cell at the end has to fit.

    Parameters
    ----------
    cells : ndarray of unsigned integers, shape (n_targets,)
        Where the bins of the target's unit begin, and the quotient.
    remainders : ndarray of unsigned integers, shape (n_targets,)
        Of the targets.
    ends : ndarray of int64, shape (n_units,)
        Where the references of each unit end in what follows, which is unit after unit.
    ticks : ndarray of integers, shape (n_references,)
        When.
    firsts, lasts : ndarray of unsigned integers, shape (n_references,)
        Which targets are later, but not too late: from the one to before the other.
    ties : ndarray of int64, shape (n_units, n_units)
        How many pairs are at the same tick.
    """

    cells: npt.NDArray[np.unsignedinteger[Any]]
    remainders: npt.NDArray[np.unsignedinteger[Any]]
    ends: Counts
    ticks: npt.NDArray[np.integer[Any]]
    firsts: npt.NDArray[np.unsignedinteger[Any]]
    lasts: npt.NDArray[np.unsignedinteger[Any]]
    ties: Counts

    @classmethod
    def of(cls, references: Stream, targets: Stream, lags: Lags) -> _Meetings:
        n_units, n_targets, width = references.n_units, len(targets.ticks), lags.n_sided + 1
        cells = np.empty(n_targets, _unsigned(n_units * width))
        remainders = np.empty(n_targets, _unsigned(lags.bin_ticks))
        binned = (lags.before, lags.bin_ticks, width)
        _divide(targets.ticks, targets.units, *binned, cells, remainders)
        sizes = np.bincount(references.units, minlength=n_units)
        ends = np.cumsum(sizes)
        ticks = np.empty_like(references.ticks)
        firsts, lasts = np.empty((2, len(ticks)), _unsigned(n_targets, 4))
        ties = np.zeros((n_units, n_units), np.int64)
        given = (references.ticks, references.units, targets.ticks, targets.units, lags.stop)
        _meet(*given, ends - sizes, ticks, firsts, lasts, ties)
        return cls(cells, remainders, ends, ticks, firsts, lasts, ties)


def _unsigned(largest: int, least_bytes: int = 2) -> np.dtype[Any]:
    """Return the narrowest unsigned integer that holds a number."""
    n_bytes = next(size for size in (2, 4, 8) if size >= least_bytes and largest < 256**size)
    return np.dtype(f"u{n_bytes}")


def _rows(meetings: _Meetings, lags: Lags, rows: slice) -> Counts:
    """Count the pairs of a few reference units with all others."""
    n_units, width = len(meetings.ends), lags.n_sided + 1
    begins, ends = np.concatenate([[0], meetings.ends])[:-1][rows], meetings.ends[rows]
    own = slice(begins[0], ends[-1])
    lengths = meetings.lasts[own] - meetings.firsts[own]
    table = _unsigned(int(lengths.sum(dtype=np.int64)), 4)
    counts = np.zeros((len(ends), n_units * width), table)
    window = np.empty(int(lengths.max(initial=0)), meetings.cells.dtype)
    spikes = (meetings.ticks, meetings.firsts, meetings.lasts)
    targets = (meetings.cells, meetings.remainders)
    _count(begins, ends, *spikes, *targets, lags.bin_ticks, window, counts)
    found = counts.reshape(len(ends), n_units, width).astype(np.int64)
    found[..., -1] = meetings.ties[rows]
    return found


@compiled
def _divide(
    ticks: npt.NDArray[Any],
    units: npt.NDArray[Any],
    before: int,
    bin_ticks: int,
    width: int,
    cells: npt.NDArray[Any],
    remainders: npt.NDArray[Any],
) -> None:
    for target in range(ticks.size):
        quotient, remainder = divmod(ticks[target] + before, bin_ticks)
        cells[target], remainders[target] = units[target] * width + quotient, remainder


@compiled
def _meet(
    ticks: npt.NDArray[Any],
    units: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    others: npt.NDArray[Any],
    stop: int,
    places: Counts,
    moved: npt.NDArray[Any],
    firsts: npt.NDArray[Any],
    lasts: npt.NDArray[Any],
    ties: Counts,
) -> None:
    """Find the targets after each reference, both in order of time; write them unit after unit."""
    first = last = 0
    for spike in range(ticks.size):
        now, unit = ticks[spike], units[spike]
        while first < targets.size and targets[first] < now:
            first += 1
        later = first
        while later < targets.size and targets[later] == now:
            ties[unit, others[later]] += 1
            later += 1
        last = max(last, later)
        while last < targets.size and targets[last] - now < stop:
            last += 1
        place = places[unit]
        places[unit] += 1
        moved[place], firsts[place], lasts[place] = now, later, last


@compiled
def _count(
    begins: Counts,
    ends: Counts,
    ticks: npt.NDArray[Any],
    firsts: npt.NDArray[Any],
    lasts: npt.NDArray[Any],
    cells: npt.NDArray[Any],
    remainders: npt.NDArray[Any],
    bin_ticks: int,
    window: npt.NDArray[Any],
    counts: npt.NDArray[Any],
) -> None:
    """Count the targets after each reference of a few units, by their unit and lag.

    The cells of a whole window are found before they are counted, many with one instruction.
    """
    at, reach = begins.copy(), 0
    while reach < cells.size:
        reach += _IN_CACHE
        for row in range(ends.size):
            spike, own = at[row], counts[row]
            while spike < ends[row] and firsts[spike] < reach:
                there = slice(firsts[spike], lasts[spike])
                begun, beyond = cells[there], remainders[there]
                quotient, remainder = divmod(ticks[spike], bin_ticks)
                for target in range(begun.size):
                    earlier = beyond[target] < remainder
                    window[target] = begun[target] - quotient - earlier
                for cell in window[: begun.size]:
                    own[cell] += 1
                spike += 1
            at[row] = spike
