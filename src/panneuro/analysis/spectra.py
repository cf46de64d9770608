"""Power spectra: Welch's and the multitaper, over time, and by condition with their confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from panneuro.analysis.tapers import (
    Rows,
    Tapers,
    first_rows,
    gathered,
    single_taper,
    slepians,
)
from panneuro.analysis.traces import labels_of, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.timeseries import TimeSeries

special = need("scipy.special", "analysis", "Computing confidence intervals")

Values = npt.NDArray[np.float64]

_MOST_GROUPS = 20


def welch(
    signal: TimeSeries,
    segment_s: float = 1.0,
    *,
    overlap: float = 0.5,
    window: Any = "hann",
    max_hz: float | None = None,
    start_s: float | None = None,
    stop_s: float | None = None,
) -> xr.DataArray:
    """Return the power spectral density, averaged over overlapping segments.

    The mean of each segment is taken off (Welch, IEEE Trans. Audio Electroacoust. 15:70, 1967). The
    same as ``scipy.signal.welch``, a few segments in memory at a time.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    segment_s : float
        Length of a segment in seconds; its inverse is the distance of frequencies.
    overlap : float
        The part of a segment that the next shares, from 0 to below 1.
    window : str or tuple
        As for ``scipy.signal.get_window``.
    max_hz : float, optional
        The highest frequency to compute.
    start_s, stop_s : float, optional
        The part of the recording, in seconds.

    Returns
    -------
    DataArray, shape (channel, frequency)
        In the signal's unit squared per hertz; frequency in hertz.

    Raises
    ------
    InputError
        If the recording is shorter than a segment or the overlap impossible.

    Examples
    --------
    >>> t = np.arange(20_000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.sqrt(2) * np.sin(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> density = welch(lfp, 1.0, max_hz=100)
    >>> float(density[0].idxmax()), round(float(density.sum()), 3)
    (8.0, 1.0)
    """
    tapers = single_taper(signal, segment_s, window, max_hz)
    n = tapers.n_samples
    if not 0 <= overlap < 1:
        raise InputError(f"segments cannot overlap by {overlap!r} of their length")
    rows = _regular(signal, n, max(1, n - int(overlap * n)), start_s, stop_s)
    total = np.zeros((tapers.n_frequencies, signal.n_channels))
    for _, samples in gathered(signal, rows, tapers):
        total += tapers.power(samples).sum(1, dtype=np.float64)
    density = (total / len(rows)).T * tapers.one_sided
    return _labelled(density, signal, tapers, ("channel", "frequency"))


def multitaper(
    signal: TimeSeries,
    starts_s: npt.ArrayLike,
    duration_s: float,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
) -> xr.DataArray:
    """Return the multitaper power spectral density of each of several windows.

    The mean of a window is taken off; tapers weigh the same (Thomson, Proc. IEEE 70:1055, 1982).

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    starts_s : array-like of float, shape (n_windows,)
        When windows begin, in seconds: ``presentations["start_time"]``.
    duration_s : float
        Of each window, in seconds.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency; ``2 / duration_s`` where not given, which
        makes three tapers.
    max_hz : float, optional
        The highest frequency to compute.

    Returns
    -------
    DataArray of float32, shape (window, channel, frequency)
        In the signal's unit squared per hertz, with the coordinate ``start`` in seconds.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, or no taper fits.
    """
    tapers = slepians(signal, duration_s, half_bandwidth_hz, max_hz)
    rows = first_rows(signal, starts_s, tapers.n_samples)
    found = _labelled(
        _each(signal, rows, tapers), signal, tapers, ("window", "channel", "frequency")
    )
    starts = signal.start_s + rows / tapers.rate_hz
    return found.assign_coords(start=("window", starts, {"units": "s"}))


def spectrogram(
    signal: TimeSeries,
    window_s: float = 0.5,
    step_s: float = 0.1,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    start_s: float | None = None,
    stop_s: float | None = None,
) -> xr.DataArray:
    """Return the multitaper power spectral density in a window that slides over time.

    All of it is in memory: 4 bytes for each time, channel and frequency.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    window_s, step_s : float
        Length of the window, and how far it moves, in seconds.
    half_bandwidth_hz, max_hz
        As for :func:`multitaper`.
    start_s, stop_s : float, optional
        The part of the recording, in seconds.

    Returns
    -------
    DataArray of float32, shape (time, channel, frequency)
        In the signal's unit squared per hertz; time is the middle of each window, in seconds.

    Raises
    ------
    InputError
        If the part is shorter than a window.
    """
    tapers = slepians(signal, window_s, half_bandwidth_hz, max_hz)
    step = max(1, round(step_s * tapers.rate_hz))
    rows = _regular(signal, tapers.n_samples, step, start_s, stop_s)
    found = _labelled(_each(signal, rows, tapers), signal, tapers, ("time", "channel", "frequency"))
    middles = signal.start_s + (rows + tapers.n_samples / 2) / tapers.rate_hz
    return found.assign_coords(time=("time", middles, {"units": "s"}))


def power_by_condition(
    signal: TimeSeries,
    starts_s: npt.ArrayLike,
    conditions: npt.ArrayLike,
    duration_s: float,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    confidence: float = 0.95,
    interval: Literal["jackknife", "chi2"] = "jackknife",
) -> xr.Dataset:
    """Return the mean multitaper spectrum of the windows of each condition, with confidence limits.

    Windows are transformed a few at a time and added up; they are never all in memory.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    starts_s : array-like of float, shape (n_windows,)
        When presentations begin, in seconds.
    conditions : array-like, shape (n_windows,)
        What was presented: names or numbers.
    duration_s, half_bandwidth_hz, max_hz
        As for :func:`multitaper`.
    confidence : float
        Probability that the limits enclose, between 0 and 1.
    interval : {"jackknife", "chi2"}
        The jackknife of the logarithm over presentations, which needs no assumption about what
        they share (Thomson and Chave, 1991); more than 20 presentations are left out in 20 groups.
        Or chi-squared with ``2 × tapers × presentations`` degrees of freedom (Percival and Walden,
        1993, section 7.4), which holds if the process does not change from one to the next.

    Returns
    -------
    Dataset
        ``power``, ``lower`` and ``upper`` of shape (condition, channel, frequency), in the signal's
        unit squared per hertz; ``count`` of shape (condition,). Limits from the jackknife of a
        single presentation are NaN: it has none.

    Raises
    ------
    InputError
        If there are not as many conditions as windows, or as for :func:`multitaper`.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((20_000, 2))
    >>> lfp = TimeSeries("lfp", noise, "volts", rate_hz=1000.0)
    >>> starts_s, shown = np.arange(0, 19, 0.5), np.tile(["face", "house"], 19)
    >>> found = power_by_condition(lfp, starts_s, shown, 0.3, max_hz=100)
    >>> found.power.dims, found.power.shape
    (('condition', 'channel', 'frequency'), (2, 2, 31))
    >>> bool((found.lower < found.power).all() and (found.power < found.upper).all())
    True
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, not {confidence!r}")
    if interval not in ("jackknife", "chi2"):
        raise InputError(f"no interval is called {interval!r}", hint="known: jackknife, chi2")
    tapers = slepians(signal, duration_s, half_bandwidth_hz, max_hz)
    rows = first_rows(signal, starts_s, tapers.n_samples)
    names, which = _groups(conditions, len(rows))
    sums = _summed(signal, rows, tapers, which, len(names))
    scaled = tapers.one_sided
    power = sums.mean()
    if interval == "jackknife":
        lower, upper = _jackknife(sums, power, confidence)
    else:
        lower, upper = _chi_squared(sums, power, len(tapers), confidence)
    dims = ("condition", "channel", "frequency")
    found = xr.Dataset(
        {
            name: _labelled(values * scaled, signal, tapers, dims)
            for name, values in {"power": power, "lower": lower, "upper": upper}.items()
        }
    )
    return found.assign(count=("condition", sums.counts.sum(1))).assign_coords(condition=names)


def chi_squared_interval(
    power: npt.ArrayLike, degrees: float, confidence: float = 0.95
) -> tuple[Values, Values]:
    """Return the limits between which the true density lies, for an estimate of so many degrees.

    Parameters
    ----------
    power : array-like
        Estimates.
    degrees : float
        Degrees of freedom: twice the number of independent tapers and windows.
    confidence : float
        Probability that the limits enclose.

    Examples
    --------
    >>> low, high = chi_squared_interval(1.0, 20)
    >>> round(float(low), 3), round(float(high), 3)
    (0.585, 2.085)
    """
    if not (degrees > 0 and 0 < confidence < 1):
        raise InputError(f"no interval with {degrees!r} degrees of freedom at {confidence!r}")
    tail = (1 - confidence) / 2
    estimate = np.asarray(power, dtype=np.float64)
    return (
        estimate * degrees / (2 * special.gammaincinv(degrees / 2, 1 - tail)),
        estimate * degrees / (2 * special.gammaincinv(degrees / 2, tail)),
    )


@dataclass(frozen=True)
class _Sums:
    """Sums of squared transforms by condition and group of presentations.

    ``totals`` has shape (condition, group, channel, frequency), ``counts`` (condition, group).
    """

    totals: Values
    counts: npt.NDArray[np.int64]

    def mean(self) -> Values:
        found: Values = self.totals.sum(1) / self.counts.sum(1)[:, None, None]
        return found


def _summed(signal: TimeSeries, rows: Rows, tapers: Tapers, which: Rows, n: int) -> _Sums:
    groups = np.empty_like(which)
    for condition in range(n):
        own = np.flatnonzero(which == condition)
        groups[own] = np.arange(len(own)) % _MOST_GROUPS
    n_groups = int(groups.max()) + 1
    shape = (tapers.n_frequencies, signal.n_channels)
    totals = np.zeros((n, n_groups, *shape))
    counts = np.zeros((n, n_groups), dtype=np.int64)
    np.add.at(counts, (which, groups), 1)
    for batch, samples in gathered(signal, rows, tapers):
        power = tapers.power(samples)
        for slot, window in enumerate(batch.tolist()):
            totals[which[window], groups[window]] += power[:, slot]
    return _Sums(totals.swapaxes(2, 3), counts)


def _jackknife(sums: _Sums, power: Values, confidence: float) -> tuple[Values, Values]:
    """Leave one group out at a time; the spread of the logarithms tells the error."""
    lower, upper = np.full_like(power, np.nan), np.full_like(power, np.nan)
    for condition, (totals, counts) in enumerate(zip(sums.totals, sums.counts, strict=True)):
        used = counts > 0
        groups = int(used.sum())
        if groups < 2:
            continue
        left = (totals.sum(0) - totals[used]) / (counts.sum() - counts[used])[:, None, None]
        logs = np.log(np.maximum(left, np.finfo(float).tiny))
        error = np.sqrt((groups - 1) * logs.var(0))
        reach = special.stdtrit(groups - 1, (1 + confidence) / 2) * error
        lower[condition] = power[condition] * np.exp(-reach)
        upper[condition] = power[condition] * np.exp(reach)
    return lower, upper


def _chi_squared(
    sums: _Sums, power: Values, n_tapers: int, confidence: float
) -> tuple[Values, Values]:
    pairs = [
        chi_squared_interval(mean, 2 * n_tapers * int(count), confidence)
        for mean, count in zip(power, sums.counts.sum(1), strict=True)
    ]
    return np.stack([low for low, _ in pairs]), np.stack([high for _, high in pairs])


def _groups(conditions: npt.ArrayLike, n: int) -> tuple[npt.NDArray[Any], Rows]:
    given = np.asarray(conditions)
    if given.shape != (n,):
        raise InputError(f"{n} windows have conditions of shape {given.shape}")
    missing = pd.isna(given)
    if missing.any():
        raise InputError(
            f"{int(missing.sum())} of {n} windows have no condition", hint="drop these rows"
        )
    names, which = np.unique(
        given.astype(str) if given.dtype == object else given, return_inverse=True
    )
    return names, which.astype(np.int64)


def _regular(
    signal: TimeSeries, n: int, step: int, start_s: float | None, stop_s: float | None
) -> Rows:
    rate_of(signal, "cutting")
    span = signal.rows(start_s, stop_s)
    if span.stop - span.start < n:
        raise InputError(
            f"{signal.name!r} has {span.stop - span.start} samples there, fewer than the {n} of a "
            "window"
        )
    return np.arange(span.start, span.stop - n + 1, step, dtype=np.int64)


def _each(signal: TimeSeries, rows: Rows, tapers: Tapers) -> npt.NDArray[np.float32]:
    found = np.empty((len(rows), signal.n_channels, tapers.n_frequencies), np.float32)
    weights = tapers.one_sided.astype(np.float32)
    for which, samples in gathered(signal, rows, tapers):
        found[which] = tapers.power(samples).transpose(1, 2, 0) * weights
    return found


def _labelled(
    values: npt.NDArray[Any], signal: TimeSeries, tapers: Tapers, dims: tuple[str, ...]
) -> xr.DataArray:
    coords = {
        "channel": labels_of(signal),
        "frequency": ("frequency", tapers.frequencies_hz, {"units": "Hz"}),
    }
    return xr.DataArray(values, coords, dims, "power", {"units": f"({signal.unit})²/Hz"})
