"""What the ``settings.xml`` of Open Ephys says of the rig."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from panneuro.core.errors import FormatError

_MAX_BYTES = 64 << 20
_DATES = ("%d %b %Y %H:%M:%S", "%d-%b-%Y %H%M%S")


@dataclass(frozen=True)
class Settings:
    """A parsed settings file.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    path: Path

    @cached_property
    def _root(self) -> ET.Element:
        size = self.path.stat().st_size
        if size > _MAX_BYTES:
            raise FormatError(
                f"reading {str(self.path)!r}: settings of {size:,} bytes",
                hint="copy the file again from the rig",
            )
        try:
            # Expat itself stops entities that grow without bound.
            return ET.fromstring(self.path.read_bytes())  # noqa: S314
        except ET.ParseError as error:
            raise FormatError(
                f"reading {str(self.path)!r}: it is not well-formed XML ({error})",
                hint="copy it again from the rig, or remove it to go without",
            ) from error

    def _info(self, field: str) -> str:
        found = self._root.find(f"INFO/{field}")
        return (found.text or "").strip() if found is not None else ""

    @property
    def date(self) -> datetime | None:
        """When they were saved, by the computer's clock, without a time zone."""
        for form in _DATES:
            try:
                return datetime.strptime(self._info("DATE"), form)  # noqa: DTZ007
            except ValueError:
                continue
        return None

    @property
    def _probes(self) -> list[ET.Element]:
        return list(self._root.iter("NP_PROBE"))

    def has_probe(self, stream: str) -> bool:
        """Say whether the geometry of a stream's probe is in the settings."""
        import probeinterface

        return bool(self._probes) and bool(
            probeinterface.has_neuropixels_probes(self.path, stream_name=stream)
        )

    def instrument(self) -> dict[str, Any]:
        """Return the rig as a document."""
        machine = self._root.find("INFO/MACHINE")
        name = machine.get("name", "") or (machine.text or "") if machine is not None else ""
        version = self._info("VERSION")
        devices: list[dict[str, str]] = [
            {"name": "Open Ephys GUI", "kind": "software", "model": version}
        ]
        for processor in self._root.iter("PROCESSOR"):
            called = processor.get("name", "")
            if "NI-DAQ" in called or "Acquisition Board" in called or "Rhythm" in called:
                node = processor.get("nodeId") or processor.get("NodeId") or ""
                kind = "acquisition card"
                devices.append({"name": f"{called} {node}".strip(), "kind": kind, "model": called})
        found: dict[str, Any] = {"devices": devices, "probes": [_probe(p) for p in self._probes]}
        if name.strip():
            found["id"] = name.strip()
        return found


def _probe(element: ET.Element) -> dict[str, Any]:
    serial = element.get("probe_serial_number", "")
    told: dict[str, Any] = {
        "name": element.get("custom_probe_name") or serial or "probe",
        "kind": "probe",
        "manufacturer": "imec",
        "model": element.get("probe_part_number") or element.get("probe_name", ""),
        "serial": serial,
    }
    return {key: value for key, value in told.items() if value}


def settings_of(experiment: Path) -> Settings | None:
    """Return the settings of an experiment's folder: ``settings.xml``, ``settings_2.xml``, …."""
    number = experiment.name.removeprefix("experiment")
    name = "settings.xml" if number in ("1", experiment.name) else f"settings_{number}.xml"
    path = experiment.parent / name
    return Settings(path) if path.is_file() else None
