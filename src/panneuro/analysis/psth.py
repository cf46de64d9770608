"""Spikes around events: counts, the tensor of presentations, rates by condition.

Windows and bins are half open, ``[start, stop)``, on a clock of nanoseconds, so that a spike on an
edge is counted once, in the bin that begins there. Spikes and events are seconds on the session's
one clock: where there are no spikes around an event, the count is zero.

Source: Gerstein & Kiang (1960) Biophys. J. 1:15.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.binning import (
    count_in_bins,
    count_in_windows,
    find_firsts,
    sum_by_condition,
)
from panneuro.analysis.blocks import MAX_BYTES, check_bytes, fill, in_order, ranges
from panneuro.analysis.trains import TICKS_PER_S, Ticks, Trains, Units, to_ticks
from panneuro.analysis.windows import Bins, group
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

Counts = npt.NDArray[np.unsignedinteger[Any]]

_UNITS_PER_TASK = 8


def count_windows(
    units: Units,
    starts_s: npt.ArrayLike,
    stops_s: npt.ArrayLike,
    *,
    max_bytes: int = MAX_BYTES,
) -> xr.DataArray:
    """Count the spikes of each unit in each window.

    Windows may overlap and come in any order; an empty one counts nothing.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    starts_s, stops_s : array-like of float, shape (n_presentations,)
        Where the windows ``[start, stop)`` begin and end, in seconds.
    max_bytes : int
        What the result may take in memory.

    Returns
    -------
    DataArray of int32, dims (presentation, unit)
        Number of spikes.

    Raises
    ------
    InputError
        If the lengths differ, a window ends before it begins, a time is not finite, or the result
        is larger than is allowed.

    Examples
    --------
    >>> count_windows({4: [0.1, 0.5, 0.9], 7: []}, [0.0, 0.5], [0.5, 1.0]).values
    array([[1, 0],
           [2, 0]], dtype=int32)
    """
    trains = Trains.of(units)
    starts, stops = to_ticks(starts_s, "starts"), to_ticks(stops_s, "stops")
    if len(starts) != len(stops):
        raise InputError(f"windows have {len(starts)} starts but {len(stops)} stops")
    if np.any(stops < starts):
        row = int(np.argmax(stops < starts))
        raise InputError(
            f"window {row} begins at {float(starts[row]) / TICKS_PER_S!r} s "
            f"and ends before, at {float(stops[row]) / TICKS_PER_S!r} s"
        )
    shape = (len(starts), len(trains))
    check_bytes(shape, np.int32, max_bytes, "counting spikes in windows", "count fewer at a time")
    counts = np.zeros(shape, np.int32)
    order = np.argsort(starts, kind="stable")
    count_in_windows(
        trains.ticks, trains.starts, trains.ends, starts[order], stops[order], order, counts
    )
    return _labelled(counts, trains, ("presentation", "unit"), "count")


def psth_tensor(
    units: Units,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    bin_s: float,
    *,
    dtype: npt.DTypeLike | None = None,
    max_bytes: int = MAX_BYTES,
    executor: ThreadPoolExecutor | None = None,
) -> xr.DataArray:
    """Count the spikes of each unit in each bin around each event.

    What would be larger than `max_bytes` is refused: :func:`psth_blocks` streams it.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds, in any order; their windows may overlap.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    bin_s : float
        Width of a bin in seconds; the window is a whole number of them.
    dtype : dtype, optional
        An unsigned integer; left out, the smallest in which no count of these spikes can overflow.
    max_bytes : int
        What the result may take in memory.
    executor : ThreadPoolExecutor, optional
        Shares the work out by presentations; the result is the same.

    Returns
    -------
    DataArray of unsigned integers, dims (presentation, unit, time)
        Number of spikes; ``presentation`` is the number of the event from 0, as they were given,
        and ``time`` the middle of each bin in seconds from it.

    Raises
    ------
    InputError
        If the window is no whole number of bins, a time is not finite, counts could overflow, or
        the result is larger than is allowed.

    Examples
    --------
    >>> tensor = psth_tensor({4: [0.1, 0.5, 0.9], 7: []}, [0.0, 0.5], (0.0, 0.5), 0.25)
    >>> tensor.sel(unit=4).values
    array([[1, 0],
           [1, 1]], dtype=uint8)
    >>> tensor.time.values
    array([0.125, 0.375])
    """
    trains, bins = Trains.of(units), Bins.of(window_s, bin_s)
    onsets = to_ticks(onsets_s, "onsets")
    shape, chosen = (len(onsets), len(trains), bins.count), _count_dtype(trains, bins, dtype)
    hint = "stream it with psth_blocks, average it with psth_by_condition, or raise max_bytes"
    check_bytes(shape, chosen, max_bytes, "counting spikes around events", hint)
    out = np.zeros(shape, chosen)
    size = max(1, len(onsets) // 64) if executor else max(1, len(onsets))
    parts = ranges(len(onsets), size)
    fill(lambda part: _fill(trains, onsets[part], bins, True, out[part]), parts, executor)
    return _labelled(out, trains, ("presentation", "unit", "time"), "count", bins)


def psth_blocks(
    units: Units,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    bin_s: float,
    *,
    max_bytes: int = 64_000_000,
    dtype: npt.DTypeLike | None = None,
) -> Iterator[tuple[slice, Counts]]:
    """Yield the tensor of :func:`psth_tensor` in blocks of presentations, in bounded memory.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds, in any order; their windows may overlap.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    bin_s : float
        Width of a bin in seconds; the window is a whole number of them.
    max_bytes : int
        Size of the buffer; one presentation must fit.
    dtype : dtype, optional
        An unsigned integer; left out, the smallest in which no count of these spikes can overflow.

    Yields
    ------
    rows : slice
        Which presentations.
    counts : ndarray of unsigned integers, shape (n_rows, n_units, n_bins)
        Read-only, and overwritten by the next block: reduce it or copy it.

    Raises
    ------
    InputError
        If the window is no whole number of bins, a time is not finite, counts could overflow, or
        `max_bytes` holds no presentation.

    Examples
    --------
    >>> trains = {4: [0.1, 0.5, 0.9], 7: []}
    >>> blocks = psth_blocks(trains, [0.0, 0.5, 1.0], (0.0, 0.5), 0.25, max_bytes=8)
    >>> [(rows, int(counts.sum())) for rows, counts in blocks]
    [(slice(0, 2, None), 3), (slice(2, 3, None), 0)]
    """
    trains, bins = Trains.of(units), Bins.of(window_s, bin_s)
    onsets = to_ticks(onsets_s, "onsets")
    chosen = _count_dtype(trains, bins, dtype)
    each = max(1, len(trains) * bins.count * chosen.itemsize)
    if not is_real(max_bytes, least=each) and max_bytes != np.inf:
        raise InputError(
            f"one presentation takes {each} bytes, and max_bytes is {max_bytes!r}",
            hint="allow more bytes, or choose fewer units or wider bins",
        )
    size = max(1, len(onsets))
    if size * each > max_bytes:
        size = int(max_bytes // each)
    return _blocks(trains, onsets, bins, np.empty((size, len(trains), bins.count), chosen))


def psth_by_condition(
    units: Units,
    onsets_s: npt.ArrayLike,
    conditions: npt.ArrayLike,
    window_s: tuple[float, float],
    bin_s: float,
    *,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Average the rate of each unit around the events of each condition.

    With counts ``n[k, b]`` of the `K` events of a condition, the rate of bin `b` is
    ``Σ_k n[k, b] / (K bin_s)``, and its standard error the deviation of ``n[:, b] / bin_s`` over
    the events, divided by ``√K``. The tensor of all presentations is never made: memory holds
    units × conditions × bins.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    conditions : array-like, shape (n_presentations,)
        Condition of each event: names, numbers, ….
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    bin_s : float
        Width of a bin in seconds.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Shares the work out by units; the result is the same.

    Returns
    -------
    Dataset, dims (condition, unit, time)
        ``rate`` and ``sem``, its standard error over presentations, in Hz, and
        ``n_presentations`` (condition,). The error of a single presentation is not defined: NaN.

    Raises
    ------
    InputError
        If the window is no whole number of bins, a time is not finite, the lengths differ, a
        condition is missing (NaN), or the result is larger than is allowed.

    Examples
    --------
    >>> found = psth_by_condition({4: [0.1, 1.1, 1.2]}, [0, 1, 2], ["a", "a", "b"], (0, 0.5), 0.5)
    >>> found.rate.sel(unit=4).values
    array([[3.],
           [0.]])
    """
    trains, bins = Trains.of(units), Bins.of(window_s, bin_s)
    onsets = to_ticks(onsets_s, "onsets")
    names, labels = group(conditions, len(onsets))
    shape = (len(names), len(trains), bins.count)
    hint = "choose fewer units or conditions, wider bins, or raise max_bytes"
    check_bytes((4, *shape), np.int64, max_bytes, "averaging by condition", hint)
    order = np.argsort(onsets, kind="stable")
    task = partial(_sums, trains, onsets[order] + bins.first, bins, labels[order], len(names))
    parts = ranges(len(trains), _UNITS_PER_TASK if executor else max(1, len(trains)))
    sums, squares = np.empty((2, len(trains), len(names), bins.count), np.int64)
    for part, found in in_order(task, parts, executor):
        sums[part], squares[part] = found
    return _rates(sums, squares, np.bincount(labels, minlength=len(names)), names, trains, bins)


