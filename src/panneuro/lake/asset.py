"""An asset: one version, opened in one request and read as lazily as can be."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from panneuro.core.digests import PREFIX, digest_bytes
from panneuro.core.errors import (
    CorruptionError,
    InputError,
    NotFoundError,
    ObjectNotFoundError,
    PanneuroError,
)
from panneuro.core.manifest import KEY, Manifest, StoredFile, prefix_of
from panneuro.core.store import Store
from panneuro.lake.tombstones import folder_of, tombstone

if TYPE_CHECKING:
    import pyarrow as pa
    import zarr
    from pynwb import NWBFile

    from panneuro.documents import Documents
    from panneuro.signals.events import Events
    from panneuro.signals.recording import Signal
    from panneuro.signals.table import Intervals, Table
    from panneuro.storage.head import Head
    from panneuro.storage.reading import HeadStore, StoredArray


class Asset:
    """One version of an asset.

    Signals are found by name: ``asset["ap"]``, ``asset.units``, ``asset.trials``. Nothing is read
    but what is asked for: opening takes one request, a table one more, the first samples of a
    signal two.

    Parameters
    ----------
    store : Store
        The whole lake.
    manifest : Manifest
        Of the version.
    head : Head, optional
        Of the version; read from the store when it is needed if it is not given.
    """

    def __init__(self, store: Store, manifest: Manifest, head: Head | None = None) -> None:
        self._store = store
        self.manifest = manifest
        if head is not None:
            self.head = head
        self._tables: dict[str, pa.Table] = {}

    @classmethod
    def open(cls, store: Store, name: str, version: str) -> Asset:
        """Open a version that is known, in one request.

        Raises
        ------
        NotFoundError
            If the store does not hold it.
        CorruptionError
            If what it holds is damaged.
        """
        key = f"{prefix_of(name, version)}/{KEY}"
        try:
            data = store.get(key)
        except ObjectNotFoundError as error:
            raise NotFoundError(
                f"the lake at {store.url!r} holds no version {version!r} of {name!r}",
                hint="panneuro reindex   if the index is out of step with the store",
            ) from error
        return cls(store, Manifest.decode(data, key))

    @property
    def name(self) -> str:
        """Of the asset, readable and sortable."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that follow from what the version was made from."""
        return self.manifest.version

    @cached_property
    def documents(self) -> Documents:
        """The eight documents."""
        from panneuro.documents import read

        return read(self.manifest.documents)

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every object of the version, with its size and digest."""
        return self.manifest.files

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals."""
        return tuple(said["name"] for said in self.manifest.signals)

    def __iter__(self) -> Iterator[str]:
        return iter(self.signals)

    def __contains__(self, name: object) -> bool:
        return name in self.signals

    def __getitem__(self, name: str) -> Signal:
        from panneuro.storage.descriptors import restore

        for said in self.manifest.signals:
            if said["name"] == name:
                return restore(said, self.array, self.rows)
        close = difflib.get_close_matches(name, self.signals, 1)
        meant = f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(self.signals)}"
        raise NotFoundError(
            f"{self.name!r} has no signal {name!r}",
            hint=f"{meant}\npanneuro show {self.name} --signals   tells of each",
        )

    @property
    def units(self) -> Events:
        """The sorted units and their spike times."""
        return self["units"]  # type: ignore[return-value]

    @property
    def electrodes(self) -> Table:
        """The electrodes."""
        return self["electrodes"]  # type: ignore[return-value]

    @property
    def trials(self) -> Intervals:
        """The trials."""
        return self["trials"]  # type: ignore[return-value]

    def rows(self, name: str) -> pa.Table:
        """Read the table of a signal, in one request the first time; labels of units are in it."""
        from panneuro.lake import curation
        from panneuro.storage import tables

        if name not in self._tables:
            rows = tables.decode(self.read_file(tables.path_of(name)))
            if curation.is_of(self.manifest.signals, name):
                rows = curation.joined(rows, self.rows(curation.NAME), name)
            self._tables[name] = rows
        return self._tables[name]

    def read_file(self, path: str) -> bytes:
        """Read one object of the version.

        Parameters
        ----------
        path : str
            As in `files`: ``"original/settings.xml"``.
        """
        return self._get(self._file(path))

    def _file(self, path: str) -> StoredFile:
        for file in self.files:
            if file.path == path:
                return file
        raise NotFoundError(
            f"{self.name!r} has no file {path!r}", hint=f"panneuro show {self.name} --files"
        )

    def _get(self, file: StoredFile) -> bytes:
        try:
            data = self._store.get(self.manifest.key_of(file))
        except ObjectNotFoundError as error:
            raise self._gone(file) from error
        if digest_bytes(data) != file.digest:
            raise self._damaged(file)
        return data

    def stream_file(self, path: str) -> Iterator[bytes]:
        """Read one object of the version in blocks, whatever its size; verified with the last."""
        from panneuro.storage.streams import blocks

        file = self._file(path)
        running = hashlib.sha256()
        try:
            for block in blocks(self._store, self.manifest.key_of(file), file.size):
                running.update(block)
                yield block
        except ObjectNotFoundError as error:
            raise self._gone(file) from error
        if PREFIX + running.hexdigest() != file.digest:
            raise self._damaged(file)

    def _gone(self, file: StoredFile) -> PanneuroError:
        stone = tombstone(self._store, folder_of(self.manifest.key_of(file)))
        if stone:
            return stone.error
        return CorruptionError(
            f"the file {file.path!r} of {self.name!r} is gone from the store",
            hint=f"panneuro check {self.name}",
        )

    def _damaged(self, file: StoredFile) -> CorruptionError:
        return CorruptionError(
            f"the file {file.path!r} of {self.name!r} is not what its digest says",
            hint=f"panneuro check {self.name}",
        )

    @cached_property
    def head(self) -> Head:
        """What lets the whole store be opened in one request."""
        from panneuro.storage.head import KEY as HEAD
        from panneuro.storage.head import Head

        return Head.decode(self.read_file(HEAD))

    @cached_property
    def zarr(self) -> zarr.Group:
        """The NWB tree, as a Zarr group."""
        import zarr

        return zarr.open_group(self.zarr_store, mode="r", zarr_format=3)

    @cached_property
    def zarr_store(self) -> HeadStore:
        """The version as Zarr's own kind of store, read-only."""
        from panneuro.storage.reading import HeadStore

        return HeadStore(self._store, self.manifest.prefix, self.head)

    def array(self, path: str) -> StoredArray:
        """Return an array of the store by its path, read when it is sliced.

        Raises
        ------
        CorruptionError
            If it cannot be opened; when it is sliced, if it cannot be decoded.
        """
        import zarr

        from panneuro.storage.reading import StoredArray

        try:
            array = zarr.open_array(self.zarr_store, path=path, mode="r", zarr_format=3)
        except (FileNotFoundError, ValueError) as error:
            raise CorruptionError(
                f"the array {path!r} of {self.name!r} cannot be opened: {error}",
                hint=f"panneuro check {self.name}",
            ) from error
        return StoredArray(array, self.name)

    def pyramid(self, name: str) -> list[Any]:
        """Return the minima and maxima of a signal over bins of time, finest level first.

        Returns
        -------
        list of array, shape (n_bins, [n_channels,] 2)
            A bin of the first level covers 64 samples, of the next 64 bins, and so on.
        """
        said = next((said for said in self.manifest.signals if said["name"] == name), None)
        if said is None:
            raise NotFoundError(f"{self.name!r} has no signal {name!r}")
        levels = range(said.get("pyramid", 0))
        return [self.array(f"_lake/pyramid/{said['path']}/{level}") for level in levels]

    def nwb(self) -> NWBFile:
        """Return the version as a pynwb file, read lazily through the head."""
        from hdmf_zarr.nwb import NWBZarrIO

        io = NWBZarrIO(self.zarr_store, mode="r", load_namespaces=True)
        return io.read()

    def __repr__(self) -> str:
        kinds = ", ".join(self.signals[:8]) + (", …" if len(self.signals) > 8 else "")
        return f"<Asset {self.name} {self.version}: {kinds}>"

    def summary(self) -> list[tuple[str, str]]:
        """Return what a person wants to know first, as rows of label and text."""
        documents = self.documents
        start = documents.acquisition.session_start
        rows = [
            ("name", self.name),
            ("version", self.version),
            ("title", documents.description.title or documents.description.summary or ""),
            ("subject", " ".join(filter(None, (documents.subject.id, _label(documents.subject))))),
            ("session", start.isoformat() if start else ""),
            ("format", self.manifest.format),
            ("stored", self._stored()),
        ]
        rows += [(said["name"], _shape(said)) for said in self.manifest.signals]
        return [(label, text) for label, text in rows if text]

    def _stored(self) -> str:
        total = sum(file.size for file in self.files)
        shared = total - self.manifest.stored_bytes
        told = f", {shared:,} of them shared with an older version" if shared else ""
        return f"{total:,} bytes in {len(self.files)} files{told}"

    def _repr_html_(self) -> str:
        from html import escape

        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(label)}</th><td>{escape(text)}</td></tr>"
            for label, text in self.summary()
        )
        return f"<table>{cells}</table>"


def _label(subject: Any) -> str:
    return subject.species.label if subject.species else ""


def _shape(said: Any) -> str:
    if said["kind"] == "timeseries":
        size = " × ".join(map(str, said["shape"]))
        rate = f"{said['rate_hz']:g} Hz" if said["rate_hz"] else "stamped"
        return f"{size} {said['dtype']}, {rate}, {said['unit']}"
    if said["kind"] == "events":
        return f"{said['units']} units, {said['events']:,} events"
    if said["kind"] == "frames":
        return f"{said['frames']:,} frames of {' × '.join(map(str, said['shape']))}"
    return f"{said['rows']:,} rows: {', '.join(said['columns'][:8])}"


def parse_reference(reference: str) -> tuple[str, str]:
    """Split ``NAME`` or ``NAME@VERSION``.

    Examples
    --------
    >>> parse_reference("ecephys_m1_2024-05-01_09-30-00@0a1b2c3d4e5f")
    ('ecephys_m1_2024-05-01_09-30-00', '0a1b2c3d4e5f')
    """
    name, _, version = reference.partition("@")
    if not name:
        raise InputError(f"{reference!r} names no asset", hint="NAME or NAME@VERSION")
    return name, version
