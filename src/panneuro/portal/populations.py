"""The units of an asset as a table, with what people called them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from panneuro.lake import curation
from panneuro.lake.asset import Asset
from panneuro.lake.curation import Label
from panneuro.portal.said import are_units

MOST = 500
"""As many units are shown in a table; the others by their own pages."""

_TELLING = (
    "area",
    "location",
    "brain_area",
    "quality",
    "group",
    "KSLabel",
    "label",
    "depth",
    "amplitude",
    "snr",
    "isi_violations",
    "isi_violations_ratio",
    "presence_ratio",
    "amplitude_cutoff",
)
_MOST_COLUMNS = 6
_OWN = ("id", "spike_start", "spike_stop", curation.NAME, "cluster_id", "n_spikes", "num_spikes")


@dataclass(frozen=True)
class Unit:
    """One row.

    Parameters
    ----------
    id : object
        Of the unit.
    spikes : int
        How many it has.
    cells : tuple
        One value a column, None where there is none.
    label : str
        What it is called, by hand or by what came with it; empty for nothing.
    said : Label, optional
        By whom and why, where by hand.
    """

    id: Any
    spikes: int
    cells: tuple[Any, ...]
    label: str
    said: Label | None


@dataclass(frozen=True)
class Population:
    """The units of one signal.

    Parameters
    ----------
    name : str
        Of the signal.
    total : int
        How many there are.
    columns : tuple of (str, bool)
        Of the table: their names, and whether they hold numbers.
    units : tuple of Unit
        The first of them.
    labels : mapping
        How many units are called what.
    """

    name: str
    total: int
    columns: tuple[tuple[str, bool], ...]
    units: tuple[Unit, ...]
    labels: Mapping[str, int]


def populations_of(asset: Asset) -> tuple[Population, ...]:
    """Return the units of an asset, by signal; its data are read."""
    return tuple(
        _population(asset, said)
        for said in asset.manifest.signals
        if are_units(said) and said["units"]
    )


def _population(asset: Asset, said: Mapping[str, Any]) -> Population:
    rows, name = asset.rows(said["name"]), said["name"]
    by_hand = curation.latest(curation.labels(asset), name)
    labelled = curation.NAME in rows.column_names
    called = rows[curation.NAME].to_pylist() if labelled else [None] * len(rows)
    columns = _columns(rows)
    frame = [rows[column].to_pylist()[:MOST] for column, _ in columns]
    starts, stops = (rows[end].to_pylist() for end in ("spike_start", "spike_stop"))
    units = [
        Unit(unit, stops[at] - starts[at], tuple(column[at] for column in frame),
             str(called[at] or ""), by_hand.get(str(unit)))
        for at, unit in enumerate(rows["id"].to_pylist()[:MOST])
    ]  # fmt: skip
    counts = Counter(str(label) for label in called if label)
    return Population(name, len(rows), columns, tuple(units), dict(counts.most_common()))


def _columns(rows: Any) -> tuple[tuple[str, bool], ...]:
    """Return the columns that tell most: of one value a row, well-known ones first."""
    import pyarrow as pa

    plain = {
        column.name: pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        for column in rows.schema
        if column.name not in _OWN and not pa.types.is_nested(column.type)
    }
    known: Sequence[str] = [name for name in _TELLING if name in plain]
    chosen = [*known, *(name for name in plain if name not in known)][:_MOST_COLUMNS]
    return tuple((name, plain[name]) for name in chosen)
