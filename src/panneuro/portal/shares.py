"""The lake as a store behind http: what `panneuro.open` reads, of what its actor may see."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress

from starlette.responses import Response

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import NotFoundError
from panneuro.core.manifest import KEY, Manifest, prefix_of
from panneuro.core.query import Query
from panneuro.lake import settings
from panneuro.lake.finding import Found
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.files import Piece, send, send_bytes
from panneuro.portal.seeing import Seen, Shelf

_NEWEST = "catalog/newest"


class Share:
    """Answers for the keys of a lake, read-only.

    Parameters
    ----------
    direct : bool
        Whether large objects are fetched from the store itself by signed links.
    """

    def __init__(self, *, direct: bool) -> None:
        self._direct = direct
        self._snapshots = Shelf(4)

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/store/{key:path}", self.stored, gives={"binary": None}, squeezed=False)]

    def stored(self, visit: Visit, _: Nothing) -> Response:
        """Read an object of the lake by its key, so that ``panneuro.open`` reads a served lake.

        Ranges of bytes are answered. The index is that of what one may see.
        """
        key, seen = visit.part("key"), visit.seen
        if key == settings.KEY:
            return _small(visit, _settings(seen))
        if key == _NEWEST:
            return _small(visit, self._snapshot(seen)[0].encode())
        if key.startswith("catalog/"):
            name, data = self._snapshot(seen)
            return _small(visit, data) if key == name else self._nothing(key)
        return send(visit, self._piece(seen, key), direct=self._direct)

    def _nothing(self, key: str) -> Response:
        raise NotFoundError(f"there is no object {key!r}")

    def _piece(self, seen: Seen, key: str) -> Piece:
        """Return an object that a visible version of an asset has."""
        folder, _, rest = key.partition("/")
        name, _, rest = rest.partition("/")
        version, _, path = rest.partition("/")
        if folder == "assets" and name and path and "@" not in name:
            for manifest in _owners(seen, name, version):
                piece = _found(seen, manifest, key)
                if piece:
                    return piece
        raise NotFoundError(f"there is no object {key!r}")

    def _snapshot(self, seen: Seen) -> tuple[str, bytes]:
        """Return key and bytes of an index of what is visible."""
        count = seen.lake.index.count(Query(), versions=True)

        def write() -> tuple[str, bytes]:
            from panneuro.catalog.snapshot import write_snapshot

            sink = io.BytesIO()
            write_snapshot(iter(Found(seen.lake.index, seen.visible)), sink)
            data = sink.getvalue()
            return f"catalog/{digest_bytes(data)[-16:]}.parquet", data

        return self._snapshots.take((str(seen.visible), count), write)


def _owners(seen: Seen, name: str, version: str) -> Iterator[Manifest]:
    """Yield the visible versions whose files may lie there: the version itself, and later ones."""
    with suppress(NotFoundError):
        yield seen.asset(f"{name}@{version}", "read").manifest
    with suppress(NotFoundError):
        yield from reversed(seen.versions(name))


def _found(seen: Seen, manifest: Manifest, key: str) -> Piece | None:
    store = seen.lake.store
    if key == f"{prefix_of(manifest.name, manifest.version)}/{KEY}":
        return Piece(store, key, store.info(key).size, manifest.version, "asset.json")
    for file in manifest.files:
        if manifest.key_of(file) == key:
            return Piece(store, key, file.size, file.digest, file.path)
    return None


def _settings(seen: Seen) -> bytes:
    """Return a ``lake.toml`` that says what a reader needs, and no more."""
    return f'layout = {settings.LAYOUT}\nid = "{seen.lake.settings.id}"\n'.encode()


def _small(visit: Visit, data: bytes) -> Response:
    return send_bytes(visit, data, digest_bytes(data))
