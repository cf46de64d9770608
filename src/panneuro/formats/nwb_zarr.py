"""NWB in a Zarr v3 store: its tree, with arrays that are read when they are sliced."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore

from panneuro.core.errors import FormatError
from panneuro.formats.nwb_tree import Array, Census, Group, Tree
from panneuro.signals.arrays import n_bytes

_COUNTED_BYTES = 1 << 20
_METADATA_BYTES = 64 << 20


def refuse_links(folder: Path) -> None:
    """Refuse a store with folders that are links, through which other places would be read.

    Raises
    ------
    FormatError
        If there is one.
    """
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(where) / name
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                raise FormatError(
                    f"reading {folder.name!r}: the link {name!r} leads out of it",
                    hint="replace the link by what it points to",
                )


def read_json(folder: Path, path: Path) -> dict[str, Any]:
    """Return a metadata file of a store as a dict; an empty one if it is not there.

    Raises
    ------
    FormatError
        If it is not JSON of an object.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes()) if path.stat().st_size <= _METADATA_BYTES else None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"reading {folder.name!r}: {path.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"reading {folder.name!r}: {path.name} is not a JSON object")
    return found


class ZarrArray:
    """A Zarr array as a lazy array, whose faults are told as ours.

    Parameters
    ----------
    array : zarr.Array
        Where the values are.
    """

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        found: np.dtype[Any] = np.dtype(array.dtype)
        self.dtype = found if found.kind == "T" else found.newbyteorder("=")

    def __getitem__(self, key: Any, /) -> Any:
        try:
            return np.asarray(self._array[key], dtype=self.dtype)
        except Exception as error:  # codecs of all kinds, fed with what we are given
            raise FormatError(
                f"reading {self._array.path!r}: a chunk cannot be decoded: {error}",
                hint="copy the store again from where it was written",
            ) from error


def read_zarr(folder: Path) -> Tree:
    """Read the tree of an NWB file in a Zarr v3 store.

    Raises
    ------
    FormatError
        If it is damaged, or reaches into other files.
    """
    refuse_links(folder)
    tree = Tree(Group("/"))
    census = Census(folder.name)
    try:
        root = zarr.open_group(
            LocalStore(folder, read_only=True), mode="r", zarr_format=3, use_consolidated=False
        )
        _enter(tree, tree.root, root, census)
    except FormatError:
        raise
    except Exception as error:  # zarr raises of all kinds on damaged metadata
        raise FormatError(
            f"reading {folder.name!r}: the Zarr store is damaged: {error}",
            hint="copy it again from where it was written",
        ) from error
    return tree


def _enter(tree: Tree, group: Group, found: zarr.Group, census: Census) -> None:
    census.meet(group.path)
    group.attributes = dict(found.attrs)
    for link in group.attributes.pop("_LINKS", ()):
        if link.get("source") != ".":
            raise FormatError(
                f"reading {census.name!r}: {group.child(link.get('name'))!r} is a link into "
                f"another file, {link.get('source')!r}",
                hint="write everything into one store first: hdmf-zarr's NWBZarrIO.export does so",
            )
        group.links[str(link["name"])] = str(link["path"])
    for name, member in sorted(found.members(max_depth=0)):
        path = group.child(name)
        if isinstance(member, zarr.Group):
            group.groups[name] = Group(path)
            _enter(tree, group.groups[name], member, census)
        else:
            census.meet(path)
            group.arrays[name] = Array(path, ZarrArray(member), dict(member.attrs))
            _count(tree, path, member)


def _count(tree: Tree, path: str, array: zarr.Array[Any]) -> None:
    """Tell of large arrays with missing chunks: empty ones are not stored, nor are lost ones."""
    if n_bytes(ZarrArray(array)) < _COUNTED_BYTES:
        return
    there, all_ = array.nchunks_initialized, array.nchunks
    if there < all_:
        tree.notes.append(
            f"{path} has {there} of {all_} chunks; the others are read as {array.fill_value}"
        )
