"""Behaviour and anything else in tables: trials, traces over time, or plain rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import FormatError
from panneuro.formats.described import Description, of
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import slug
from panneuro.formats.tables import ENDINGS, read_frames
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

STARTS_AND_STOPS = (
    ("start_time", "stop_time"),
    ("start_time", "end_time"),
    ("intervals_0", "intervals_1"),
    ("trial_start", "trial_stop"),
    ("trial_start", "trial_end"),
    ("t_start", "t_stop"),
    ("start", "stop"),
    ("start", "end"),
    ("onset", "offset"),
)
"""Pairs of columns that are read as the start and stop of rows, whatever their case."""

TIMES = {"time": 1.0, "times": 1.0, "t": 1.0, "timestamp": 1.0, "timestamps": 1.0, "time_s": 1.0,
         "t_s": 1.0, "time_ms": 1e-3, "t_ms": 1e-3, "time_us": 1e-6}  # fmt: skip
"""Names of columns that are read as time, with their unit in seconds."""

_SPIKES = re.compile(r".*spike_?times?(_s|_sec|_seconds)?$", re.IGNORECASE)
_UNIT = re.compile(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$")
_PARQUET = b"PAR1"
_SCORES = {"csv": 0.5, "parquet": 0.8, "jsonl": 0.6, "matlab": 0.4}


def sniff(source: Source) -> Match:
    """Recognise tables by their endings, if their first bytes agree."""
    tables = [path for path in source.files if _fits(source, path)]
    if not tables:
        return NO
    kind = ENDINGS[tables[0].suffix.lower()]
    others = [p for p in source.files if p not in tables and p.suffix not in (".yaml", ".yml")]
    told = f"{tables[0].name} is a table ({kind})"
    return Match(_SCORES[kind] if not others else 0.15, told)


def _fits(source: Source, path: Path) -> bool:
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        return False
    head = source.head(path, 512)
    if kind == "csv":
        return bool(head) and b"\x00" not in head.replace(b"\xff\xfe", b"")[:1]
    if kind == "matlab":
        return head.startswith(b"MATLAB") or b"MATLAB" in head[:128] or head[:2] == b"\x00\x00"
    starts = {"parquet": _PARQUET, "jsonl": b"{"}
    return kind in starts and head.lstrip().startswith(starts[kind])


def read(source: Source) -> Recording:
    """Read every table of a source.

    Rows with a start and a stop are intervals, called ``trials`` unless the file's name tells of
    something else; columns of numbers beside one of time are time series; all else is a table. A
    column of ascending times in each row, named ``spike_times`` or alike, are units. A
    description beside the file may name the columns: ``start``, ``stop``, ``time``, ``units``, and
    ``time_unit`` in seconds.

    Raises
    ------
    FormatError
        If a file is not what its ending says.
    """
    tables = [path for path in source.files if path.suffix.lower() in ENDINGS]
    notes: list[str] = []
    signals: list[Signal] = []
    for path in tables:
        description = of(path) or Description(str(path), {})
        for name, frame in read_frames(path, notes):
            signals += _signals(name, frame, description, notes)
    if not signals:
        raise FormatError(f"reading {str(source.path)!r}: there is no table in it")
    files = [source.file(path, kept=None if path in tables else True) for path in source.files]
    kinds = {Events: "ecephys", Intervals: "behavior"}
    found = [word for kind, word in kinds.items() if any(isinstance(s, kind) for s in signals)]
    documents = {"description": {"modalities": found}} if found else {}
    return Recording("tabular", tuple(_unique(signals)), tuple(files), documents, tuple(notes))


def _unique(signals: list[Signal]) -> list[Signal]:
    taken: dict[str, int] = {}
    made = []
    for signal in signals:
        taken[signal.name] = count = taken.get(signal.name, 0) + 1
        made.append(signal if count == 1 else replace(signal, name=f"{signal.name}_{count}"))
    return made


def _signals(
    name: str, frame: pd.DataFrame, description: Description, notes: list[str]
) -> list[Signal]:
    frame = frame.rename(columns=str)
    if frame.columns.duplicated().any() or not len(frame.columns):
        raise FormatError(f"reading {description.path!r}: two columns of {name!r} have one name")
    told = description.text("description", "")
    spikes = _spikes(name, frame, notes)
    if spikes is not None:
        return [spikes]
    bounds = _bounds(frame, description)
    if bounds is not None:
        rows = frame.assign(start_time=bounds[0], stop_time=bounds[1])
        first = ["start_time", "stop_time"]
        rows = rows[[*first, *(column for column in frame.columns if column not in first)]]
        title = description.text("name", "trials" if "trial" in name.lower() else slug(name))
        return [Intervals.from_frame(title, rows, description=told)]
    stamped = _stamps(frame, description, notes)
    if stamped is None:
        return [Table.from_frame(description.text("name", slug(name)), frame, description=told)]
    return _traces(name, frame, *stamped, description)


def _spikes(name: str, frame: pd.DataFrame, notes: list[str]) -> Events | None:
    """Return the spikes of units, if a column holds ascending times for each row.

    In nested cells a place without spikes is a cluster that the sorter never used, and no unit.
    """
    for column in frame.columns:
        inside = "spike" in name.lower() and column.lower() in ("time", "times", "timestamps", "ts")
        if not (inside or _SPIKES.match(column)):
            continue
        cells = frame[column].tolist()
        trains = [np.atleast_1d(np.asarray(c)) for c in cells if not isinstance(c, str | list)]
        if len(trains) != len(frame) or not all(_is_train(train) for train in trains):
            continue
        if all(len(train) <= 1 for train in trains):
            continue
        others = frame.drop(columns=column)
        fired = np.array([len(train) > 0 for train in trains])
        if "cell_0" in frame and not fired.all():
            notes.append(
                f"{np.count_nonzero(~fired)} of {len(fired)} clusters in {name!r} hold no spikes: "
                "they are no units"
            )
            others = others[fired].reset_index(drop=True)
            trains = [train for train in trains if len(train)]
        table = Table.from_frame("units", others)
        return Events.from_trains("units", dict(enumerate(trains)), table)
    return None


def _is_train(train: npt.NDArray[Any]) -> bool:
    numbers = train.ndim == 1 and train.dtype.kind in "iuf"
    return numbers and bool(np.all(np.diff(train) >= 0))


def _numbers(frame: pd.DataFrame, column: Any) -> npt.NDArray[np.float64] | None:
    if column not in frame.columns or not pd.api.types.is_numeric_dtype(frame[column]):
        return None
    values: npt.NDArray[np.float64] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _bounds(
    frame: pd.DataFrame, description: Description
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Return the start and stop of each row in seconds, if it has both."""
    named = (description.values.get("start"), description.values.get("stop"))
    lowered = {column.lower(): column for column in frame.columns}
    pairs = [(lowered.get(a), lowered.get(b)) for a, b in STARTS_AND_STOPS]
    scale = description.number("time_unit", 1.0)
    if any(named):
        pairs = [named]
    for start, stop in pairs:
        first, last = _numbers(frame, start), _numbers(frame, stop)
        if first is not None and last is not None:
            return first * scale, last * scale
    if any(named):
        raise FormatError(
            f"reading {description.path!r}: the columns {named[0]!r} and {named[1]!r} of start "
            "and stop are not there, or no numbers",
            hint=f"the columns are {', '.join(frame.columns)}",
        )
    onset, lasts = (_numbers(frame, lowered.get(key)) for key in ("onset", "duration"))
    return None if onset is None or lasts is None else (onset * scale, (onset + lasts) * scale)


