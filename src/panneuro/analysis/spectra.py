"""Power spectra: Welch's and the multitaper, of windows and over time."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, in_order
from panneuro.analysis.cuts import Rows, first_rows, gathered, length_of, regular_rows, runs
from panneuro.analysis.epochs import Epochs
from panneuro.analysis.tapers import Tapers, single_taper, slepians
from panneuro.analysis.traces import Floats, labels_of, numbers
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

Values = npt.NDArray[np.float64]


def welch(
    signal: TimeSeries,
    segment_s: float = 1.0,
    *,
    overlap: float = 0.5,
    window: Any = "hann",
    max_hz: float | None = None,
    epochs: Epochs | None = None,
    executor: Executor | None = None,
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
        A name, or name and parameters, that ``scipy.signal.get_window`` knows.
    max_hz : float, optional
        The highest frequency to compute.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Keep to these stretches, in seconds; the whole recording where not given.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    DataArray, dims (channel, frequency)
        In the signal's unit squared per hertz; frequency in hertz.

    Raises
    ------
    InputError
        If no epoch holds a segment, epochs overlap, or the overlap of segments is impossible.

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
    if not is_real(overlap, least=0, below=1):
        raise InputError(f"segments cannot overlap by {overlap!r} of their length")
    rows = regular_rows(signal, n, max(1, n - int(overlap * n)), epochs)
    task = partial(_sum_of_run, signal, rows, tapers)
    total = np.zeros((tapers.n_frequencies, signal.n_channels))
    for found in in_order(task, runs(signal, rows, tapers.n_samples), executor):
        total += found
    density = (total / len(rows)).T * tapers.one_sided
    return labelled_power(density, signal, tapers, ("channel", "frequency"))


def multitaper(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Return the multitaper power spectral density around each event.

    The mean of a window is taken off; tapers weigh the same (Thomson, Proc. IEEE 70:1055, 1982).

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds: ``presentations["start_time"]``.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency; twice the inverse of the window's length where
        not given, which makes three tapers.
    max_hz : float, optional
        The highest frequency to compute.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    DataArray of float32, dims (presentation, channel, frequency)
        In the signal's unit squared per hertz, with the coordinate ``onset`` in seconds.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, no taper fits, or the result is larger than is
        allowed.

    Examples
    --------
    >>> t = np.arange(4000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.sin(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> found = multitaper(lfp, [1.0, 2.0], (0.0, 1.0), max_hz=50)
    >>> found.dims, found.idxmax("frequency").values.ravel()
    (('presentation', 'channel', 'frequency'), array([8., 8.]))
    """
    tapers = slepians(signal, length_of(window_s), half_bandwidth_hz, max_hz)
    rows = first_rows(signal, onsets_s, window_s, tapers.n_samples)
    dims = ("presentation", "channel", "frequency")
    found = labelled_power(_each(signal, rows, tapers, max_bytes, executor), signal, tapers, dims)
    onsets = numbers(onsets_s, "onsets")
    return found.assign_coords(onset=("presentation", onsets, {"units": "s"}))


def spectrogram(
    signal: TimeSeries,
    duration_s: float = 0.5,
    step_s: float = 0.1,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    epochs: Epochs | None = None,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Return the multitaper power spectral density in a window that slides over time.

    All of it is in memory: 4 bytes for each time, channel and frequency. See
    :func:`~panneuro.analysis.wavelets.morlet_spectrogram` for wavelets.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    duration_s, step_s : float
        Length of the window, and how far it moves, in seconds.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency; twice the inverse of the window's length where
        not given, which makes three tapers.
    max_hz : float, optional
        The highest frequency to compute.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Keep to these stretches, in seconds; the whole recording where not given.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    DataArray of float32, dims (time, channel, frequency)
        In the signal's unit squared per hertz; time is the middle of each window, in seconds.

    Raises
    ------
    InputError
        If no epoch holds a window, epochs overlap, the step is not positive, or the result is
        larger than is allowed.

    Examples
    --------
    >>> t = np.arange(4000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.sin(2 * np.pi * 20 * t), "volts", rate_hz=1000.0)
    >>> found = spectrogram(lfp, 0.5, 0.25, epochs=[(1.0, 3.0)], max_hz=50)
    >>> found.sizes["time"], float(found.sel(time=2.0)[0].idxmax())
    (7, 20.0)
    """
    tapers = slepians(signal, duration_s, half_bandwidth_hz, max_hz)
    if not is_real(step_s, above=0, below=1e9):
        raise InputError(f"a window cannot slide by {step_s!r} s")
    step = max(1, round(step_s * tapers.rate_hz))
    rows = regular_rows(signal, tapers.n_samples, step, epochs)
    dims = ("time", "channel", "frequency")
    found = labelled_power(_each(signal, rows, tapers, max_bytes, executor), signal, tapers, dims)
    middles = signal.start_s + (rows + tapers.n_samples / 2) / tapers.rate_hz
    return found.assign_coords(time=("time", middles, {"units": "s", "long_name": "time"}))


def powers_of_run(signal: TimeSeries, rows: Rows, tapers: Tapers, run: Rows) -> tuple[Rows, Floats]:
    """Return the windows of a run with their power, shape (n_run, n_frequencies, n_channels)."""
    found = np.empty((len(run), tapers.n_frequencies, signal.n_channels), np.float32)
    for part, samples in gathered(signal, rows, tapers.n_samples, run):
        found[part] = tapers.power(samples).swapaxes(0, 1)
    return run, found


def _sum_of_run(signal: TimeSeries, rows: Rows, tapers: Tapers, run: Rows) -> Values:
    total: Values = np.zeros((tapers.n_frequencies, signal.n_channels))
    for _, samples in gathered(signal, rows, tapers.n_samples, run):
        total += tapers.power(samples).sum(1, dtype=np.float64)
    return total


def _each(
    signal: TimeSeries, rows: Rows, tapers: Tapers, max_bytes: int, executor: Executor | None
) -> Floats:
    shape = (len(rows), signal.n_channels, tapers.n_frequencies)
    hint = "give max_hz, choose fewer windows or channels, or average with power_by_condition"
    check_bytes(shape, np.float32, max_bytes, "computing the spectrum of each window", hint)
    found = np.empty(shape, np.float32)
    weights = tapers.one_sided.astype(np.float32)
    task = partial(powers_of_run, signal, rows, tapers)
    for run, powers in in_order(task, runs(signal, rows, tapers.n_samples), executor):
        found[run] = powers.swapaxes(1, 2) * weights
    return found


def labelled_power(
    values: npt.NDArray[Any], signal: TimeSeries, tapers: Tapers, dims: tuple[str, ...]
) -> xr.DataArray:
    """Name the axes of densities, with the unit of the signal squared per hertz."""
    coords = {"channel": labels_of(signal), "frequency": tapers.frequency}
    named = {"units": f"({signal.unit})²/Hz", "long_name": "power"}
    return xr.DataArray(values, coords, dims, "power", named)
