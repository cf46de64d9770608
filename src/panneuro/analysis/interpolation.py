"""Samples between those of what is narrow in band: a short kernel instead of a long transform."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import ranges
from panneuro.analysis.compiling import compiled

ROOM = 4
"""How many times its band the rate of a signal is that :func:`moduli_between` takes."""

_REACH = 6
_STEP = 8
"""Samples whose places are computed in one product: enough for its speed, few zeros in it."""
_STOPBAND_DB = 126.0
_IN_CACHE = 1 << 17
"""Values that are computed at once."""


@cache
def between_taps(n_between: int) -> npt.NDArray[np.float32]:
    """Return what samples weigh at so many places from one sample on to the next.

    A sinc with a Kaiser window of twelve samples: what lies in a band of a quarter of the rate
    about zero passes, and its images are stopped, both to within 5e-7 (Kaiser, 1974).

    Parameters
    ----------
    n_between : int
        Places for each sample.

    Returns
    -------
    ndarray of float32, shape (n_between, 12)
        For the samples from the fifth before to the sixth after.

    Examples
    --------
    >>> taps = between_taps(4)
    >>> taps.shape, bool(np.abs(taps.sum(axis=1) - 1).max() < 1e-6)
    ((4, 12), True)
    """
    places = np.arange(n_between)[:, None] / n_between
    apart = places - np.arange(1 - _REACH, _REACH + 1)
    inside = np.sqrt(np.maximum(1 - (apart / _REACH) ** 2, 0))
    beta = 0.1102 * (_STOPBAND_DB - 8.7)
    return (np.sinc(apart) * np.i0(beta * inside) / np.i0(beta)).astype(np.float32)


def moduli_between(
    samples: npt.NDArray[np.complex64], n_between: int, kept: slice, out: npt.NDArray[np.float32]
) -> None:
    """Write the modulus of a signal at more places than it was sampled at.

    Parameters
    ----------
    samples : ndarray of complex64, shape (n_channels, n_samples)
        Of a signal that repeats itself, whose band about zero is at most a part in :data:`ROOM` of
        its rate.
    n_between : int
        Places for each sample.
    kept : slice
        Which of ``n_samples * n_between`` places to write.
    out : ndarray of float32, shape (n_places, n_channels)

    Examples
    --------
    >>> turns = np.exp(2j * np.pi * np.arange(32) / 32).astype(np.complex64)
    >>> out = np.empty((5, 1), np.float32)
    >>> moduli_between(turns[None], 4, slice(50, 55), out)
    >>> bool(np.abs(out - 1).max() < 1e-6)
    True
    """
    first, last = kept.start // n_between, (kept.stop - 1) // n_between
    n_steps = -(-(last + 1 - first) // _STEP)
    rows = np.arange(first + 1 - _REACH, first + n_steps * _STEP + _REACH) % samples.shape[1]
    turned = samples.T[rows]
    lines = np.hstack([turned.real, turned.imag])
    windows = np.lib.stride_tricks.sliding_window_view(lines, _STEP + 2 * _REACH - 1, axis=0)
    taps, before = _step_taps(n_between), kept.start - first * n_between
    for some in ranges(n_steps, max(1, _IN_CACHE // (len(taps) * lines.shape[1]))):
        between = taps @ windows[::_STEP][some].swapaxes(1, 2)
        begin = some.start * len(taps) - before
        skipped = max(0, -begin)
        there = out[begin + skipped : some.stop * len(taps) - before]
        _moduli(between.reshape(-1, lines.shape[1]), skipped, there)


@cache
def _step_taps(n_between: int) -> npt.NDArray[np.float32]:
    """Return what samples weigh at the places of several samples at once, for a product's sake."""
    taps = between_taps(n_between)
    found = np.zeros((_STEP, n_between, _STEP + 2 * _REACH - 1), dtype=np.float32)
    for step, there in enumerate(found):
        there[:, step : step + 2 * _REACH] = taps
    return found.reshape(_STEP * n_between, -1)


@compiled
def _moduli(values: Any, first: int, out: Any) -> None:
    n_channels = out.shape[1]
    for row in range(out.shape[0]):
        here, there = values[first + row], out[row]
        for channel in range(n_channels):
            x, y = here[channel], here[n_channels + channel]
            there[channel] = np.sqrt(x * x + y * y)
