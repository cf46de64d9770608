"""HDF5 opened with care: arrays read when sliced, nothing reached outside the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.heaps import endless_heap

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file without a user block."""

_FILTERS = {
    4: "szip",
    305: "LZO",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}


def is_hdf5(head: bytes) -> bool:
    """Say whether a file's first bytes are HDF5's."""
    return head.startswith(SIGNATURE)


_CHUNK_CACHE_BYTES = 64 << 20


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    FormatError
        If it is not HDF5, truncated, or damaged so that it would be read for ever.
    """
    try:
        heap = endless_heap(path)
        if heap is not None:
            raise FormatError(
                f"reading {path.name!r}: the file is damaged: what lies at its byte {heap:,} was "
                "overwritten",
                hint="copy it again from where it was recorded",
            )
        # Compressed chunks outgrow the usual cache, and would be unpacked again for every block.
        return h5py.File(
            path, "r", locking="best-effort", rdcc_nbytes=_CHUNK_CACHE_BYTES, rdcc_nslots=10_007
        )
    except (OSError, RuntimeError) as error:
        raise FormatError(
            f"reading {path.name!r}: it is not a whole HDF5 file: {error}",
            hint="copy it again from where it was recorded",
        ) from error


@contextmanager
def whole(name: str) -> Iterator[None]:
    """Say that a file is damaged where h5py stumbles over it, opened as it was.

    Parameters
    ----------
    name : str
        Of the file.

    Raises
    ------
    FormatError
        Instead of what h5py raises.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
        raise FormatError(
            f"reading {name!r}: the file is damaged: {error}",
            hint="copy it again from where it was recorded",
        ) from error


def check_dataset(file: str, dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose values cannot be read from this file alone.

    Raises
    ------
    FormatError
        If they lie in other files, or are compressed by a filter that is not installed.
    """
    if dataset.external or (dataset.is_virtual and _reaches_out(dataset)):
        raise FormatError(
            f"reading {file!r}: the values of {dataset.name!r} lie in other files",
            hint="copy them into one file first, as with: h5repack IN OUT",
        )
    filters = dataset.id.get_create_plist()
    for index in range(filters.get_nfilters()):
        number, _, _, label = filters.get_filter(index)
        if not h5py.h5z.filter_avail(number):
            name = _FILTERS.get(number) or decode(label) or "unknown"
            raise FormatError(
                f"reading {file!r}: {dataset.name!r} is compressed by the HDF5 filter "
                f"{number} ({name}), which is not installed",
                hint="pip install hdf5plugin, and set HDF5_PLUGIN_PATH to its folder 'plugins'",
            )


def _reaches_out(dataset: h5py.Dataset) -> bool:
    return any(source.file_name != "." for source in dataset.virtual_sources())


def decode(value: Any) -> str:
    """Return text as ``str``: UTF-8, or Latin-1 where it is not."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


class HDF5Array:
    """A dataset as a lazy array, which holds its file open.

    Parameters
    ----------
    dataset : h5py.Dataset
        Where the values are.
    dtype : dtype
        Type of the elements given out.
    convert : callable, optional
        From the values that h5py reads to those given out.
    """

    def __init__(
        self,
        dataset: h5py.Dataset,
        dtype: npt.DTypeLike,
        convert: Callable[[Any], Any] | None = None,
    ) -> None:
        self._file = dataset.file
        self._dataset = dataset
        self._convert = convert
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    def __getitem__(self, key: Any, /) -> Any:
        try:
            values = self._dataset[key]
        except (OSError, RuntimeError) as error:
            raise FormatError(
                f"reading {self._dataset.name!r} of {self._file.filename!r}: {error}",
                hint="the file is damaged; copy it again from where it was recorded",
            ) from error
        return values if self._convert is None else self._convert(values)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of the pieces the file stores, if it does so in pieces."""
        chunks = self._dataset.chunks
        return None if chunks is None else tuple(chunks)


def check_contained(file: str, group: h5py.Group) -> None:
    """Refuse a file that reaches into others, by links or by datasets kept elsewhere.

    Raises
    ------
    FormatError
        If it does.
    """

    found: list[h5py.Dataset] = []

    def visit(name: str, link: Any) -> str | None:
        if isinstance(link, h5py.ExternalLink):
            return f"{name!r} is a link into {link.filename!r}"
        item = group.get(name) if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Dataset):
            found.append(item)
        return None

    try:
        outside = group.visititems_links(visit)
    except (RuntimeError, KeyError, OSError) as error:
        raise FormatError(f"reading {file!r}: the file is damaged: {error}") from error
    if outside:
        raise FormatError(
            f"reading {file!r}: {outside}", hint="copy what it links to into the file itself"
        )
    for dataset in found:
        check_dataset(file, dataset)
