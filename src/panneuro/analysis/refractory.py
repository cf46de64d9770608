"""How many of a unit's spikes come from another neuron, told by its refractory period."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.trains import TICKS_PER_S, spike_ticks
from panneuro.core.errors import InputError


def isi_violations_ratio(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    threshold_s: float = 1.5e-3,
    censored_s: float = 0.0,
) -> float:
    """Rate of refractory-period violations over the unit's rate, the metric named after Hill.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    threshold_s : float
        Refractory period; a shorter interval is a violation. Intervals are compared in whole
        nanoseconds: one of exactly this length is none.
    censored_s : float
        The shortest interval that the sorter can report.

    Returns
    -------
    float
        ``n_v T / (2 N² (τ_R − τ_C))``: 0 for none, above 1 where violations are more frequent than
        chance. It is the linear form of the estimate of [1]_ that SpikeInterface and the Allen
        Institute use; :func:`hill_contamination` solves the quadratic. NaN without spikes.

    References
    ----------
    .. [1] Hill DN, Mehta SB, Kleinfeld D (2011). Quality metrics to accompany spike sorting of
       extracellular signals. J Neurosci 31, 8699–8705.

    Examples
    --------
    >>> isi_violations_ratio([1.0, 1.001, 2.0, 3.0], 10.0)
    208.33333333333334
    """
    ticks, window = spike_ticks(times_s), _window(duration_s, threshold_s, censored_s)
    if not len(ticks):
        return float("nan")
    violations = int(np.sum(np.diff(ticks) < round(threshold_s * TICKS_PER_S)))
    return violations * duration_s / (2 * len(ticks) ** 2 * window)


def hill_contamination(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    threshold_s: float = 1.5e-3,
    censored_s: float = 0.0,
) -> float:
    """Fraction of a unit's spikes that come from elsewhere, by the quadratic of Hill et al.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    threshold_s : float
        Refractory period; a shorter interval is a violation.
    censored_s : float
        The shortest interval that the sorter can report.

    Returns
    -------
    float
        The smaller root f of ``n_v = 2 (τ_R − τ_C) N² f (1 − f) / T`` [1]_; 0.5 where violations
        are too many for any root. NaN without spikes.

    References
    ----------
    .. [1] Hill DN, Mehta SB, Kleinfeld D (2011). Quality metrics to accompany spike sorting of
       extracellular signals. J Neurosci 31, 8699–8705.

    Examples
    --------
    >>> hill_contamination(np.arange(1000.0), 1000.0)
    0.0
    """
    ratio = isi_violations_ratio(
        times_s, duration_s, threshold_s=threshold_s, censored_s=censored_s
    )
    return float((1 - np.sqrt(max(0.0, 1 - 4 * ratio))) / 2) if ratio == ratio else ratio


def rp_contamination(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    refractory_s: float = 1e-3,
    censored_s: float = 0.0,
) -> float:
    """Fraction of a unit's spikes that come from another neuron, after Llobet et al.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    refractory_s : float
        Refractory period; *every pair* of spikes at most this far apart is a violation.
    censored_s : float
        The shortest interval that the sorter can report.

    Returns
    -------
    float
        ``1 − √(1 − n_v (T − 2 N τ_C) / (N² (τ_R − τ_C)))`` [1]_; 1 where the root is
        not real. NaN with fewer than two spikes.

    References
    ----------
    .. [1] Llobet V, Wyngaard A, Barbour B (2022). Automatic post-processing and merging of multiple
       spike-sorting analyses with Lussac. bioRxiv 2022.02.08.479192.

    Examples
    --------
    >>> rp_contamination(np.arange(1000.0), 1000.0)
    0.0
    """
    ticks, window = spike_ticks(times_s), _window(duration_s, refractory_s, censored_s)
    n = len(ticks)
    if n < 2:
        return float("nan")
    violations = close_pairs(ticks, round(refractory_s * TICKS_PER_S))
    left = 1 - violations * (duration_s - 2 * n * censored_s) / (n**2 * window)
    return 1 - float(np.sqrt(left)) if left >= 0 else 1.0


@compiled
def close_pairs(ticks: npt.NDArray[np.int64], apart: int) -> int:
    """Return how many pairs of ascending ticks are at most `apart`."""
    found = first = 0
    for last in range(len(ticks)):
        while ticks[last] - ticks[first] > apart:
            first += 1
        found += last - first
    return found


def _window(duration_s: float, refractory_s: float, censored_s: float) -> float:
    if not (0 <= censored_s < refractory_s < duration_s < np.inf):
        raise InputError(
            f"a censored period of {censored_s!r} s, a refractory period of {refractory_s!r} s and "
            f"a duration of {duration_s!r} s do not ascend"
        )
    return refractory_s - censored_s
