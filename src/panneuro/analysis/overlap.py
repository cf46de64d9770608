"""Overlap-save: what is linear and short in time, computed on a recording of any length.

A recording is cut into blocks that overlap by the length of the kernel; each is transformed once,
multiplied, and transformed back, and what the circle of the transform spoils is dropped. Blocks lie
on a grid of their own, so that a sample has the same value to the bit whichever rows are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.traces import extended
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Filtering signals")

Spectrum = npt.NDArray[np.complex64]

SHORTEST_FFT = 1 << 15
_GROUP_BYTES = 4 << 20
_TILE = 64


@dataclass(frozen=True)
class Plan:
    """How blocks are cut and what is done with the transform of each.

    Parameters
    ----------
    n_fft : int
        Samples of a block, a multiple of `every`.
    margin : int
        Samples that are dropped at either end of a block, a multiple of `every`.
    every : int
        One sample is kept of so many.
    transform : callable
        From spectra of shape (channels, ``n_fft // 2 + 1``) to values of shape
        (channels, …, ``n_fft // every``).
    """

    n_fft: int
    margin: int
    every: int
    transform: Callable[[Spectrum], npt.NDArray[Any]]


def block_size(reach: int, every: int) -> tuple[int, int]:
    """Return the samples of a block and of its margins, for kernels that reach so far either way.

    Examples
    --------
    >>> block_size(1000, 16)
    (32768, 1008)
    """
    margin = -(-reach // every) * every
    wanted = -(-max(SHORTEST_FFT, 8 * margin) // every)
    return every << (wanted - 1).bit_length(), margin


def overlap_saved(
    signal: TimeSeries, plan: Plan, dtype: npt.DTypeLike, tail: tuple[int, ...] = (), **changes: Any
) -> TimeSeries:
    """Return a signal whose samples are computed when they are read.

    Parameters
    ----------
    signal : TimeSeries
        The source, with a constant rate.
    plan : Plan
        What to compute.
    dtype : dtype
        Of the values.
    tail : tuple of int
        Further axes that the transform adds after channels.
    **changes
        Fields of the new signal.

    Raises
    ------
    InputError
        If the signal is shorter than what the kernel reaches.
    """
    if len(signal) <= plan.margin:
        raise InputError(
            f"filtering {signal.name!r}: its {len(signal)} samples are fewer than the "
            f"{plan.margin + 1} that the filter reaches to either side",
            hint="take a longer recording or a filter with wider transitions",
        )
    blocks = _Blocks(signal, plan, np.dtype(dtype), tail)
    fields = {"rate_hz": (signal.rate_hz or 1.0) / plan.every, "gain": 1.0, "offset": 0.0}
    return signal.with_data(blocks, **(fields | {"path": "", "source": ""} | changes))


class _Blocks(Sliced):
    """The computed samples; the last block is kept, for those who read window after window."""

    def __init__(
        self, signal: TimeSeries, plan: Plan, dtype: np.dtype[Any], tail: tuple[int, ...]
    ) -> None:
        n_rows = -(-len(signal) // plan.every)
        super().__init__((n_rows, *signal.data.shape[1:], *tail), dtype, self._rows)
        self.signal = signal
        self.plan = plan
        self.tail = tail
        self.block_rows = (plan.n_fft - 2 * plan.margin) // plan.every
        self._last: tuple[int, npt.NDArray[Any]] | None = None

    def _rows(self, start: int, stop: int) -> npt.NDArray[Any]:
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self.fill(out, start, stop)
        return out

    def fill(self, out: Any, start: int, stop: int) -> None:
        """Write rows ``start`` to ``stop`` to the first rows of `out`."""
        step = self.block_rows
        for number in range(start // step, -(-stop // step) if stop > start else 0):
            first = number * step
            rows = slice(max(start, first), min(stop, first + step))
            block = self._block(number)[rows.start - first : rows.stop - first]
            out[rows.start - start : rows.stop - start] = block.reshape(-1, *self.shape[1:])

    def _block(self, number: int) -> npt.NDArray[Any]:
        kept = self._last
        if kept is None or kept[0] != number:
            kept = (number, self._compute(number))
            self._last = kept
        return kept[1]

    def _compute(self, number: int) -> npt.NDArray[Any]:
        plan = self.plan
        first = number * self.block_rows * plan.every
        begin = first - plan.margin
        # Rows beyond the margin after the end reach no sample that is kept.
        end = min(begin + plan.n_fft, len(self.signal) + plan.margin)
        samples = extended(self.signal, begin, end)
        n_kept = min(self.block_rows, self.shape[0] - number * self.block_rows)
        kept = slice(plan.margin // plan.every, plan.margin // plan.every + n_kept)
        n_channels = samples.shape[1]
        out = np.empty((n_kept, n_channels, *self.tail), self.dtype)
        per_channel = max(plan.n_fft, plan.n_fft // plan.every * math.prod(self.tail))
        group = max(1, _GROUP_BYTES // (8 * per_channel))
        for at in range(0, n_channels, group):
            padded = np.zeros((min(group, n_channels - at), plan.n_fft), np.float32)
            _turn(samples[:, at : at + group], padded)
            values = plan.transform(fft.rfft(padded, axis=1, overwrite_x=True))
            _place(values[..., kept], out[:, at : at + group])
        return out


def _place(values: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Write (channels, …, time) as (time, channels, …)."""
    if values.ndim == 2:
        _turn(values, out)
        return
    for channel, one in enumerate(values):
        _turn(one, out[:, channel])


@compiled
def _turn(source: Any, target: Any) -> None:
    """Write columns of one array as rows of another, in tiles that the cache holds."""
    rows, columns = source.shape
    for first_row in range(0, rows, _TILE):
        last_row = min(first_row + _TILE, rows)
        for first in range(0, columns, _TILE):
            for column in range(first, min(first + _TILE, columns)):
                for row in range(first_row, last_row):
                    target[column, row] = source[row, column]
