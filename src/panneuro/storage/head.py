"""The head of an asset: one object that lets its whole store be opened in one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack
from numcodecs import zstd

from panneuro.core.errors import CorruptionError

KEY = "_lake/head"
"""Where it lies in an asset."""

INLINE_BYTES = 4096
"""Chunks up to this size are in the head itself."""

_VERSION = 1


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
            "indexes": dict(sorted(self.indexes.items())),
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
            return cls(body["inline"], body["indexes"], _spans(body))
        except (ValueError, RuntimeError, KeyError, TypeError) as error:
            raise CorruptionError(
                f"the head of an asset cannot be read: {error!r}",
                hint="panneuro check NAME --repair rebuilds it",
            ) from error


def _spans(body: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    if body["version"] != _VERSION:
        raise ValueError(f"version {body['version']!r} of the head is not known")
    return {key: (where, start, size) for key, (where, start, size) in body["objects"].items()}
