"""NWB in a Zarr v2 store, as hdmf-zarr wrote it before 0.14, in today's convention.

Its references are pickled. They are read without unpickling: see `panneuro.formats.pickles`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt
import zarr
from zarr.storage import LocalStore

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats.nwb_tree import REFERENCE, Array, Census, Group, Tree, reference
from panneuro.formats.nwb_zarr import ZarrArray, read_json, refuse_links
from panneuro.formats.pickles import Called, look_into

MAX_TEXTS = 10_000_000
"""An array of more texts or references than this is refused: they are read at once."""

_OBJECT_CODECS = {"json2", "vlen-utf8", "vlen-bytes", "vlen-array"}
_WIDTH = 512


def read_zarr2(folder: Path) -> Tree:
    """Read the tree of an NWB file in a Zarr v2 store.

    Raises
    ------
    FormatError
        If it is damaged, or reaches into other files.
    """
    refuse_links(folder)
    walker = _Walker(folder)
    try:
        walker.enter(walker.tree.root, folder)
    except (FormatError, LimitError):
        raise
    except Exception as error:  # codecs and zarr, fed with what we are given
        raise FormatError(
            f"reading {folder.name!r}: the Zarr store is damaged: {error}",
            hint="copy it again from where it was written",
        ) from error
    return walker.tree


class _Walker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = Tree(Group("/"))
        self.census = Census(folder.name)
        self.session = read_json(folder, folder / ".zattrs").get("object_id")

    def enter(self, group: Group, folder: Path) -> None:
        self.census.meet(group.path)
        told = read_json(self.folder, folder / ".zattrs")
        for link in told.pop("zarr_link", ()):
            group.links[str(link["name"])] = self._target(link)
        group.attributes = {key: self._attribute(value) for key, value in told.items()}
        for path in sorted(folder.iterdir()):
            if (path / ".zarray").is_file():
                self.census.meet(group.child(path.name))
                group.arrays[path.name] = self._array(group.child(path.name), path)
            elif (path / ".zgroup").is_file():
                group.groups[path.name] = Group(group.child(path.name))
                self.enter(group.groups[path.name], path)

    def _attribute(self, value: Any) -> Any:
        if isinstance(value, dict) and value.get("zarr_dtype") == "object":
            return reference(self._target(value["value"]))
        return value

    def _target(self, value: Any) -> str:
        """Return the path a reference points to, if that is in this store."""
        if not isinstance(value, dict) or not isinstance(value.get("path"), str):
            raise FormatError(f"reading {self.folder.name!r}: {value!r} is no reference")
        source = str(value.get("source", "."))
        ours = value.get("source_object_id") in (None, self.session)
        if source not in (".", "", self.folder.name) and not ours:
            raise FormatError(
                f"reading {self.folder.name!r}: {value['path']!r} is in another file, {source!r}",
                hint="write everything into one store first: hdmf-zarr's NWBZarrIO.export does so",
            )
        return str(value["path"])

    def _array(self, path: str, folder: Path) -> Array:
        told = read_json(self.folder, folder / ".zattrs")
        kind = told.pop("zarr_dtype", None)
        attributes = {key: self._attribute(value) for key, value in told.items()}
        metadata = read_json(self.folder, folder / ".zarray")
        if _has_objects(metadata["dtype"]):
            values: Any = self._objects(metadata, folder, kind, attributes)
        else:
            values = self._plain(metadata, folder, attributes)
        if kind == "scalar" and tuple(values.shape) == (1,):
            values = np.asarray(values[:1]).reshape(())
        return Array(path, values, attributes)

    def _plain(self, metadata: dict[str, Any], folder: Path, attributes: dict[str, Any]) -> Any:
        codecs = [metadata.get("compressor"), *(metadata.get("filters") or ())]
        if any((codec or {}).get("id") == "pickle" for codec in codecs):
            raise FormatError(
                f"reading {self.folder.name!r}: numbers are pickled in {folder.name!r}"
            )
        array = zarr.open_array(LocalStore(folder, read_only=True), mode="r", zarr_format=2)
        dtype = np.dtype(array.dtype)
        if dtype.kind in "SU":
            attributes["_DTYPE"] = "str"
            return np.asarray(array[...]).astype(str).astype(np.dtypes.StringDType())
        if dtype.names is None:
            attributes["_DTYPE"] = dtype.type.__name__
        return ZarrArray(array)

    def _objects(
        self, metadata: dict[str, Any], folder: Path, kind: Any, attributes: dict[str, Any]
    ) -> Any:
        values = _decode(self.folder.name, metadata, folder)
        if isinstance(kind, list):
            return self._compound(values, kind, attributes)
        flat = values.reshape(-1)
        if kind == "object" or (flat.size and all(isinstance(v, dict | Called) for v in flat)):
            attributes["_DTYPE"] = REFERENCE
            texts = [self._target(_dict(value)) for value in flat]
        else:
            attributes["_DTYPE"] = "str"
            texts = [_text(value) for value in flat]
        return np.array(texts, dtype=np.dtypes.StringDType()).reshape(values.shape)

    def _compound(self, values: Any, kind: list[Any], attributes: dict[str, Any]) -> Any:
        rows = [tuple(value) for value in values.reshape(-1)]
        names = [str(field["name"]) for field in kind]
        references = [n for n, f in zip(names, kind, strict=True) if f["dtype"] == "object"]
        columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
        for name in references:
            columns[name] = tuple(self._target(_dict(v)) for v in columns.get(name, ()))
        if references:
            attributes["_REFERENCE_FIELDS"] = references
        fields = [
            (n, _column(columns.get(n, ()), f["dtype"])) for n, f in zip(names, kind, strict=True)
        ]
        return np.array(
            list(zip(*(columns.get(name, ()) for name in names), strict=True)), dtype=fields
        ).reshape(values.shape)


def _column(values: tuple[Any, ...], declared: Any) -> np.dtype[Any]:
    if all(isinstance(value, str) for value in values):
        return np.dtype(f"U{max(_WIDTH, *map(len, values), 0)}")
    dtype: np.dtype[Any] = np.dtype(str(declared))
    return dtype


def _has_objects(dtype: Any) -> bool:
    fields = [field[1] for field in dtype] if isinstance(dtype, list) else [dtype]
    return "|O" in fields


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _dict(value: Any) -> Any:
    """Return the fields of a pickled reference, a dict by another name."""
    return {**value.items, **(value.state or {})} if isinstance(value, Called) else value


def _decode(name: str, metadata: dict[str, Any], folder: Path) -> npt.NDArray[Any]:
    """Decode every chunk of an array of objects."""
    shape, chunks = tuple(metadata["shape"]), tuple(metadata["chunks"])
    if math.prod(shape) > MAX_TEXTS or min(chunks, default=1) < 1:
        raise LimitError(f"reading {name!r}: {folder.name!r} has over {MAX_TEXTS:,} texts")
    values = np.full(shape, None, dtype=object)
    separator = metadata.get("dimension_separator", ".")
    for place in product(*(range(-(-n // c)) for n, c in zip(shape, chunks, strict=True))):
        path = folder / separator.join(map(str, place or (0,)))
        if not path.is_file():
            continue
        chunk = _chunk(name, metadata, path.read_bytes(), chunks)
        where = tuple(
            slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(place, chunks, shape, strict=True)
        )
        values[where] = chunk[tuple(slice(0, s.stop - s.start) for s in where)]
    return values


def _chunk(
    name: str, metadata: dict[str, Any], data: Any, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    if metadata.get("compressor"):
        data = numcodecs.get_codec(metadata["compressor"]).decode(data)
    *others, codec = reversed(metadata.get("filters") or ())
    if others:
        raise FormatError(f"reading {name!r}: objects behind {len(others) + 1} filters")
    if codec["id"] == "pickle":
        items = list(_elements(name, look_into(bytes(data))))
    elif codec["id"] in _OBJECT_CODECS:
        items = list(np.asarray(numcodecs.get_codec(codec).decode(data), dtype=object).reshape(-1))
    else:
        raise FormatError(f"reading {name!r}: objects in the codec {codec['id']!r}")
    result = np.full(math.prod(shape), None, dtype=object)
    result[: len(items)] = np.fromiter(items, dtype=object, count=len(items))
    return result.reshape(shape, order=metadata.get("order", "C"))


def _elements(name: str, found: Any) -> Iterator[Any]:
    """Yield the elements of a pickled array of objects: the list in its state."""
    state = found.state if isinstance(found, Called) else None
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[4], list):
        raise FormatError(f"reading {name!r}: a pickle that holds no array of objects")
    yield from state[4]
