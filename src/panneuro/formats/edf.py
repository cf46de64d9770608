"""EDF, EDF+ and BDF: EEG, ECoG and polysomnography, with annotations.

BDF is EDF with samples of 24 bits: `BioSemi's description
<https://www.biosemi.com/faq/file_format.htm>`_.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats.electrodes import Electrodes
from panneuro.formats.flat import Flat
from panneuro.formats.rawio import Columnar
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import scaled, slug, to_si
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

_FIXED = 256
_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
"""Bytes of each field of a channel: label, transducer, unit, four limits, filter, samples, rest."""
_MAX_CHANNELS = 10_000
_MAX_RECORD_BYTES = 1 << 30
_PIECE_SAMPLES = 1 << 20
"""Records of more samples are not read whole where a part of one is wanted."""
_NOTES = ("EDF Annotations", "BDF Annotations")
_BEGINS = {b"0       ": 2, b"\xffBIOSEMI": 3}
"""How files begin, with the bytes of a sample."""
_PATTERNS = ("*.edf", "*.bdf")
_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15(\d{1,12}(?:\.\d{0,12})?))?\x14([^\x00]*)")


@dataclass(frozen=True)
class Channel:
    """What the header says of one channel.

    Parameters
    ----------
    label, unit : str
        As written.
    gain, offset : float
        From stored to physical values in `unit`.
    n_samples : int
        In each record.
    first : int
        Place of its first sample within a record.
    """

    label: str
    unit: str
    gain: float
    offset: float
    n_samples: int
    first: int


@dataclass(frozen=True)
class Header:
    """What the header says of the whole file."""

    patient: str
    start: str
    kind: str
    n_records: int
    record_s: float
    channels: tuple[Channel, ...]
    sample_bytes: int

    @property
    def record_length(self) -> int:
        """Samples of all channels in a record."""
        return sum(channel.n_samples for channel in self.channels)

    @property
    def n_bytes(self) -> int:
        """Length of the header."""
        return _FIXED * (1 + len(self.channels))


def sniff(source: Source) -> Match:
    """Say how well the source fits."""
    for path in source.matching(*_PATTERNS):
        if width := _BEGINS.get(source.head(path, 8)):
            what = "EDF, the European Data Format" if width == 2 else "BDF, EDF of 24 bits"
            return Match(0.9, f"{path.name} is {what}")
    return NO


def read(source: Source) -> Recording:
    """Return one signal for each rate and unit, and the annotations.

    Raises
    ------
    FormatError
        If the header cannot be right, or the file ends within a record.
    """
    found = source.matching(*_PATTERNS)
    if len(found) != 1:
        raise FormatError(
            f"reading {str(source.path)!r}: it holds {len(found)} EDF or BDF files",
            hint="name the file of one recording",
        )
    path = found[0]
    notes: list[str] = []
    header = _header(path)
    records = _records(path, header, notes)
    onsets, annotations = _annotations(header, records)
    electrodes = Electrodes()
    made: list[Signal] = list(_signals(header, records, onsets, electrodes))
    made += [annotations] if annotations else []
    if not made:
        raise FormatError(f"reading {str(path)!r}: it holds no signal", hint="copy it again")
    if len(electrodes):
        made.append(electrodes.table())
    files = tuple(source.file(p, kept=p != path) for p in source.files)
    if header.start:
        notes.append(
            f"the session starts at {header.start} by the rig's clock, which tells no time zone"
        )
    return Recording("edf", tuple(made), files, _documents(header), tuple(notes))


def _header(path: Path) -> Header:
    with path.open("rb") as stream:
        fixed = stream.read(_FIXED)
        try:
            count = int(fixed[252:256])
            n_records, record_s = int(fixed[236:244]), float(fixed[244:252])
            if not (0 < count <= _MAX_CHANNELS and 0 < record_s < 1e6 and n_records >= -1):
                raise ValueError(f"{count} channels, {n_records} records of {record_s} s")
            channels = tuple(_channels(stream.read(_FIXED * count), count))
        except (ValueError, OverflowError) as error:
            raise FormatError(
                f"reading {str(path)!r}: its header cannot be right ({error})",
                hint="copy the file again",
            ) from error
    text = fixed.decode("latin-1")
    patient, kind = text[8:88].strip(), text[192:236].strip()
    width = _BEGINS.get(fixed[:8], 2)
    return Header(patient, _start(text[168:184]), kind, n_records, record_s, channels, width)


def _channels(block: bytes, count: int) -> Iterator[Channel]:
    if len(block) != _FIXED * count:
        raise ValueError("it ends within the list of channels")
    columns, place, first = [], 0, 0
    for width in _FIELDS:
        columns.append([block[place + i * width : place + (i + 1) * width] for i in range(count)])
        place += width * count
    for label, _, unit, low, high, least, most, _, length, _ in zip(*columns, strict=True):
        p_low, p_high, d_low, d_high = (float(value) for value in (low, high, least, most))
        n_samples = int(length)
        if not 0 < n_samples < 1 << 28 or d_high == d_low:
            raise ValueError(f"channel {label!r} has {n_samples} samples of {d_low} to {d_high}")
        gain = (p_high - p_low) / (d_high - d_low)
        offset = p_low - d_low * gain
        if not np.isfinite([gain, offset]).all():
            raise ValueError(f"channel {label!r} has limits that are not finite")
        name, called = (text.decode("latin-1").strip() for text in (label, unit))
        yield Channel(name, called, gain, offset, n_samples, first)
        first += n_samples


def _start(text: str) -> str:
    try:
        return datetime.strptime(text, "%d.%m.%y%H.%M.%S").isoformat()  # noqa: DTZ007
    except ValueError:
        return ""


def _records(path: Path, header: Header, notes: list[str]) -> Flat:
    """Return where every sample is: records × samples, which of 24 bits are three plain bytes."""
    row = header.sample_bytes * header.record_length
    size = path.stat().st_size - header.n_bytes
    if row > _MAX_RECORD_BYTES or size < row or size % row:
        raise FormatError(
            f"reading {str(path)!r}: its {max(size, 0):,} bytes of samples are not a whole number "
            f"of records of {row:,} bytes",
            hint="copy the file again; it ends within a record",
        )
    count = size // row
    if header.n_records not in (-1, count):
        notes.append(
            f"{path.name} holds {count:,} of the {header.n_records:,} records that its header "
            "announces"
        )
    sample = np.dtype("<i2" if header.sample_bytes == 2 else "V3")
    return Flat(path, sample, header.n_bytes, (count, header.record_length))


def _annotations(header: Header, records: Flat) -> tuple[npt.NDArray[np.float64], Intervals | None]:
    """Return when each record begins, by the clock of what was annotated, and that."""
    import pandas as pd

    rows: list[tuple[float, float, str]] = []
    onsets: npt.NDArray[np.float64] = (
        np.arange(records.shape[0], dtype=np.float64) * header.record_s
    )
    noted = [channel for channel in header.channels if channel.label in _NOTES]
    for place, channel in enumerate(noted):
        for number, record in enumerate(_said(records, channel)):
            for index, (onset, lasts, said) in enumerate(_TAL.findall(record)):
                texts = [text.decode("utf-8", "replace") for text in said.split(b"\x14") if text]
                if index == 0 and place == 0 and not texts:
                    onsets[number] = float(onset)
                until = float(onset) + float(lasts or 0)
                rows.extend((float(onset), until, text) for text in texts)
    frame = pd.DataFrame(sorted(rows), columns=["start_time", "stop_time", "label"])
    said_of = "annotations of the EDF file"
    annotations = Intervals(
        "annotations", lambda: frame, tuple(frame.columns), len(frame), description=said_of
    )
    return onsets, annotations if rows else None


def _said(records: Flat, channel: Channel) -> Iterator[bytes]:
    """Yield what a channel of annotations holds in each record."""
    count, length = records.shape
    step = max(1, _PIECE_SAMPLES // channel.n_samples)
    for at in range(0, count, step):
        firsts = [r * length + channel.first for r in range(at, min(at + step, count))]
        found = records.runs([(first, first + channel.n_samples) for first in firsts])
        yield from (record.tobytes() for record in found.reshape(len(firsts), -1))


def _signals(
    header: Header,
    records: Flat,
    onsets: npt.NDArray[np.float64],
    electrodes: Electrodes,
) -> Iterator[TimeSeries]:
    is_paused = header.kind.startswith(("EDF+D", "BDF+D"))
    groups: dict[tuple[int, str, bool], list[Channel]] = {}
    for channel in header.channels:
        if channel.label not in _NOTES:
            unit = to_si(channel.unit)[0]
            key = (channel.n_samples, unit, unit == "volts" and _on_head(channel.label))
            groups.setdefault(key, []).append(channel)
    taken: dict[str, int] = {}
    kept = np.dtype(np.int16 if header.sample_bytes == 2 else np.int32)
    for (n_samples, unit, on_head), channels in groups.items():
        together = "auxiliary" if unit == "volts" else slug(unit)
        alone = slug(channels[0].label)
        name = "eeg" if on_head else alone if len(channels) == 1 else together
        taken[name] = taken.get(name, 0) + 1
        name = name if taken[name] == 1 else f"{name}_{taken[name]}"
        names = tuple(channel.label for channel in channels)
        firsts = np.array([channel.first for channel in channels])
        rate = n_samples / header.record_s
        powers = [to_si(channel.unit)[1] for channel in channels]
        pairs = list(zip(channels, powers, strict=True))
        yield TimeSeries(
            name,
            Columnar(
                records.shape[0] * n_samples, firsts, kept, partial(_read, records, n_samples)
            ),
            unit,
            rate_hz=None if is_paused else rate,
            start_s=0.0 if is_paused else float(onsets[0]),
            timestamps=_stamps(onsets, n_samples, rate) if is_paused else None,
            gain=np.array([scaled(channel.gain, power) for channel, power in pairs]),
            offset=np.array([scaled(channel.offset, power) for channel, power in pairs]),
            channels=names,
            electrodes=electrodes.rows("", names, np.arange(len(names))) if on_head else (),
            neurodata_type="ElectricalSeries" if on_head else "TimeSeries",
        )


def _on_head(label: str) -> bool:
    """Say whether a channel is on or in the head, not on heart, muscle, eye or chest."""
    return not re.match(r"(?i)(ecg|ekg|emg|eog|resp|pleth|spo2|dc\d|trig|stat|mark)", label)


def _stamps(
    onsets: npt.NDArray[np.float64], n_samples: int, rate_hz: float
) -> npt.NDArray[np.float64]:
    return np.asarray((onsets[:, None] + np.arange(n_samples) / rate_hz).ravel(), dtype=np.float64)


def _read(
    records: Flat, n: int, start: int, stop: int, firsts: npt.NDArray[np.int64]
) -> npt.NDArray[np.integer[Any]]:
    """Return samples of channels, each of which has `n` in every record."""
    low, high = start // n, -(-stop // n)
    length = records.shape[1]
    if length > _PIECE_SAMPLES:
        spans = [
            (record * length + first + begin, record * length + first + end)
            for first in firsts.tolist()
            for record in range(low, high)
            for begin, end in [(max(start - record * n, 0), min(stop - record * n, n))]
        ]
        return _whole(records.runs(spans)).reshape(len(firsts), -1).T
    found = np.empty((len(firsts), high - low, n), records.dtype)
    step = _PIECE_SAMPLES // length
    for at in range(low, high, step):
        piece = records.rows(at, min(at + step, high))
        for samples, first in zip(found, firsts, strict=True):
            samples[at - low : at - low + len(piece)] = piece[:, first : first + n]
    span = slice(start - low * n, stop - low * n)
    return _whole(found.ravel()).reshape(len(firsts), -1)[:, span].T


def _whole(samples: npt.NDArray[Any]) -> npt.NDArray[np.integer[Any]]:
    """Return the integers that little-endian samples of two or three bytes are."""
    if samples.dtype.kind == "i":
        return samples
    wide = np.zeros((len(samples), 4), np.uint8)
    # In the upper three bytes, so that the shift back keeps the sign.
    wide[:, 1:] = samples.view(np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0] >> 8


def _documents(header: Header) -> dict[str, dict[str, Any]]:
    code, *rest = [*header.patient.split(), ""]
    subject: dict[str, Any] = {"id": code} if code not in ("", "X") else {}
    if rest and rest[0] in ("M", "F"):
        subject["sex"] = rest[0]
    return {
        "description": {"modalities": ["eeg"]},
        "subject": subject,
        "acquisition": {"session_start": header.start} if header.start else {},
    }
