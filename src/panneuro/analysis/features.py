"""What early vision makes of pictures and films: banks of Gabor filters and their energies.

Sources: Gabor functions as receptive fields, Jones & Palmer (1987) J. Neurophysiol. 58:1233; motion
energy, Adelson & Bergen (1985) J. Opt. Soc. Am. A 2:284.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.signal

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, check_number, ranges
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import beyond, reals
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.arrays import LazyArray
from panneuro.signals.plot_style import COLUMN_IN, finish, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]

_FASTEST_HZ, _MOST_CYCLES = 1e6, 1e3

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

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the even filter nearest to the middle of each frequency and orientation.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        middle = (np.array(self.even.shape[:0:-1]) - 1) / 2
        away = np.linalg.norm(self.table[["x", "y"]] - middle, axis=1)
        by = ["cycles_per_pixel", "orientation_deg"]
        nearest = self.table.assign(away=away).groupby(by).away.idxmin().unstack()
        tiles = [np.hstack([_tile(self.even[one]) for one in row]) for row in nearest.to_numpy()]
        height, width = self.even.shape[1:]
        across, down = (np.arange(count) for count in nearest.shape[::-1])
        with styled(ax, (COLUMN_IN, 0.4 + COLUMN_IN * len(down) / len(across))) as axes:
            axes.imshow(np.vstack(tiles), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
            axes.set_xticks((across + 0.5) * width, [f"{one:g}" for one in nearest.columns])
            axes.set_yticks((down + 0.5) * height, [f"{one:.3g}" for one in nearest.index])
            axes.tick_params(length=0)
            return finish(axes, np.empty(0), "orientation (°)", "cycles per pixel")


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

    Returns
    -------
    Bank

    Raises
    ------
    InputError
        If there are no pixels or orientations, or a frequency is not in (0, 0.5).

    Examples
    --------
    >>> bank = gabor_bank(32, 32, cycles_per_pixel=[1 / 8], n_orientations=4)
    >>> bank.even.shape, sorted(set(bank.table.orientation_deg))
    ((64, 32, 32), [0.0, 45.0, 90.0, 135.0])
    """
    for what, number in (("rows", height), ("columns", width), ("orientations", n_orientations)):
        check_number(what, number)
    if not (is_real(cycles_per_sigma, above=0) and is_real(spacing_sigmas, above=0)):
        raise InputError(
            f"filters cannot have {cycles_per_sigma!r} cycles, or be {spacing_sigmas!r} apart"
        )
    frequencies = reals(cycles_per_pixel, "frequencies of filters")
    if (
        frequencies.ndim != 1
        or not frequencies.size
        or not ((frequencies > 0) & (frequencies < 0.5)).all()
    ):
        raise InputError(f"frequencies {frequencies.tolist()} are not in (0, 0.5) cycles a pixel")
    rows: list[tuple[float, float, float, float]] = []
    even: list[Floats] = []
    odd: list[Floats] = []
    for frequency in frequencies.tolist():
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


def gabor_energy(images: LazyArray, bank: Bank, *, max_bytes: int = MAX_BYTES) -> Floats:
    """Return ``sqrt(even**2 + odd**2)`` of each filter: a complex cell's response.

    Parameters
    ----------
    images : array-like, shape (n_images, height, width)
        Grey values; sliced by images, a block at a time.
    bank : Bank
        Filters for pictures of this size.
    max_bytes : int
        What the result may take in memory; besides, there is one block.

    Returns
    -------
    ndarray of float64, shape (n_images, n_filters)
        Without regard to where in their cycle the bars lie.

    Raises
    ------
    InputError
        If pictures are of another size or not finite, or the result is larger than is allowed.

    Examples
    --------
    >>> bank = gabor_bank(32, 32, cycles_per_pixel=[1 / 8], n_orientations=4)
    >>> bars = np.broadcast_to(np.cos(np.arange(32) * np.pi / 4), (1, 32, 32))
    >>> bank.table.orientation_deg[gabor_energy(bars, bank).argmax()]
    np.float64(90.0)
    """
    energy = np.empty(_shape(images, bank, max_bytes))
    for rows, seen in _filtered(images, bank):
        energy[rows] = np.abs(seen)
    return energy


