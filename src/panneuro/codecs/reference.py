"""Read a stream of ``panneuro.lattice-lpc`` with nothing but NumPy and pcodec.

This file is the specification in code: plain loops, no kernels, nothing else of panneuro. It can
be copied beside data that must stay readable. It trusts its input; the codec itself checks it.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from pcodec import standalone

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = ("int16", "uint16", "int32", "uint32", "float32", "float64")
PLACES, LOWEST = 12, 1 << 15


class Parts:
    """A stream, taken apart from its beginning on."""

    def __init__(self, stream: bytes) -> None:
        self.stream, self.at = stream, 0

    def fields(self, layout: str) -> tuple[Any, ...]:
        """Return the next fields of a `struct` layout."""
        found = struct.unpack_from(layout, self.stream, self.at)
        self.at += struct.calcsize(layout)
        return found

    def plain(self, count: int, kind: Any) -> Array:
        """Return so many numbers that are stored as they are."""
        found = np.frombuffer(self.stream, kind, count, self.at)
        self.at += found.nbytes
        return found

    def numbers(self, count: int, kind: Any) -> Array:
        """Return a section of so many numbers; one of none is absent."""
        if count == 0:
            return np.zeros(0, kind)
        (length,) = self.fields("<I")
        self.at += length
        found = standalone.simple_decompress(self.stream[self.at - length : self.at])
        return np.asarray(found, kind)

    def listed(self, kind: str) -> Array:
        """Return a list: a count, then so many numbers as they are."""
        (count,) = self.fields("<I")
        return self.plain(count, kind)


def decode(stream: bytes) -> Array:
    """Return the samples of one stream: rows × channels.

    Parameters
    ----------
    stream : bytes
        One whole chunk, as it is stored.
    """
    parts = Parts(stream)
    magic, version, kind, dtype, bits, rows, channels, _ = parts.fields("<4sBBBBIII")
    if magic != b"PNLL" or version != 1:
        raise ValueError(f"not a stream of version 1: {stream[:5]!r}")
    stored = np.dtype(DTYPES[dtype])
    if kind == 0:
        return parts.plain(rows * channels, stored.newbyteorder("<")).reshape(rows, channels)
    if kind == 2:
        (count,) = parts.fields("<I")
        floats = parts.numbers(count, stored)
        return floats[decode(stream[parts.at : -4]).astype(np.int64) + (1 << 15)]
    width = np.dtype(f"i{stored.itemsize}")
    samples = coded(parts, rows, channels, bits, width)
    if stored.kind == "u":
        samples ^= np.iinfo(width).min
    return samples.view(stored)


def coded(parts: Parts, rows: int, channels: int, bits: int, width: np.dtype[Any]) -> Array:
    """Return the samples, signed, of the parts of a coded stream."""
    fields = parts.fields("<BBBBHIBq")
    lanes, n_taps, n_tables, direct, block, classes, shift, step = fields
    taps = [parts.fields("<Bh") for _ in range(n_taps)]
    modes = parts.numbers(channels, np.int16)
    bases = parts.numbers(int((modes == 1).sum()), np.int64)
    sizes = parts.numbers(int((modes == 2).sum()), np.int32)
    gaps = parts.numbers(int(sizes.sum()), np.int32)
    offsets = parts.numbers(channels, np.int32)
    weights = parts.numbers(n_taps * classes, np.int32).reshape(n_taps, classes)
    shifts = parts.plain(n_tables, np.uint8)
    levels = parts.numbers(n_tables * n_tokens(direct, width), np.int16).reshape(n_tables, -1)
    tables = parts.numbers(channels * -(-rows // block), np.int16).reshape(channels, -1)
    states, words, extra = (parts.listed(kind) for kind in ("<u4", "<u2", "u1"))
    frequencies = shares(np.cumsum(levels, axis=1))
    entropy = shifts, frequencies, np.cumsum(tables, axis=1), states, words, extra
    planes = residuals((channels, rows), width, block, direct, *entropy)
    codes = restore(planes, taps, weights, offsets, bits, lanes)
    return values(codes, modes, bases << shift, step, sizes, gaps)


def n_tokens(direct: int, dtype: np.dtype[Any]) -> int:
    """Return how many tokens a table speaks of."""
    return 2 * direct + 2 * (8 * dtype.itemsize + 1)


def shares(levels: Array) -> Array:
    """Return the shares, of 4096, of every token: tables × tokens."""
    place = np.maximum(levels.astype(np.int64) - 1, 0)
    octave = place >> 4
    weights = np.where(octave, (16 + (place & 15)) << np.maximum(octave - 1, 0), place)
    ends = np.cumsum(weights, axis=1)
    present = np.cumsum(levels > 0, axis=1)
    room = (1 << PLACES) - present[:, -1:]
    return np.diff(ends * room // ends[:, -1:] + present, axis=1, prepend=0)


def residuals(
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    block: int,
    direct: int,
    shifts: Array,
    shares: Array,
    tables: Array,
    states: Array,
    words: Array,
    extra: Array,
) -> Array:
    """Undo the entropy stage."""
    begins = np.cumsum(shares, axis=1) - shares
    slots = np.stack([np.repeat(np.arange(len(share)), share) for share in shares])
    tokens = np.empty(shape, np.int64)
    state, at = states.astype(np.int64), 0
    for channel, row in np.ndindex(tables.shape):
        table = tables[channel, row]
        some = tokens[channel, row * block : (row + 1) * block]
        for first in range(0, len(some), len(state)):
            now = state[: len(some) - first]
            slot = now & ((1 << PLACES) - 1)
            token = some[first : first + len(state)] = slots[table][slot]
            now[:] = shares[table][token] * (now >> PLACES) + slot - begins[table][token]
            low = np.flatnonzero(now < LOWEST)
            now[low] = now[low] << 16 | words[at : at + len(low)]
            at += len(low)
    shift = np.repeat(shifts[tables], block, axis=1)[:, : shape[1]].astype(np.int64)
    far = np.maximum(0, tokens - 2 * direct) >> 1
    ends = np.cumsum(far + shift).reshape(shape)
    if at != len(words) or (state != LOWEST).any() or -(-ends[-1, -1] // 8) != len(extra):
        raise ValueError("words or bits are left over or missing")
    places = np.arange(int((far + shift).max()))
    within = places < (far + shift)[..., None]
    each = np.unpackbits(extra, bitorder="little")[: ends[-1, -1]]
    bits = np.zeros(within.shape, np.int64)
    bits[within] = each
    bits = (bits << places).sum(axis=-1)
    beyond = (bits >> shift) + (1 << far)
    numbers = np.where(tokens & 1, -direct - beyond, direct - 1 + beyond)
    numbers = np.where(tokens < 2 * direct, tokens - direct, numbers)
    return (numbers << shift | bits & ((1 << shift) - 1)).astype(dtype)


def restore(
    planes: Array, taps: Any, weights: Array, offsets: Array, bits: int, lanes: int
) -> Array:
    """Undo the prediction: each sample is its residual plus a weighted sum of earlier ones."""
    channels, rows = planes.shape
    word = np.int32 if planes.dtype.itemsize == 2 else np.int64
    span = -(-rows // lanes)
    lag = max((lag for lag, _ in taps), default=0)
    reach = max((abs(distance) for _, distance in taps), default=0)
    weights, offsets = weights.astype(word), offsets.astype(word)
    residual = np.zeros((channels, lanes * span), planes.dtype)
    residual[:, :rows] = planes
    residual = residual.reshape(channels, lanes, span)
    history = np.zeros((span + lag, channels + 2 * reach, lanes), word)
    codes = np.empty((lanes, span, channels), planes.dtype)
    each = weights[:, np.arange(channels) % weights.shape[1]]
    past = [k for k, (back, _) in enumerate(taps) if back]
    present = [k for k, (back, _) in enumerate(taps) if not back]
    across = np.arange(channels) + reach
    sources = [across + taps[k][1] for k in past]
    beside = np.array([taps[k][1] for k in present], int) + reach
    for row in range(span):
        now = history[row + lag]
        totals = np.full((channels, lanes), (1 << bits) >> 1, word)
        for k, source in zip(past, sources, strict=True):
            totals += each[k][:, None] * history[row + lag - taps[k][0]][source]
        for channel in range(channels):
            total = totals[channel] + each[present, channel] @ now[channel + beside]
            code = residual[channel, :, row] + (total >> bits) + offsets[channel]
            code = code.astype(planes.dtype)
            codes[:, row, channel] = code
            now[channel + reach] = code - offsets[channel]
    return codes.reshape(lanes * span, channels)[:rows]


def values(codes: Array, modes: Array, bases: Array, step: int, sizes: Array, gaps: Array) -> Array:
    """Undo the lattice: a code is a sample, a step of an affine lattice, or a rank in a palette."""
    samples = codes.copy()
    for channel, base in zip(np.flatnonzero(modes == 1), bases, strict=True):
        samples[:, channel] = (codes[:, channel].astype(np.int64) * step + base) >> 20
    at = 0
    for channel, size in zip(np.flatnonzero(modes == 2), sizes, strict=True):
        palette = np.cumsum(gaps[at : at + size])
        samples[:, channel] = palette[codes[:, channel].astype(np.int64) + size // 2]
        at += size
    if not samples.flags.c_contiguous:
        samples = np.ascontiguousarray(samples)
    return samples
