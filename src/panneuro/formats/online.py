"""What was found online, while recording: digital lines, messages, and spikes of the amplifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.formats.rawio import Raw
from panneuro.formats.streams import slug
from panneuro.signals.arrays import Sliced
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

Shift = tuple[float, str]
"""For one segment: seconds to add to its times, and what to set behind its signals' names."""

Online = Callable[[Raw, list[Shift]], Iterable[Events | Intervals]]
"""From a reader and the shift of each segment to what was found online."""

_BLOCK_ROWS = 1 << 20
_MAX_LINES_BYTES = 1 << 30

_SELDOM = 4
"""Words that take at most one in so many of their bytes as changes are kept so."""


def told_events(raw: Raw, shifts: list[Shift]) -> Iterator[Events | Intervals]:
    """Yield a signal for each event channel of neo: moments, or intervals with an end.

    Parameters
    ----------
    raw : Raw
        The parsed reader.
    shifts : list of Shift
        One a segment; a channel's events of all segments are one signal.
    """
    channels = raw.io.header["event_channels"]
    names = distinct([slug(str(name)) for name in channels["name"]])
    for index, name in enumerate(names):
        seconds, durations, labels = _merged(raw, shifts, index)
        if not len(seconds):
            continue
        said = f"events of the channel {str(channels[index]['name'])!r}"
        if durations is None:
            yield moments(name, seconds, labels, said)
        else:
            yield _lasting(name, seconds, durations, labels, said)


def _merged(raw: Raw, shifts: list[Shift], index: int) -> tuple[Any, Any, Any]:
    times, durations, labels = [np.empty(0)], [], [np.empty(0, dtype="U1")]
    for part, (shift, _) in zip(raw.parts, shifts, strict=True):
        found, lasting, said = raw.io.get_event_timestamps(*part, index)
        if not len(found):
            continue
        seconds = raw.io.rescale_event_timestamp(found, dtype="float64", event_channel_index=index)
        times.append(np.asarray(seconds, dtype=np.float64) + shift)
        labels.append(_texts(said, len(found)))
        if lasting is not None:
            scaled = raw.io.rescale_epoch_duration(
                lasting, dtype="float64", event_channel_index=index
            )
            durations.append(np.asarray(scaled, dtype=np.float64))
    lasts = np.concatenate(durations) if durations else None
    return np.concatenate(times), lasts, np.concatenate(labels)


def _texts(labels: Any, count: int) -> Any:
    texts = np.asarray(labels).astype(str)
    return texts if len(texts) == count else np.full(count, "")


def moments(name: str, seconds: Any, labels: Any, said: str) -> Events:
    """Return events with one unit for each label, in order of their first appearance."""
    texts = np.where(labels == "", name, labels)
    trains = {str(text): seconds[texts == text] for text in dict.fromkeys(texts.tolist())}
    return Events.from_trains(name, trains, description=said)


def _lasting(name: str, seconds: Any, durations: Any, labels: Any, said: str) -> Intervals:
    import pandas as pd

    frame = pd.DataFrame({"start_time": seconds, "stop_time": seconds + durations, "label": labels})
    frame = frame.sort_values("start_time", kind="stable", ignore_index=True)
    return Intervals(name, lambda: frame, tuple(frame.columns), len(frame), description=said)


def distinct(names: list[str]) -> list[str]:
    """Number names that occur again.

    Examples
    --------
    >>> distinct(["ttl", "messages", "ttl"])
    ['ttl', 'messages', 'ttl_2']
    """
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def digital(signal: TimeSeries, notes: list[str]) -> Iterator[TimeSeries | Events]:
    """Yield digital words, and the edges of every line of them, if there are any.

    Words that seldom change are kept as their changes: they often lie between the samples of many
    channels, all of which would have to be read for them again.

    Parameters
    ----------
    signal : TimeSeries
        Digital words, times × channels; bit k of a channel is line k.
    notes : list of str
        Told if the signal is too long to be searched while it is opened.
    """
    if signal.n_bytes > _MAX_LINES_BYTES:
        notes.append(f"{signal.name}: too long to be searched for edges when it is opened")
        yield signal
        return
    found = _changes(signal)
    size = sum(changes.rows.nbytes + changes.words.nbytes for changes in found)
    if _SELDOM * size <= signal.n_bytes:
        read = partial(_unrolled, found, signal.data.dtype)
        yield replace(signal, data=Sliced(signal.data.shape, signal.data.dtype, read))
    else:
        yield signal
    trains: dict[Any, npt.ArrayLike] = {}
    for channel, changes in enumerate(found):
        trains |= _edges(signal, channel, changes)
    if trains:
        said = f"edges of the digital lines in {signal.name}"
        ordered = dict(sorted(trains.items()))
        yield Events.from_trains(f"{signal.name}_lines", ordered, description=said)


