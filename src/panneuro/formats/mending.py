"""What neo tells wrongly, or not at all, of formats that are a row in a table."""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from panneuro.core.errors import FormatError
from panneuro.formats.rawio import Raw
from panneuro.formats.source import Source

_TDT_RECORD_WORDS = 10
"""Length of a record of the index that points to no data, in words of four bytes."""

_TDT_RECORD = np.dtype(
    {"names": ["words", "store"], "formats": ["<i4", "S4"], "offsets": [0, 8], "itemsize": 40}
)
"""Of the index: the length of a record with its data, and what it belongs to."""

_TDT_CHANNELS = re.compile(rb"NAME=NumChan;TYPE=\w+;VALUE=(\d+);")
_MOST_TDT_CHANNELS = 0xFFFF
"""Channels have numbers of two bytes."""

_ALPHAOMEGA_BLOCK = struct.Struct("<Hc")
_ALPHAOMEGA_END = 0xFFFF
_ALPHAOMEGA_CONTINUOUS = (1, 1, 0)
"""Analog, an input, and continuous."""


def tdt_place(source: Source) -> Path:
    """Return the one block of a source, or the tank that holds several."""
    blocks = source.matching("*.tsq")
    if not source.path.is_dir():
        raise FormatError(
            f"reading {str(source.path)!r}: it is one file of a recording of several",
            hint=f"name its folder: {str(source.root)!r}",
        )
    return blocks[0] if len(blocks) == 1 else source.path


def check_tdt(source: Source) -> list[str]:
    """Refuse blocks that neo would leave out or not find, for want of a file or by their name."""
    blocks = source.matching("*.tsq")
    for index in blocks:
        lacking = [
            name
            for name in (f"{index.stem}.Tbk", f"{index.stem}.tev", f"{index.stem}.Tdx")
            if not _is_beside(index, name, exact=name.endswith(".Tbk"))
        ]
        if lacking:
            raise FormatError(
                f"reading {str(index)!r}: there is no {lacking[0]!r} beside it",
                hint="copy the whole block from the rig, with the names that it has there",
            )
        _check_channels(index.with_suffix(".Tbk"))
        _check_data(index)
        expected = f"{source.path.name}_{index.parent.name}.tsq"
        if len(blocks) > 1 and index.name != expected:
            raise FormatError(
                f"reading {str(source.path)!r}: {source.name(index)!r} is not called {expected!r}, "
                "after its tank and block",
                hint="give folders and files the names that they had on the rig, or add each block "
                "by itself",
            )
    return []


def _check_channels(path: Path) -> None:
    """Refuse more channels than there can be, each of which neo would look for."""
    told = max(map(int, _TDT_CHANNELS.findall(path.read_bytes())), default=0)
    if told > _MOST_TDT_CHANNELS:
        raise FormatError(
            f"reading {str(path)!r}: it tells of {told:,} channels",
            hint="copy it again from the rig",
        )


def _check_data(index: Path) -> None:
    """Refuse an empty file of data, which neo cannot open, and say what should be in it."""
    data = index.with_suffix(".tev")
    if not data.is_file() or data.stat().st_size:
        return
    records = np.fromfile(index, _TDT_RECORD)
    pointing = records[records["words"] > _TDT_RECORD_WORDS]
    stores = {name.decode("latin-1") for name in np.unique(pointing["store"]).tolist()}
    files = [path.stem.lower() for path in index.parent.iterdir() if path.suffix == ".sev"]
    apart = {store for store in stores if any(f"_{store}_ch".lower() in file for file in files)}
    if stores - apart:
        raise FormatError(
            f"reading {str(data)!r}: it is empty, and {index.name!r} tells of data in it: "
            f"{', '.join(map(repr, sorted(stores - apart)))}",
            hint="copy it again from the rig",
        )
    raise FormatError(
        f"reading {str(data)!r}: it is empty, as {index.name!r} says, and neo, which reads TDT, "
        "opens no empty file",
        hint=f"write one byte into it in a copy of the block: printf 0 > {shlex.quote(data.name)}",
    )


