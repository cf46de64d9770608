"""Durability on a folder: what is said to be done survives a loss of power."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from panneuro.core.errors import StoreError
from panneuro.core.store import Store
from panneuro.storage.objects import FolderStore

_AT_ONCE = 16
_NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""Some network file systems cannot do it for folders, which they write through."""


def make_durable(store: Store, keys: Iterable[str]) -> None:
    """Wait until objects are on the disk, and the folders that name them.

    A bucket answers once an object is durable, and what is in memory never is: there, nothing is
    done.

    Parameters
    ----------
    store : Store
        The store.
    keys : iterable of str
        Of objects that are there.

    Raises
    ------
    StoreError
        If the disk does not take one of them.

    Examples
    --------
    >>> from panneuro.storage.stores import open_store
    >>> make_durable(open_store("memory://example"), ["a/b"])
    """
    if not isinstance(store, FolderStore):
        return
    keys = list(keys)
    # The disk takes many at once in little more time than one.
    with ThreadPoolExecutor(_AT_ONCE, "panneuro-sync") as threads:
        list(threads.map(_sync, [store.root / one for one in (*keys, *_folders(keys))]))


def _folders(keys: Iterable[str]) -> set[str]:
    """Return the folders that lead to keys, the root's name being empty."""
    found: set[str] = set()
    for key in keys:
        folder = key.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _sync(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno in _NOT_FOR_FOLDERS and path.is_dir():
            return
        raise StoreError(
            f"cannot make sure that {str(path)!r} is on the disk: {error.strerror}",
            hint="look at the disk (dmesg), then run the same line again",
        ) from None
