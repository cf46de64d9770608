"""What was found online, while recording: digital lines, messages, and spikes of the amplifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.formats.rawio import Raw
from panneuro.formats.streams import slug
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table

Online = Callable[[Raw, tuple[int, int], str, float], Iterable[Events | Intervals]]
"""From a reader, a segment, a suffix and a shift in seconds, to what was found online."""


def told_events(
    raw: Raw, part: tuple[int, int], suffix: str, shift: float
) -> Iterator[Events | Intervals]:
    """Yield one signal for each event channel that holds any: moments, or intervals with an end.

    Parameters
    ----------
    raw : Raw
        The parsed reader.
    part : tuple of int
        Block and segment.
    suffix : str
        Set behind every name.
    shift : float
        Seconds to add to every time.
    """
    channels = raw.io.header["event_channels"]
    names = _distinct([slug(str(name)) for name in channels["name"]])
    for index, name in enumerate(names):
        times, durations, labels = raw.io.get_event_timestamps(*part, index)
        if not len(times):
            continue
        seconds = shift + np.asarray(
            raw.io.rescale_event_timestamp(times, dtype="float64", event_channel_index=index)
        )
        said = f"events of the channel {str(channels[index]['name'])!r}"
        if durations is None:
            yield _moments(name + suffix, seconds, labels, said)
        else:
            lasting = raw.io.rescale_epoch_duration(
                durations, dtype="float64", event_channel_index=index
            )
            yield _lasting(name + suffix, seconds, np.asarray(lasting), labels, said)


def _moments(name: str, seconds: Any, labels: Any, said: str) -> Events:
    texts = np.asarray(labels).astype(str)
    if len(texts) != len(seconds):
        texts = np.full(len(seconds), "")
    texts = np.where(texts == "", name, texts)
    trains = {str(text): seconds[texts == text] for text in dict.fromkeys(texts.tolist())}
    return Events.from_trains(name, trains, description=said)


def _lasting(name: str, seconds: Any, durations: Any, labels: Any, said: str) -> Intervals:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "start_time": seconds,
            "stop_time": seconds + durations,
            "label": np.asarray(labels).astype(str),
        }
    )
    frame = frame.sort_values("start_time", kind="stable", ignore_index=True)
    return Intervals(name, lambda: frame, tuple(frame.columns), len(frame), description=said)


def _distinct(names: list[str]) -> list[str]:
    """Number names that occur twice: ``["ttl", "ttl"]`` to ``["ttl", "ttl_2"]``."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct


def spikes(
    raw: Raw, part: tuple[int, int], suffix: str, shift: float, notes: list[str]
) -> Iterator[Events]:
    """Yield the spikes that were detected while recording, as units, if there are any.

    Parameters
    ----------
    raw, part, suffix, shift
        As for `told_events`.
    notes : list of str
        Told how many waveforms remain in the original file.
    """
    channels = raw.io.header["spike_channels"]
    if not len(channels):
        return
    trains = [_train(raw, part, index) + shift for index in range(len(channels))]
    counts = [len(train) for train in trains]
    if not sum(counts):
        return
    names = _distinct([str(name) for name in channels["id"]])
    table = _units(channels, names, counts)
    notes.append(
        f"units{suffix}: {sum(counts):,} spikes of {len(counts)} units were detected while "
        "recording; their waveforms stay in the original file"
    )
    yield Events.from_trains(
        "units" + suffix,
        dict(zip(names, trains, strict=True)),
        table,
        description="spikes detected, and perhaps sorted, while recording",
    )


def _train(raw: Raw, part: tuple[int, int], index: int) -> npt.NDArray[np.float64]:
    found = raw.io.get_spike_timestamps(*part, index)
    if found is None or not len(found):
        return np.empty(0)
    return np.asarray(raw.io.rescale_spike_timestamp(found, dtype="float64"), dtype=np.float64)


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
