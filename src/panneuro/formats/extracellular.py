"""The extracellular formats that need little more than a row in a table, read through neo.

Tested on real recordings: Open Ephys before 0.6 ("legacy"), Intan, Neuralynx, Blackrock, Plexon,
3Brain's BioCAM and Spike2. The others rely on neo's own tests.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Probes
from panneuro.formats.neo_format import Documents, NeoFormat, told_by_neo
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Kind, Label, Labeller, Time, slug

_HDF5 = b"\x89HDF\r\n\x1a\n"


def _electrodes(name: str, unit: str = "") -> Labeller:
    """Return a labeller that takes every channel for an electrode."""
    return lambda _stream, _channel, _unit: Label(name, kind="electrodes", unit=unit)


def _begins(*heads: bytes) -> Any:
    """Return a test of a file's first bytes."""
    return lambda _name, head: head.startswith(heads)


def _holds(*marks: bytes) -> Any:
    """Return a test for a mark somewhere in a file's first bytes."""
    return lambda _name, head: any(mark in head for mark in marks)


# Open Ephys before 0.6 -----------------------------------------------------------------------


def _legacy_label(_stream: str, channel: str, unit: str) -> Label:
    if "ADC" in channel or "AUX" in channel:
        return Label("adc" if "ADC" in channel else "aux", unit="V" if unit == "uV" else "")
    return Label("raw", kind="electrodes", description="wide-band traces of the amplifier")


def _legacy_documents(raw: Raw, _source: Source) -> Documents:
    segment = raw.io.raw_annotations["blocks"][0]["segments"][0]
    created = str(segment.get("date_created", "")).strip("'")
    version = str(segment.get("openephys_version", ""))
    software = {"name": "Open Ephys GUI", "kind": "software", "model": version}
    found: Documents = {"instrument": {"devices": [software]}}
    for form in ("%d-%b-%Y %H%M%S", "%d-%b-%Y %H:%M:%S"):
        try:
            start = datetime.strptime(created, form)  # noqa: DTZ007 - the file tells no zone
        except ValueError:
            continue
        found["acquisition"] = {"session_start": start.isoformat()}
    return found


openephys_legacy = NeoFormat(
    "openephys-legacy",
    "OpenEphysRawIO",
    ("*.continuous", "*.spikes", "*.events"),
    takes="dirname",
    magic=_begins(b"header.format"),
    score=0.9,
    label=_legacy_label,
    documents=_legacy_documents,
    # Neo's own default multiplies by the rate twice and finds no spike.
    spike_span=(0.0, 1e9),
    counts_from_start=True,
    bulk=("*.continuous",),
    containers=("*.spikes",),
)

# Intan ---------------------------------------------------------------------------------------

_INTAN: tuple[tuple[str, str, Kind], ...] = (
    ("amplifier", "amplifier", "electrodes"),
    ("auxiliary", "auxiliary", "analog"),
    ("supply", "supply_voltage", "analog"),
    ("temperature", "temperature", "analog"),
    ("ADC", "analog_in", "analog"),
    ("analog input", "analog_in", "analog"),
    ("DAC", "analog_out", "analog"),
    ("analog output", "analog_out", "analog"),
    ("digital input", "digital_in", "digital"),
    ("digital output", "digital_out", "digital"),
)


def _intan_label(stream: str, _channel: str, _unit: str) -> Label:
    for mark, name, kind in _INTAN:
        if mark.lower() in stream.lower():
            return Label(name, kind=kind, description=stream)
    return Label(slug(stream))


def _intan_check(source: Source) -> list[str]:
    """Compare the lengths of the files of a recording with one file a channel."""
    clocks = source.matching("time.dat")
    if len(clocks) != 1:
        return []
    rows = clocks[0].stat().st_size // 4
    for path in source.matching("amp-*.dat", "aux-*.dat", "board-*.dat", "vdd-*.dat"):
        if path.parent == clocks[0].parent and path.stat().st_size != 2 * rows:
            raise FormatError(
                f"reading {str(path)!r}: it holds {path.stat().st_size / 2:,g} samples, but "
                f"time.dat {rows:,}",
                hint="copy the folder again from the rig",
            )
    return []


def _intan_clock(raw: Raw, block: int, segment: int, stream: int, time: Time) -> Time:
    """Correct the rate of streams that are stored at the amplifier's, one file a channel or signal.

    In those layouts every sample of the slower inputs is repeated, which neo does not tell.
    """
    rates = [float(raw.channels(i)["sampling_rate"][0]) for i in range(_count(raw))]
    sizes = [int(raw.io.get_signal_size(block, segment, i)) for i in range(_count(raw))]
    fastest = max(range(len(rates)), key=rates.__getitem__)
    if sizes[stream] == sizes[fastest]:
        return replace(time, rate_hz=rates[fastest])
    return time


