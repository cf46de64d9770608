"""Labels that people give units: a journal beside the data, whose last word on each unit holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from panneuro.core.errors import ConflictError
from panneuro.signals.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from panneuro.lake.asset import Asset

NAME = "curation"
"""The table of an asset that is the journal, and the column of units that follows from it."""

PATH = f"_lake/tables/{NAME}.parquet"
"""Where the journal lies in a version."""

LABELS = ("good", "mua", "noise", "pending")
"""What a unit can be called: one cell, several, none, or not decided."""

_MEANS = {
    "signal": "the units' signal",
    "unit": "the unit's id",
    "label": "good, mua, noise or pending",
    "why": "why",
    "by": "who said so",
    "at": "when, in UTC",
}


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody said of one unit.

    Parameters
    ----------
    signal : str
        Name of the units' signal.
    unit : str
        The unit's id.
    label : {"good", "mua", "noise", "pending"}
        What it is.
    why, by, at : str
        The reason, who said so, and when, in UTC.
    """

    signal: str
    unit: str
    label: str
    why: str
    by: str
    at: str


def labels(asset: Asset) -> tuple[Label, ...]:
    """Return all that was ever said of an asset's units, oldest first.

    Raises
    ------
    ConflictError
        If the asset came with another signal of the journal's name.
    """
    said = next((one for one in asset.manifest.signals if one["name"] == NAME), None)
    if said is None:
        return ()
    if tuple(said.get("columns", ())) != tuple(_MEANS):
        raise ConflictError(
            f"{asset.name!r} came with a signal named {NAME!r} of its own: its units cannot be "
            "labelled",
            hint="add the recording again with that signal under another name",
        )
    return tuple(Label(**row) for row in asset.rows(NAME).to_pylist())


def latest(said: Iterable[Label], signal: str) -> dict[str, Label]:
    """Return the last word on each unit of a signal.

    Examples
    --------
    >>> said = [Label("units", "4", label, "", "ada", "") for label in ("mua", "good")]
    >>> latest(said, "units")["4"].label
    'good'
    """
    return {one.unit: one for one in said if one.signal == signal}


def written(said: Iterable[Label]) -> pa.Table:
    """Return a journal as a table."""
    import pyarrow as pa

    schema = pa.schema([(one.name, pa.string()) for one in fields(Label)])
    return pa.Table.from_pylist([asdict(one) for one in said], schema=schema)


def encode(journal: pa.Table) -> bytes:
    """Return a journal as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(journal, sink, compression="zstd")
    return bytes(sink.getvalue())


def described(
    signals: Iterable[Mapping[str, Any]], journal: pa.Table
) -> tuple[Mapping[str, Any], ...]:
    """Return what a manifest says of the signals of an asset whose units are labelled."""
    from panneuro.storage.descriptors import describe

    named = set(journal["signal"].to_pylist())
    others = [
        _with_column(said) if said["name"] in named else said
        for said in signals
        if said["name"] != NAME
    ]
    table = Table(
        NAME,
        lambda: journal,
        tuple(_MEANS),
        len(journal),
        _MEANS,
        "labels that people gave units, oldest first",
    )
    return (*others, describe(table, lambda _: False))


def _with_column(said: Mapping[str, Any]) -> Mapping[str, Any]:
    meaning = {NAME: "what people say the unit is: good, mua, noise or pending"}
    columns = [*(one for one in said["columns"] if one != NAME), NAME]
    return {**said, "columns": columns, "descriptions": {**said["descriptions"], **meaning}}


def is_of(signals: Iterable[Mapping[str, Any]], name: str) -> bool:
    """Say whether the units of a signal are labelled in the journal."""
    said = {one["name"]: one for one in signals}
    journal = said.get(NAME, {}).get("columns", ())
    return (
        name != NAME
        and tuple(journal) == tuple(_MEANS)
        and said[name]["kind"] == "events"
        and NAME in said[name].get("columns", ())
    )


def joined(rows: pa.Table, journal: pa.Table, signal: str) -> pa.Table:
    """Return the rows of units with their labels; one that nobody labelled keeps what it had."""
    import pyarrow as pa

    said = latest((Label(**row) for row in journal.to_pylist()), signal)
    ids = map(str, rows["id"].to_pylist())
    before = rows[NAME].to_pylist() if NAME in rows.column_names else [None] * len(rows)
    now = [
        said[unit].label if unit in said else None if had is None else str(had)
        for unit, had in zip(ids, before, strict=True)
    ]
    column = pa.array(now, pa.string())
    kept = rows.drop_columns(NAME) if NAME in rows.column_names else rows
    return kept.append_column(NAME, column)
