"""Content names things: SHA-256 digests of bytes, files and JSON values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PREFIX = "sha256:"
"""How every digest begins, so that a reader knows which tool checks it."""

_BLOCK = 1 << 22


def digest_bytes(data: bytes | memoryview) -> str:
    """Return the digest of some bytes.

    Examples
    --------
    >>> digest_bytes(b"spikes")[:20]
    'sha256:3afe33347d993'
    """
    return PREFIX + hashlib.sha256(data).hexdigest()


def digest_file(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """Return the digest of a file, reading it once in blocks of 4 MiB.

    Parameters
    ----------
    path : Path
        The file.
    progress : callable, optional
        Called with the number of bytes of each block as it is read.
    """
    running = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            running.update(block)
            if progress:
                progress(len(block))
    return PREFIX + running.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [1.5, None]})
    b'{"a":[1.5,null],"b":1}'
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_json(value: Any) -> str:
    """Return the digest of a JSON value, independent of key order and white space."""
    return digest_bytes(canonical_json(value))
