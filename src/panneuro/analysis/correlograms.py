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
from panneuro.analysis.trains import TICKS_PER_S, Ticks, Trains, Units
from panneuro.core.errors import InputError

Counts = npt.NDArray[np.int64]

_BITS = 64
_UNITS_PER_TASK = 4


@dataclass(frozen=True)
class Lags:
    """Bins of lags, in ticks of a clock; symmetric about zero.

    Parameters
    ----------
    bin_ticks : int
        Width of a bin.
    n_bins : int
        Bins on each side, besides the central one if there is one.
    centred : bool
        Whether a bin lies around zero, or an edge on it.
    ticks_per_s : float
        Of the clock.
    """

    bin_ticks: int
    n_bins: int
    centred: bool
    ticks_per_s: float

    @classmethod
    def of(cls, max_lag_s: float, bin_s: float, rate_hz: float | None, centred: bool) -> Lags:
        """Turn seconds into whole ticks, or say why that cannot be.

        Raises
        ------
        InputError
            If the bin is no whole number of ticks, or the longest lag of bins, or is too long.
        """
        ticks_per_s = float(rate_hz or TICKS_PER_S)
        if not (0 < bin_s <= max_lag_s < np.inf and 0 < ticks_per_s < np.inf):
            raise InputError(
                f"correlograms were asked for lags of up to {max_lag_s!r} s in bins of {bin_s!r} s",
                hint="max_lag_s=0.05, bin_s=0.001",
            )
        bin_ticks, n_bins = round(bin_s * ticks_per_s), round(max_lag_s / bin_s)
        off = abs(bin_ticks - bin_s * ticks_per_s) > 1e-6 * bin_ticks
        if off or abs(n_bins * bin_s - max_lag_s) > 1e-6 * bin_s:
            raise InputError(
                f"lags of up to {max_lag_s!r} s in bins of {bin_s!r} s is not whole: bins are "
                f"{bin_s * ticks_per_s:g} ticks, and the longest lag {max_lag_s / bin_s:g} bins",
                hint="choose a bin that is a multiple of the time between samples",
            )
        lags = cls(bin_ticks, n_bins, centred, ticks_per_s)
        if lags.stop**2 >= 2 ** (_BITS - 2):
            raise InputError(
                f"lags of up to {max_lag_s!r} s are too long for a clock of {ticks_per_s:g} Hz",
                hint="give the rate of the samples, as in rate_hz=30_000",
            )
        return lags

    @property
    def before(self) -> int:
        """How many ticks before zero the first one-sided bin begins."""
        return self.bin_ticks // 2 if self.centred else 0

    @property
    def n_sided(self) -> int:
        """Number of bins from zero up, with the one around zero."""
        return self.n_bins + self.centred

    @property
    def stop(self) -> int:
        """The first lag in ticks that is in no bin."""
        return self.n_sided * self.bin_ticks - self.before

    @property
    def factor(self) -> tuple[int, int]:
        """A multiplier and a shift that divide by the width of a bin, exactly up to `stop`."""
        shift = ((self.stop + self.before) * self.bin_ticks).bit_length()
        return -(-(1 << shift) // self.bin_ticks), shift

    @property
    def centres_s(self) -> npt.NDArray[np.float64]:
        """The middle of every bin in seconds, from the most negative lag."""
        first = -self.n_bins + (0 if self.centred else 0.5)
        steps = first + np.arange(self.n_all, dtype=np.float64)
        centres: npt.NDArray[np.float64] = steps * self.bin_ticks / self.ticks_per_s
        return centres

    @property
    def n_all(self) -> int:
        """Number of bins of both sides."""
        return 2 * self.n_bins + self.centred

    def unfold(self, counts: npt.NDArray[Any], first: int, out: npt.NDArray[Any]) -> None:
        """Add pairs whose second spike is not earlier to correlograms of all lags.

        Lags below zero of a pair of units are those above zero of the units exchanged.

        Parameters
        ----------
        counts : ndarray, shape (n, n_units, n_sided + 1)
            Pairs of units in the rows from `first` with all, in bins from zero up; last those at
            the same tick.
        first : int
            Row of the first of these units.
        out : ndarray, shape (n_units, n_units, n_all)
            To be added to.
        """
        _unfold(counts, first, self.n_bins, int(not self.centred), out)


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
    n_units = references.n_units
    firsts = np.empty(len(references.ticks), dtype=np.int64)
    _first_not_before(references.ticks, targets.ticks, firsts)
    # NumPy sorts numbers of 16 bits by their digits, much faster.
    order = np.argsort(references.units.astype(np.min_scalar_type(n_units)), kind="stable")
    ends = np.cumsum(np.bincount(references.units, minlength=n_units))
    offsets = targets.units * np.uint32(lags.n_sided + 1)
    task = partial(_rows, references.ticks, firsts, order, ends, targets.ticks, offsets, lags)
    out = np.zeros((n_units, n_units, lags.n_all), dtype=np.int64)
    groups = list(ranges(n_units, _UNITS_PER_TASK))
    for rows, counts in zip(groups, in_order(task, groups, executor), strict=True):
        lags.unfold(counts, rows.start, out)
    return out


def drop_selves(counts: npt.NDArray[Any], spikes: Stream, lags: Lags) -> None:
    """Take out that every spike is at the same tick as itself."""
    rows = np.arange(spikes.n_units)
    counts[rows, rows, lags.n_bins] -= np.bincount(spikes.units, minlength=spikes.n_units)


def _rows(
    ticks: npt.NDArray[Any],
    firsts: Counts,
    order: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
    targets: npt.NDArray[Any],
    offsets: npt.NDArray[np.uint32],
    lags: Lags,
    rows: slice,
) -> Counts:
    """Count the pairs of a few reference units with all others."""
    n_units, width = len(ends), lags.n_sided + 1
    chosen = range(*rows.indices(n_units))
    out = np.zeros((len(chosen), n_units * width), dtype=np.int64)
    factor, shift = lags.factor
    for at, unit in enumerate(chosen):
        own = order[ends[unit - 1] if unit else 0 : ends[unit]]
        given = (ticks, firsts, own, targets, offsets)
        _count(*given, lags.stop, lags.before, factor, shift, width - 1, out[at])
    return out.reshape(len(chosen), n_units, width)


@compiled
def _first_not_before(ticks: npt.NDArray[Any], targets: npt.NDArray[Any], firsts: Counts) -> None:
    """Find the first target that is not earlier than each reference; both ascend."""
    first = 0
    for spike in range(ticks.size):
        while first < targets.size and targets[first] < ticks[spike]:
            first += 1
        firsts[spike] = first


@compiled
def _count(
    ticks: npt.NDArray[Any],
    firsts: Counts,
    order: npt.NDArray[np.intp],
    targets: npt.NDArray[Any],
    offsets: npt.NDArray[np.uint32],
    stop: int,
    before: int,
    factor: int,
    shift: int,
    tie: int,
    out: Counts,
) -> None:
    """Count the targets at or after each spike of a unit, by their unit and lag.

    Everything is unsigned: an index that may be negative costs a test at every pair.
    """
    end, one = np.uint64(targets.size), np.uint64(1)
    last, edge = np.uint64(stop), np.uint64(before)
    times, down = np.uint64(factor), np.uint64(shift)
    for spike in order:
        now = ticks[spike]
        target = np.uint64(firsts[spike])
        while target < end and targets[target] == now:
            out[np.uint64(offsets[target]) + np.uint64(tie)] += 1
            target += one
        while target < end:
            lag = np.uint64(targets[target] - now)
            if lag >= last:
                break
            out[np.uint64(offsets[target]) + (((lag + edge) * times) >> down)] += 1
            target += one


@compiled
def _unfold(counts: Any, first: int, n_bins: int, gap: int, out: Any) -> None:
    rows, n_units, width = counts.shape
    for row in range(rows):
        unit = first + row
        for other in range(n_units):
            own = counts[row, other]
            there, back = out[unit, other], out[other, unit]
            there[n_bins] += own[width - 1]
            for lag in range(width - 1):
                there[n_bins + lag] += own[lag]
                back[n_bins - gap - lag] += own[lag]