def _sums(
    trains: Trains, starts: Ticks, bins: Bins, conditions: Ticks, n_conditions: int, part: slice
) -> tuple[slice, Ticks]:
    """Return the sums over conditions, and of squares, of the units in a part of the rows."""
    firsts, ends = trains.starts[part], trains.ends[part]
    found = np.zeros((2, len(ends), n_conditions, bins.count), np.int64)
    sum_by_condition(trains.ticks, firsts, ends, starts, bins.span, conditions, *found)
    return part, found


def _blocks(
    trains: Trains, onsets: Ticks, bins: Bins, buffer: Counts
) -> Iterator[tuple[slice, Counts]]:
    for rows in ranges(len(onsets), len(buffer)):
        block = buffer[: rows.stop - rows.start]
        _fill(trains, onsets[rows], bins, False, block)
        block.flags.writeable = False
        yield rows, block


def _fill(trains: Trains, onsets: Ticks, bins: Bins, fresh: bool, out: Counts) -> None:
    if not out.size:
        return
    order = np.argsort(onsets, kind="stable")
    starts = onsets[order] + bins.first
    firsts = find_firsts(trains.ticks, trains.starts, trains.ends, starts[0])
    count_in_bins(trains.ticks, firsts, trains.ends, starts, bins.span, order, fresh, out)


