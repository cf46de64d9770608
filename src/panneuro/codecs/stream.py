"""The bytes of a stream: written in order, and read with every length checked before it is used."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google_crc32c import extend
from google_crc32c import value as crc32c
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

from panneuro.core.errors import CorruptionError, FormatError

Array = npt.NDArray[Any]

MAGIC = b"PNLL"
VERSION = 1
STORED, CODED, LEVELS = range(3)
DTYPES = ("int16", "uint16", "int32", "uint32", "float32", "float64")

_FIXED = struct.Struct("<4sBBBBIII")
_CODED = struct.Struct("<BBBBHIBq")
_TAP = struct.Struct("<Bh")
_LENGTH = struct.Struct("<I")
_LEVELS = ChunkConfig(delta_spec=DeltaSpec.try_consecutive(1))
_KEPT, _MOST = 32, 1 << 16
"""Lists of numbers that are kept, compressed and not, and how many each has at most."""

_CONFIG = ChunkConfig(mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.no_op())
MAX_BYTES = 1 << 31
"""Larger chunks are refused: lengths are 32 bits."""


@dataclass(frozen=True)
class Header:
    """What begins every stream.

    Parameters
    ----------
    kind : int
        `STORED`, `CODED` or `LEVELS`.
    bits : int
        Binary places of the weights.
    dtype : str
        One of `DTYPES`.
    rows, channels : int
        Shape of the samples.
    checksum : int
        CRC-32C of the samples, little endian, in C order.
    """

    kind: int
    bits: int
    dtype: str
    rows: int
    channels: int
    checksum: int


@dataclass(frozen=True)
class Coding:
    """What follows in a coded stream, before the numbers."""

    lanes: int
    taps: tuple[tuple[int, int], ...]
    n_tables: int
    direct: int
    block: int
    classes: int
    shift: int
    step: int


class Writer:
    """Puts a stream together."""

    def __init__(self, header: Header) -> None:
        fields = header.bits, header.rows, header.channels, header.checksum
        kinds = header.kind, DTYPES.index(header.dtype)
        self._parts: list[Any] = [_FIXED.pack(MAGIC, VERSION, *kinds, *fields)]

    def coding(self, coding: Coding) -> None:
        """Add what follows the header of a coded stream."""
        entropy = coding.n_tables, coding.direct, coding.block
        fields = coding.classes, coding.shift, coding.step
        self._parts.append(_CODED.pack(coding.lanes, len(coding.taps), *entropy, *fields))
        self._parts.extend(_TAP.pack(*tap) for tap in coding.taps)

    def numbers(self, values: Array, *, often: bool = False) -> None:
        """Add some numbers, compressed; nothing for none.

        Those that come `often`, the very same in many streams, are compressed once.
        """
        if values.size:
            data = values.tobytes()
            compress = _compressed if often and values.size <= _MOST else _compressed.__wrapped__
            packed = compress(data, values.dtype.str)
            self._parts += (_LENGTH.pack(len(packed)), packed)

    def counted(self, values: Array) -> None:
        """Add numbers as they are, after how many they are."""
        self._parts += (_LENGTH.pack(len(values)), _little(values))

    def count(self, number: int) -> None:
        """Add how many things come."""
        self._parts.append(_LENGTH.pack(number))

    def raw(self, data: bytes | Array) -> None:
        """Add bytes as they are."""
        self._parts.append(data)

    def finished(self) -> bytes:
        """Return the stream, its checksum at the end."""
        self._parts.append(_LENGTH.pack(functools.reduce(extend, self._parts, 0)))
        return b"".join(self._parts)


class Reader:
    """Takes a stream apart.

    Parameters
    ----------
    data : bytes
        The whole stream.

    Raises
    ------
    FormatError
        If it is not such a stream, or of another version.
    CorruptionError
        If its checksum does not match, or a field cannot be.
    """

    def __init__(self, data: bytes) -> None:
        if data[:4] != MAGIC:
            raise FormatError(
                f"decoding a chunk: it begins with {data[:4]!r}, not with {MAGIC!r}",
                hint="it was written by another codec, or its beginning is lost",
            )
        if data[4:5] != bytes([VERSION]):
            raise FormatError(
                f"decoding a chunk: it is of version {data[4:5]!r}, this reads {VERSION}",
                hint="pip install --upgrade panneuro",
            )
        self._data, self._at = data, _FIXED.size
        self._bytes = np.frombuffer(data, np.uint8)
        self._end = len(data) - _LENGTH.size
        if self._end < _FIXED.size:
            raise damaged(f"it ends after {len(data)} bytes")
        found, stated = crc32c(self._bytes[: self._end]), _LENGTH.unpack_from(data, self._end)[0]
        if found != stated:
            raise damaged(f"its checksum is {stated:08x}, its bytes give {found:08x}")
        _, _, kind, dtype, bits, *rest = _FIXED.unpack_from(data)
        if kind not in (STORED, CODED, LEVELS) or dtype >= len(DTYPES):
            raise damaged(f"it is of kind {kind} and type {dtype}")
        self.header = Header(kind, bits, DTYPES[dtype], *rest)

    def coding(self) -> Coding:
        """Return what follows the header of a coded stream."""
        lanes, n_taps, *rest = _CODED.unpack(self.raw(_CODED.size))
        taps = tuple(_TAP.iter_unpack(self.raw(n_taps * _TAP.size)))
        return Coding(lanes, taps, *rest)

    def numbers(self, count: int, dtype: type | np.dtype[Any], *, often: bool = False) -> Array:
        """Return the next `count` numbers, not to be written to.

        Memory is taken for what the caller expects, never for what the stream claims.
        """
        if not count:
            return np.empty(0, dtype)
        data = self.raw(self.count())
        decompress = _decompressed if often and count <= _MOST else _decompressed.__wrapped__
        return decompress(data, count, np.dtype(dtype))

    def count(self) -> int:
        """Return a number of things to come."""
        return int(_LENGTH.unpack(self.raw(_LENGTH.size))[0])

    def counted(self, dtype: str) -> Array:
        """Return the numbers that follow, as many as the stream says and holds."""
        stored = np.dtype(dtype).newbyteorder("<")
        start = self._passed(self.count() * stored.itemsize)
        return self._bytes[start : self._at].view(stored).astype(dtype, copy=False)

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.raw(self._end - self._at)

    def raw(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        start = self._passed(length)
        return self._data[start : self._at]

    def _passed(self, length: int) -> int:
        """Go past the next `length` bytes, and return where they begin."""
        if length > self._end - self._at:
            raise damaged(f"{length} bytes are wanted, {self._end - self._at} are left")
        start, self._at = self._at, self._at + length
        return start

    def finish(self) -> None:
        """Refuse bytes that nothing asked for."""
        if self._at != self._end:
            raise damaged(f"{self._end - self._at} bytes are left over")


@functools.lru_cache(_KEPT)
def _compressed(data: bytes, dtype: str) -> bytes:
    values = np.frombuffer(data, dtype)
    return bytes(
        standalone.simple_compress(values, _LEVELS if values.dtype.kind == "f" else _CONFIG)
    )


@functools.lru_cache(_KEPT)
def _decompressed(data: bytes, count: int, dtype: np.dtype[Any]) -> Array:
    values = np.empty(count, dtype)
    try:
        progress = standalone.simple_decompress_into(data, values)
    except (RuntimeError, TypeError, ValueError) as error:
        raise damaged(f"{count} numbers of {values.dtype} cannot be decoded: {error}") from None
    if progress.n_processed != count or not progress.finished:
        raise damaged(f"{progress.n_processed} of {count} numbers are there")
    values.flags.writeable = False
    return values


def _little(values: Array) -> Array:
    return values.astype(values.dtype.newbyteorder("<"), copy=False)


def damaged(found: str) -> CorruptionError:
    """Return the error for a stream that cannot be right."""
    return CorruptionError(
        f"decoding a chunk: {found}",
        hint="fetch it again, or restore it from a copy",
    )
