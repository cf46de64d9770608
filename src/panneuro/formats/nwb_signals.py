"""Every signal of an NWB tree, each under a short name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from panneuro.core.errors import InputError
from panneuro.formats.nwb_series import (
    UnusableError,
    external_frames,
    read_annotations,
    read_frames,
    read_interval_series,
    read_series,
    role,
)
from panneuro.formats.nwb_tables import read_aligned, read_table, read_units
from panneuro.formats.nwb_tree import Group, Tree
from panneuro.formats.nwb_types import Lineage
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal
from panneuro.signals.table import Table

_Read = Callable[[Tree, Group, str], Signal | list[Frames]]


def read_signals(tree: Tree) -> tuple[Signal, ...]:
    """Return every signal of a tree, in the order of the file.

    What breaks NWB's rules is left out and told of in the tree's notes.
    """
    found = list(_find(tree))
    names = name_uniquely([group.path for group, _ in found])
    signals: list[Signal] = []
    for (group, read), name in zip(found, names, strict=True):
        try:
            made = read(tree, group, name)
        except (UnusableError, InputError, ValueError, TypeError, IndexError) as error:
            tree.notes.append(f"{error}: {group.path} is in the NWB store, but no signal")
            continue
        signals.extend(made if isinstance(made, list) else [made])
    return tuple(signals)


def _find(tree: Tree) -> Iterator[tuple[Group, _Read]]:
    lineage = Lineage(tree)
    inside: set[str] = set()
    for group in tree.root.walk():
        read = _reader(tree, lineage, group)
        if read is None or group.path in inside:
            continue
        if lineage.is_a(group, "AlignedDynamicTable"):
            inside |= {child.path for child in group.groups.values()}
        yield group, read


def _reader(tree: Tree, lineage: Lineage, group: Group) -> _Read | None:
    """Return what reads a group, by its type, or by its shape where the type is unknown."""
    if lineage.is_a(group, "Units"):
        return read_units
    if lineage.is_a(group, "AlignedDynamicTable"):
        return read_aligned
    if "colnames" in group.attributes:
        return read_table
    if lineage.is_a(group, "ImageSeries"):
        return external_frames if tree.array(group, "external_file") else read_frames
    if lineage.is_a(group, "IntervalSeries"):
        return read_interval_series
    if group.neurodata_type in ("Images", "ImageReferences"):
        return _images
    return _timed(tree, group)


def _timed(tree: Tree, group: Group) -> _Read | None:
    data = tree.array(group, "data")
    if not (tree.array(group, "timestamps") or tree.array(group, "starting_time")):
        return None
    if data is None:
        return None if tree.array(group, "timestamps") is None else _moments
    return read_annotations if data.is_text else read_series


def _moments(tree: Tree, group: Group, name: str) -> Events:
    """Return bare timestamps, as extensions for events have them."""
    stamps = tree.array(group, "timestamps")
    if stamps is None or len(stamps.shape) != 1:
        raise UnusableError(f"{group.path} has timestamps of an odd shape")
    return Events(
        name,
        stamps.data,
        np.array([stamps.shape[0]]),
        np.array([group.name]),
        description=str(group.attributes.get("description", "")),
        path=group.path.strip("/"),
    )


def _images(_: Tree, group: Group, name: str) -> Table:
    """Return a list of the pictures that a group holds."""
    pictures = [array for array in group.arrays.values() if len(array.shape) >= 2]
    if not pictures:
        raise UnusableError(f"{group.path} has no pictures")
    frame = pd.DataFrame(
        {
            "picture": [array.name for array in pictures],
            "kind": [str(array.attributes.get("neurodata_type", "")) for array in pictures],
            "shape": [list(array.shape) for array in pictures],
            "path": [array.path.strip("/") for array in pictures],
        }
    )
    told = str(group.attributes.get("description", ""))
    return Table.from_frame(name, frame, description=told, path=group.path.strip("/"))


def name_uniquely(paths: list[str]) -> list[str]:
    """Name each object shortly: by its own name, or with as much of its path as tells it apart.

    What lies in ``acquisition`` keeps its own name; a lone series in ``LFP`` is called ``lfp``.

    Examples
    --------
    >>> name_uniquely(["/acquisition/position", "/processing/behavior/Position/position"])
    ['position', 'behavior_position']
    """
    lone = Counter(path.rpartition("/")[0] for path in paths)
    short = [_short(path, lone) for path in paths]
    counts = Counter(short)
    names = [
        name if counts[name] == 1 or path == f"/acquisition/{name}" else _longer(path, name)
        for path, name in zip(paths, short, strict=True)
    ]
    counts = Counter(names)
    names = [
        name if counts[name] == 1 else path.strip("/").replace("/", "_")
        for path, name in zip(paths, names, strict=True)
    ]
    taken: set[str] = set()
    for place, name in enumerate(names):
        number = 2
        while names[place] in taken:
            names[place], number = f"{name}_{number}", number + 1
        taken.add(names[place])
    return names


def _short(path: str, lone: Counter[str]) -> str:
    parent = path.rpartition("/")[0]
    if parent.endswith("/LFP") and lone[parent] == 1:
        return "lfp"
    return path.rpartition("/")[2]


def _longer(path: str, name: str) -> str:
    parent = path.rpartition("/")[0].rpartition("/")[2]
    where = role(path).removeprefix("processing/").replace("/", "_")
    generic = path.rpartition("/")[2] in ("RoiResponseSeries", "ElectricalSeries", "data")
    return f"{parent if generic and parent else where}_{name}"
