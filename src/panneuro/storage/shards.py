"""Write an array as shards: in parallel, verified by decoding, while the one before is put away."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.cores import cores_here
from panneuro.core.digests import digest_bytes
from panneuro.core.errors import ConflictError, CorruptionError, FormatError
from panneuro.core.memory import Pile, scratch
from panneuro.signals.arrays import LazyArray
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import Layout, decode_index, encode_index
from panneuro.storage.settling import ATTEMPTS

Observe = Callable[[int, int], None]
"""Told, in order, the first row and the row after the last of each block that is done; a block may
come twice."""

Look = Callable[[int, npt.NDArray[Any], int], None]
"""Called, in any thread, with the first row, the values and the first column of each chunk when it
is in the cache of a core; a chunk may come twice."""

Send = Callable[[str, memoryview, str], bool]
"""Given a shard's key, the object and the digest of a damaged one that it replaces, puts it.

Says whether it is there now; if not, another writer's is.
"""

_RATIO = 8
"""Hardly ever is what is coded smaller than raw by more: so much memory is taken at once."""

_AHEAD = 3
"""At least so many blocks are worked on beside the one whose chunks are being collected."""


@dataclass(frozen=True)
class _Block:
    """Chunks beside one another: their number in the shard, the first row, that after the last."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class _Tile:
    """What a chunk is to hold: its number in the shard, its place in the array, its values."""

    number: int
    row: int
    column: int
    values: npt.NDArray[Any]


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
        The whole object, until the next shard but one is asked for: its memory is used again.
    is_stored : bool
        Whether it was already in the store, intact.
    """

    key: str
    index: bytes
    data: memoryview
    is_stored: bool


Done = Callable[[Shard], None]
"""Told of a shard that is in the store."""


class ArrayWriter:
    """Encodes a lazy array shard by shard.

    Parameters
    ----------
    data : array-like
        Read once, in blocks of whole chunks, in any thread but by one at a time.
    layout : Layout
        How it is cut and coded.
    executor : Executor
        Where chunks are encoded and verified: threads, since codecs release the interpreter.
    stored : callable, optional
        Given a shard's key, returns the object that an earlier attempt or another writer left in
        the store, or None. One that decodes to the very same values is kept as it is: codecs may
        give other bytes on another machine.
    send : callable, optional
        Puts a shard into the store.
    look : callable, optional
        Shown every chunk.
    """

    def __init__(
        self,
        data: LazyArray,
        layout: Layout,
        executor: Executor,
        stored: Callable[[str], bytes | None] = lambda _: None,
        send: Send = lambda *_: True,
        look: Look = lambda *_: None,
    ) -> None:
        self.data = data
        self.layout = layout
        self.executor = executor
        self.stored = stored
        self.send = send
        self.look = look
        self.coder = layout.coder
        self._ahead = max(_AHEAD, cores_here() + 1)
        self._reading = Lock()

    def shards(
        self, observe: Observe | None = None, done: Done = lambda _: None
    ) -> Iterator[Shard]:
        """Yield every shard in order, when it is in the store.

        One is put there while the next is encoded: two are in memory at a time.

        Parameters
        ----------
        observe : callable, optional
            Told of every block.
        done : callable, optional
            Told of each shard that is in the store, in order, while the next is encoded.
        """
        raw_bytes = math.prod(self.layout.shard) * self.layout.dtype.itemsize
        piles = itertools.cycle([Pile(raw_bytes // _RATIO), Pile(raw_bytes // _RATIO)])
        with ThreadPoolExecutor(1, "panneuro-shards") as apart:
            before: Future[Shard] | None = None
            for position in itertools.product(*map(range, self.layout.grid)):
                begin = partial(self._begun, position, observe, next(piles))
                begun = begin()
                if before is not None:
                    yield before.result()
                before = apart.submit(self._ended, begun, begin, done)
                del begun
            if before is not None:
                yield before.result()

    def _begun(
        self, position: tuple[int, ...], observe: Observe | None, pile: Pile
    ) -> tuple[Shard, str]:
        """Return the shard in the store or a new one, and the digest of a damaged one there."""
        key = "c/" + "/".join(map(str, position))
        found = self._found(position, key, observe)
        if isinstance(found, Shard):
            return found, ""
        return self._made(position, key, observe, pile), found

    def _ended(
        self, begun: tuple[Shard, str], begin: Callable[[], tuple[Shard, str]], done: Done
    ) -> Shard:
        """Return a shard once it is in the store."""
        for _ in range(ATTEMPTS):
            shard, damaged = begun
            if shard.is_stored or self.send(shard.key, shard.data, damaged):
                done(shard)
                return shard
            begun = begin()
        raise ConflictError(
            f"writing the shard {begun[0].key!r}: other writers keep replacing it by what is "
            "damaged",
            hint="run the same line again",
        )

    def _found(self, position: tuple[int, ...], key: str, observe: Observe | None) -> Shard | str:
        """Return the shard in the store; the digest of what is there if it is damaged, else ''."""
        there = self.stored(key)
        if there is None:
            return ""
        spans = self._spans(there)
        if spans is not None and self._intact(position, there, spans, observe):
            return Shard(key, there[-self.layout.index_bytes :], memoryview(there), True)
        return digest_bytes(there)

    def _made(
        self, position: tuple[int, ...], key: str, observe: Observe | None, pile: Pile
    ) -> Shard:
        pile.clear()
        written: list[tuple[int, int] | None] = [None] * math.prod(self.layout.chunks_per_shard)
        for number, encoded in self._encoded(position, observe):
            written[number] = (pile.add(encoded), len(encoded))
        index = encode_index(written)
        pile.add(index)
        return Shard(key, index, pile.held, False)

    def _encoded(
        self, position: tuple[int, ...], observe: Observe | None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the chunks of a shard, each tile of channels by a coder of its own.

        A codec may remember what suited its first chunk. The first block is waited for, so that
        what is written does not depend on which thread is first.
        """
        coders = [self.layout.coder for _ in range(math.prod(self.layout.chunks_per_shard[1:]))]
        first, *others = self._blocks(position)
        code = partial(self._coded, coders)
        for found in self.executor.map(code, ([tile] for tile in self._tiles(first))):
            yield from found
        if observe:
            observe(first.start, first.stop)
        for found in self._worked(others, code, observe):
            yield from found

    def _worked[Found](
        self,
        blocks: Iterable[_Block],
        work: Callable[[list[_Tile]], Found],
        observe: Observe | None,
    ) -> Iterator[Found]:
        """Yield what is made of each block, in order.

        One is read by who works on it: it is in the cache of that core then, and no more are in
        memory than there are workers.
        """
        waiting: deque[tuple[_Block, Future[Found]]] = deque()

        def ended() -> Found:
            block, future = waiting.popleft()
            found = future.result()
            if observe:
                observe(block.start, block.stop)
            return found

        def read(block: _Block) -> Found:
            return work(self._tiles(block))

        for block in blocks:
            waiting.append((block, self.executor.submit(read, block)))
            if len(waiting) > self._ahead:
                yield ended()
        while waiting:
            yield ended()

    def _coded(self, coders: list[ChunkCoder], tiles: list[_Tile]) -> list[tuple[int, bytes]]:
        found = []
        for tile in tiles:
            values = _gathered(tile.values)
            self.look(tile.row, values, tile.column)
            coder = coders[tile.number % len(coders)]
            found.append((tile.number, coder.encode_verified(values)))
        return found

    def _blocks(self, position: tuple[int, ...]) -> Iterator[_Block]:
        """Yield the rows of chunks in a shard."""
        rows, (length, *_), chunk = self.layout.shard[0], self.layout.shape, self.layout.chunk[0]
        last = min((position[0] + 1) * rows, length)
        for number, start in enumerate(range(position[0] * rows, last, chunk)):
            yield _Block(number, start, min(start + chunk, last))

    def _tiles(self, block: _Block) -> list[_Tile]:
        """Read what the chunks beside one another are to hold."""
        with self._reading:
            values = self._read(block.start, block.stop)
        widths, found = self.layout.chunks_per_shard[1:], []
        for column, corner in enumerate(itertools.product(*map(range, widths))):
            where = tuple(
                slice(at * step, (at + 1) * step)
                for at, step in zip(corner, self.layout.chunk[1:], strict=True)
            )
            tile = values[(slice(None), *where)]
            if tile.size:
                number = block.number * math.prod(widths) + column
                left = where[0].start if where else 0
                found.append(_Tile(number, block.start, left, tile))
        return found

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
        try:
            holds = partial(self._holds, there, spans)
            return all(self._worked(self._blocks(position), holds, observe))
        except (CorruptionError, ValueError, RuntimeError):
            return False

    def _holds(self, there: bytes, spans: list[tuple[int, int] | None], tiles: list[_Tile]) -> bool:
        """Say whether a shard has the values of some tiles; those that differ are told."""
        for tile in tiles:
            span = spans[tile.number]
            if span is None:
                return False
            values = _gathered(tile.values)
            self.look(tile.row, values, tile.column)
            self.coder.verify(values, there[span[0] : span[0] + span[1]])
        return True


def _gathered(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values in C order, brought together once: a tile is a part of each of many rows."""
    if values.flags.c_contiguous or values.dtype.kind in "OTU":
        return np.ascontiguousarray(values)
    found = scratch("tile", values.shape, values.dtype)
    found[...] = values
    return found
