"""Zero-phase filters: by band, without the mains, to a lower rate."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.bands import (
    Band,
    Design,
    Taps,
    designed_taps,
    low_pass,
    transfer,
)
from panneuro.analysis.blocks import check_number
from panneuro.analysis.overlap import (
    Plan,
    Spectrum,
    block_size,
    overlap_saved,
    turn,
)
from panneuro.analysis.traces import rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Filtering signals")


def filtered(
    signal: TimeSeries, band: Band, *, design: Design = "fir", order: int = 4
) -> TimeSeries:
    """Filter a signal into a band, with zero phase.

    ``y[n] = Σ_k h[k] x[n - k]`` with taps that are even, ``h[-k] = h[k]``: their transform is real.
    Nothing is computed before samples are read; each read computes the blocks that it touches, and
    :func:`~panneuro.analysis.traces.evaluate` computes all of them in bounded memory. A sample has
    the same value whichever rows are read. At both ends the signal is turned about its end points.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    band : str or (float or None, float or None)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz: ``(None, 300.0)`` is a
        low-pass.
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
        If the band cannot be cut, the signal has no constant rate or is shorter than half the
        filter; on reading, if a sample is not finite.

    Examples
    --------
    >>> t = np.arange(12_500) / 1250.0
    >>> lfp = TimeSeries("lfp", np.sin(2 * np.pi * 7 * t) + 5, "volts", rate_hz=1250.0)
    >>> theta = filtered(lfp, "theta")
    >>> theta
    <TimeSeries 'lfp' 12500 float32, 1250 Hz, 0.000–10.000 s, volts>
    >>> bool(abs(theta.read(5, 6) - np.sin(2 * np.pi * 7 * t[6250:7500])).max() < 1e-3)
    True
    """
    rate_hz = rate_of(signal, "filtering")
    return _real(signal, designed_taps(band, rate_hz, design, order))


def notch(signal: TimeSeries, line_hz: float = 50.0, *, width_hz: float = 2.0) -> TimeSeries:
    """Take out a line and all its harmonics, with zero phase.

    Whatever lies within half the width of the line goes with it;
    :func:`~panneuro.analysis.lines.without_lines` takes only a sinusoid.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    line_hz : float
        Of the mains: 50 or 60.
    width_hz : float
        Of the band that is stopped whole; transitions of the same width lie on either side.

    Returns
    -------
    TimeSeries
        Lazy, float32, in the signal's unit.

    Raises
    ------
    InputError
        If the line or the width do not fit the rate.

    Examples
    --------
    >>> t = np.arange(12_500) / 1250.0
    >>> hum = TimeSeries("lfp", np.sin(2 * np.pi * 50 * t), "volts", rate_hz=1250.0)
    >>> bool(abs(notch(hum, 50.0).read(5, 6)).max() < 1e-3)
    True
    """
    rate_hz = rate_of(signal, "filtering")
    asked = is_real(line_hz, above=0) and is_real(width_hz, above=0, below=line_hz / 3)
    if not (asked and line_hz + 1.5 * width_hz < rate_hz / 2):
        raise InputError(
            f"a notch of {width_hz!r} Hz at {line_hz!r} Hz does not fit a rate of {rate_hz:g} Hz",
            hint="the width must be less than a third of the line, the line below half the rate",
        )
    highest = rate_hz / 2 - 1.5 * width_hz
    lines = np.arange(line_hz, highest, line_hz)
    prototype = low_pass(width_hz, width_hz, rate_hz)
    t = np.arange(len(prototype)) - len(prototype) // 2
    waves = 2 * np.cos(2 * np.pi * np.outer(lines, t) / rate_hz).sum(0)
    taps = -prototype * waves
    taps[len(taps) // 2] += 1.0
    return _real(signal, taps)


def decimated(signal: TimeSeries, every: int) -> TimeSeries:
    """Return a signal at a lower rate, without what the lower rate cannot hold.

    Frequencies up to 0.8 of half the new rate pass, those from half the new rate on are stopped.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    every : int
        Keep one sample of so many.

    Returns
    -------
    TimeSeries
        Lazy, float32, in the signal's unit.

    Raises
    ------
    InputError
        If `every` is less than 2, the signal has no constant rate, or is shorter than half the
        filter.

    Examples
    --------
    >>> t = np.arange(60_000) / 30_000.0
    >>> raw = TimeSeries("ap", np.sin(2 * np.pi * 10 * t), "volts", rate_hz=30_000.0)
    >>> lfp = decimated(raw, 24)
    >>> lfp.rate_hz, bool(np.abs(lfp.data[:] - np.sin(2 * np.pi * 10 * lfp.times())).max() < 1e-3)
    (1250.0, True)
    """
    rate_hz = rate_of(signal, "decimating")
    check_number("samples for each that is kept", every, 2)
    half_hz = rate_hz / every / 2
    taps = low_pass(0.9 * half_hz, 0.2 * half_hz, rate_hz)
    n_fft, margin = block_size(len(taps) // 2, every)
    n_out = n_fft // every
    gains = transfer(taps, n_fft)[: n_out // 2 + 1] / np.float32(every)
    transform = partial(_multiplied, gains=gains, n_fft=n_out)
    return overlap_saved(signal, Plan(n_fft, margin, every, transform), np.float32)


def _real(signal: TimeSeries, taps: Taps) -> TimeSeries:
    n_fft, margin = block_size(len(taps) // 2, 1)
    transform = partial(_multiplied, gains=transfer(taps, n_fft), n_fft=n_fft)
    return overlap_saved(signal, Plan(n_fft, margin, 1, transform), np.float32)


def _multiplied(
    spectra: Spectrum,
    kept: slice,
    out: npt.NDArray[Any],
    *,
    gains: npt.NDArray[np.float32],
    n_fft: int,
) -> None:
    passing = spectra[:, : len(gains)]
    passing *= gains
    values = fft.irfft(passing, n_fft, axis=1, overwrite_x=True)
    turn(values[:, kept], out)
