"""The forms in which parts of signals leave: NumPy files, CSV, Parquet, JSON values, bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from panneuro.core.progress import Progress
from panneuro.lake.parts import Part


def write(part: Part, sink: BinaryIO, kind: str, progress: Progress) -> None:
    """Read a part and write it.

    Parameters
    ----------
    part : Part
        What.
    sink : file
        Where to; it need not be seekable.
    kind : str
        One of the part's formats.
    progress : Progress
        Told of bytes written.
    """
    if kind == "npy" and part.blocks:
        _npy(part, _counted(part.blocks(), progress), sink)
    elif kind == "csv" and part.tables:
        _csv(_counted(part.tables(), progress), sink)
    elif part.tables:
        _parquet(_counted(part.tables(), progress), sink)
    elif part.content:
        sink.write(part.content())


def values(part: Part) -> Any:
    """Read a part and return it as JSON values; what is no finite number becomes None."""
    if part.blocks:
        return [_json(value) for block in part.blocks() for value in block.tolist()]
    if part.tables:
        return _json(pa.concat_tables(part.tables()).to_pydict())
    return part.content().decode("utf-8", "replace") if part.content else None


def _counted(pieces: Iterator[Any], progress: Progress) -> Iterator[Any]:
    for piece in pieces:
        yield piece
        progress.advance(piece.nbytes)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_json(item) for item in value]
    return {key: _json(item) for key, item in value.items()} if isinstance(value, dict) else value


def _npy(part: Part, blocks: Iterator[Any], sink: BinaryIO) -> None:
    if not part.shape:
        whole = np.concatenate(list(blocks))
        part_shape, part_dtype, blocks = whole.shape, whole.dtype, iter([whole])
    else:
        part_shape, part_dtype = part.shape, part.dtype
    header = {
        "descr": np.lib.format.dtype_to_descr(part_dtype),
        "fortran_order": False,
        "shape": part_shape,
    }
    np.lib.format.write_array_header_2_0(sink, header)
    for block in blocks:
        sink.write(np.ascontiguousarray(block, part_dtype).tobytes())


def _csv(tables: Iterator[pa.Table], sink: BinaryIO) -> None:
    writer = None
    for table in tables:
        flat = _flat(table)
        if writer is None:
            writer = pyarrow.csv.CSVWriter(sink, flat.schema)
        writer.write_table(flat)
    if writer is not None:
        writer.close()


def _flat(table: pa.Table) -> pa.Table:
    """Return a table whose cells CSV can hold: lists and the like as JSON text."""
    columns = {
        name: _text(column) if pa.types.is_nested(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table(columns)


def _text(column: pa.ChunkedArray) -> pa.Array:
    shown = [None if value is None else json.dumps(value) for value in column.to_pylist()]
    return pa.array(shown, pa.string())


def _parquet(tables: Iterator[pa.Table], sink: BinaryIO) -> None:
    writer = None
    for table in tables:
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(sink, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
