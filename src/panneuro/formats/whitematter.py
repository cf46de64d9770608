"""White Matter's wireless head stages: int16 after eight bytes, described by the file's name."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Electrodes
from panneuro.formats.flat import Flat
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.signals.recording import Recording
from panneuro.signals.timeseries import TimeSeries

_NAME = re.compile(
    r"(?P<date>\d{4}_\d{2}_\d{2}__\d{2}_\d{2}_\d{2})_.*?hsamp_(?P<channels>\d{1,5})ch_"
    r"(?P<rate>\d{1,7})sps"
)
_HEADER_BYTES = 8
_VOLTS = 6.25e-3 / 32768
"""Of one count: the head stage's range is 6.25 mV."""


def sniff(source: Source) -> Match:
    """Say how well the source fits, from the file's name alone."""
    for path in source.matching("*.bin"):
        if _NAME.search(path.name):
            return Match(0.9, f"{path.name} is named as White Matter's recorder names files")
    return NO


def read(source: Source) -> Recording:
    """Return the traces of a head stage.

    Raises
    ------
    FormatError
        If the source holds none or several recordings, or one that was cut within a sample.
    """
    found = [path for path in source.matching("*.bin") if _NAME.search(path.name)]
    if len(found) != 1:
        raise FormatError(
            f"reading {str(source.path)!r}: it holds {len(found)} recordings of White Matter",
            hint="name the file of one",
        )
    path = found[0]
    told = _NAME.search(path.name)
    n_channels, rate = (int(told["channels"]), int(told["rate"])) if told else (0, 0)
    size = path.stat().st_size - _HEADER_BYTES
    if not n_channels or not rate or size <= 0 or size % (2 * n_channels):
        raise FormatError(
            f"reading {str(path)!r}: {size:,} bytes of samples do not fit the {n_channels} "
            f"channels and {rate} samples per second of its name",
            hint="copy it again from the recorder under the name it had there",
        )
    shape = (size // (2 * n_channels), n_channels)
    names = tuple(f"CH{channel}" for channel in range(n_channels))
    electrodes = Electrodes()
    raw = TimeSeries(
        "raw",
        Flat(path, np.dtype("<i2"), _HEADER_BYTES, shape),
        "volts",
        rate_hz=float(rate),
        gain=_VOLTS,
        channels=names,
        electrodes=electrodes.rows("headstage", names, np.arange(n_channels)),
        neurodata_type="ElectricalSeries",
        description="wide-band traces of the head stage",
    )
    files = tuple(source.file(p, kept=p != path) for p in source.files)
    start = _start(told["date"]) if told else ""
    notes = (f"the session starts at {start} by the rig's clock, which tells no time zone",)
    documents: dict[str, dict[str, Any]] = {
        "description": {"modalities": ["ecephys"]},
        "acquisition": {"session_start": start} if start else {},
        "instrument": {
            "devices": [
                {"name": "headstage", "kind": "amplifier", "manufacturer": "White Matter LLC"}
            ]
        },
    }
    return Recording(
        "whitematter", (raw, electrodes.table()), files, documents, notes if start else ()
    )


def _start(text: str) -> str:
    try:
        return datetime.strptime(text, "%Y_%m_%d__%H_%M_%S").isoformat()  # noqa: DTZ007
    except ValueError:
        return ""
