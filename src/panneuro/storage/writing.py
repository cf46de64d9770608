"""A recording into a store: every object of a version but the commit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.digests import digest_bytes, digest_file
from panneuro.core.errors import FormatError
from panneuro.core.manifest import StoredFile
from panneuro.core.progress import Progress
from panneuro.core.store import Store
from panneuro.signals.arrays import LazyArray, n_bytes
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal, SourceFile, Structure
from panneuro.storage import settling, tables
from panneuro.storage.chunks import ChunkCoder, CodecConfig, data_type
from panneuro.storage.descriptors import Descriptor, describe
from panneuro.storage.head import INLINE_BYTES, Head
from panneuro.storage.head import KEY as HEAD
from panneuro.storage.layout import EVENT_CHUNK, Layout, cut, event_rows
from panneuro.storage.levels import CODECS, encode_level, level_node, level_path
from panneuro.storage.nodes import Hierarchy
from panneuro.storage.pyramid import Pyramid
from panneuro.storage.shards import ArrayWriter, Send, Shard
from panneuro.storage.streams import digest_object

Choose = Callable[[LazyArray, tuple[int, ...]], "Choice"]
"""Given an array and its chunk, says how to code it."""

CHOICES = "_lake/choices"
"""Where it is put down how each array is cut and coded, and why."""

BESIDE = ("figures/", "files/", "values/")
"""Folders of what runs make that is no part of the Zarr tree."""

APART = ("original/", tables.FOLDER, CHOICES, *BESIDE)
"""What is found by its name in ``asset.json`` and not through the head."""

_RAGGED = ("spike_times", "event_times")
_TEXT: tuple[CodecConfig, ...] = (
    {"name": "vlen-utf8"},
    {"name": "zstd", "configuration": {"level": 5, "checksum": False}},
)


@dataclass(frozen=True)
class Choice:
    """How an array is coded, and why.

    Parameters
    ----------
    codecs : sequence of mapping
        Zarr v3 codecs of the inner chunks.
    name : str
        Of the coding.
    why : str
        In words.
    noise_floor_bits : float, optional
        Of a sample: the least that any lossless coding is estimated to need.
    """

    codecs: tuple[CodecConfig, ...]
    name: str
    why: str
    noise_floor_bits: float | None = None


@dataclass
class Content:
    """What was written.

    Parameters
    ----------
    files : list of StoredFile
        Every object.
    signals : list of Descriptor
        What is said of each signal.
    sent_bytes : int
        Bytes put into the store now, without those that were already there.
    """

    files: list[StoredFile] = field(default_factory=list)
    signals: list[Descriptor] = field(default_factory=list)
    sent_bytes: int = 0


class VersionWriter:
    """Writes the objects of one version; what an earlier attempt finished is kept.

    Parameters
    ----------
    store : Store
        The version's own folder.
    executor : Executor
        Where chunks are coded.
    choose : callable
        Says how to code each array.
    progress : Progress
        Told of raw bytes as they are written.
    """

    def __init__(
        self, store: Store, executor: Executor, choose: Choose, progress: Progress
    ) -> None:
        self._store = store
        self._executor = executor
        self._choose = choose
        self._progress = progress
        self._present = {found.key: found.size for found in store.list()}
        self._content = Content()
        self._indexes: dict[str, bytes] = {}
        self._lock = Lock()

    def write(
        self,
        structure: Structure,
        signals: Iterable[Signal],
        kept: Iterable[tuple[SourceFile, str]],
        seed: str,
        beside: Mapping[str, bytes | Path] | None = None,
    ) -> Content:
        """Write everything.

        Parameters
        ----------
        structure : Structure
            The NWB tree.
        signals : iterable of Signal
            Each knowing its path in it.
        kept : iterable of SourceFile and str
            To be kept verbatim, each with its digest.
        seed : str
            What ids of NWB objects follow from; empty where they are to stay.
        beside : mapping of str to bytes or Path, optional
            By path in the version, what NWB has no type for: figures, weights, Zarr arrays.
        """
        signals = tuple(signals)
        hierarchy = Hierarchy(structure.nodes)
        hierarchy.without_chunks(structure.bulk)
        if seed:
            hierarchy.name_objects(seed)
        hierarchy.name_dimensions()
        chosen = self._arrays(hierarchy, structure.bulk, signals)
        self._tables(signals)
        for source, digest in kept:
            self._file(f"original/{source.name}", source.path, digest)
        for path, held in (beside or {}).items():
            if isinstance(held, Path):
                self._file(path, held, digest_file(held))
            else:
                self._put(path, held)
        for signal in signals:
            if isinstance(signal, Frames) and signal.thumbnails is not None:
                chosen.setdefault(signal.path, {})["thumbnails"] = self._thumbnails(
                    hierarchy, signal.path, np.asarray(signal.thumbnails)
                )
        self._nodes(hierarchy)
        exists = hierarchy.nodes.__contains__
        for signal in signals:
            self._content.signals.append(describe(signal, exists) | chosen.get(signal.path, {}))
        settling.clear(self._store, self._present)
        self._content.files.sort(key=lambda file: file.path)
        return self._content

    def _arrays(
        self, hierarchy: Hierarchy, bulk: Mapping[str, LazyArray], signals: tuple[Signal, ...]
    ) -> dict[str, dict[str, Any]]:
        """Write the large arrays; return what is to be said of each signal's coding."""
        self._progress.start("compressing", sum(n_bytes(array) for array in bulk.values()))
        said: dict[str, dict[str, Any]] = {}
        by_path = {signal.path: signal for signal in signals}
        for path, data in bulk.items():
            owner, _, name = path.rpartition("/")
            wanted = name == "data" and owner in by_path
            rows = _event_rows(by_path.get(owner)) if name in _RAGGED else None
            choice, stored, levels = self._array(hierarchy, path, data, rows, with_pyramid=wanted)
            if name in ("data", *_RAGGED):
                said[owner] = {
                    "codec": choice.name,
                    "codec_why": choice.why,
                    "raw_bytes": n_bytes(data),
                    "stored_bytes": stored,
                    "pyramid": levels,
                }
                if choice.noise_floor_bits is not None:
                    said[owner]["noise_floor_bits"] = choice.noise_floor_bits
        return said

    def _array(
        self,
        hierarchy: Hierarchy,
        path: str,
        data: LazyArray,
        rows: int | None,
        *,
        with_pyramid: bool,
    ) -> tuple[Choice, int, int]:
        """Write one; return how it is coded, its bytes stored and the levels of its pyramid."""
        shape, dtype = tuple(map(int, data.shape)), np.dtype(data.dtype)
        node = hierarchy.nodes[path]
        if node["data_type"] != data_type(dtype):
            raise FormatError(
                f"writing {path!r}: it is declared as {node['data_type']!r} but holds {dtype}"
            )
        node["shape"] = list(shape)
        if 0 in shape:
            _empty(node, shape)
            return Choice((), "none", "it is empty"), 0, 0
        layout, choice = self._chosen(path, data, rows)
        node.update(layout.metadata(node.get("fill_value", 0)))
        pyramid = None
        if with_pyramid and Pyramid.suits(shape, dtype):
            pyramid = Pyramid(shape, dtype, min(layout.shard[0], shape[0]))
        place = self._stored(path), self._sender(path)
        look = pyramid.observe if pyramid else lambda *_: None
        writer = ArrayWriter(data, layout, self._executor, *place, look)
        stored = self._shards(hierarchy, path, writer, pyramid)
        levels = self._pyramid_top(hierarchy, path, pyramid) if pyramid else 0
        return choice, stored, levels

    def _chosen(self, path: str, data: LazyArray, rows: int | None) -> tuple[Layout, Choice]:
        """Choose how an array is cut and coded, as all who write this version do.

        What is chosen by trial may differ between machines.
        """
        shape, dtype = tuple(map(int, data.shape)), np.dtype(data.dtype)

        def decide() -> dict[str, Any]:
            chunk, shard = cut(shape, dtype, rows)
            text = dtype.kind in "OTU"
            choice = Choice(_TEXT, "text", "it is text") if text else self._choose(data, chunk)
            return {"chunk": chunk, "shard": shard, **vars(choice)}

        key, about = f"{CHOICES}/{path}.json", [list(shape), data_type(dtype)]
        is_there = key in self._present
        said, written = settling.agree(self._store, key, about, decide, is_there=is_there)
        self._sent(0 if is_there else len(written))
        self._keep(key, written)
        chunk, shard = tuple(said.pop("chunk")), tuple(said.pop("shard"))
        choice = Choice(**{**said, "codecs": tuple(said["codecs"])})
        return Layout(shape, dtype, chunk, shard, choice.codecs), choice

    def _stored(self, path: str) -> Callable[[str], bytes | None]:
        def find(key: str) -> bytes | None:
            whole = f"{path}/{key}"
            return self._store.get(whole) if whole in self._present else None

        return find

    def _sender(self, path: str) -> Send:
        def send(key: str, data: memoryview, damaged: str) -> bool:
            whole = f"{path}/{key}"
            if damaged:
                done = settling.mend(self._store, whole, data, damaged)
            else:
                done = settling.settle(self._store, whole, data)
            self._present.setdefault(whole, len(data))
            if done:
                self._sent(len(data))
            return done

        return send

    def _shards(
        self, hierarchy: Hierarchy, path: str, writer: ArrayWriter, pyramid: Pyramid | None
    ) -> int:
        done = 0
        row_bytes = n_bytes(writer.data) // max(1, writer.layout.shape[0])

        def observe(_: int, stop: int) -> None:
            nonlocal done
            ahead = max(0, stop - done)
            done += ahead
            self._progress.advance(ahead * row_bytes)

        numbers = itertools.count()

        def keep(shard: Shard) -> None:
            key = f"{path}/{shard.key}"
            self._keep(key, shard.data)
            self._indexes[key] = shard.index
            if pyramid:
                self._level(hierarchy, path, 0, pyramid.finest(), pyramid.shape, next(numbers))

        # A loop would hold one shard while the next two are in memory.
        return sum(map(_size, writer.shards(observe, keep)))

    def _pyramid_top(self, hierarchy: Hierarchy, path: str, pyramid: Pyramid) -> int:
        levels = pyramid.coarser()
        for number, level in enumerate(levels, start=1):
            self._level(hierarchy, path, number, level, level.shape, 0)
        return 1 + len(levels)

    def _level(
        self,
        hierarchy: Hierarchy,
        path: str,
        number: int,
        bins: npt.NDArray[Any],
        shape: tuple[int, ...],
        at: int,
    ) -> None:
        """Write one object of one level of a pyramid, an array of its own beside the NWB tree."""
        where = level_path(path, number)
        if at == 0:
            hierarchy.nodes[where] = level_node(shape, bins.dtype, len(bins))
        key = "/".join([where, "c", str(at), *["0"] * (len(shape) - 1)])
        data, self._indexes[key] = encode_level(hierarchy.nodes[where], bins, self._executor)
        self._put(key, data)

    def _tables(self, signals: tuple[Signal, ...]) -> None:
        for signal in signals:
            frame = tables.frame_of(signal)
            if frame is not None:
                self._put(f"{tables.FOLDER}/{signal.name}.parquet", tables.encode(frame))

    def _thumbnails(self, hierarchy: Hierarchy, path: str, images: npt.NDArray[Any]) -> str:
        where = f"_lake/thumbnails/{path}"
        coder = ChunkCoder(images.shape, images.dtype, CODECS)
        names = ["thumbnail", "y", "x", "colour"][: images.ndim]
        hierarchy.nodes[where] = _plain_array(images.shape, coder, names)
        self._put("/".join([where, "c", *["0"] * images.ndim]), coder.encode(images))
        return where

    def _file(self, key: str, path: Path, digest: str) -> None:
        size = path.stat().st_size
        if self._present.get(key) != size or digest_object(self._store, key, size) != digest:
            self._store.put_file(key, path)
            self._content.sent_bytes += size
        self._content.files.append(StoredFile(key, size, digest))

    def _nodes(self, hierarchy: Hierarchy) -> None:
        """Write the tree's nodes and small chunks, and the head that stands for them all."""
        files = hierarchy.files()
        list(self._executor.map(lambda item: self._put(*item), files.items()))
        inline = hierarchy.inline(INLINE_BYTES)
        objects = {
            file.path: ("", 0, file.size)
            for file in self._content.files
            if file.path not in inline and not file.path.startswith(APART)
        }
        self._put(HEAD, Head(inline, self._indexes, objects).encode())

    def _put(self, key: str, data: bytes) -> None:
        """Put an object, unless the very same one is there."""
        if self._present.get(key) != len(data) or self._store.get(key) != data:
            self._send(key, data)
        self._keep(key, data)

    def _send(self, key: str, data: bytes) -> None:
        self._store.put(key, data)
        self._sent(len(data))

    def _sent(self, n_bytes: int) -> None:
        with self._lock:
            self._content.sent_bytes += n_bytes

    def _keep(self, key: str, data: bytes | memoryview) -> None:
        self._content.files.append(StoredFile(key, len(data), digest_bytes(data)))


def _size(shard: Shard) -> int:
    return len(shard.data)


def _event_rows(signal: Signal | None) -> int:
    return event_rows(signal.ends) if isinstance(signal, Events) else EVENT_CHUNK


def _empty(node: dict[str, Any], shape: tuple[int, ...]) -> None:
    chunk = [max(1, length) for length in shape]
    node["chunk_grid"] = {"name": "regular", "configuration": {"chunk_shape": chunk}}


def _plain_array(shape: tuple[int, ...], coder: ChunkCoder, names: list[str]) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": data_type(coder.dtype),
        "shape": list(shape),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(coder.shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [dict(codec) for codec in coder.codecs],
        "attributes": {},
        "dimension_names": names,
    }
