"""Sinusoids in a recording, such as the hum of the mains: found by a test, and taken out alone."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, in_order
from panneuro.analysis.cuts import Rows, first_rows, gathered, length_of, runs, samples_in
from panneuro.analysis.tapers import Tapers, slepians
from panneuro.analysis.traces import labels_of, physical, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

shapes = need("scipy.signal.windows", "analysis", "Finding lines")

Values = npt.NDArray[np.float64]

_HALF_BANDWIDTH = 4
_TINY = np.finfo(np.float32).tiny
_GRID = 33
_SEARCHED = 3


def line_test(
    signal: TimeSeries,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Test each frequency of each window for a sinusoid in noise.

    Thomson's harmonic F-test (Proc. IEEE 70:1055, 1982, section XIII): the power that a sinusoid
    explains in all tapers against what remains, with 2 and ``2 K - 2`` degrees of freedom.

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
        not given, which makes three tapers; two are the fewest.
    max_hz : float, optional
        The highest frequency to compute.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    Dataset, dims (presentation, channel, frequency)
        ``f``, ``p`` and ``amplitude``: of the sinusoid, in the signal's unit.

    Raises
    ------
    InputError
        If a window is not wholly in the recording, fewer than two tapers fit, or the result is
        larger than is allowed.

    Examples
    --------
    >>> t = np.arange(4000) / 1000.0
    >>> noise = np.random.default_rng(0).standard_normal(4000)
    >>> lfp = TimeSeries("lfp", noise + 0.5 * np.sin(2 * np.pi * 50 * t), rate_hz=1000.0)
    >>> found = line_test(lfp, [0.0], (0.0, 4.0), half_bandwidth_hz=1.0, max_hz=100)
    >>> float(found.f[0, 0].idxmax()), bool(found.p.min() < 1e-6)
    (50.0, True)
    """
    tapers = slepians(signal, length_of(window_s), half_bandwidth_hz, max_hz)
    if len(tapers) < 2:
        raise InputError(
            "the test for lines needs two tapers or more", hint="give a wider half bandwidth"
        )
    rows = first_rows(signal, onsets_s, window_s, tapers.n_samples)
    shape = (len(rows), signal.n_channels, tapers.n_frequencies)
    hint = "give max_hz, or choose fewer windows or channels"
    check_bytes((3, *shape), np.float64, max_bytes, "testing for lines", hint)
    f, amplitude = np.empty(shape), np.empty(shape)
    task = partial(_tested_run, signal, rows, tapers)
    for run, ratio, size in in_order(task, runs(signal, rows, tapers.n_samples), executor):
        f[run], amplitude[run] = ratio, size
    dims = ("presentation", "channel", "frequency")
    named = {
        "f": (dims, f, {"units": "1", "long_name": "F of a sinusoid"}),
        "p": (dims, _probability(f, len(tapers)), {"units": "1", "long_name": "p"}),
        "amplitude": (dims, amplitude, {"units": signal.unit, "long_name": "amplitude"}),
    }
    return xr.Dataset(named, {"channel": labels_of(signal), "frequency": tapers.frequency})


def _tested_run(
    signal: TimeSeries, rows: Rows, tapers: Tapers, run: Rows
) -> tuple[Rows, Values, Values]:
    """Return the windows of a run, with F and amplitude (n_run, n_channels, n_frequencies)."""
    shape = (len(run), signal.n_channels, tapers.n_frequencies)
    f, amplitude = np.empty(shape), np.empty(shape)
    sums = tapers.windows.sum(1)
    for part, samples in gathered(signal, rows, tapers.n_samples, run):
        means, ratio = _harmonic(tapers.transform(samples).astype(np.complex128), sums)
        f[part] = ratio.transpose(1, 2, 0)
        amplitude[part] = 2 * np.abs(means).transpose(1, 2, 0)
    amplitude[..., 0] /= 2
    return run, f, amplitude


