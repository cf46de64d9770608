"""Committing: a version is there wholly or not at all, and each has at most one that follows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from panneuro.core.errors import ConflictError, CorruptionError, ObjectNotFoundError, StoreError
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.store import Store

NEXT = "_lake/next.json"
"""In a version's folder, the manifest of the one version that follows it, put create-only."""


def commit(store: Store, manifest: Manifest) -> tuple[Manifest, bool]:
    """Put ``asset.json``, create-only: that is the commit.

    A version with a parent is first put down, create-only too, as what follows that parent: of any
    number of writers one decides. Should it die before its commit, the next to come finishes it.

    Returns
    -------
    manifest : Manifest
        What the lake holds now.
    is_new : bool
        False where another writer, or an earlier attempt whose answer was lost, committed the same.

    Raises
    ------
    ConflictError
        If something different is committed there, or follows the parent.
    """
    if manifest.parent:
        follower = _create(store, f"{prefix_of(manifest.name, manifest.parent)}/{NEXT}", manifest)
        if follower.version != manifest.version:
            finish(store, follower)
            _discard(store, manifest)
            raise ConflictError(
                f"committing {manifest.name!r}: version {manifest.parent} has been followed by "
                f"{follower.version} meanwhile",
                hint="run the same line again: it builds on what others said",
            )
        manifest = _agreed(follower, manifest)
    there = _create(store, f"{manifest.prefix}/{KEY}", manifest)
    return _agreed(there, manifest), there.created == manifest.created


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
                f"version {follower.version} of {follower.name!r} was to follow "
                f"{follower.parent}, but its object {file.path!r} is gone",
                hint=f"panneuro check {follower.name} --sweep   forgets it when it is a day old",
            )
    _create(store, f"{follower.prefix}/{KEY}", follower)


def _create(store: Store, key: str, manifest: Manifest) -> Manifest:
    """Put a manifest where there is none, and return what is there."""
    try:
        store.put(key, manifest.encode(), create=True)
    except StoreError:
        # It is there already, or the answer was lost: what the store holds decides.
        there = _committed(store, key)
        if there is None:
            raise
        return there
    return manifest


def _committed(store: Store, key: str) -> Manifest | None:
    try:
        return Manifest.decode(store.get(key))
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
        for file in manifest.files:
            if not file.key:
                store.delete(manifest.key_of(file))


def moment(after: str = "") -> str:
    """Return the time of a commit, later than that of its parent whatever this clock says."""
    now = datetime.now(UTC)
    if after:
        now = max(now, datetime.fromisoformat(after) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
