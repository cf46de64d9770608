"""How many of a unit's spikes come from another neuron, told by its refractory period."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.trains import TICKS_PER_S, spike_ticks
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real

special = need("scipy.special", "analysis", "Judging units")

_CONTAMINATIONS = np.arange(1, 71) / 200


def isi_violations_ratio(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    refractory_s: float = 1.5e-3,
    censored_s: float = 0.0,
) -> float:
    """Rate of refractory-period violations over the unit's rate, the metric named after Hill.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    refractory_s : float
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

    Raises
    ------
    InputError
        If times do not ascend or are not finite, or periods and duration are not in order.

    References
    ----------
    .. [1] Hill DN, Mehta SB, Kleinfeld D (2011). Quality metrics to accompany spike sorting of
       extracellular signals. J Neurosci 31, 8699–8705.

    Examples
    --------
    >>> isi_violations_ratio([1.0, 1.001, 2.0, 3.0], 10.0)
    208.33333333333334
    """
    ticks, window = spike_ticks(times_s), _window(duration_s, refractory_s, censored_s)
    if not len(ticks):
        return float("nan")
    violations = int(np.sum(np.diff(ticks) < round(refractory_s * TICKS_PER_S)))
    return violations * duration_s / (2 * len(ticks) ** 2 * window)


def hill_contamination(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    refractory_s: float = 1.5e-3,
    censored_s: float = 0.0,
) -> float:
    """Fraction of a unit's spikes that come from elsewhere, by the quadratic of Hill et al.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    refractory_s : float
        Refractory period; a shorter interval is a violation.
    censored_s : float
        The shortest interval that the sorter can report.

    Returns
    -------
    float
        The smaller root f of ``n_v = 2 (τ_R − τ_C) N² f (1 − f) / T`` [1]_; 0.5 where violations
        are too many for any root. NaN without spikes.

    Raises
    ------
    InputError
        If times do not ascend or are not finite, or periods and duration are not in order.

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
        times_s, duration_s, refractory_s=refractory_s, censored_s=censored_s
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

    Raises
    ------
    InputError
        If times do not ascend or are not finite, or periods and duration are not in order.

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


def sliding_rp_violation(
    times_s: npt.ArrayLike,
    duration_s: float,
    *,
    bin_s: float = 0.25e-3,
    shortest_s: float = 0.5e-3,
    longest_s: float = 10e-3,
    confidence: float = 0.9,
) -> float:
    """Return the least contamination that some refractory period rules out more of.

    The refractory period need not be known: for each one up to `longest_s`, and each contamination
    from 0.5 to 35 %, the violations that such a contamination would make are compared with those
    that are seen [1]_. SpikeInterface's metric of this name, from the International Brain
    Laboratory.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    duration_s : float
        How long the unit was recorded, in seconds.
    bin_s : float
        Between refractory periods. SpikeInterface rounds it to whole samples: 8 at 30 kHz.
    shortest_s, longest_s : float
        Refractory periods whose middle of the bin is above the first are tried, up to the second.
    confidence : float
        Between 0 and 1: how sure the answer is.

    Returns
    -------
    float
        The smallest *C* of which ``P(X > n_v) > confidence`` for some period τ, with *X* a Poisson
        variable of mean ``2 τ N_c (N_b + (N_c − 1) / 2) / T``, ``N_c = C N`` and ``N_b = N − N_c``
        [2]_, and *n_v* pairs of spikes less than τ apart. NaN where there is none: more than 35 %,
        or too few spikes to be sure.

    Raises
    ------
    InputError
        If times do not ascend or are not finite, or periods and duration are not in order.

    References
    ----------
    .. [1] International Brain Laboratory (2022). Spike sorting pipeline for the International Brain
       Laboratory. doi:10.6084/m9.figshare.19705522.
    .. [2] Llobet V, Wyngaard A, Barbour B (2022). Automatic post-processing and merging of multiple
       spike-sorting analyses with Lussac. bioRxiv 2022.02.08.479192.

    Examples
    --------
    >>> sliding_rp_violation(np.arange(0.0, 1000.0, 0.1), 1000.0)
    0.005
    """
    ticks = spike_ticks(times_s)
    given = (bin_s, shortest_s, longest_s, duration_s, confidence)
    known = all(is_real(one, least=0) for one in given)
    if not (known and 0 < bin_s <= longest_s < duration_s and 0 < confidence < 1):
        raise InputError(
            f"refractory periods of {bin_s!r} to {longest_s!r} s in {duration_s!r} s cannot be "
            f"tried with a confidence of {confidence!r}"
        )
    n, n_bins = len(ticks), int(longest_s / bin_s + 1e-9)
    edges = np.arange(1, n_bins + 1) * bin_s
    apart = np.rint(edges * TICKS_PER_S).astype(np.int64)
    seen = np.array([close_pairs(ticks, int(ticks_apart) - 1) for ticks_apart in apart])
    foreign = n * _CONTAMINATIONS[:, None]
    expected = 2 * edges / duration_s * foreign * (n - foreign + (foreign - 1) / 2)
    tried = edges - bin_s / 2 > shortest_s
    sure = (special.gammainc(seen + 1.0, np.maximum(expected, 0.0)) > confidence)[:, tried]
    ruled_out = sure.any(1)
    return float(_CONTAMINATIONS[ruled_out.argmax()]) if ruled_out.any() else float("nan")


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
    known = all(is_real(one, least=0) for one in (censored_s, refractory_s, duration_s))
    if not (known and censored_s < refractory_s < duration_s):
        raise InputError(
            f"a censored period of {censored_s!r} s, a refractory period of {refractory_s!r} s and "
            f"a duration of {duration_s!r} s do not ascend"
        )
    return refractory_s - censored_s
