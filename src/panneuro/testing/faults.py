"""A store that fails when told to, for testing what happens then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path

from panneuro.core.errors import StoreError
from panneuro.core.store import ObjectInfo, Store, Usage


class Fault(Enum):
    """What goes wrong with a call."""

    REFUSED = "nothing happens, and an error is raised"
    LOST = "it happens, but the answer is lost and an error is raised"
    TRUNCATED = "it happens, but what was read is cut to half without an error"
    CORRUPTED = "it happens, but one bit of what was read is flipped without an error"


class FaultyStore:
    """Another store, with faults at chosen calls.

    Parameters
    ----------
    store : Store
        The store that does the work.
    faults : mapping of int to Fault
        The fault of the n-th call, counted from 1.
    only : str, optional
        Count the calls of this method alone, as in ``"put"``; else those of all methods.

    Attributes
    ----------
    calls : int
        Calls counted so far.

    Examples
    --------
    >>> from panneuro.storage.stores import open_store, put_new
    >>> store = FaultyStore(open_store("memory://faulty"), {1: Fault.LOST}, only="put")
    >>> put_new(store, "asset.json", b"{}")  # the answer is lost, reading back settles it
    False
    """

    def __init__(self, store: Store, faults: Mapping[int, Fault], only: str | None = None) -> None:
        self.store = store
        self.calls = 0
        self._faults = dict(faults)
        self._only = only
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """How the store underneath is opened again."""
        return self.store.url

    @property
    def usage(self) -> Usage:
        """What was asked of the store underneath."""
        return self.store.usage

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        fault = self._next("get")
        return _spoilt(self._done(fault, lambda: self.store.get(key)), fault)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return bytes of an object."""
        fault = self._next("get_range")
        return _spoilt(self._done(fault, lambda: self.store.get_range(key, start, length)), fault)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return many ranges, in the order asked."""
        fault = self._next("get_ranges")
        found = self._done(fault, lambda: self.store.get_ranges(key, ranges))
        return [_spoilt(data, fault) for data in found]

    async def get_async(self, key: str) -> bytes:
        """Return a whole object."""
        fault = self._next("get_async")
        self._refuse(fault)
        data = await self.store.get_async(key)
        self._lose(fault)
        return _spoilt(data, fault)

    async def get_range_async(self, key: str, start: int, length: int) -> bytes:
        """Return bytes of an object."""
        fault = self._next("get_range_async")
        self._refuse(fault)
        data = await self.store.get_range_async(key, start, length)
        self._lose(fault)
        return _spoilt(data, fault)

    def put(self, key: str, data: bytes | memoryview, *, create: bool = False) -> None:
        """Write an object."""
        self._done(self._next("put"), lambda: self.store.put(key, data, create=create))

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file."""
        self._done(self._next("put_file"), lambda: self.store.put_file(key, path))

    def info(self, key: str) -> ObjectInfo:
        """Return what is known of an object without reading it."""
        return self._done(self._next("info"), lambda: self.store.info(key))

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._done(self._next("delete"), lambda: self.store.delete(key))

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder."""
        return self._done(self._next("folders"), lambda: self.store.folders(prefix))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object below a folder."""
        return self._done(self._next("list"), lambda: self.store.list(prefix))

    def _next(self, method: str) -> Fault | None:
        if self._only not in {None, method}:
            return None
        with self._lock:
            self.calls += 1
            return self._faults.get(self.calls)

    def _done[T](self, fault: Fault | None, call: Callable[[], T]) -> T:
        self._refuse(fault)
        answer = call()
        self._lose(fault)
        return answer

    def _refuse(self, fault: Fault | None) -> None:
        if fault is Fault.REFUSED:
            raise StoreError(f"call {self.calls} was refused, as the test asked")

    def _lose(self, fault: Fault | None) -> None:
        if fault is Fault.LOST:
            raise StoreError(f"the answer to call {self.calls} was lost, as the test asked")


def _spoilt(data: bytes, fault: Fault | None) -> bytes:
    if fault is Fault.TRUNCATED:
        return data[: len(data) // 2]
    if fault is Fault.CORRUPTED and data:
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    return data