@dataclass(frozen=True)
class _Changes:
    """The rows where a word becomes another, the first among them, and what it becomes."""

    rows: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]


def _changes(signal: TimeSeries) -> list[_Changes]:
    """Return the changes of each channel; the words are read once, block by block."""
    rows: list[list[Any]] = [[np.empty(0, np.int64)] for _ in range(signal.n_channels)]
    words: list[list[Any]] = [[np.empty(0, np.int64)] for _ in range(signal.n_channels)]
    before: Any = None
    for first in range(0, len(signal), _BLOCK_ROWS):
        block = np.asarray(signal.data[first : first + _BLOCK_ROWS]).astype(np.int64)
        is_new = np.ones(block.shape, bool)
        np.not_equal(block[1:], block[:-1], out=is_new[1:])
        if before is not None:
            is_new[0] = block[0] != before
        before = block[-1]
        for channel in range(signal.n_channels):
            changed = np.flatnonzero(is_new[:, channel])
            rows[channel].append(first + changed)
            words[channel].append(block[changed, channel])
    return [_Changes(*map(np.concatenate, pair)) for pair in zip(rows, words, strict=True)]


def _unrolled(
    found: list[_Changes], dtype: np.dtype[Any], start: int, stop: int
) -> npt.NDArray[Any]:
    """Return the words in some rows, times × channels."""
    block = np.empty((stop - start, len(found)), dtype)
    for channel, changes in enumerate(found if stop > start else ()):
        first = np.searchsorted(changes.rows, start, "right") - 1
        last = np.searchsorted(changes.rows, stop)
        begins = np.maximum(changes.rows[first:last], start)
        block[:, channel] = np.repeat(changes.words[first:last], np.diff(begins, append=stop))
    return block


def _edges(
    signal: TimeSeries, channel: int, changes: _Changes
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield the name and the times of the edges of each line of a channel."""
    name = signal.channels[channel] if signal.channels else f"word {channel}"
    words, before = changes.words[1:], changes.words[:-1]
    times = signal.start_s + changes.rows[1:] / (signal.rate_hz or 1.0)
    for bit in range(8 * signal.data.dtype.itemsize):
        for word, level in (("on", 1), ("off", 0)):
            hit = ((words ^ before) >> bit & 1 == 1) & (words >> bit & 1 == level)
            if hit.any():
                yield f"{name} line {bit} {word}", times[hit]


def spikes(
    raw: Raw, shifts: list[Shift], span: tuple[float, float] | None, notes: list[str]
) -> Iterator[Events]:
    """Yield the spikes that were detected while recording, as units, if there are any.

    Parameters
    ----------
    raw, shifts
        As for `told_events`.
    span : tuple of float, optional
        The seconds to ask neo for; everything where not given.
    notes : list of str
        Told how many waveforms remain in the original file.
    """
    channels = raw.io.header["spike_channels"]
    trains = [_train(raw, shifts, index, span) for index in range(len(channels))]
    counts = [len(train) for train in trains]
    if not sum(counts):
        return
    names = _unit_names(channels)
    notes.append(
        f"units: {sum(counts):,} spikes of {len(counts)} "
        f"{'unit' if len(counts) == 1 else 'units'} were detected while recording; "
        "their waveforms stay in the original file"
    )
    said = "spikes detected, and perhaps sorted, while recording"
    found: dict[Any, npt.ArrayLike] = dict(zip(names, trains, strict=True))
    yield Events.from_trains("units", found, _units(channels, names, counts), description=said)


def _unit_names(channels: Any) -> list[str]:
    for key in ("name", "id"):
        names = [str(name) for name in channels[key]]
        if len(set(names)) == len(names):
            return names
    return distinct([str(name) for name in channels["name"]])


def _train(
    raw: Raw, shifts: list[Shift], index: int, span: tuple[float, float] | None
) -> npt.NDArray[np.float64]:
    trains = [np.empty(0)]
    for part, (shift, _) in zip(raw.parts, shifts, strict=True):
        found = raw.io.get_spike_timestamps(*part, index, *(span or (None, None)))
        if found is not None and len(found):
            seconds = raw.io.rescale_spike_timestamp(found, dtype="float64")
            trains.append(np.asarray(seconds, dtype=np.float64) + shift)
    return np.concatenate(trains)


def _units(channels: Any, names: list[str], counts: list[int]) -> Table:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "unit_name": names,
            "channel_name": [str(name) for name in channels["name"]],
            "n_spikes": counts,
            "quality": "online",
        }
    )
    return Table.from_frame("units", frame, description="one row a unit found while recording")
