"""The extracellular formats that need no more than a row in a table, read through neo.

Tested on real recordings: Plexon, 3Brain's BioCAM and Spike2; on small files made by their layouts:
all others but SpikeGadgets, which relies on neo's own tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from panneuro.core.errors import FormatError
from panneuro.formats import mending
from panneuro.formats.electrodes import Probes
from panneuro.formats.hdf5 import SIGNATURE
from panneuro.formats.neo_format import (
    Documents,
    NeoFormat,
    begins,
    electrodes,
    holds,
    same_stem,
    told_by_neo,
)
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source, within
from panneuro.formats.streams import Kind, Label, slug, to_si

_MAX_HEADER_BYTES = 16 << 20
_NAMES_FILE = re.compile(r"^(?:DataFile|MarkerFile)=(.*)$", re.MULTILINE)


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


def _named_in_header(path: Path) -> list[Path]:
    """Return the files of samples and markers that a BrainVision header names, beside it."""
    if path.stat().st_size > _MAX_HEADER_BYTES:
        raise FormatError(
            f"reading {str(path)!r}: it is longer than any header of BrainVision",
            hint="copy it again from where it was recorded",
        )
    # Neo takes them from any section, the last of several: all of them are looked at.
    names = _NAMES_FILE.findall(path.read_text(encoding="utf-8", errors="replace"))
    return [within(path.parent, name, told=repr(str(path))) for name in names]


def _check_brainvision(source: Source) -> list[str]:
    for path in source.matching("*.vhdr"):
        for named in _named_in_header(path):
            if named.is_file() and not named.stat().st_size:
                raise FormatError(
                    f"reading {str(path)!r}: {named.name!r}, which it names, is empty",
                    hint="copy it again from where it was recorded",
                )
    return []


def _brainvision_companions(path: Path) -> Iterable[Path]:
    return (*same_stem(path), *_named_in_header(path))


def _eeg(raw: Raw, source: Source) -> Documents:
    return {**told_by_neo(raw, source), "description": {"modalities": ["eeg"]}}


def _micromed_label(_stream: str, channel: str, unit: str) -> Label:
    if to_si(unit)[0] == "volts":
        return Label("eeg", kind="electrodes")
    return Label(slug(channel), description=channel)


def _alphaomega_label(stream: str, _channel: str, _unit: str) -> Label:
    kinds: dict[str, Kind] = dict.fromkeys(
        ("Raw Analog", "Local Field Potential", "Spike Train"), "electrodes"
    )
    names = {"Raw Analog": "raw", "Local Field Potential": "lfp", "Spike Train": "spike_band"}
    return Label(names.get(stream, slug(stream)), kind=kinds.get(stream, "analog"))


def _by_channel(_stream: str, channel: str, _unit: str) -> Label:
    return Label(slug(channel), description=channel)


plexon = NeoFormat(
    "plexon",
    "PlexonRawIO",
    ("*.plx",),
    maker="Plexon",
    magic=begins(b"PLEX"),
    score=0.9,
    keywords={"progress_bar": False},
    label=_plexon_label,
    containers=("*.plx",),
)
spike2 = NeoFormat(
    "spike2",
    "Spike2RawIO",
    ("*.smr",),
    maker="Cambridge Electronic Design",
    magic=holds(b"(C) CED"),
    score=0.9,
    label=_by_channel,
    containers=("*.smr",),
)
biocam = NeoFormat(
    "biocam",
    "BiocamRawIO",
    ("*.brw",),
    maker="3Brain",
    magic=begins(SIGNATURE),
    score=0.9,
    label=electrodes("mea"),
    probes=_biocam_probes,
)
maxwell = NeoFormat(
    "maxwell",
    "MaxwellRawIO",
    ("*.raw.h5",),
    maker="MaxWell Biosystems",
    magic=begins(SIGNATURE),
    score=0.8,
    label=electrodes("mea"),
    probes=_maxwell_probes,
)
mcs = NeoFormat(
    "mcs",
    "RawMCSRawIO",
    ("*.raw",),
    maker="Multi Channel Systems",
    magic=begins(b"MC_DataTool"),
    score=0.9,
    label=electrodes("mea"),
)
axona = NeoFormat(
    "axona",
    "AxonaRawIO",
    ("*.set",),
    maker="Axona",
    companions=same_stem,
    magic=begins(b"trial_date"),
    score=0.9,
    label=electrodes("raw"),
    check=mending.check_axona,
    mend=mending.mend_axona,
    # Its packets hold positions and digital inputs, too.
    containers=("*.bin",),
)
spikegadgets = NeoFormat(
    "spikegadgets",
    "SpikeGadgetsRawIO",
    ("*.rec",),
    maker="SpikeGadgets",
    magic=holds(b"<Configuration", b"SpikeConfiguration"),
    score=0.9,
)
alphaomega = NeoFormat(
    "alphaomega",
    "AlphaOmegaRawIO",
    ("*.mpx",),
    takes="dirname",
    flat=True,
    maker="Alpha Omega",
    label=_alphaomega_label,
    check=mending.check_alphaomega,
    mend=mending.mend_alphaomega,
    counts_from_start=True,
    keeps=mending.alphaomega_keeps,
)
brainvision = NeoFormat(
    "brainvision",
    "BrainVisionRawIO",
    ("*.vhdr",),
    maker="Brain Products",
    companions=_brainvision_companions,
    magic=holds(b"Brain Vision", b"BrainVision"),
    score=0.9,
    label=electrodes("eeg"),
    documents=_eeg,
    check=_check_brainvision,
)
micromed = NeoFormat(
    "micromed",
    "MicromedRawIO",
    ("*.trc",),
    maker="Micromed",
    magic=begins(b"* MICROMED"),
    score=0.9,
    label=_micromed_label,
    mend=mending.mend_micromed,
    documents=_eeg,
)
neuroexplorer = NeoFormat(
    "neuroexplorer", "NeuroExplorerRawIO", ("*.nex",), magic=begins(b"NEX1"), score=0.9
)
neuronexus = NeoFormat(
    "neuronexus", "NeuroNexusRawIO", ("*.xdat.json",), maker="NeuroNexus", score=0.8
)
neuroscope = NeoFormat(
    "neuroscope",
    "NeuroScopeRawIO",
    ("*.xml",),
    magic=holds(b"<parameters", b"acquisitionSystem"),
    score=0.6,
    label=electrodes("raw"),
)
tdt = NeoFormat(
    "tdt",
    "TdtRawIO",
    ("*.tbk", "*.tsq"),
    takes="dirname",
    maker="Tucker-Davis Technologies",
    score=0.8,
    locate=mending.tdt_place,
    check=mending.check_tdt,
    mend=mending.mend_tdt,
    documents=mending.tdt_documents,
    bulk=("*.sev",),
    # The index holds values that are no signals, too.
    containers=("*.tbk", "*.tsq"),
    keeps=mending.tdt_keeps,
)
