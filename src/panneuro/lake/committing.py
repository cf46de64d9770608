"""Committing: a version is there wholly or not at all, and each has at most one that follows it.

What is committed is durable, and was before it could be seen: first the objects, then what was
decided, then the commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from panneuro.core.errors import (
    ConflictError,
    CorruptionError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreError,
)
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.store import Store
from panneuro.storage.durability import make_durable

NEXT = "_lake/next.json"
"""In a version's folder, the manifest of the one version that follows it, put create-only."""

FIRST = "first.json"
"""In an asset's folder, the manifest of its first version, put create-only."""


def commit(store: Store, manifest: Manifest) -> tuple[Manifest, bool]:
    """Put ``asset.json``, create-only: that is the commit.

    A version is first put down, create-only too, as what follows its parent, or as the first of its
    name: of any number of writers one decides. Should it die before its commit, the next to come
    finishes it.

    Returns
    -------
    manifest : Manifest
        What the lake holds now.
    is_new : bool
        False where another writer, or an earlier attempt whose answer was lost, committed the same.

    Raises
    ------
    ConflictError
        If something different is committed there, or follows the parent, or is of that name.
    """
    make_durable(store, _own(manifest))
    decided, _ = _create(store, decision_key(manifest), manifest)
    if decided.version != manifest.version:
        finish(store, decided)
        _discard(store, manifest)
        raise _overtaken(manifest, decided)
    decided = _agreed(decided, manifest)
    there, is_new = _create(store, f"{decided.prefix}/{KEY}", decided)
    return _agreed(there, decided), is_new


def decision_key(manifest: Manifest) -> str:
    """Return where it is decided which version follows a version's parent, or is the first."""
    if manifest.parent:
        return f"{prefix_of(manifest.name, manifest.parent)}/{NEXT}"
    return f"{manifest.prefix.rpartition('/')[0]}/{FIRST}"


def _overtaken(manifest: Manifest, decided: Manifest) -> ConflictError:
    if manifest.parent:
        return ConflictError(
            f"committing {manifest.name!r}: version {manifest.parent} has been followed by "
            f"{decided.version} meanwhile",
            hint="run the same line again: it builds on what others said",
        )
    return ConflictError(
        f"committing {manifest.name!r}: another was added under that name meanwhile",
        hint="--name NAME adds it beside; the same line again with --replace, as its new version",
    )


def finish(store: Store, follower: Manifest) -> None:
    """Commit what another writer decided and may not have lived to commit.

    Raises
    ------
    CorruptionError
        If objects of it are gone.
    """
    if _committed(store, f"{follower.prefix}/{KEY}"):
        return
    sizes = {found.key: found.size for found in store.list(follower.prefix)}
    for file in follower.files:
        if not file.key and sizes.get(follower.key_of(file)) != file.size:
            raise CorruptionError(
                f"version {follower.version} of {follower.name!r} was to be committed, "
                f"but its object {file.path!r} is gone",
                hint=f"panneuro check {follower.name} --sweep   forgets it when it is a day old",
            )
    make_durable(store, _own(follower))
    _create(store, f"{follower.prefix}/{KEY}", follower)


def make_sure(store: Store, manifests: Iterable[Manifest]) -> None:
    """Wait until versions that were committed before are on the disk.

    Who committed them may have died before it could say so.
    """
    for one in manifests:
        make_durable(store, [*_own(one), f"{one.prefix}/{KEY}"])


def _own(manifest: Manifest) -> list[str]:
    """Return the keys of the objects that are of no other version."""
    return [manifest.key_of(file) for file in manifest.files if not file.key]


def _create(store: Store, key: str, manifest: Manifest) -> tuple[Manifest, bool]:
    """Put a manifest where there is none; return what is there, and whether we put it."""
    there, is_new = manifest, True
    try:
        store.put(key, manifest.encode(), create=True)
    except StoreError as error:
        # It is there already, or the answer was lost: what the store holds decides.
        found = _committed(store, key)
        if found is None:
            raise
        there, is_new = found, found == manifest and not isinstance(error, ObjectExistsError)
    make_durable(store, [key])
    return there, is_new


def _committed(store: Store, key: str) -> Manifest | None:
    try:
        return Manifest.decode(store.get(key), key)
    except ObjectNotFoundError:
        return None


def _agreed(there: Manifest, manifest: Manifest) -> Manifest:
    """Return what is there, if only who made it and when tell it from what was to be."""
    if replace(there, created=manifest.created, run=manifest.run) != manifest:
        raise ConflictError(
            f"committing {manifest.name!r}: version {manifest.version} is there already and "
            "differs from what was to be committed",
            hint=f"panneuro check {manifest.name}",
        )
    return there


def _discard(store: Store, manifest: Manifest) -> None:
    """Delete the objects of a version that can never be committed: another follows its parent."""
    if not _committed(store, f"{manifest.prefix}/{KEY}"):
        for key in _own(manifest):
            store.delete(key)


def moment(after: str = "") -> str:
    """Return the time of a commit, later than that of its parent whatever this clock says."""
    now = datetime.now(UTC)
    if after:
        now = max(now, datetime.fromisoformat(after) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
