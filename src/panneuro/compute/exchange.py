"""Files between a step and what knows nothing of panneuro: a program, a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from panneuro.core.errors import FormatError, InputError
from panneuro.formats.readers import read
from panneuro.lake.asset import Asset
from panneuro.lake.exporting import export
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

_BLOCK_BYTES = 64 << 20


@singledispatch
def _put(value: Any, path: Path) -> None:
    """Write a value under a path without its ending."""
    path.with_suffix(".json").write_text(json.dumps(value, default=str))


def hand_over(folder: Path, name: str, value: Any) -> None:
    """Write what a step takes as files.

    Samples and frames become ``NAME.npy`` as stored, with ``NAME.json`` for rate, gain and unit;
    tables and intervals ``NAME.csv``; events ``NAME.csv`` with a row an event; an asset
    ``NAME.nwb``; plain values ``NAME.json``.

    Parameters
    ----------
    folder : Path
        To write into.
    name : str
        Of the parameter.
    value : Any
        What is taken.
    """
    _put(value, folder / name)


@_put.register
def _(value: TimeSeries, path: Path) -> None:
    _samples(value.data, path)
    said = {
        "rate_hz": value.rate_hz,
        "start_s": value.start_s,
        "unit": value.unit,
        "gain": np.asarray(value.gain).tolist(),
        "offset": np.asarray(value.offset).tolist(),
        "channels": list(value.channels),
    }
    path.with_suffix(".json").write_text(json.dumps(said))
    if value.timestamps is not None:
        _samples(value.timestamps, path.with_name(f"{path.name}_timestamps"))


@_put.register
def _(value: Frames, path: Path) -> None:
    if value.data is None:
        raise InputError(f"the frames {value.name!r} are a video; take the asset instead")
    _samples(value.data, path)
    _samples(value.times, path.with_name(f"{path.name}_timestamps"))


@_put.register
def _(value: Table, path: Path) -> None:
    value.df.to_csv(path.with_suffix(".csv"), index=False)


@_put.register
def _(value: pd.DataFrame, path: Path) -> None:
    value.to_csv(path.with_suffix(".csv"), index=False)


@_put.register
def _(value: Events, path: Path) -> None:
    rows = {"unit": np.repeat(value.ids, value.counts), "time_s": np.asarray(value.times[:])}
    pd.DataFrame(rows).to_csv(path.with_suffix(".csv"), index=False)


@_put.register
def _(value: Asset, path: Path) -> None:
    export(value, "nwb", path.with_suffix(".nwb"))


def _samples(data: Any, path: Path) -> None:
    """Write an array block by block, whatever its size."""
    shape, dtype = tuple(map(int, data.shape)), np.dtype(data.dtype)
    if 0 in shape:
        np.save(path.with_suffix(".npy"), np.empty(shape, dtype))
        return
    target = np.lib.format.open_memmap(path.with_suffix(".npy"), "w+", dtype, shape)
    rows = max(1, _BLOCK_BYTES // max(1, dtype.itemsize * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], rows):
        target[start : start + rows] = data[start : start + rows]
    target.flush()


def take_back(folder: Path, name: str) -> Any:
    """Read what a program left under a name: a file of any ending, or a folder.

    CSV, TSV and Parquet are tables, JSON plain values, ``.npy`` arrays; what one of the formats
    reads is a signal; anything else is kept as it is.

    Parameters
    ----------
    folder : Path
        That it wrote into.
    name : str
        What the step gives.

    Returns
    -------
    Any
        None if it left nothing.

    Raises
    ------
    InputError
        If there are several of the name, or it leads out of the folder.
    FormatError
        If it cannot be read.
    """
    found = [one for one in sorted(folder.iterdir()) if one.stem == name or one.name == name]
    if len(found) > 1:
        raise InputError(
            f"{name!r} was left {len(found)} times: {', '.join(o.name for o in found)}"
        )
    if not found:
        return None
    (path,) = found
    if path.is_symlink():
        raise InputError(f"{path.name!r} was left as a link; a file or folder is wanted")
    reader = _READERS.get(path.suffix.lower()) if path.is_file() else None
    if reader is None:
        return _recording(path, name)
    try:
        return reader(path)
    except (ValueError, OSError, ImportError) as error:
        raise FormatError(f"{path.name!r} cannot be read: {error}") from error


_READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".parquet": pd.read_parquet,
    ".json": lambda path: json.loads(path.read_text()),
    ".npy": lambda path: np.load(path, allow_pickle=False),
}


def _recording(path: Path, name: str) -> Any:
    try:
        recording = read(path)
    except FormatError:
        return path
    named = [signal for signal in recording.signals if signal.name == name]
    if len(recording.signals) == 1 or named:
        return (named or recording.signals)[0]
    known = ", ".join(signal.name for signal in recording.signals)
    raise FormatError(f"{path.name!r} holds several signals: {known}", hint=f"name one {name!r}")
