"""Each signal as the NWB type it is, with a stand-in where its large array will be."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
from hdmf.common import DynamicTable, VectorData, VectorIndex
from hdmf_zarr import ZarrDataIO
from pynwb import NWBFile, behavior, ecephys, icephys
from pynwb import TimeSeries as NWBTimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.image import ImageSeries
from pynwb.misc import Units

from panneuro.core.errors import FormatError
from panneuro.core.store import is_key
from panneuro.documents.names import slug
from panneuro.signals.arrays import LazyArray, Sliced
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Signal
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.electrodes import Electrodes

_CLAMP = {
    "CurrentClampSeries": icephys.CurrentClampSeries,
    "VoltageClampSeries": icephys.VoltageClampSeries,
    "CurrentClampStimulusSeries": icephys.CurrentClampStimulusSeries,
    "VoltageClampStimulusSeries": icephys.VoltageClampStimulusSeries,
    "IZeroClampSeries": icephys.IZeroClampSeries,
}
_TAKEN = (
    "id",
    "name",
    "parent",
    "description",
    "comments",
    "colnames",
    "columns",
    "namespace",
    "neurodata_type",
    "object_id",
    "spike_times",
    "event_times",
    "obs_intervals",
    "electrodes",
    "electrode_group",
    "waveforms",
    "tags",
    "timeseries",
)
"""Names of columns that NWB gives a meaning and a type; ours get another there."""

_SECONDS = ("start_time", "stop_time")
# Without sweep_number: NWB wants 32 unsigned bits, and attributes in Zarr have no type.
_CLAMP_FIELDS = (
    "stimulus_description",
    "bias_current",
    "bridge_balance",
    "capacitance_compensation",
    "capacitance_fast",
    "capacitance_slow",
    "resistance_comp_bandwidth",
    "resistance_comp_correction",
    "resistance_comp_prediction",
    "whole_cell_capacitance_comp",
    "whole_cell_series_resistance_comp",
)


@dataclass(frozen=True)
class Place:
    """Where a signal stands in the tree, and which arrays are its own.

    Parameters
    ----------
    path : str
        Of the NWB object.
    bulk : mapping of str to array-like
        By path, the arrays that the tree holds stand-ins for.
    """

    path: str
    bulk: Mapping[str, LazyArray] = field(default_factory=dict)


@singledispatch
def _build(signal: Any, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    raise FormatError(f"{signal!r} is not a signal")


def place(nwb: NWBFile, electrodes: Electrodes, signal: Signal) -> Place:
    """Add a signal to an NWB file.

    Parameters
    ----------
    nwb : NWBFile
        Added to.
    electrodes : Electrodes
        Of the same file.
    signal : Signal
        Its data are not read.
    """
    if not is_name(signal.name):
        raise FormatError(
            f"the signal name {signal.name!r} cannot be used in NWB",
            hint="name it without '/', ':' and control characters, at most 240 bytes long",
        )
    data = signal.data if isinstance(signal, (TimeSeries, Frames)) else None
    if data is not None and data.dtype.kind not in "iufbOTU":
        raise FormatError(f"signal {signal.name!r} has values that NWB cannot hold: {data.dtype}")
    role = signal.role if isinstance(signal, (TimeSeries, Frames)) else "acquisition"
    if not re.fullmatch(r"acquisition|stimulus|processing/[^/:]+", role):
        raise FormatError(
            f"signal {signal.name!r} has a role that NWB does not know: {role!r}",
            hint="acquisition, stimulus or processing/MODULE",
        )
    return _build(signal, nwb, electrodes)


def is_name(name: str) -> bool:
    """Say whether NWB, Zarr and every store can have something of a name."""
    plain = not re.search(r"[/:]|^__|^zarr\.json$", name)
    return plain and is_key(name) and is_key(f"{name}.parquet")


@_build.register
def _(signal: TimeSeries, nwb: NWBFile, electrodes: Electrodes) -> Place:
    if 0 in signal.data.shape[1:]:
        raise FormatError(f"signal {signal.name!r} has no channels: {signal!r}")
    fields = {**_series(signal), **_time(signal)}
    fields["data"] = np.zeros((1, *signal.data.shape[1:]), signal.data.dtype)
    path = _put(nwb, signal.role, _neurodata(signal, fields, electrodes))
    bulk = {f"{path}/data": signal.data}
    if signal.timestamps is not None:
        bulk[f"{path}/timestamps"] = _seconds(signal.timestamps)
    return Place(path, bulk)


def _series(signal: TimeSeries) -> dict[str, Any]:
    gain, offset = np.asarray(signal.gain), np.asarray(signal.offset)
    fields: dict[str, Any] = {
        "name": signal.name,
        "description": signal.description or signal.name,
        "unit": signal.unit,
        "conversion": float(gain.flat[0]),
        "offset": float(offset.flat[0]),
    }
    uneven = {
        key: value.tolist()
        for key, value in (("gain", gain), ("offset", offset))
        if np.any(value != value.flat[0])
    }
    if uneven and not (signal.neurodata_type == "ElectricalSeries" and "offset" not in uneven):
        # NWB has no per-channel factors here: leave values as stored rather than mis-scale them.
        fields |= {"conversion": 1.0, "offset": 0.0, "unit": "stored values"}
        fields["comments"] = json.dumps({"per channel": uneven, "unit": signal.unit})
    return fields


def _time(signal: TimeSeries) -> dict[str, Any]:
    if signal.rate_hz is None:
        return {"timestamps": np.zeros(1)}
    return {"rate": float(signal.rate_hz), "starting_time": float(signal.start_s)}


def _neurodata(signal: TimeSeries, fields: dict[str, Any], electrodes: Electrodes) -> NWBTimeSeries:
    kind = signal.neurodata_type
    if kind == "ElectricalSeries":
        return _electrical(signal, fields, electrodes)
    if kind in _CLAMP:
        extra = {key: signal.attributes[key] for key in _CLAMP_FIELDS if key in signal.attributes}
        pipette = electrodes.pipette(str(signal.attributes.get("electrode", "electrode")))
        gain = signal.attributes.get("gain")
        return _CLAMP[kind](
            **fields, **extra, electrode=pipette, gain=float(gain) if gain is not None else np.nan
        )
    if kind == "SpatialSeries":
        frame = str(signal.attributes.get("reference_frame", "unknown"))
        return behavior.SpatialSeries(**fields, reference_frame=frame)
    return NWBTimeSeries(**fields)


def _electrical(
    signal: TimeSeries, fields: dict[str, Any], electrodes: Electrodes
) -> ecephys.ElectricalSeries:
    if fields.pop("unit") != "volts":
        return NWBTimeSeries(**fields, unit=signal.unit)
    gain = np.broadcast_to(np.asarray(signal.gain, dtype=float), (signal.n_channels,))
    if np.any(gain != gain[0]):
        fields["conversion"] = float(gain[np.flatnonzero(gain)[0]])
        fields["channel_conversion"] = gain / fields["conversion"]
    return ecephys.ElectricalSeries(**fields, electrodes=electrodes.region(signal))


def _put(nwb: NWBFile, role: str, container: Any) -> str:
    """Add a container where its role says and return its path."""
    if role == "stimulus":
        nwb.add_stimulus(container)
        return f"stimulus/presentation/{container.name}"
    if role.startswith("processing/"):
        name = role.removeprefix("processing/")
        if name not in nwb.processing:
            nwb.create_processing_module(name=name, description=f"{name} signals")
        nwb.processing[name].add(container)
        return f"processing/{name}/{container.name}"
    nwb.add_acquisition(container)
    return f"acquisition/{container.name}"


@_build.register
def _(signal: Events, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    name = "spike_times" if signal.name == "units" else "event_times"
    times = VectorData(name=name, description="times in seconds", data=np.zeros(1))
    index = VectorIndex(name=f"{name}_index", data=_ends(signal), target=times)
    extra = _columns(signal.table, ("id",)) if signal.table is not None else []
    numbered = np.issubdtype(signal.ids.dtype, np.integer)
    ids = signal.ids.tolist() if numbered else list(range(len(signal)))
    if not numbered:
        names = _texts(signal.ids)
        label = VectorData(name="label", description="name of the unit", data=names)
        extra = [label, *(column for column in extra if column.name != "label")]
    kind, known = (Units, "units") if signal.name == "units" else (DynamicTable, signal.name)
    table = kind(
        name=known, description=signal.description or known, id=ids, columns=[times, index, *extra]
    )
    if signal.name == "units":
        nwb.units = table
        return Place("units", {"units/spike_times": _seconds(signal.times)})
    path = _put(nwb, "processing/events", table)
    return Place(path, {f"{path}/event_times": _seconds(signal.times)})


@_build.register
def _(signal: Table, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    if signal.name == "electrodes":
        return Place("general/extracellular_ephys/electrodes")
    table = DynamicTable(**_rows(signal))
    return Place(_put(nwb, "processing/tables", table))


@_build.register
def _(signal: Intervals, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    table = TimeIntervals(**_rows(signal))
    if signal.name in ("trials", "epochs", "invalid_times"):
        setattr(nwb, signal.name, table)
    else:
        nwb.add_time_intervals(table)
    return Place(f"intervals/{signal.name}")


@_build.register
def _(signal: Frames, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    fields: dict[str, Any] = {
        "name": signal.name,
        "description": signal.description or signal.name,
        "unit": signal.unit,
        "timestamps": np.zeros(1),
    }
    if signal.data is None:
        series = ImageSeries(
            **fields,
            external_file=[f"original/{signal.file}"],
            format="external",
            starting_frame=[0],
        )
        path = _put(nwb, signal.role, series)
        return Place(path, {f"{path}/timestamps": _seconds(signal.times)})
    stand_in = np.zeros((1, *signal.data.shape[1:]), signal.data.dtype)
    path = _put(nwb, signal.role, ImageSeries(**fields, data=stand_in))
    return Place(path, {f"{path}/data": signal.data, f"{path}/timestamps": _seconds(signal.times)})


def _ends(signal: Events) -> ZarrDataIO:
    """Return where each unit's times end, in the smallest type that holds them all.

    A bare array would be cut to the type that suffices for the stand-in of the times.
    """
    ends = np.asarray(signal.ends, dtype=np.uint64)
    return ZarrDataIO(ends.astype(np.min_scalar_type(int(ends.max(initial=0)))))


def _seconds(times: LazyArray) -> LazyArray:
    """Return times as the 64-bit numbers that NWB has."""
    if times.dtype.newbyteorder("=") == np.float64:
        return times

    def read(start: int, stop: int) -> Any:
        return np.asarray(times[start:stop], dtype=np.float64)

    return Sliced(tuple(times.shape), np.float64, read)


def _rows(table: Table) -> dict[str, Any]:
    """Return what NWB's tables are made of; a column of whole numbers named ``id`` is its ids."""
    frame = table.df
    numbered = "id" in frame and frame["id"].dtype.kind in "iu"
    return {
        "name": table.name,
        "description": table.description or table.name,
        "id": frame["id"].to_list() if numbered else list(range(len(table))),
        "columns": _columns(table, ("id",) if numbered else ()),
    }


