"""The large arrays of an asset in codecs that every Zarr implementation ships."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from panneuro.codecs.choice import PORTABLE
from panneuro.core.errors import FormatError
from panneuro.lake.asset import Asset
from panneuro.lake.coding import chooser
from panneuro.signals.arrays import LazyArray, n_bytes
from panneuro.storage.layout import Layout
from panneuro.storage.nodes import Hierarchy, Node
from panneuro.storage.shards import ArrayWriter

EVERYWHERE = frozenset(
    {
        "blosc",
        "bytes",
        "crc32c",
        "gzip",
        "sharding_indexed",
        "transpose",
        "vlen-bytes",
        "vlen-utf8",
        "zstd",
    }
)
"""Codecs of the specification of Zarr v3 and its first extensions."""


class Recoding:
    """Decodes arrays whose codecs others may lack, and codes them with `PORTABLE` ones.

    Each chunk is decoded again and compared before it is given out; a few are in memory at a time,
    and one shard.

    Parameters
    ----------
    asset : Asset
        Whose arrays they are.
    hierarchy : Hierarchy
        Its nodes; those of the arrays are changed as they are coded.
    executor : Executor
        Where chunks are coded.
    """

    def __init__(self, asset: Asset, hierarchy: Hierarchy, executor: Executor) -> None:
        self._hierarchy = hierarchy
        self._executor = executor
        self._choose = chooser(PORTABLE)
        self._arrays: dict[str, LazyArray] = {
            path: asset.array(path)
            for path, node in hierarchy.arrays()
            if not names(node["codecs"]) <= EVERYWHERE
        }

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the arrays to be coded anew."""
        return tuple(self._arrays)

    @property
    def total_bytes(self) -> int:
        """Raw size of them all."""
        return sum(n_bytes(data) for data in self._arrays.values())

    def objects(self, advance: Callable[[int], None]) -> Iterator[tuple[str, memoryview]]:
        """Yield the key and the bytes of each shard.

        Parameters
        ----------
        advance : callable
            Told how many raw bytes of them are done.
        """
        for path, data in self._arrays.items():
            writer = ArrayWriter(data, self._layout(path, data), self._executor)
            row_bytes = n_bytes(data) // data.shape[0]

            def observe(start: int, stop: int, row_bytes: int = row_bytes) -> None:
                advance((stop - start) * row_bytes)

            for shard in writer.shards(observe):
                yield f"{path}/{shard.key}", shard.data

    def _layout(self, path: str, data: LazyArray) -> Layout:
        """Choose codecs for an array that is cut as it was, and say so in its node."""
        node = self._hierarchy.nodes[path]
        chunk, shard = _cut(path, node)
        codecs = self._choose(data, chunk).codecs
        layout = Layout(tuple(data.shape), np.dtype(data.dtype), chunk, shard, codecs)
        node.update(layout.metadata(node["fill_value"]))
        return layout


def names(codecs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of some codecs and of those inside them.

    Examples
    --------
    >>> sharding = {"codecs": [{"name": "numcodecs.pcodec"}], "index_codecs": [{"name": "bytes"}]}
    >>> sorted(names([{"name": "sharding_indexed", "configuration": sharding}]))
    ['bytes', 'numcodecs.pcodec', 'sharding_indexed']
    """
    found = set()
    for codec in codecs:
        found.add(codec["name"])
        inner = codec.get("configuration", {})
        found |= names([*inner.get("codecs", ()), *inner.get("index_codecs", ())])
    return found


def _cut(path: str, node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the chunk and the shard of an array; without shards, each chunk is one."""
    shard = tuple(node["chunk_grid"]["configuration"]["chunk_shape"])
    if not node["shape"] or 0 in node["shape"]:
        raise FormatError(
            f"exporting {path!r}: it is coded with {', '.join(sorted(names(node['codecs'])))} but "
            f"its shape is {tuple(node['shape'])}",
            hint="export without --portable",
        )
    sharding = next((one for one in node["codecs"] if one["name"] == "sharding_indexed"), None)
    return (tuple(sharding["configuration"]["chunk_shape"]) if sharding else shard), shard
