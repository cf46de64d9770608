"""Ranges of sharded arrays: few requests, chunks decoded side by side, no cost but theirs."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from zarr import Array as ZarrArray
from zarr.codecs import ShardingCodec

from panneuro.core.cores import cores_here
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import index_table, spans_of

Array = npt.NDArray[Any]
Fetch = Callable[[str, int, int], bytes]
"""Given an object's key, an offset and a length, reads so many bytes."""

Box = tuple[tuple[int, int], ...]
"""First and last but one element of each axis."""

GAP_BYTES = 1 << 16
"""What lies between two chunks is read with them rather than asked for apart, if it is less."""

RUN_BYTES = 16 << 20
"""Chunks that adjoin are read at once, but not more bytes than this."""

FETCHED_AT_ONCE = 8
ALONE_BYTES = 1 << 20
"""Fewer raw bytes than this are decoded by the thread that asks."""


@dataclass(frozen=True)
class _Chunk:
    """Where a chunk lies: in its shard, and in the array."""

    offset: int
    size: int
    corner: tuple[int, ...]


@dataclass(frozen=True)
class _Run:
    """Chunks of a shard that are read together, by offset."""

    key: str
    chunks: tuple[_Chunk, ...]

    @property
    def begin(self) -> int:
        return self.chunks[0].offset

    @property
    def size(self) -> int:
        return self.chunks[-1].offset + self.chunks[-1].size - self.begin


