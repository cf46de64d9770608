"""Parts of signals: what is asked for, how big that is, and how to read it bit by bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import CorruptionError, InputError, NotFoundError
from panneuro.lake.asset import Asset
from panneuro.signals.arrays import refuse_no_times
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

LIMIT_BYTES = 1_000_000_000
"""More than this is not read unless somebody says so."""

_BLOCK_BYTES = 64 << 20
_CELL_BYTES = 8

Blocks = Iterator[npt.NDArray[Any]]


@dataclass(frozen=True)
class Wanted:
    """Which part of a signal is asked for.

    Parameters
    ----------
    start_s, stop_s : float, optional
        Seconds on the session's clock.
    channels : slice, list of int or list of str, optional
        Of a time series.
    unit : str, optional
        Of events.
    scaled : bool
        Whether physical values are wanted.
    """

    start_s: float | None = None
    stop_s: float | None = None
    channels: Any = None
    unit: str | None = None
    scaled: bool = False

    def __post_init__(self) -> None:
        refuse_no_times("a signal", self.start_s, self.stop_s, endless=True)
        start, stop = self.start_s, self.stop_s
        if start is not None and stop is not None and stop < start:
            raise InputError(
                f"reading from {start:g} s to {stop:g} s: that ends before it begins",
                hint="give the earlier time first",
            )

    def refuse(self, kind: str, *names: str) -> None:
        """Refuse what makes no sense for a kind of signal."""
        for name in names:
            if getattr(self, name) not in (None, False):
                flag = f"--{name.removesuffix('_s')}"
                raise InputError(f"{flag} says nothing about {kind}", hint=f"leave out {flag}")


@dataclass(frozen=True)
class Part:
    """What is to be read, known before a byte of it is read.

    Parameters
    ----------
    shown : str
        What it is, for people.
    n_bytes : int
        About how much is read.
    about : mapping
        What there is to say of it, as JSON values.
    shape, dtype
        Of the array, where it is one.
    blocks : callable, optional
        Reads the array, some rows at a time.
    tables : callable, optional
        Reads the same as tables with named columns, or what is no array at all.
    content : callable, optional
        Reads a file.
    """

    shown: str
    n_bytes: int
    about: Mapping[str, Any]
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))
    blocks: Callable[[], Blocks] | None = None
    tables: Callable[[], Iterator[pa.Table]] | None = None
    content: Callable[[], bytes] | None = None

    @property
    def formats(self) -> tuple[str, ...]:
        """In which it can be written, the natural one first."""
        arrays = ("npy",) if self.blocks else ()
        tables = ("csv", "parquet") if self.tables else ()
        return (*arrays, *tables) or ("file",)


def file_of(asset: Asset, path: str) -> Part | None:
    """Return one of the asset's files, or None if it has none of that name."""
    found = next((file for file in asset.files if file.path == path), None)
    if found is None:
        return None
    digest = found.digest

    def content() -> bytes:
        data = asset.read_file(path)
        if digest_bytes(data) != digest:
            raise CorruptionError(
                f"the file {path!r} of {asset.name!r} is not what its digest says",
                hint=f"panneuro check {asset.name}",
            )
        return data

    return Part(path, found.size, {"digest": digest}, content=content)


@singledispatch
def cut(signal: Any, wanted: Wanted) -> Part:  # noqa: ARG001
    """Return the wanted part of a signal, unread.

    Raises
    ------
    InputError
        If such a signal has no such part.
    """
    raise InputError(f"{signal!r} is not a signal that can be read")


@cut.register
def _(signal: TimeSeries, wanted: Wanted) -> Part:
    wanted.refuse("a time series", "unit")
    rows = signal.rows(wanted.start_s, wanted.stop_s)
    columns = _columns(signal, wanted.channels)
    width = (len(columns),) if len(signal.data.shape) > 1 else ()
    shape = (rows.stop - rows.start, *width, *signal.data.shape[2:])
    dtype = np.dtype(np.float64) if wanted.scaled else np.dtype(signal.data.dtype)
    unit = signal.unit if wanted.scaled else "as recorded"
    return Part(
        f"{signal.name}, {' × '.join(map(str, shape))} {dtype}",
        math.prod(shape) * np.dtype(signal.data.dtype).itemsize,
        {"kind": "timeseries", "shape": list(shape), "dtype": str(dtype), "unit": unit}
        | {"rate_hz": signal.rate_hz, "channels": columns},
        shape,
        dtype,
        blocks=lambda: (values for _, values in _pieces(signal, wanted)),
        tables=partial(_series_tables, signal, wanted, columns) if len(shape) < 3 else None,
    )


def _columns(signal: TimeSeries, channels: Any) -> list[str]:
    """Return the names of the channels that are asked for, their numbers where they have none."""
    if len(signal.data.shape) < 2:
        if channels is not None:
            raise InputError(
                f"signal {signal.name!r} is a single trace", hint="leave out --channels"
            )
        return [signal.name]
    names = np.asarray(signal.channels or [str(n) for n in range(signal.n_channels)])
    return [str(name) for name in names[signal.columns(channels)]]


def _pieces(
    signal: TimeSeries, wanted: Wanted
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[Any]]]:
    """Yield times and values, some rows at a time; all at once where each row has its stamp."""
    for start, stop in _windows(signal, wanted):
        values = signal.read(start, stop, wanted.channels, scaled=wanted.scaled)
        yield signal.times(start, stop), values


