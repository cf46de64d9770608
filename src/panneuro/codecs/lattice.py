"""Samples that use only some of the numbers they could: found, and taken out exactly.

Recorders scale what the converter gave: Neuropixels stored by Open Ephys are multiples of 12.019
or 3.913, rounded. Each channel is described as ``(step * code + base) >> 20`` or as a palette, and
only if that gives back every sample of the chunk.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs import reference
from panneuro.codecs.native import call, kernels
from panneuro.core.memory import scratch

Array = npt.NDArray[Any]

PLACES = 20
PLAIN, AFFINE, PALETTE = range(3)
PROBED = 8
"""Channels that are looked at before all of them are."""

LOOKED_AT = 1024
"""Rows of a channel that decide whether numbers are left out."""

GLANCED_AT = 64
FEW_LEVELS = 16
WIDE = 64
"""A channel of so few levels in so many rows, so wide apart, is digital."""

ASKED = (5, 10)
ASKED_LEVELS = 800
"""Channels whose values propose steps, those with the most; more where each has few."""

SPARSE = 0.7
"""Below this part of the numbers that chance would have used, something is behind it."""

TABLE_BYTES = 1 << 25
TRIED = 9
"""Steps of the interval that the probed channels leave which are tried on all channels."""

SMALLEST = 1.2

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Lattice:
    """How codes become samples, channel by channel.

    Parameters
    ----------
    modes : int16 array, channels
        `PLAIN`, `AFFINE` or `PALETTE`.
    step : int
        Of all affine channels, in 2\\ :sup:`-20`.
    bases : int64 array
        Of the affine channels, in order, in 2\\ :sup:`-20`.
    shift : int
        Low bits that are zero in every base.
    sizes, gaps : int32 arrays
        Of the palettes, in order: how many values, and the first value and then the differences.
    """

    modes: Array
    step: int = 0
    bases: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    shift: int = 0
    sizes: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    gaps: Array = field(default_factory=lambda: np.zeros(0, np.int32))

    @classmethod
    def none(cls, channels: int) -> Lattice:
        """Return the lattice of codes that are the samples."""
        return cls(np.zeros(channels, np.int16))


@dataclass(frozen=True)
class _Levels:
    """The distinct values of each channel: `values[starts[c]:starts[c + 1]]`, ascending."""

    values: Array
    channels: Array
    starts: Array
    lowest: int
    width: int

    def of(self, channel: int) -> Array:
        return self.values[self.starts[channel] : self.starts[channel + 1]]


def find(samples: Array, step: int = 0) -> tuple[Lattice, Array]:
    """Return the lattice of some samples, and their codes.

    Parameters
    ----------
    samples : int16 or int32 array, rows × channels
        In C order.
    step : int
        Of other samples of the same channels, to be tried first; 0 if none is known.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> counts = np.rint(rng.normal(0, 9, (3000, 4)))
    >>> lattice, codes = find(np.floor(counts * 3.9125 + 0.4).astype(np.int16))
    >>> round(lattice.step / 2**20, 2), bool(np.ptp(codes - counts, axis=0).max() == 0)
    (3.91, True)
    """
    if _sparse(samples):
        return _found(samples, step)
    digital = _digital(samples)
    if not len(digital):
        return Lattice.none(samples.shape[1]), samples
    some, ranks = _found(np.ascontiguousarray(samples[:, digital]), 0)
    lattice = replace(some, modes=np.zeros(samples.shape[1], np.int16))
    lattice.modes[digital] = some.modes
    codes = samples.copy()
    codes[:, digital] = ranks
    return lattice, codes


def apply(codes: Array, lattice: Lattice) -> Array:
    """Return the samples of some codes; ranks outside their palette are the caller's to refuse."""
    if not lattice.modes.any():
        return codes
    library = kernels()
    if library is None:
        return reference.values(
            codes, lattice.modes, lattice.bases, lattice.step, lattice.sizes, lattice.gaps
        )
    affine = lattice.modes == AFFINE
    steps = np.where(affine, lattice.step, 1 << PLACES).astype(np.int64)
    bases = np.zeros(len(affine), np.int64)
    bases[affine] = lattice.bases
    samples = np.empty_like(codes)
    call(library, f"affine_{codes.itemsize * 8}", codes, *codes.shape, steps, bases, samples)
    palettes = np.flatnonzero(lattice.modes == PALETTE)
    if len(palettes):
        ranks, modes = codes[:, palettes], lattice.modes[palettes]
        samples[:, palettes] = reference.values(
            ranks, modes, lattice.bases[:0], 0, lattice.sizes, lattice.gaps
        )
    return samples


