"""NWB's time series as signals: rates, stamps, gains, units and electrodes as they are declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from panneuro.core.errors import FormatError
from panneuro.core.reals import is_real
from panneuro.formats.nwb_tree import Array, Group, Tree, target
from panneuro.signals.arrays import LazyArray, Sliced, n_bytes
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

ELECTRODES = "/general/extracellular_ephys/electrodes"
"""The one table of a session's electrodes."""

_TOLD = {"namespace", "neurodata_type", "object_id", "description"}
_TIMED = ("data", "timestamps")
_CHECKED_BYTES = 8 << 20


class UnusableError(FormatError):
    """A series that breaks NWB's own rules: kept in the store, but no signal."""


def clock(tree: Tree, group: Group, n_times: int) -> tuple[float | None, float, LazyArray | None]:
    """Return a series' rate and start, or its timestamps.

    Returns
    -------
    rate_hz, start_s, timestamps

    Raises
    ------
    UnusableError
        If it has neither, or they cannot be true.
    """
    start = tree.array(group, "starting_time")
    if start is not None:
        rate: Any = start.attributes.get("rate")
        first: Any = start.scalar()
        if not is_real(rate, above=0) or not is_real(first):
            raise UnusableError(f"{group.path} has a rate of {rate!r} Hz from {first!r} s")
        return float(rate), float(first), None
    stamps = tree.array(group, "timestamps")
    if stamps is None:
        raise UnusableError(f"{group.path} has neither a rate nor timestamps")
    if len(stamps.shape) != 1 or stamps.shape[0] != n_times:
        raise UnusableError(f"{group.path} has {n_times} samples but timestamps of {stamps.shape}")
    if n_bytes(stamps.data) <= _CHECKED_BYTES:
        times = np.asarray(stamps.data[:], dtype=np.float64)
        odd = np.flatnonzero(~(np.diff(times, prepend=-np.inf) >= 0))
        if len(odd):
            tree.notes.append(
                f"the timestamps of {group.path} go back, or are not numbers, first at sample "
                f"{odd[0]}; {len(odd)} in all"
            )
    return None, 0.0, stamps.data


def read_series(tree: Tree, group: Group, name: str) -> TimeSeries:
    """Return a time series.

    Raises
    ------
    UnusableError
        If it has no data, or no time.
    """
    data = tree.array(group, "data")
    if data is None or not data.shape:
        raise UnusableError(f"{group.path} has no data")
    rate, start, stamps = clock(tree, group, data.shape[0])
    n_channels = data.shape[1] if len(data.shape) > 1 else 1
    return TimeSeries(
        name,
        data.data,
        str(data.attributes.get("unit", "unknown")),
        rate_hz=rate,
        start_s=start,
        timestamps=stamps,
        gain=_gain(tree, group, data, n_channels),
        offset=_number(data.attributes.get("offset", 0.0)),
        electrodes=_electrodes(tree, group, n_channels),
        neurodata_type=group.neurodata_type or "TimeSeries",
        role=role(group.path),
        description=str(group.attributes.get("description", "")),
        attributes=attributes(group, data),
        path=group.path.strip("/"),
    )


def _gain(tree: Tree, group: Group, data: Array, n_channels: int) -> Any:
    gain = _number(data.attributes.get("conversion", 1.0))
    each = tree.array(group, "channel_conversion")
    if each is None:
        return gain
    factors = np.asarray(each.whole(), dtype=np.float64).reshape(-1)
    if len(factors) != n_channels:
        raise UnusableError(
            f"{group.path} has {n_channels} channels but {len(factors)} conversions"
        )
    return gain * factors


def _number(value: Any) -> float:
    if not is_real(value):
        raise UnusableError(f"a conversion or offset is {value!r}")
    return float(value)


def _electrodes(tree: Tree, group: Group, n_channels: int) -> tuple[int, ...]:
    region = tree.array(group, "electrodes")
    if region is None or target(region.attributes.get("table")) != ELECTRODES:
        return ()
    rows = tuple(int(row) for row in region.whole().reshape(-1))
    if len(rows) != n_channels:
        tree.notes.append(
            f"{group.path} has {n_channels} channels but {len(rows)} electrodes; they are not told"
        )
        return ()
    return rows


def role(path: str) -> str:
    """Return where NWB keeps a series.

    Examples
    --------
    >>> role("/stimulus/presentation/steps"), role("/processing/behavior/Position/position")
    ('stimulus', 'processing/behavior')
    """
    first, *rest = path.strip("/").split("/")
    if first == "processing" and rest:
        return f"processing/{rest[0]}"
    return "stimulus/templates" if (first, *rest[:1]) == ("stimulus", "templates") else first


