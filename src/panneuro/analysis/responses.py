"""How strong, how soon and how reliable the responses of units are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr
from numpy.lib.stride_tricks import sliding_window_view

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, check_number
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.trains import TICKS_PER_S, Trains, Units, to_ticks
from panneuro.analysis.windows import Bins
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real

ndimage = need("scipy.ndimage", "analysis", "Smoothing rates")

Floats = npt.NDArray[np.float64]


def smooth(rates: xr.DataArray, sd_s: float) -> xr.DataArray:
    """Smooth along time with a Gaussian that loses nothing at the edges.

    Near an edge the part of the Gaussian that lies inside is scaled to one, so that a constant
    stays constant.

    Parameters
    ----------
    rates : DataArray, dims (…, time)
        Counts or rates; ``time`` in seconds, evenly spaced.
    sd_s : float
        Standard deviation of the Gaussian in seconds; it is cut off at four of them.

    Returns
    -------
    DataArray of float64
        Of the same dims and coordinates.

    Raises
    ------
    InputError
        If the standard deviation is not positive, a value is not finite, or times are not even.

    Examples
    --------
    >>> rates = xr.DataArray([0.0, 0.0, 1.0, 0.0, 0.0], {"time": np.arange(5) / 10}, ("time",))
    >>> smooth(rates, 0.1).values.round(3)
    array([0.077, 0.257, 0.403, 0.257, 0.077])
    >>> smooth(rates + 1 - rates, 0.2).values
    array([1., 1., 1., 1., 1.])
    """
    array = finite(rates, ("time",), "rates to smooth")
    times = rates["time"].to_numpy()
    steps = np.diff(times)
    if len(steps) < 1 or np.ptp(steps) > 1e-6 * abs(steps[0]):
        raise InputError(f"{len(times)} times that are not evenly spaced cannot be smoothed over")
    if not is_real(sd_s, above=0, below=1e6 * steps.mean()):
        raise InputError(f"a Gaussian cannot have a standard deviation of {sd_s!r} s")
    axis, sd_bins = rates.get_axis_num("time"), sd_s / float(steps.mean())
    shape = [1] * array.ndim
    shape[axis] = -1
    inside = ndimage.gaussian_filter1d(np.ones(len(times)), sd_bins, mode="constant")
    smoothed = ndimage.gaussian_filter1d(array, sd_bins, axis=axis, mode="constant")
    return rates.copy(data=smoothed / inside.reshape(shape))


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
        If the rates have no dims ``unit`` and ``time``, one is not finite, or fewer than two bins
        lie in the baseline.

    Notes
    -----
    ``(r − mean) / sd`` with the mean and standard deviation of the baseline.

    Examples
    --------
    >>> rates = xr.DataArray([[1.0, 3.0, 6.0]], {"time": [-0.2, -0.1, 0.1]}, ("unit", "time"))
    >>> zscore(rates, (-0.3, 0.0)).values
    array([[-1.,  1.,  4.]])
    """
    finite(rates, ("unit", "time"), "rates")
    before = rates.isel(time=_baseline(rates, baseline_s)).astype(np.float64)
    others = [dim for dim in rates.dims if dim != "unit"]
    spread = before.std(others)
    scores = (rates - before.mean(others)) / spread.where(spread > 0)
    named = {"units": "sd of baseline", "long_name": "rate"}
    return scores.transpose(*rates.dims).rename("z").assign_attrs(named)


