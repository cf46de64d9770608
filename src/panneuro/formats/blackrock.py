"""Blackrock: ``.ns1`` to ``.ns6`` and ``.nev`` of one stem."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from panneuro.core.errors import FormatError
from panneuro.formats.neo_format import Documents, NeoFormat, begins, same_stem, told_by_neo
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Label, slug


def _path(source: Source) -> Path:
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


def _check(source: Source) -> list[str]:
    stem = _path(source)
    others = [p for p in source.matching("*.nev") if p.with_suffix("") != stem]
    return [
        f"{source.name(path)} holds another sorting of the same recording; it is kept, not read"
        for path in others
    ]


def _label(stream: str, channel: str, _unit: str) -> Label:
    band = slug(stream).replace("nsx", "ns")
    if channel.lower().startswith("ainp"):
        return Label(f"{band}_analog", description="analogue inputs of the processor")
    return Label(band, kind="electrodes")


def _documents(raw: Raw, source: Source) -> Documents:
    found = told_by_neo(raw, source)
    if start := found.get("acquisition", {}).get("session_start"):
        # The format defines its time of origin in UTC.
        at = datetime.fromisoformat(start).replace(tzinfo=UTC)
        found["acquisition"]["session_start"] = at.isoformat()
    made = {"name": "Blackrock processor", "kind": "amplifier", "manufacturer": "Blackrock"}
    return found | {"instrument": {"devices": [made]}}


reader = NeoFormat(
    "blackrock",
    "BlackrockRawIO",
    ("*.ns?", "*.nev"),
    magic=begins(b"NEURALSG", b"NEURALCD", b"NEURALEV", b"BRSMPGRP", b"BREVENTS"),
    score=0.9,
    keywords={"gap_tolerance_ms": 0.0},
    locate=_path,
    companions=same_stem,
    label=_label,
    check=_check,
    documents=_documents,
    bulk=("*.ns[1-9]",),
    containers=("*.nev",),
)
"""The entry point of the format."""
