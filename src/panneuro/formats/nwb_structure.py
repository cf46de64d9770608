"""An NWB tree as the keys and values of a Zarr v3 hierarchy that hdmf-zarr reads."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import zarr
from zarr.errors import UnstableSpecificationWarning
from zarr.storage import MemoryStore

from panneuro.core.errors import FormatError
from panneuro.formats.nwb_dimensions import name_dimensions
from panneuro.formats.nwb_tree import Array, Group, Tree
from panneuro.signals.arrays import LazyArray, n_bytes
from panneuro.signals.recording import Structure

BULK_BYTES = 1 << 20
"""Arrays larger than this stay where they are until they are stored."""

NODES_BYTES = 256 << 20
"""Once small arrays add up to this, the others stay where they are as well."""


def build_structure(tree: Tree) -> Structure:
    """Write a tree's groups, attributes and small arrays; leave large arrays where they are.

    The root carries no consolidated metadata: storage consolidates once it has chosen the chunks
    of the large arrays.

    Parameters
    ----------
    tree : Tree
        From any of the readers of NWB.
    """
    writer = _Writer()
    with warnings.catch_warnings():
        # Fixed-width text and compound types have no final specification in Zarr v3 yet, but they
        # are what hdmf-zarr writes for compound types with references.
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        writer.write(tree.root)
    return Structure(writer.nodes(), writer.bulk)


class _Writer:
    def __init__(self) -> None:
        self.buffers: dict[str, Any] = {}
        self.store = MemoryStore(self.buffers)
        self.bulk: dict[str, LazyArray] = {}
        self.total = 0

    def nodes(self) -> dict[str, bytes]:
        return {key: buffer.to_bytes() for key, buffer in self.buffers.items()}

    def write(self, group: Group) -> None:
        attributes = dict(group.attributes)
        if group.links:
            attributes["_LINKS"] = [
                {"source": ".", "path": path, "name": name} for name, path in group.links.items()
            ]
        path = group.path.strip("/")
        made = zarr.create_group(self.store, path=path, zarr_format=3, attributes=attributes)
        dimensions = name_dimensions(group)
        for array in group.arrays.values():
            self._array(made, array, dimensions[array.name])
        for child in group.groups.values():
            self.write(child)

    def _array(self, group: zarr.Group, array: Array, dimensions: tuple[str, ...]) -> None:
        size = n_bytes(array.data)
        small = size <= BULK_BYTES and self.total + size <= NODES_BYTES
        attributes = dict(array.attributes)
        if dimensions:
            attributes.setdefault("_ARRAY_DIMENSIONS", list(dimensions))
        dtype = np.dtype(array.data.dtype)
        try:
            made = group.create_array(
                array.name,
                shape=array.shape,
                dtype=dtype if array.is_text else dtype.newbyteorder("<"),
                chunks=tuple(max(1, length) for length in array.shape) if small else "auto",
                attributes=attributes,
                dimension_names=dimensions or None,
                fill_value=None,
                config={"write_empty_chunks": True},
            )
        except (ValueError, TypeError) as error:
            raise FormatError(f"reading {array.path!r}: Zarr cannot hold it: {error}") from error
        if not small:
            self.bulk[array.path.strip("/")] = array.data
            return
        self.total += size
        if 0 not in array.shape:
            made[...] = array.data[()]
