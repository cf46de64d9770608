"""Objects that several writers may put at once, each with bytes of its own: one of them stays.

The first to put an object decides, create-only, and the others keep what is there. An object that
is damaged has to be put anew over the old one, which no store does create-only. So what replaces it
is first put *aside*, create-only, under a name that follows from the damaged bytes: that decides
for all who met the same damage, and what they then put over it is the same, however often and in
whatever order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from panneuro.core.digests import canonical_json, digest_bytes, digest_json
from panneuro.core.errors import (
    ConflictError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreError,
)
from panneuro.core.manifest import KEY, Manifest
from panneuro.core.store import Store
from panneuro.storage.streams import digest_object

FOLDER = "_lake/mending"
"""Where, in a version, what replaces damaged objects lies until it has done so."""

ATTEMPTS = 5
"""Times that what others put is looked at anew before we give up."""

Bytes = bytes | memoryview


def settle(store: Store, key: str, data: Bytes) -> bool:
    """Put an object where there is none.

    Parameters
    ----------
    store : Store
        The version's own folder.
    key : str
        Of the object in it.
    data : bytes or memoryview
        The object, whole.

    Returns
    -------
    bool
        Whether these very bytes are there now: ours, even where the answer was lost, or those of
        another writer who had the same. If not, it is to be looked at what is.

    Raises
    ------
    StoreError
        If nothing is there and nothing could be put.
    """
    try:
        store.put(key, data, create=True)
    except StoreError as error:
        there = _digest(store, key)
        if there is None and not isinstance(error, ObjectExistsError):
            raise
        return there == digest_bytes(data)
    return True


def mend(store: Store, key: str, data: Bytes, damaged: str) -> bool:
    """Put an object over a damaged one.

    Parameters
    ----------
    store, key, data
        As of `settle`.
    damaged : str
        Digest of what was found there.

    Returns
    -------
    bool
        Whether these very bytes are there now; if not, another writer replaced it.

    Raises
    ------
    ConflictError
        If the version is committed, with other bytes for this object.
    """
    aside = f"{FOLDER}/{digest_json([key, damaged]).partition(':')[2]}"
    replacement: Bytes = data
    if not settle(store, aside, data):
        try:
            replacement = store.get(aside)
        except ObjectNotFoundError:
            return False
    is_replaced = _digest(store, key) != damaged
    if not is_replaced:
        try:
            _replace(store, key, replacement)
        except ConflictError:
            store.delete(aside)
            raise
    store.delete(aside)
    return replacement is data and not is_replaced


def agree(
    store: Store, key: str, about: Any, decide: Callable[[], Mapping[str, Any]], *, is_there: bool
) -> tuple[dict[str, Any], bytes]:
    """Decide something for all writers of a version, unless another of them has.

    Parameters
    ----------
    store, key
        Where what is decided is put down.
    about : JSON value
        What it is decided of; what was decided of anything else is damage.
    decide : callable
        Decides: gives a JSON object. Not called where it is decided already.
    is_there : bool
        Whether something was found there.

    Returns
    -------
    decided : dict
        What stands.
    data : bytes
        The object that says so.
    """
    decided: Mapping[str, Any] | None = None
    for _ in range(ATTEMPTS):
        there = _get(store, key) if is_there else None
        if there is not None and (found := _read(there, about)) is not None:
            return found, there
        decided = decided or decide()
        data = _written(about, decided)
        damaged = "" if there is None else digest_bytes(there)
        is_there = True
        if mend(store, key, data, damaged) if damaged else settle(store, key, data):
            return _read(data, about) or {}, data
    raise ConflictError(
        f"writing {key!r} at {store.url!r}: other writers keep replacing it",
        hint="run the same line again",
    )


def clear(store: Store, keys: Iterable[str]) -> None:
    """Delete what earlier attempts left aside, once every object of the version is whole."""
    for key in keys:
        if key.startswith(f"{FOLDER}/"):
            store.delete(key)


def _written(about: Any, decided: Mapping[str, Any]) -> bytes:
    said = {"about": about, "decided": dict(decided)}
    return canonical_json({**said, "digest": digest_json(said)})


def _read(data: bytes, about: Any) -> dict[str, Any] | None:
    """Return what is decided, None if it is damaged or about something else."""
    try:
        said = json.loads(data)
        if said.pop("digest") == digest_json(said) and said["about"] == about:
            return dict(said["decided"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return None


def _get(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key)
    except ObjectNotFoundError:
        return None


def _digest(store: Store, key: str) -> str | None:
    """Return the digest of an object, read block by block; None if there is none."""
    while (size := _size(store, key)) is not None:
        try:
            return digest_object(store, key, size)
        except StoreError:
            # Another writer may have put a shorter one over it meanwhile.
            if _size(store, key) == size:
                raise
    return None


def _size(store: Store, key: str) -> int | None:
    try:
        return store.info(key).size
    except ObjectNotFoundError:
        return None


def _replace(store: Store, key: str, data: Bytes) -> None:
    """Put an object over another, unless a commit says that it is to be something else."""
    digest, committed = digest_bytes(data), _get(store, KEY)
    listed = Manifest.decode(committed).files if committed else ()
    if committed and digest not in {file.digest for file in listed if file.path == key}:
        raise ConflictError(
            f"writing {key!r} at {store.url!r}: it is damaged, and another writer has committed "
            "this version with other bytes",
            hint="panneuro check   says what is to be restored",
        )
    try:
        store.put(key, data)
    except StoreError:
        if _digest(store, key) != digest:
            raise