def without_lines(
    signal: TimeSeries,
    line_hz: float = 50.0,
    *,
    duration_s: float = 4.0,
    tolerance_hz: float = 0.5,
    max_hz: float | None = None,
    significance: float = 0.01,
) -> TimeSeries:
    """Take the sinusoids of a line and its harmonics out, and leave the noise between them alone.

    In windows that overlap by half, the line's frequency is that at which it and its next two
    harmonics have most power over all channels; where the test of :func:`line_test` finds a
    channel's sinusoid significant, it is subtracted with its own amplitude and phase. Windows fade
    into each other as squared sines.

    Parameters
    ----------
    signal : TimeSeries
        At a constant rate.
    line_hz : float
        Of the mains: 50 or 60.
    duration_s : float
        Length of a window in seconds, in which a line hardly changes.
    tolerance_hz : float
        How far the line may be from `line_hz`; 0 takes it as exact.
    max_hz : float, optional
        The highest harmonic; below half the rate where not given.
    significance : float
        Of the test, between 0 and 1.

    Returns
    -------
    TimeSeries
        Lazy, float32, in the signal's unit.

    Raises
    ------
    InputError
        If the recording is shorter than a window or the line does not fit the rate; on reading, if
        a sample is not finite.

    Examples
    --------
    >>> t = np.arange(8000) / 1000.0
    >>> hum = TimeSeries("lfp", np.sin(2 * np.pi * 50 * t)[:, None], "volts", rate_hz=1000.0)
    >>> bool(abs(without_lines(hum, 50.0).read(3, 5)).max() < 1e-3)
    True
    """
    rate_hz = rate_of(signal, "taking lines out of")
    n = samples_in(duration_s, rate_hz) // 2 * 2
    if not is_real(tolerance_hz, least=0) or (max_hz is not None and not is_real(max_hz)):
        raise InputError(f"lines up to {max_hz!r} Hz cannot be found within {tolerance_hz!r} Hz")
    highest = rate_hz / 2 - tolerance_hz if max_hz is None else min(max_hz, rate_hz / 2)
    lowest = max(2 * _HALF_BANDWIDTH / duration_s, tolerance_hz)
    if not is_real(line_hz, above=lowest, below=highest):
        raise InputError(
            f"a line at {line_hz!r} Hz cannot be found in windows of {duration_s!r} s at "
            f"{rate_hz:g} Hz",
            hint=f"windows must be longer than {2 * _HALF_BANDWIDTH} periods of the line",
        )
    if len(signal) < n:
        raise InputError(f"{signal.name!r} is shorter than a window of {duration_s:g} s")
    if not is_real(significance, above=0, below=1):
        raise InputError(f"the significance must be between 0 and 1, not {significance!r}")
    fit = _Fit(n, rate_hz, line_hz, tolerance_hz, highest, significance)

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        return _cleaned(signal, start, stop, fit)

    lazy = Sliced(signal.data.shape, np.float32, read)
    return signal.with_data(lazy, gain=1.0, offset=0.0, path="", source="")


