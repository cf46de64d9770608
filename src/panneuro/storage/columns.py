"""Long columns of small chunks, read without Zarr's cost for each chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from zarr import Array as ZarrArray
from zarr.codecs import ShardingCodec

from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import EVENT_CHUNK, index_table, spans_of

Fetch = Callable[[str, int, int], bytes]
"""Given an object's key, an offset and a length, reads so many bytes."""


@dataclass(frozen=True)
class Column:
    """A one-dimensional sharded array of numbers, in chunks as small as those of spike times.

    Parameters
    ----------
    path : str
        Of the array.
    length : int
        Of the array.
    rows : int
        Elements of a shard.
    coder : ChunkCoder
        Of its inner chunks.
    indexes : mapping of str to bytes
        By key of a shard, its index.
    fetch : callable
        Reads part of a shard.
    """

    path: str
    length: int
    rows: int
    coder: ChunkCoder
    indexes: Mapping[str, bytes] = field(repr=False)
    fetch: Fetch = field(repr=False)
    _tables: dict[str, npt.NDArray[np.uint64]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, array: ZarrArray[Any], indexes: Mapping[str, bytes], fetch: Fetch) -> Column | None:
        """Return an array as a column, None where it is better left to Zarr."""
        codecs: Any = getattr(array.metadata, "codecs", ())
        if array.ndim != 1 or array.dtype.kind not in "iuf" or not array.shards:
            return None
        sharding = codecs[0]
        if not isinstance(sharding, ShardingCodec) or sharding.chunk_shape[0] > EVENT_CHUNK:
            return None
        inner = tuple(codec.to_dict() for codec in sharding.codecs)
        coder = ChunkCoder(sharding.chunk_shape, np.dtype(array.dtype), inner)
        return cls(array.path, array.shape[0], array.shards[0], coder, indexes, fetch)

    def read(self, start: int, stop: int) -> npt.NDArray[Any] | None:
        """Return the elements of a range, in one request for each shard that it touches.

        None where chunks are missing or do not adjoin, which Zarr knows how to read.
        """
        start, stop, _ = slice(start, stop).indices(self.length)
        result = np.empty(max(0, stop - start), self.coder.dtype)
        at = start
        while at < stop:
            shard, first = divmod(at, self.rows)
            until = min(stop, (shard + 1) * self.rows)
            if not self._fill(result[at - start : until - start], f"{self.path}/c/{shard}", first):
                return None
            at = until
        return result

    def _fill(self, result: npt.NDArray[Any], key: str, first: int) -> bool:
        """Put the elements of one shard from `first` on into `result`; say whether it could be."""
        (rows,) = self.coder.shape
        one, last = first // rows, (first + len(result) - 1) // rows
        spans = [span for span in spans_of(self._index(key)[one : last + 1]) if span]
        if len(spans) <= last - one or any(sum(a) != b[0] for a, b in pairwise(spans)):
            return False
        begin = spans[0][0]
        data = self.fetch(key, begin, sum(spans[-1]) - begin)
        at = one * rows - first
        for offset, size in spans:
            values = self.coder.decode(data[offset - begin : offset - begin + size])
            low, high = max(at, 0), min(at + rows, len(result))
            result[low:high] = values[low - at : high - at]
            at += rows
        return True

    def _index(self, key: str) -> npt.NDArray[np.uint64]:
        """Return where the chunks of a shard are, nothing where the head does not know."""
        if key not in self._tables:
            index = self.indexes.get(key)
            self._tables[key] = index_table(index) if index else np.empty((0, 2), np.uint64)
        return self._tables[key]
