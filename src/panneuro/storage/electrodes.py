"""The electrodes of a recording as NWB knows them: devices, groups and one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pynwb import NWBFile
from pynwb.core import DynamicTableRegion
from pynwb.device import Device
from pynwb.ecephys import ElectrodeGroup
from pynwb.icephys import IntracellularElectrode

from panneuro.core.errors import FormatError
from panneuro.documents import Documents
from panneuro.signals.recording import Signal
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

_STANDARD = ("x", "y", "z", "imp", "location", "filtering", "rel_x", "rel_y", "rel_z", "reference")
_FIXED = (*_STANDARD, "group", "group_name", "id")


class Electrodes:
    """Builds devices, electrode groups and the electrodes table of an NWB file.

    Parameters
    ----------
    nwb : NWBFile
        Where they are added.
    documents : Documents
        The instrument's devices and probes.
    signals : iterable of Signal
        One may be a `Table` named ``electrodes``; without it every channel of an electrical
        series becomes an electrode of unknown place.
    """

    def __init__(self, nwb: NWBFile, documents: Documents, signals: Iterable[Signal]) -> None:
        self._nwb = nwb
        self._first_row: dict[str, int] = {}
        for device in (*documents.instrument.devices, *documents.instrument.probes):
            self._add_device(
                device.name,
                manufacturer=device.manufacturer.label if device.manufacturer else None,
                model_name=device.model.label if device.model else None,
                serial_number=device.serial,
            )
        frame = self._frame(tuple(signals))
        if len(frame):
            self._fill(frame)

    def _add_device(self, name: str, **facts: str | None) -> Device:
        if name in self._nwb.devices:
            return self._nwb.devices[name]
        known = [f"{key.replace('_', ' ')}: {value}" for key, value in facts.items() if value]
        description = "; ".join(known) or None
        return self._nwb.create_device(
            name=name, description=description, serial_number=facts.get("serial_number")
        )

    def _frame(self, signals: tuple[Signal, ...]) -> pd.DataFrame:
        given = [s for s in signals if isinstance(s, Table) and s.name == "electrodes"]
        frame = given[0].df.reset_index(drop=True) if given else pd.DataFrame()
        bare = [s for s in signals if isinstance(s, TimeSeries) and _lacks_electrodes(s)]
        for signal in bare:
            names = signal.channels or tuple(map(str, range(signal.n_channels)))
            self._first_row[signal.name] = len(frame)
            rows = pd.DataFrame({"group_name": signal.name, "channel_name": list(names)})
            frame = pd.concat([frame, rows], ignore_index=True)
        return frame

    def _fill(self, frame: pd.DataFrame) -> None:
        table = frame.copy()
        names = _column(table, "group_name", "electrodes").astype(str)
        places = _column(table, "location", "unknown").fillna("unknown").astype(str)
        groups = {name: self._group(name, places[names == name]) for name in names.unique()}
        extra = [column for column in table.columns if column not in _FIXED]
        for column in extra:
            self._nwb.add_electrode_column(name=str(column), description=str(column))
        table["location"] = places
        kept = [column for column in table.columns if column in (*_STANDARD, *extra)]
        columns = {str(column): [_plain(value) for value in table[column]] for column in kept}
        columns["group"] = [groups[name] for name in names]
        # The first row makes the columns; thousands more, one by one, would take seconds.
        self._nwb.add_electrode(**{name: values[0] for name, values in columns.items()})
        columns["group_name"] = [group.name for group in columns["group"]]
        for column in self._nwb.electrodes.columns:
            column.data.extend(columns[column.name][1:])
        self._nwb.electrodes.id.data.extend(range(1, len(table)))

    def _group(self, name: str, places: pd.Series[str]) -> ElectrodeGroup:
        devices = list(self._nwb.devices)
        owner = next((device for device in devices if name.startswith(device)), None)
        device = self._add_device(owner or (devices[0] if len(devices) == 1 else name))
        where = ", ".join(sorted(set(places)))
        return self._nwb.create_electrode_group(
            name=name.replace("/", "_"), description=name, location=where, device=device
        )

    def region(self, signal: TimeSeries) -> DynamicTableRegion:
        """Return the rows of the electrodes table that a signal's channels are."""
        rows = list(signal.electrodes)
        if not rows:
            first = self._first_row[signal.name]
            rows = list(range(first, first + signal.n_channels))
        table = self._nwb.electrodes
        if len(rows) != signal.n_channels or table is None or max(rows) >= len(table):
            raise FormatError(
                f"signal {signal.name!r} has {signal.n_channels} channels on {len(rows)} electrodes"
            )
        return self._nwb.create_electrode_table_region(rows, f"electrodes of {signal.name}")

    def pipette(self, name: str) -> IntracellularElectrode:
        """Return the intracellular electrode of that name."""
        if name not in self._nwb.icephys_electrodes:
            devices = list(self._nwb.devices)
            device = self._add_device(devices[0] if devices else "amplifier")
            self._nwb.create_icephys_electrode(name=name, description=name, device=device)
        return self._nwb.icephys_electrodes[name]


def _lacks_electrodes(signal: TimeSeries) -> bool:
    return signal.neurodata_type == "ElectricalSeries" and not signal.electrodes


def _column(frame: pd.DataFrame, name: str, default: str) -> pd.Series[Any]:
    return frame[name] if name in frame else pd.Series([default] * len(frame), dtype=object)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