@dataclass(frozen=True, eq=False)
class _Fit:
    """How the sinusoids of a line are fitted in a window."""

    n_samples: int
    rate_hz: float
    line_hz: float
    tolerance_hz: float
    highest_hz: float
    significance: float

    @cached_property
    def _tapers(self) -> Values:
        found: Values = shapes.dpss(self.n_samples, _HALF_BANDWIDTH, 2 * _HALF_BANDWIDTH - 1)
        return found

    @cached_property
    def _grid(self) -> Values:
        return self.line_hz + np.linspace(-self.tolerance_hz, self.tolerance_hz, _GRID)

    @cached_property
    def _search(self) -> npt.NDArray[np.complex64]:
        """Tapered waves of the line and its first harmonics: (_GRID × harmonics, n_samples)."""
        count = min(_SEARCHED, int(self.highest_hz / self.line_hz))
        tried = np.outer(self._grid, np.arange(1, count + 1)).ravel()
        waves = self._waves(tried, self.n_samples).conj() * self._tapers[0]
        return np.asarray(waves, dtype=np.complex64)

    def _waves(self, frequencies_hz: Values, length: int) -> npt.NDArray[np.complex128]:
        t = np.arange(length) / self.rate_hz
        return np.asarray(np.exp(2j * np.pi * np.outer(frequencies_hz, t)))

    def _found_hz(self, samples: Values) -> float:
        """Return where near the line most power is, between points of the grid."""
        if not self.tolerance_hz:
            return self.line_hz
        single = samples.astype(np.float32)
        real, imaginary = self._search.real @ single, self._search.imag @ single
        power = (real**2 + imaginary**2).reshape(_GRID, -1).sum(1)
        best = min(max(int(power.argmax()), 1), _GRID - 2)
        left, middle, right = np.log(
            np.maximum(power[best - 1 : best + 2], np.finfo(np.float32).tiny)
        )
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        step = self._grid[1] - self._grid[0]
        return float(self._grid[best] + step * min(max(shift, -1.0), 1.0))

    def sinusoids(self, samples: Values, length: int) -> Values:
        """Return the sum of each channel's significant sinusoids: (length, channels)."""
        line_hz = self._found_hz(samples)
        harmonics = np.arange(line_hz, self.highest_hz, line_hz)
        waves = self._waves(harmonics, length)
        tapered = waves[:, : self.n_samples].conj() * self._tapers[:, None, :]
        transformed = tapered.real @ samples + 1j * (tapered.imag @ samples)
        means, ratio = _harmonic(transformed, self._tapers.sum(1))
        means *= _probability(ratio, len(self._tapers)) < self.significance
        return np.asarray(2 * (waves.real.T @ means.real - waves.imag.T @ means.imag))


def _cleaned(signal: TimeSeries, start: int, stop: int, fit: _Fit) -> npt.NDArray[np.float32]:
    """Subtract the fits of all windows that touch the rows."""
    n, hop = fit.n_samples, fit.n_samples // 2
    last = (len(signal) - n) // hop
    cleaned = physical(signal, start, stop).astype(np.float64)
    touching = range(max(0, min(start // hop - 1, last)), min((stop - 1) // hop, last) + 1)
    for window in touching if stop > start else ():
        first = window * hop
        # The last window speaks for what follows it, too.
        length = n if window < last else len(signal) - first
        samples = physical(signal, first, first + n).astype(np.float64)
        line = fit.sinusoids(samples - samples.mean(0), length)
        line *= _fade(n, length, window == 0, window == last)[:, None]
        begin, end = max(first, start), min(first + length, stop)
        cleaned[begin - start : end - start] -= line[begin - first : end - first]
    return cleaned.astype(np.float32).reshape(stop - start, *signal.data.shape[1:])


def _fade(n: int, length: int, is_first: bool, is_last: bool) -> Values:
    weights = np.ones(length)
    fade = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    if not is_first:
        weights[: n // 2] = fade[: n // 2]
    if not is_last:
        weights[n // 2 :] = fade[n // 2 :]
    return weights


def _harmonic(
    transformed: npt.NDArray[np.complex128], sums: Values
) -> tuple[npt.NDArray[np.complex128], Values]:
    """Regress transforms, of shape (tapers, …), on the sums of the tapers; return fit and F."""
    energy = float(sums @ sums)
    means = np.tensordot(sums, transformed, 1) / energy
    spread = transformed - sums.reshape(-1, *[1] * (transformed.ndim - 1)) * means
    remains = (np.abs(spread) ** 2).sum(0)
    explained = (len(sums) - 1) * energy * np.abs(means) ** 2
    ratio = np.divide(explained, remains, out=np.zeros_like(remains), where=remains > 0)
    return means, ratio


def _probability(f: Values, n_tapers: int) -> Values:
    """Return the upper tail of F with 2 and ``2 K - 2`` degrees, which has a closed form."""
    degrees = n_tapers - 1
    found: Values = (1 + f / degrees) ** -degrees
    return found
