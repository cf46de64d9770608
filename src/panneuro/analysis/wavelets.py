"""Morlet wavelets: power and phase over time, frequency by frequency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, check_number, ranges
from panneuro.analysis.kinds import check_choice
from panneuro.analysis.overlap import (
    Plan,
    Spectrum,
    apart,
    block_size,
    fft,
    fold,
    overlap_saved,
    turn,
    turn_power,
)
from panneuro.analysis.traces import evaluate, labels_of, numbers, rate_of
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

Output = Literal["power", "amplitude", "phase", "complex"]

_NEGLIGIBLE = 1e-5
_REACH_SD = 5.0
_MOST_CYCLES = 1e9
_AT_ONCE = 16
"""Wavelets whose samples fill a line of the cache, 64 bytes, in the result."""


def morlet(
    signal: TimeSeries,
    frequencies_hz: npt.ArrayLike,
    *,
    n_cycles: float | npt.ArrayLike = 6.0,
    every: int = 1,
    output: Output = "power",
) -> TimeSeries:
    """Convolve a signal with complex Morlet wavelets.

    A wavelet is ``(exp(2πi f t) - c) exp(-t² / 2σ²)`` with ``σ = n_cycles / 2πf`` and ``c`` such
    that it has no mean, scaled so that a sinusoid of amplitude *A* at its frequency gives *A*
    (Tallon-Baudry et al., J. Neurosci. 17:722, 1997, but for the scale). Each block is transformed
    once for all frequencies, and of each wavelet only the frequencies that it passes are
    transformed back, at the rate that is kept.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    frequencies_hz : array-like, shape (n_frequencies,)
        Centres of the wavelets.
    n_cycles : float or array-like of shape (n_frequencies,)
        Cycles within the wavelet: more resolve frequency better and time worse.
    every : int
        Keep one sample of so many; each kept one is as it would be without.
    output : {"power", "amplitude", "phase", "complex"}
        Squared modulus, modulus, angle in radians, or the complex value.

    Returns
    -------
    TimeSeries
        Lazy, shape (n_times, n_channels, n_frequencies) or (n_times, n_frequencies); float32 or
        complex64. :func:`morlet_spectrogram` adds the frequencies.

    Raises
    ------
    InputError
        If a frequency is not between 0 and half the rate, a number of cycles is not positive, the
        signal is shorter than half a wavelet, or there is no such output.

    Examples
    --------
    >>> t = np.arange(20_000) / 1000.0
    >>> lfp = TimeSeries("lfp", 3 * np.sin(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> morlet(lfp, [4, 8, 16], every=100, output="amplitude").read(10.0, 10.2).round(2)
    array([[0.  , 3.  , 0.03],
           [0.  , 3.  , 0.03]], dtype=float32)
    """
    rate_hz = rate_of(signal, "transforming")
    centres, cycles = _checked(frequencies_hz, n_cycles, rate_hz)
    check_number("samples for each that is kept", every)
    kinds: dict[str, tuple[npt.DTypeLike, str]] = {
        "power": (np.float32, f"({signal.unit})²"),
        "amplitude": (np.float32, signal.unit),
        "phase": (np.float32, "radians"),
        "complex": (np.complex64, signal.unit),
    }
    check_choice("output", output, kinds)
    dtype, unit = kinds[output]
    spread_s = cycles / (2 * np.pi * centres)
    n_fft, margin = block_size(int(np.ceil(_REACH_SD * spread_s.max() * rate_hz)), every)
    rows = [_response(f, s, n_fft, rate_hz, every) for f, s in zip(centres, spread_s, strict=True)]
    transform = partial(_transformed, rows=rows, output=output, n_out=n_fft // every)
    plan = Plan(n_fft, margin, every, transform)
    return overlap_saved(signal, plan, dtype, (len(centres),), unit=unit)


def morlet_spectrogram(
    signal: TimeSeries,
    frequencies_hz: npt.ArrayLike,
    *,
    n_cycles: float | npt.ArrayLike = 6.0,
    every: int = 1,
    output: Output = "power",
    max_bytes: int = MAX_BYTES,
    executor: ThreadPoolExecutor | None = None,
) -> xr.DataArray:
    """Compute :func:`morlet` into memory, with its times, channels and frequencies.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    frequencies_hz : array-like, shape (n_frequencies,)
        Centres of the wavelets.
    n_cycles : float or array-like of shape (n_frequencies,)
        Cycles within the wavelet: more resolve frequency better and time worse.
    every : int
        Keep one sample of so many; each kept one is as it would be without.
    output : {"power", "amplitude", "phase", "complex"}
        Squared modulus, modulus, angle in radians, or the complex value.
    max_bytes : int
        What the result may take in memory.
    executor : ThreadPoolExecutor, optional
        Where blocks of the recording are spread; the result does not depend on it.

    Returns
    -------
    DataArray, dims (time, channel, frequency)
        In the signal's unit, squared for power; time and frequency in seconds and hertz.

    Raises
    ------
    InputError
        If a frequency is not between 0 and half the rate, a number of cycles is not positive, the
        signal is shorter than half a wavelet, there is no such output, or the result is larger
        than is allowed.

    Examples
    --------
    >>> t = np.arange(20_000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.sin(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> found = morlet_spectrogram(lfp, [4, 8, 16], every=100)
    >>> found.sizes["time"], float(found.sel(time=10.0)[0].idxmax())
    (200, 8.0)
    """
    found = morlet(signal, frequencies_hz, n_cycles=n_cycles, every=every, output=output)
    hint = "keep fewer samples (every=), or read parts of morlet(...)"
    check_bytes(found.data.shape, found.data.dtype, max_bytes, "transforming", hint)
    values = evaluate(found, executor=executor)
    centres = numbers(frequencies_hz, "frequencies")
    coords = {
        "time": ("time", found.times(), {"units": "s", "long_name": "time"}),
        "channel": labels_of(signal),
        "frequency": ("frequency", centres, {"units": "Hz", "long_name": "frequency"}),
    }
    shaped = values.reshape(len(found), -1, len(centres))
    named = {"units": found.unit, "long_name": output}
    return xr.DataArray(shaped, coords, ("time", "channel", "frequency"), output, named)


def _checked(
    frequencies_hz: npt.ArrayLike, n_cycles: float | npt.ArrayLike, rate_hz: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    centres = numbers(frequencies_hz, "frequencies")
    if not centres.size or not np.all((centres > 0) & (centres < rate_hz / 2)):
        raise InputError(
            f"wavelets cannot have frequencies of {frequencies_hz!r} Hz at {rate_hz:g} Hz",
            hint=f"give a list of frequencies between 0 and {rate_hz / 2:g}",
        )
    cycles = numbers(n_cycles, "cycles")
    if len(cycles) not in (1, len(centres)) or not np.all((cycles > 0) & (cycles < _MOST_CYCLES)):
        raise InputError(
            f"wavelets cannot have {n_cycles!r} cycles",
            hint=f"give one positive number, or {len(centres)}",
        )
    return centres, np.broadcast_to(cycles, centres.shape)


def _response(
    centre_hz: float, spread_s: float, n_fft: int, rate_hz: float, every: int
) -> tuple[int, npt.NDArray[np.float32]]:
    """Return where a wavelet's transform begins to matter, and the transform from there."""
    width_hz = 1 / (2 * np.pi * spread_s)
    level = np.exp(-0.5 * (centre_hz / width_hz) ** 2)
    reach_hz = np.sqrt(-2 * np.log(_NEGLIGIBLE)) * width_hz
    lowest_hz = (0.0 if level > _NEGLIGIBLE else centre_hz) - reach_hz
    first = max(1 - n_fft // 2, int(np.ceil(lowest_hz * n_fft / rate_hz)))
    last = min(n_fft // 2, int((centre_hz + reach_hz) * n_fft / rate_hz))
    frequencies = np.arange(first, last + 1) * rate_hz / n_fft
    gains = 2 * np.exp(-0.5 * ((frequencies - centre_hz) / width_hz) ** 2)
    gains -= 2 * level * np.exp(-0.5 * (frequencies / width_hz) ** 2)
    return first, (gains / every).astype(np.float32)


def _transformed(
    spectra: Spectrum,
    kept: slice,
    out: npt.NDArray[Any],
    *,
    rows: list[tuple[int, npt.NDArray[np.float32]]],
    output: Output,
    n_out: int,
) -> None:
    for channel, spectrum in enumerate(spectra):
        for part in ranges(len(rows), _AT_ONCE):
            folded = apart(part.stop - part.start, n_out, np.complex64)
            for one, (first, gains) in zip(folded, rows[part], strict=True):
                fold(spectrum, first, gains, one)
            values = fft.ifft(folded, axis=1, overwrite_x=True)[:, kept]
            if output in ("power", "amplitude"):
                turn_power(values, out[:, channel, part], output == "amplitude")
            else:
                turn(np.angle(values) if output == "phase" else values, out[:, channel, part])
