"""Objects that follow from others of their version, made again where they are gone or damaged.

Whatever is made again must have the very digest that ``asset.json`` lists, or it is not put.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from panneuro.core.digests import canonical_json, digest_bytes
from panneuro.core.errors import PanneuroError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.core.store import Prefixed, Store
from panneuro.lake import curation
from panneuro.lake.asset import Asset
from panneuro.lake.describing import head_sharing, with_journal
from panneuro.lake.rereading import from_originals, from_tree
from panneuro.storage.head import INLINE_BYTES, Head
from panneuro.storage.head import KEY as HEAD
from panneuro.storage.levels import FOLDER, encode_level
from panneuro.storage.nodes import Hierarchy, Node
from panneuro.storage.pyramid import Pyramid
from panneuro.storage.reading import StoredArray
from panneuro.storage.references import KEY as REFERENCES
from panneuro.storage.references import references
from panneuro.storage.writing import APART, BESIDE

Make = Callable[[Store, Manifest, str], bytes | None]
"""Given the lake's store, a version and the path of one of its objects, makes the object."""

_NODE = "zarr.json"


def rebuild(store: Store, manifest: Manifest, file: StoredFile) -> bool:
    """Make an object again and put it where it was.

    Parameters
    ----------
    store : Store
        The lake's.
    manifest : Manifest
        Of the version.
    file : StoredFile
        The one of its objects that is gone or damaged.

    Returns
    -------
    bool
        Whether it is as it was. It is not where it does not follow from what is intact: samples
        and what the rig wrote follow from nothing else.
    """
    for make in (_inline, _head, _shared_head, _level, from_tree, from_originals):
        # What it is made from may be damaged too, in whatever way: the digest decides.
        with suppress(PanneuroError, LookupError, ValueError, TypeError, OSError):
            data = make(store, manifest, file.path)
            if data is not None and digest_bytes(data) == file.digest:
                break
    else:
        return False
    store.put(manifest.key_of(file), data)
    return True


def _inline(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Return a node or a small chunk as the head has it."""
    if path == HEAD:
        return None
    head = Asset(store, manifest).head
    return Hierarchy(head.inline).files()[_NODE] if path == _NODE else head.inline.get(path)


def _head(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Return the head of a version whose objects are all its own."""
    if path != HEAD or any(file.key for file in manifest.files):
        return None
    folder = Prefixed(store, manifest.prefix)
    nodes = {file.path for file in manifest.files if file.path.rpartition("/")[2] == _NODE}
    hierarchy = Hierarchy({key: folder.get(key) for key in nodes})
    indexes = {}
    for file in manifest.files:
        if file.path in nodes or file.path.startswith(("original/", "_lake/", *BESIDE)):
            continue
        size = _index_bytes(_owner(hierarchy, file.path))
        if size:
            indexes[file.path] = folder.get_range(file.path, file.size - size, size)
        elif file.size <= INLINE_BYTES:
            hierarchy.chunks[file.path] = folder.get(file.path)
    inline = hierarchy.inline(INLINE_BYTES)
    objects = {
        file.path: ("", 0, file.size)
        for file in manifest.files
        if file.path not in inline and file.path != HEAD and not file.path.startswith(APART)
    }
    asset = Asset(store, manifest, Head(inline, indexes, objects))
    levels = {
        file.path: _intact(asset, file)[-size:]
        for file in manifest.files
        if file.path.startswith(FOLDER) and file.path not in nodes
        if (size := _index_bytes(_owner(hierarchy, file.path)))
    }
    return Head(inline, indexes | levels, objects).encode()


def _intact(asset: Asset, level: StoredFile) -> bytes:
    """Return an object of a pyramid, made again where it is gone or damaged."""
    with suppress(PanneuroError):
        return asset.read_file(level.path)
    return _encoded_level(asset, level.path)


def _owner(hierarchy: Hierarchy, path: str) -> Node:
    """Return the array that a chunk is of: the nearest node above it."""
    while path and path not in hierarchy.nodes:
        path = path.rpartition("/")[0]
    return hierarchy.nodes[path]


def _index_bytes(node: Node) -> int:
    """Return the size of the index at the end of each shard of an array, 0 if it has no shards."""
    codec = node["codecs"][0]
    if codec["name"] != "sharding_indexed":
        return 0
    shard = node["chunk_grid"]["configuration"]["chunk_shape"]
    chunk = codec["configuration"]["chunk_shape"]
    return 16 * int(math.prod(s // c for s, c in zip(shard, chunk, strict=True))) + 4


def _shared_head(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Return the head or the references of a version that shares the data of its parent."""
    if path not in (HEAD, REFERENCES) or not manifest.parent:
        return None
    parent, asset = Asset.open(store, manifest.name, manifest.parent), Asset(store, manifest)
    if curation.NAME in asset:
        parent = with_journal(parent, asset.rows(curation.NAME))
    head = head_sharing(parent, asset.documents)
    return head.encode() if path == HEAD else canonical_json(references(store.url, head))


def _level(store: Store, manifest: Manifest, path: str) -> bytes | None:
    """Return an object of a pyramid, from the samples."""
    if not path.startswith(FOLDER) or "/c/" not in path:
        return None
    return _encoded_level(Asset(store, manifest), path)


def _encoded_level(asset: Asset, path: str) -> bytes:
    where, _, at = path.partition("/c/")
    owner, _, level = where.removeprefix(FOLDER).rpartition("/")
    bins = _bins(asset.array(f"{owner}/data"), int(level), int(at.partition("/")[0]))
    node = json.loads(asset.head.inline[f"{where}/{_NODE}"])
    with ThreadPoolExecutor() as executor:
        data, _ = encode_level(node, bins, executor)
    return data


def _bins(array: StoredArray, level: int, at: int) -> npt.NDArray[np.generic]:
    """Return the extremes in one object of a level, reading a row of chunks at a time."""
    rows, length = array.array.chunks[0], array.shape[0]
    span = min((array.array.shards or array.shape)[0], length)
    pyramid = Pyramid(array.shape, array.dtype, span)
    for number, first in enumerate(range(0, length, span)):
        last = min(first + span, length)
        for start in range(first, last, rows):
            pyramid.observe(start, array[start : min(start + rows, last)])
        finest = pyramid.finest()
        if (level, at) == (0, number):
            return finest
    return pyramid.coarser()[level - 1]
