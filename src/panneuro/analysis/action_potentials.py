"""Action potentials of a patched cell: where each begins, how high, wide and fast it is.

Voltages are in volts, times in seconds from the first sample. The definitions follow those of the
Allen Cell Types Database [1]_ where nothing else is said.

References
----------
.. [1] Allen Institute for Brain Science (2016), Allen Cell Types Database: electrophysiology,
   technical white paper, "Action potential features".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import InputError
from panneuro.core.extras import need

signal = need("scipy.signal", "analysis", "Analysing action potentials")

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_FILTER_HZ = 10_000.0
"""Above it there is only noise; slopes of what was sampled faster are taken below it."""
_OF_UPSTROKE = 0.05
_LEAST_HEIGHT_V, _LEAST_PEAK_V = 2e-3, -30e-3
_AHP_S = 0.05
_FEWEST = 16

COLUMNS = (
    "threshold_s",
    "threshold_v",
    "peak_s",
    "peak_v",
    "height_v",
    "width_s",
    "upstroke_v_per_s",
    "downstroke_v_per_s",
    "ahp_s",
    "ahp_v",
    "ahp_depth_v",
)


def action_potentials(
    voltage_v: npt.ArrayLike,
    rate_hz: float,
    *,
    slope_v_per_s: float = 20.0,
    ahp_s: float = _AHP_S,
) -> pd.DataFrame:
    """Find the action potentials of one sweep, and measure each.

    Parameters
    ----------
    voltage_v : array-like of float, shape (n_samples,)
        Membrane potential in volts.
    rate_hz : float
        Samples per second.
    slope_v_per_s : float
        An action potential rises at least so fast.
    ahp_s : float
        How long after the peak the afterhyperpolarisation is looked for, at most until the next
        action potential.

    Returns
    -------
    DataFrame
        One row each, in order: ``threshold_s`` and ``threshold_v``, the last sample at which the
        slope is no more than a twentieth of the mean of the largest slopes; ``peak_s`` and
        ``peak_v``; ``height_v`` from threshold to peak; ``width_s`` at half of it; the largest and
        least slope, ``upstroke_v_per_s`` and ``downstroke_v_per_s``; ``ahp_s`` and ``ahp_v``, the
        lowest point that follows, and ``ahp_depth_v``, how far below threshold it lies. What the
        sweep ends before is NaN.

    Raises
    ------
    InputError
        If the sweep is no row of finite numbers, or too short, or the rate is not above 0.

    Examples
    --------
    >>> t = np.arange(0, 0.1, 1 / 20_000)
    >>> voltage = -0.07 + 0.1 * np.exp(-(((t - 0.05) / 0.4e-3) ** 2))
    >>> found = action_potentials(voltage, 20_000)
    >>> len(found), round(float(found.peak_s[0]), 4), round(float(found.peak_v[0]), 3)
    (1, 0.05, 0.03)
    >>> round(1e3 * float(found.width_s[0]), 2)  # a Gaussian: 2 √ln 2 · 0.4 ms
    0.66
    """
    voltage = sweep_of(voltage_v, rate_hz)
    slope = slopes(voltage, rate_hz)
    peaks = _peaks(voltage, _crossings(slope, slope_v_per_s))
    thresholds, peaks = _thresholds(voltage, slope, peaks)
    stops = np.append(thresholds, len(voltage))[1:]
    rows = [
        _measured(voltage, slope, rate_hz, first, peak, min(stop, peak + int(ahp_s * rate_hz) + 1))
        for first, peak, stop in zip(thresholds, peaks, stops, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=np.float64)


def sweep_of(values: npt.ArrayLike, rate_hz: float) -> Floats:
    """Return a sweep as one row of numbers.

    Raises
    ------
    InputError
        If it is none, has fewer samples than can be filtered, or a value is not finite; or if the
        rate is not above 0.
    """
    sweep = np.asarray(values, dtype=np.float64)
    if sweep.ndim != 1 or len(sweep) < _FEWEST or not np.isfinite(sweep).all():
        raise InputError(
            f"a sweep of shape {sweep.shape} is no row of {_FEWEST} or more finite numbers",
            hint="give one channel of one sweep, without what was not recorded",
        )
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise InputError(f"a sweep cannot have {rate_hz!r} samples per second")
    return sweep


def rows_of(start_s: float, stop_s: float, rate_hz: float) -> tuple[int, int]:
    """Return the samples nearest to two times of a sweep.

    Raises
    ------
    InputError
        If a time is not finite.

    Examples
    --------
    >>> rows_of(0.1, 0.25, 1000.0)
    (100, 250)
    """
    if not (np.isfinite(start_s) and np.isfinite(stop_s)):
        raise InputError(f"a stretch from {start_s!r} to {stop_s!r} s is not in a sweep")
    return round(start_s * rate_hz), round(stop_s * rate_hz)


def slopes(voltage_v: Floats, rate_hz: float) -> Floats:
    """Return the slope at each sample in volts per second, below 10 kHz."""
    if rate_hz > 2.5 * _FILTER_HZ:
        below = signal.bessel(4, _FILTER_HZ, fs=rate_hz, output="sos")
        voltage_v = signal.sosfiltfilt(below, voltage_v)
    found: Floats = np.gradient(voltage_v) * rate_hz
    return found


def _crossings(slope: Floats, least: float) -> Rows:
    above = slope >= least
    return np.flatnonzero(above[1:] & ~above[:-1]) + 1


def _peaks(voltage: Floats, crossings: Rows) -> Rows:
    """Return where the highest point between each crossing and the next is, if it is a spike's.

    What rises again before it has come down half of its height belongs to the same one.
    """
    stops = np.append(crossings, len(voltage))[1:]
    tops = [int(a + voltage[a:b].argmax()) for a, b in zip(crossings, stops, strict=True)]
    kept: list[int] = []
    foot = 0.0
    for crossing, top in zip(crossings, tops, strict=True):
        begun = kept and voltage[kept[-1]] - voltage[kept[-1] : crossing + 1].min() < 0.5 * (
            voltage[kept[-1]] - foot
        )
        if begun:
            kept[-1] = max(kept[-1], top, key=lambda row: voltage[row])
        elif voltage[top] - voltage[crossing] >= _LEAST_HEIGHT_V:
            kept.append(top)
            foot = voltage[crossing]
    return np.array([top for top in kept if voltage[top] >= _LEAST_PEAK_V], dtype=np.int64)


def _thresholds(voltage: Floats, slope: Floats, peaks: Rows) -> tuple[Rows, Rows]:
    """Go back from each upstroke to where the slope is a twentieth of what is usual."""
    if not len(peaks):
        return peaks, peaks
    begins = np.concatenate([[0], peaks[:-1]])
    ups = [a + int(slope[a : b + 1].argmax()) for a, b in zip(begins, peaks, strict=True)]
    level = _OF_UPSTROKE * slope[ups].mean()
    found = []
    for begin, up in zip(begins, ups, strict=True):
        below = np.flatnonzero(slope[begin : up + 1] <= level)
        found.append(begin + int(below[-1]) if len(below) else int(begin))
    thresholds = np.array(found, dtype=np.int64)
    whole = voltage[peaks] - voltage[thresholds] >= _LEAST_HEIGHT_V
    return thresholds[whole], peaks[whole]


def _measured(
    voltage: Floats, slope: Floats, rate_hz: float, first: int, peak: int, stop: int
) -> tuple[float, ...]:
    height = voltage[peak] - voltage[first]
    after = voltage[peak:stop]
    lowest = peak + int(after.argmin())
    is_down = voltage[lowest] < voltage[peak] - 0.5 * height
    return (
        first / rate_hz,
        voltage[first],
        peak / rate_hz,
        voltage[peak],
        height,
        _width(voltage, first, peak, stop) / rate_hz,
        slope[first : peak + 1].max(),
        slope[peak : lowest + 1].min() if is_down else np.nan,
        lowest / rate_hz if is_down else np.nan,
        voltage[lowest] if is_down else np.nan,
        voltage[first] - voltage[lowest] if is_down else np.nan,
    )


def _width(voltage: Floats, first: int, peak: int, stop: int) -> float:
    """Return the samples between the two crossings of half height, each interpolated."""
    half = (voltage[first] + voltage[peak]) / 2
    rising = np.flatnonzero(voltage[first : peak + 1] < half)
    falling = np.flatnonzero(voltage[peak:stop] < half)
    if not (len(rising) and len(falling)):
        return float("nan")
    up, down = first + int(rising[-1]), peak + int(falling[0]) - 1
    begin = up + (half - voltage[up]) / (voltage[up + 1] - voltage[up])
    end = down + (voltage[down] - half) / (voltage[down] - voltage[down + 1])
    return float(end - begin)
