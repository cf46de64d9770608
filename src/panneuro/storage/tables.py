"""Tables as Parquet: one request, one DataFrame."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from panneuro.core.errors import CorruptionError
from panneuro.signals.events import Events
from panneuro.signals.recording import Signal
from panneuro.signals.table import Table

FOLDER = "_lake/tables"
"""Where they lie in an asset."""

UNIT_COLUMNS = ("id", "spike_start", "spike_stop")
"""What the table of events begins with."""

_SMALL_BYTES = 1 << 20


def path_of(signal: str) -> str:
    """Return where the table of a signal lies in an asset."""
    return f"{FOLDER}/{signal}.parquet"


def frame_of(signal: Signal) -> pd.DataFrame | None:
    """Return the rows that a signal has, None if it has none.

    Events give one row a unit, with ``spike_start`` and ``spike_stop``: where its times are in the
    array of all times.
    """
    if isinstance(signal, Table):
        return signal.df.reset_index(drop=True)
    if not isinstance(signal, Events):
        return None
    ends = np.asarray(signal.ends, dtype=np.int64)
    columns = (signal.ids, ends - signal.counts, ends)
    frame = pd.DataFrame(dict(zip(UNIT_COLUMNS, columns, strict=True)))
    if signal.table is None:
        return frame
    properties = signal.table.df.reset_index(drop=True)
    return pd.concat([frame, properties[[c for c in properties if c not in frame]]], axis=1)


def encode(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    sink = io.BytesIO()
    pq.write_table(_arrow(frame), sink, compression="zstd")
    return sink.getvalue()


def _arrow(frame: pd.DataFrame) -> pa.Table:
    columns = {str(name): _column(frame[name]) for name in frame.columns}
    return pa.table(columns)


def _column(values: pd.Series[Any]) -> pa.Array:
    """Return a column, as text where its values are of kinds that do not mix."""
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in values]
    with suppress(pa.ArrowException, OverflowError):
        found = pa.array(rows if values.dtype.kind == "O" else values, from_pandas=True)
        if not pa.types.is_struct(found.type):
            return found
    return pa.array([None if _is_missing(row) else str(row) for row in rows], pa.string())


def _is_missing(row: Any) -> bool:
    return row is None or (np.ndim(row) == 0 and bool(pd.isna(row)))


def decode(data: bytes) -> pa.Table:
    """Read a table from Parquet.

    Raises
    ------
    CorruptionError
        If the bytes are not Parquet.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            # To share out a small table among threads takes longer than to read it.
            return file.read(use_threads=len(data) > _SMALL_BYTES)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise CorruptionError(
            f"a table cannot be read: {error}",
            hint="panneuro check NAME   tells what else is damaged",
        ) from error