def _is_beside(path: Path, name: str, *, exact: bool) -> bool:
    names = [other.name for other in path.parent.iterdir()]
    return name in names if exact else name.lower() in map(str.lower, names)


def mend_tdt(raw: Raw) -> list[str]:
    """Take the values of events for the numbers that they are; neo takes them for integers."""
    read = raw.io._get_event_timestamps

    def timestamps(*asked: Any) -> tuple[Any, Any, Any]:
        moments, durations, labels = read(*asked)
        values = np.asarray(labels).astype(np.int64).view(np.float64)
        return moments, durations, np.array([f"{value:g}" for value in values], dtype=str)

    raw.io._get_event_timestamps = timestamps
    kinds = {np.dtype(kind).kind for kind in raw.io.header["signal_channels"]["dtype"]}
    told = "TDT files do not tell the unit of their streams: floats are taken for microvolts"
    return [f"{told}, as neo does, and many rigs store volts"] if "f" in kinds else []


def tdt_documents(raw: Raw, _source: Source) -> dict[str, dict[str, Any]]:
    """Return when the first block began, which its index tells in seconds since 1970."""
    began = datetime.fromtimestamp(float(raw.io._global_t_start), UTC)
    return {"acquisition": {"session_start": began.isoformat()}}


def tdt_keeps(raw: Raw) -> Mapping[Path, bool]:
    """Tell whether ``.tev`` files hold more than the samples of streams, such as waveforms."""
    streams = raw.io.header["signal_streams"]["name"].astype("S4")
    kept = {}
    for data, index in zip(raw.io._tev_datas, raw.io._tsq, strict=True):
        pointing = index[index["size"] > _TDT_RECORD_WORDS]
        if data is not None:
            kept[Path(data.filename)] = not np.isin(pointing["evname"], streams).all()
    return kept


def mend_axona(raw: Raw) -> list[str]:
    """Number channels by their tetrode; neo takes the tetrodes for consecutive ones."""
    if not raw.io.bin_file:
        return []
    tetrodes = raw.io.get_active_tetrode()
    recorded, gains = raw.io._get_active_channels(), raw.io._get_channel_gain()
    rows, read = raw.io.header["signal_channels"], raw.io._get_analogsignal_chunk
    rows["name"] = [f"{tetrode}{letter}" for tetrode in tetrodes for letter in "abcd"]
    rows["id"] = [str(channel) for channel in recorded]
    rows["gain"] = [gains[channel] for channel in recorded]

    def chunk(block: int, segment: int, first: Any, last: Any, stream: int, columns: Any) -> Any:
        asked = recorded[slice(None) if columns is None else columns]
        return read(block, segment, first, last, stream, asked)

    raw.io._get_analogsignal_chunk = chunk
    return []


def check_axona(source: Source) -> list[str]:
    """Tell which files stay as they are, for nobody reads them here."""
    beside = {path for one in source.matching("*.set") for path in one.parent.glob(f"{one.stem}.*")}
    left = sorted(path.name for path in beside if path.suffix[1:4] in ("eeg", "egf", "pos"))
    return [f"kept as they are, not read: {', '.join(left)}"] if left else []


def mend_micromed(raw: Raw) -> list[str]:
    """Give events the time of their sample; neo gives those after a gap that of another."""
    parts = raw.io.info_segments
    for events in raw.io._raw_events:
        for part, (begins, place) in enumerate(parts):
            moved = np.array(events[part])
            ahead = begins - place - parts[0][0]
            for name in {"start", "stop"} & {*(moved.dtype.names or ())}:
                moved[name] += ahead
            events[part] = moved
    return []


