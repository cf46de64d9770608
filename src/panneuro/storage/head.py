"""The head of an asset: one object that lets its whole store be opened in one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt
from numcodecs import zstd

from panneuro.core.errors import CorruptionError

KEY = "_lake/head"
"""Where it lies in an asset."""

INLINE_BYTES = 4096
"""Chunks up to this size are in the head itself."""

_VERSION = 2
"""Since 2, indexes are packed; 1 had them as they are."""


@dataclass(frozen=True)
class Head:
    """Metadata, small chunks and shard indexes of an asset's store.

    Parameters
    ----------
    inline : mapping of str to bytes
        By Zarr key, objects to be answered from here: nodes without consolidated metadata, and
        small chunks.
    indexes : mapping of str to bytes
        By Zarr key of a shard, the index at its end.
    objects : mapping of str to (str, int, int)
        By Zarr key, where its bytes are if they are not inline: the key of an object relative to
        the lake, the offset and the length. The key is empty for the version's own object of the
        same Zarr key; it names another one for what is shared with an older version.

    Examples
    --------
    >>> head = Head({"zarr.json": b"{}"}, {}, {"units/spike_times/c/0": ("", 0, 4096)})
    >>> Head.decode(head.encode()) == head
    True
    """

    inline: Mapping[str, bytes]
    indexes: Mapping[str, bytes] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes of the head."""
        body = {
            "version": _VERSION,
            "inline": dict(sorted(self.inline.items())),
            "indexes": {key: _packed(index) for key, index in sorted(self.indexes.items())},
            "objects": {key: list(where) for key, where in sorted(self.objects.items())},
        }
        return bytes(zstd.compress(msgpack.packb(body), 9))

    @classmethod
    def decode(cls, data: bytes) -> Head:
        """Read a head.

        Raises
        ------
        CorruptionError
            If the bytes are not a head of a version that is known.
        """
        try:
            body = msgpack.unpackb(zstd.decompress(data))
            if body["version"] not in (1, _VERSION):
                raise ValueError(f"version {body['version']!r} of the head is not known")
            spans = {key: _span(*where) for key, where in body["objects"].items()}
            indexes = _blocks(body["indexes"])
            if body["version"] > 1:
                indexes = {key: _unpacked(index) for key, index in indexes.items()}
            return cls(_blocks(body["inline"]), indexes, spans)
        except (ValueError, RuntimeError, LookupError, TypeError, AttributeError, MemoryError) as e:
            raise CorruptionError(
                f"the head of an asset cannot be read: {e!r}",
                hint="panneuro check NAME   tells what else is damaged",
            ) from e


def _blocks(said: dict[str, Any]) -> dict[str, bytes]:
    if not all(isinstance(held, bytes) for held in said.values()):
        raise TypeError("what it holds are not bytes")
    return said


def _span(where: str, start: int, size: int) -> tuple[str, int, int]:
    if not isinstance(where, str) or start < 0 or size < 0:
        raise ValueError(f"{where!r}, {start!r}, {size!r} is no place in an object")
    return where, start, size


def _packed(index: bytes) -> bytes:
    """Return an index as what compresses to a quarter of it: chunks mostly adjoin.

    Of each chunk, how far it begins from the end of the one before, and its length; byte by byte of
    equal weight. What follows the last whole pair, the checksum, stays as it is.
    """
    table, rest = _table(index)
    table[:, 0] -= _ends(table)
    return table.T.copy().view("u1").reshape(-1, 8).T.tobytes() + rest


def _unpacked(packed: bytes) -> bytes:
    table, rest = _table(packed)
    planes = np.frombuffer(table.tobytes(), "u1").reshape(8, -1)
    gaps, lengths = np.ascontiguousarray(planes.T).view("<u8").reshape(2, -1)
    offsets = np.cumsum(gaps, dtype="<u8")
    offsets[1:] += np.cumsum(lengths[:-1], dtype="<u8")
    return np.stack([offsets, lengths], axis=1).tobytes() + rest


def _table(data: bytes) -> tuple[npt.NDArray[np.uint64], bytes]:
    """Return the whole pairs of an index, to be changed, and what follows them."""
    whole = len(data) // 16 * 16
    return np.frombuffer(data[:whole], "<u8").reshape(-1, 2).copy(), data[whole:]


def _ends(table: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return where the chunk before each ends; numbers wrap, as those of missing chunks do."""
    return np.concatenate([np.zeros(1, "<u8"), table.sum(axis=1)])[: len(table)]
