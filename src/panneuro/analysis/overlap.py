"""Overlap-save: what is linear and short in time, computed on a recording of any length.

A recording is cut into blocks that overlap by the length of the kernel; each is transformed once,
multiplied, and transformed back, and what the circle of the transform spoils is dropped. Blocks lie
on a grid of their own, so that a sample has the same value to the bit whichever rows are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import ranges
from panneuro.analysis.compiling import compiled
from panneuro.analysis.thinning import AT_ONCE, Thinning
from panneuro.analysis.traces import extended
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Filtering signals")

Spectrum = npt.NDArray[np.complex64]

SHORTEST_FFT = 1 << 15
_GROUP_BYTES = 2 << 20
_TILE = 64
_LINE_BYTES = 64


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
        ``transform(spectra, kept, out)`` takes spectra of shape (channels, ``n_fft // 2 + 1``),
        which it may overwrite, and writes the samples in the slice `kept`, of ``n_fft // every``,
        to `out` of shape (samples, channels, …). Of thinned samples, spectra end sooner.
    thinning : Thinning, optional
        By a divisor of `n_fft`.
    """

    n_fft: int
    margin: int
    every: int
    transform: Callable[[Spectrum, slice, npt.NDArray[Any]], None]
    thinning: Thinning | None = None


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
        step, padded = self.block_rows, self._padded()
        for number in range(start // step, -(-stop // step) if stop > start else 0):
            first = number * step
            rows = slice(max(start, first), min(stop, first + step))
            there = out[rows.start - start : rows.stop - start]
            if rows == slice(first, min(first + step, self.shape[0])):
                self._compute(number, there.reshape(len(there), -1, *self.tail), padded)
            else:
                block = self._block(number)[rows.start - first : rows.stop - first]
                there[:] = block.reshape(there.shape)

    def _block(self, number: int) -> npt.NDArray[Any]:
        kept = self._last
        if kept is None or kept[0] != number:
            n_kept = min(self.block_rows, self.shape[0] - number * self.block_rows)
            block = np.empty((n_kept, self.signal.n_channels, *self.tail), self.dtype)
            self._compute(number, block, self._padded())
            kept = (number, block)
            self._last = kept
        return kept[1]

    def _padded(self) -> npt.NDArray[np.float32]:
        """Return memory for the samples of a block, of as many channels as the cache holds.

        It serves block after block, as new memory costs as much as transforming what is in it.
        """
        thinning = self.plan.thinning
        n_samples = self.plan.n_fft // (thinning.every if thinning else 1)
        return apart(max(1, _GROUP_BYTES // (4 * n_samples)), n_samples, np.float32)

    def _compute(self, number: int, out: npt.NDArray[Any], padded: npt.NDArray[np.float32]) -> None:
        """Write a block to an array of shape (n_rows, n_channels, …)."""
        plan = self.plan
        first = number * self.block_rows * plan.every
        begin = first - plan.margin
        # Rows beyond the margin after the end reach no sample that is kept.
        end = min(begin + plan.n_fft, len(self.signal) + plan.margin)
        if plan.thinning is None:
            samples, gain, offset = self._taken(begin, end)
        else:
            every, reach = plan.thinning.every, plan.thinning.reach
            n_samples = -(-(end - begin) // every)
            last = begin + (-(-n_samples // AT_ONCE) * AT_ONCE - 1) * every
            samples, gain, offset = self._taken(begin - reach, last + reach + 1)
            samples = plan.thinning(samples)[:n_samples]
        kept = slice(plan.margin // plan.every, plan.margin // plan.every + len(out))
        for part in ranges(samples.shape[1], len(padded)):
            rows = padded[: part.stop - part.start]
            taken = rows[:, : len(samples)]
            turn(samples[:, part], taken)
            if gain is not None:
                taken *= gain[part, None]
                taken += offset[part, None]
            rows[:, len(samples) :] = 0
            spectra = fft.rfft(rows, axis=1)
            plan.transform(spectra, kept, out[:, part])

    def _taken(self, begin: int, end: int) -> tuple[Any, Any, Any]:
        """Return samples with what makes them physical, or None where they are it.

        Integers are made physical channel by channel, when the cache holds them.
        """
        signal = self.signal
        inside = begin >= 0 and end <= len(signal)
        # What is compiled takes numbers in the order of bytes of this machine.
        if not inside or signal.data.dtype.kind == "f" or not signal.data.dtype.isnative:
            return extended(signal, begin, end), None, None
        stored = np.asarray(signal.data[begin:end]).reshape(end - begin, signal.n_channels)
        if np.all(np.asarray(signal.gain) == 1.0) and not np.any(signal.offset):
            return stored, None, None
        shape = (signal.n_channels,)
        gain, offset = (
            np.broadcast_to(np.asarray(factor, np.float32), shape)
            for factor in (signal.gain, signal.offset)
        )
        return stored, gain, offset


@compiled
def turn(source: Any, target: Any) -> None:
    """Write columns of one array as rows of another.

    The longer axis is walked along. Where that is the source's rows, they may begin a power of two
    apart, and are taken in tiles that the cache holds; the target's may not, see :func:`apart`.
    """
    rows, columns = source.shape
    if rows < columns:
        for first in range(0, columns, _TILE):
            for row in range(rows):
                for column in range(first, min(first + _TILE, columns)):
                    target[column, row] = source[row, column]
    else:
        for row in range(rows):
            there = source[row]
            for column in range(columns):
                target[column, row] = there[column]


@compiled
def turn_power(source: Any, target: Any, rooted: bool) -> None:
    """Write the squared modulus, or the modulus, of columns as rows of another array."""
    rows, columns = source.shape
    for column in range(columns):
        there = target[column]
        for row in range(rows):
            value = source[row, column]
            power = value.real * value.real + value.imag * value.imag
            there[row] = np.sqrt(power) if rooted else power


def apart(n_rows: int, n_samples: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return zeros whose rows do not begin a power of two apart, for which caches have few places.

    Examples
    --------
    >>> apart(2, 4096, np.complex64).strides
    (32832, 8)
    """
    beyond = _LINE_BYTES // np.dtype(dtype).itemsize
    return np.zeros((n_rows, n_samples + beyond), dtype)[:, :n_samples]


@compiled
def fold(spectrum: Any, first: int, gains: Any, folded: Any) -> None:
    """Add the frequencies that pass to the transform of fewer samples.

    Frequencies that the fewer samples cannot tell apart are added up, as decimation does.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (n_fft // 2 + 1,)
        Of real samples.
    first : int
        The lowest frequency that passes; negative ones are taken from their mirror image.
    gains : ndarray of float32, shape (n_passing,)
        By which each is multiplied; ``1 / every`` included.
    folded : ndarray of complex64, shape (n_fft // every,)
        To be added to.
    """
    done = 0
    while done < gains.size:
        frequency = first + done
        where = frequency % folded.size
        n = min(gains.size - done, folded.size - where)
        if frequency < 0:
            n = min(n, -frequency)
            for at in range(n):
                folded[where + at] += np.conj(spectrum[-frequency - at]) * gains[done + at]
        else:
            passing, factors = spectrum[frequency : frequency + n], gains[done : done + n]
            there = folded[where : where + n]
            for at in range(n):
                there[at] += passing[at] * factors[at]
        done += n
