"""Intan: ``.rhd`` and ``.rhs``, whole or with one file a signal or channel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from panneuro.core.errors import FormatError
from panneuro.formats.neo_format import Documents, NeoFormat, begins
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source
from panneuro.formats.streams import Kind, Label, Time, slug

_KINDS: tuple[tuple[str, str, Kind], ...] = (
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


def _label(stream: str, _channel: str, _unit: str) -> Label:
    for mark, name, kind in _KINDS:
        if mark.lower() in stream.lower():
            return Label(name, kind=kind, description=stream)
    return Label(slug(stream))


def _check(source: Source) -> list[str]:
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


def _clock(raw: Raw, block: int, segment: int, stream: int, time: Time) -> Time:
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


def _beside(path: Path) -> Iterable[Path]:
    """Return the folder of a recording with one file a signal or channel, named by its header."""
    return path.parent.iterdir() if path.stem.lower() == "info" else ()


def _documents(raw: Raw, source: Source) -> Documents:
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
    if start := _started(source.matching("*.rhd", "*.rhs")[0].resolve()):
        acquisition["session_start"] = start
    return found | {"acquisition": acquisition}


def _started(path: Path) -> str:
    """Return the start that is in a name: Intan writes the computer's time, _YYMMDD_HHMMSS."""
    match = re.search(r"_(\d{6}_\d{6})(?:\.|$|/)", f"{path.parent.name}/{path.name}")
    try:
        return datetime.strptime(match[1], "%y%m%d_%H%M%S").isoformat() if match else ""  # noqa: DTZ007
    except ValueError:
        return ""


reader = NeoFormat(
    "intan",
    "IntanRawIO",
    ("*.rhd", "*.rhs"),
    magic=begins(b"\x02\x27\x91\xc6", b"\xac\x27\x91\xd6"),
    score=0.9,
    label=_label,
    clock=_clock,
    companions=_beside,
    check=_check,
    documents=_documents,
    bulk=("amp-*.dat", "aux-*.dat", "board-*.dat", "amplifier.dat", "auxiliary.dat"),
)
"""The entry point of the format."""
