"""Tables and thumbnails, made again by reading a second time what is kept of a recording."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from panneuro.core.manifest import Manifest, StoredFile
from panneuro.core.store import Store
from panneuro.formats.nwb_signals import read_signals
from panneuro.formats.nwb_zarr import read_zarr
from panneuro.formats.readers import read
from panneuro.lake.asset import Asset
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal
from panneuro.storage import tables
from panneuro.storage.chunks import ChunkCoder

_ORIGINAL = "original/"
_OURS = "_lake/"
_LONG = ("spike_times", "event_times", "timestamps", "data", "waveforms")
"""Arrays that no table holds a column of."""

Said = Mapping[str, Any]


def from_originals(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Make an object again from the rig's own files, where every one of them was kept.

    Parameters
    ----------
    store : Store
        The lake's.
    manifest : Manifest
        Of the version.
    path : str
        Of the object: a table's or a thumbnail's.

    Returns
    -------
    bytes or None
        None if it follows from none of them.
    """
    said, encode = _wanted(store, manifest, path)
    kept = [file for file in manifest.files if file.path.startswith(_ORIGINAL)]
    if said is None or not kept or len(kept) != len(manifest.sources):
        return None
    with tempfile.TemporaryDirectory(prefix="panneuro-") as folder:
        _fetch(store, manifest, kept, Path(folder))
        root = Path(folder, _ORIGINAL)
        recording = read(
            root / manifest.sources[0]["path"] if len(kept) == 1 else root, manifest.format
        )
        return _encoded(recording.signals, lambda one: one.name == said["name"], encode)


def from_tree(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Make a table again from the columns that the version's NWB tree holds.

    Parameters and returns are those of `from_originals`.
    """
    said, encode = _wanted(store, manifest, path)
    if said is None or not path.startswith(tables.FOLDER):
        return None
    inline = Asset(store, manifest).head.inline
    above = f"{said['path']}/"
    wanted = [
        file
        for file in manifest.files
        if file.path.startswith(above)
        and file.path not in inline
        and file.path.removeprefix(above).partition("/")[0] not in _LONG
    ]
    with tempfile.TemporaryDirectory(prefix="panneuro-") as folder:
        for key, data in inline.items():
            if not key.startswith(_OURS):
                _write(Path(folder, key), data)
        _fetch(store, manifest, wanted, Path(folder))
        signals = read_signals(read_zarr(Path(folder)))
        return _encoded(signals, lambda one: one.path == said["path"], encode)


def _fetch(store: Store, manifest: Manifest, files: Iterable[StoredFile], folder: Path) -> None:
    for file in files:
        _write(folder / file.path, store.get(manifest.key_of(file)))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


Encode = Callable[[Signal], bytes | None]


def _encoded(
    signals: Iterable[Signal], fits: Callable[[Signal], bool], encode: Encode
) -> bytes | None:
    return next((encode(one) for one in signals if fits(one)), None)


def _wanted(store: Store, manifest: Manifest, path: str) -> tuple[Said | None, Encode]:
    """Return what is said of the signal that an object is of, and what makes it of the signal."""
    for said in manifest.signals:
        if path == tables.path_of(said["name"]):
            return said, lambda signal, said=said: _table(signal, said)
        where = said.get("thumbnails")
        if where and path.startswith(f"{where}/c/"):
            node = json.loads(Asset(store, manifest).head.inline[f"{where}/zarr.json"])
            return said, lambda signal, node=node: _thumbnails(signal, node)
    return None, lambda _: None


def _table(signal: Signal, said: Said) -> bytes | None:
    frame = tables.frame_of(signal)
    if frame is None:
        return None
    own: tuple[str, ...] = ()
    if said["kind"] == "events":
        own, frame = tables.UNIT_COLUMNS, _of_events(frame, said)
    # What lays a tree out may add columns, which the table never had.
    return tables.encode(frame[[*own, *said["columns"]]])


def _of_events(frame: pd.DataFrame, said: Said) -> pd.DataFrame:
    """Return rows with the names that a tree keeps as labels, and where the times of each are."""
    if "event_times" in frame:
        counts = frame["event_times"].map(len).astype(np.int64)
        stops = counts.cumsum()
        frame = frame.assign(spike_start=stops - counts, spike_stop=stops)
    if "label" in frame and "label" not in said["columns"]:
        frame = frame.assign(id=frame["label"])
    return frame


def _thumbnails(signal: Signal, node: Mapping[str, Any]) -> bytes | None:
    if not isinstance(signal, Frames) or signal.thumbnails is None:
        return None
    images = np.asarray(signal.thumbnails)
    return ChunkCoder(images.shape, images.dtype, tuple(node["codecs"])).encode(images)
