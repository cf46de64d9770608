"""Pulses of current or voltage, and what a patched cell answers: resistance, time constant, sag.

Everything is in volts, amperes, ohms and seconds from the first sample of the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.action_potentials import rows_of, sweep_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need

ndimage = need("scipy.ndimage", "analysis", "Finding pulses")
optimize = need("scipy.optimize", "analysis", "Fitting time constants")

Floats = npt.NDArray[np.float64]

_EDGE_S = 2e-3
_OF_RANGE, _OF_NOISE = 0.02, 6.0
_STEADY_S = 0.1
_ARTEFACT_S = 0.5e-3
_WORST_FIT = 0.2


@dataclass(frozen=True)
class Answer:
    """What a membrane answers to a pulse of current.

    Parameters
    ----------
    baseline_v, steady_v : float
        Median before the pulse, and at its end.
    lowest_v : float
        The farthest from the baseline, in the direction of the pulse.
    resistance_ohm : float
        Change of the steady potential over the current.
    series_ohm : float
        Change at once over the current: of the electrode, as far as it was not compensated.
    tau_s : float
        Time constant of the exponential that fits from onset to nine tenths of the way.
    sag : float
        ``(lowest - steady) / (lowest - baseline)``: 0 where it stays at its lowest, 1 where it
        comes back.
    """

    baseline_v: float
    steady_v: float
    lowest_v: float
    resistance_ohm: float
    series_ohm: float
    tau_s: float
    sag: float


def pulses(stimulus: npt.ArrayLike, rate_hz: float, *, min_s: float = 5e-3) -> pd.DataFrame:
    """Find the pulses of a stimulus, commanded or recorded.

    Parameters
    ----------
    stimulus : array-like of float, shape (n_samples,)
        Current or voltage of one sweep.
    rate_hz : float
        Samples per second.
    min_s : float
        What is shorter is no pulse.

    Returns
    -------
    DataFrame
        One row a stretch of constant stimulus that is not as at first: ``start_s``, ``stop_s``,
        ``level``, ``amplitude``, its difference from the level at first, ``before_s``, how long
        that had been on just before, and 0 where another pulse came before.

    Raises
    ------
    InputError
        If the sweep is no row of finite numbers, or too short, or the rate is not above 0.

    Examples
    --------
    >>> current = np.zeros(20_000)
    >>> current[2_000:12_000] = 50e-12
    >>> pulses(current, 20_000)[["start_s", "stop_s", "amplitude", "before_s"]].round(12)
       start_s  stop_s     amplitude  before_s
    0      0.1     0.6  5.000000e-11       0.1
    """
    raw = sweep_of(stimulus, rate_hz)
    reach = max(1, round(_EDGE_S * rate_hz))
    calm = ndimage.median_filter(raw, reach | 1, mode="nearest")
    change = np.zeros_like(calm)
    change[reach:] = calm[reach:] - calm[:-reach]
    noise = np.median(np.abs(change)) / 0.6745
    least = max(_OF_NOISE * noise, _OF_RANGE * float(np.ptp(calm)), np.finfo(float).tiny)
    edges = _edges(calm, change, least, reach)
    bounds = np.unique(np.concatenate([[0], edges, [len(raw)]]))
    lasting = max(1, round(min_s * rate_hz))
    parts = [(a, b) for a, b in pairwise(bounds) if b - a >= lasting]
    levels = [float(np.median(calm[a:b])) for a, b in parts]
    rows = []
    for number, ((begin, end), level) in enumerate(zip(parts, levels, strict=True)):
        if number and abs(level - levels[0]) >= least:
            at_rest = abs(levels[number - 1] - levels[0]) < least
            before, until = parts[number - 1]
            rested_s = (until - before) / rate_hz if at_rest else 0.0
            rows.append((begin / rate_hz, end / rate_hz, level, level - levels[0], rested_s))
    columns = ["start_s", "stop_s", "level", "amplitude", "before_s"]
    return pd.DataFrame(rows, columns=columns, dtype=np.float64)


def _edges(calm: Floats, change: Floats, least: float, reach: int) -> npt.NDArray[np.int64]:
    """Return, for each run of large changes, where half of it is done."""
    large = np.flatnonzero(np.abs(change) >= least)
    runs = np.split(large, np.flatnonzero(np.diff(large) > reach) + 1) if len(large) else []
    found = []
    for run in runs:
        begin, end = max(0, int(run[0]) - reach), int(run[-1])
        half = (calm[begin] + calm[end]) / 2
        side = calm[begin : end + 1] > half
        found.append(begin + int(np.argmax(side != side[0])))
    return np.array(found, dtype=np.int64)


def pulse_answer(
    voltage_v: npt.ArrayLike, rate_hz: float, start_s: float, stop_s: float, amplitude_a: float
) -> Answer:
    """Measure what a membrane answers to a pulse during which it does not fire.

    Parameters
    ----------
    voltage_v : array-like of float, shape (n_samples,)
        Membrane potential of one sweep.
    rate_hz : float
        Samples per second.
    start_s, stop_s : float
        Of the pulse.
    amplitude_a : float
        Its current, from that before it.

    Returns
    -------
    Answer
        The resistance is that of Ohm's law for this pulse; of several, take the slope.

    Raises
    ------
    InputError
        If the pulse is not in the sweep, has no current, or nothing comes before it.

    Examples
    --------
    >>> t = np.arange(0, 1, 1 / 20_000)
    >>> voltage = np.where(t < 0.1, -0.07, -0.07 - 0.01 * (1 - np.exp(-(t - 0.1) / 0.02)))
    >>> found = pulse_answer(voltage, 20_000, 0.1, 1.0, -100e-12)
    >>> round(found.resistance_ohm / 1e6), round(found.tau_s, 3), abs(round(found.sag, 2))
    (100, 0.02, 0.0)
    """
    voltage = sweep_of(voltage_v, rate_hz)
    first, last = rows_of(start_s, stop_s, rate_hz)
    inside = 1 <= first < last - 10 <= len(voltage) - 10
    if not inside or not (np.isfinite(amplitude_a) and amplitude_a):
        raise InputError(
            f"a pulse of {amplitude_a!r} A from {start_s!r} to {stop_s!r} s is not in a sweep of "
            f"{len(voltage) / rate_hz:.4f} s, or nothing comes before it"
        )
    steady = max(1, min(round(_STEADY_S * rate_hz), (last - first) // 4))
    baseline = float(np.median(voltage[max(0, first - steady) : first]))
    steady_v = float(np.median(voltage[last - steady : last]))
    during = voltage[first:last]
    smooth = ndimage.uniform_filter1d(during, max(1, round(1e-3 * rate_hz)))
    extreme = int(smooth.argmin() if amplitude_a < 0 else smooth.argmax())
    lowest = float(smooth[extreme])
    series_v, tau_s = _fitted(during, rate_hz, baseline, lowest, amplitude_a < 0)
    way = lowest - baseline
    return Answer(
        baseline,
        steady_v,
        lowest,
        (steady_v - baseline) / amplitude_a,
        series_v / amplitude_a,
        tau_s,
        (lowest - steady_v) / way if way else float("nan"),
    )


def _fitted(
    during: Floats, rate_hz: float, baseline: float, lowest: float, is_down: bool
) -> tuple[float, float]:
    """Fit an exponential to nine tenths of the way; return the jump before it, and its constant."""
    part = baseline + 0.9 * (lowest - baseline)
    there = np.flatnonzero(during <= part if is_down else during >= part)
    skipped = round(_ARTEFACT_S * rate_hz)
    stop = int(there[0]) if len(there) else len(during)
    if stop - skipped < 10:
        return float("nan"), float("nan")
    t, scale = np.arange(skipped, stop) / rate_hz, lowest - baseline
    answered = (during[skipped:stop] - baseline) / scale

    def error(guess: Floats) -> Floats:
        end, jump, tau = guess
        found: Floats = end - (end - jump) * np.exp(-t / (tau * t[-1])) - answered
        return found

    found = optimize.least_squares(error, (1.0, 0.0, 0.5), bounds=([-5, -2, 1e-3], [5, 2, 20]))
    jump, tau_s = float(found.x[1]) * scale, float(found.x[2]) * float(t[-1])
    fits = bool(found.success) and float(np.sqrt(np.mean(found.fun**2))) < _WORST_FIT
    return (jump, tau_s) if fits else (float("nan"), float("nan"))