def _count(raw: Raw) -> int:
    return len(raw.io.header["signal_streams"])


def _intan_documents(raw: Raw, source: Source) -> Documents:
    told = raw.io._global_info
    version = f"{int(told['major_version'])}.{int(told['minor_version'])}"
    found: Documents = {
        "instrument": {
            "devices": [
                {"name": "Intan RHX", "kind": "software", "model": version},
                {"name": "Intan controller", "kind": "amplifier", "manufacturer": "Intan"},
            ]
        }
    }
    notes = "; ".join(str(told[k]) for k in ("note1", "note2", "note3") if told.get(k))
    acquisition = {"protocol": notes} if notes else {}
    # Intan names folders and files by the computer's clock: name_YYMMDD_HHMMSS.
    match = re.search(
        r"_(\d{6}_\d{6})(?:\.|$|/)", f"{source.root.resolve().name}/{source.path.name}"
    )
    if match:
        try:
            start = datetime.strptime(match[1], "%y%m%d_%H%M%S")  # noqa: DTZ007
            acquisition["session_start"] = start.isoformat()
        except ValueError:
            pass
    return found | {"acquisition": acquisition}


intan = NeoFormat(
    "intan",
    "IntanRawIO",
    ("*.rhd", "*.rhs"),
    magic=_begins(b"\x02\x27\x91\xc6", b"\xac\x27\x91\xd6"),
    score=0.9,
    label=_intan_label,
    clock=_intan_clock,
    check=_intan_check,
    documents=_intan_documents,
    bulk=("amp-*.dat", "aux-*.dat", "board-*.dat", "amplifier.dat", "auxiliary.dat"),
)

# Neuralynx -----------------------------------------------------------------------------------


def _neuralynx_documents(raw: Raw, _source: Source) -> Documents:
    headers = list(raw.io.file_headers.values())
    opened = [h["recording_opened"] for h in headers if h.get("recording_opened")]
    systems = {str(h["HardwareSubSystemType"]) for h in headers if h.get("HardwareSubSystemType")}
    programs = {
        (str(h.get("ApplicationName", "Cheetah")), str(h["ApplicationVersion"]))
        for h in headers
        if h.get("ApplicationVersion")
    }
    devices: list[dict[str, Any]] = [
        {"name": name, "kind": "software", "manufacturer": "Neuralynx", "model": version}
        for name, version in sorted(programs)
    ]
    devices += [
        {"name": model, "kind": "amplifier", "manufacturer": "Neuralynx", "model": model}
        for model in sorted(systems)
    ]
    found: Documents = {"instrument": {"devices": devices}}
    if opened:
        found["acquisition"] = {"session_start": max(opened).isoformat()}
    return found


neuralynx = NeoFormat(
    "neuralynx",
    "NeuralynxRawIO",
    ("*.ncs", "*.nse", "*.ntt", "*.nev"),
    takes="dirname",
    magic=_begins(b"######## Neuralynx"),
    score=0.9,
    # Every gap begins a new segment; nothing between is invented and nothing is dropped.
    keywords={"gap_tolerance_ms": 0.0, "keep_original_times": True},
    label=_electrodes("csc"),
    documents=_neuralynx_documents,
    counts_from_start=True,
    bulk=("*.ncs",),
    containers=("*.nse", "*.ntt", "*.nev", "*.nvt"),
)

# Blackrock -----------------------------------------------------------------------------------


def _blackrock_path(source: Source) -> Path:
    """Return the common stem of the one recording in a source."""
    files = source.matching("*.ns?", "*.nev")
    stems = sorted({path.with_suffix("") for path in files})
    # Off-line sorted spikes are saved as NAME-01.nev, NAME-02.nev beside NAME.nev.
    first = [s for s in stems if not any(s != t and str(s).startswith(f"{t}-") for t in stems)]
    if len(first) == 1:
        return first[0]
    shown = ", ".join(stem.name for stem in first[:5])
    raise FormatError(
        f"reading {str(source.path)!r}: it holds {len(first)} recordings ({shown})",
        hint="name one of its files, or move each recording into a folder of its own",
    )


def _blackrock_check(source: Source) -> list[str]:
    stem = _blackrock_path(source)
    others = [p for p in source.matching("*.nev") if p.with_suffix("") != stem]
    return [
        f"{source.name(path)} holds another sorting of the same recording; it is kept, not read"
        for path in others
    ]


def _blackrock_label(_stream: str, channel: str, _unit: str) -> Label:
    band = slug(_stream).replace("nsx", "ns")
    if channel.lower().startswith("ainp"):
        return Label(f"{band}_analog", description="analogue inputs of the processor")
    return Label(band, kind="electrodes")


