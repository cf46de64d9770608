"""Tapers, and the transforms of windows under them: what spectra and coherence are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.cuts import samples_in
from panneuro.analysis.traces import Floats, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

fft = need("scipy.fft", "analysis", "Computing spectra")
shapes = need("scipy.signal.windows", "analysis", "Computing spectra")

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
    def frequency(self) -> tuple[str, npt.NDArray[np.float64], dict[str, str]]:
        """The frequencies as a coordinate of xarray."""
        return "frequency", self.frequencies_hz, {"units": "Hz", "long_name": "frequency"}

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

    @cached_property
    def _halves(self) -> tuple[Floats, Floats] | None:
        """What the even and the odd half of a window are multiplied by, where tapers are either.

        About its middle, a cosine under an even taper meets only what is even of a window, a sine
        only what is odd, and under an odd taper the other way round. So half of the products do.
        """
        parities = np.einsum("kn,kn->k", self.windows, self.windows[:, ::-1])
        if not np.all(np.abs(parities) > 1 - 1e-9):
            return None
        middle = (self.n_samples - 1) / 2
        turns = np.outer(self.frequencies_hz / self.rate_hz, np.arange(self.n_samples) - middle)
        waves = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
        rows = self.windows[:, None, None, :] * waves
        rows -= rows.mean(-1, keepdims=True)
        rows = rows[..., : -(-self.n_samples // 2)]
        if self.n_samples % 2:
            rows[..., -1] /= 2
        even = (parities < 0).astype(int)
        each = np.arange(len(self))
        halves = (rows[each, even], rows[each, 1 - even])
        of_even, of_odd = (half.reshape(-1, rows.shape[-1]).astype(np.float32) for half in halves)
        return of_even, of_odd

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
        total = np.zeros((self.n_frequencies, samples[0].size), np.float32)
        if self.n_frequencies <= _FEW_FREQUENCIES:
            for parts in self._products(samples.reshape(self.n_samples, -1)):
                _add_squares(parts.reshape(-1, *total.shape), total)
        else:
            for one in self._spectra(samples):
                flat = one[: self.n_frequencies].reshape(self.n_frequencies, -1)
                total += flat.real**2 + flat.imag**2
        total /= len(self)
        return total.reshape(self.n_frequencies, *samples.shape[1:])

    def _products(self, samples: Floats) -> Iterator[Floats]:
        """Yield the real and the imaginary parts of transforms, in any order."""
        if self._halves is None:
            yield self._matrix @ samples
            return
        n_half = -(-self.n_samples // 2)
        front, back = samples[:n_half], samples[: -n_half - 1 : -1]
        of_even, of_odd = self._halves
        yield of_even @ (front + back)
        yield of_odd @ (front - back)

    def _spectra(self, samples: Floats) -> Iterator[npt.NDArray[np.complex64]]:
        centred = samples - samples.mean(0)
        for window in self.windows.astype(np.float32):
            yield fft.rfft(centred * window[:, None, None], axis=0, overwrite_x=True)


@compiled
def _add_squares(parts: Floats, total: Floats) -> None:
    for frequency in range(total.shape[0]):
        found = total[frequency]
        for one in range(parts.shape[0]):
            part = parts[one, frequency]
            for at in range(found.size):
                found[at] += part[at] * part[at]


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

    Returns
    -------
    Tapers
        Of unit energy, the most concentrated first.

    Raises
    ------
    InputError
        If a window is shorter than two samples, the band too narrow for one taper or too wide.

    Examples
    --------
    >>> lfp = TimeSeries("lfp", np.zeros(5000), "volts", rate_hz=1250.0)
    >>> tapers = slepians(lfp, 0.5, half_bandwidth_hz=6.0, max_hz=100.0)
    >>> len(tapers), tapers.n_samples, tapers.frequencies_hz[-1]
    (5, 625, np.float64(100.0))
    """
    rate_hz = rate_of(signal, "tapering")
    n = samples_in(duration_s, rate_hz)
    seconds = n / rate_hz
    half_hz = 2 / seconds if half_bandwidth_hz is None else half_bandwidth_hz
    if not is_real(half_hz, least=1 / seconds - 1e-9, below=rate_hz / 2):
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
    """Return one taper of a shape that ``scipy.signal.get_window`` knows.

    Parameters
    ----------
    signal : TimeSeries
        What will be tapered, at a constant rate.
    duration_s : float
        Of a window, in seconds.
    window : str or tuple
        A name, or name and parameters.
    max_hz : float, optional
        The highest frequency that is wanted; half the rate where not given.

    Returns
    -------
    Tapers
        One, of unit energy.

    Raises
    ------
    InputError
        If a window is shorter than two samples, or there is no such shape.

    Examples
    --------
    >>> lfp = TimeSeries("lfp", np.zeros(5000), "volts", rate_hz=1000.0)
    >>> single_taper(lfp, 0.5, "hann").n_frequencies
    251
    """
    rate_hz = rate_of(signal, "tapering")
    n = samples_in(duration_s, rate_hz)
    try:
        with np.errstate(all="ignore"):
            shape = shapes.get_window(window, n)
    except (TypeError, ValueError) as error:
        raise InputError(f"no window is shaped like {window!r}: {error}") from error
    if not np.isfinite(shape).all():
        raise InputError(f"no window is shaped like {window!r}", hint='window="hann"')
    scaled = shape / np.sqrt(np.sum(shape**2))
    return Tapers(scaled[None], rate_hz, count_up_to(max_hz, n, rate_hz))


def count_up_to(max_hz: float | None, n_samples: int, rate_hz: float) -> int:
    """Return how many frequencies of a real transform there are up to one."""
    whole = n_samples // 2 + 1
    if max_hz is None:
        return whole
    if not is_real(max_hz, above=0) and max_hz != np.inf:
        raise InputError(f"spectra up to {max_hz!r} Hz have no frequency")
    return min(whole, int(np.floor(min(max_hz, rate_hz) * n_samples / rate_hz + 1e-9)) + 1)
