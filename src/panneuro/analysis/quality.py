"""How well a unit was isolated and held: the field's quality metrics, by their definitions.

Each metric is that of SpikeInterface 0.105 where it has one, and the difference from the Allen
Institute's ``ecephys_spike_sorting`` is said. Amplitudes and noise may be in any unit, volts as NWB
has them, as long as they share it. Refractory periods and isolation have pages of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.blocks import check_number
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.refractory import (
    isi_violations_ratio,
    rp_contamination,
    sliding_rp_violation,
)
from panneuro.analysis.trains import TICKS_PER_S, Trains, Units, spike_ticks, to_ticks
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real

ndimage = need("scipy.ndimage", "analysis", "Judging units")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far a unit moved along the probe.

    Parameters
    ----------
    ptp, sd, mad : float
        Peak to peak, standard deviation and median absolute deviation of the unit's median position
        per interval, in the unit of the positions.
    """

    ptp: float
    sd: float
    mad: float


def presence_ratio(
    times_s: npt.ArrayLike, start_s: float, stop_s: float, *, bin_s: float = 60.0
) -> float:
    """Fraction of the bins of a session in which a unit fired at all.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds.
    start_s, stop_s : float
        The session; what is left after its last whole bin does not count.
    bin_s : float
        Width of a bin in seconds. The Allen Institute's metric takes a hundredth of the session
        and, counting edges for bins, never passes 0.99.

    Returns
    -------
    float
        From 0 to 1; NaN where the session holds no whole bin.

    Raises
    ------
    InputError
        If times do not ascend or are not finite, or bins do not last.

    Examples
    --------
    >>> presence_ratio([10.0, 20.0, 70.0], 0.0, 240.0)
    0.5
    """
    ticks = spike_ticks(times_s)
    first, last, width = map(int, to_ticks([start_s, stop_s, bin_s], "the session"))
    if width <= 0:
        raise InputError(f"bins cannot last {bin_s!r} s")
    n_bins = (last - first) // width
    if n_bins < 1:
        return float("nan")
    inside = ticks[(ticks >= first) & (ticks < first + n_bins * width)]
    return len(np.unique((inside - first) // width)) / n_bins


def amplitude_cutoff(
    amplitudes: npt.ArrayLike, *, n_bins: int = 100, smoothing_bins: float = 3.0
) -> float:
    """Fraction of spikes that were too small to be detected, from the shape of the histogram.

    Parameters
    ----------
    amplitudes : array-like of float, shape (n_spikes,)
        Size of each spike, larger for larger ones: the absolute value of its peak.
    n_bins : int
        Bins of the histogram.
    smoothing_bins : float
        Standard deviation of the Gaussian that smooths it.

    Returns
    -------
    float
        The part of the upper tail that is lower than the histogram's lower end, as a share of all
        spikes, those missed included; at most 0.5 [1]_. NaN with fewer than five spikes a bin.

    Raises
    ------
    InputError
        If amplitudes are not finite, or not one row.

    Notes
    -----
    The Allen Institute's first form differs by taking 500 bins, the end of the tail beyond the bin
    that is *nearest* to the lower end, and the density of the detected spikes alone.

    References
    ----------
    .. [1] Hill DN, Mehta SB, Kleinfeld D (2011). Quality metrics to accompany spike sorting of
       extracellular signals. J Neurosci 31, 8699–8705.

    Examples
    --------
    >>> whole = np.random.default_rng(0).normal(100, 10, 20_000)
    >>> amplitude_cutoff(whole) < 0.001
    True
    >>> round(amplitude_cutoff(whole[whole > 90]), 1)  # 16 % are missing.
    0.2
    """
    sizes = _finite(amplitudes, "amplitudes", 1)
    check_number("bins", n_bins)
    if not is_real(smoothing_bins, above=0, most=1e6):
        raise InputError(f"a histogram cannot be smoothed by {smoothing_bins!r} bins")
    if len(sizes) < 5 * n_bins:
        return float("nan")
    histogram = np.histogram(sizes, n_bins)[0]
    smoothed = ndimage.gaussian_filter1d(histogram, smoothing_bins, mode="nearest")
    last = int(np.flatnonzero(smoothed >= smoothed[0])[-1])
    missed = smoothed[last + 1 :].sum()
    return float(min(0.5, missed / (len(sizes) + missed)))


def noise_cutoff(amplitudes: npt.ArrayLike, *, upper_share: float = 0.5, n_bins: int = 99) -> float:
    """Tell whether small spikes are cut off, without a shape that amplitudes should have.

    Parameters
    ----------
    amplitudes : array-like of float, shape (n_spikes,)
        Size of each spike, larger for larger ones, from 0.
    upper_share : float
        Where the upper tail begins: at this share of the bins from the commonest amplitude up that
        hold spikes, counted from the commonest.
    n_bins : int
        Bins of the histogram, from 0 to the largest amplitude.

    Returns
    -------
    float
        ``(n_low - mean(n_high)) / sd(n_high)``: how many deviations of the counts in the bins of
        the upper tail the count in the second-lowest bin with spikes lies above their mean, empty
        bins left out [1]_. Below 5 where the lower end fades as the upper one does; NaN where the
        tail does not vary or there is no second bin.

    Raises
    ------
    InputError
        If amplitudes are below 0, not finite, or not one row.

    References
    ----------
    .. [1] International Brain Laboratory (2022). Spike sorting pipeline for the International Brain
       Laboratory. doi:10.6084/m9.figshare.19705522; as ``brainbox.metrics.single_units.
       noise_cutoff``, whose ``quantile_length`` is half of `upper_share`.

    Examples
    --------
    >>> whole = np.random.default_rng(0).normal(100, 10, 20_000)
    >>> noise_cutoff(whole) < 5 < noise_cutoff(whole[whole > 90])
    True
    """
    sizes = _finite(amplitudes, "amplitudes", 1)
    check_number("bins", n_bins, 2)
    if not is_real(upper_share, least=0, most=1):
        raise InputError(f"the upper tail begins at a share of {upper_share!r}", hint="from 0 to 1")
    if (sizes < 0).any():
        raise InputError("amplitudes are below 0", hint="give their absolute values")
    if not sizes.any():
        return float("nan")
    counts = np.histogram(sizes, n_bins, (0, sizes.max()))[0]
    peak = int(counts.argmax())
    n_falling = np.count_nonzero(counts[peak:-1])
    tail = counts[int(np.ceil(upper_share * n_falling + peak)) :]
    tail, filled = tail[tail > 0], counts[counts > 0]
    if len(filled) < 2 or not len(tail) or tail.std() == 0:
        return float("nan")
    return float((filled[1] - tail.mean()) / tail.std())


def snr(template: npt.ArrayLike, noise: float) -> float:
    """Size of a unit's mean waveform over the noise of its channel.

    Parameters
    ----------
    template : array-like of float, shape (n_samples,)
        Mean waveform on the channel where it is largest.
    noise : float
        Standard deviation of the channel's noise, as :func:`noise_level` finds it.

    Returns
    -------
    float
        ``max |template| / noise``.

    Raises
    ------
    InputError
        If the template is empty or not finite, or the noise not above zero.

    Examples
    --------
    >>> snr([0.0, -80e-6, 20e-6], 10e-6)
    8.0
    """
    waveform = _finite(template, "the template", 1)
    if not is_real(noise, above=0) or not len(waveform):
        raise InputError(f"a template of {len(waveform)} samples over a noise of {noise!r}")
    return float(np.abs(waveform).max() / noise)


def noise_level(samples: npt.ArrayLike) -> Floats:
    """Standard deviation of each channel's noise, robust against spikes.

    Parameters
    ----------
    samples : array-like of float, shape (n_samples,) or (n_samples, n_channels)
        A stretch of the filtered recording.

    Returns
    -------
    ndarray of float64, shape () or (n_channels,)
        Median absolute deviation over 0.6745, the value that it has for a normal distribution.

    Raises
    ------
    InputError
        If there are no samples, or one is not finite.

    Examples
    --------
    >>> noise_level(np.random.default_rng(0).normal(0, 5, (100_000, 2))).round(1)
    array([5., 5.])
    """
    array = reals(samples, "samples")
    if not array.ndim or not array.size or not np.isfinite(array).all():
        raise InputError(f"samples of shape {array.shape!r} are none, or not finite numbers")
    deviation: Floats = np.median(np.abs(array - np.median(array, axis=0)), axis=0)
    return deviation / 0.6744897501960817


def drift(
    times_s: npt.ArrayLike,
    positions: npt.ArrayLike,
    start_s: float,
    stop_s: float,
    *,
    interval_s: float = 60.0,
    min_spikes: int = 100,
    min_valid: float = 0.5,
) -> Drift:
    """Tell how far a unit moved along the probe, from the position of each of its spikes.

    Parameters
    ----------
    times_s : array-like of float, shape (n_spikes,)
        Spike times in seconds, ascending.
    positions : array-like of float, shape (n_spikes,)
        Where along the probe each spike was, such as micrometres from the tip.
    start_s, stop_s : float
        The session; what is left after its last whole interval does not count.
    interval_s : float
        How long spikes are gathered for one position.
    min_spikes : int
        An interval with fewer spikes has no position.
    min_valid : float
        The fraction of intervals that need a position.

    Returns
    -------
    Drift
        All NaN where there are fewer than two intervals, or too few with a position.

    Raises
    ------
    InputError
        If there are not as many positions as spikes, or one is not finite.

    Examples
    --------
    >>> times = np.arange(0.0, 240.0, 0.1)
    >>> drift(times, np.where(times < 120, 40.0, 46.0), 0.0, 240.0)
    Drift(ptp=6.0, sd=3.0, mad=3.0)
    """
    ticks, places = spike_ticks(times_s), _finite(positions, "positions", 1)
    check_number("spikes of an interval", min_spikes, 0)
    if not is_real(min_valid, least=0, most=1) or not is_real(interval_s, above=0):
        raise InputError(f"a share of {min_valid!r} of intervals of {interval_s!r} s was asked for")
    if len(ticks) != len(places):
        raise InputError(f"{len(ticks)} spikes have {len(places)} positions")
    first, last, width = to_ticks([start_s, stop_s, interval_s], "the session").tolist()
    n = (last - first) // width if width > 0 else 0
    bounds = np.searchsorted(ticks, first + np.arange(max(0, n) + 1) * width)
    found = np.array(
        [
            np.median(places[low:high]) if high - low >= max(1, min_spikes) else np.nan
            for low, high in pairwise(bounds)
        ]
    )
    valid = found[np.isfinite(found)]
    if n < 2 or not len(valid) or len(found) - len(valid) > (1 - min_valid) * len(found):
        return Drift(float("nan"), float("nan"), float("nan"))
    mad = np.median(np.abs(valid - np.median(valid)))
    return Drift(float(np.ptp(valid)), float(valid.std()), float(mad))


def quality_table(
    units: Units,
    start_s: float,
    stop_s: float,
    *,
    amplitudes: Mapping[Any, Any] | None = None,
    refractory_s: float = 1e-3,
    censored_s: float = 0.0,
) -> pd.DataFrame:
    """Compute for every unit the metrics that need no more than times and amplitudes.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    start_s, stop_s : float
        The session in seconds; spikes outside are an error.
    amplitudes : mapping, optional
        For each unit the size of each spike, such as the absolute value of its peak in volts; left
        out, there are no columns of amplitudes.
    refractory_s, censored_s : float
        Of ``rp_contamination``, in seconds.

    Returns
    -------
    DataFrame
        One row a unit, with ``n_spikes``, ``firing_rate`` (Hz), ``presence_ratio``,
        ``isi_violations_ratio``, ``rp_contamination`` and ``sliding_rp_violation``; with amplitudes
        also ``amplitude_cutoff``, ``noise_cutoff`` and ``amplitude_median``, each as the function
        of that name defines it. Units of the columns that have one are in ``attrs["units"]``.

    Raises
    ------
    InputError
        If spikes lie outside the session, or a unit has not one amplitude for each spike.

    Examples
    --------
    >>> table = quality_table({4: np.arange(0.5, 600), 7: [1.0, 1.0005]}, 0.0, 600.0)
    >>> table.presence_ratio.tolist()
    [1.0, 0.1]
    """
    if not (is_real(start_s) and is_real(stop_s, above=start_s)):
        raise InputError(f"a session cannot last from {start_s!r} to {stop_s!r} s")
    trains, duration_s = Trains.of(units), stop_s - start_s
    ends = to_ticks([start_s, stop_s], "the session")
    if len(trains.ticks) and (trains.ticks.min() < ends[0] or trains.ticks.max() > ends[1]):
        raise InputError(f"spikes lie outside the session from {start_s!r} to {stop_s!r} s")
    rows = []
    for row, unit in enumerate(trains.ids.tolist()):
        times_s = trains.of_unit(row) / TICKS_PER_S
        found = {
            "n_spikes": len(times_s),
            "firing_rate": len(times_s) / duration_s,
            "presence_ratio": presence_ratio(times_s, start_s, stop_s),
            "isi_violations_ratio": isi_violations_ratio(times_s, duration_s),
            "rp_contamination": rp_contamination(
                times_s, duration_s, refractory_s=refractory_s, censored_s=censored_s
            ),
            "sliding_rp_violation": sliding_rp_violation(times_s, duration_s),
        }
        if amplitudes is not None:
            check_kind(amplitudes, Mapping, "judging units", "amplitudes={4: [80.0, 75.5]}")
            sizes = reals(amplitudes.get(unit, ()), "amplitudes")
            if sizes.shape != times_s.shape:
                raise InputError(f"unit {unit!r} has not one amplitude for each of its spikes")
            found["amplitude_cutoff"] = amplitude_cutoff(sizes)
            found["noise_cutoff"] = noise_cutoff(sizes)
            found["amplitude_median"] = float(np.median(sizes)) if len(sizes) else float("nan")
        rows.append(found)
    table = pd.DataFrame(rows, index=pd.Index(trains.ids, name="unit"))
    table.attrs["units"] = {"firing_rate": "Hz"}
    return table


def _finite(values: npt.ArrayLike, what: str, ndim: int) -> Floats:
    array = reals(values, what)
    if array.ndim != ndim or beyond(array).any():
        raise InputError(f"{what} of shape {array.shape!r} are not {ndim}-d finite numbers")
    return array
