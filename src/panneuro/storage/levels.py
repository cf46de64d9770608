"""The levels of a pyramid as arrays: chunks as small as what is drawn, in few objects."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.storage.chunks import ChunkCoder, CodecConfig, data_type
from panneuro.storage.layout import Layout, even
from panneuro.storage.nodes import Node
from panneuro.storage.shards import ArrayWriter

FOLDER = "_lake/pyramid/"
"""Where pyramids lie in an asset."""

CHUNK_BYTES = 512 << 10
"""Chunks hold at most this many raw bytes, which take a third of a millisecond to decode: of 32
channels of 16 bit the 4,096 bins of 9 s at 30 kHz."""

CODECS: tuple[CodecConfig, ...] = (
    {"name": "bytes", "configuration": {"endian": "little"}},
    {
        "name": "blosc",
        "configuration": {
            "cname": "zstd",
            "clevel": 5,
            "shuffle": "bitshuffle",
            "typesize": 2,
            "blocksize": 0,
        },
    },
    {"name": "crc32c"},
)


def level_path(data: str, number: int) -> str:
    """Return where a level of an array lies.

    Examples
    --------
    >>> level_path("acquisition/ap/data", 0)
    '_lake/pyramid/acquisition/ap/0'
    """
    return f"{FOLDER}{data.removesuffix('/data')}/{number}"


def level_node(shape: tuple[int, ...], dtype: np.dtype[Any], span: int) -> Node:
    """Return the ``zarr.json`` of a level.

    Parameters
    ----------
    shape : tuple of int
        ``(n_bins, [n_channels,] 2)``.
    dtype : dtype
        Of the signal.
    span : int
        Bins in one object, unless all are in one.

    Examples
    --------
    >>> node = level_node((3_375_000, 32, 2), np.dtype("int16"), span=65_536)
    >>> node["chunk_grid"]["configuration"]["chunk_shape"]
    [65536, 32, 2]
    >>> node["codecs"][0]["configuration"]["chunk_shape"]
    [4096, 32, 2]
    """
    most = max(1, CHUNK_BYTES // (math.prod(shape[1:]) * dtype.itemsize))
    if span < shape[0]:
        rows = next(rows for rows in range(min(most, span), 0, -1) if span % rows == 0)
    else:
        rows = even(shape[0], most)
        span = -(-shape[0] // rows) * rows
    layout = Layout(shape, dtype, (rows, *shape[1:]), (span, *shape[1:]), CODECS)
    return {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": data_type(dtype),
        **layout.metadata(0),
        "attributes": {},
        "dimension_names": ["bin", *["channel"][: len(shape) - 2], "extreme"],
    }


def encode_level(node: Node, bins: npt.NDArray[Any], executor: Executor) -> tuple[bytes, bytes]:
    """Return one object of a level, and the index at its end.

    Parameters
    ----------
    node : mapping
        As `level_node` made it; or without shards, as it was at first: then there is no index.
    bins : ndarray, shape (n_bins, [n_channels,] 2)
        That the object holds: as many as its node says, or fewer in the last.
    executor : Executor
        Where chunks are coded.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> bins = np.zeros((5000, 32, 2), "int16")
    >>> with ThreadPoolExecutor() as executor:
    ...     data, index = encode_level(level_node(bins.shape, bins.dtype, 5000), bins, executor)
    >>> data[-len(index) :] == index, len(index)
    (True, 36)
    """
    grid, codecs = node["chunk_grid"]["configuration"], node["codecs"]
    if codecs[0]["name"] != "sharding_indexed":
        return ChunkCoder(tuple(grid["chunk_shape"]), bins.dtype, codecs).encode(bins), b""
    inner = codecs[0]["configuration"]
    shapes = tuple(inner["chunk_shape"]), tuple(grid["chunk_shape"])
    layout = Layout(bins.shape, bins.dtype, *shapes, inner["codecs"])
    shard = next(ArrayWriter(bins, layout, executor).shards())
    return bytes(shard.data), shard.index
