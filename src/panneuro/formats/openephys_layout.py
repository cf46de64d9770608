"""Where Open Ephys keeps what: ``structure.oebin``, and the folders and names in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from panneuro.core.errors import FormatError
from panneuro.formats.rawio import Raw
from panneuro.formats.source import within
from panneuro.formats.streams import slug

_MAX_STRUCTURE_BYTES = 64 << 20
_STREAM = re.compile(r"^(?:.*#)?(?P<processor>.+?)-(?P<node>\d+)\.(?P<stream>.+?)(?:_?SYNC|_ADC)?$")
_PROBE = re.compile(r"^(?P<probe>.+?)[-_ ]?(?P<band>AP|LFP)?$")


def structure(path: Path) -> dict[str, Any]:
    """Return what a ``structure.oebin`` says.

    Raises
    ------
    FormatError
        If it is too long, is not the JSON that Open Ephys writes, or names folders elsewhere.
    """
    size = path.stat().st_size
    if size > _MAX_STRUCTURE_BYTES:
        raise FormatError(
            f"reading {str(path)!r}: {size:,} bytes, where Open Ephys writes less than "
            f"{_MAX_STRUCTURE_BYTES:,}",
            hint="copy it again from the rig",
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        streams = [(s["folder_name"], s["channels"], s["sample_rate"]) for s in found["continuous"]]
        of_events = [str(e.get("folder_name", "")) for e in found.get("events", ())]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"reading {str(path)!r}: it is not what Open Ephys writes "
            f"({type(error).__name__}: {error})",
            hint="copy it again from the rig",
        ) from error
    for folder in (*(str(folder) for folder, _, _ in streams), *of_events):
        within(path.parent, folder, told=repr(str(path)))
    for folder, channels, _ in streams:
        if not channels:
            raise FormatError(
                f"reading {str(path)!r}: the stream {folder!r} has no channels",
                hint="copy it again from the rig",
            )
    return found  # type: ignore[no-any-return]


def named(stream: str, channel: str) -> tuple[str, str, str]:
    """Return the processor, the device and, for Neuropixels, the band of a stream."""
    match = _STREAM.match(stream)
    processor, name = (match["processor"], match["stream"]) if match else (stream, stream)
    if not processor.startswith(("Neuropix", "OneBox")):
        return processor, slug(name if not name.isdigit() else processor), ""
    parts = _PROBE.match(name)
    probe, band = (parts["probe"], parts["band"]) if parts else (name, None)
    if probe.isdigit():
        # Before version 0.6 streams were numbered, the two bands of a probe one after the other.
        probe = f"Probe{chr(ord('A') + int(probe) // 2 % 26)}"
    lfp = band == "LFP" or channel.startswith("LFP")
    return processor, slug(probe), "lf" if lfp else "ap"


def data_file(raw: Raw, block: int, segment: int, stream: int) -> Path:
    """Return the ``continuous.dat`` of a stream."""
    buffer = raw.io.header["signal_streams"][stream]["buffer_id"]
    described = raw.io.get_analogsignal_buffer_description(block, segment, buffer)
    return Path(described["file_path"])


def recording(raw: Raw, part: tuple[int, int]) -> Path:
    """Return the folder of a recording, by neo's block and segment."""
    return data_file(raw, *part, 0).parents[2]


def recordings(raw: Raw, part: tuple[int, int]) -> list[Path]:
    """Return the folder that each record node wrote."""
    count = len(raw.io.header["signal_streams"])
    return list(dict.fromkeys(data_file(raw, *part, i).parents[2] for i in range(count)))
