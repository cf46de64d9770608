"""Traces of behaviour: running, pose and pupil, cleaned and brought beside events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from panneuro.analysis.blocks import MAX_BYTES, check_bytes
from panneuro.analysis.fields import LONGEST_S
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import reals
from panneuro.analysis.traces import labels_of
from panneuro.analysis.trains import TICKS_PER_S, to_ticks
from panneuro.analysis.windows import Bins
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

type Floats = npt.NDArray[np.float64]


def running_speed(
    position: TimeSeries,
    *,
    radius_m: float = 1.0,
    turn: float | None = None,
    smooth_sd_s: float = 0.05,
) -> TimeSeries:
    """Return the speed of a wheel or treadmill from its position.

    The position is unwrapped, differentiated (central differences over the true times of its
    samples) and smoothed with a Gaussian.

    Parameters
    ----------
    position : TimeSeries
        One channel: the angle of a wheel, or how far a belt has gone; sampled or stamped.
    radius_m : float
        Metres on the rim for each unit of the position: the radius, in metres, for an angle in
        radians; 1 for metres.
    turn : float, optional
        What the position jumps by after a whole turn: ``2 π`` for an angle in radians.
    smooth_sd_s : float
        Standard deviation of the Gaussian in seconds; 0 for none.

    Returns
    -------
    TimeSeries
        ``running_speed`` in metres per second, at the times of the samples.

    Raises
    ------
    InputError
        If there are fewer than two samples or several channels, a value is not finite, or times do
        not increase.

    Examples
    --------
    >>> wheel = TimeSeries("wheel", np.arange(0, 4, 0.01) % (2 * np.pi), rate_hz=100.0)
    >>> speed = running_speed(wheel, radius_m=0.05, turn=2 * np.pi)
    >>> np.unique(speed.read().round(3)), speed.unit
    (array([0.05]), 'm/s')
    """
    if not (
        is_real(radius_m)
        and is_real(smooth_sd_s, least=0, most=LONGEST_S)
        and (turn is None or is_real(turn, above=0))
    ):
        raise InputError(
            f"a speed cannot be of a radius of {radius_m!r} m and turns of {turn!r}, smoothed by "
            f"{smooth_sd_s!r} s"
        )
    values, times = _trace(position), position.times()
    if len(values) < 2 or (np.diff(times) <= 0).any():
        raise InputError(
            f"the speed of {position.name!r} needs two samples or more, at times that increase"
        )
    if turn is not None:
        values = np.unwrap(values, period=turn)
    speed = np.gradient(values, times) * radius_m
    if smooth_sd_s > 0:
        interval = float(np.median(np.diff(times)))
        speed = gaussian_filter1d(speed, smooth_sd_s / interval, mode="nearest")
    return position.with_data(
        speed, name="running_speed", unit="m/s", gain=1.0, offset=0.0, description="", path=""
    )


def without_blinks(
    pupil: TimeSeries, *, n_mads: float = 16.0, margin_s: float = 0.05, longest_s: float = 0.5
) -> TimeSeries:
    """Return a pupil's diameter with blinks and other artefacts bridged.

    Samples that change faster than the median speed plus `n_mads` median absolute deviations of
    it are no dilation [1]_; they, what is not finite or not positive, and a margin around, are
    left out, and gaps are bridged by straight lines up to `longest_s`.

    Parameters
    ----------
    pupil : TimeSeries
        One channel: diameter or area; NaN where it was not seen.
    n_mads : float
        How fast is too fast.
    margin_s : float
        What is left out on each side of an artefact, in seconds.
    longest_s : float
        Longer gaps stay, in seconds.

    Returns
    -------
    TimeSeries
        Of the same times; NaN in gaps that are longer, or at an end of the recording.

    Raises
    ------
    InputError
        If there are several channels, or no samples.

    References
    ----------
    .. [1] Kret & Sjak-Shie, Behavior Research Methods 51, 1336 (2019).

    Examples
    --------
    >>> diameter = np.full(100, 2.0)
    >>> diameter[50:52] = 0.0
    >>> without_blinks(TimeSeries("pupil", diameter, rate_hz=100.0)).read().min()
    np.float64(2.0)
    """
    values, times = _trace(pupil, finite=False).copy(), pupil.times()
    bad = ~np.isfinite(values) | (values <= 0)
    values[bad] = np.nan
    steps = np.abs(np.diff(values) / np.diff(times))
    speed = np.fmax(np.append(steps, np.nan), np.insert(steps, 0, np.nan))
    middle = np.nanmedian(speed) if np.isfinite(speed).any() else np.inf
    mad = np.nanmedian(np.abs(speed - middle)) if np.isfinite(middle) else 0.0
    with np.errstate(invalid="ignore"):
        bad |= speed > middle + n_mads * mad if mad > 0 else False
    return _cleaned(pupil, values, bad, times, margin_s, longest_s)


def confident(
    pose: TimeSeries, likelihood: npt.ArrayLike, *, least: float = 0.9, longest_s: float = 0.1
) -> TimeSeries:
    """Return a tracked body part without the frames in which the tracker was not sure.

    Parameters
    ----------
    pose : TimeSeries, shape (n_frames, n_coordinates)
        Coordinates of one part.
    likelihood : array-like of float, shape (n_frames,)
        How sure the tracker was, from 0 to 1.
    least : float
        Frames of a lower likelihood are left out.
    longest_s : float
        Gaps up to this length are bridged by straight lines, in seconds.

    Returns
    -------
    TimeSeries
        Of the same times; NaN in gaps that are longer, or at an end of the recording.

    Raises
    ------
    InputError
        If there is not one likelihood for each frame.

    Examples
    --------
    >>> nose = TimeSeries("nose", np.array([[0.0, 0], [9, 9], [2, 2]]), rate_hz=30.0)
    >>> confident(nose, [1, 0.1, 1]).read()[1]
    array([1., 1.])
    """
    sure = reals(likelihood, "likelihoods")
    _check_numbers(pose)
    if not is_real(least):
        raise InputError(f"frames were asked for of a likelihood of {least!r} or more")
    if sure.shape != (len(pose),) or not len(pose):
        raise InputError(f"{pose.name!r} has {len(pose)} frames, and {sure.shape} likelihoods")
    values = np.asarray(pose.read(scaled=True), np.float64)
    flat = values.reshape(len(values), -1)
    bad = ~(sure >= least) | ~np.isfinite(flat).all(axis=1)
    return _cleaned(pose, flat, bad, pose.times(), 0.0, longest_s)


def align(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    step_s: float,
    *,
    baseline_s: tuple[float, float] | None = None,
    longest_s: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> xr.DataArray:
    """Cut a continuous signal around events, onto the same times from each.

    Values between samples are interpolated by straight lines; only the samples around events are
    read.

    Parameters
    ----------
    signal : TimeSeries
        Running, pupil, pose, …; sampled or stamped.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    window_s : tuple of float
        From where to where, in seconds from each event.
    step_s : float
        Between two times, in seconds; the window is a whole number of steps.
    baseline_s : tuple of float, optional
        The mean from where to where is taken off each presentation.
    longest_s : float, optional
        Samples farther apart are not joined: NaN lies between. Ten median intervals where left out.
    max_bytes : int
        What the result may take in memory.

    Returns
    -------
    DataArray of float64, dims (presentation, time) or (presentation, time, channel)
        In the signal's unit; ``time`` is the middle of each step. NaN where nothing, or
        NaN, was recorded, and all of a presentation whose baseline was not recorded whole.

    Raises
    ------
    InputError
        If an onset is not finite, no window meets the recording, or the result is larger than is
        allowed.

    Examples
    --------
    >>> ramp = TimeSeries("ramp", np.arange(100.0), rate_hz=10.0)
    >>> align(ramp, [2.0, 5.0], (0.0, 0.4), 0.2).values
    array([[21., 23.],
           [51., 53.]])
    """
    _check_numbers(signal)
    if longest_s is not None and not is_real(longest_s, least=0, most=LONGEST_S):
        raise InputError(f"samples {longest_s!r} s apart cannot be joined", hint="longest_s=0.1")
    onsets = to_ticks(onsets_s, "onsets") / TICKS_PER_S
    bins = Bins.of(window_s, step_s)
    times, channels = bins.centres_s, int(np.prod(signal.data.shape[1:], dtype=int))
    shape = (len(onsets), bins.count, channels)
    check_bytes(shape, np.float64, max_bytes, "aligning a signal", "align fewer events at a time")
    outside = (onsets + times[-1] < signal.first_s) | (onsets + times[0] > signal.stop_s)
    if len(onsets) and (outside.all() or not len(signal)):
        raise InputError(
            f"no window around events from {onsets.min():.3f} to {onsets.max():.3f} s meets "
            f"{signal.name!r}, {len(signal)} samples from {signal.first_s:.3f} s",
            hint="onsets are seconds on the signal's own clock",
        )
    found = np.full(shape, np.nan)
    gap = _longest(signal) if longest_s is None else longest_s
    for row, onset in enumerate(onsets):
        found[row] = _resampled(signal, onset + times, gap)
    if baseline_s is not None:
        ends = reals(baseline_s, "ends of a baseline")
        if ends.shape != (2,):
            raise InputError(f"a baseline of {baseline_s!r} has not two ends")
        inside = (times >= ends[0]) & (times < ends[1])
        if not inside.any():
            raise InputError(f"a baseline of {baseline_s!r} s holds no step of the window")
        found -= found[:, inside].mean(axis=1, keepdims=True)
    dims = ("presentation", "time", "channel")[: 2 + (len(signal.data.shape) > 1)]
    places: dict[str, Any] = {"presentation": np.arange(len(onsets)), "time": times}
    if len(dims) == 3 and len(signal.data.shape) == 2:
        places["channel"] = labels_of(signal)
    array = xr.DataArray(
        found if len(dims) == 3 else found[..., 0],
        places,
        dims,
        name=signal.name,
        attrs={"units": signal.unit},
    )
    array["time"].attrs = {"units": "s", "long_name": "time from onset"}
    return array


def _resampled(signal: TimeSeries, at_s: Floats, gap_s: float) -> Floats:
    # A little more than a gap on each side, for a sample just there.
    low, high = at_s[0] - 1.001 * gap_s, at_s[-1] + 1.001 * gap_s
    there = signal.times(low, high)
    found = np.full((len(at_s), int(np.prod(signal.data.shape[1:], dtype=int))), np.nan)
    if not len(there):
        return found
    flat = signal.read(low, high, scaled=True).reshape(len(there), -1)
    after = np.clip(np.searchsorted(there, at_s), 0, len(there) - 1)
    before = np.clip(after - (there[after] > at_s), 0, None)
    inside = (at_s >= there[0]) & (at_s <= there[-1]) & (there[after] - there[before] <= gap_s)
    for channel in range(flat.shape[1]):
        found[inside, channel] = np.interp(at_s[inside], there, flat[:, channel])
    return found


def _longest(signal: TimeSeries) -> float:
    if signal.rate_hz is not None:
        return 10.0 / signal.rate_hz
    steps = np.diff(signal.times())
    return 10.0 * float(np.median(steps)) if len(steps) else 0.0


def _check_numbers(signal: TimeSeries) -> None:
    check_kind(signal, TimeSeries, "looking at behaviour")
    if signal.data.dtype.kind not in "biuf":
        raise InputError(f"values of {signal.name!r} are of {signal.data.dtype}, no real numbers")


def _trace(signal: TimeSeries, *, finite: bool = True) -> Floats:
    _check_numbers(signal)
    if signal.n_channels != 1 or not len(signal):
        raise InputError(
            f"{signal.name!r} has {signal.n_channels} channels and {len(signal)} samples: one "
            "channel is needed, with samples"
        )
    values = np.asarray(signal.read(scaled=True), np.float64).reshape(-1)
    if finite and not np.isfinite(values).all():
        raise InputError(
            f"{signal.name!r} has values that are not finite", hint="interpolate over them first"
        )
    return values


def _cleaned(
    signal: TimeSeries,
    values: Floats,
    bad: npt.NDArray[np.bool_],
    times: Floats,
    margin_s: float,
    longest_s: float,
) -> TimeSeries:
    """Return a signal whose bad samples are bridged where the gap is short, and NaN elsewhere."""
    if not (is_real(margin_s, least=0) and is_real(longest_s, least=0)):
        raise InputError(f"a margin of {margin_s!r} s and gaps of {longest_s!r} s cannot be")
    flat = values.reshape(len(values), -1).copy()
    for at in np.flatnonzero(bad) if margin_s > 0 else ():
        first, last = np.searchsorted(times, [times[at] - margin_s, times[at] + margin_s])
        bad[first:last] = True
    flat[bad] = np.nan
    good = np.flatnonzero(~bad)
    if len(good):
        after = np.minimum(np.searchsorted(good, np.arange(len(bad))), len(good) - 1)
        before = np.maximum(after - (good[after] > np.arange(len(bad))), 0)
        gap = times[good[after]] - times[good[before]]
        inside = bad & (gap <= longest_s) & (good[before] < good[after])
        for channel in range(flat.shape[1]):
            flat[inside, channel] = np.interp(times[inside], times[good], flat[good, channel])
    return signal.with_data(flat.reshape(values.shape), gain=1.0, offset=0.0)