def _windows(signal: TimeSeries, wanted: Wanted) -> Iterator[tuple[float | None, float | None]]:
    rows = signal.rows(wanted.start_s, wanted.stop_s)
    row_bytes = max(1, signal.n_bytes // max(1, len(signal)))
    step = max(1, _BLOCK_BYTES // row_bytes)
    if signal.rate_hz is None or rows.stop - rows.start <= step:
        yield wanted.start_s, wanted.stop_s
        return
    for first in range(rows.start, rows.stop, step):
        last = min(first + step, rows.stop)
        yield signal.start_s + first / signal.rate_hz, signal.start_s + last / signal.rate_hz


def _series_tables(signal: TimeSeries, wanted: Wanted, columns: list[str]) -> Iterator[pa.Table]:
    for times, values in _pieces(signal, wanted):
        flat = values.reshape(len(values), len(columns))
        named = zip(columns, flat.T, strict=True)
        yield pa.table({"time": times, **{name: np.ascontiguousarray(v) for name, v in named}})


@cut.register
def _(signal: Events, wanted: Wanted) -> Part:
    wanted.refuse("events", "channels", "scaled")
    unit = None if wanted.unit is None else _unit(signal, wanted.unit)
    if unit is None:
        count = int(signal.times.shape[0])
        about = {"kind": "events", "units": len(signal), "unit": "seconds"}
        shown = f"{signal.name}, {count:,} events of {len(signal)} units"
        return Part(
            shown, 2 * count * _CELL_BYTES, about, tables=partial(_all_events, signal, wanted)
        )
    count = int(signal.counts[signal.ids == unit][0])

    def read() -> npt.NDArray[np.float64]:
        return signal.read(unit, wanted.start_s, wanted.stop_s)

    return Part(
        f"{signal.name}, unit {unit}, {count:,} events",
        count * _CELL_BYTES,
        {"kind": "events", "id": unit, "unit": "seconds"},
        blocks=lambda: iter([read()]),
        tables=lambda: iter([pa.table({"time": read()})]),
    )


def _unit(signal: Events, text: str) -> Any:
    """Return a unit's id of its own type."""
    for unit in signal:
        if str(unit) == text:
            return unit
    known = ", ".join(str(unit) for unit in signal.ids[:5])
    raise NotFoundError(
        f"{signal.name!r} has no unit {text!r}",
        hint=f"it has {len(signal)}: {known}{', …' if len(signal) > 5 else ''}",
    )


def _all_events(signal: Events, wanted: Wanted) -> Iterator[pa.Table]:
    frame = signal.df
    low = -math.inf if wanted.start_s is None else wanted.start_s
    high = math.inf if wanted.stop_s is None else wanted.stop_s
    within = (frame["time"] >= low) & (frame["time"] < high)
    yield pa.Table.from_pandas(frame[within], preserve_index=False)


@cut.register
def _(signal: Table, wanted: Wanted) -> Part:
    wanted.refuse("a table", "channels", "unit", "scaled")
    if not isinstance(signal, Intervals):
        wanted.refuse("a table without times", "start_s", "stop_s")
    return Part(
        f"{signal.name}, {len(signal):,} rows of {len(signal.columns)} columns",
        len(signal) * len(signal.columns) * _CELL_BYTES,
        {"kind": "table", "rows": len(signal), "columns": list(signal.columns)},
        tables=partial(_rows, signal, wanted),
    )


def _rows(signal: Table, wanted: Wanted) -> Iterator[pa.Table]:
    """Yield the rows; of intervals, those that overlap with the time asked for."""
    if wanted.start_s is None and wanted.stop_s is None:
        yield signal.arrow
        return
    frame = signal.df
    low = -math.inf if wanted.start_s is None else wanted.start_s
    high = math.inf if wanted.stop_s is None else wanted.stop_s
    overlaps = (frame["stop_time"] > low) & (frame["start_time"] < high)
    yield pa.Table.from_pandas(frame[overlaps], preserve_index=False)


@cut.register
def _(signal: Frames, wanted: Wanted) -> Part:
    wanted.refuse("images", "channels", "unit", "scaled")
    if signal.data is None:
        raise InputError(
            f"{signal.name!r} is a video that is kept as it is",
            hint=f"get the file: original/{signal.file}",
        )
    data, times = signal.data, np.asarray(signal.times[:])
    first = 0 if wanted.start_s is None else int(np.searchsorted(times, wanted.start_s))
    last = len(times) if wanted.stop_s is None else int(np.searchsorted(times, wanted.stop_s))
    shape = (max(0, last - first), *data.shape[1:])
    step = max(1, _BLOCK_BYTES // max(1, math.prod(shape[1:]) * data.dtype.itemsize))

    def blocks() -> Blocks:
        for row in range(first, first + shape[0], step):
            yield np.asarray(data[row : min(row + step, last)])

    return Part(
        f"{signal.name}, {' × '.join(map(str, shape))} {data.dtype}",
        math.prod(shape) * data.dtype.itemsize,
        {"kind": "frames", "shape": list(shape), "dtype": str(data.dtype), "unit": signal.unit},
        shape,
        np.dtype(data.dtype),
        blocks=blocks,
    )
