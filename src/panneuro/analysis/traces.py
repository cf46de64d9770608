"""Continuous signals as analyses take them: sampled at a rate, physical, a piece at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import fill, ranges
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import reals
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

Floats = npt.NDArray[np.float32]
BLOCK_BYTES = 64 << 20

_BLOCKS_AT_ONCE = 4
"""Blocks that are computed in the same memory, one after another."""


def rate_of(signal: TimeSeries, doing: str) -> float:
    """Return the samples per second of a signal that has channels over time and a constant rate.

    Parameters
    ----------
    signal : TimeSeries
        To be analysed.
    doing : str
        What is being done, to begin the error message: ``"filtering"``.

    Raises
    ------
    InputError
        If it is stamped sample by sample, has more than one axis of channels, or no samples.
    """
    check_kind(signal, TimeSeries, doing, 'TimeSeries("lfp", samples, "volts", rate_hz=1000.0)')
    if signal.rate_hz is None:
        raise InputError(
            f"{doing} {signal.name!r} needs a constant rate; its samples are stamped one by one",
            hint="interpolate it onto regular times first",
        )
    if len(signal.data.shape) > 2 or not all(signal.data.shape):
        raise InputError(f"{doing} {signal.name!r}: cannot use data of shape {signal.data.shape}")
    if signal.data.dtype.kind not in "iuf":
        raise InputError(f"{doing} {signal.name!r}: cannot use values of {signal.data.dtype}")
    return float(signal.rate_hz)


def numbers(values: npt.ArrayLike, what: str) -> npt.NDArray[np.float64]:
    """Return numbers as a list of float64.

    Parameters
    ----------
    values : array-like, shape (n,) or a single number
    what : str
        What they are, to begin the error message: ``"depths"``.

    Raises
    ------
    InputError
        If they are no numbers, or not one after the other.

    Examples
    --------
    >>> numbers(3, "depths")
    array([3.])
    """
    found = np.atleast_1d(reals(values, what))
    if found.ndim != 1:
        raise InputError(f"{what} must be a list, not an array of shape {found.shape}")
    return found


def labels_of(signal: TimeSeries) -> list[Any]:
    """Return the names of the channels, or their numbers where they have none."""
    return list(signal.channels) or list(range(signal.n_channels))


def physical(signal: TimeSeries, start: int, stop: int) -> Floats:
    """Read rows ``start`` to ``stop`` in physical units, as float32 of shape (rows, channels).

    Raises
    ------
    InputError
        If a value is not finite.
    """
    stored = np.asarray(signal.data[start:stop]).reshape(stop - start, signal.n_channels)
    values = stored.astype(np.float32)
    if stored.dtype.kind == "f" and not np.isfinite(values).all():
        row, channel = np.argwhere(~np.isfinite(values))[0]
        at_s = signal.start_s + (start + row) / (signal.rate_hz or 1.0)
        raise InputError(
            f"{signal.name!r} has no finite value in channel {channel} at {at_s:.4f} s",
            hint="leave that channel or that time out, or interpolate over it",
        )
    if np.any(np.asarray(signal.gain) != 1.0):
        values *= np.asarray(signal.gain, dtype=np.float32)
    if np.any(np.asarray(signal.offset) != 0.0):
        values += np.asarray(signal.offset, dtype=np.float32)
    return values


def extended(signal: TimeSeries, start: int, stop: int) -> Floats:
    """Read rows that may lie beyond both ends, where the signal is turned about its end points.

    The odd extension, ``2 x[0] - x[k]`` at time ``-k``, is what ``scipy.signal.sosfiltfilt`` uses.
    Rows farther beyond than the signal is long are zero.
    """
    n = len(signal)
    if start >= 0 and stop <= n:
        return physical(signal, start, stop)
    values = np.zeros((stop - start, signal.n_channels), dtype=np.float32)
    inside = slice(max(start, 0), min(stop, n))
    if inside.stop > inside.start:
        values[inside.start - start : inside.stop - start] = physical(
            signal, inside.start, inside.stop
        )
    if start < 0:
        before = min(-start, n - 1, n)
        head = physical(signal, 0, before + 1)
        values[-start - before : -start] = 2 * head[0] - head[:0:-1]
    if stop > n:
        after = min(stop - n, n - 1)
        tail = physical(signal, n - 1 - after, n)
        values[n - start : n - start + after] = 2 * tail[-1] - tail[-2::-1]
    return values


@runtime_checkable
class Blockwise(Protocol):
    """An array that is computed in blocks of its own and can write them where they belong."""

    block_rows: int

    def fill(self, out: Any, start: int, stop: int) -> None:
        """Write rows ``start`` to ``stop`` to the first rows of `out`."""


def block_rows(signal: TimeSeries) -> int:
    """Return how many rows are best read at once: a block of what is computed, or 64 MiB."""
    if isinstance(signal.data, Blockwise):
        return signal.data.block_rows
    return max(1, BLOCK_BYTES * len(signal) // max(1, signal.n_bytes))


def evaluate(
    signal: TimeSeries, out: Any = None, *, executor: ThreadPoolExecutor | None = None
) -> npt.NDArray[Any] | Any:
    """Compute a lazy signal piece by piece, into memory or into an array on disk.

    Parameters
    ----------
    signal : TimeSeries
        What a filter or a wavelet transform returned.
    out : array-like, shape of ``signal.data``, optional
        Anything that takes ``out[start:stop] = values``: a memory map, a Zarr array. A new array in
        memory where not given.
    executor : ThreadPoolExecutor, optional
        Spreads the pieces over threads; the result is the same to the bit.

    Returns
    -------
    array-like
        `out`; what is read raw, through no filter, keeps its NaN.

    Raises
    ------
    InputError
        If `out` has another shape.

    Examples
    --------
    >>> evaluate(TimeSeries("x", np.arange(4), rate_hz=1.0))
    array([0, 1, 2, 3])
    """
    check_kind(signal, TimeSeries, "computing")
    if out is None:
        out = np.empty(signal.data.shape, signal.data.dtype)
    if tuple(out.shape) != tuple(signal.data.shape):
        raise InputError(
            f"computing {signal.name!r} of shape {signal.data.shape} into an array of {out.shape}"
        )
    data, step = signal.data, block_rows(signal)
    if isinstance(data, Blockwise) and isinstance(out, np.ndarray):
        step *= _BLOCKS_AT_ONCE

    def one(rows: slice) -> None:
        if isinstance(data, Blockwise) and isinstance(out, np.ndarray):
            data.fill(out[rows], rows.start, rows.stop)
        else:
            out[rows] = data[rows]

    fill(one, ranges(len(signal), step), executor)
    return out