def _count_dtype(trains: Trains, bins: Bins, dtype: npt.DTypeLike | None) -> np.dtype[Any]:
    fitting = next(bits for bits in (8, 16, 32, 64) if bits == 64 or _fits(trains, bins, bits))
    if dtype is None:
        return np.dtype(f"u{fitting // 8}")
    try:
        chosen = np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"counts have no dtype {dtype!r}", hint=f"use uint{fitting}") from error
    if chosen.kind != "u" or 8 * chosen.itemsize < fitting:
        raise InputError(
            f"counts of these spikes could overflow {chosen.name!r}", hint=f"use uint{fitting}"
        )
    return chosen


def _fits(trains: Trains, bins: Bins, bits: int) -> bool:
    """Return whether no bin can hold ``2 ** bits`` spikes of one unit.

    So many spikes in a row would include half as many that begin at a multiple of that half; these
    alone are looked at. It errs on the safe side.
    """
    half = 1 << (bits - 1)
    width = -(-bins.span // bins.count)
    for first, end in zip(trains.starts, trains.ends, strict=True):
        lasts = trains.ticks[first + half - 1 : end : half]
        if np.any(lasts - trains.ticks[first:end:half][: len(lasts)] < width):
            return False
    return True


def _rates(
    sums: Ticks, squares: Ticks, n: Ticks, names: npt.NDArray[Any], trains: Trains, bins: Bins
) -> xr.Dataset:
    each = n[None, :, None]
    mean = sums / each
    variance = np.maximum(squares - sums * mean, 0) / np.where(each > 1, (each - 1) * each, np.nan)
    dims = ("condition", "unit", "time")
    found = {}
    for name, values in (("rate", mean), ("sem", np.sqrt(variance))):
        turned = np.ascontiguousarray(np.swapaxes(values, 0, 1)) / bins.width_s
        found[name] = _labelled(turned, trains, dims, name, bins)
    return xr.Dataset(found, {"condition": names}).assign(n_presentations=("condition", n))


_NAMED = {
    "count": {"units": "spikes", "long_name": "spikes"},
    "rate": {"units": "Hz", "long_name": "rate"},
    "sem": {"units": "Hz", "long_name": "standard error of rate"},
}
_TIME = {"units": "s", "long_name": "time from onset"}


def _labelled(
    values: npt.NDArray[Any],
    trains: Trains,
    dims: tuple[str, ...],
    name: str,
    bins: Bins | None = None,
) -> xr.DataArray:
    coords: dict[str, Any] = {"unit": trains.ids}
    if dims[0] == "presentation":
        coords["presentation"] = np.arange(len(values))
    if bins is not None:
        coords["time"] = ("time", bins.centres_s, _TIME)
    return xr.DataArray(values, coords, dims, name, _NAMED[name])
