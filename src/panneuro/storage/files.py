"""An object as a file, for libraries that want one: only the bytes that they seek are fetched."""

from __future__ import annotations

import io

from panneuro.core.store import Store


class ObjectFile(io.RawIOBase):
    """A read-only, seekable file over an object in a store.

    Parameters
    ----------
    store : Store
        Where it is.
    key : str
        Which object.

    Attributes
    ----------
    size : int
        Bytes.

    Examples
    --------
    >>> from panneuro.storage.stores import open_store
    >>> store = open_store("memory://files")
    >>> store.put("a", b"spike times")
    >>> file = ObjectFile(store, "a")
    >>> file.seek(6), file.read()
    (6, b'times')
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self.size = store.info(key).size
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer as far as the object goes, in one request, and return how far."""
        count = min(len(buffer), self.size - self._at)
        if count <= 0:
            return 0
        buffer[:count] = self._store.get_range(self._key, self._at, count)
        self._at += count
        return count
