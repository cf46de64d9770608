"""Open Ephys, binary: folders of ``continuous.dat`` described by ``structure.oebin``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Probes
from panneuro.formats.neo_format import Documents, NeoFormat
from panneuro.formats.openephys_events import events
from panneuro.formats.openephys_layout import named, recording, structure
from panneuro.formats.openephys_settings import Settings, settings_of
from panneuro.formats.openephys_times import clock, shifts, started
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Label

_ITEM_BYTES = 2
_NUMBERED = re.compile(r"^(experiment|recording)\d{1,6}$")


def label(stream: str, channel: str, unit: str) -> Label:
    """Say what a channel of a stream such as ``Record Node 101#Neuropix-PXI-100.ProbeA-AP`` is."""
    processor, device, band = named(stream, channel)
    if "SYNC" in channel:
        name = f"{band or 'raw'}_sync"
        return Label(name, device, "digital", description="digital word of the sync line")
    card = processor.startswith("NI-DAQ") or channel.startswith("AI")
    if card or "ADC" in channel or "AUX" in channel:
        name = "nidq" if card else "aux" if "AUX" in channel else "adc"
        # Where the file names no unit, neo supposes microvolts; these inputs are in volts.
        volts = "V" if unit == "uV" else ""
        return Label(name, "" if card else device, "analog", volts, "analogue inputs")
    attributes = (("band", band),) if band else ()
    said = {"ap": "Neuropixels action-potential or wide band", "lf": "Neuropixels LFP band"}
    described = said.get(band, "wide-band traces of the amplifier")
    return Label(band or "raw", device, "electrodes", "", described, attributes)


def check(source: Source) -> list[str]:
    """Compare every ``structure.oebin`` with the files around it."""
    notes: list[str] = []
    missing: list[str] = []
    for path in source.matching("structure.oebin"):
        told = structure(path)
        _check_place(path)
        for stream in told["continuous"]:
            folder = path.parent / "continuous" / str(stream["folder_name"]).strip("/")
            data = folder / "continuous.dat"
            if folder.is_dir() and not data.is_file():
                missing.append(source.name(data))
            elif data.is_file():
                _check_length(data, len(stream["channels"]))
        if told.get("spikes"):
            notes.append(
                f"{source.name(path.parent)}: spikes that were detected online are not read; "
                "their files are kept as they are"
            )
    if missing:
        raise FormatError(
            f"reading {str(source.path)!r}: {len(missing)} of its data files are missing: "
            f"{', '.join(missing[:4])}",
            hint="copy them again from the rig; to add the rest without them, remove the streams' "
            "folders",
        )
    return notes


def _check_place(path: Path) -> None:
    recording, experiment = path.resolve().parts[-2:-4:-1]
    if not (_NUMBERED.match(recording) and _NUMBERED.match(experiment)):
        raise FormatError(
            f"reading {str(path)!r}: Open Ephys writes it into experimentN/recordingN, not into "
            f"{experiment}/{recording}, so which data it describes is unknown",
            hint="copy the recording with its folders; to read a single .dat of it, use "
            "--format arrays with a description of its dtype, n_channels and rate_hz",
        )


def _check_length(data: Path, n_channels: int) -> None:
    size, row = data.stat().st_size, _ITEM_BYTES * n_channels
    if size % row:
        raise FormatError(
            f"reading {str(data)!r}: its {size:,} bytes are not a whole number of samples of "
            f"{n_channels} channels ({size % row} bytes are left over)",
            hint="copy it again; if the recording itself was interrupted, cut a copy with: "
            f"truncate -s {size - size % row} {data.name}",
        )


def probes(source: Source) -> Probes:
    """Return the geometry of the Neuropixels that the settings describe."""

    @cache
    def probe(device: str) -> Any:
        found = [
            (settings.path, name)
            for settings, name in _described(source)
            if named(name, "")[1] == device and settings.has_probe(name)
        ]
        return _agreed(device, [_geometry(path, name) for path, name in dict.fromkeys(found)])

    return probe


def _described(source: Source) -> Iterator[tuple[Settings, str]]:
    """Yield the settings of every stream, with the stream's name."""
    for path in source.matching("structure.oebin"):
        settings = settings_of(path.resolve().parents[1])
        if settings:
            for stream in structure(path)["continuous"]:
                yield settings, str(stream["folder_name"]).strip("/")


def _geometry(path: Path, stream: str) -> Any:
    import probeinterface

    return probeinterface.read_openephys_neuropixels(path, stream_name=stream)


def _agreed(device: str, found: list[Any]) -> Any:
    """Return the first geometry, and warn if later experiments used other electrodes."""
    for other in found[1:]:
        if not np.array_equal(other.contact_positions, found[0].contact_positions):
            warnings.warn(
                f"{device}: its electrodes were chosen anew between experiments; the positions "
                "are those of the first",
                stacklevel=2,
            )
    return found[0] if found else None


def documents(raw: Raw, source: Source) -> Documents:
    """Return what the settings and messages say of the session and the rig."""
    first = recording(raw, raw.parts[0])
    at = started(first)
    settings = settings_of(first.parent)
    found: Documents = {"acquisition": {"session_start": at.isoformat()} if at else {}}
    if settings:
        found["instrument"] = settings.instrument()
        called = _called(source)
        for probe in found["instrument"]["probes"]:
            probe["name"] = called.get(probe.get("serial", ""), probe["name"])
    return found


def _called(source: Source) -> dict[str, str]:
    """Return what the signals call each probe, by its serial number."""
    at = probes(source)
    devices = {
        named(name, "")[1] for settings, name in _described(source) if settings.has_probe(name)
    }
    found = {device: at(device) for device in sorted(devices)}
    return {
        str(probe.annotations.get("serial_number", "")): device
        for device, probe in found.items()
        if probe is not None
    }


reader = NeoFormat(
    "openephys",
    "OpenEphysBinaryRawIO",
    ("structure.oebin",),
    takes="dirname",
    score=0.95,
    label=label,
    clock=clock,
    shifts=shifts,
    check=check,
    events=events,
    counts_from_start=True,
    probes=probes,
    documents=documents,
    bulk=("continuous.dat",),
    stamps=(
        "continuous/*/timestamps.npy",
        "continuous/*/sample_numbers.npy",
        "continuous/*/synchronized_timestamps.npy",
    ),
)
"""The entry point of the format."""
