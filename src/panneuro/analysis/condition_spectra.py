"""Power spectra by condition, with confidence limits."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, in_order
from panneuro.analysis.cuts import Rows, first_rows, length_of, runs
from panneuro.analysis.kinds import check_choice
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.spectra import labelled_power, powers_of_run
from panneuro.analysis.tapers import Tapers, slepians
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

special = need("scipy.special", "analysis", "Computing confidence intervals")

Values = npt.NDArray[np.float64]

_MOST_GROUPS = 20


def power_by_condition(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    conditions: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    level: float = 0.95,
    interval: Literal["jackknife", "chi2"] = "jackknife",
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Return the mean multitaper spectrum of the windows of each condition, with confidence limits.

    Windows are transformed a few at a time and added up; they are never all in memory.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds: ``presentations["start_time"]``.
    conditions : array-like, shape (n_presentations,)
        What was presented: names or numbers.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency; twice the inverse of the window's length where
        not given, which makes three tapers.
    max_hz : float, optional
        The highest frequency to compute.
    level : float
        Probability that the limits enclose, between 0 and 1.
    interval : {"jackknife", "chi2"}
        The jackknife of the logarithm over presentations, which needs no assumption about what
        they share (Thomson and Chave, 1991); more than 20 presentations are left out in 20 groups.
        Or chi-squared with ``2 × tapers × presentations`` degrees of freedom (Percival and Walden,
        1993, section 7.4), which holds if the process does not change from one to the next.
    max_bytes : int
        What sums and result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    Dataset
        ``power``, ``low`` and ``high`` (condition, channel, frequency), in the signal's unit
        squared per hertz; ``n_presentations`` (condition,). Limits from the jackknife of a single
        presentation are NaN: it has none.

    Raises
    ------
    InputError
        If there are not as many conditions as events, one is missing, a window is not wholly in
        the recording, no taper fits, or sums and result are larger than is allowed.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((20_000, 2))
    >>> lfp = TimeSeries("lfp", noise, "volts", rate_hz=1000.0)
    >>> onsets_s, shown = np.arange(0, 19, 0.5), np.tile(["face", "house"], 19)
    >>> found = power_by_condition(lfp, onsets_s, shown, (0.0, 0.3), max_hz=100)
    >>> found.power.dims, found.power.shape
    (('condition', 'channel', 'frequency'), (2, 2, 31))
    >>> bool((found.low < found.power).all() and (found.power < found.high).all())
    True
    """
    if not is_real(level, above=0, below=1):
        raise InputError(f"a level must be between 0 and 1, not {level!r}")
    check_choice("interval", interval, ("jackknife", "chi2"))
    tapers = slepians(signal, length_of(window_s), half_bandwidth_hz, max_hz)
    rows = first_rows(signal, onsets_s, window_s, tapers.n_samples)
    names, which = group(conditions, len(rows))
    shape = (_MOST_GROUPS + 3, len(names), signal.n_channels, tapers.n_frequencies)
    hint = "give max_hz, or choose fewer channels or conditions"
    check_bytes(shape, np.float64, max_bytes, "summing spectra by condition", hint)
    sums = _summed(signal, rows, tapers, which, len(names), executor)
    scaled = tapers.one_sided
    power = sums.mean()
    if interval == "jackknife":
        low, high = _jackknife(sums, power, level)
    else:
        low, high = _chi_squared(sums, power, len(tapers), level)
    dims = ("condition", "channel", "frequency")
    found = xr.Dataset(
        {
            name: labelled_power(values * scaled, signal, tapers, dims)
            for name, values in {"power": power, "low": low, "high": high}.items()
        }
    )
    counts = ("condition", sums.counts.sum(1))
    return found.assign(n_presentations=counts).assign_coords(condition=names)


def chi_squared_interval(
    power: npt.ArrayLike, degrees: float, level: float = 0.95
) -> tuple[Values, Values]:
    """Return the limits between which the true density lies, for an estimate of so many degrees.

    Parameters
    ----------
    power : array-like
        Estimates.
    degrees : float
        Degrees of freedom: twice the number of independent tapers and windows.
    level : float
        Probability that the limits enclose.

    Returns
    -------
    low, high : ndarray of float64, shape of `power`
        ``ν S / χ²`` at the upper and lower tail of chi-squared with ν degrees of freedom (Percival
        and Walden, 1993, section 7.4); NaN where the estimate is.

    Raises
    ------
    InputError
        If there are no degrees of freedom, or the level is not between 0 and 1.

    Examples
    --------
    >>> low, high = chi_squared_interval(1.0, 20)
    >>> round(float(low), 3), round(float(high), 3)
    (0.585, 2.085)
    """
    if not (is_real(degrees, above=0) and is_real(level, above=0, below=1)):
        raise InputError(f"no interval with {degrees!r} degrees of freedom at {level!r}")
    tail = (1 - level) / 2
    estimate = reals(power, "power")
    if beyond(estimate[np.isfinite(estimate)]).any():
        raise InputError("powers are too great to have an interval", hint="give them in volts²/Hz")
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


def _summed(
    signal: TimeSeries, rows: Rows, tapers: Tapers, which: Rows, n: int, executor: Executor | None
) -> _Sums:
    groups = np.empty_like(which)
    for condition in range(n):
        own = np.flatnonzero(which == condition)
        groups[own] = np.arange(len(own)) % _MOST_GROUPS
    shape = (n, int(groups.max()) + 1)
    totals = np.zeros((*shape, tapers.n_frequencies, signal.n_channels))
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (which, groups), 1)
    task = partial(powers_of_run, signal, rows, tapers)
    for run, powers in in_order(task, runs(signal, rows, tapers.n_samples), executor):
        for window, power in zip(run.tolist(), powers, strict=True):
            totals[which[window], groups[window]] += power
    return _Sums(totals.swapaxes(2, 3), counts)


def _jackknife(sums: _Sums, power: Values, level: float) -> tuple[Values, Values]:
    """Leave one group out at a time; the spread of the logarithms tells the error."""
    low, high = np.full_like(power, np.nan), np.full_like(power, np.nan)
    for condition, (totals, counts) in enumerate(zip(sums.totals, sums.counts, strict=True)):
        used = counts > 0
        groups = int(used.sum())
        if groups < 2:
            continue
        left = (totals.sum(0) - totals[used]) / (counts.sum() - counts[used])[:, None, None]
        logs = np.log(np.maximum(left, np.finfo(float).tiny))
        error = np.sqrt((groups - 1) * logs.var(0))
        reach = special.stdtrit(groups - 1, (1 + level) / 2) * error
        low[condition] = power[condition] * np.exp(-reach)
        high[condition] = power[condition] * np.exp(reach)
    return low, high


def _chi_squared(sums: _Sums, power: Values, n_tapers: int, level: float) -> tuple[Values, Values]:
    pairs = [
        chi_squared_interval(mean, 2 * n_tapers * int(count), level)
        for mean, count in zip(power, sums.counts.sum(1), strict=True)
    ]
    return np.stack([low for low, _ in pairs]), np.stack([high for _, high in pairs])
