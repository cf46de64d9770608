"""The entropy stage: residuals as tokens of an asymmetric numeral system, in blocks of like scale.

The range variant with eight interleaved states (Duda 2013, arXiv:1311.2540; Giesen 2014,
arXiv:1402.3392). Noise differs between channels and with time, so that each block of a channel is
coded with one of a few tables of frequencies.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs import reference
from panneuro.codecs.native import call, kernels
from panneuro.codecs.reference import LOWEST, PLACES
from panneuro.core.memory import scratch

Array = npt.NDArray[Any]

BLOCK = 128
"""Samples of a channel that share a table: about four milliseconds at 30 kHz."""

SHORTEST, LONGEST = 8, 1024

STATES = (8, 32)
MANY = 1 << 17
"""Of so many residuals and more, the more states are used: faster, at 96 bytes."""

DIRECT = 48
"""Numbers on either side of zero that have a token each."""

MOST_DIRECT = 95
MOST_TABLES = 64
TOKENS = 256

REACH = 12
"""Tokens of their own reach at most so many mean magnitudes, and at least half as many."""

PER_OCTAVE = 2
FINEST = 8
"""Scales are told apart by halves of an octave, from an eighth of a step on."""

LOYALTY = 0.75
"""Blocks keep the scale of the one before up to so many scales away: changes cost bits."""

TABLE_BITS = 250.0
"""About what a table takes…"""

ASTRAY_BITS = 0.14
"""…and what a sample loses that is coded with the table of the next scale."""

LEVEL_PARTS = 8
"""Levels tell parts of a share so fine."""

HIGHEST_LEVEL = 272

_SYMBOL_BYTES = 16


@dataclass(frozen=True)
class Coded:
    """Residuals of channels × rows, coded.

    Parameters
    ----------
    block : int
        Rows of a block; the last of a channel may be shorter.
    direct : int
        Numbers on either side of zero that have a token each.
    shifts : uint8 array, tables
        Low bits that a table leaves out.
    levels : int16 array, tables × tokens
        How frequent each token is: 0 never, else on a scale of sixteenths of an octave.
    tables : uint8 array, channels × blocks
        Which table each block uses.
    states : uint32 array, 8 or 32
        Where decoding begins.
    words : uint16 array
        What the states take in.
    extra : uint8 array
        The bits that tokens leave out.
    """

    block: int
    direct: int
    shifts: Array
    levels: Array
    tables: Array
    states: Array
    words: Array
    extra: Array


def encode(planes: Array, *, compiled: bool = True) -> Coded:
    """Return residuals, coded.

    Parameters
    ----------
    planes : int16 or int32 array, channels × rows
        In C order; not empty.
    compiled : bool
        Use the compiled kernels where there are any.
    """
    library = kernels() if compiled else None
    block = min(BLOCK, max(planes.shape[1], SHORTEST))
    return _plainly_coded(planes, block) if library is None else _packed(library, planes, block)


class _Rules(ctypes.Structure):
    """The ``rules`` of ``tables.h``."""

    _fields_ = (
        ("per_octave", ctypes.c_double),
        ("finest", ctypes.c_double),
        ("loyalty", ctypes.c_double),
        ("reach", ctypes.c_double),
        ("table_bits", ctypes.c_double),
        ("astray_bits", ctypes.c_double),
        ("most_tables", ctypes.c_int64),
        ("direct", ctypes.c_int64),
        ("level_parts", ctypes.c_int64),
        ("n_tokens", ctypes.c_int64),
    )


def _packed(library: ctypes.CDLL, planes: Array, block: int) -> Coded:
    channels, rows = planes.shape
    n_tokens, width = reference.n_tokens(DIRECT, planes.dtype), 8 * planes.itemsize
    numbers = PER_OCTAVE, FINEST, LOYALTY, REACH, TABLE_BITS, ASTRAY_BITS, MOST_TABLES, DIRECT
    rules = _Rules(*numbers, LEVEL_PARTS, n_tokens)
    tables = np.empty((channels, -(-rows // block)), np.uint8)
    shifts = np.empty(MOST_TABLES, np.uint8)
    levels = np.empty((MOST_TABLES, n_tokens), np.int16)
    states = np.empty(STATES[planes.size >= MANY], np.uint32)
    words = scratch("words", (planes.size + 8,), np.uint16)
    end = ctypes.c_void_p(words.ctypes.data + words.nbytes)
    extra = scratch("extra", (planes.size * (width + 1) // 8 + 8,), np.uint8)
    sizes = np.empty(3, np.int64)
    work = (
        scratch("sums", tables.shape, np.int64),
        scratch("tokens", planes.shape, np.uint8),
        scratch("counts", (MOST_TABLES, 8, TOKENS), np.uint32),
        scratch("symbols", (MOST_TABLES, TOKENS, _SYMBOL_BYTES), np.uint8),
    )
    found = tables, shifts, levels, states, len(states), end, extra, sizes
    given = ctypes.byref(rules), planes, rows, channels, block
    call(library, _named("pack", planes.dtype), *given, *found, *work)
    n_tables, n_words, n_extra = sizes.tolist()
    taken = words[len(words) - n_words :].copy(), extra[:n_extra].copy()
    return Coded(block, DIRECT, shifts[:n_tables], levels[:n_tables], tables, states, *taken)


def _plainly_coded(planes: Array, block: int) -> Coded:
    rows = planes.shape[1]
    tables, scales = _tables(_magnitudes(planes, block), rows, block)
    left_out = np.floor(scales / PER_OCTAVE - math.log2(FINEST * DIRECT / REACH))
    shifts = np.maximum(0, left_out).astype(np.uint8)
    tokens, counts = _tokens(planes, block, tables, shifts)
    levels = _levels(counts[:, : reference.n_tokens(DIRECT, planes.dtype)])
    states, words = _states(tokens, block, tables, reference.shares(levels))
    extra = _extra(planes, block, tables, shifts, tokens)
    return Coded(block, DIRECT, shifts, levels, tables, states, words, extra)


def decode(
    coded: Coded,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    *,
    compiled: bool = True,
    into: Array | None = None,
) -> Array | None:
    """Return residuals of some shape and type; None where that is not what was coded.

    What is in `into`, of that shape and type, may then be lost: it is memory for them.
    """
    library = kernels() if compiled else None
    if library is None:
        return _plainly(coded, reference.shares(coded.levels), shape, dtype)
    planes = np.empty(shape, dtype) if into is None else into
    levels = np.ascontiguousarray(coded.levels, np.int16)
    slots = scratch("slots", (len(levels), 1 << PLACES), np.uint32)
    call(library, "spread", levels, *levels.shape, slots)
    words = scratch("words", (len(coded.words) + coded.block + 8,), np.uint16)
    words[: len(coded.words)] = coded.words
    words[len(coded.words) :] = 0
    first = np.require(coded.states, requirements="A")
    states = words, len(coded.words), first, len(first), slots
    grid = (*reversed(shape), coded.block, coded.direct, coded.tables, coded.shifts)
    given = *states, coded.extra, len(coded.extra), *grid, planes
    return None if call(library, _named("decode", dtype), *given) else planes


def _plainly(
    coded: Coded, shares: Array, shape: tuple[int, int], dtype: np.dtype[Any]
) -> Array | None:
    try:
        return reference.residuals(
            shape,
            dtype,
            coded.block,
            coded.direct,
            coded.shifts,
            shares,
            coded.tables,
            coded.states,
            coded.words,
            coded.extra,
        )
    except (IndexError, ValueError):
        return None


def _named(kernel: str, dtype: np.dtype[Any]) -> str:
    return f"{kernel}_{8 * dtype.itemsize}"


def _magnitudes(planes: Array, block: int) -> Array:
    """Return the sum of magnitudes of each block of residuals: channels × blocks."""
    starts = np.arange(0, planes.shape[1], block)
    return np.add.reduceat(np.abs(planes.astype(np.int64)), starts, axis=1)


def _tables(sums: Array, rows: int, block: int) -> tuple[Array, Array]:
    """Return the table that each block uses, and the scale of each table."""
    lengths = np.full(sums.shape[1], block)
    lengths[-1] = rows - block * (sums.shape[1] - 1)
    exact = PER_OCTAVE * np.log2(FINEST * sums / lengths + 1)
    scales = np.rint(exact).astype(np.int64)
    for at in range(1, scales.shape[1]):
        near = np.abs(exact[:, at] - scales[:, at - 1]) < LOYALTY
        scales[near, at] = scales[near, at - 1]
    counts = np.bincount(scales.ravel())
    kept = _worthwhile({int(scale): int(counts[scale]) * block for scale in np.flatnonzero(counts)})
    into = np.zeros(len(counts), np.uint8)
    alive = sorted(set(kept.values()))
    into[list(kept)] = [alive.index(scale) for scale in kept.values()]
    return into[scales], np.array(alive)


def _worthwhile(counts: dict[int, int]) -> dict[int, int]:
    """Return for each scale the one whose table its samples use.

    Parameters
    ----------
    counts : dict
        Samples of each scale, by scale, ascending.
    """
    kept = {scale: scale for scale in counts}
    left = dict(counts)
    while len(left) > 1:
        scales = list(left)
        lost, a, b = min(
            (min(left[a], left[b]) * ASTRAY_BITS * (b - a) ** 2, a, b)
            for a, b in itertools.pairwise(scales)
        )
        if lost > TABLE_BITS and len(left) <= MOST_TABLES:
            break
        to, gone = (a, b) if left[a] >= left[b] else (b, a)
        left[to] += left.pop(gone)
        kept = {scale: to if table == gone else table for scale, table in kept.items()}
    return kept


def _tokens(planes: Array, block: int, tables: Array, shifts: Array) -> tuple[Array, Array]:
    """Return the token of each residual, and how often each table has each: tables × tokens."""
    each = _of_samples(tables, block, planes.shape[1])
    numbers = planes.astype(np.int64) >> shifts[each]
    beyond = np.where(numbers < 0, -numbers - DIRECT, numbers - DIRECT + 1)
    lengths = np.log2(np.maximum(beyond, 1)).astype(np.int64)
    tokens = np.where(beyond > 0, 2 * (DIRECT + lengths) + (numbers < 0), numbers + DIRECT)
    counts = np.zeros((len(shifts), TOKENS), np.int64)
    np.add.at(counts, (each, tokens), 1)
    return tokens.astype(np.uint8), counts


def _of_samples(of_blocks: Array, block: int, rows: int) -> Array:
    return np.repeat(of_blocks, block, axis=1)[:, :rows]


def _levels(counts: Array) -> Array:
    """Return levels whose shares come near the counts, coarser where counts are few.

    Each token that occurs has one share by itself; levels tell the rest.
    """
    total = counts.sum(axis=1, keepdims=True)
    exact = np.maximum(counts * ((1 << PLACES) / total) - 1, 0) * LEVEL_PARTS
    octave = np.maximum(np.frexp(exact)[1] - 4, 1)
    place = np.where(exact < 16, exact, 16 * (octave - 1) + exact / 2 ** (octave - 1))
    noisy = 16 / math.log(2) * np.sqrt(12 * (counts > 0).sum(axis=1, keepdims=True) / total)
    steps = 2 ** np.floor(np.log2(noisy.clip(1, 16)))
    return np.where(counts > 0, 1 + np.rint(place / steps) * steps, 0).astype(np.int16)


def _states(tokens: Array, block: int, tables: Array, shares: Array) -> tuple[Array, Array]:
    """Return the states after the last token (decoding begins there), and the words they gave."""
    channels, rows = tokens.shape
    begins = np.cumsum(shares, axis=1) - shares
    states = np.full(STATES[tokens.size >= MANY], LOWEST, np.int64)
    given = []
    for channel in range(channels - 1, -1, -1):
        for at in range((rows - 1) // block * block, -1, -block):
            own, begin = shares[tables[channel, at // block]], begins[tables[channel, at // block]]
            some = tokens[channel, at : at + block]
            step = len(states)
            for first in range((len(some) - 1) // step * step, -1, -step):
                now = some[first : first + step]
                share, state = own[now], states[: len(now)]
                full = state >= share << 19
                given.append(state[full] & 0xFFFF)
                state[full] >>= 16
                state[:] = (state // share << PLACES) + begin[now] + state % share
    words = np.concatenate(given[::-1]) if given else np.zeros(0)
    return states.astype(np.uint32), words.astype(np.uint16)


def _extra(planes: Array, block: int, tables: Array, shifts: Array, tokens: Array) -> Array:
    """Return the bits that tokens leave out."""
    shift = shifts[_of_samples(tables, block, planes.shape[1])].astype(np.int64)
    numbers = planes.astype(np.int64)
    above = numbers >> shift
    beyond = np.where(above < 0, -above - DIRECT, above - DIRECT + 1)
    far = np.maximum(0, (tokens.astype(np.int64) - 2 * DIRECT) >> 1)
    bits = (numbers & ((1 << shift) - 1)) | np.where(far, (beyond - (1 << far)) << shift, 0)
    places = np.arange(int((far + shift).max(initial=0)))
    each = (bits[..., None] >> places & 1).astype(np.uint8)
    return np.packbits(each[places < (far + shift)[..., None]], bitorder="little")