def _columns(table: Table, without: Collection[str] = ()) -> list[VectorData]:
    """Return the columns of a table, ragged ones with their index."""
    columns: list[VectorData] = []
    taken = set(_TAKEN)
    for name in table.df.columns.drop(list(without), errors="ignore"):
        values = table.df[name]
        described = table.descriptions.get(str(name), "") or str(name)
        known = {"name": _free(str(name), taken), "description": described}
        if name in _SECONDS:
            columns.append(VectorData(**known, data=values.to_numpy(np.float64)))
        elif _is_ragged(values):
            if _is_even(values):
                columns.append(VectorData(**known, data=np.stack(list(values))))
                continue
            rows = [np.asarray(row).tolist() for row in values]
            items = [_item(item) for row in rows for item in row]
            flat = VectorData(**known, data=items or np.empty(0))
            ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
            columns += [flat, VectorIndex(name=f"{known['name']}_index", data=ends, target=flat)]
        else:
            columns.append(VectorData(**known, data=_flat(values)))
    return columns


def _free(name: str, taken: set[str]) -> str:
    """Return the name of a column as NWB can have it, and note it and that of its index."""
    free = re.sub(r"[/:]", "_", name) or "_"
    free = free if is_name(free) else slug(free)
    while free in taken or f"{free}_index" in taken:
        free += "_"
    taken |= {free, f"{free}_index"}
    return free


def _is_ragged(values: Any) -> bool:
    return len(values) > 0 and isinstance(values.iloc[0], (list, tuple, np.ndarray))


def _is_even(values: Any) -> bool:
    rows = [row for row in values if isinstance(row, np.ndarray) and row.dtype.kind in "iuf"]
    return len(rows) == len(values) and len({(row.shape, row.dtype) for row in rows}) == 1


def _item(item: Any) -> Any:
    """Return an element of a ragged column; what NWB has no type for (a pixel's mask), as JSON."""
    return json.dumps(item, default=str) if isinstance(item, (dict, list)) else item


def _flat(values: Any) -> Any:
    if values.dtype.kind in "iufb":
        return values.to_numpy()
    return _texts(values)


def _texts(values: Any) -> Any:
    """Return texts as a list, or an array that says what it would hold."""
    return ["" if _is_missing(value) else str(value) for value in values] or np.empty(0, "U1")


def _is_missing(value: Any) -> bool:
    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))
