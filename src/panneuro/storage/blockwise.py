"""NWB from Zarr into other files without ever holding a large array whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr
from hdmf.build import DatasetBuilder, GroupBuilder
from hdmf.data_utils import GenericDataChunkIterator
from hdmf_zarr.nwb import NWBZarrIO

LARGE_BYTES = 16 << 20
"""Arrays of more bytes are copied block by block."""

_BLOCK_GB = 0.064


class _Blocks(GenericDataChunkIterator):  # type: ignore[misc]
    """Reads a Zarr array in blocks, as HDF5 wants its data."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array = array
        super().__init__(buffer_gb=_BLOCK_GB, chunk_mb=1.0)

    def _get_data(self, selection: tuple[slice, ...]) -> Any:
        return self._array[selection]

    def _get_maxshape(self) -> tuple[int, ...]:
        return self._array.shape

    def _get_dtype(self) -> np.dtype[Any]:
        return np.dtype(self._array.dtype)


class BlockwiseIO(NWBZarrIO):  # type: ignore[misc]
    """Reads NWB from a Zarr store to be exported, its large arrays as blocks."""

    def read_builder(self) -> GroupBuilder:
        """Return the tree of what is in the store."""
        root = super().read_builder()
        _as_blocks(root)
        return root


def _as_blocks(group: GroupBuilder) -> None:
    for dataset in group.datasets.values():
        if isinstance(dataset, DatasetBuilder) and _is_large(dataset.data):
            dataset["data"] = _Blocks(dataset.data)
    for inner in group.groups.values():
        _as_blocks(inner)


def _is_large(data: Any) -> bool:
    return isinstance(data, zarr.Array) and data.dtype.kind in "iuf" and data.nbytes > LARGE_BYTES
