"""What early vision makes of pictures and films: banks of Gabor filters and their energies.

Sources: Gabor functions as receptive fields, Jones & Palmer (1987) J. Neurophysiol. 58:1233; motion
energy, Adelson & Bergen (1985) J. Opt. Soc. Am. A 2:284.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft

from panneuro.core.errors import InputError
from panneuro.signals.arrays import LazyArray

Floats = npt.NDArray[np.floating[Any]]

BLOCK_BYTES = 32 * 2**20
"""Memory for the pictures that are filtered at once."""


@dataclass(frozen=True)
class Bank:
    """Gabor filters in quadrature, for pictures of one size.

    Parameters
    ----------
    even, odd : ndarray of float64, shape (n_filters, height, width)
        Each of zero mean and unit norm.
    table : DataFrame
        ``x`` and ``y`` (pixels, from the upper left), ``cycles_per_pixel``, ``orientation_deg``
        (of the bars, 0 is horizontal, anticlockwise) of each filter.
    """

    even: Floats
    odd: Floats
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.even)


def gabor_bank(
    height: int,
    width: int,
    *,
    cycles_per_pixel: Sequence[float] = (1 / 32, 1 / 16, 1 / 8),
    n_orientations: int = 8,
    cycles_per_sigma: float = 0.5,
    spacing_sigmas: float = 2.0,
) -> Bank:
    """Tile pictures with Gabor filters of several frequencies and orientations.

    ``exp(-r**2 / (2 * sigma**2)) * cos(2 * pi * f * u)`` and the same with ``sin``, where `u` runs
    across the bars and ``sigma = cycles_per_sigma / f``. Half a cycle gives an octave's bandwidth,
    or so.

    Parameters
    ----------
    height, width : int
        Of the pictures, in pixels.
    cycles_per_pixel : sequence of float
        Frequencies, in (0, 0.5).
    n_orientations : int
        Evenly over 180 degrees.
    cycles_per_sigma : float
        Cycles within a standard deviation of the envelope.
    spacing_sigmas : float
        Distance of neighbours, in standard deviations.

    Examples
    --------
    >>> bank = gabor_bank(32, 32, cycles_per_pixel=[1 / 8], n_orientations=4)
    >>> bank.even.shape, sorted(set(bank.table.orientation_deg))
    ((64, 32, 32), [0.0, 45.0, 90.0, 135.0])
    """
    if min(height, width, n_orientations) < 1 or not (cycles_per_sigma > 0 and spacing_sigmas > 0):
        raise InputError(f"a bank of {n_orientations} orientations for {height} × {width} pixels")
    if not len(cycles_per_pixel) or not all(0 < one < 0.5 for one in cycles_per_pixel):
        raise InputError(f"frequencies {list(cycles_per_pixel)} are not in (0, 0.5) cycles a pixel")
    rows: list[tuple[float, float, float, float]] = []
    even: list[Floats] = []
    odd: list[Floats] = []
    for frequency in cycles_per_pixel:
        sigma = cycles_per_sigma / frequency
        places = product(
            _places(height, sigma * spacing_sigmas), _places(width, sigma * spacing_sigmas)
        )
        for (y, x), number in product(places, range(n_orientations)):
            degrees = 180 * number / n_orientations
            rows.append((x, y, frequency, degrees))
            for phase, into in ((0.0, even), (np.pi / 2, odd)):
                into.append(_gabor(height, width, rows[-1], sigma, phase))
    columns = ["x", "y", "cycles_per_pixel", "orientation_deg"]
    return Bank(np.stack(even), np.stack(odd), pd.DataFrame(rows, columns=columns))


def gabor_energy(images: LazyArray, bank: Bank) -> Floats:
    """Return ``sqrt(even**2 + odd**2)`` of each filter: a complex cell's response.

    Parameters
    ----------
    images : array-like, shape (n_images, height, width)
        Grey values; sliced by images, a block at a time.
    bank : Bank

    Returns
    -------
    ndarray of float64, shape (n_images, n_filters)
        Without regard to where in their cycle the bars lie.

    Examples
    --------
    >>> bank = gabor_bank(32, 32, cycles_per_pixel=[1 / 8], n_orientations=4)
    >>> bars = np.broadcast_to(np.cos(np.arange(32) * np.pi / 4), (1, 32, 32))
    >>> bank.table.orientation_deg[gabor_energy(bars, bank).argmax()]
    np.float64(90.0)
    """
    size = _check_images(images, bank)
    energy = np.empty((images.shape[0], len(bank)))
    for rows, pixels in _blocks(images, size):
        even, odd = pixels @ bank.even.reshape(-1, size).T, pixels @ bank.odd.reshape(-1, size).T
        energy[rows] = np.hypot(even, odd)
    return energy


def motion_energy(
    movie: LazyArray,
    bank: Bank,
    rate_hz: float,
    *,
    temporal_hz: float = 4.0,
    cycles_per_sigma: float = 0.5,
) -> Floats:
    """Return the energy of motion in each of the two directions across each filter's bars.

    Each filter in space is joined with a Gabor in time, in quadrature; their sums and differences
    are oriented in space and time, and the squares of a quadrature pair add up to the energy.

    Parameters
    ----------
    movie : array-like, shape (n_frames, height, width)
        Grey values; sliced by frames, a block at a time.
    bank : Bank
    rate_hz : float
        Frames a second.
    temporal_hz : float
        Frequency of the filters in time, below half of `rate_hz`.
    cycles_per_sigma : float
        Cycles within a standard deviation of their envelope.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_filters, 2)
        Motion towards ``orientation + 90`` degrees, then towards ``orientation - 90`` degrees. The
        filters look as far back as ahead; frames before the first and after the last are grey.

    Examples
    --------
    >>> bank = gabor_bank(16, 16, cycles_per_pixel=[1 / 8], n_orientations=2)
    >>> x, t = np.meshgrid(np.arange(16), np.arange(60))
    >>> film = np.repeat(np.cos(np.pi / 4 * x - np.pi / 8 * t)[:, None], 16, axis=1)
    >>> energy = motion_energy(film, bank, rate_hz=64)[30].sum(axis=0)
    >>> bool(energy[1] > 10 * energy[0])  # bars at 90 degrees go right, towards 0
    True
    """
    if not 0 < temporal_hz < rate_hz / 2:
        raise InputError(f"{temporal_hz!r} Hz is not below half of {rate_hz!r} frames a second")
    size = _check_images(movie, bank)
    even, odd = (np.empty((movie.shape[0], len(bank))) for _ in range(2))
    for rows, pixels in _blocks(movie, size):
        even[rows] = pixels @ bank.even.reshape(-1, size).T
        odd[rows] = pixels @ bank.odd.reshape(-1, size).T
    time = _temporal(rate_hz, temporal_hz, cycles_per_sigma)
    energy = np.empty((movie.shape[0], len(bank), 2))
    # A wave that goes one way turns the complex pair one way, and time tells the two ways apart.
    for way, turned in enumerate((even + 1j * odd, even - 1j * odd)):
        energy[:, :, way] = np.abs(_convolve(turned, time)) ** 2
    return energy


def _gabor(
    height: int, width: int, row: tuple[float, float, float, float], sigma: float, phase: float
) -> Floats:
    x, y, frequency, degrees = row
    across, up = np.arange(width) - x, y - np.arange(height)[:, None]
    angle = np.deg2rad(degrees + 90)
    along = across * np.cos(angle) + up * np.sin(angle)
    envelope = np.exp(-(across**2 + up**2) / (2 * sigma**2))
    wave = envelope * np.cos(2 * np.pi * frequency * along - phase)
    wave -= envelope * (wave.sum() / envelope.sum())
    normalised: Floats = wave / np.linalg.norm(wave)
    return normalised


def _places(length: int, spacing: float) -> Floats:
    count = max(1, int(length // spacing))
    return (np.arange(count) + 0.5) * length / count - 0.5


def _temporal(rate_hz: float, temporal_hz: float, cycles_per_sigma: float) -> Any:
    sigma = cycles_per_sigma / temporal_hz
    reach = int(np.ceil(3 * sigma * rate_hz))
    t = np.arange(-reach, reach + 1) / rate_hz
    wave = np.exp(-(t**2) / (2 * sigma**2) + 2j * np.pi * temporal_hz * t)
    return wave / np.linalg.norm(wave)


def _convolve(signal: Any, kernel: Any) -> Any:
    reach, length = len(kernel) // 2, scipy.fft.next_fast_len(len(signal) + len(kernel) - 1)
    spectrum = scipy.fft.fft(signal, length, axis=0)
    spectrum *= scipy.fft.fft(kernel, length)[:, None]
    return scipy.fft.ifft(spectrum, axis=0)[reach : reach + len(signal)]


def _check_images(images: LazyArray, bank: Bank) -> int:
    height, width = bank.even.shape[1:]
    if tuple(images.shape[1:]) != (height, width):
        raise InputError(
            f"pictures of shape {tuple(images.shape)} met filters of {height} × {width} pixels",
            hint="make grey values of colours, and a bank of their size",
        )
    return int(height * width)


def _blocks(images: LazyArray, size: int) -> Iterator[tuple[slice, Floats]]:
    step = max(1, BLOCK_BYTES // (8 * size))
    for start in range(0, images.shape[0], step):
        rows = slice(start, min(start + step, images.shape[0]))
        pixels = np.asarray(images[rows], dtype=np.float64).reshape(-1, size)
        if not np.isfinite(pixels).all():
            raise InputError(f"pictures {rows.start} to {rows.stop - 1} are not finite everywhere")
        yield rows, pixels
