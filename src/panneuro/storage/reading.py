"""An asset's store as Zarr sees it: answered from its head wherever that is enough."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Never

import numpy as np
import numpy.typing as npt
from zarr import Array as ZarrArray
from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    SuffixByteRequest,
)
from zarr.abc.store import (
    Store as ZarrStore,
)
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from panneuro.core.errors import CorruptionError, ObjectNotFoundError, StoreError
from panneuro.core.store import Store
from panneuro.storage.head import Head
from panneuro.storage.sharded import Sharded


class HeadStore(ZarrStore):
    """A read-only Zarr store over an asset: nodes, small chunks and shard indexes cost no request.

    Parameters
    ----------
    lake : Store
        The whole lake, since versions share objects.
    prefix : str
        The asset's own folder in it, ending in its version.
    head : Head
        Of that version.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, lake: Store, prefix: str, head: Head) -> None:
        super().__init__(read_only=True)
        self.lake = lake
        self.prefix = prefix
        self.head = head
        self._is_open = True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, HeadStore)
            and self.lake.url == other.lake.url
            and self.prefix == other.prefix
        )

    def __hash__(self) -> int:
        return hash((self.lake.url, self.prefix))

    def __repr__(self) -> str:
        return f"HeadStore({self.lake.url!r}, {self.prefix!r})"

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return an object or part of it, None if there is none."""
        make = (prototype or default_buffer_prototype()).buffer.from_bytes
        held = self.head.inline.get(key)
        if held is not None:
            return make(_part(held, byte_range))
        index = self.head.indexes.get(key)
        if (
            index is not None
            and isinstance(byte_range, SuffixByteRequest)
            and byte_range.suffix <= len(index)
        ):
            return make(index[-byte_range.suffix :])
        if key not in self.head.objects:
            return None
        return make(await self._fetch(key, byte_range))

    async def _fetch(self, key: str, part: ByteRequest | None) -> bytes:
        where, start, size = self.head.objects[key]
        first, last = _bounds(part, size)
        with self._told(key):
            return await self.lake.get_range_async(
                where or f"{self.prefix}/{key}", start + first, last - first
            )

    def fetch(self, key: str, start: int, length: int) -> bytes:
        """Read part of an object that the head does not hold itself."""
        with self._told(key):
            where, first, _ = self.head.objects[key]
            return self.lake.get_range(where or f"{self.prefix}/{key}", first + start, length)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Tell an object that is gone as damage."""
        try:
            yield
        except (ObjectNotFoundError, KeyError) as error:
            raise CorruptionError(
                f"reading {self.prefix!r}: its object {key!r} is gone from the store",
                hint=f"panneuro check {self.prefix.split('/')[-2]}",
            ) from error

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Return several parts."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Say whether there is such an object."""
        return key in self._keys

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset({*self.head.inline, *self.head.objects})

    @cached_property
    def _children(self) -> dict[str, set[str]]:
        children: dict[str, set[str]] = {}
        for key in self._keys:
            parts = key.split("/")
            for depth, part in enumerate(parts):
                children.setdefault("/".join(parts[:depth]), set()).add(part)
        return children

    async def list(self) -> AsyncIterator[str]:
        """Yield every key that the head knows."""
        for key in self._keys:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield every key that begins so."""
        for key in self._keys:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names directly below a folder."""
        for name in self._children.get(prefix.rstrip("/"), ()):
            if name != "_lake":
                yield name

    async def set(self, key: str, value: Buffer | None) -> Never:  # noqa: ARG002
        """Refuse: versions of assets do not change."""
        raise StoreError(
            f"writing {key!r}: the version {self.prefix!r} is committed and does not change",
            hint="add a new version",
        )

    async def delete(self, key: str) -> Never:
        """Refuse: versions of assets do not change."""
        await self.set(key, None)


class StoredArray:
    """An array of an asset, read when it is sliced; what cannot be decoded is told as damage.

    Parameters
    ----------
    array : zarr.Array
        That is read.
    owner : str
        Name of the asset.
    """

    def __init__(self, array: ZarrArray[Any], owner: str) -> None:
        self.array = array
        self.owner = owner

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return np.dtype(self.array.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<StoredArray {self.array.path!r} {self.shape} {self.dtype}>"

    @cached_property
    def _sharded(self) -> Sharded | None:
        store = self.array.store
        if isinstance(store, HeadStore):
            return Sharded.of(self.array, store.head.indexes, store.fetch)
        return None

    def __getitem__(self, key: Any) -> Any:
        try:
            found = self._sharded.read(key) if self._sharded else None
            return self.array[key] if found is None else found
        except (CorruptionError, ValueError, RuntimeError) as error:
            why = error.message if isinstance(error, CorruptionError) else error
            raise CorruptionError(
                f"the array {self.array.path!r} of {self.owner!r} is damaged: {why}",
                hint=f"panneuro check {self.owner}",
            ) from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)


def _bounds(part: ByteRequest | None, size: int) -> tuple[int, int]:
    if isinstance(part, RangeByteRequest):
        return part.start, min(part.end, size)
    if isinstance(part, OffsetByteRequest):
        return part.offset, size
    if isinstance(part, SuffixByteRequest):
        return max(0, size - part.suffix), size
    return 0, size


def _part(data: bytes, part: ByteRequest | None) -> Any:
    first, last = _bounds(part, len(data))
    return data[first:last]
