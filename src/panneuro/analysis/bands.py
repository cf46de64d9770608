"""Bands of frequency by the field's names, and the filters that cut them out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real

fft = need("scipy.fft", "analysis", "Designing filters")
sps = need("scipy.signal", "analysis", "Designing filters")

Band = str | tuple[float | None, float | None]
Design = Literal["fir", "butterworth"]
Taps = npt.NDArray[np.float64]

BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "delta": (1.5, 4.0),
        "theta": (4.0, 10.0),
        "alpha": (8.0, 13.0),
        "beta": (10.0, 30.0),
        "gamma": (30.0, 80.0),
        "fast": (80.0, 200.0),
        "ripple": (100.0, 250.0),
    }
)
"""Bands in hertz by name: those of Buzsáki and Draguhn (Science 304:1926, 2004), the alpha of the
electroencephalogram, and the ripple of Liu et al. (Nature Communications 13:6000, 2022)."""

_MOST_TAPS = 1 << 26
_HIGHEST_ORDER = 1000

STOPBAND_DB = 100.0
"""By how much a filter stops what it stops, and below what it counts as nothing."""


def band_edges(band: Band, rate_hz: float) -> tuple[float | None, float | None]:
    """Return the edges in hertz of a band that is given by name or by its edges.

    Raises
    ------
    InputError
        If the name is unknown, or the edges are not in order between 0 and half the rate.

    Examples
    --------
    >>> band_edges("theta", 1250.0)
    (4.0, 10.0)
    """
    if isinstance(band, str):
        if band not in BANDS:
            raise InputError(f"no band is named {band!r}", hint=f"known: {', '.join(BANDS)}")
        band = BANDS[band]
    if np.size(np.asarray(band, dtype=object)) != 2:
        raise InputError(
            f"a band has two edges, not {band!r}", hint="(4.0, 10.0), or (None, 300.0)"
        )
    if not is_real(rate_hz, above=0):
        raise InputError(f"no band can be cut from a signal of {rate_hz!r} Hz")
    low, high = band
    edges = [edge for edge in (low, high) if edge is not None]
    if (
        not edges
        or not all(is_real(edge, above=0, below=rate_hz / 2) for edge in edges)
        or edges != sorted(set(edges))
    ):
        raise InputError(
            f"a band of {low!r} to {high!r} Hz cannot be cut from a signal of {rate_hz:g} Hz",
            hint=f"give (low, high) with 0 < low < high < {rate_hz / 2:g}, one of them may be None",
        )
    return low, high


def fir_taps(band: Band, rate_hz: float) -> Taps:
    """Design a linear-phase filter that passes a band whole and stops 100 dB beside it.

    A windowed sinc for each edge, with a Kaiser window. Transitions lie outside the band and are as
    wide as is usual (Widmann, Schröger and Maess, J. Neurosci. Methods 250:34, 2015): a quarter of
    the edge and at least 2 Hz, where there is room.

    Parameters
    ----------
    band : str or (float or None, float or None)
        Name or edges in hertz; None leaves that side open.
    rate_hz : float
        Samples per second.

    Returns
    -------
    ndarray of float64, shape (n_taps,)
        An odd number, symmetric.

    Raises
    ------
    InputError
        If the name is unknown, the edges are not in order between 0 and half the rate, or so low
        that the filter is too long.

    Examples
    --------
    >>> taps = fir_taps((4.0, 10.0), 1250.0)
    >>> len(taps) % 2, bool(abs(taps.sum()) < 1e-4)
    (1, True)
    """
    low, high = band_edges(band, rate_hz)
    upper = None if high is None else min(max(high / 4, 2.0), rate_hz / 2 - high)
    lower = None if low is None else min(max(low / 4, 2.0), low)
    parts = []
    if high is not None and upper is not None:
        parts.append((1, low_pass(high + upper / 2, upper, rate_hz)))
    if low is not None and lower is not None:
        parts.append((-1, low_pass(low - lower / 2, lower, rate_hz)))
    taps = np.zeros(max(len(part) for _, part in parts))
    middle = len(taps) // 2
    if high is None:
        taps[middle] = 1.0
    for sign, part in parts:
        taps[middle - len(part) // 2 : middle + len(part) // 2 + 1] += sign * part
    return taps


def low_pass(
    cutoff_hz: float, transition_hz: float, rate_hz: float, stopband_db: float = STOPBAND_DB
) -> Taps:
    """Return a windowed sinc with a Kaiser window, half of whose transition lies on either side.

    Parameters
    ----------
    cutoff_hz, transition_hz : float
        Middle and width of the transition, in hertz.
    rate_hz : float
        Samples per second.
    stopband_db : float
        By how much it stops what it stops.

    Returns
    -------
    ndarray of float64, shape (n_taps,)
        An odd number, symmetric.

    Raises
    ------
    InputError
        If edges are not in order between 0 and half the rate, or the transition is so narrow that
        the filter is too long.

    Examples
    --------
    >>> round(float(low_pass(100.0, 20.0, 1000.0).sum()), 6)
    1.0
    """
    asked = is_real(rate_hz) and is_real(cutoff_hz, above=0, below=rate_hz / 2)
    if not (asked and is_real(transition_hz, above=0)):
        raise InputError(
            f"no low-pass is {transition_hz!r} Hz wide about {cutoff_hz!r} Hz at {rate_hz!r} Hz",
            hint="0 < cutoff_hz < rate_hz / 2",
        )
    if not is_real(stopband_db, least=8, below=1000):
        raise InputError(f"no filter stops {stopband_db!r} dB", hint="stopband_db=100.0")
    count, beta = sps.kaiserord(stopband_db, transition_hz / (rate_hz / 2))
    _check_length(count, (None, cutoff_hz), rate_hz)
    taps: Taps = sps.firwin(count | 1, cutoff_hz, window=("kaiser", beta), fs=rate_hz)
    return taps


def butterworth_taps(band: Band, rate_hz: float, order: int = 4) -> Taps:
    """Return the impulse response of a Butterworth filter run forward and backward.

    Its transfer function is the squared magnitude of the filter: zero phase, as
    ``scipy.signal.sosfiltfilt``. It is cut where less than 1e-7 of it remains.

    Parameters
    ----------
    band : str or (float or None, float or None)
        Name or edges in hertz, where the two passes together have lost 6 dB.
    rate_hz : float
        Samples per second.
    order : int
        Of the one-way filter, as ``scipy.signal.butter`` counts.

    Returns
    -------
    ndarray of float64, shape (n_taps,)
        An odd number, symmetric.

    Raises
    ------
    InputError
        If the order is not positive, the edges are not in order between 0 and half the rate, or the
        band is so narrow or low that the response is too long.

    Examples
    --------
    >>> taps = butterworth_taps((None, 100.0), 1000.0)
    >>> len(taps) % 2, round(float(taps.sum()), 6)
    (1, 1.0)
    """
    if not isinstance(order, int | np.integer) or not 1 <= order <= _HIGHEST_ORDER:
        raise InputError(f"a Butterworth filter of order {order!r} does not exist")
    low, high = band_edges(band, rate_hz)
    kind = "lowpass" if low is None else "highpass" if high is None else "bandpass"
    edges = [edge for edge in (low, high) if edge is not None]
    sos = sps.butter(order, edges if len(edges) > 1 else edges[0], kind, fs=rate_hz, output="sos")
    narrowest = edges[-1] - edges[0] if kind == "bandpass" else edges[0]
    wanted = 64 * order * rate_hz / min(narrowest, edges[0])
    _check_length(wanted, band, rate_hz)
    n = int(fft.next_fast_len(math.ceil(wanted)))
    _, response = sps.sosfreqz(sos, worN=np.fft.rfftfreq(n, 1 / rate_hz), fs=rate_hz)
    impulse = np.fft.irfft(np.abs(response) ** 2, n)
    left = np.cumsum(np.abs(impulse[: n // 2])[::-1])[::-1]
    reach = max(1, int(np.count_nonzero(left > 1e-7 * left[0])))
    return np.concatenate([impulse[reach:0:-1], impulse[: reach + 1]])


def _check_length(n_taps: float, band: Band, rate_hz: float) -> None:
    if n_taps > _MOST_TAPS:
        raise InputError(
            f"a filter of {band!r} Hz at {rate_hz:g} Hz would have {n_taps:.0f} taps",
            hint="lower the rate first: decimated(signal, every)",
        )


def designed_taps(band: Band, rate_hz: float, design: Design, order: int) -> Taps:
    """Design the filter that is asked for.

    Raises
    ------
    InputError
        If no design is called so, or it cannot cut the band.

    Examples
    --------
    >>> len(designed_taps((4.0, 10.0), 1250.0, "fir", 4)) == len(fir_taps((4.0, 10.0), 1250.0))
    True
    """
    if design == "fir":
        return fir_taps(band, rate_hz)
    if design == "butterworth":
        return butterworth_taps(band, rate_hz, order)
    raise InputError(f"no filter is designed as {design!r}", hint="known: 'fir', 'butterworth'")


def transfer(taps: Taps, n_fft: int) -> npt.NDArray[np.float32]:
    """Return by what symmetric taps multiply each frequency of a block; what is stopped is zero.

    Examples
    --------
    >>> transfer(np.array([0.25, 0.5, 0.25]), 4)
    array([1. , 0.5, 0. ], dtype=float32)
    """
    middle = len(taps) // 2
    circle = np.zeros(n_fft)
    circle[: middle + 1] = taps[middle:]
    circle[n_fft - middle :] += taps[:middle]
    gains = np.fft.rfft(circle).real
    gains[np.abs(gains) < 10 ** (-STOPBAND_DB / 20)] = 0.0
    return gains.astype(np.float32)
