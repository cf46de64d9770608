"""How strong, how soon and how reliable the responses of units are."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import xarray as xr
from numpy.lib.stride_tricks import sliding_window_view

from panneuro.analysis.trains import TICKS_PER_S, Trains, Units, to_ticks
from panneuro.analysis.windows import Bins
from panneuro.core.errors import InputError
from panneuro.core.extras import need

ndimage = need("scipy.ndimage", "analysis", "Smoothing rates")

Floats = npt.NDArray[np.float64]


def smooth(values: npt.ArrayLike, sd_bins: float, axis: int = -1) -> Floats:
    """Smooth along time with a Gaussian that loses nothing at the edges.

    Near an edge the part of the Gaussian that lies inside is scaled to one, so that a constant
    stays constant.

    Parameters
    ----------
    values : array-like of float
        Counts or rates.
    sd_bins : float
        Standard deviation of the Gaussian in bins, cut off at four of them.
    axis : int
        The axis of time.

    Returns
    -------
    ndarray of float64
        Of the same shape.

    Raises
    ------
    InputError
        If the standard deviation is not positive, or a value is not finite.

    Examples
    --------
    >>> smooth([1.0, 1.0, 1.0], 2.0)
    array([1., 1., 1.])
    >>> smooth([0.0, 0.0, 1.0, 0.0, 0.0], 1.0).round(3)
    array([0.077, 0.257, 0.403, 0.257, 0.077])
    """
    if not (np.isfinite(sd_bins) and sd_bins > 0):
        raise InputError(f"a Gaussian cannot have a standard deviation of {sd_bins!r} bins")
    array = _finite(values, "values to smooth")
    shape = [1] * array.ndim
    shape[axis] = -1
    inside = ndimage.gaussian_filter1d(np.ones(array.shape[axis]), sd_bins, mode="constant")
    smoothed = ndimage.gaussian_filter1d(array, sd_bins, axis=axis, mode="constant")
    return cast("Floats", smoothed / inside.reshape(shape))


def zscore(rates: xr.DataArray, baseline_s: tuple[float, float]) -> xr.DataArray:
    """Express rates in standard deviations of each unit's baseline.

    Parameters
    ----------
    rates : DataArray, dims (unit, time) or (…, unit, time)
        Counts or rates; ``time`` in seconds from the event.
    baseline_s : tuple of float
        Bins whose middle lies in ``[start, stop)`` are the baseline. Its mean and standard
        deviation are taken over these bins and over all other dimensions but ``unit``.

    Returns
    -------
    DataArray of float64
        Of the same dims. A unit whose baseline does not vary has no z-score: NaN.

    Raises
    ------
    InputError
        If fewer than two bins lie in the baseline.

    Examples
    --------
    >>> rates = xr.DataArray([[1.0, 3.0, 6.0]], {"time": [-0.2, -0.1, 0.1]}, ("unit", "time"))
    >>> zscore(rates, (-0.3, 0.0)).values
    array([[-1.,  1.,  4.]])
    """
    before = rates.isel(time=_baseline(rates, baseline_s)).astype(np.float64)
    others = [dim for dim in rates.dims if dim != "unit"]
    spread = before.std(others)
    scores = (rates - before.mean(others)) / spread.where(spread > 0)
    return scores.transpose(*rates.dims).assign_attrs(units="sd of baseline")


def first_spike_latency(
    units: Units, onsets_s: npt.ArrayLike, window_s: tuple[float, float]
) -> xr.DataArray:
    """Time from each event to the first spike of each unit.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    window_s : tuple of float
        Where a first spike counts, in seconds from the event: ``[start, stop)``.

    Returns
    -------
    DataArray of float64, dims (presentation, unit)
        Seconds; NaN where the window holds no spike.

    Examples
    --------
    >>> first_spike_latency({4: [0.1, 0.3], 7: [0.9]}, [0.0, 0.2], (0.0, 0.5)).values
    array([[0.1, nan],
           [0.1, nan]])
    """
    trains = Trains.of(units)
    bins = Bins.of(window_s, window_s[1] - window_s[0])
    onsets = to_ticks(onsets_s, "onsets")
    found = np.full((len(onsets), len(trains)), np.nan)
    for unit in range(len(trains)):
        ticks = trains.of_unit(unit)
        first = np.searchsorted(ticks, onsets + bins.first)
        has = first < len(ticks)
        delay = ticks[first[has]] - onsets[has]
        found[has, unit] = np.where(delay < bins.first + bins.span, delay / TICKS_PER_S, np.nan)
    coords = {"unit": trains.ids}
    return xr.DataArray(found, coords, ("presentation", "unit"), attrs={"units": "s"})


def threshold_latency(
    rates: xr.DataArray, baseline_s: tuple[float, float], *, n_sd: float = 3.0, n_bins: int = 2
) -> xr.DataArray:
    """Time at which the mean rate of each unit rises above its baseline and stays there.

    Parameters
    ----------
    rates : DataArray, dims (…, unit, time)
        Mean rates, such as those of one condition.
    baseline_s : tuple of float
        As for :func:`zscore`.
    n_sd : float
        How many standard deviations above the mean of the baseline.
    n_bins : int
        For how many bins in a row.

    Returns
    -------
    DataArray of float64, dims (…, unit)
        Seconds from the event to the middle of the first such bin at or after the end of the
        baseline; NaN where there is none or the baseline does not vary. Mean and deviation are
        those of the baseline's bins, for each row by itself.

    Examples
    --------
    >>> rates = xr.DataArray(
    ...     [[1.0, 3.0, 9.0, 2.0, 8.0, 9.0]],
    ...     {"time": [-0.2, -0.1, 0.1, 0.2, 0.3, 0.4]},
    ...     ("unit", "time"),
    ... )
    >>> threshold_latency(rates, (-0.3, 0.0)).values
    array([0.3])
    """
    if n_bins < 1:
        raise InputError(f"a response cannot last {n_bins!r} bins")
    ordered = rates.transpose(..., "time")
    values, times = ordered.to_numpy().astype(np.float64), ordered["time"].to_numpy()
    before = values[..., _baseline(rates, baseline_s)]
    level, spread = before.mean(-1, keepdims=True), before.std(-1, keepdims=True)
    above = (values > level + n_sd * spread) & (spread > 0) & (times >= baseline_s[1])
    if n_bins > len(times):
        raise InputError(f"a response of {n_bins} bins does not fit into {len(times)}")
    lasting = sliding_window_view(above, n_bins, axis=-1).all(-1)
    latency = np.where(lasting.any(-1), times[lasting.argmax(-1)], np.nan)
    return ordered.isel(time=0, drop=True).copy(data=latency).assign_attrs(units="s")


def fano_factor(counts: npt.ArrayLike, axis: int = 0) -> Floats:
    """Variance of spike counts over their mean; 1 for a Poisson process.

    Parameters
    ----------
    counts : array-like, shape (n_presentations, …)
        Spikes in windows of equal length around events of one condition.
    axis : int
        The axis of presentations.

    Returns
    -------
    ndarray of float64
        ``var / mean`` with the unbiased variance. NaN where no spike was counted.

    Raises
    ------
    InputError
        If there are fewer than two presentations, or a count is not finite.

    Examples
    --------
    >>> fano_factor([[0, 3], [2, 3], [4, 3]])
    array([2., 0.])
    """
    array = _finite(counts, "counts")
    if array.ndim == 0 or array.shape[axis] < 2:
        raise InputError(f"counts of shape {array.shape!r} do not hold two presentations to vary")
    mean = array.mean(axis)
    return array.var(axis, ddof=1) / np.where(mean > 0, mean, np.nan)


def trial_correlation(responses: npt.ArrayLike) -> Floats:
    """Mean correlation of a unit's response between pairs of presentations of the same stimulus.

    Parameters
    ----------
    responses : array-like, shape (n_presentations, n_units, n_bins)
        Counts or rates over time, such as :func:`~panneuro.analysis.psth.psth_tensor` gives.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        Mean of Pearson's r over all pairs of presentations in which the unit's response varies; NaN
        for a unit with fewer than two of those. All pairs cost one pass: with each response scaled
        to length one, the sum over pairs is ``(‖Σ z‖² − n) / 2``.

    Raises
    ------
    InputError
        If `responses` have another number of dimensions, or are not finite.

    Examples
    --------
    >>> trial_correlation([[[0, 1, 0]], [[0, 2, 0]], [[1, 0, 1]]]).round(3)
    array([-0.333])
    """
    array = _finite(responses, "responses")
    if array.ndim != 3:
        raise InputError(
            f"responses have the shape {array.shape!r}, not presentations × units × bins"
        )
    centred = array - array.mean(2, keepdims=True)
    length = np.sqrt(np.square(centred).sum(2, keepdims=True))
    varies = length[..., 0] > 1e-12 * np.maximum(1, np.abs(array).max(2, initial=0))
    scaled = np.where(varies[..., None], centred / np.where(length > 0, length, 1), 0)
    n = varies.sum(0)
    pairs = np.square(scaled.sum(0)).sum(1) - n
    correlations = pairs / np.where(n > 1, n * (n - 1), np.nan)
    return cast("Floats", correlations)


def _finite(values: npt.ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    missing = np.count_nonzero(~np.isfinite(array))
    if missing:
        raise InputError(
            f"{missing} of {array.size} {what} are not finite numbers",
            hint="leave out presentations or conditions without a response",
        )
    return array


def _baseline(rates: xr.DataArray, window_s: tuple[float, float]) -> npt.NDArray[np.bool_]:
    times = rates["time"].to_numpy()
    inside: npt.NDArray[np.bool_] = (times >= window_s[0]) & (times < window_s[1])
    if inside.sum() < 2:
        reach = f"{times[0]:.6g} to {times[-1]:.6g} s" if len(times) else "nowhere"
        raise InputError(
            f"a baseline of {window_s!r} s holds {int(inside.sum())} bins; it needs two",
            hint=f"bins reach from {reach}",
        )
    return inside