def _found(samples: Array, step: int) -> tuple[Lattice, Array]:
    """Return the lattice of some samples, and their codes."""
    plain = Lattice.none(samples.shape[1]), samples
    lowest, highest = int(samples.min()), int(samples.max())
    width = highest - lowest + 1
    if width * samples.shape[1] * samples.itemsize > TABLE_BYTES:
        return plain
    levels = _levels(samples, lowest, width)
    lattice, table = _describe(levels, samples, step)
    if not lattice.modes.any() or not _gives_back(lattice, levels, table):
        return plain
    return lattice, _translate(samples, levels, table)


def _gives_back(lattice: Lattice, levels: _Levels, tables: Array) -> bool:
    """Say whether the code of each level of each channel becomes that level again."""
    counts = np.diff(levels.starts)
    places = np.minimum(np.arange(counts.max())[:, None], counts - 1) + levels.starts[:-1]
    values = levels.values[places]
    codes = tables[np.arange(len(counts)), values - levels.lowest]
    return bool((apply(codes, lattice) == values).all())


def _digital(samples: Array) -> Array:
    """Return which channels seem to have a few levels far apart."""
    apart, library = -(-len(samples) // GLANCED_AT), _glancing(samples)
    if library is not None:
        found = np.empty(samples.shape[1], np.uint8)
        given = samples, *samples.shape, apart, FEW_LEVELS, WIDE, found
        return np.flatnonzero(found) if call(library, "digital", *given) else _NONE
    some = np.array(samples[::apart].copy().T, order="C")
    some.sort(axis=1)
    levels = 1 + np.count_nonzero(some[:, 1:] != some[:, :-1], axis=1)
    wide = some[:, -1].astype(np.int64) - some[:, 0] >= WIDE
    return np.flatnonzero((levels <= FEW_LEVELS) & wide)


def _sparse(samples: Array) -> bool:
    """Say whether some channels leave out numbers in the middle of their range."""
    apart, library = -(-len(samples) // LOOKED_AT), _glancing(samples)
    channels = _probed(samples.shape[1])
    if library is not None:
        bins = scratch("bins", (1 << 16,), np.uint32)
        given = samples, *samples.shape, apart, channels, len(channels)
        found = call(library, "sparse", *given, ctypes.c_double(SPARSE), bins)
    else:
        rows = samples[::apart]
        first, second = np.array_split(channels, 2)
        found = int(_leave_out(rows[:, first]).sum())
        if found:
            found += int(_leave_out(rows[:, second]).sum())
    return found * 2 > len(channels)


def _glancing(samples: Array) -> ctypes.CDLL | None:
    """Return the kernels, where there are any for samples of this type."""
    return kernels() if samples.dtype == np.int16 else None


@cache
def _probed(channels: int) -> Array:
    return np.unique(np.linspace(0, channels - 1, PROBED).astype(np.int64))


def _leave_out(columns: Array) -> Array:
    """Return of which columns the values leave out numbers in the middle of their range."""
    ordered = np.array(columns[:: -(-len(columns) // LOOKED_AT)].T, order="C")
    ordered.sort(axis=1)
    rows = ordered.shape[1]
    middle = ordered[:, rows // 4 : rows - rows // 4].astype(np.int64)
    width = middle[:, -1] - middle[:, 0] + 1
    expected = width * -np.expm1(-middle.shape[1] / width)
    levels = 1 + np.count_nonzero(middle[:, 1:] != middle[:, :-1], axis=1)
    found: Array = (width >= 4) & (levels < SPARSE * expected)
    return found


def _levels(samples: Array, lowest: int, width: int) -> _Levels:
    seen = np.zeros((samples.shape[1], width), np.uint8)
    library = kernels()
    if library is None:
        for channel, column in enumerate(samples.T):
            seen[channel, column.astype(np.int64) - lowest] = 1
    else:
        name = f"mark_{samples.itemsize * 8}"
        call(library, name, samples, *samples.shape, lowest, width, seen)
    flat = np.flatnonzero(seen.view(np.bool_))
    channels, values = np.divmod(flat, width)
    starts = np.searchsorted(flat, np.arange(samples.shape[1] + 1) * width)
    return _Levels(values + lowest, channels, starts, lowest, width)


def _describe(levels: _Levels, samples: Array, known: int) -> tuple[Lattice, Array]:
    counts = np.diff(levels.starts)
    modes = np.zeros(len(counts), np.int16)
    table = np.arange(levels.lowest, levels.lowest + levels.width).astype(samples.dtype)
    tables = np.repeat(table[None], len(counts), axis=0)
    step, bases, shift, codes = _affine(levels, known)
    if step:
        fits = bases[0] <= bases[1]
        modes[fits] = AFFINE
        chosen = fits[levels.channels]
        places = levels.channels[chosen], levels.values[chosen] - levels.lowest
        tables[places] = codes[chosen]
    palettes = [
        channel
        for channel in np.flatnonzero(modes == PLAIN).tolist()
        if _leave_out(samples[:, [channel]])[0] and counts[channel] * 16 <= len(samples)
    ]
    modes[palettes] = PALETTE
    for channel in palettes:
        ranks = np.arange(counts[channel]) - counts[channel] // 2
        tables[channel, levels.of(channel) - levels.lowest] = ranks
    gaps = [np.diff(levels.of(channel), prepend=0) for channel in palettes]
    lattice = Lattice(
        modes,
        step,
        _rounded(bases[:, modes == AFFINE], shift),
        shift,
        counts[palettes].astype(np.int32),
        np.concatenate(gaps).astype(np.int32) if gaps else np.zeros(0, np.int32),
    )
    return lattice, tables


def _affine(levels: _Levels, known: int) -> tuple[int, Array, int, Array]:
    """Return a step, the interval of each channel's base, their shift, and a code for each level.

    Channels that the step does not fit have an empty interval. The step is 0 if none fits half.
    """
    counts = np.diff(levels.starts)
    best = (0, np.zeros((2, len(counts)), np.int64), 0, levels.values)
    most = counts.size // 2
    for step in itertools.chain([known] if known else [], _steps(levels)):
        bases, codes = _fit(levels, step)
        fitting = bases[0] <= bases[1]
        if np.count_nonzero(fitting) > most:
            most = int(np.count_nonzero(fitting))
            best = step, bases, _shift(bases[:, fitting]), codes
        if most == counts.size or (step == known and best[0]):
            break
    return best


def _fit(levels: _Levels, step: int) -> tuple[Array, Array]:
    first = levels.starts[:-1]
    counts = np.diff(levels.starts)
    scaled = levels.values << PLACES
    codes = (scaled - scaled[first][levels.channels] + step // 2) // step
    codes -= codes[first + counts // 2][levels.channels]
    low = scaled - step * codes
    lowest = np.maximum.reduceat(low, first)
    highest = np.minimum.reduceat(low, first) + (1 << PLACES) - 1
    return np.stack([lowest, highest]), codes


def _shift(intervals: Array) -> int:
    """Return how many low bits every base can do without."""
    lowest, highest = intervals
    return next(bits for bits in range(PLACES, -1, -1) if (highest >> bits << bits >= lowest).all())


def _rounded(intervals: Array, shift: int) -> Array:
    """Return, of each interval, a number near the middle whose low bits are zero."""
    lowest, highest = intervals
    middle = (lowest + highest) // 2 >> shift << shift
    found: Array = np.where(middle < lowest, highest >> shift << shift, middle)
    return found


def _steps(levels: _Levels) -> Iterator[int]:
    """Yield steps worth trying on all channels, the likeliest first."""
    counts = np.diff(levels.starts)
    probed = np.argsort(-counts, kind="stable")
    probed = probed[: np.clip(ASKED_LEVELS // counts[probed[0]], *ASKED)]
    intervals = [found for one in probed if (found := _interval(levels.of(int(one))))]
    if not intervals:
        return
    covering = [[pair for pair in intervals if pair[0] <= low <= pair[1]] for low, _ in intervals]
    agreed = max(covering, key=len)
    low, high = max(low for low, _ in agreed), min(high for _, high in agreed)
    spread = np.linspace(low, high, TRIED)
    order = np.argsort(np.abs(np.arange(TRIED) - TRIED // 2), kind="stable")
    steps = [round(value * (1 << PLACES)) for value in (round(low + high) / 2, *spread[order])]
    yield from (step for step in dict.fromkeys(steps) if step >= SMALLEST * (1 << PLACES))


def _interval(values: Array) -> tuple[float, float] | None:
    """Return between what bounds a step must lie to explain one channel's values."""
    gaps = np.diff(values)
    if len(gaps) < 7:
        return None
    least = int(gaps.min())
    typical = float(gaps[gaps <= least + 1].mean())
    for guess in (typical, float(least), least + 0.5, least + 1.0):
        if found := _narrowed(values - values[0], guess):
            return found
    return None


def _narrowed(distances: Array, guess: float) -> tuple[float, float] | None:
    """Narrow a guess with ever longer distances, each a whole number of steps but for rounding."""
    low, high, reach = guess * 0.75, guess * 1.25, 4.0 * guess
    while True:
        some = distances[1 : np.searchsorted(distances, reach, "right")]
        if len(some):
            codes = np.maximum(1, np.rint(some / ((low + high) / 2)))
            low = max(low, float(((some - 1) / codes).max()))
            high = min(high, float(((some + 1) / codes).min()))
        if low > high:
            return None
        if reach >= distances[-1]:
            return low, high
        reach *= 1.6


def _translate(samples: Array, levels: _Levels, tables: Array) -> Array:
    library = kernels()
    if library is None:
        channels = np.arange(samples.shape[1])
        return tables[channels, samples.astype(np.int64) - levels.lowest]
    codes = np.empty_like(samples)
    tables = np.ascontiguousarray(tables)
    name = f"translate_{samples.itemsize * 8}"
    call(library, name, samples, *samples.shape, levels.lowest, levels.width, tables, codes)
    return codes
