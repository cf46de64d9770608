"""NWB's dynamic tables as tables, intervals and the spikes of units."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from panneuro.core.errors import FormatError
from panneuro.formats.nwb_tree import Array, Group, Tree, target
from panneuro.signals.arrays import LazyArray, n_bytes
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table

COLUMN_BYTES = 16 << 20
"""A column larger than this stays in the NWB store and is left out of the table."""


class Rows:
    """The columns of a dynamic table.

    Parameters
    ----------
    tree : Tree
        Where links are followed.
    group : Group
        With ``colnames``.
    leave_out : tuple of str
        Columns that are told of elsewhere.
    """

    def __init__(self, tree: Tree, group: Group, leave_out: tuple[str, ...] = ()) -> None:
        self.tree = tree
        self.group = group
        self.columns: dict[str, list[Array]] = {}
        ids = tree.array(group, "id")
        first = [] if ids is None else [("id", [ids])]
        for name, parts in [*first, *self._declared(leave_out)]:
            self.columns.setdefault(name, parts)
        self.n_rows = next((parts[-1].shape[0] for parts in self.columns.values()), 0)
        self.columns = {n: parts for n, parts in self.columns.items() if self._fits(n, parts)}

    def _declared(self, leave_out: tuple[str, ...]) -> list[tuple[str, list[Array]]]:
        names = self.group.attributes.get("colnames", ())
        wanted = names if isinstance(names, list | tuple) else [names]
        found = [(str(name), self._parts(str(name))) for name in wanted if name not in leave_out]
        for name, parts in found:
            if not parts:
                self.note(f"the column {name!r} of {self.group.path} is declared but not there")
        return [(name, parts) for name, parts in found if parts]

    def _parts(self, name: str) -> list[Array]:
        """Return a column's values and, where it is ragged, its indexes, innermost first."""
        values = self.tree.array(self.group, name)
        parts: list[Array] = []
        while values is not None and values.shape:
            parts.append(values)
            name += "_index"
            values = self.tree.array(self.group, name)
        return parts

    def _fits(self, name: str, parts: list[Array]) -> bool:
        if parts[-1].shape[0] != self.n_rows:
            self.note(
                f"the column {name!r} of {self.group.path} has {parts[-1].shape[0]} rows "
                f"instead of {self.n_rows}; it is in the NWB store only"
            )
            return False
        if sum(n_bytes(part.data) for part in parts) > COLUMN_BYTES:
            self.note(
                f"the column {name!r} of {self.group.path} is large; it is in the NWB store only"
            )
            return False
        return True

    def note(self, text: str) -> None:
        """Tell people what was left out."""
        if text not in self.tree.notes:
            self.tree.notes.append(text)

    def frame(self) -> pd.DataFrame:
        """Read every column."""
        return pd.DataFrame(
            {name: pd.Series(_cells(parts, self.group)) for name, parts in self.columns.items()}
        )

    @property
    def descriptions(self) -> dict[str, str]:
        """What each column means; regions name the table that their rows are of."""
        told = {}
        for name, (values, *_) in self.columns.items():
            text = str(values.attributes.get("description", ""))
            table = target(values.attributes.get("table"))
            told[name] = f"{text} (rows of {table})".strip() if table else text
        return {name: text for name, text in told.items() if text}


def _cells(parts: list[Array], group: Group) -> Any:
    """Return one value a row; lists where a row holds several."""
    values, *indexes = (part.whole() for part in parts)
    cells = _plain(values)
    for index in indexes:
        bounds = [0, *(int(end) for end in index)]
        if any(a > b for a, b in pairwise(bounds)) or bounds[-1] > len(cells):
            raise FormatError(f"reading {group.path!r}: the index of {parts[0].name!r} is damaged")
        cells = [list(cells[a:b]) for a, b in pairwise(bounds)]
    return cells


def _plain(values: Any) -> Any:
    """Return one cell a row, as pandas and Arrow take them."""
    if values.dtype.names is not None:
        names = values.dtype.names
        return [dict(zip(names, row, strict=True)) for row in values.tolist()]
    if values.dtype.kind == "T":
        return values.astype(object).tolist()
    return values if values.ndim == 1 else values.tolist()


def read_table(tree: Tree, group: Group, name: str) -> Table:
    """Return a dynamic table; as intervals if its rows have a start and a stop."""
    rows = Rows(tree, group)
    kind = Intervals if {"start_time", "stop_time"} <= set(rows.columns) else Table
    return _table(kind, name, rows, rows.frame)


def _table(kind: type[Table], name: str, rows: Rows, load: Callable[[], Any]) -> Table:
    return kind(
        name,
        load,
        tuple(rows.columns),
        rows.n_rows,
        rows.descriptions,
        str(rows.group.attributes.get("description", "")),
        rows.group.path.strip("/"),
    )


def read_aligned(tree: Tree, group: Group, name: str) -> Table:
    """Return an aligned table with the columns of its categories as ``category.column``."""
    parts = {"": Rows(tree, group)}
    categories = group.attributes.get("categories", ())
    for category in categories if isinstance(categories, list | tuple) else [categories]:
        found = tree.group(group, str(category))
        if found is not None:
            parts[f"{category}."] = Rows(tree, found)
    columns = {
        f"{prefix}{column}": rows.descriptions.get(column, "")
        for prefix, rows in parts.items()
        for column in rows.columns
        if not (prefix and column == "id")
    }
    told = {column: text for column, text in columns.items() if text}
    described = str(group.attributes.get("description", ""))
    load = partial(_join, parts)
    n_rows = parts[""].n_rows
    return Table(name, load, tuple(columns), n_rows, told, described, group.path.strip("/"))


def _join(parts: dict[str, Rows]) -> pd.DataFrame:
    frames = [
        rows.frame().drop(columns="id", errors="ignore").add_prefix(prefix)
        if prefix
        else rows.frame()
        for prefix, rows in parts.items()
    ]
    return pd.concat(frames, axis="columns")


def read_units(tree: Tree, group: Group, name: str) -> Events | Table:
    """Return the spikes of sorted units, with their table; the table alone if it has no spikes."""
    ragged = ("spike_times", "obs_intervals", "waveforms")
    times = tree.array(group, "spike_times")
    index = tree.array(group, "spike_times_index")
    rows = Rows(tree, group, leave_out=ragged)
    table = _table(Table, name, rows, rows.frame)
    if times is None or index is None:
        return table
    ends = index.whole().astype(np.int64)
    ids = tree.array(group, "id")
    names = np.arange(len(ends)) if ids is None else ids.whole()
    if len(names) != len(ends) or np.any(np.diff(ends, prepend=0) < 0):
        raise FormatError(f"reading {group.path!r}: the index of the spike times is damaged")
    spikes: LazyArray = times.data
    if len(ends) and int(ends[-1]) != times.shape[0]:
        tree.notes.append(
            f"{group.path} has {times.shape[0]} spike times but its units end at {ends[-1]}; "
            "the others belong to no unit"
        )
        spikes = np.asarray(spikes[: int(ends[-1])])
    described = str(group.attributes.get("description", ""))
    return Events(name, spikes, ends, names, table, described, group.path.strip("/"))
