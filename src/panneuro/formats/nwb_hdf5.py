"""NWB in HDF5: the file's tree, with arrays that are read when they are sliced."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.hdf5 import HDF5Array, check_dataset, decode, open_hdf5, whole
from panneuro.formats.nwb_tree import REFERENCE, Array, Census, Group, Tree, reference

_COMPOUND_CHARACTERS = 512
"""Text in compound types is at least this wide: hdmf-zarr's room for longer values."""


def read_tree(path: Path) -> Tree:
    """Read the tree of an NWB file in HDF5.

    Parameters
    ----------
    path : Path
        The file. It stays open for as long as an array of the tree is held.

    Raises
    ------
    FormatError
        If the file is truncated, damaged, or reaches into other files.
    """
    handle = open_hdf5(path)
    walker = _Walker(path.name, handle)
    with whole(path.name):
        return Tree(walker.walk(), walker.notes)


@dataclass
class _Walker:
    name: str
    handle: h5py.File
    notes: list[str] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.census = Census(self.name)
        self.met: list[tuple[Group | Array, Any]] = []
        self.links: list[tuple[Group, str, Any]] = []

    def walk(self) -> Group:
        """Walk twice: names first, so that references find the name that the tree uses."""
        root = Group("/")
        self._enter(root, self.handle["/"])
        for node, item in self.met:
            attributes = self._attributes(item)
            node.attributes = {**attributes, **node.attributes}
            if isinstance(node, Array):
                node.data = self._data(node, item)
        for group, name, found in self.links:
            group.links[name] = self.paths[_address(found)]
        return root

    def _enter(self, group: Group, item: h5py.Group) -> None:
        self.census.meet(group.path)
        self.paths[_address(item)] = group.path
        self.met.append((group, item))
        for name in item:
            self._child(group, item, name)

    def _child(self, group: Group, item: h5py.Group, name: str) -> None:
        path = group.child(name)
        link = item.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise FormatError(
                f"reading {self.name!r}: {path!r} is a link into another file, {link.filename!r}",
                hint="write everything into one file first: pynwb's NWBHDF5IO.export does so",
            )
        if isinstance(link, h5py.SoftLink):
            self._link(group, item, name, link.path)
            return
        child = item[name]
        known = self.paths.get(_address(child))
        if known is not None:
            group.links[name] = known
        elif isinstance(child, h5py.Group):
            group.groups[name] = Group(path)
            self._enter(group.groups[name], child)
        elif isinstance(child, h5py.Dataset):
            self._array(group, name, child)

    def _link(self, group: Group, item: h5py.Group, name: str, path: str) -> None:
        try:
            found = item.get(name)
        except (KeyError, OSError, RuntimeError):
            found = None
        if found is None:
            self.notes.append(f"the link {group.child(name)} to {path!r} leads nowhere; left out")
        else:
            self.links.append((group, name, found))

    def _array(self, group: Group, name: str, item: h5py.Dataset) -> None:
        path = group.child(name)
        self.census.meet(path)
        if item.shape is None:
            self.notes.append(f"{path} has no value; left out")
            return
        check_dataset(self.name, item)
        self.paths[_address(item)] = path
        group.arrays[name] = Array(path, np.empty(0))
        self.met.append((group.arrays[name], item))

    def _data(self, node: Array, item: h5py.Dataset) -> Any:
        dtype = item.dtype
        if h5py.check_string_dtype(dtype) is not None or dtype.kind == "S":
            node.attributes["_DTYPE"] = "str"
            return HDF5Array(item, np.dtypes.StringDType(), _texts)
        if h5py.check_ref_dtype(dtype) is not None:
            node.attributes["_DTYPE"] = REFERENCE
            return HDF5Array(item, np.dtypes.StringDType(), self._targets)
        if dtype.names is not None:
            return self._compound(node, item)
        if not _is_number(dtype):
            return self._odd(node, item)
        plain = np.dtype(dtype.str)
        node.attributes["_DTYPE"] = plain.type.__name__
        if plain.isnative:
            return HDF5Array(item, plain)
        native = plain.newbyteorder("=")
        return HDF5Array(item, native, lambda values: np.asarray(values, dtype=native))

    def _compound(self, node: Array, item: h5py.Dataset) -> Any:
        fields = {name: item.dtype[name] for name in item.dtype.names}
        references = [n for n, kind in fields.items() if h5py.check_ref_dtype(kind) is not None]
        texts = [n for n, kind in fields.items() if n not in references and kind.kind in "OS"]
        plain = [kind for n, kind in fields.items() if n not in references and n not in texts]
        if not all(map(_is_number, plain)):
            return self._odd(node, item)
        if references:
            node.attributes["_REFERENCE_FIELDS"] = references
        if not references and not texts:
            return HDF5Array(item, item.dtype)
        longest = max(map(len, self.paths.values()))
        wide = dict.fromkeys(references, max(_COMPOUND_CHARACTERS, longest))
        for name in texts:
            found = _texts(Array(node.path, HDF5Array(item, item.dtype)).whole()[name]).reshape(-1)
            wide[name] = max(_COMPOUND_CHARACTERS, *map(len, found), 0)
        dtype = np.dtype([(n, f"U{wide[n]}" if n in wide else fields[n]) for n in fields])

        def convert(rows: Any) -> npt.NDArray[Any]:
            result = np.empty(np.shape(rows), dtype)
            for name in fields:
                result[name] = (
                    self._targets(rows[name])
                    if name in references
                    else _texts(rows[name])
                    if name in texts
                    else rows[name]
                )
            return result

        return HDF5Array(item, dtype, convert)

    def _odd(self, node: Array, item: h5py.Dataset) -> Any:
        """Keep what Zarr has no type for, such as lists of numbers of any length, as JSON text."""
        node.attributes["_DTYPE"] = "str"
        self.notes.append(f"{node.path} has the type {item.dtype}, kept as JSON text")
        return HDF5Array(item, np.dtypes.StringDType(), _jsons)

    def _targets(self, values: Any) -> npt.NDArray[Any]:
        flat = [self._target(value) for value in np.asarray(values, dtype=object).reshape(-1)]
        return np.array(flat, dtype=np.dtypes.StringDType()).reshape(np.shape(values))

    def _target(self, value: Any) -> str:
        if not value:
            return ""
        item = self.handle[value]
        return self.paths.get(_address(item), str(item.name))

    def _attributes(self, item: Any) -> dict[str, Any]:
        attributes = {str(key): self._plain(value) for key, value in item.attrs.items()}
        located = attributes.get(".specloc")
        if isinstance(located, dict):
            attributes[".specloc"] = located["_REFERENCE"]["path"].strip("/")
        return {key: value for key, value in attributes.items() if value is not None}

    def _plain(self, value: Any) -> Any:
        if isinstance(value, h5py.RegionReference):
            self.notes.append("a reference to a region of an array was left out")
            return None
        if isinstance(value, h5py.Reference):
            return reference(self._target(value)) if value else None
        if isinstance(value, h5py.Empty):
            return ""
        if isinstance(value, bytes):
            return decode(value)
        if isinstance(value, np.ndarray | np.void):
            return (
                [self._plain(element) for element in value.tolist()]
                if value.shape
                else (self._plain(value.item()))
            )
        if isinstance(value, list | tuple):
            return [self._plain(element) for element in value]
        return value.item() if isinstance(value, np.generic) else value


def _is_number(dtype: np.dtype[Any]) -> bool:
    """Say whether Zarr has a type for it: booleans, numbers of up to 8 bytes, complex ones."""
    return dtype.subdtype is None and (
        (dtype.kind in "biuf" and dtype.itemsize <= 8) or dtype.kind == "c"
    )


def _address(item: Any) -> int:
    return int(h5py.h5o.get_info(item.id).addr)


def _texts(values: Any) -> npt.NDArray[Any]:
    flat = [decode(value) for value in np.asarray(values, dtype=object).reshape(-1)]
    return np.array(flat, dtype=np.dtypes.StringDType()).reshape(np.shape(values))


def _jsons(values: Any) -> npt.NDArray[Any]:
    flat = [json.dumps(value, default=_listed) for value in np.asarray(values).reshape(-1).tolist()]
    return np.array(flat, dtype=np.dtypes.StringDType()).reshape(np.shape(values))


def _listed(value: Any) -> Any:
    """Return what JSON has no word for as lists, numbers and texts."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.longdouble):
        return float(value)
    return value.item() if isinstance(value, np.generic) else decode(value)