def _blackrock_documents(raw: Raw, source: Source) -> Documents:
    found = told_by_neo(raw, source)
    if start := found.get("acquisition", {}).get("session_start"):
        # The format defines its time of origin in UTC.
        at = datetime.fromisoformat(start).replace(tzinfo=UTC)
        found["acquisition"]["session_start"] = at.isoformat()
    made = {"name": "Blackrock processor", "kind": "amplifier", "manufacturer": "Blackrock"}
    return found | {"instrument": {"devices": [made]}}


blackrock = NeoFormat(
    "blackrock",
    "BlackrockRawIO",
    ("*.ns?", "*.nev"),
    magic=_begins(b"NEURALSG", b"NEURALCD", b"NEURALEV", b"BRSMPGRP", b"BREVENTS"),
    score=0.9,
    keywords={"gap_tolerance_ms": 0.0},
    locate=_blackrock_path,
    label=_blackrock_label,
    check=_blackrock_check,
    documents=_blackrock_documents,
    bulk=("*.ns[1-9]",),
    containers=("*.nev",),
)

# Plexon, Spike2, MEAs and others -------------------------------------------------------------


def _plexon_label(stream: str, channel: str, _unit: str) -> Label:
    name = {"W": "wide_band", "F": "lfp", "S": "spike_band", "A": "analog"}.get(stream[:1], "slow")
    kind: Kind = "analog" if name in ("analog", "slow") else "electrodes"
    # Gains in a .plx are in millivolts; neo leaves the unit open.
    return Label(name, kind=kind, unit="mV", description=f"continuous channels, {channel[:2]}…")


def _biocam_probes(source: Source) -> Probes:
    @cache
    def probe(_device: str) -> Any:
        import probeinterface

        return probeinterface.read_3brain(source.matching("*.brw")[0])

    return probe


def _maxwell_probes(source: Source) -> Probes:
    @cache
    def probe(_device: str) -> Any:
        import probeinterface

        return probeinterface.read_maxwell(source.matching("*.raw.h5")[0])

    return probe


def _by_channel(_stream: str, channel: str, _unit: str) -> Label:
    return Label(slug(channel), description=channel)


plexon = NeoFormat(
    "plexon",
    "PlexonRawIO",
    ("*.plx",),
    magic=_begins(b"PLEX"),
    score=0.9,
    keywords={"progress_bar": False},
    label=_plexon_label,
    containers=("*.plx",),
)
spike2 = NeoFormat(
    "spike2",
    "Spike2RawIO",
    ("*.smr",),
    magic=_holds(b"(C) CED"),
    score=0.9,
    label=_by_channel,
    containers=("*.smr",),
)
biocam = NeoFormat(
    "biocam",
    "BiocamRawIO",
    ("*.brw",),
    magic=_begins(_HDF5),
    score=0.9,
    label=_electrodes("mea"),
    probes=_biocam_probes,
)
maxwell = NeoFormat(
    "maxwell",
    "MaxwellRawIO",
    ("*.raw.h5",),
    magic=_begins(_HDF5),
    score=0.8,
    label=_electrodes("mea"),
    probes=_maxwell_probes,
)
mcs = NeoFormat(
    "mcs",
    "RawMCSRawIO",
    ("*.raw",),
    magic=_begins(b"MC_DataTool"),
    score=0.9,
    label=_electrodes("mea"),
)
axona = NeoFormat(
    "axona",
    "AxonaRawIO",
    ("*.set",),
    magic=_begins(b"trial_date"),
    score=0.9,
)
spikegadgets = NeoFormat(
    "spikegadgets",
    "SpikeGadgetsRawIO",
    ("*.rec",),
    magic=_holds(b"<Configuration", b"SpikeConfiguration"),
    score=0.9,
)
alphaomega = NeoFormat("alphaomega", "AlphaOmegaRawIO", ("*.mpx",), takes="dirname")
brainvision = NeoFormat(
    "brainvision",
    "BrainVisionRawIO",
    ("*.vhdr",),
    magic=_holds(b"Brain Vision", b"BrainVision"),
    score=0.9,
    label=_electrodes("eeg"),
)
micromed = NeoFormat(
    "micromed",
    "MicromedRawIO",
    ("*.trc",),
    magic=_begins(b"* MICROMED"),
    score=0.9,
    label=_electrodes("eeg"),
)
neuroexplorer = NeoFormat(
    "neuroexplorer", "NeuroExplorerRawIO", ("*.nex",), magic=_begins(b"NEX1"), score=0.9
)
neuronexus = NeoFormat("neuronexus", "NeuroNexusRawIO", ("*.xdat.json",), score=0.8)
neuroscope = NeoFormat(
    "neuroscope",
    "NeuroScopeRawIO",
    ("*.xml",),
    magic=_holds(b"<parameters", b"acquisitionSystem"),
    score=0.6,
    label=_electrodes("raw"),
)
tdt = NeoFormat("tdt", "TdtRawIO", ("*.tbk", "*.tsq"), takes="dirname", score=0.8)