def attributes(group: Group, data: Array | None = None) -> dict[str, Any]:
    """Return the further fields of a series: its small values, and what it links to."""
    told = {k: v for k, v in group.attributes.items() if k not in _TOLD and not target(v)}
    if data is not None:
        told |= {k: data.attributes[k] for k in ("resolution",) if k in data.attributes}
    for array in group.arrays.values():
        if array.name not in ("data", "starting_time") and not array.shape:
            told[array.name] = array.scalar()
    links = {name: path for name, path in group.links.items() if name not in _TIMED}
    return told | links


def read_frames(tree: Tree, group: Group, name: str) -> Frames:
    """Return a series of images that are in the file.

    Raises
    ------
    UnusableError
        If it has no images, or no time.
    """
    data = tree.array(group, "data")
    if data is None or len(data.shape) < 3 or 0 in data.shape:
        raise UnusableError(f"{group.path} has no images")
    rate, start, stamps = clock(tree, group, data.shape[0])
    return Frames(
        name,
        frame_times(rate, start, stamps, data.shape[0]),
        data.data,
        shape=data.shape[1:3],
        rate_hz=rate,
        unit=str(data.attributes.get("unit", "n.a.")),
        neurodata_type=group.neurodata_type or "ImageSeries",
        role=role(group.path),
        description=str(group.attributes.get("description", "")),
        attributes=attributes(group, data),
        path=group.path.strip("/"),
    )


def frame_times(
    rate: float | None, start: float, stamps: LazyArray | None, count: int
) -> LazyArray:
    """Return the time of each frame, computed when asked for where there is a rate."""
    if rate is None:
        return np.empty(0) if stamps is None else stamps
    return Sliced((count,), np.float64, lambda a, b: start + np.arange(a, b) / rate)


def external_frames(tree: Tree, group: Group, name: str) -> list[Frames]:
    """Return a series of images that are in videos beside the file, one `Frames` a video."""
    files = tree.array(group, "external_file")
    names = files.strings() if files is not None else []
    if not names:
        raise UnusableError(f"{group.path} names no file")
    firsts = [int(first) for first in np.ravel(group_value(tree, group, "starting_frame", [0]))]
    stamps = tree.array(group, "timestamps")
    rate = None
    if stamps is None:
        rate, _, _ = clock(tree, group, 0)
    firsts = [*firsts, *[firsts[-1]] * len(names)][: len(names)]
    ends = [*firsts[1:], None]
    return [
        Frames(
            name if len(names) == 1 else f"{name}_{number}",
            np.empty(0) if stamps is None else stamps.whole()[first:end],
            file=file,
            rate_hz=rate,
            neurodata_type=group.neurodata_type or "ImageSeries",
            role=role(group.path),
            description=str(group.attributes.get("description", "")),
            attributes=attributes(group),
            path=group.path.strip("/"),
        )
        for number, (file, first, end) in enumerate(zip(names, firsts, ends, strict=True))
    ]


def group_value(tree: Tree, group: Group, name: str, default: Any) -> Any:
    """Return a field that NWB writes as an attribute of ``external_file``, or a default."""
    files = tree.array(group, "external_file")
    return default if files is None else files.attributes.get(name, default)


def read_annotations(tree: Tree, group: Group, name: str) -> Table:
    """Return a series of words as a table of ``time`` and ``annotation``."""
    data = tree.array(group, "data")
    if data is None:
        raise UnusableError(f"{group.path} has no data")
    rate, start, stamps = clock(tree, group, data.shape[0])
    times = frame_times(rate, start, stamps, data.shape[0])

    def load() -> pd.DataFrame:
        return pd.DataFrame({"time": np.asarray(times[:]), "annotation": data.strings()})

    return Table(
        name,
        load,
        ("time", "annotation"),
        data.shape[0],
        {"time": "seconds on the session's clock"},
        str(group.attributes.get("description", "")),
        group.path.strip("/"),
    )


def read_interval_series(tree: Tree, group: Group, name: str) -> Intervals:
    """Return a series of onsets (positive) and offsets (negative) as intervals.

    The number of the kind of interval, which NWB writes as the magnitude, is column ``kind``.
    """
    data = tree.array(group, "data")
    if data is None:
        raise UnusableError(f"{group.path} has no data")
    _, _, stamps = clock(tree, group, data.shape[0])
    marks = data.whole().astype(np.int64)
    times = np.asarray(stamps[:] if stamps is not None else [], dtype=np.float64)
    open_since: dict[int, float] = {}
    rows: list[tuple[float, float, int]] = []
    for mark, time in zip(marks.tolist(), times.tolist(), strict=False):
        if mark > 0:
            open_since[mark] = time
        elif -mark in open_since:
            rows.append((open_since.pop(-mark), time, -mark))
    if open_since:
        tree.notes.append(f"{group.path}: {len(open_since)} intervals never end; left out")
    frame = pd.DataFrame(sorted(rows), columns=["start_time", "stop_time", "kind"])
    return Intervals(
        name,
        lambda: frame,
        tuple(frame.columns),
        len(frame),
        description=str(group.attributes.get("description", "")),
        path=group.path.strip("/"),
    )
