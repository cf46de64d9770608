"""What ``asset.json`` says of each signal, written and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from panneuro.core.errors import CorruptionError
from panneuro.signals.arrays import LazyArray
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.tables import UNIT_COLUMNS

Descriptor = dict[str, Any]
"""JSON: enough to list, search and open a signal without reading it."""


_TIMES = {
    Events: ("spike_times", "event_times", "timestamps"),
    Frames: ("timestamps",),
}


def describe(signal: Signal, exists: Callable[[str], bool]) -> Descriptor:
    """Return what is written of a signal.

    Parameters
    ----------
    signal : Signal
        Knowing its path.
    exists : callable
        Says whether the store has an array at a path.
    """
    said: Descriptor = {"name": signal.name, "path": signal.path, "description": signal.description}
    said |= _describe(signal)
    if type(signal) in _TIMES:
        arrays = (f"{signal.path}/{name}" for name in _TIMES[type(signal)])
        said["times"] = next(filter(exists, arrays), None)
    return {key: _json(value) for key, value in said.items()}


@singledispatch
def _describe(signal: Any) -> Descriptor:
    raise TypeError(f"{signal!r} is not a signal")


@_describe.register
def _(signal: TimeSeries) -> Descriptor:
    return {
        "kind": "timeseries",
        "shape": list(signal.data.shape),
        "dtype": str(signal.data.dtype),
        "unit": signal.unit,
        "rate_hz": signal.rate_hz,
        "start_s": signal.first_s,
        "stop_s": signal.stop_s,
        "gain": _factor(signal.gain),
        "offset": _factor(signal.offset),
        "channels": list(signal.channels),
        "electrodes": list(signal.electrodes),
        "neurodata_type": signal.neurodata_type,
        "role": signal.role,
        "attributes": _plain(signal.attributes),
    }


@_describe.register
def _(signal: Events) -> Descriptor:
    columns = signal.table.columns if signal.table is not None else ()
    return {
        "kind": "events",
        "units": len(signal),
        "events": int(signal.times.shape[0]),
        "columns": [column for column in columns if column not in UNIT_COLUMNS],
        "descriptions": dict(signal.table.descriptions) if signal.table is not None else {},
    }


@_describe.register
def _(signal: Table) -> Descriptor:
    return {"kind": "table", **_rows(signal)}


@_describe.register
def _(signal: Intervals) -> Descriptor:
    first, last = signal.span_s or (None, None)
    return {"kind": "intervals", **_rows(signal), "start_s": first, "stop_s": last}


def _rows(signal: Table) -> Descriptor:
    return {
        "rows": len(signal),
        "columns": list(signal.columns),
        "descriptions": dict(signal.descriptions),
    }


@_describe.register
def _(signal: Frames) -> Descriptor:
    return {
        "kind": "frames",
        "frames": len(signal),
        "shape": list(signal.shape),
        "file": signal.file,
        "rate_hz": signal.rate_hz,
        "start_s": float(signal.times[0]) if len(signal) else 0.0,
        "unit": signal.unit,
        "neurodata_type": signal.neurodata_type,
        "role": signal.role,
        "attributes": _plain(signal.attributes),
    }


def restore(
    said: Mapping[str, Any], array: Callable[[str], LazyArray], rows: Callable[[str], Any]
) -> Signal:
    """Return the signal that a descriptor tells of.

    Parameters
    ----------
    said : mapping
        What `describe` wrote.
    array : callable
        Given a path in the store, returns the array there, lazily.
    rows : callable
        Given a signal's name, reads its table.

    Raises
    ------
    CorruptionError
        If the descriptor is not one.
    """
    try:
        return _RESTORE[said["kind"]](said, array, rows)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptionError(
            f"what asset.json says of the signal {said.get('name')!r} cannot be read: {error!r}"
        ) from error


def _timeseries(said: Mapping[str, Any], array: Callable[[str], LazyArray], _: Any) -> TimeSeries:
    sampled = said["rate_hz"] is not None
    return TimeSeries(
        name=said["name"],
        data=array(f"{said['path']}/data"),
        unit=said["unit"],
        rate_hz=said["rate_hz"],
        start_s=said["start_s"] or 0.0,
        timestamps=None if sampled else array(f"{said['path']}/timestamps"),
        gain=_unfactor(said["gain"]),
        offset=_unfactor(said["offset"]),
        channels=tuple(said["channels"]),
        electrodes=tuple(said["electrodes"]),
        neurodata_type=said["neurodata_type"],
        role=said["role"],
        description=said["description"],
        attributes=said["attributes"],
        path=said["path"],
    )


def _events(said: Mapping[str, Any], array: Callable[[str], LazyArray], rows: Any) -> Events:
    frame = rows(said["name"]).to_pandas()
    described = said.get("descriptions", {})
    properties = Table.from_frame(said["name"], frame[said["columns"]], descriptions=described)
    ends = frame["spike_stop"].to_numpy(np.int64)
    return Events(
        said["name"],
        array(said["times"]),
        ends,
        frame["id"].to_numpy(),
        properties if said["columns"] else None,
        said["description"],
        said["path"],
    )


def _table(said: Mapping[str, Any], _: Any, rows: Callable[[str], Any]) -> Table:
    kind = Intervals if said["kind"] == "intervals" else Table
    name = said["name"]
    return kind(
        name,
        lambda: rows(name),
        tuple(said["columns"]),
        said["rows"],
        said["descriptions"],
        said["description"],
        said["path"],
    )


def _frames(said: Mapping[str, Any], array: Callable[[str], LazyArray], _: Any) -> Frames:
    return Frames(
        name=said["name"],
        times=array(said["times"]) if said["times"] else _regular(said),
        data=None if said["file"] else array(f"{said['path']}/data"),
        file=said["file"],
        shape=tuple(said["shape"]),
        rate_hz=said["rate_hz"],
        unit=said["unit"],
        neurodata_type=said["neurodata_type"],
        role=said["role"],
        description=said["description"],
        attributes=said["attributes"],
        path=said["path"],
        thumbnails=array(said["thumbnails"]) if said.get("thumbnails") else None,
    )


def _regular(said: Mapping[str, Any]) -> LazyArray:
    times: LazyArray = said["start_s"] + np.arange(said["frames"]) / said["rate_hz"]
    return times


_RESTORE: dict[str, Callable[[Mapping[str, Any], Any, Any], Signal]] = {
    "timeseries": _timeseries,
    "events": _events,
    "table": _table,
    "intervals": _table,
    "frames": _frames,
}


def _factor(factor: Any) -> Any:
    values = np.asarray(factor, dtype=float)
    if values.ndim and (not values.size or np.any(values != values.flat[0])):
        return values.tolist()
    return float(values.flat[0])


def _unfactor(said: Any) -> Any:
    return np.asarray(said, dtype=float) if isinstance(said, list) else float(said)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON has them; what it cannot hold, as text."""
    return {str(key): _json(value) for key, value in attributes.items()}


def _json(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
