"""Neuralynx: continuous channels, spikes and events, each in a file."""

from __future__ import annotations

from typing import Any

from panneuro.formats.neo_format import Documents, NeoFormat, begins, electrodes
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source


def _documents(raw: Raw, _source: Source) -> Documents:
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


reader = NeoFormat(
    "neuralynx",
    "NeuralynxRawIO",
    ("*.ncs", "*.nse", "*.ntt", "*.nev"),
    takes="dirname",
    flat=True,
    magic=begins(b"######## Neuralynx"),
    score=0.9,
    # Every gap begins a new segment; nothing between is invented and nothing is dropped.
    keywords={"gap_tolerance_ms": 0.0, "keep_original_times": True},
    label=electrodes("csc"),
    documents=_documents,
    counts_from_start=True,
    bulk=("*.ncs",),
    containers=("*.nse", "*.ntt", "*.nev", "*.nvt"),
)
"""The entry point of the format."""
