"""The lake as a store behind http: what `panneuro.open` reads, of what its actor may see."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress

from starlette.responses import Response

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import NotFoundError
from panneuro.core.manifest import KEY, Manifest
from panneuro.core.query import Query
from panneuro.core.store import Store
from panneuro.lake import settings
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.files import Piece, send, send_bytes
from panneuro.portal.shelves import Shelf

_NEWEST = "catalog/newest"


class Share:
    """Answers for the keys of a lake, read-only.

    Parameters
    ----------
    lake : Lake
        The whole.
    direct : bool
        Whether large objects are fetched from the store itself by signed links.
    """

    def __init__(self, lake: Lake, *, direct: bool) -> None:
        self._lake = lake
        self._direct = direct
        self._snapshots = Shelf(4)

    def doors(self) -> list[Door]:
        """Return the one door."""
        gives = {"binary": None}
        return [Door("/store/{key:path}", self.stored, gives=gives, squeezed=False, metered=True)]

    def stored(self, visit: Visit, _: Nothing) -> Response:
        """Read an object of the lake by its key, so that ``panneuro.open`` reads a served lake.

        Ranges of bytes are answered. The index is that of what one may see.
        """
        key, seen = visit.part("key"), visit.seen
        if key == settings.KEY:
            return _small(visit, _settings(self._lake))
        if key == _NEWEST:
            return _small(visit, self._snapshot(seen)[0].encode())
        if key.startswith("catalog/"):
            name, data = self._snapshot(seen)
            return _small(visit, data) if key == name else self._nothing(key)
        return self._object(visit, key)

    def _nothing(self, key: str) -> Response:
        raise NotFoundError(f"there is no object {key!r}")

    def _object(self, visit: Visit, key: str) -> Response:
        """Send an object that a visible version of an asset has."""
        folder, _, rest = key.partition("/")
        name, _, rest = rest.partition("/")
        version, _, path = rest.partition("/")
        if folder == "assets" and name and path and "@" not in name:
            if path == KEY:
                return _small(visit, visit.seen.asset(f"{name}@{version}").manifest.encode())
            for manifest in _owners(visit.seen, name, version):
                piece = _found(self._lake.store, manifest, key)
                if piece:
                    return send(visit, piece, direct=self._direct)
        return self._nothing(key)

    def _snapshot(self, seen: LakeFor) -> tuple[str, bytes]:
        """Return key and bytes of an index of what is visible."""
        visible, count = seen.allowed("find"), self._lake.index.count(Query(), versions=True)

        def write() -> tuple[str, bytes]:
            from panneuro.catalog.snapshot import write_snapshot

            sink = io.BytesIO()
            write_snapshot(iter(seen.find()), sink)
            data = sink.getvalue()
            return f"catalog/{digest_bytes(data)[-16:]}.parquet", data

        return self._snapshots.take((str(visible), count), write)


def _owners(seen: LakeFor, name: str, version: str) -> Iterator[Manifest]:
    """Yield the readable versions whose files may lie there: the version, and later ones."""
    seen.need("read", name)
    with suppress(NotFoundError):
        yield seen.asset(f"{name}@{version}", "read").manifest
    yield from reversed(seen.versions(name))


def _found(store: Store, manifest: Manifest, key: str) -> Piece | None:
    for file in manifest.files:
        if manifest.key_of(file) == key:
            return Piece(store, key, file.size, file.digest, file.path)
    return None


def _settings(lake: Lake) -> bytes:
    """Return a ``lake.toml`` that says what a reader needs, and no more."""
    return f'layout = {settings.LAYOUT}\nid = "{lake.settings.id}"\n'.encode()


def _small(visit: Visit, data: bytes) -> Response:
    return send_bytes(visit, data, digest_bytes(data))
