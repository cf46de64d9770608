"""Tables out of files: CSV, Parquet, JSON lines and MATLAB, parsed and never evaluated."""

from __future__ import annotations

import codecs
import json
import re
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from panneuro.core.errors import FormatError, LimitError, PanneuroError
from panneuro.core.extras import need
from panneuro.formats.hdf5 import check_contained, open_hdf5, whole

MAX_TEXT_BYTES = 1 << 30
"""A larger text file is refused: it would be read at once."""

MAX_CSV_COLUMNS = 10_000
"""A text table wider than this is refused: each column becomes an array."""

MAX_MATLAB_BYTES = 512 << 20
"""A larger MATLAB file is refused: it would be read at once."""

MAX_UNPACKED_BYTES = 1 << 30
"""What says that it is larger in memory is refused, however well it is packed."""

MAX_COLUMNS = 64
"""A matrix wider than this is no table."""

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pqt": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".mat": "matlab",
}
"""Kind of table by a file's ending."""

_BLOCK_BYTES = 1 << 20
_COMPRESSED = 15
_SEPARATORS = "\t,;|"
_POSE = ("scorer", "individuals", "bodyparts", "coords")
"""How the lines begin that DeepLabCut writes above its numbers."""
_DECIMAL_COMMA = re.compile(r"(^|;)-?\d+,\d+(;|$)", re.MULTILINE)


def read_frames(path: Path, notes: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each table of a file with its name.

    Raises
    ------
    FormatError
        If the file is not what its ending says, or is damaged.
    LimitError
        If it is too large to be read at once.
    """
    kind = ENDINGS[path.suffix.lower()]
    try:
        if kind == "matlab":
            yield from _matlab(path, notes)
        else:
            yield path.stem, {"csv": _csv, "parquet": _parquet, "jsonl": _json_lines}[kind](path)
    except (FormatError, LimitError):
        raise
    except (ValueError, KeyError, RecursionError, OSError, pa.ArrowException) as error:
        raise FormatError(
            f"reading {path.name!r}: it is not the {kind} it claims to be: {str(error)[:200]}",
            hint="write it again, with one header line and as many cells in every row",
        ) from error


def _check_size(path: Path, most: int) -> None:
    size = path.stat().st_size
    if size > most:
        raise LimitError(
            f"reading {path.name!r}: {size:,} bytes are more than {most:,}",
            hint="save it as Parquet",
        )


def _check_unpacked(path: Path, size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise LimitError(
            f"reading {path.name!r}: it unpacks to {size:,} bytes, more than "
            f"{MAX_UNPACKED_BYTES:,}",
            hint="save what is large in it as .npy, which is not read at once",
        )


def _encoding(path: Path) -> str:
    """Return how a text file is written: UTF-8 or UTF-16 by its mark, else UTF-8, else Latin-1.

    Raises
    ------
    ValueError
        If it holds binary data.
    """
    with path.open("rb") as stream:
        if stream.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
        stream.seek(0)
        found, decode = "utf-8-sig", codecs.getincrementaldecoder("utf-8")().decode
        while block := stream.read(_BLOCK_BYTES):
            if 0 in block:
                raise ValueError("it holds binary data")
            try:
                decode(block)
            except UnicodeDecodeError:
                found, decode = "latin-1", codecs.getincrementaldecoder("latin-1")().decode
        return found


def _csv(path: Path) -> pd.DataFrame:
    _check_size(path, MAX_TEXT_BYTES)
    encoding = _encoding(path)
    with path.open(encoding=encoding) as stream:
        beginning = stream.read(_BLOCK_BYTES)
    header = next((line for line in beginning.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=header.count)
    if header.count(separator) >= MAX_CSV_COLUMNS:
        raise LimitError(
            f"reading {path.name!r}: its header names more than {MAX_CSV_COLUMNS:,} columns",
            hint="a table has a column for each quantity: save a matrix as .npy",
        )
    comma = separator == ";" and _DECIMAL_COMMA.search(beginning[: 1 << 16])
    n_heads = _pose_heads(beginning, separator)
    frame = pd.read_csv(
        path,
        header=list(range(n_heads)) if n_heads else 0,
        sep=separator,
        encoding=encoding,
        decimal="," if comma else ".",
        skipinitialspace=True,
        low_memory=False,
    )
    if n_heads:
        return _pose(path, frame)
    first = frame.columns[0]
    if str(first).startswith("Unnamed") and frame[first].equals(pd.Series(range(len(frame)))):
        frame = frame.drop(columns=first)
    return frame


def _pose_heads(beginning: str, separator: str) -> int:
    """Return how many lines of names DeepLabCut wrote above its numbers, none if it is another."""
    firsts = [line.partition(separator)[0] for line in beginning.splitlines()[: len(_POSE)]]
    heads = [first for first in firsts if first in _POSE]
    return len(heads) if heads[:1] == ["scorer"] and heads[-1] == "coords" else 0


def _pose(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Name the columns of poses: ``nose_x``, ``nose_y``, ``nose_likelihood``."""
    names = ["_".join(map(str, levels[1:])) for levels in frame.columns[1:]]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise FormatError(
            f"reading {path.name!r}: two of its columns would be called {twice!r}",
            hint="give bodies and their parts names that differ, in the lines above the numbers",
        )
    numbered = frame.iloc[:, 0].dtype.kind == "i"
    return frame.set_axis(["frame" if numbered else "image", *names], axis="columns")


def _parquet(path: Path) -> pd.DataFrame:
    file = pq.ParquetFile(path)
    size = sum(
        file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)
    )
    # A value that is repeated costs nothing in the file, and eight bytes in memory.
    _check_unpacked(path, max(size, file.metadata.num_rows * file.metadata.num_columns * 8))
    frame: pd.DataFrame = file.read().to_pandas()
    return frame.reset_index() if frame.index.name else frame


