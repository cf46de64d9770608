"""How an array is cut: inner chunks for reading, shards for storing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.storage.chunks import ChunkCoder, CodecConfig
from panneuro.storage.pyramid import FACTOR, Pyramid

CHUNK_BYTES = 2 << 20
"""Inner chunks hold at most this many raw bytes: a quarter of a second of 96 channels at 30 kHz.

With half as many, coding takes a third longer, and what has few channels is stored in more."""

SHARD_BYTES = 256 << 20
"""Shards hold at most about this many raw bytes: 11 s of 384 channels at 30 kHz."""

BLOCK_BYTES = 32 << 20
"""Chunks beside one another, what is read at once, hold at most about this many raw bytes."""

ROWS = FACTOR * FACTOR
"""Rows in a shard are a multiple of this, so that shards hold whole bins of a pyramid."""

TILE = 96
"""Channels in a chunk: enough neighbours to compress well, few enough to read a site alone. What
fits one chunk is not cut."""

EVENT_CHUNK = 4096
"""The most times in a chunk of events: one unit's spikes are a chunk or two."""

LEAST_EVENTS = 128
"""The fewest times in a chunk of events: with fewer, they are coded markedly worse."""

EVENT_CHUNKS = 1 << 15
"""Chunks that events are cut into at most for the sake of units that hardly fire."""

INDEX_CODECS: tuple[CodecConfig, ...] = (
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "crc32c"},
)
_MISSING = 2**64 - 1