def first_spike_latency(
    units: Units,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    max_bytes: int = MAX_BYTES,
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
    max_bytes : int
        What the result may take in memory.

    Returns
    -------
    DataArray of float64, dims (presentation, unit)
        Seconds; NaN where the window holds no spike.

    Raises
    ------
    InputError
        If the window is empty, a time is not finite, or the result is larger than is allowed.

    Examples
    --------
    >>> first_spike_latency({4: [0.1, 0.3], 7: [0.9]}, [0.0, 0.2], (0.0, 0.5)).values
    array([[0.1, nan],
           [0.1, nan]])
    """
    trains = Trains.of(units)
    bins = Bins.of(window_s)
    onsets = to_ticks(onsets_s, "onsets")
    shape = (len(onsets), len(trains))
    check_bytes(shape, np.float64, max_bytes, "finding first spikes", "choose fewer events")
    found = np.full(shape, np.nan)
    for unit in range(len(trains)):
        ticks = trains.of_unit(unit)
        first = np.searchsorted(ticks, onsets + bins.first)
        has = first < len(ticks)
        delay = ticks[first[has]] - onsets[has]
        found[has, unit] = np.where(delay < bins.first + bins.span, delay / TICKS_PER_S, np.nan)
    named = {"units": "s", "long_name": "latency of first spike"}
    coords = {"unit": trains.ids}
    return xr.DataArray(found, coords, ("presentation", "unit"), "latency", named)


def threshold_latency(
    rates: xr.DataArray, baseline_s: tuple[float, float], *, n_sd: float = 3.0, n_bins: int = 2
) -> xr.DataArray:
    """Time at which the mean rate of each unit rises above its baseline and stays there.

    Parameters
    ----------
    rates : DataArray, dims (…, unit, time)
        Mean rates, such as those of one condition.
    baseline_s : tuple of float
        Bins whose middle lies in ``[start, stop)`` are the baseline, in seconds from the event.
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

    Raises
    ------
    InputError
        If the rates have no dim ``time``, one is not finite, fewer than two bins lie in the
        baseline, or `n_bins` do not fit.

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
    check_number("bins", n_bins)
    if not is_real(n_sd):
        raise InputError(f"a response cannot be over {n_sd!r} standard deviations", hint="n_sd=3")
    finite(rates, ("time",), "rates")
    ordered = rates.transpose(..., "time")
    values, times = ordered.to_numpy().astype(np.float64), ordered["time"].to_numpy()
    before = values[..., _baseline(rates, baseline_s)]
    level, spread = before.mean(-1, keepdims=True), before.std(-1, keepdims=True)
    above = (values > level + n_sd * spread) & (spread > 0) & (times >= baseline_s[1])
    if n_bins > len(times):
        raise InputError(f"a response of {n_bins} bins does not fit into {len(times)}")
    lasting = sliding_window_view(above, n_bins, axis=-1).all(-1)
    latency = np.where(lasting.any(-1), times[lasting.argmax(-1)], np.nan)
    found = ordered.isel(time=0, drop=True).copy(data=latency).rename("latency")
    return found.assign_attrs(units="s", long_name="latency")


def fano_factor(counts: xr.DataArray) -> xr.DataArray:
    """Variance of spike counts over their mean; 1 for a Poisson process [1]_.

    Parameters
    ----------
    counts : DataArray, dims (presentation, …)
        Spikes in windows of equal length around events of one condition, such as
        :func:`~panneuro.analysis.psth.count_windows` gives.

    Returns
    -------
    DataArray of float64
        ``var / mean`` with the unbiased variance, without the dim ``presentation``. NaN where no
        spike was counted.

    Raises
    ------
    InputError
        If there are fewer than two presentations, or a count is not finite.

    References
    ----------
    .. [1] Fano U (1947). Ionization yield of radiations. II. The fluctuations of the number of
       ions. Phys Rev 72, 26–29.

    Examples
    --------
    >>> fano_factor(xr.DataArray([[0, 3], [2, 3], [4, 3]], dims=("presentation", "unit"))).values
    array([2., 0.])
    """
    array = finite(counts, ("presentation",), "counts")
    axis = counts.get_axis_num("presentation")
    if array.shape[axis] < 2:
        raise InputError(f"counts of shape {array.shape!r} do not hold two presentations to vary")
    mean = array.mean(axis)
    found = array.var(axis, ddof=1) / np.where(mean > 0, mean, np.nan)
    return reduced(counts, "presentation", found, "Fano factor")


def trial_correlation(responses: xr.DataArray) -> xr.DataArray:
    """Mean correlation of a unit's response between pairs of presentations of the same stimulus.

    Parameters
    ----------
    responses : DataArray, dims (presentation, unit, time)
        Counts or rates over time, such as :func:`~panneuro.analysis.psth.psth_tensor` gives.

    Returns
    -------
    DataArray of float64, dims (unit,)
        Mean of Pearson's r over all pairs of presentations in which the unit's response varies; NaN
        for a unit with fewer than two of those. All pairs cost one pass: with each response scaled
        to length one, the sum over pairs is ``(‖Σ z‖² − n) / 2``.

    Raises
    ------
    InputError
        If `responses` have other dims, or are not finite.

    Examples
    --------
    >>> values = [[[0, 1, 0]], [[0, 2, 0]], [[1, 0, 1]]]
    >>> tensor = xr.DataArray(values, dims=("presentation", "unit", "time"))
    >>> trial_correlation(tensor).values.round(3)
    array([-0.333])
    """
    array = finite(responses, ("presentation", "unit", "time"), "responses")
    if responses.dims != ("presentation", "unit", "time"):
        raise InputError(f"responses have the dims {responses.dims!r}", hint="select one first")
    if not array.size:
        raise InputError(f"no responses to correlate: their shape is {array.shape}")
    centred = array - array.mean(2, keepdims=True)
    length = np.sqrt(np.square(centred).sum(2, keepdims=True))
    varies = length[..., 0] > 1e-12 * np.maximum(1, np.abs(array).max(2, initial=0))
    scaled = np.where(varies[..., None], centred / np.where(length > 0, length, 1), 0)
    n = varies.sum(0)
    pairs = np.square(scaled.sum(0)).sum(1) - n
    found = pairs / np.where(n > 1, n * (n - 1), np.nan)
    whole = responses.isel(time=0, drop=True)
    return reduced(whole, "presentation", found, "correlation of trials")


def finite(array: xr.DataArray, dims: tuple[str, ...], what: str) -> Floats:
    """Return the values of a labelled array that has certain dims and is finite, as float64.

    Raises
    ------
    InputError
        If it is not labelled, lacks a dim, or a value is not finite.

    Examples
    --------
    >>> finite(xr.DataArray([1, 2], dims="unit"), ("unit",), "rates")
    array([1., 2.])
    """
    if not isinstance(array, xr.DataArray) or not all(dim in array.dims for dim in dims):
        found = getattr(array, "dims", type(array).__name__)
        raise InputError(
            f"{what} must be a DataArray with the dims {', '.join(map(str, dims))}, not {found!r}",
            hint="give what another function of the room returned, or name the dims of your own",
        )
    values = reals(array, what)
    missing = np.count_nonzero(beyond(values))
    if missing:
        raise InputError(
            f"{missing} of {values.size} {what} are not finite numbers, or too great",
            hint="leave out presentations or conditions without a response",
        )
    return values


def reduced(array: xr.DataArray, over: str, values: Floats, name: str) -> xr.DataArray:
    """Label the values that are left when one dim of an array is reduced, as pure numbers.

    Examples
    --------
    >>> rates = xr.DataArray([[1, 2], [3, 4]], {"unit": ["a", "b"]}, ("unit", "time"))
    >>> reduced(rates, "time", np.array([0.5, 1.0]), "ratio").sel(unit="b").item()
    1.0
    """
    kept = array.isel({over: 0}, drop=True)
    return kept.copy(data=values).rename(name).assign_attrs(units="1", long_name=name)


def _baseline(rates: xr.DataArray, window_s: tuple[float, float]) -> npt.NDArray[np.bool_]:
    times = rates["time"].to_numpy()
    ends = reals(window_s, "the ends of a baseline")
    if ends.shape != (2,):
        raise InputError(f"a baseline has two ends, not {window_s!r}", hint="(-0.2, 0.0)")
    inside: npt.NDArray[np.bool_] = (times >= ends[0]) & (times < ends[1])
    if inside.sum() < 2:
        reach = f"{times[0]:.6g} to {times[-1]:.6g} s" if len(times) else "nowhere"
        raise InputError(
            f"a baseline of {window_s!r} s holds {int(inside.sum())} bins; it needs two",
            hint=f"bins reach from {reach}",
        )
    return inside
