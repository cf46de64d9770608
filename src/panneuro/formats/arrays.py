"""Plain arrays, ``.npy``, ``.npz`` and raw binary, with a small description beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError
from panneuro.formats import npy, npz
from panneuro.formats.described import Description, example, of
from panneuro.formats.electrodes import Electrodes
from panneuro.formats.flat import Flat
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import slug
from panneuro.signals.arrays import LazyArray
from panneuro.signals.recording import Recording, Signal
from panneuro.signals.timeseries import TimeSeries

_BINARY = ("*.bin", "*.dat", "*.raw")
_NUMPY = ("*.npy", "*.npz")


def sniff(source: Source) -> Match:
    """Say how well the source fits: any array does, but every other format does better."""
    for path in source.matching(*_NUMPY, *_BINARY):
        try:
            described = of(path) is not None
        except FormatError:
            described = True
        if described:
            return Match(0.3, f"{path.name} is described beside it")
        if path.suffix.lower() in (".npy", ".npz"):
            return Match(0.1, f"{path.name} is an array of NumPy")
        return Match(0.05, f"{path.name} may be raw binary")
    return NO


def read(source: Source) -> Recording:
    """Return one signal for each array.

    Raises
    ------
    FormatError
        If the description is missing or does not fit; the hint shows one to copy.
    LimitError
        If an archive inflates to more than 2 GiB.
    """
    files = source.matching(*_NUMPY, *_BINARY)
    made: list[Signal] = []
    electrodes = Electrodes()
    documents: dict[str, dict[str, Any]] = {}
    for path in files:
        for stem, data, description in _arrays(path):
            alone = len(files) == 1 and not path.name.endswith(".npz")
            made.append(_signal(stem, data, description, electrodes, alone))
            if start := description.values.get("session_start"):
                documents["acquisition"] = {"session_start": _moment(start)}
    if not made:
        raise FormatError(f"reading {str(source.path)!r}: no array of numbers in it")
    if len(electrodes):
        made.append(electrodes.table())
        documents["description"] = {"modalities": ["ecephys"]}
    notes = tuple(
        f"{signal.name}: nothing tells its unit; values are as stored"
        for signal in made
        if isinstance(signal, TimeSeries) and signal.unit == "unknown"
    )
    kept = tuple(source.file(path, kept=path not in files) for path in _all(source))
    return Recording("arrays", tuple(made), kept, documents, notes)


def _moment(value: Any) -> str:
    """Return a moment as text; YAML has made a date of it already."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _all(source: Source) -> tuple[Path, ...]:
    """Return every file of the source, and the description beside a single file."""
    if source.path.is_dir():
        return source.files
    description = of(source.path)
    beside = Path(description.path) if description else source.path
    return tuple(dict.fromkeys((source.path, beside)))


def _arrays(path: Path) -> Iterator[tuple[str, LazyArray, Description]]:
    if path.suffix.lower() == ".npz":
        yield from _packed(path)
        return
    description = of(path)
    if description is None:
        raise FormatError(f"reading {str(path)!r}: nothing tells its rate and unit", hint=example())
    data: LazyArray = npy.load(path) if path.suffix.lower() == ".npy" else _raw(path, description)
    _check_numbers(path, path.name, data)
    yield path.stem, data, description


def _raw(path: Path, description: Description) -> LazyArray:
    dtype, n_channels = description.dtype(), description.channels()
    header = description.count("header_bytes", 0)
    row, size = dtype.itemsize * n_channels, path.stat().st_size - header
    if size <= 0 or size % row:
        raise FormatError(
            f"reading {str(path)!r}: {size:,} bytes are not a whole number of samples of "
            f"{n_channels} channels of {dtype} ({row} bytes)",
            hint=f"correct dtype, n_channels or header_bytes in {description.path!r}",
        )
    return Flat(path, dtype, header, (size // row, n_channels))


def _packed(path: Path) -> Iterator[tuple[str, LazyArray, Description]]:
    found = npz.load(path)
    single = {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
    told = {name: array.item() for name, array in single.items() if array.ndim == 0}
    description = of(path, told)
    if description is None:
        raise FormatError(f"reading {str(path)!r}: nothing tells its rate and unit", hint=example())
    each = description.values.get("signals", {})
    for name, array in found.items():
        if array.shape and array.dtype.kind in "iufb":
            more = each.get(name, {}) if isinstance(each, Mapping) else {}
            yield name, array, Description(description.path, {**description.values, **more})


def _check_numbers(path: Path, name: str, data: LazyArray) -> None:
    if data.dtype.kind not in "iufb" or not data.shape or 0 in data.shape:
        raise FormatError(
            f"reading {str(path)!r}: {name!r} is an array of {data.dtype} of shape {data.shape}, "
            "not samples over time",
            hint="the first axis is time, the second the channels; values are numbers",
        )


def _signal(
    stem: str, data: LazyArray, description: Description, electrodes: Electrodes, alone: bool
) -> TimeSeries:
    n_channels = int(data.shape[1]) if len(data.shape) > 1 else 1
    rate = description.number("rate_hz", 0.0)
    if rate <= 0:
        raise description.wrong("rate_hz", "a number above 0")
    names = description.names(n_channels)
    on_tissue = description.values.get("electrodes", False) is True
    rows: tuple[int, ...] = ()
    if on_tissue:
        called = names or tuple(str(channel) for channel in range(n_channels))
        rows = electrodes.rows("", called, _numbers(n_channels))
    return TimeSeries(
        description.text("name", slug(stem)) if alone else slug(stem),
        data,
        description.text("unit", "unknown"),
        rate_hz=rate,
        start_s=description.number("start_s", 0.0),
        gain=description.factor("gain", 1.0, n_channels),
        offset=description.factor("offset", 0.0, n_channels),
        channels=names,
        electrodes=rows,
        neurodata_type="ElectricalSeries" if on_tissue else "TimeSeries",
        description=description.text("description", ""),
    )


def _numbers(count: int) -> npt.NDArray[np.int64]:
    return np.arange(count, dtype=np.int64)