@dataclass(frozen=True)
class Layout:
    """How one array is cut and coded.

    Parameters
    ----------
    shape : tuple of int
        Of the whole array.
    dtype : dtype
        Of its elements.
    chunk : tuple of int
        Of an inner chunk: what is read and decoded at once.
    shard : tuple of int
        Of a shard, a whole number of chunks along each axis: what is one object.
    codecs : sequence of mapping
        Zarr v3 codecs of the inner chunks.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]
    codecs: Sequence[CodecConfig]

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of shards along each axis."""
        return tuple(
            -(-length // step) for length, step in zip(self.shape, self.shard, strict=True)
        )

    @property
    def chunks_per_shard(self) -> tuple[int, ...]:
        """Number of chunks along each axis of a shard."""
        return tuple(s // c for s, c in zip(self.shard, self.chunk, strict=True))

    @property
    def index_bytes(self) -> int:
        """Size of the index at the end of every shard."""
        return 16 * math.prod(self.chunks_per_shard) + 4

    @property
    def coder(self) -> ChunkCoder:
        """What encodes and decodes the inner chunks."""
        return ChunkCoder(self.chunk, self.dtype, self.codecs)

    def metadata(self, fill_value: Any) -> dict[str, Any]:
        """Return what ``zarr.json`` says of shape, chunks and codecs."""
        sharding = {
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": list(self.chunk),
                "codecs": [dict(codec) for codec in self.codecs],
                "index_codecs": [dict(codec) for codec in INDEX_CODECS],
                "index_location": "end",
            },
        }
        return {
            "shape": list(self.shape),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill_value,
            "codecs": [sharding],
        }


def cut(
    shape: tuple[int, ...], dtype: np.dtype[Any], row_chunk: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose the inner chunk and the shard of an array whose first axis is time or rows.

    Parameters
    ----------
    shape : tuple of int
        Of the array, nowhere zero.
    dtype : dtype
        Of its elements.
    row_chunk : int, optional
        Rows of an inner chunk, where the use decides and not the size (`event_rows`).

    Returns
    -------
    chunk, shard : tuple of int

    Examples
    --------
    >>> cut((108_000_000, 384), np.dtype("int16"))
    ((8192, 96), (344064, 384))
    >>> cut((24_320, 128), np.dtype("int16"))
    ((12160, 64), (24320, 128))
    >>> cut((1000, 385), np.dtype("int16"))
    ((1000, 385), (1000, 385))
    >>> cut((5_000_000,), np.dtype("float64"), row_chunk=EVENT_CHUNK)
    ((4096,), (5001216,))
    """
    is_small = math.prod(shape) * dtype.itemsize <= CHUNK_BYTES
    narrow = len(shape) == 2 and not is_small
    tile = (even(shape[1], TILE),) if narrow else tuple(shape[1:])
    tile_bytes = math.prod(tile) * dtype.itemsize
    width = tuple(-(-length // step) * step for length, step in zip(shape[1:], tile, strict=True))
    row_bytes = math.prod(width) * dtype.itemsize
    fitting = max(1, min(CHUNK_BYTES // tile_bytes, BLOCK_BYTES // row_bytes))
    rows = min(row_chunk or _rounded(fitting), shape[0])
    per_shard = max(1, SHARD_BYTES // (rows * row_bytes))
    if Pyramid.suits(shape, dtype):
        whole = ROWS // math.gcd(rows, ROWS)
        per_shard = max(1, per_shard // whole) * whole
    if shape[0] <= rows * per_shard:
        if row_chunk is None:
            rows = even(shape[0], rows, FACTOR)
        per_shard = -(-shape[0] // rows)
    return (rows, *tile), (rows * per_shard, *width)


def event_rows(ends: npt.NDArray[np.int64]) -> int:
    """Choose how many times are in a chunk of events, so that units are read nearly alone.

    A unit's times are read with, on average, another chunk of them. A chunk is therefore twice as
    long as the train of a unit that fires less than 19 of 20 others: those 19 are read at less than
    three times their size, even where nothing is gained by compression.

    Parameters
    ----------
    ends : ndarray of int64, shape (n_units,)
        Where the times of each unit end.

    Examples
    --------
    >>> event_rows(np.arange(1, 2001) * 300)
    512
    >>> event_rows(np.arange(1, 11) * 5_000_000), event_rows(np.array([3, 7]))
    (4096, 128)
    """
    counts = np.diff(ends, prepend=0)
    counts = counts[counts > 0]
    if not len(counts):
        return EVENT_CHUNK
    wanted = 2 * int(np.quantile(counts, 0.05, method="lower"))
    least = max(LEAST_EVENTS, -(-int(ends[-1]) // EVENT_CHUNKS))
    return min(1 << (max(wanted, least).bit_length() - 1), EVENT_CHUNK)


def _rounded(rows: int) -> int:
    """Return rows of a chunk, rounded down to fill whole bins of a pyramid or to divide them."""
    return rows // ROWS * ROWS or 1 << (rows.bit_length() - 1)


def even(length: int, most: int, step: int = 1) -> int:
    """Return the size of pieces, a multiple of `step`, that cut a length with little left over.

    What is left over is padded in the last piece, and coded like the rest.

    Examples
    --------
    >>> even(10_000, 4_096)
    3334
    """
    pieces = -(-length // most)
    return min(-(-length // (pieces * step)) * step, most)


def encode_index(spans: Sequence[tuple[int, int] | None]) -> bytes:
    """Return a shard's index: offset and length of each chunk, with a checksum."""
    table = np.full((len(spans), 2), _MISSING, dtype="<u8")
    for row, span in enumerate(spans):
        if span is not None:
            table[row] = span
    return ChunkCoder(table.shape, table.dtype, INDEX_CODECS).encode(table)


def decode_index(data: bytes) -> list[tuple[int, int] | None]:
    """Return the offset and length of each chunk from a shard's index.

    Raises
    ------
    ValueError
        If the checksum is wrong.
    """
    return spans_of(index_table(data))


def index_table(data: bytes) -> npt.NDArray[np.uint64]:
    """Return a shard's index, shape (n_chunks, 2), as `decode_index` reads it."""
    shape = ((len(data) - 4) // 16, 2)
    return ChunkCoder(shape, np.dtype("<u8"), INDEX_CODECS).decode(data)


def spans_of(table: npt.NDArray[np.uint64]) -> list[tuple[int, int] | None]:
    """Return the offset and length of each chunk in rows of an index, None where there is none."""
    return [None if offset == _MISSING else (offset, length) for offset, length in table.tolist()]
