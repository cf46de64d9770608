"""Open Ephys before its binary format: one ``.continuous`` file a channel."""

from __future__ import annotations

from datetime import datetime

from panneuro.formats.neo_format import Documents, NeoFormat, begins
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Label


def _label(_stream: str, channel: str, unit: str) -> Label:
    if "ADC" in channel or "AUX" in channel:
        return Label("adc" if "ADC" in channel else "aux", unit="V" if unit == "uV" else "")
    return Label("raw", kind="electrodes", description="wide-band traces of the amplifier")


def _documents(raw: Raw, _source: Source) -> Documents:
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


reader = NeoFormat(
    "openephys-legacy",
    "OpenEphysRawIO",
    ("*.continuous", "*.spikes", "*.events"),
    takes="dirname",
    flat=True,
    magic=begins(b"header.format"),
    score=0.9,
    label=_label,
    documents=_documents,
    # Neo's own default multiplies by the rate twice and finds no spike.
    spike_span=(0.0, 1e9),
    counts_from_start=True,
    bulk=("*.continuous",),
    containers=("*.spikes",),
)
"""The entry point of the format."""
