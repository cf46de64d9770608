"""The tree of an NWB file, whatever it is stored in: groups, arrays and links, read lazily."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, LimitError
from panneuro.signals.arrays import LazyArray, n_bytes

MAX_OBJECTS = 200_000
"""A file with more groups and arrays than this is refused."""

MAX_DEPTH = 64
"""Groups nested deeper than this are refused."""

WHOLE_BYTES = 1 << 30
"""A larger array is only ever read in parts."""

SPECIFICATIONS = "specifications"
"""The group in which a file carries the schema it was written by."""

REFERENCE = "object_reference"
"""The ``_DTYPE`` of an array whose strings are paths of other objects."""


@dataclass
class Array:
    """An array of the tree.

    Parameters
    ----------
    path : str
        Absolute: ``"/units/spike_times"``.
    data : array-like
        Its values; text has NumPy's ``StringDType``, compound types fixed-width text.
    attributes : dict
        As JSON values, references and ``_DTYPE`` in the convention of hdmf-zarr.
    """

    path: str
    data: LazyArray
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        return tuple(self.data.shape)

    @property
    def is_text(self) -> bool:
        """Whether its values are strings."""
        return np.dtype(self.data.dtype).kind == "T"

    @property
    def is_reference(self) -> bool:
        """Whether its strings are paths of other objects."""
        return self.attributes.get("_DTYPE") == REFERENCE

    def whole(self) -> npt.NDArray[Any]:
        """Read all of it.

        Raises
        ------
        LimitError
            If it is larger than `WHOLE_BYTES`.
        """
        if n_bytes(self.data) > WHOLE_BYTES:
            raise LimitError(f"reading {self.path!r}: {self.shape} is too large to be read at once")
        return np.asarray(self.data[()])

    def scalar(self) -> Any:
        """Return the only value of a scalar, or of an array of one, as a plain value."""
        values = np.asarray(self.data[()] if not self.shape else self.data[:2])
        if values.size != 1:
            return None
        value = values.reshape(-1)[0]
        return str(value) if self.is_text else value.item()

    def strings(self) -> list[str]:
        """Return its text, flat."""
        return [str(value) for value in self.whole().reshape(-1)]


@dataclass
class Group:
    """A group of the tree.

    Parameters
    ----------
    path : str
        Absolute; the root is ``"/"``.
    attributes : dict
        As JSON values.
    groups, arrays : dict
        Children by name, in the order of the file.
    links : dict
        Absolute path of the target by the link's name.
    """

    path: str
    attributes: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def neurodata_type(self) -> str:
        """NWB's type of the group, or nothing."""
        return str(self.attributes.get("neurodata_type", ""))

    def child(self, name: str) -> str:
        """Return the path of a child."""
        return f"{self.path.rstrip('/')}/{name}"

    def walk(self) -> Iterator[Group]:
        """Yield the group and every group in it but the cached specifications."""
        yield self
        for group in self.groups.values():
            if group.path != f"/{SPECIFICATIONS}":
                yield from group.walk()


@dataclass
class Tree:
    """A whole file.

    Parameters
    ----------
    root : Group
        With everything in it.
    notes : list of str
        What was left out or found odd.
    """

    root: Group
    notes: list[str] = field(default_factory=list)

    def find(self, path: str, _hops: int = 8) -> Group | Array | None:
        """Return what lies at an absolute path, through links, or nothing."""
        here: Group = self.root
        parts = [part for part in path.split("/") if part]
        for position, part in enumerate(parts):
            last = position == len(parts) - 1
            if part in here.groups:
                here = here.groups[part]
            elif last and part in here.arrays:
                return here.arrays[part]
            elif part in here.links and _hops > 0:
                rest = "/".join([here.links[part], *parts[position + 1 :]])
                return self.find(rest, _hops - 1)
            else:
                return None
        return here

    def array(self, group: Group, name: str) -> Array | None:
        """Return an array of a group, its own or linked, or nothing."""
        found = group.arrays.get(name) or self.find(group.child(name))
        return found if isinstance(found, Array) else None

    def group(self, group: Group, name: str) -> Group | None:
        """Return a group of a group, its own or linked, or nothing."""
        found = group.groups.get(name) or self.find(group.child(name))
        return found if isinstance(found, Group) else None

    def text(self, path: str) -> str:
        """Return the string at a path, or an empty one."""
        found = self.find(path)
        if not isinstance(found, Array) or not found.is_text:
            return ""
        return "\n".join(found.strings()) if found.shape else str(found.scalar())


class Census:
    """Counts objects while a file is walked, so that hostile files end early.

    Parameters
    ----------
    name : str
        The file, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def meet(self, path: str) -> None:
        """Count one object.

        Raises
        ------
        LimitError
            If there are more than `MAX_OBJECTS`.
        FormatError
            If it is nested deeper than `MAX_DEPTH`.
        """
        self.count += 1
        if self.count > MAX_OBJECTS:
            raise LimitError(
                f"reading {self.name!r}: it holds more than {MAX_OBJECTS:,} objects",
                hint="a recording has some hundreds; split the file",
            )
        if path.count("/") > MAX_DEPTH:
            raise FormatError(f"reading {self.name!r}: groups are nested over {MAX_DEPTH} deep")


def reference(path: str) -> dict[str, Any]:
    """Return the attribute that points to another object of the same file."""
    return {"_REFERENCE": {"source": ".", "path": path}}


def target(value: Any) -> str:
    """Return the path that a reference in an attribute points to, or nothing."""
    if isinstance(value, dict) and isinstance(value.get("_REFERENCE"), dict):
        return str(value["_REFERENCE"].get("path", ""))
    return ""
