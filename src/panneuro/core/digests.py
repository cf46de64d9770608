"""Content names things: SHA-256 digests of bytes, files and JSON values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
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


def sealed(said: Mapping[str, Any]) -> bytes:
    """Return the one JSON text of an object, with the digest of all else in it as ``digest``.

    Examples
    --------
    >>> sealed({"b": 1, "e": 2})[:30]
    b'{"b":1,"digest":"sha256:d584c2'
    """
    # In halves, so that the text is made once and its digest set between them.
    halves = [
        canonical_json({key: value for key, value in said.items() if is_in(key)})[1:-1]
        for is_in in (_SEAL.__gt__, _SEAL.__lt__)
    ]
    mark = b'"%s":"%s"' % (_SEAL.encode(), digest_bytes(_joined(*halves)).encode())
    return _joined(halves[0], mark, halves[1])


def unsealed(data: bytes | str) -> dict[str, Any]:
    """Return what an object tells that `sealed` wrote, without its digest.

    Raises
    ------
    ValueError, LookupError, TypeError, AttributeError
        If it is no JSON object, has no digest, or is not what that says.
    """
    said: dict[str, Any] = json.loads(data)
    digest = said.pop(_SEAL)
    text = data.encode() if isinstance(data, str) else data
    mark = f'"{_SEAL}":"{digest}"'.encode()
    cut = text.replace(mark + b",", b"", 1).replace(b"," + mark, b"", 1)
    # Others may write the same values as another text.
    if digest_bytes(cut) != digest and digest_json(said) != digest:
        raise ValueError("it is not what its digest says")
    return said


_SEAL = "digest"


def _joined(*members: bytes) -> bytes:
    return b"{" + b",".join(filter(None, members)) + b"}"