def motion_energy(
    movie: LazyArray,
    bank: Bank,
    rate_hz: float,
    *,
    temporal_hz: float = 4.0,
    cycles_per_sigma: float = 0.5,
    max_bytes: int = MAX_BYTES,
) -> Floats:
    """Return the energy of motion in each of the two directions across each filter's bars.

    Each filter in space is joined with a Gabor in time, in quadrature; their sums and differences
    are oriented in space and time, and the squares of a quadrature pair add up to the energy.

    Parameters
    ----------
    movie : array-like, shape (n_frames, height, width)
        Grey values; sliced by frames, a block at a time.
    bank : Bank
        Filters for frames of this size.
    rate_hz : float
        Frames a second.
    temporal_hz : float
        Frequency of the filters in time, below half of `rate_hz`.
    cycles_per_sigma : float
        Cycles within a standard deviation of their envelope.
    max_bytes : int
        What the result may take in memory; besides, there is one block and what the filters reach.

    Returns
    -------
    ndarray of float64, shape (n_frames, n_filters, 2)
        Motion towards ``orientation + 90`` degrees, then towards ``orientation - 90`` degrees. The
        filters look as far back as ahead; frames before the first and after the last are grey.

    Raises
    ------
    InputError
        If frames are of another size or not finite, the frequency is not below half of `rate_hz`,
        or the result is larger than is allowed.

    Examples
    --------
    >>> bank = gabor_bank(16, 16, cycles_per_pixel=[1 / 8], n_orientations=2)
    >>> x, t = np.meshgrid(np.arange(16), np.arange(60))
    >>> film = np.repeat(np.cos(np.pi / 4 * x - np.pi / 8 * t)[:, None], 16, axis=1)
    >>> energy = motion_energy(film, bank, rate_hz=64)[30].sum(axis=0)
    >>> bool(energy[1] > 10 * energy[0])  # bars at 90 degrees go right, towards 0
    True
    """
    if not (
        is_real(rate_hz, above=0, most=_FASTEST_HZ)
        and is_real(temporal_hz, above=0)
        and 2 * temporal_hz < rate_hz
    ):
        raise InputError(f"{temporal_hz!r} Hz is not below half of {rate_hz!r} frames a second")
    if not is_real(cycles_per_sigma, above=0, most=_MOST_CYCLES):
        raise InputError(f"an envelope cannot hold {cycles_per_sigma!r} cycles")
    energy = np.empty((*_shape(movie, bank, max_bytes, 2), 2))
    wave = _temporal(rate_hz, temporal_hz, cycles_per_sigma)
    reach = len(wave) // 2
    grey = np.zeros((reach, len(bank)), np.complex128)
    done, known = 0, grey
    for seen in chain((block for _, block in _filtered(movie, bank)), [grey]):
        known = np.concatenate([known, seen])
        until = done + max(0, len(known) - 2 * reach)
        # A wave that goes one way turns the complex pair one way, and time tells the ways apart.
        for way, turned in enumerate((known, known.conj())) if until > done else ():
            moved = scipy.signal.oaconvolve(turned, wave[:, None], "valid", axes=0)
            energy[done:until, :, way] = np.abs(moved) ** 2
        done, known = until, known[-2 * reach :]
    return energy


def _tile(wave: Floats) -> Floats:
    """Return a filter scaled to its largest value, with an edge that is white."""
    tile: Floats = wave / np.abs(wave).max()
    tile[[0, -1]] = tile[:, [0, -1]] = 0
    return tile


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


def _shape(images: LazyArray, bank: Bank, max_bytes: int, n_each: int = 1) -> tuple[int, int]:
    """Return how many pictures and filters there are, or say why they do not go together."""
    check_kind(bank, Bank, "filtering pictures", "bank=gabor_bank(height, width)")
    if not hasattr(images, "shape"):
        raise InputError(f"pictures are {type(images).__name__}, no array", hint="np.stack(images)")
    height, width = bank.even.shape[1:]
    if tuple(images.shape[1:]) != (height, width):
        raise InputError(
            f"pictures of shape {tuple(images.shape)} met filters of {height} × {width} pixels",
            hint="make grey values of colours, and a bank of their size",
        )
    shape = (int(images.shape[0]), len(bank))
    hint = "take fewer pictures at a time, or fewer filters"
    check_bytes((*shape, n_each), np.float64, max_bytes, "filtering pictures", hint)
    return shape


def _filtered(images: LazyArray, bank: Bank) -> Iterator[tuple[slice, Any]]:
    """Yield what even filters see as real parts and odd ones as imaginary, block by block."""
    even, odd = (phase.reshape(len(bank), -1).T for phase in (bank.even, bank.odd))
    size = len(even)
    for rows in ranges(images.shape[0], max(1, BLOCK_BYTES // (8 * max(size, 4 * len(bank))))):
        pixels = reals(images[rows], "pixels").reshape(-1, size)
        if beyond(pixels).any():
            raise InputError(
                f"pictures {rows.start} to {rows.stop - 1} are not finite everywhere, or too bright"
            )
        yield rows, pixels @ even + 1j * (pixels @ odd)
