"""Write an array as shards: in parallel, verified by decoding, a few chunks in memory at a time."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import CorruptionError, FormatError
from panneuro.signals.arrays import LazyArray
from panneuro.storage.layout import Layout, decode_index, encode_index

Observe = Callable[[int, npt.NDArray[Any]], None]
"""Called with the first row and the values of each block that is read; a block may come twice."""

_AHEAD = 3
"""Blocks read ahead of the one whose chunks are being collected."""


@dataclass(frozen=True)
class Shard:
    """One written shard.

    Parameters
    ----------
    key : str
        Below the array: ``c/0/0``.
    index : bytes
        Its index, as it stands at its end.
    data : memoryview
        The whole object.
    is_stored : bool
        Whether it was already in the store, intact.
    """

    key: str
    index: bytes
    data: memoryview
    is_stored: bool


class ArrayWriter:
    """Encodes a lazy array shard by shard.

    Parameters
    ----------
    data : array-like
        Read once, in order, in blocks of whole chunks.
    layout : Layout
        How it is cut and coded.
    executor : Executor
        Where chunks are encoded and verified: threads, since codecs release the interpreter.
    stored : callable, optional
        Given a shard's key, returns the object that an earlier attempt left in the store, or None.
        One that decodes to the very same values is not encoded or sent again.
    """

    def __init__(
        self,
        data: LazyArray,
        layout: Layout,
        executor: Executor,
        stored: Callable[[str], bytes | None] = lambda _: None,
    ) -> None:
        self.data = data
        self.layout = layout
        self.executor = executor
        self.stored = stored
        self.coder = layout.coder

    def shards(self, observe: Observe | None = None) -> Iterator[Shard]:
        """Yield every shard in order."""
        for position in itertools.product(*map(range, self.layout.grid)):
            yield self._shard(position, observe)

    def _shard(self, position: tuple[int, ...], observe: Observe | None) -> Shard:
        key = "c/" + "/".join(map(str, position))
        there = self.stored(key)
        spans = self._spans(there) if there is not None else None
        if (
            there is not None
            and spans is not None
            and self._intact(position, there, spans, observe)
        ):
            return Shard(key, there[-self.layout.index_bytes :], memoryview(there), True)
        body = bytearray()
        written: list[tuple[int, int] | None] = [None] * math.prod(self.layout.chunks_per_shard)
        for number, encoded in self._encoded(position, observe):
            written[number] = (len(body), len(encoded))
            body += encoded
        index = encode_index(written)
        body += index
        return Shard(key, index, memoryview(body), False)

    def _encoded(
        self, position: tuple[int, ...], observe: Observe | None
    ) -> Iterator[tuple[int, bytes]]:
        waiting: deque[tuple[int, Future[bytes]]] = deque()
        for block in self._blocks(position, observe):
            waiting.extend(
                (number, self.executor.submit(self.coder.encode_verified, values))
                for number, values in block
            )
            while len(waiting) > _AHEAD * len(block):
                number, future = waiting.popleft()
                yield number, future.result()
        for number, future in waiting:
            yield number, future.result()

    def _blocks(
        self, position: tuple[int, ...], observe: Observe | None
    ) -> Iterator[list[tuple[int, npt.NDArray[Any]]]]:
        """Yield, for each row of chunks in a shard, the chunks by number within it."""
        layout = self.layout
        first = position[0] * layout.shard[0]
        last = min(first + layout.shard[0], layout.shape[0])
        widths = layout.chunks_per_shard[1:]
        for row, start in enumerate(range(first, last, layout.chunk[0])):
            values = self._read(start, min(start + layout.chunk[0], last))
            if observe:
                observe(start, values)
            corners = itertools.product(*map(range, widths))
            block = []
            for column, corner in enumerate(corners):
                where = tuple(
                    slice(at * step, (at + 1) * step)
                    for at, step in zip(corner, layout.chunk[1:], strict=True)
                )
                tile = values[(slice(None), *where)]
                if tile.size:
                    block.append((row * math.prod(widths) + column, tile))
            yield block

    def _read(self, start: int, stop: int) -> npt.NDArray[Any]:
        values = np.asarray(self.data[start:stop])
        expected = (stop - start, *self.layout.shape[1:])
        if values.shape != expected or values.dtype != self.layout.dtype:
            raise FormatError(
                f"reading rows {start} to {stop}: found {values.shape} {values.dtype}, "
                f"not {expected} {self.layout.dtype}",
                hint="the source may be truncated; compare its size with what its header says",
            )
        return values

    def _spans(self, there: bytes) -> list[tuple[int, int] | None] | None:
        if len(there) < self.layout.index_bytes:
            return None
        try:
            return decode_index(there[-self.layout.index_bytes :])
        except (ValueError, RuntimeError):
            return None

    def _intact(
        self,
        position: tuple[int, ...],
        there: bytes,
        spans: list[tuple[int, int] | None],
        observe: Observe | None,
    ) -> bool:
        """Say whether a shard from an earlier attempt holds exactly the source's values."""
        checks: deque[Future[None]] = deque()
        try:
            for block in self._blocks(position, observe):
                for number, values in block:
                    span = spans[number]
                    if span is None:
                        return False
                    piece = there[span[0] : span[0] + span[1]]
                    checks.append(self.executor.submit(self.coder.verify, values, piece))
                while len(checks) > _AHEAD * len(block):
                    checks.popleft().result()
            for check in checks:
                check.result()
        except (CorruptionError, ValueError, RuntimeError):
            return False
        return True
