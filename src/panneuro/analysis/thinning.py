"""Samples made fewer before they are transformed, where only their low end is wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.bands import Taps, low_pass
from panneuro.analysis.blocks import ranges

AT_ONCE = 8
"""How many samples are made at once: :class:`Thinning` gives a multiple of it."""

_LEAST = 4
_LOW = 0.2
_STOPBAND_DB = 120.0
_CACHE_BYTES = 2 << 20


@dataclass(frozen=True)
class Thinning:
    """A low-pass of which one sample is kept of several.

    Parameters
    ----------
    every : int
        One sample is made of so many.
    taps : ndarray, shape (n_taps,)
        What the samples about it weigh: an odd number, symmetric.

    Examples
    --------
    >>> thinning = Thinning(4, np.array([0.25, 0.5, 0.25]))
    >>> thinning(np.arange(31)[:, None])[:, 0]
    array([ 1.,  5.,  9., 13., 17., 21., 25., 29.], dtype=float32)
    """

    every: int
    taps: Taps

    @property
    def reach(self) -> int:
        """Samples that one is made of, to either side."""
        return len(self.taps) // 2

    def __call__(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return fewer samples: products of matrices, of as many rows as the cache holds.

        Parameters
        ----------
        samples : ndarray, shape (n_samples, n_channels)
            From `reach` before the first that is made to `reach` after the last.

        Returns
        -------
        ndarray of float32, shape (n_made, n_channels)
        """
        step, n_channels = AT_ONCE * self.every, samples.shape[1]
        weights = np.zeros((AT_ONCE, step - self.every + len(self.taps)), np.float32)
        for number, row in enumerate(weights):
            row[number * self.every : number * self.every + len(self.taps)] = self.taps
        width = weights.shape[1]
        found = np.empty(((len(samples) - width) // step + 1, AT_ONCE, n_channels), np.float32)
        for some in ranges(len(found), max(1, _CACHE_BYTES // (4 * step * n_channels))):
            rows = samples[some.start * step : (some.stop - 1) * step + width]
            single = np.ascontiguousarray(rows, np.float32)
            windows = np.lib.stride_tricks.sliding_window_view(single, width, axis=0)[::step]
            np.matmul(weights, windows.swapaxes(1, 2), out=found[some])
        return found.reshape(-1, n_channels)


def thinning_below(high_hz: float, rate_hz: float, n_fft: int) -> Thinning | None:
    """Return how to thin samples of which only frequencies up to `high_hz` are wanted.

    What would fold onto them is stopped by 120 dB.

    Parameters
    ----------
    high_hz : float
        The highest frequency that is wanted.
    rate_hz : float
        Samples per second.
    n_fft : int
        Samples of a block, which are divided by how many become one.

    Returns
    -------
    Thinning or None
        None where it would not be worth it.

    Examples
    --------
    >>> thinning_below(12.0, 1250.0, 32_768).every
    16
    >>> thinning_below(100.0, 1250.0, 32_768) is None
    True
    """
    every = math.gcd(n_fft, 1 << max(0, int(_LOW * rate_hz / high_hz).bit_length() - 1))
    if every < _LEAST:
        return None
    half_hz = rate_hz / every / 2
    return Thinning(every, low_pass(half_hz, 2 * (half_hz - high_hz), rate_hz, _STOPBAND_DB))
