"""Sets of row numbers as bitmaps: a mapping from block to an integer of 65,536 bits.

Python's integers intersect and count a block in about ten microseconds, so that sets of a million
rows are combined in well under a millisecond with nothing but the standard library. On disk a
block is a *container*: up to 256 sorted 16-bit positions, or all 8,192 bytes of the bitmap.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from panneuro.core.errors import CorruptionError

BLOCK_BITS = 16
BLOCK = 1 << BLOCK_BITS
"""Rows in a block."""

_BYTES = BLOCK // 8
SPARSE = 256
"""Up to so many positions are listed."""
_MASK = BLOCK - 1

_FLAGS = bytes.maketrans(b"01", b"\0\1")

Rows = dict[int, int]
"""Block to bitmap; blocks without a row are left out."""


def rows_from(numbers: Iterable[int]) -> Rows:
    """Return the set of some row numbers.

    Examples
    --------
    >>> rows_from([1, 3, 65536])
    {0: 10, 1: 1}
    """
    buffers: dict[int, bytearray] = {}
    for number in numbers:
        block, at = number >> BLOCK_BITS, number & _MASK
        buffer = buffers.get(block)
        if buffer is None:
            buffer = buffers[block] = bytearray(_BYTES)
        buffer[at >> 3] |= 1 << (at & 7)
    return {block: int.from_bytes(buffer, "little") for block, buffer in buffers.items()}


def united(containers: Iterable[tuple[int, bytes]]) -> Rows:
    """Return the rows in any of some containers, each with its block.

    Examples
    --------
    >>> united([(0, pack([1, 3])), (1, pack([0])), (0, pack([2]))])
    {0: 14, 1: 1}
    """
    found: Rows = {}
    buffers: dict[int, bytearray] = {}
    for block, body in containers:
        listed = sparse(body)
        if listed is None:
            found[block] = found.get(block, 0) | int.from_bytes(body, "little")
            continue
        if listed:
            buffer = buffers.setdefault(block, bytearray(_BYTES))
            for at in listed:
                buffer[at >> 3] |= 1 << (at & 7)
    unite(found, {block: int.from_bytes(buffer, "little") for block, buffer in buffers.items()})
    return found


def intersect(one: Rows, other: Rows) -> Rows:
    """Return the rows in both sets."""
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    return {
        block: both for block, bits in small.items() if (both := bits & large.get(block, 0)) != 0
    }


def subtract(one: Rows, other: Rows) -> Rows:
    """Return the rows of the first set that are not in the other."""
    return {
        block: left for block, bits in one.items() if (left := bits & ~other.get(block, 0)) != 0
    }


def unite(into: Rows, other: Rows) -> None:
    """Add the rows of a set to another, in place."""
    for block, bits in other.items():
        into[block] = into.get(block, 0) | bits


def count(rows: Rows) -> int:
    """Return the number of rows in a set."""
    return sum(bits.bit_count() for bits in rows.values())


def flags(bits: int) -> bytes:
    """Return a block as 65,536 bytes, 0 or 1, for fast look-ups by position."""
    return f"{bits:0{BLOCK}b}".encode()[::-1].translate(_FLAGS)


class Flagged:
    """A set of rows with the flags of each block, made when they are first asked for.

    Parameters
    ----------
    rows : Rows
        The set.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._flags: dict[int, bytes] = {}

    def flags(self, block: int) -> bytes:
        """Return the flags of a block; see `flags`."""
        found = self._flags.get(block)
        if found is None:
            found = self._flags[block] = flags(self.rows.get(block, 0))
        return found

    def __contains__(self, number: int) -> bool:
        block = number >> BLOCK_BITS
        return block in self.rows and self.flags(block)[number & _MASK] == 1


def numbers(rows: Rows) -> Iterator[int]:
    """Yield the row numbers of a set, the highest first."""
    for block in sorted(rows, reverse=True):
        shown = f"{rows[block]:b}"
        top = (block << BLOCK_BITS) + len(shown) - 1
        at = shown.find("1")
        while at >= 0:
            yield top - at
            at = shown.find("1", at + 1)


def pack(ascending: Iterable[int]) -> bytes:
    """Return the container of some positions, which are sorted and distinct."""
    listed = array("H", ascending)
    if len(listed) <= SPARSE:
        return listed.tobytes()
    return bytes(_buffer(listed))


def added(body: bytes, more: Iterable[int]) -> bytes:
    """Return a container with some positions, sorted and distinct, added."""
    listed = sparse(body)
    if listed is not None:
        return pack(sorted({*listed, *more}))
    buffer = bytearray(body)
    for at in more:
        buffer[at >> 3] |= 1 << (at & 7)
    return bytes(buffer)


def without(body: bytes, position: int) -> bytes:
    """Return a container without a position."""
    listed = sparse(body)
    if listed is not None:
        return array("H", (at for at in listed if at != position)).tobytes()
    left = int.from_bytes(body, "little") & ~(1 << position)
    return left.to_bytes(_BYTES, "little") if left else b""


def positions(body: bytes) -> Iterable[int]:
    """Return the sorted positions in a container."""
    listed = sparse(body)
    return _ascending(int.from_bytes(body, "little")) if listed is None else listed


def _ascending(content: int) -> Iterator[int]:
    shown = f"{content:b}"[::-1]
    at = shown.find("1")
    while at >= 0:
        yield at
        at = shown.find("1", at + 1)


def sparse(body: bytes) -> array[int] | None:
    """Return the positions in a container, or None where it holds a bitmap.

    Raises
    ------
    CorruptionError
        If no container has that length.
    """
    if len(body) == _BYTES:
        return None
    if len(body) % 2 or len(body) > 2 * SPARSE:
        raise CorruptionError(
            f"cannot read the index: a block of {len(body)} bytes", hint="panneuro reindex"
        )
    return array("H", body)


def _buffer(listed: Iterable[int]) -> bytearray:
    buffer = bytearray(_BYTES)
    for at in listed:
        buffer[at >> 3] |= 1 << (at & 7)
    return buffer


def pack_sample(listed: Iterable[int], values: Iterable[float]) -> bytes:
    """Return the bytes of positions and the number at each."""
    return array("H", listed).tobytes() + array("d", values).tobytes()


def unpack_sample(body: bytes) -> tuple[array[int], array[float]]:
    """Return the positions and the numbers that `pack_sample` wrote."""
    length, rest = divmod(len(body), 10)
    if rest:
        raise CorruptionError(
            f"cannot read the index: a sample of {len(body)} bytes", hint="panneuro reindex"
        )
    return array("H", body[: 2 * length]), array("d", body[2 * length :])
