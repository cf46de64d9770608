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

DTYPES = {0: "int16", 1: "uint16", 2: "int32", 3: "uint32"}


def decode(stream: bytes) -> Array:
    """Return the samples of one stream: rows × channels.

    Parameters
    ----------
    stream : bytes
        One whole chunk, as it is stored.
    """
    magic, version, kind, dtype, bits, rows, channels, _ = struct.unpack_from("<4sBBBBIII", stream)
    if magic != b"PNLL" or version != 1:
        raise ValueError(f"not a stream of version 1: {stream[:5]!r}")
    at = 20
    stored = np.dtype(DTYPES[dtype]).newbyteorder("<")
    if kind == 0:
        return np.frombuffer(stream, stored, rows * channels, at).reshape(rows, channels)

    lanes, n_taps, n_pages, classes, shift, step = struct.unpack_from("<BBIIBq", stream, at)
    at += 19
    taps = [struct.unpack_from("<Bh", stream, at + 3 * k) for k in range(n_taps)]
    at += 3 * n_taps

    def numbers(count: int, kind: type) -> Array:
        nonlocal at
        if count == 0:
            return np.zeros(0, kind)
        (length,) = struct.unpack_from("<I", stream, at)
        found = standalone.simple_decompress(stream[at + 4 : at + 4 + length])
        at += 4 + length
        return np.asarray(found, kind)

    modes = numbers(channels, np.int16)
    bases = numbers(int((modes == 1).sum()), np.int64)
    sizes = numbers(int((modes == 2).sum()), np.int32)
    gaps = numbers(int(sizes.sum()), np.int32)
    offsets = numbers(channels, np.int32)
    weights = numbers(n_taps * classes, np.int32).reshape(n_taps, classes)
    order = numbers(channels, np.int32)
    pages = np.split(order, np.cumsum(numbers(n_pages, np.int32))[:-1])

    width = np.int16 if stored.itemsize == 2 else np.int32
    planes = np.empty((channels, rows), width)
    for page in pages:
        planes[page] = numbers(len(page) * rows, width).reshape(len(page), rows)

    codes = restore(planes, taps, weights, offsets, bits, lanes)
    samples = values(codes, modes, bases << shift, step, sizes, gaps)
    if stored.kind == "u":
        samples ^= np.iinfo(width).min
    return samples.view(stored.newbyteorder("="))


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