@dataclass(frozen=True)
class Sharded:
    """A sharded array of numbers whose indexes are known.

    Parameters
    ----------
    path : str
        Of the array.
    shape, shard : tuple of int
        Of the array and of a shard.
    coder : ChunkCoder
        Of its inner chunks.
    indexes : mapping of str to bytes
        By key of a shard, its index.
    fetch : callable
        Reads part of a shard.
    """

    path: str
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    coder: ChunkCoder
    indexes: Mapping[str, bytes] = field(repr=False)
    fetch: Fetch = field(repr=False)
    _tables: dict[str, Array] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, array: ZarrArray[Any], indexes: Mapping[str, bytes], fetch: Fetch
    ) -> Sharded | None:
        """Return an array as one of these, None where it is left to Zarr."""
        codecs: Any = getattr(array.metadata, "codecs", ())
        if array.dtype.kind not in "iuf" or not array.shards or 0 in array.shape:
            return None
        sharding = codecs[0]
        if not isinstance(sharding, ShardingCodec):
            return None
        inner = tuple(codec.to_dict() for codec in sharding.codecs)
        coder = ChunkCoder(sharding.chunk_shape, np.dtype(array.dtype), inner)
        return cls(array.path, array.shape, array.shards, coder, indexes, fetch)

    def read(self, key: Any) -> Array | None:
        """Return the elements of a range of each axis.

        Parameters
        ----------
        key : slice, int or tuple of these
            As NumPy takes it.

        Returns
        -------
        ndarray or None
            None where the key is of another kind or chunks are missing, which Zarr knows to read.
        """
        found = _box(key, self.shape)
        if found is None:
            return None
        box, kept = found
        result = np.empty([stop - start for start, stop in box], self.coder.dtype)
        if result.size:
            runs = self._runs(box)
            if runs is None:
                return None
            self._fill(result, box, runs)
        return result.reshape(kept)

    def _fill(self, result: Array, box: Box, runs: list[_Run]) -> None:
        n_chunks = sum(len(run.chunks) for run in runs)
        raw = n_chunks * math.prod(self.coder.shape) * self.coder.dtype.itemsize
        threads = min(n_chunks, cores_here()) if raw > ALONE_BYTES else 1
        if threads == 1 and len(runs) == 1:
            self._decode(result, box, runs[0], self._read(runs[0]), map)
            return
        with ThreadPoolExecutor(FETCHED_AT_ONCE) as fetching, ThreadPoolExecutor(threads) as pool:
            for some in itertools.batched(runs, FETCHED_AT_ONCE):
                for run, data in zip(some, fetching.map(self._read, some), strict=True):
                    self._decode(result, box, run, data, pool.map)

    def _read(self, run: _Run) -> bytes:
        return self.fetch(run.key, run.begin, run.size)

    def _decode(
        self, result: Array, box: Box, run: _Run, data: bytes, mapped: Callable[..., Iterator[None]]
    ) -> None:
        def place(chunk: _Chunk) -> None:
            first = chunk.offset - run.begin
            values = self.coder.decode(data[first : first + chunk.size])
            into, part = [], []
            for (start, stop), corner, length in zip(
                box, chunk.corner, self.coder.shape, strict=True
            ):
                low, high = max(start, corner), min(stop, corner + length)
                into.append(slice(low - start, high - start))
                part.append(slice(low - corner, high - corner))
            result[tuple(into)] = values[tuple(part)]

        for _ in mapped(place, run.chunks):
            pass

    def _runs(self, box: Box) -> list[_Run] | None:
        """Return what to read, None where a chunk is missing."""
        runs: list[_Run] = []
        touched = [range(a // n, -(-b // n)) for (a, b), n in zip(box, self.shard, strict=True)]
        for position in itertools.product(*touched):
            key = "/".join([self.path, "c", *map(str, position)])
            chunks = self._chunks(key, position, box)
            if chunks is None:
                return None
            runs += _joined(key, sorted(chunks, key=lambda chunk: chunk.offset))
        return runs

    def _chunks(self, key: str, position: tuple[int, ...], box: Box) -> list[_Chunk] | None:
        index = self._index(key)
        if index is None:
            return None
        origin = [at * n for at, n in zip(position, self.shard, strict=True)]
        per_shard = [n // c for n, c in zip(self.shard, self.coder.shape, strict=True)]
        ranges = [
            range(max(0, (start - first) // step), min(count, -(-(stop - first) // step)))
            for (start, stop), first, step, count in zip(
                box, origin, self.coder.shape, per_shard, strict=True
            )
        ]
        found = index.reshape(*per_shard, 2)[tuple(slice(r.start, r.stop) for r in ranges)]
        spans = spans_of(found.reshape(-1, 2))
        corners = itertools.product(
            *(
                [first + at * step for at in places]
                for first, step, places in zip(origin, self.coder.shape, ranges, strict=True)
            )
        )
        if None in spans:
            return None
        return [_Chunk(*span, corner) for span, corner in zip(spans, corners, strict=True) if span]

    def _index(self, key: str) -> Array | None:
        """Return where the chunks of a shard are, None where the head does not know."""
        if key not in self._tables:
            if key not in self.indexes:
                return None
            self._tables[key] = index_table(self.indexes[key])
        return self._tables[key]


def _joined(key: str, chunks: list[_Chunk]) -> Iterator[_Run]:
    run: list[_Chunk] = []
    for chunk in chunks:
        if run:
            end = run[-1].offset + run[-1].size
            long = chunk.offset + chunk.size - run[0].offset > RUN_BYTES
            if long or not 0 <= chunk.offset - end <= GAP_BYTES:
                yield _Run(key, tuple(run))
                run = []
        run.append(chunk)
    yield _Run(key, tuple(run))


def _box(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[int, ...]] | None:
    """Return the ranges that a key means, and the shape of the result; None for other keys."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in parts):
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) + 1 - len(parts))
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) != len(shape):
        return None
    box, kept = [], []
    for part, length in zip(parts, shape, strict=True):
        if isinstance(part, slice) and part.step in (None, 1):
            start, stop, _ = part.indices(length)
            box.append((start, max(start, stop)))
            kept.append(max(start, stop) - start)
        elif isinstance(part, int | np.integer) and -length <= part < length:
            at = operator.index(part) % length
            box.append((at, at + 1))
        else:
            return None
    return tuple(box), tuple(kept)
