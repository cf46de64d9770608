"""What oscillates in a band: its analytic signal, and the envelope and phase of that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.bands import Band, Design, band_edges, designed_taps, transfer
from panneuro.analysis.blocks import check_number
from panneuro.analysis.interpolation import ROOM, moduli_between
from panneuro.analysis.overlap import (
    Plan,
    Spectrum,
    apart,
    block_size,
    fold,
    overlap_saved,
    turn,
    turn_power,
)
from panneuro.analysis.thinning import thinning_below
from panneuro.analysis.traces import rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Filtering signals")

_WORTHWHILE = 4
"""Places between samples from which on a transform costs more than interpolating."""


def analytic(
    signal: TimeSeries,
    band: Band,
    *,
    every: int = 1,
    design: Design = "fir",
    order: int = 4,
) -> TimeSeries:
    """Return the analytic signal of a band: its real part is filtered, its modulus the envelope.

    With the filtered signal ``y`` and its Hilbert transform ``H(y)``, it is ``y + i H(y)``
    (Gabor, J. IEE 93:429, 1946). Filter, Hilbert transform and decimation take one transform of
    each block forward and one back of only the frequencies that pass.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    band : str or (float, float)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz.
    every : int
        Keep one sample of so many. The rate that remains must be wider than the band with its
        transitions; envelope and phase then lose nothing.
    design : {"fir", "butterworth"}
        :func:`~panneuro.analysis.bands.fir_taps` or
        :func:`~panneuro.analysis.bands.butterworth_taps`.
    order : int
        Of the Butterworth filter.

    Returns
    -------
    TimeSeries
        Lazy, complex64, in the signal's unit.

    Raises
    ------
    InputError
        If the band is open or cannot be cut, the signal has no constant rate or is shorter than
        half the filter, or `every` is too large; on reading, if a sample is not finite.

    Examples
    --------
    >>> t = np.arange(12_500) / 1250.0
    >>> lfp = TimeSeries("lfp", 3 * np.sin(2 * np.pi * 7 * t), "volts", rate_hz=1250.0)
    >>> np.abs(analytic(lfp, "theta").read(5, 5.002)).round(2)
    array([3., 3., 3.], dtype=float32)
    """
    return _one_sided(signal, band, every, design, order, _turn_values, np.complex64)


def envelope(
    signal: TimeSeries,
    band: Band,
    *,
    every: int = 1,
    design: Design = "fir",
    order: int = 4,
) -> TimeSeries:
    """Return the envelope of a band: the modulus of its :func:`analytic` signal.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    band : str or (float, float)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz.
    every : int
        Keep one sample of so many. The rate that remains must be wider than the band with its
        transitions; envelope and phase then lose nothing.
    design : {"fir", "butterworth"}
        :func:`~panneuro.analysis.bands.fir_taps` or
        :func:`~panneuro.analysis.bands.butterworth_taps`.
    order : int
        Of the Butterworth filter.

    Returns
    -------
    TimeSeries
        Lazy, float32, in the signal's unit.

    Raises
    ------
    InputError
        If the band is open or cannot be cut, the signal has no constant rate or is shorter than
        half the filter, or `every` is too large; on reading, if a sample is not finite.

    Examples
    --------
    >>> t = np.arange(12_500) / 1250.0
    >>> lfp = TimeSeries("lfp", 3 * np.sin(2 * np.pi * 7 * t), "volts", rate_hz=1250.0)
    >>> envelope(lfp, "theta", every=25).read(5, 5.1).round(2)
    array([3., 3., 3., 3., 3.], dtype=float32)
    """
    return _one_sided(signal, band, every, design, order, _turn_modulus, np.float32)


def phase(
    signal: TimeSeries,
    band: Band,
    *,
    every: int = 1,
    design: Design = "fir",
    order: int = 4,
) -> TimeSeries:
    """Return the phase of a band: the angle of its :func:`analytic` signal.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    band : str or (float, float)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz.
    every : int
        Keep one sample of so many. The rate that remains must be wider than the band with its
        transitions; envelope and phase then lose nothing.
    design : {"fir", "butterworth"}
        :func:`~panneuro.analysis.bands.fir_taps` or
        :func:`~panneuro.analysis.bands.butterworth_taps`.
    order : int
        Of the Butterworth filter.

    Returns
    -------
    TimeSeries
        Named ``phase``; lazy, float32, in radians from −π to π; 0 at a peak.

    Raises
    ------
    InputError
        If the band is open or cannot be cut, the signal has no constant rate or is shorter than
        half the filter, or `every` is too large; on reading, if a sample is not finite.

    Examples
    --------
    >>> t = np.arange(12_500) / 1250.0
    >>> lfp = TimeSeries("lfp", np.cos(2 * np.pi * 10 * t), "volts", rate_hz=1250.0)
    >>> abs(phase(lfp, (7.0, 14.0)).read(5, 5.002)).round(1)
    array([0. , 0.1, 0.1], dtype=float32)
    """
    found = _one_sided(signal, band, every, design, order, _turn_angle, np.float32)
    return found.with_data(found.data, name="phase", unit="radians")


def _one_sided(
    signal: TimeSeries,
    band: Band,
    every: int,
    design: Design,
    order: int,
    write: Callable[[Spectrum, slice, npt.NDArray[Any]], None],
    dtype: npt.DTypeLike,
) -> TimeSeries:
    check_number("samples for each that is kept", every)
    rate_hz = rate_of(signal, "filtering")
    if None in band_edges(band, rate_hz):
        raise InputError(
            f"the envelope of a band without two edges, {band!r}, means nothing",
            hint="give (low, high) in hertz",
        )
    taps = designed_taps(band, rate_hz, design, order)
    n_fft, margin = block_size(len(taps) // 2, every)
    gains = 2 * transfer(taps, n_fft)
    bins = np.flatnonzero(gains)
    first, last = int(bins[0]), int(bins[-1])
    if last - first + 1 > n_fft // every:
        wide_hz = (last - first + 1) * rate_hz / n_fft
        raise InputError(
            f"a band of {wide_hz:.3g} Hz with its transitions does not fit {rate_hz / every:g} Hz",
            hint=f"keep more samples: every={int(rate_hz // wide_hz)}",
        )
    n_out = n_fft // every
    long = len(signal) >= 2 * n_fft
    thinning = thinning_below(last * rate_hz / n_fft, rate_hz, n_fft) if long else None
    gains = gains[first : last + 1] / np.float32(every)
    if thinning:
        gains *= np.float32(thinning.every)
    # As many places between samples as leave room for the band; an envelope has no phase to keep.
    n_between = n_out >> (ROOM * len(gains) - 1).bit_length()
    if write is _turn_modulus and n_between >= _WORTHWHILE:
        n_out //= n_between
        gains /= np.float32(n_between)
        write = partial(_moduli_between, first + len(gains) // 2, n_between)
    transform = partial(_band_limited, write=write, first=first, gains=gains, n_out=n_out)
    return overlap_saved(signal, Plan(n_fft, margin, every, transform, thinning), dtype)


def _band_limited(
    spectra: Spectrum,
    kept: slice,
    out: npt.NDArray[Any],
    *,
    write: Callable[[Spectrum, slice, npt.NDArray[Any]], None],
    first: int,
    gains: npt.NDArray[np.float32],
    n_out: int,
) -> None:
    """Transform only some frequencies back, onto as few samples as is asked for."""
    folded = apart(len(spectra), n_out, np.complex64)
    for channel, spectrum in enumerate(spectra):
        fold(spectrum, first, gains, folded[channel])
    write(folded, kept, out)


def _turn_values(folded: Spectrum, kept: slice, out: npt.NDArray[Any]) -> None:
    turn(fft.ifft(folded, axis=1, overwrite_x=True)[:, kept], out)


def _turn_modulus(folded: Spectrum, kept: slice, out: npt.NDArray[Any]) -> None:
    turn_power(fft.ifft(folded, axis=1, overwrite_x=True)[:, kept], out, True)


def _turn_angle(folded: Spectrum, kept: slice, out: npt.NDArray[Any]) -> None:
    turn(np.angle(fft.ifft(folded, axis=1, overwrite_x=True)[:, kept]), out)


def _moduli_between(
    middle: int, n_between: int, folded: Spectrum, kept: slice, out: npt.NDArray[Any]
) -> None:
    """Write the modulus of what is turned about zero first: it does not change that."""
    centred = np.roll(folded, -middle, axis=1)
    moduli_between(fft.ifft(centred, axis=1, overwrite_x=True), n_between, kept, out)
