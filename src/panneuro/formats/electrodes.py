"""The electrodes table: one row a contact, shared by the bands recorded from it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import PanneuroError
from panneuro.signals.table import Table

_BAND = re.compile(r"^(?:AP|LFP|LF|CH)_?(?=\d+$)", re.IGNORECASE)

_TO_MICROMETRES = {"um": 1.0, "mm": 1e3, "m": 1e6}

_MEANING = {
    "location": "brain area, 'unknown' until histology or targeting tells",
    "group_name": "the probe, and its shank where it has several",
    "channel_name": "what the acquisition system calls the channel",
    "rel_x": "position across the probe in micrometres",
    "rel_y": "position along the probe from the tip in micrometres",
    "contact_id": "the contact's name in the probe's own numbering",
    "shank": "the shank that the contact is on",
}

Probes = Callable[[str], Any]
"""From a device's name to its `probeinterface.Probe`, or None where the geometry is unknown."""


class Electrodes:
    """Collects electrodes while signals are made.

    Parameters
    ----------
    probes : callable, optional
        From a device's name to its probe, or None.

    Examples
    --------
    >>> electrodes = Electrodes()
    >>> electrodes.rows("imec0", ("AP3", "AP4"), np.array([0, 1]))
    (0, 1)
    >>> electrodes.rows("imec0", ("LF4",), np.array([0]))
    (1,)
    >>> electrodes.table().df.channel_name.tolist()
    ['AP3', 'AP4']
    """

    def __init__(self, probes: Probes | None = None) -> None:
        self._probes = probes
        self._known: dict[str, dict[int, dict[str, Any]]] = {}
        self._index: dict[tuple[str, str], int] = {}
        self._rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def rows(
        self, device: str, names: tuple[str, ...], columns: npt.NDArray[np.int64]
    ) -> tuple[int, ...]:
        """Return the table's row of each channel, added where it is new.

        Parameters
        ----------
        device : str
            The probe or amplifier.
        names : tuple of str
            Of the channels; ``AP7`` and ``LF7`` of one device are one electrode.
        columns : ndarray of int
            Where each channel is in its stream, which is what a probe's wiring refers to.
        """
        places = self._places(device)
        return tuple(
            self._row(device, name, places.get(int(column), {}))
            for name, column in zip(names, columns, strict=True)
        )

    def _row(self, device: str, name: str, place: dict[str, Any]) -> int:
        key = (device, _BAND.sub("", name))
        if key not in self._index:
            self._index[key] = len(self._rows)
            shank = place.get("shank", "")
            group = f"{device or 'electrodes'}{f'_shank{shank}' if shank else ''}"
            self._rows.append(
                {"location": "unknown", "group_name": group, "channel_name": name, **place}
            )
        return self._index[key]

    def _places(self, device: str) -> dict[int, dict[str, Any]]:
        if device not in self._known:
            self._known[device] = self._found(device)
        return self._known[device]

    def _found(self, device: str) -> dict[int, dict[str, Any]]:
        try:
            probe = self._probes(device) if self._probes else None
            return {} if probe is None else _places(probe)
        except PanneuroError:
            raise
        except Exception as error:  # noqa: BLE001 - without geometry the data are still good
            warnings.warn(
                f"the geometry of {device} could not be read ({type(error).__name__}: {error}): "
                "its electrodes have no positions",
                stacklevel=2,
            )
            return {}

    def table(self) -> Table:
        """Return the electrodes as a table; positions are NaN where they are unknown."""
        import pandas as pd

        frame = pd.DataFrame(self._rows)
        for column in ("contact_id", "shank"):
            if column in frame:
                frame[column] = frame[column].fillna("")
        return Table.from_frame(
            "electrodes",
            frame,
            descriptions={name: _MEANING[name] for name in frame.columns},
            description="the contacts that signals were recorded from",
        )


def _places(probe: Any) -> dict[int, dict[str, Any]]:
    """Return, by the channel that each contact is wired to, where the contact is."""
    positions = np.asarray(probe.contact_positions, dtype=np.float64)
    positions = positions * _TO_MICROMETRES[probe.si_units]
    count = len(positions)
    wired = probe.device_channel_indices
    channels = np.arange(count) if wired is None else np.asarray(wired)
    ids = [""] * count if probe.contact_ids is None else [str(i) for i in probe.contact_ids]
    shanks = [""] * count if probe.shank_ids is None else [str(i) for i in probe.shank_ids]
    return {
        int(channel): {
            "rel_x": float(positions[row, 0]),
            "rel_y": float(positions[row, 1]),
            "contact_id": ids[row],
            "shank": shanks[row],
        }
        for row, channel in enumerate(channels)
        if channel >= 0
    }
