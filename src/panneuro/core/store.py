"""Bytes by key: the protocol that every store follows, and what a key may look like.

A key is a relative path of segments joined by ``/``. It means the same on a folder, in memory and
in a bucket, so whatever one of them cannot hold is refused for all.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from panneuro.core.errors import InputError

UNFINISHED = re.compile(r"#\d+$")
"""How the name of a half-written file ends on a folder store; no key ends so."""

_LONGEST_KEY = 1024
_LONGEST_SEGMENT = 255
_PLAIN = re.compile(r"(?!\.\.?(?:/|\Z))[\w.-]{1,255}(?:/(?!\.\.?(?:/|\Z))[\w.-]{1,255})*", re.ASCII)
"""What nearly all keys are made of, seen at a glance."""
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of an object without reading it.

    Attributes
    ----------
    key : str
        The key, relative to the store.
    size : int
        Bytes.
    modified : datetime
        When it was last written, with a time zone.
    etag : str or None
        The store's own mark of this content, without quotes.
    """

    key: str
    size: int
    modified: datetime
    etag: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What was asked of a store: requests, bytes read and bytes written.

    Examples
    --------
    >>> Counts(requests=5, bytes_read=300) - Counts(requests=2, bytes_read=100)
    Counts(requests=3, bytes_read=200, bytes_written=0)
    """

    requests: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(
            self.requests - earlier.requests,
            self.bytes_read - earlier.bytes_read,
            self.bytes_written - earlier.bytes_written,
        )


class Usage:
    """A running count of what was asked of a store, safe to share between threads.

    Examples
    --------
    >>> usage = Usage()
    >>> before = usage.snapshot()
    >>> usage.add(requests=1, bytes_read=4096)
    >>> usage.snapshot() - before
    Counts(requests=1, bytes_read=4096, bytes_written=0)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def add(self, requests: int = 0, bytes_read: int = 0, bytes_written: int = 0) -> None:
        """Add to the count."""
        with self._lock:
            now = self._counts
            self._counts = Counts(
                now.requests + requests,
                now.bytes_read + bytes_read,
                now.bytes_written + bytes_written,
            )

    def snapshot(self) -> Counts:
        """Return the count so far, as a value that can be subtracted from a later one."""
        return self._counts

    @property
    def requests(self) -> int:
        """Requests so far."""
        return self._counts.requests

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        return self._counts.bytes_read

    @property
    def bytes_written(self) -> int:
        """Bytes written so far."""
        return self._counts.bytes_written

    def __repr__(self) -> str:
        return f"Usage({self._counts})"


