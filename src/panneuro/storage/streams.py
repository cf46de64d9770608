"""Objects of any size, a block in memory at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from panneuro.core.digests import PREFIX
from panneuro.core.store import Store

BLOCK_BYTES = 16 << 20
"""Bytes read at once."""


def blocks(store: Store, key: str, size: int) -> Iterator[bytes]:
    """Yield the bytes of an object of a known size.

    Raises
    ------
    StoreError
        If it is gone or shorter.
    """
    for start in range(0, size, BLOCK_BYTES):
        yield store.get_range(key, start, min(BLOCK_BYTES, size - start))


def digest_object(store: Store, key: str, size: int) -> str:
    """Return the digest of an object of a known size."""
    running = hashlib.sha256()
    for block in blocks(store, key, size):
        running.update(block)
    return PREFIX + running.hexdigest()
