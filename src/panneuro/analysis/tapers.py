"""Windows of a recording, tapered and transformed: what spectra and coherence are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.traces import Floats, numbers, physical, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Computing spectra")
shapes = need("scipy.signal.windows", "analysis", "Computing spectra")
threadpoolctl = need("threadpoolctl", "analysis", "Computing spectra")

Rows = npt.NDArray[np.int64]

_BATCH_VALUES = 1 << 18
_READ_VALUES = 1 << 22
_FEW_FREQUENCIES = 100


@dataclass(frozen=True, eq=False)
class Tapers:
    """Tapers of unit energy, and the frequencies that are asked for.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_tapers, n_samples)
        Each with a sum of squares of 1.
    rate_hz : float
        Samples per second.
    n_frequencies : int
        From zero up, of those of a real transform of ``n_samples``.
    """

    windows: npt.NDArray[np.float64]
    rate_hz: float
    n_frequencies: int

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def n_samples(self) -> int:
        """Samples of a window."""
        return int(self.windows.shape[1])

    @property
    def frequencies_hz(self) -> npt.NDArray[np.float64]:
        """The frequencies, in hertz."""
        return np.arange(self.n_frequencies) * self.rate_hz / self.n_samples

    @property
    def one_sided(self) -> npt.NDArray[np.float64]:
        """By which squares are multiplied to be densities per hertz of positive frequencies."""
        weights = np.full(self.n_frequencies, 2.0 / self.rate_hz)
        weights[0] /= 2
        if self.n_samples % 2 == 0 and self.n_frequencies == self.n_samples // 2 + 1:
            weights[-1] /= 2
        return weights

    @cached_property
    def _matrix(self) -> Floats:
        """Taper, removal of the mean and transform as one real matrix."""
        angles = np.outer(np.arange(self.n_frequencies), np.arange(self.n_samples) % self.n_samples)
        turns = (angles % self.n_samples) / self.n_samples
        waves = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)])
        rows = self.windows[:, None, None, :] * waves
        rows -= rows.mean(-1, keepdims=True)
        return np.ascontiguousarray(rows.reshape(-1, self.n_samples), dtype=np.float32)

    def transform(self, samples: Floats) -> npt.NDArray[np.complex64]:
        """Return the transforms of windows from which their mean is taken.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_samples, n_windows, n_channels)

        Returns
        -------
        ndarray of complex64, shape (n_tapers, n_frequencies, n_windows, n_channels)
        """
        shape = (len(self), self.n_frequencies, *samples.shape[1:])
        if self.n_frequencies <= _FEW_FREQUENCIES:
            parts = (self._matrix @ samples.reshape(self.n_samples, -1)).reshape(
                len(self), 2, self.n_frequencies, *samples.shape[1:]
            )
            found = np.empty(shape, np.complex64)
            found.real, found.imag = parts[:, 0], parts[:, 1]
            return found
        return np.stack([one[: self.n_frequencies] for one in self._spectra(samples)])

    def power(self, samples: Floats) -> Floats:
        """Return the mean over tapers of the squared transforms, not yet per hertz.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_samples, n_windows, n_channels)

        Returns
        -------
        ndarray of float32, shape (n_frequencies, n_windows, n_channels)
        """
        shape = (self.n_frequencies, *samples.shape[1:])
        if self.n_frequencies <= _FEW_FREQUENCIES:
            parts = self._matrix @ samples.reshape(self.n_samples, -1)
            np.square(parts, out=parts)
            total = parts.reshape(2 * len(self), self.n_frequencies, -1).sum(0)
        else:
            total = np.zeros((self.n_frequencies, samples[0].size), np.float32)
            for one in self._spectra(samples):
                flat = one[: self.n_frequencies].reshape(self.n_frequencies, -1)
                total += flat.real**2 + flat.imag**2
        return np.asarray((total / len(self)).reshape(shape), dtype=np.float32)

    def _spectra(self, samples: Floats) -> Iterator[npt.NDArray[np.complex64]]:
        centred = samples - samples.mean(0)
        for window in self.windows.astype(np.float32):
            yield fft.rfft(centred * window[:, None, None], axis=0, overwrite_x=True)


def slepians(
    signal: TimeSeries,
    duration_s: float,
    half_bandwidth_hz: float | None = None,
    max_hz: float | None = None,
) -> Tapers:
    """Return the tapers whose energy is most concentrated in a band (Slepian, 1978).

    Parameters
    ----------
    signal : TimeSeries
        What will be tapered, at a constant rate.
    duration_s : float
        Of a window, in seconds.
    half_bandwidth_hz : float, optional
        W: frequencies nearer than this are smoothed over; ``2 / duration_s`` where not given. There
        are ``2 T W - 1`` tapers (Thomson, Proc. IEEE 70:1055, 1982).
    max_hz : float, optional
        The highest frequency that is wanted; half the rate where not given.

    Raises
    ------
    InputError
        If a window is shorter than two samples, the band too narrow for one taper or too wide.
    """
    rate_hz = rate_of(signal, "tapering")
    n = samples_in(duration_s, rate_hz)
    seconds = n / rate_hz
    half_hz = 2 / seconds if half_bandwidth_hz is None else half_bandwidth_hz
    if not 1 / seconds - 1e-9 <= half_hz < rate_hz / 2:
        raise InputError(
            f"tapers of {seconds:g} s cannot have a half bandwidth of {half_hz!r} Hz",
            hint=f"give one of at least {1 / seconds:.4g} Hz and below half the rate",
        )
    product = seconds * half_hz
    windows = shapes.dpss(n, product, max(1, round(2 * product) - 1))
    return Tapers(windows, rate_hz, count_up_to(max_hz, n, rate_hz))


def single_taper(
    signal: TimeSeries, duration_s: float, window: Any = "hann", max_hz: float | None = None
) -> Tapers:
    """Return one taper of a shape that ``scipy.signal.get_window`` knows."""
    rate_hz = rate_of(signal, "tapering")
    n = samples_in(duration_s, rate_hz)
    try:
        shape = shapes.get_window(window, n)
    except ValueError as error:
        raise InputError(f"no window is shaped like {window!r}: {error}") from error
    scaled = shape / np.sqrt(np.sum(shape**2))
    return Tapers(scaled[None], rate_hz, count_up_to(max_hz, n, rate_hz))


def samples_in(duration_s: float, rate_hz: float) -> int:
    """Return the whole number of samples nearest to a duration; at least two."""
    if not (np.isfinite(duration_s) and duration_s * rate_hz >= 1.5):
        raise InputError(f"a window of {duration_s!r} s is too short for a rate of {rate_hz:g} Hz")
    return round(duration_s * rate_hz)


def count_up_to(max_hz: float | None, n_samples: int, rate_hz: float) -> int:
    """Return how many frequencies of a real transform there are up to one."""
    whole = n_samples // 2 + 1
    if max_hz is None:
        return whole
    if not max_hz > 0:
        raise InputError(f"spectra up to {max_hz!r} Hz have no frequency")
    return min(whole, int(np.floor(max_hz * n_samples / rate_hz + 1e-9)) + 1)


def first_rows(signal: TimeSeries, starts_s: npt.ArrayLike, n_samples: int) -> Rows:
    """Return the row at which each window begins: the sample nearest to its time.

    Raises
    ------
    InputError
        If there is no window, a time is not finite, or a window is not wholly in the recording.
    """
    starts = numbers(starts_s, "times at which windows begin")
    if not starts.size:
        raise InputError(f"windows of {signal.name!r}: no times at which they begin")
    if not np.isfinite(starts).all():
        raise InputError(
            f"windows of {signal.name!r}: {int(np.sum(~np.isfinite(starts)))} of {starts.size} "
            "begin at no finite time",
            hint="drop the rows without a start",
        )
    rows = np.rint((starts - signal.start_s) * rate_of(signal, "cutting")).astype(np.int64)
    outside = (rows < 0) | (rows + n_samples > len(signal))
    if outside.any():
        raise InputError(
            f"windows of {signal.name!r}: {int(outside.sum())} of {rows.size} are not wholly "
            f"between {signal.start_s:.3f} and {signal.stop_s:.3f} s, the first at "
            f"{starts[outside][0]:.3f} s",
            hint="keep those that are inside",
        )
    return rows


def gathered(
    signal: TimeSeries, rows: Rows, tapers: Tapers, batch_values: int = _BATCH_VALUES
) -> Iterator[tuple[npt.NDArray[np.int64], Floats]]:
    """Yield windows in batches of so many values, in order of time: as large as the cache likes.

    Windows that lie close together are read at once.

    Yields
    ------
    which : ndarray of int64, shape (n,)
        Which windows these are.
    samples : ndarray of float32, shape (n_samples, n, n_channels)
        Valid until the next batch.
    """
    n, channels = tapers.n_samples, signal.n_channels
    order = np.argsort(rows, kind="stable")
    size = min(len(rows), max(1, batch_values // (n * channels)))
    buffer = np.empty((n, size, channels), np.float32)
    with threadpoolctl.threadpool_limits(1, "blas"):
        for run in _runs(rows[order], n, max(n, _READ_VALUES // channels)):
            which = order[run]
            begin = int(rows[which[0]])
            block = physical(signal, begin, int(rows[which[-1]]) + n)
            for at in range(0, len(which), size):
                batch = which[at : at + size]
                for slot, first in enumerate((rows[batch] - begin).tolist()):
                    buffer[:, slot] = block[first : first + n]
                yield batch, buffer[:, : len(batch)]


def _runs(firsts: Rows, n: int, most_rows: int) -> Iterator[slice]:
    """Yield windows, in order of time, that are best read at once: little lies between them."""
    start = 0
    for at in range(1, len(firsts) + 1):
        if (
            at == len(firsts)
            or firsts[at] - firsts[at - 1] > 4 * n
            or firsts[at] + n - firsts[start] > most_rows
        ):
            yield slice(start, at)
            start = at
