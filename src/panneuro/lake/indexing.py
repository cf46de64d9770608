"""The index of a lake: where it lies, how it is filled, and its snapshots in the store."""

from __future__ import annotations

import io
import os
import re
import uuid
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from itertools import batched, islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from panneuro.core.catalog import Searchable
from panneuro.core.conditions import Match
from panneuro.core.entry import Entry
from panneuro.core.errors import CorruptionError, ObjectNotFoundError, StoreDeniedError
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.places import user_cache
from panneuro.core.query import EVERYTHING, Query
from panneuro.core.store import Store
from panneuro.lake.entries import entry_of
from panneuro.lake.runs import outputs_since
from panneuro.storage.files import ObjectFile

if TYPE_CHECKING:
    from panneuro.catalog.snapshot import SnapshotCatalog
    from panneuro.catalog.sqlite import SqliteCatalog
    from panneuro.lake.lake import Lake

FOLDER = "catalog"
_NOTE = ".adding"
_DEAD = timedelta(days=7)
"""Who left a note so long ago is not adding any more."""

INDEX, RUNS = f"{FOLDER}/index.sqlite", f"{FOLDER}/runs.sqlite"
"""Where the indexes over assets and over runs are in a folder that we may write."""

NEWEST = f"{FOLDER}/newest"
"""Names the newest snapshot, for stores that cannot list."""

_SNAPSHOT = re.compile(rf"{FOLDER}/\w+\.parquet".encode())

_WHOLE = 8 << 20
"""A snapshot up to this size is fetched in one request, a larger one column by column."""

_AT_ONCE = 32
_BATCH = 512
"""So many objects are read ahead of the index."""

_MOST_NAMES = 200
_KEPT = 2
"""Snapshots kept: a reader may hold the one before the newest."""


def index_path(store: Store, lake_id: str) -> Path | None:
    """Return where the index lies: in a folder that we may write, else in the user's cache.

    None keeps it in memory, like the lake itself.
    """
    if store.url.startswith("memory://"):
        return None
    if store.url.startswith("file://"):
        path = Path(unquote(urlsplit(store.url).path)) / INDEX
        if _is_open(path) or (not path.parent.exists() and _is_open(path.parent)):
            path.parent.mkdir(exist_ok=True)
            return path
    folder = user_cache() / lake_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "index.sqlite"


def _is_open(path: Path) -> bool:
    """Say whether we may write a file, and beside it."""
    mode = os.W_OK | os.X_OK
    return os.access(path.parent, mode) and (not path.exists() or os.access(path, os.W_OK))


def committed(store: Store) -> Iterator[Entry]:
    """Yield the entry of every version that the store holds, whole; warn of the others."""
    keys = (found.key for found in store.list("assets") if found.key.endswith(f"/{KEY}"))
    with ThreadPoolExecutor(_AT_ONCE, "panneuro-index") as threads:
        for batch in batched(keys, _BATCH):
            for key, data in zip(batch, threads.map(store.get, batch), strict=True):
                try:
                    yield entry_of(_decoded(key, data))
                except CorruptionError as error:
                    warnings.warn(f"{error.message}; panneuro check --repair", stacklevel=2)


def decode_at(store: Store, key: str) -> Manifest:
    """Read the manifest at a key.

    Raises
    ------
    CorruptionError
        If there is none, or it is another version's.
    """
    return _decoded(key, store.get(key))


def _decoded(key: str, data: bytes) -> Manifest:
    manifest = Manifest.decode(data, key)
    if f"{manifest.prefix}/{KEY}" != key:
        raise CorruptionError(
            f"the asset.json at {key!r} is that of {manifest.name!r}, version {manifest.version}"
        )
    return manifest


def nearest(index: Searchable, name: str) -> list[str]:
    """Return the name of an asset that is most like one that none has, if any is like it."""
    beginning = Query((Match("name", "=", ((name[:3], ""),)),))
    return get_close_matches(name, list(islice(index.names(beginning), _MOST_NAMES)), 1)


def reindex(lake: Lake) -> int:
    """Build the indexes of a lake anew from its store alone; return how many versions it has."""
    refill(lake)
    refill_runs(lake)
    publish(lake.store, lake.catalog, anew=True)
    return lake.catalog.count(EVERYTHING, versions=True)


def refill(lake: Lake) -> None:
    """Empty the index over assets and fill it from the store; one too damaged for that goes."""
    try:
        lake.catalog.clear()
        lake.catalog.index(committed(lake.store))
    except CorruptionError:
        # What opens next is a new file, and is filled from the store.
        _discard(lake, INDEX, "index", "catalog")


def refill_runs(lake: Lake) -> None:
    """Empty the index over runs and fill it from the store; one too damaged for that goes."""
    try:
        lake.runs.clear()
    except CorruptionError:
        _discard(lake, RUNS, "runs")
    lake.refresh()


def _discard(lake: Lake, key: str, *opened: str) -> None:
    """Delete the file of an index, closed where it is open under some names."""
    for name in opened:
        held = vars(lake).pop(name, None)
        if held is not None:
            held.close()
    if path := index_path(lake.store, lake.settings.id):
        for end in ("", "-wal", "-shm"):
            path.with_name(f"{Path(key).name}{end}").unlink(missing_ok=True)


