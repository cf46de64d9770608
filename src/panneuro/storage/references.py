"""A version that shares objects, whole for other readers: kerchunk references."""

from __future__ import annotations

import base64
from typing import Any

from panneuro.storage.head import Head

KEY = "references.json"
"""Where they lie in a version that shares objects with an older one."""


def references(lake: str, head: Head) -> dict[str, Any]:
    """Return a version as kerchunk references, version 1, which fsspec opens as a file system.

    Parameters
    ----------
    lake : str
        Where the lake is: the template ``lake``, to be overridden where it was moved.
    head : Head
        Of the version.

    Examples
    --------
    >>> head = Head({"zarr.json": b"{}"}, {}, {"a/c/0": ("assets/x/1/a/c/0", 0, 10)})
    >>> references("s3://bucket/lake", head)["refs"]["a/c/0"]
    ['{{lake}}/assets/x/1/a/c/0', 0, 10]
    """
    refs: dict[str, Any] = {key: _inline(data) for key, data in head.inline.items()}
    for key, (where, start, size) in head.objects.items():
        refs[key] = ["{{lake}}/" + where, start, size]
    place = lake.partition("?")[0].rstrip("/")
    return {"version": 1, "templates": {"lake": place}, "refs": dict(sorted(refs.items()))}


def _inline(data: bytes) -> str:
    return "base64:" + base64.b64encode(data).decode()
