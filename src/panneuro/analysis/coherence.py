"""Coherence of all pairs of channels."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.tapers import first_rows, gathered, slepians
from panneuro.analysis.traces import labels_of
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

Kind = Literal["squared", "magnitude", "imaginary", "complex"]

_BATCH_VALUES = 1 << 22


def cross_spectra(
    signal: TimeSeries,
    starts_s: npt.ArrayLike,
    duration_s: float,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
) -> xr.DataArray:
    """Return the multitaper cross-spectral density of every channel with every other.

    All pairs of one frequency are one product of matrices; windows come a few at a time.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    starts_s : array-like of float, shape (n_windows,)
        When windows begin, in seconds.
    duration_s : float
        Of each window, in seconds.
    half_bandwidth_hz, max_hz
        As for :func:`~panneuro.analysis.spectra.multitaper`.

    Returns
    -------
    DataArray of complex64, shape (frequency, channel, other)
        The mean over windows and tapers of ``conj(X[channel]) X[other]``, as ``scipy.signal.csd``,
        in the signal's unit squared per hertz. ``attrs["observations"]`` is the number of windows
        times tapers.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, or no taper fits.
    """
    tapers = slepians(signal, duration_s, half_bandwidth_hz, max_hz)
    rows = first_rows(signal, starts_s, tapers.n_samples)
    n = signal.n_channels
    total = np.zeros((tapers.n_frequencies, n, n), np.complex64)
    for _, samples in gathered(signal, rows, tapers, _BATCH_VALUES):
        transformed = tapers.transform(samples).swapaxes(0, 1)
        observed = transformed.reshape(tapers.n_frequencies, -1, n)
        total += observed.conj().swapaxes(1, 2) @ observed
    observations = len(rows) * len(tapers)
    total *= (tapers.one_sided / observations).astype(np.float32)[:, None, None]
    names = labels_of(signal)
    coords = {
        "frequency": ("frequency", tapers.frequencies_hz, {"units": "Hz"}),
        "channel": names,
        "other": names,
    }
    attributes = {"units": f"({signal.unit})²/Hz", "observations": observations}
    return xr.DataArray(total, coords, ("frequency", "channel", "other"), "density", attributes)


def coherence(
    signal: TimeSeries,
    starts_s: npt.ArrayLike,
    duration_s: float,
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    kind: Kind = "squared",
) -> xr.DataArray:
    """Return the coherence of every channel with every other.

    From cross-spectra ``S``: ``|S_xy|² / (S_xx S_yy)`` (Carter, Proc. IEEE 75:236, 1987). Of *n*
    independent observations unrelated channels have a squared coherence of ``1 / n`` on average;
    :func:`threshold` tells what they seldom pass.

    Parameters
    ----------
    signal, starts_s, duration_s, half_bandwidth_hz, max_hz
        As for :func:`cross_spectra`.
    kind : {"squared", "magnitude", "imaginary", "complex"}
        The squared modulus, the modulus, or the imaginary part of coherency, which volume
        conduction alone leaves at zero (Nolte et al., Clin. Neurophysiol. 115:2292, 2004), or
        coherency itself.

    Returns
    -------
    DataArray, shape (frequency, channel, other)
        Zero where a channel has no power.

    Raises
    ------
    InputError
        As for :func:`cross_spectra`; if there is a single observation, whose coherence is always 1.

    Examples
    --------
    >>> shared = np.random.default_rng(0).standard_normal((60_000, 3))
    >>> shared[:, 1] += shared[:, 0]
    >>> lfp = TimeSeries("lfp", shared, "volts", rate_hz=1000.0)
    >>> found = coherence(lfp, np.arange(59.0), 1.0, max_hz=100)
    >>> found.mean("frequency").values.round(2)
    array([[1.  , 0.5 , 0.01],
           [0.5 , 1.  , 0.01],
           [0.01, 0.01, 1.  ]], dtype=float32)
    """
    if kind not in ("squared", "magnitude", "imaginary", "complex"):
        raise InputError(
            f"no coherence is called {kind!r}", hint="known: squared, magnitude, imaginary, complex"
        )
    cross = cross_spectra(
        signal, starts_s, duration_s, half_bandwidth_hz=half_bandwidth_hz, max_hz=max_hz
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
    attributes = {"observations": cross.attrs["observations"]}
    return xr.DataArray(values, cross.coords, cross.dims, "coherence", attributes)


def threshold(observations: int, confidence: float = 0.95) -> float:
    """Return the squared coherence that unrelated channels stay below with this probability.

    ``1 - (1 - confidence) ** (1 / (observations - 1))`` (Carter, 1987, equation 39).

    Parameters
    ----------
    observations : int
        Independent windows times tapers; at least 2.
    confidence : float
        Between 0 and 1.

    Examples
    --------
    >>> round(threshold(21), 3)
    0.139
    """
    if observations < 2 or not 0 < confidence < 1:
        raise InputError(f"no threshold for {observations!r} observations at {confidence!r}")
    return float(1 - (1 - confidence) ** (1 / (observations - 1)))
