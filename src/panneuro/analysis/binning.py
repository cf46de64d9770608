"""Compiled loops that put spikes into windows and bins.

Each walks forward through every unit's spikes once, in integers, and writes outputs of its own, so
any division of the work among threads gives the same result. Windows come in order of their start.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled

Array = npt.NDArray[Any]


@compiled
def bin_of(tick: int, span: int, n_bins: int) -> int:
    """Return the bin of a tick in ``[0, span)``, whose edges are rounded to whole ticks."""
    return (2 * tick + 1) * n_bins // (2 * span)


@compiled
def count_in_windows(
    ticks: Array,
    firsts: Array,
    ends: Array,
    starts: Array,
    stops: Array,
    rows: Array,
    out: Array,
) -> None:
    """Write into ``out[rows[w], unit]`` how many spikes lie in ``[starts[w], stops[w])``."""
    for unit in range(len(firsts)):
        low = high = firsts[unit]
        for window in range(len(starts)):
            if window and starts[window] >= stops[window - 1]:
                low = high
            if window and stops[window] < stops[window - 1]:
                high = low
            while low < ends[unit] and ticks[low] < starts[window]:
                low += 1
            high = max(low, high)
            while high < ends[unit] and ticks[high] < stops[window]:
                high += 1
            out[rows[window], unit] = high - low


@compiled
def count_in_bins(
    ticks: Array,
    firsts: Array,
    ends: Array,
    starts: Array,
    span: int,
    rows: Array,
    fresh: bool,
    out: Array,
) -> None:
    """Write into ``out[rows[w], unit, bin]`` the spikes of each bin of ``[start, start + span)``.

    `span` is cut into ``out.shape[2]`` bins of equal width, even where that is no whole number of
    ticks. What is fresh is zero already.
    """
    n_bins = out.shape[2]
    at = firsts.copy()
    for window in range(len(starts)):
        start = starts[window]
        stop = start + span
        block = out[rows[window]]
        if not fresh:
            block[:] = 0
        for unit in range(len(firsts)):
            spike = at[unit]
            end = ends[unit]
            while spike < end and ticks[spike] < start:
                spike += 1
            at[unit] = spike
            while spike < end and ticks[spike] < stop:
                block[unit, bin_of(ticks[spike] - start, span, n_bins)] += 1
                spike += 1


@compiled
def sum_by_condition(
    ticks: Array,
    firsts: Array,
    ends: Array,
    starts: Array,
    span: int,
    conditions: Array,
    sums: Array,
    squares: Array,
) -> None:
    """Add the counts of each bin, and their squares, to ``[unit, condition, bin]``.

    Spikes of one bin follow each other, so each run of them is one count.
    """
    n_bins = sums.shape[2]
    for unit in range(len(firsts)):
        low = firsts[unit]
        end = ends[unit]
        for window in range(len(starts)):
            start = starts[window]
            stop = start + span
            condition = conditions[window]
            while low < end and ticks[low] < start:
                low += 1
            spike = low
            while spike < end and ticks[spike] < stop:
                column = bin_of(ticks[spike] - start, span, n_bins)
                count = 0
                while (
                    spike < end
                    and ticks[spike] < stop
                    and bin_of(ticks[spike] - start, span, n_bins) == column
                ):
                    count += 1
                    spike += 1
                sums[unit, condition, column] += count
                squares[unit, condition, column] += count * count


@compiled
def find_firsts(ticks: Array, starts: Array, ends: Array, tick: int) -> Array:
    """Return where each unit's first spike at or after a tick lies."""
    found = np.empty(len(starts), np.int64)
    for unit in range(len(starts)):
        low, high = starts[unit], ends[unit]
        while low < high:
            middle = (low + high) // 2
            if ticks[middle] < tick:
                low = middle + 1
            else:
                high = middle
        found[unit] = low
    return found
