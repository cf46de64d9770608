"""Minimum and maximum over bins of time, so that hours can be drawn from a few kilobytes.

What is no number hides nothing that is: a bin is no number only where all of it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

FACTOR = 64
"""Each level has one bin for this many of the one below."""

SMALLEST = 2048
"""A level this short or shorter is the last."""

WIDEST = 64 << 10
"""Signals with more bytes in a row have none: a shard of whole bins would not fit in memory."""


class Pyramid:
    """Collects the extremes of a signal as its blocks go by, and gives up a level when it is full.

    Parameters
    ----------
    shape : tuple of int
        ``(n_times,)`` or ``(n_times, n_channels)`` of the signal.
    dtype : dtype
        Of the signal, and of the extremes.
    span : int
        Samples, a multiple of `FACTOR`, after which `finest` is asked for: a shard of the signal.

    Examples
    --------
    >>> pyramid = Pyramid((128 * 64,), np.dtype("int16"), span=128 * 64)
    >>> pyramid.observe(0, np.arange(128 * 64, dtype="int16"))
    >>> finest = pyramid.finest()
    >>> finest.shape, finest[1].tolist()
    ((128, 2), [64, 127])
    >>> [level.shape for level in pyramid.coarser()]
    [(2, 2)]
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], span: int) -> None:
        self._shape = shape
        self._span = span
        self._bins = [np.empty((-(-span // FACTOR), *shape[1:], 2), dtype) for _ in range(2)]
        self._given_up = 0
        self._above: list[npt.NDArray[Any]] = []

    @staticmethod
    def suits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Say whether a signal is long, plain and narrow enough to have one."""
        plain = len(shape) in (1, 2) and dtype.kind in "iuf"
        return plain and shape[0] > SMALLEST and math.prod(shape[1:]) * dtype.itemsize <= WIDEST

    @property
    def bins_per_span(self) -> int:
        """Bins of the finest level in one span."""
        return len(self._bins[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the finest level: ``(n_bins, [n_channels,] 2)``, minima then maxima."""
        return (-(-self._shape[0] // FACTOR), *self._shape[1:], 2)

    def observe(self, start: int, values: npt.NDArray[Any], column: int = 0) -> None:
        """Take in the rows from `start`, a multiple of `FACTOR`, of channels from `column`.

        They lie in one span, which may be the next already. The same may come twice, and from
        several threads at once.
        """
        number, within = divmod(start, self._span)
        edges = np.arange(0, values.shape[0], FACTOR)
        span = self._bins[number % 2][within // FACTOR :][: len(edges)]
        if values.ndim > 1:
            span = span[:, column : column + values.shape[1]]
        whole = values.shape[0] // FACTOR
        bins = values[: whole * FACTOR].reshape(whole, FACTOR, *values.shape[1:])
        span[:whole, ..., 0] = _folded(np.fmin, bins)
        span[:whole, ..., 1] = _folded(np.fmax, bins)
        if whole < len(edges):
            rest = values[whole * FACTOR :]
            span[whole, ..., 0] = np.fmin.reduce(rest, axis=0)
            span[whole, ..., 1] = np.fmax.reduce(rest, axis=0)

    def finest(self) -> npt.NDArray[Any]:
        """Return the finest bins of the span that has gone by; the one after the next may begin."""
        count = min(self._span, self._shape[0] - self._given_up * self._span)
        bins = self._bins[self._given_up % 2][: -(-count // FACTOR)].copy()
        self._above.append(_coarser(bins))
        self._given_up += 1
        return bins

    def coarser(self) -> list[npt.NDArray[Any]]:
        """Return the levels above the finest, once all spans have gone by."""
        levels = [np.concatenate(self._above)]
        while levels[-1].shape[0] > SMALLEST:
            levels.append(_coarser(levels[-1]))
        return levels


def _folded(extreme: np.ufunc, bins: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the extreme along the second axis, whose length is a power of two.

    Half is laid on half: NumPy takes long over many short rows.
    """
    while (half := bins.shape[1] // 2) > 0:
        bins = extreme(bins[:, :half], bins[:, half:])
    return bins[:, 0]


def _coarser(level: npt.NDArray[Any]) -> npt.NDArray[Any]:
    edges = np.arange(0, level.shape[0], FACTOR)
    low = np.fmin.reduceat(level[..., 0], edges, axis=0)
    high = np.fmax.reduceat(level[..., 1], edges, axis=0)
    return np.stack([low, high], axis=-1)
