"""Coherence of all pairs of channels."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, in_order
from panneuro.analysis.cuts import Rows, first_rows, gathered, length_of, runs
from panneuro.analysis.kinds import check_choice
from panneuro.analysis.tapers import Tapers, slepians
from panneuro.analysis.traces import labels_of
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

Kind = Literal["squared", "magnitude", "imaginary", "complex"]

_BATCH_VALUES = 1 << 22


def cross_spectra(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Return the multitaper cross-spectral density of every channel with every other.

    All pairs of one frequency are one product of matrices; windows come a few at a time.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
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
    DataArray of complex64, dims (frequency, channel, other)
        The mean over windows and tapers of ``conj(X[channel]) X[other]``, as ``scipy.signal.csd``,
        in the signal's unit squared per hertz. ``attrs["observations"]`` is the number of windows
        times tapers.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, no taper fits, or the result is larger than is
        allowed.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((9000, 2))
    >>> lfp = TimeSeries("lfp", noise, "volts", rate_hz=1000.0)
    >>> found = cross_spectra(lfp, np.arange(8.0), (0.0, 1.0), max_hz=100)
    >>> found.sizes["frequency"], found.attrs["observations"]
    (101, 24)
    """
    tapers = slepians(signal, length_of(window_s), half_bandwidth_hz, max_hz)
    rows = first_rows(signal, onsets_s, window_s, tapers.n_samples)
    shape = (tapers.n_frequencies, signal.n_channels, signal.n_channels)
    hint = "give max_hz, or choose fewer channels"
    check_bytes(shape, np.complex64, max_bytes, "relating all pairs of channels", hint)
    total = np.zeros(shape, np.complex64)
    task = partial(_products_of_run, signal, rows, tapers)
    for found in in_order(task, runs(signal, rows, tapers.n_samples), executor):
        total += found
    observations = len(rows) * len(tapers)
    total *= (tapers.one_sided / observations).astype(np.float32)[:, None, None]
    names = labels_of(signal)
    coords = {"frequency": tapers.frequency, "channel": names, "other": names}
    named = {
        "units": f"({signal.unit})²/Hz",
        "long_name": "cross-spectral density",
        "observations": observations,
    }
    return xr.DataArray(total, coords, ("frequency", "channel", "other"), "density", named)


def _products_of_run(
    signal: TimeSeries, rows: Rows, tapers: Tapers, run: Rows
) -> npt.NDArray[np.complex64]:
    """Sum the products of all pairs of channels over the windows of a run, and tapers."""
    n = signal.n_channels
    total: npt.NDArray[np.complex64] = np.zeros((tapers.n_frequencies, n, n), np.complex64)
    for _, samples in gathered(signal, rows, tapers.n_samples, run, _BATCH_VALUES):
        transformed = tapers.transform(samples).swapaxes(0, 1)
        observed = transformed.reshape(tapers.n_frequencies, -1, n)
        total += observed.conj().swapaxes(1, 2) @ observed
    return total


def coherence(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    kind: Kind = "squared",
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Return the coherence of every channel with every other.

    From cross-spectra ``S``: ``|S_xy|² / (S_xx S_yy)`` (Carter, Proc. IEEE 75:236, 1987). Of *n*
    independent observations unrelated channels have a squared coherence of ``1 / n`` on average;
    :func:`chance_coherence` tells what they seldom pass.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    half_bandwidth_hz : float, optional
        Half the width of the smoothing in frequency; twice the inverse of the window's length where
        not given, which makes three tapers.
    max_hz : float, optional
        The highest frequency to compute.
    kind : {"squared", "magnitude", "imaginary", "complex"}
        The squared modulus, the modulus, or the imaginary part of coherency, which volume
        conduction alone leaves at zero (Nolte et al., Clin. Neurophysiol. 115:2292, 2004), or
        coherency itself.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    DataArray, dims (frequency, channel, other)
        Zero where a channel has no power. ``attrs["observations"]`` is the number of windows times
        tapers, and for squared coherence ``attrs["chance"]`` what unrelated channels stay below
        with a probability of 95 % at each frequency.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, no taper fits, the result is larger than is
        allowed, or there is a single observation, whose coherence is always 1.

    Examples
    --------
    >>> shared = np.random.default_rng(0).standard_normal((60_000, 3))
    >>> shared[:, 1] += shared[:, 0]
    >>> lfp = TimeSeries("lfp", shared, "volts", rate_hz=1000.0)
    >>> found = coherence(lfp, np.arange(59.0), (0.0, 1.0), max_hz=100)
    >>> found.mean("frequency").values.round(2)
    array([[1.  , 0.5 , 0.01],
           [0.5 , 1.  , 0.01],
           [0.01, 0.01, 1.  ]], dtype=float32)
    """
    check_choice("coherence", kind, ("squared", "magnitude", "imaginary", "complex"))
    cross = cross_spectra(
        signal,
        onsets_s,
        window_s,
        half_bandwidth_hz=half_bandwidth_hz,
        max_hz=max_hz,
        max_bytes=max_bytes,
        executor=executor,
    )
    if cross.attrs["observations"] < 2:
        raise InputError(
            "the coherence of one window with one taper is 1 whatever the channels",
            hint="give more windows or a wider half bandwidth",
        )
    amplitude = np.sqrt(np.einsum("fii->fi", cross.values).real)
    scale = amplitude[:, :, None] * amplitude[:, None, :]
    coherency = np.divide(cross.values, scale, out=np.zeros_like(cross.values), where=scale > 0)
    values = {
        "squared": lambda: coherency.real**2 + coherency.imag**2,
        "magnitude": lambda: np.abs(coherency),
        "imaginary": lambda: coherency.imag,
        "complex": lambda: coherency,
    }[kind]()
    long_name = {"squared": "squared coherence", "imaginary": "imaginary coherency"}
    named = {
        "units": "1",
        "long_name": long_name.get(kind, "coherence"),
        "observations": cross.attrs["observations"],
    }
    if kind == "squared":
        named["chance"] = chance_coherence(named["observations"])
    return xr.DataArray(values, cross.coords, cross.dims, "coherence", named)


def chance_coherence(observations: int, level: float = 0.95) -> float:
    """Return the squared coherence that unrelated channels stay below with this probability.

    ``1 - (1 - level) ** (1 / (observations - 1))`` (Carter, 1987, equation 39).

    Parameters
    ----------
    observations : int
        Independent windows times tapers; at least 2.
    level : float
        Between 0 and 1.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    InputError
        If there are fewer than two observations, or the level is not between 0 and 1.

    Examples
    --------
    >>> round(chance_coherence(21), 3)
    0.139
    """
    if not is_real(observations, least=2) or not is_real(level, above=0, below=1):
        raise InputError(f"no level of chance for {observations!r} observations at {level!r}")
    return float(1 - (1 - level) ** (1 / (observations - 1)))
