"""Each signal as the NWB type it is, with a stand-in where its large array will be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np
from hdmf.common import DynamicTable, VectorData, VectorIndex
from pynwb import NWBFile, behavior, ecephys, icephys
from pynwb import TimeSeries as NWBTimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.image import ImageSeries
from pynwb.misc import Units

from panneuro.core.errors import FormatError
from panneuro.signals.arrays import LazyArray
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
# sweep_number is left to asset.json: NWB wants 32 unsigned bits, and attributes in Zarr have no type.
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
    if "/" in signal.name or ":" in signal.name or not signal.name:
        raise FormatError(
            f"the signal name {signal.name!r} cannot be used in NWB",
            hint="name it without '/' and ':'",
        )
    return _build(signal, nwb, electrodes)


@_build.register
def _(signal: TimeSeries, nwb: NWBFile, electrodes: Electrodes) -> Place:
    fields = {**_series(signal), **_time(signal)}
    fields["data"] = np.zeros((1, *signal.data.shape[1:]), signal.data.dtype)
    path = _put(nwb, signal.role, _neurodata(signal, fields, electrodes))
    bulk = {f"{path}/data": signal.data}
    if signal.timestamps is not None:
        bulk[f"{path}/timestamps"] = signal.timestamps
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
        fields["channel_conversion"] = gain / gain[0]
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
    ends = np.asarray(signal.ends, dtype=np.int64)
    name = "spike_times" if signal.name == "units" else "event_times"
    times = VectorData(name=name, description="times in seconds", data=np.zeros(1))
    index = VectorIndex(name=f"{name}_index", data=ends, target=times)
    extra = _columns(signal.table) if signal.table is not None else []
    numbered = np.issubdtype(signal.ids.dtype, np.integer)
    ids = signal.ids.tolist() if numbered else list(range(len(signal)))
    if not numbered:
        label = VectorData(
            name="label", description="name of the unit", data=[str(i) for i in signal.ids]
        )
        extra = [label, *(column for column in extra if column.name != "label")]
    kind, known = (Units, "units") if signal.name == "units" else (DynamicTable, signal.name)
    table = kind(
        name=known, description=signal.description or known, id=ids, columns=[times, index, *extra]
    )
    if signal.name == "units":
        nwb.units = table
        return Place("units", {"units/spike_times": signal.times})
    path = _put(nwb, "processing/events", table)
    return Place(path, {f"{path}/event_times": signal.times})


@_build.register
def _(signal: Table, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    if signal.name == "electrodes":
        return Place("general/extracellular_ephys/electrodes")
    table = DynamicTable(
        name=signal.name,
        description=signal.description or signal.name,
        id=list(range(len(signal))),
        columns=_columns(signal),
    )
    return Place(_put(nwb, "processing/tables", table))


@_build.register
def _(signal: Intervals, nwb: NWBFile, electrodes: Electrodes) -> Place:  # noqa: ARG001
    table = TimeIntervals(
        name=signal.name,
        description=signal.description or signal.name,
        id=list(range(len(signal))),
        columns=_columns(signal),
    )
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
        return Place(path, {f"{path}/timestamps": signal.times})
    stand_in = np.zeros((1, *signal.data.shape[1:]), signal.data.dtype)
    path = _put(nwb, signal.role, ImageSeries(**fields, data=stand_in))
    return Place(path, {f"{path}/data": signal.data, f"{path}/timestamps": signal.times})


def _columns(table: Table) -> list[VectorData]:
    """Return the columns of a table, ragged ones with their index."""
    columns: list[VectorData] = []
    for name in table.df.columns:
        values = table.df[name]
        described = table.descriptions.get(str(name), "") or str(name)
        known = {"name": str(name).replace("/", "_"), "description": described}
        if _is_ragged(values):
            rows = [np.asarray(row).tolist() for row in values]
            flat = VectorData(**known, data=[item for row in rows for item in row])
            ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
            columns += [flat, VectorIndex(name=f"{known['name']}_index", data=ends, target=flat)]
        else:
            columns.append(VectorData(**known, data=_flat(values)))
    return columns


def _is_ragged(values: Any) -> bool:
    return len(values) > 0 and isinstance(values.iloc[0], (list, tuple, np.ndarray))


def _flat(values: Any) -> Any:
    if values.dtype.kind in "iufb":
        return values.to_numpy()
    return ["" if _is_missing(value) else str(value) for value in values]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