def _stamps(
    frame: pd.DataFrame, description: Description, notes: list[str]
) -> tuple[str, npt.NDArray[np.float64]] | None:
    """Return the column of time, and the time of each row in seconds."""
    named = description.values.get("time")
    names = [named] if named else [c for c in frame.columns if _bare(c).lower() in TIMES]
    for column in names:
        times = _numbers(frame, column)
        if times is None or len(times) < 2:
            continue
        if not np.all(np.diff(times, prepend=-np.inf) >= 0):
            notes.append(f"the column {column!r} does not ascend: rows stay a table")
            return None
        usual = TIMES.get(_bare(str(column)).lower(), 1.0) * _seconds(str(column))
        return str(column), times * description.number("time_unit", usual)
    return None


def _bare(column: str) -> str:
    found = _UNIT.match(column)
    return found["name"] if found else column


def _seconds(column: str) -> float:
    found = _UNIT.match(column)
    return {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}.get(found["unit"], 1.0) if found else 1


def _traces(
    name: str,
    frame: pd.DataFrame,
    column: str,
    times: npt.NDArray[np.float64],
    description: Description,
) -> list[Signal]:
    """Return a time series for each column of numbers, and a table of the others."""
    units = description.values.get("units", {})
    clock = _clock(times)
    made: list[Signal] = []
    others = []
    for title in frame.columns:
        if title == column:
            continue
        if not pd.api.types.is_numeric_dtype(frame[title]):
            others.append(title)
            continue
        found = _UNIT.match(title)
        unit = found["unit"] if found else "unknown"
        if isinstance(units, Mapping):
            unit = str(units.get(title, unit))
        values = frame[title].to_numpy()
        made.append(TimeSeries(slug(_bare(title)), values, unit or "unknown", **clock))
    if others or not made:
        rows = frame[others].assign(time=times)[["time", *others]]
        made.append(Table.from_frame(slug(name), rows, descriptions={"time": "seconds"}))
    return made


def _clock(times: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return a rate and a start if times are even to a millionth of a step, else the times."""
    step = (times[-1] - times[0]) / (len(times) - 1)
    if step > 0 and np.abs(times - (times[0] + step * np.arange(len(times)))).max() < step * 1e-6:
        return {"rate_hz": float(1 / step), "start_s": float(times[0])}
    return {"timestamps": times}