def refresh(store: Store, catalog: SqliteCatalog, since: datetime) -> None:
    """Index what others added since a time, found by the records of their runs."""
    learn(store, catalog, outputs_since(store, since))


def learn(store: Store, catalog: SqliteCatalog, made: Iterable[tuple[str, str]]) -> None:
    """Index versions that the index does not know, by name and version."""
    found = []
    for name, version in made:
        if catalog.get(name, version) is None:
            with suppress(CorruptionError, ObjectNotFoundError):
                found.append(entry_of(decode_at(store, f"{prefix_of(name, version)}/{KEY}")))
    catalog.index(found, replace=True)


@contextmanager
def announced(store: Store, path: Path | None, name: str) -> Iterator[None]:
    """Leave a note beside the index while an asset is committed and then indexed.

    Should we die or fail in between, `catch_up` finds the note; one of a failure looks very old.

    Raises
    ------
    StoreDeniedError
        If the lake is a folder whose index we may not write.
    """
    if path is None:
        yield
        return
    if store.url.startswith("file://") and is_shared(path):
        raise StoreDeniedError(
            f"adding {name!r}: the index in the folder {FOLDER!r} of {store.url!r} is read-only",
            hint="ask its owner to let you write there: nobody else would find the asset",
        )
    note = path.with_name(f"{uuid.uuid4().hex}{_NOTE}")
    note.write_text(name)
    try:
        yield
    except BaseException:
        with suppress(FileNotFoundError):
            os.utime(note, (0, 0))
        raise
    note.unlink(missing_ok=True)


def catch_up(store: Store, catalog: SqliteCatalog, path: Path) -> None:
    """Index what was committed by those who died before they could index it."""
    for note in path.parent.glob(f"*{_NOTE}"):
        with suppress(FileNotFoundError):
            name, written = note.read_text(), datetime.fromtimestamp(note.stat().st_mtime, UTC)
            found = versions(store, name) if name else []
            catalog.index([entry_of(manifest) for manifest in found], replace=True)
            if datetime.now(UTC) - written > _DEAD:
                note.unlink()


def versions(store: Store, name: str) -> list[Manifest]:
    """Return the committed versions of a name, oldest first, as the store has them."""
    found = []
    for folder in store.folders(f"assets/{name}"):
        with suppress(ObjectNotFoundError):
            found.append(decode_at(store, f"{folder}/{KEY}"))
    return sorted(found, key=lambda manifest: (manifest.created, manifest.version))


def is_shared(path: Path | None) -> bool:
    """Say whether an index lies outside its lake, so that others add without it knowing."""
    return path is not None and path.parent.name != FOLDER


def last_written(path: Path) -> datetime:
    """Return when an index was last written, with a margin for clocks that differ."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) - timedelta(minutes=10)


def publish(store: Store, catalog: SqliteCatalog, *, anew: bool = False) -> str | None:
    """Put a snapshot into the store if the newest is more than a hundredth behind.

    Parameters
    ----------
    store : Store
        The lake's.
    catalog : SqliteCatalog
        Its index.
    anew : bool
        Also where the newest is damaged, or of another layout.

    Returns
    -------
    str or None
        The key of the new snapshot.
    """
    from panneuro.catalog.snapshot import write_snapshot

    listed = [found.key for found in store.list(FOLDER)]
    known = _snapshots(listed)
    held = int(Path(known[-1]).stem) if known else 0
    count = catalog.count(Query(), versions=True)
    is_named = not known or NEWEST in listed
    if abs(count - held) < max(1, held // 100) and is_named and not (anew and damage(store)):
        return None
    sink = io.BytesIO()
    write_snapshot(catalog.entries(), sink)
    key = f"{FOLDER}/{count:09d}.parquet"
    store.put(key, sink.getvalue())
    store.put(NEWEST, key.encode())
    for old in [other for other in known if other != key][: -(_KEPT - 1)]:
        store.delete(old)
    return key


def snapshots(store: Store) -> list[str]:
    """Return the keys of the snapshots in a store, the newest last."""
    return _snapshots(found.key for found in store.list(FOLDER))


def _snapshots(keys: Iterable[str]) -> list[str]:
    found = [key for key in keys if key.endswith(".parquet")]
    return sorted(key for key in found if Path(key).stem.isdecimal())


def damage(store: Store) -> str:
    """Return what keeps the newest snapshot from being read; nothing where there is none."""
    try:
        newest = newest_snapshot(store)
        if newest is None:
            return f"{NEWEST!r} names no snapshot of the index" if snapshots(store) else ""
        newest.verify()
    except CorruptionError as error:
        return error.message
    return ""


def newest_snapshot(store: Store) -> SnapshotCatalog | None:
    """Open the newest snapshot in a store, if there is one; its columns are read when needed."""
    from panneuro.catalog.snapshot import SnapshotCatalog

    try:
        key = store.get(NEWEST)
        if not _SNAPSHOT.fullmatch(key):
            raise CorruptionError(
                f"{NEWEST!r} names no snapshot of the index, but {key[:80]!r}",
                hint="panneuro reindex",
            )
        file = ObjectFile(store, key.decode())
        return SnapshotCatalog(file.read() if file.size <= _WHOLE else file)
    except ObjectNotFoundError:
        return None