class Store(Protocol):
    """Bytes by key, on a folder, in memory or in a bucket.

    Every method raises :class:`~panneuro.core.errors.InputError` for a key that
    :func:`check_key` refuses, :class:`~panneuro.core.errors.ObjectNotFoundError` where nothing
    has that key, and :class:`~panneuro.core.errors.StoreError` when the store fails. A ``prefix``
    is a folder, in whole segments: ``"a"`` covers ``"a/b"`` and not ``"ab"``.
    """

    def __hash__(self) -> int:
        """Stores are keys of caches."""
        ...

    @property
    def url(self) -> str:
        """How the store is opened again; credentials are never in it."""
        ...

    @property
    def usage(self) -> Usage:
        """What was asked of the store through this handle."""
        ...

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`; fewer in the object is a StoreError."""
        ...

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return many ``(start, length)`` ranges in the order asked, near ones in one request."""
        ...

    async def get_range_async(self, key: str, start: int, length: int) -> bytes:
        """Return what :meth:`get_range` returns."""
        ...

    async def get_async(self, key: str) -> bytes:
        """Return what :meth:`get` returns."""
        ...

    def put(self, key: str, data: bytes | memoryview, *, create: bool = False) -> None:
        """Write an object whole or not at all.

        With `create`, an object that is already there is left alone and
        :class:`~panneuro.core.errors.ObjectExistsError` is raised: of any number of writers
        exactly one succeeds.
        """
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file of any size, whole or not at all."""
        ...

    def info(self, key: str) -> ObjectInfo:
        """Return what is known of an object without reading it."""
        ...

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder: whole keys, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; that it is already gone is no error."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object below a folder, in no promised order.

        What others left under names that are no keys is passed over.
        """
        ...


def check_key(key: str) -> str:
    """Return a key if every store can hold it.

    Raises
    ------
    InputError
        The key is empty, absolute, climbs (``..``), has empty segments, backslashes, control or
        invisible characters, is not Unicode NFC, is too long, or ends like a half-written file
        (``#1``).

    Examples
    --------
    >>> check_key("assets/ecephys_m1/zarr.json")
    'assets/ecephys_m1/zarr.json'
    """
    if fault := _fault(key):
        raise InputError(
            f"the key {key!r} {fault}",
            hint="use a relative path such as 'assets/name/file', segments joined by '/'",
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return a folder's key without a trailing slash; ``""`` is the root.

    Raises
    ------
    InputError
        As :func:`check_key`.

    Examples
    --------
    >>> check_prefix("assets/")
    'assets'
    """
    return check_key(prefix.removesuffix("/")) if prefix else ""


def is_key(key: str) -> bool:
    """Return whether :func:`check_key` accepts a key.

    Examples
    --------
    >>> is_key("a/b"), is_key("../a")
    (True, False)
    """
    return _fault(key) is None


def _fault(key: str) -> str | None:
    if len(key) <= _LONGEST_KEY and _PLAIN.fullmatch(key):
        return None
    segments = key.split("/")
    if "" in segments:
        return "has an empty segment"
    if "." in segments or ".." in segments:
        return "climbs with '.' or '..'"
    if "\\" in key:
        return "has a backslash"
    if UNFINISHED.search(key):
        return "ends like a half-written file"
    if _too_long(segments):
        return "is too long"
    return None if key.isascii() and key.isprintable() else _unicode_fault(key)


def _unicode_fault(key: str) -> str | None:
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in key):
        return "has control or invisible characters"
    if not unicodedata.is_normalized("NFC", key):
        return "is not in Unicode's NFC form"
    return None


def _too_long(segments: list[str]) -> bool:
    sizes = [len(segment.encode(errors="replace")) for segment in segments]
    return max(sizes) > _LONGEST_SEGMENT or sum(sizes) + len(sizes) - 1 > _LONGEST_KEY


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A folder of a store, seen as a store.

    Parameters
    ----------
    store : Store
        The store.
    prefix : str
        The folder's key.
    """

    store: Store
    prefix: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", check_prefix(self.prefix))

    @property
    def url(self) -> str:
        """How the folder is opened again; credentials are never in it."""
        place, mark, options = self.store.url.partition("?")
        return place.rstrip("/") + "/" + quote(self.prefix) + mark + options

    @property
    def usage(self) -> Usage:
        """What was asked of the store underneath."""
        return self.store.usage

    def _inside(self, key: str) -> str:
        return f"{self.prefix}/{check_key(key)}" if self.prefix else check_key(key)

    def _folder(self, prefix: str) -> str:
        return "/".join(filter(None, (self.prefix, check_prefix(prefix))))

    def _outside(self, key: str) -> str:
        return key[len(self.prefix) + 1 :] if self.prefix else key

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        return self.store.get(self._inside(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        return self.store.get_range(self._inside(key), start, length)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return many ranges, in the order asked."""
        return self.store.get_ranges(self._inside(key), ranges)

    async def get_range_async(self, key: str, start: int, length: int) -> bytes:
        """Return what :meth:`get_range` returns."""
        return await self.store.get_range_async(self._inside(key), start, length)

    async def get_async(self, key: str) -> bytes:
        """Return what :meth:`get` returns."""
        return await self.store.get_async(self._inside(key))

    def put(self, key: str, data: bytes | memoryview, *, create: bool = False) -> None:
        """Write an object whole or not at all."""
        self.store.put(self._inside(key), data, create=create)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file of any size, whole or not at all."""
        self.store.put_file(self._inside(key), path)

    def info(self, key: str) -> ObjectInfo:
        """Return what is known of an object without reading it."""
        return replace(self.store.info(self._inside(key)), key=key)

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder: whole keys, sorted."""
        return [self._outside(found) for found in self.store.folders(self._folder(prefix))]

    def delete(self, key: str) -> None:
        """Delete an object; that it is already gone is no error."""
        self.store.delete(self._inside(key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object below a folder, in no promised order."""
        for found in self.store.list(self._folder(prefix)):
            yield replace(found, key=self._outside(found.key))
