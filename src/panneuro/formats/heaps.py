"""Heaps of HDF5, where texts of any length lie, and the damage that libhdf5 never comes back from.

A heap is a row of objects, each with its size before it. Where a block of a file was zeroed, as by
a disk that failed, libhdf5 takes free space of no size for the next object, again and again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_BEGIN = b"GCOL\x01\0\0\0"
_HEADER = struct.Struct("<8sQ")
_OBJECT = struct.Struct("<HHIQ")
_PIECE = 8 << 20
_LOOKED_AT = 256 << 20
"""So many bytes are looked at from either end of a file: a quarter of a second at most."""

_MOST_OBJECTS = 1_000_000


def endless_heap(path: Path) -> int | None:
    """Return at which byte a heap begins that libhdf5 would read for ever, if there is one.

    Parameters
    ----------
    path : Path
        An HDF5 file, of which the first and the last 256 MiB are looked at.
    """
    about = path.stat()
    return _endless_heap(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=64)
def _endless_heap(path: Path, size: int, _changed: int) -> int | None:
    objects = 0
    with path.open("rb") as file:
        for place in _heaps(file, size):
            for is_endless in _objects(file, place):
                objects += 1
                if is_endless:
                    return place
                if objects > _MOST_OBJECTS:
                    return None
    return None


def _heaps(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield where heaps begin."""
    parts = [(0, min(size, _LOOKED_AT)), (max(_LOOKED_AT, size - _LOOKED_AT), size)]
    for first, last in parts:
        for start in range(first, last, _PIECE):
            file.seek(start)
            piece = file.read(_PIECE + len(_BEGIN) - 1)
            found = piece.find(_BEGIN)
            while found >= 0:
                yield start + found
                found = piece.find(_BEGIN, found + 1)


def _objects(file: BinaryIO, place: int) -> Iterator[bool]:
    """Yield, for every object of a heap, whether it is free space of no size."""
    file.seek(place)
    _, size = _HEADER.unpack(file.read(_HEADER.size).ljust(_HEADER.size, b"\0"))
    content = file.read(min(size, _PIECE) - _HEADER.size) if size > _HEADER.size else b""
    at = 0
    while at + _OBJECT.size <= len(content):
        number, _, _, length = _OBJECT.unpack_from(content, at)
        yield not number and not length
        at += length if not number else _OBJECT.size + -(-length // 8) * 8