def check_alphaomega(source: Source) -> list[str]:
    """Refuse files whose blocks do not follow each other to the end: neo would stay at one."""
    for path in source.matching("*.mpx"):
        place, size = 0, path.stat().st_size
        with path.open("rb") as file:
            while place + _ALPHAOMEGA_BLOCK.size <= size:
                file.seek(place)
                length, _ = _ALPHAOMEGA_BLOCK.unpack(file.read(_ALPHAOMEGA_BLOCK.size))
                if length == _ALPHAOMEGA_END or length < _ALPHAOMEGA_BLOCK.size:
                    break
                place += length
            else:
                length = 0
        if length != _ALPHAOMEGA_END:
            raise FormatError(
                f"reading {str(path)!r}: it is damaged at its byte {place:,}, or ends there",
                hint="copy it again from the rig",
            )
    return []


def mend_alphaomega(raw: Raw) -> list[str]:
    """Scale as the maker says, by resolution over gain; neo has it the other way round."""
    channels = {
        str(number): channel
        for segment in raw.io._segments
        for stream in segment["streams"].values()
        for number, channel in stream.items()
    }
    rows = raw.io.header["signal_channels"]
    with np.errstate(divide="ignore"):
        rows["gain"] = [
            np.float64(channels[number]["bit_resolution"]) / channels[number]["gain"]
            for number in rows["id"]
        ]
    _check_gaps(raw)
    _rescale_spikes(raw)
    left = _left_out(raw)
    told = f"kept as they are, where they hold samples, and not read: {', '.join(left)}"
    return [told] if left else []


def _check_gaps(raw: Raw) -> None:
    """Refuse channels that lack samples, where neo would return what lay in memory."""
    for segment in raw.io._segments:
        for channel in (c for stream in segment["streams"].values() for c in stream.values()):
            blocks = sorted(block for blocks in channel["positions"].values() for block in blocks)
            for (first, _, size), (following, *_) in pairwise(blocks):
                if first + size != following:
                    raise FormatError(
                        f"reading {raw.what!r}: the channel {channel['name']!r} ends at its sample "
                        f"{first + size:,} and goes on at {following:,}",
                        hint="samples were lost on the rig, or a file between two others is not "
                        "there: copy all of them",
                    )


def _rescale_spikes(raw: Raw) -> None:
    """Count spikes by the exact rate; neo cuts it to a whole number."""
    channels = raw.io.header["spike_channels"]
    if len(channels):
        rate = float(channels["wf_sampling_rate"][0])
        raw.io._rescale_spike_timestamp = lambda stamps, dtype: stamps.astype(dtype) / rate


def _left_out(raw: Raw) -> list[str]:
    """Return the continuous channels that have names of one's own, which neo leaves out."""
    known = tuple(prefix for _, prefix, _ in raw.io.STREAM_CHANNELS)
    return sorted({name for name in _defined(raw) if not name.startswith(known)})


def _defined(raw: Raw) -> Iterator[str]:
    """Yield the names of all continuous channels that are defined before the first sample."""
    from neo.rawio import alphaomegarawio as layout

    for path in raw.io._mpx_files:
        with path.open("rb") as file:
            place, length, kind = 0, 0, b"h"
            while kind != b"5" and length != _ALPHAOMEGA_END:
                place += length
                file.seek(place)
                length, kind = layout.HeaderType.unpack(file.read(layout.HeaderType.size))
                if kind != b"2":
                    continue
                _, *what = layout.Type2DataBlock.unpack(file.read(layout.Type2DataBlock.size))
                mode, *_ = layout.SDefAnalog.unpack(file.read(layout.SDefAnalog.size))
                if (*what[:2], mode) == _ALPHAOMEGA_CONTINUOUS:
                    file.seek(layout.SDefContinAnalog.size, 1)
                    yield layout.get_name(file, length - 38)


def alphaomega_keeps(raw: Raw) -> Mapping[Path, bool]:
    """Tell whether files hold more than becomes signals: waveforms, streams, other channels."""
    more = _left_out(raw) or any(
        segment[what]
        for segment in raw.io._segments
        for what in ("spikes", "ao_events", "stream_data")
    )
    return dict.fromkeys(raw.io._mpx_files, True) if more else {}