def _json_lines(path: Path) -> pd.DataFrame:
    _check_size(path, MAX_TEXT_BYTES)
    with path.open(encoding=_encoding(path)) as stream:
        rows = [json.loads(line) for line in stream if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line holds no object")
    return pd.DataFrame.from_records(rows)


def _matlab(path: Path, notes: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    reader = need("pymatreader", "mat", "Reading MATLAB files")
    _check_size(path, MAX_MATLAB_BYTES)
    try:
        _check_unpacked(path, _unpacked_hdf5(path) if h5py.is_hdf5(path) else _unpacked(path))
        with warnings.catch_warnings():
            # It warns of classes, whose fields it leaves out; so do we.
            warnings.simplefilter("ignore")
            found = reader.read_mat(str(path))
    except PanneuroError:
        raise
    except Exception as error:  # readers of MATLAB files, fed with what we are given
        raise FormatError(f"reading {path.name!r}: it is not a MATLAB file: {error}") from error
    made = list(_tables(path.stem, found, notes))
    if not made:
        raise FormatError(
            f"reading {path.name!r}: it holds no columns of one length",
            hint="save vectors, or a structure of them; a matrix of samples as .npy",
        )
    yield from made


def _unpacked(path: Path) -> int:
    """Return the bytes that the variables of a MATLAB 5 file say they unpack to."""
    total = 0
    with path.open("rb") as stream:
        order = "<" if stream.read(128)[126:] == b"IM" else ">"
        while len(tag := stream.read(8)) == 8:
            kind, size = struct.unpack(f"{order}2I", tag)
            after = stream.tell() + size
            if kind == _COMPRESSED:
                tag = zlib.decompressobj().decompress(stream.read(min(size, 256)), 8)
                size = struct.unpack(f"{order}2I", tag)[1] if len(tag) == 8 else 0
            total += size
            stream.seek(after)
    return total


def _unpacked_hdf5(path: Path) -> int:
    """Return the bytes that the datasets of a file say they unpack to."""
    sizes: list[int] = []

    def look(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(int(item.nbytes))

    with open_hdf5(path) as handle, whole(path.name):
        check_contained(path.name, handle)
        handle.visititems(look)
    return sum(sizes)


def _tables(
    name: str, found: Mapping[str, Any], notes: list[str], depth: int = 0
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the columns of each length, and those inside each structure."""
    lengths: dict[int, dict[str, Any]] = {}
    for key, value in found.items():
        if key.startswith(("__", "#")):
            continue
        if isinstance(value, Mapping):
            if depth < 8:
                yield from _tables(f"{name}_{key}" if depth else str(key), value, notes, depth + 1)
            continue
        records = list(_records(value)) if isinstance(value, list) else []
        if records:
            yield str(key), pd.DataFrame.from_records(records)
            continue
        columns = _columns(str(key), value)
        if not columns and (len(value) if isinstance(value, list) else np.size(value)) > 1:
            notes.append(f"{key!r} of {name!r} is no column of a table; left out")
        for title, cells in columns.items():
            lengths.setdefault(len(cells), {})[title] = cells
    several = len(lengths) > 1
    for length, columns in sorted(lengths.items()):
        yield f"{name}_{length}" if several else name, pd.DataFrame(columns)


def _columns(key: str, value: Any) -> dict[str, Any]:
    """Return the columns that a value of MATLAB is: of numbers, of texts, or of a narrow matrix."""
    if isinstance(value, list):
        plain = all(isinstance(cell, str | int | float | bool) for cell in value)
        cells: Any = value if plain else _ragged(value)
        return {key: cells} if cells is not None and len(value) > 1 else {}
    array = np.asarray(value)
    if array.dtype.kind not in "biufU" or array.size < 2:
        return {}
    if array.ndim == 1:
        return {key: array}
    if array.ndim != 2 or array.shape[1] > MAX_COLUMNS:
        return {}
    return {f"{key}_{column}": array[:, column] for column in range(array.shape[1])}


def _ragged(cells: list[Any]) -> list[Any] | None:
    """Return cells that hold any count of numbers as one-dimensional arrays, or nothing."""
    arrays = [np.atleast_1d(np.asarray(cell)) for cell in cells if _is_numbers(cell)]
    if len(arrays) != len(cells) or any(array.ndim != 1 for array in arrays):
        return None
    return arrays


def _is_numbers(cell: Any) -> bool:
    return isinstance(cell, np.ndarray | int | float) and np.asarray(cell).dtype.kind in "biuf"


def _records(value: list[Any], place: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield each structure in nested cells as a row, with its place in them."""
    for number, cell in enumerate(value):
        here = (*place, number)
        if isinstance(cell, Mapping):
            where = {f"cell_{level}": index for level, index in enumerate(here)}
            fields = {str(k): v for k, v in cell.items() if not str(k).startswith("_")}
            if any(np.size(v) for v in fields.values() if not isinstance(v, list | Mapping)):
                yield where | fields
        elif isinstance(cell, list) and len(here) < 8:
            yield from _records(cell, here)
