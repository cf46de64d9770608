"""Comparing what a run made with what its repetition made: bytes first, then values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from panneuro.compute.products import names_in, product
from panneuro.lake.asset import Asset
from panneuro.lake.deriving import content_of
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

Sameness = Literal["identical", "equal", "different"]

_BLOCK_BYTES = 32 << 20
_OPAQUE = ("files/", "original/", "weights/")
_OF_CODING = (
    "codec", "codec_why", "raw_bytes", "stored_bytes", "noise_floor_bits", "pyramid",
)  # fmt: skip
_NEGLIGIBLE = 1e-8
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Difference:
    """What one product of a run and of its repetition differ by.

    Parameters
    ----------
    name : str
        Of the signal, table, array, value, figure or file.
    why : str
        In words.
    largest : float, optional
        The largest difference of numbers, relative to the larger one.
    """

    name: str
    why: str
    largest: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def compare(
    before: Asset, after: Asset, tolerance: float
) -> tuple[Sameness, tuple[Difference, ...]]:
    """Say whether two assets hold the same.

    Parameters
    ----------
    before, after : Asset
        What was made, and what a repetition made.
    tolerance : float
        How far numbers may differ, relative to the larger of the two, or to a hundred-millionth of
        the largest of their neighbours where that is more.

    Returns
    -------
    sameness : {"identical", "equal", "different"}
        The same bytes, file by file; else the same values within the tolerance; else neither.
    differences : tuple of Difference
        By what they differ, where values do: also where they are within the tolerance.
    """
    if content_of(before.manifest) == content_of(after.manifest):
        return "identical", ()
    found = tuple(_differences(before, after))
    far = [one for one in found if one.largest is None or not one.largest <= tolerance]
    return ("different" if far else "equal"), found


def _differences(before: Asset, after: Asset) -> Iterator[Difference]:
    names = dict.fromkeys((*names_in(before), *names_in(after)))
    for name in names:
        if name not in names_in(after):
            yield Difference(name, "is missing")
        elif name not in names_in(before):
            yield Difference(name, "was not there")
        elif not _is_of_files(before, name):
            yield from _within(name, product(before, name), product(after, name))
    yield from _descriptions(before, after)
    yield from _opaque(before, after)
    yield from _documents(before, after)


def _is_of_files(asset: Asset, name: str) -> bool:
    return bool(asset.manifest.extra.get("products", {}).get(name, {}).get("kind") == "files")


def _descriptions(before: Asset, after: Asset) -> Iterator[Difference]:
    """Compare what is said of signals beside their samples: rates, units, gains, names."""
    one, other = (
        {said["name"]: {k: v for k, v in said.items() if k not in _OF_CODING} for said in signals}
        for signals in (before.manifest.signals, after.manifest.signals)
    )
    for name in one.keys() & other.keys():
        yield from _values(name, one[name], other[name])


def _opaque(before: Asset, after: Asset) -> Iterator[Difference]:
    """Compare the files of which only the bytes are known."""
    one, other = (
        {file.path: file.digest for file in asset.files if file.path.startswith(_OPAQUE)}
        for asset in (before, after)
    )
    for path in sorted({*one, *other}):
        if one.get(path) != other.get(path):
            yield Difference(path, "holds other bytes")


def _documents(before: Asset, after: Asset) -> Iterator[Difference]:
    one, other = (content_of(asset.manifest)["documents"] for asset in (before, after))
    for slot in sorted({*one, *other}):
        if one.get(slot) != other.get(slot):
            yield Difference(f"document {slot}", "says something else")


def _within(name: str, one: Any, other: Any) -> Iterator[Difference]:
    """Yield what two values differ by, part by part."""
    if type(one) is not type(other):
        yield Difference(name, f"was {type(one).__name__}, is {type(other).__name__}")
    elif isinstance(one, TimeSeries | Frames):
        yield from _arrays(name, one.data, other.data)
        stamps = [getattr(each, "timestamps", None) for each in (one, other)]
        if all(each is not None for each in stamps):
            yield from _arrays(f"{name} timestamps", *stamps)
    elif isinstance(one, Events):
        yield from _arrays(f"{name} ids", np.asarray(one.ids), np.asarray(other.ids))
        yield from _arrays(f"{name} ends", one.ends, other.ends)
        yield from _arrays(f"{name} times", one.times, other.times)
        if one.table is not None and other.table is not None:
            yield from _within(f"{name} table", one.table, other.table)
    elif isinstance(one, Table):
        yield from _frames(name, one.df, other.df)
    elif isinstance(one, bytes):
        yield from _drawings(name, one, other)
    elif hasattr(one, "to_dataset") or hasattr(one, "data_vars"):
        yield from _labelled(name, one, other)
    else:
        yield from _values(name, one, other)


def _labelled(name: str, one: Any, other: Any) -> Iterator[Difference]:
    parts, others = (value.reset_coords() if hasattr(value, "data_vars") else value.to_dataset(
        name=name).reset_coords() for value in (one, other))  # fmt: skip
    for key in dict.fromkeys((*parts.variables, *others.variables)):
        if key in parts.variables and key in others.variables:
            label = name if key == name else f"{name} {key}"
            yield from _arrays(label, parts[key].values, others[key].values)
        else:
            yield Difference(f"{name} {key}", "is there only once")


def _frames(name: str, one: pd.DataFrame, other: pd.DataFrame) -> Iterator[Difference]:
    if list(one.columns) != list(other.columns):
        yield Difference(name, f"had columns {list(one.columns)}, has {list(other.columns)}")
        return
    for column in one.columns:
        yield from _arrays(f"{name}.{column}", one[column].to_numpy(), other[column].to_numpy())


def _arrays(name: str, one: Any, other: Any) -> Iterator[Difference]:
    """Compare arrays block by block: they may be larger than the memory."""
    if tuple(one.shape) != tuple(other.shape):
        yield Difference(name, f"was of shape {tuple(one.shape)}, is of {tuple(other.shape)}")
        return
    largest = 0.0
    for block in _blocks(one):
        found = _largest(np.asarray(one[block]), np.asarray(other[block]))
        if found is None:
            yield Difference(name, "holds other values")
            return
        largest = max(largest, found)
    if largest:
        yield Difference(name, f"numbers differ by up to {largest:.2g} of their size", largest)


def _blocks(array: Any) -> Iterator[Any]:
    if not array.shape:
        yield ()
        return
    row_bytes = max(1, np.dtype(array.dtype).itemsize * int(np.prod(array.shape[1:])))
    rows = max(1, _BLOCK_BYTES // row_bytes)
    for start in range(0, array.shape[0], rows):
        yield slice(start, start + rows)


def _largest(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float | None:
    """Return the largest relative difference, None where what is no number differs."""
    if one.dtype.kind not in "biufc" or other.dtype.kind not in "biufc":
        same = pd.Series(list(one.ravel())).astype(str), pd.Series(list(other.ravel())).astype(str)
        return 0.0 if same[0].equals(same[1]) else None
    if np.array_equal(one, other, equal_nan=True):
        return 0.0
    a, b = (each.astype(np.result_type(each, np.float64)) for each in (one, other))
    both = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~both], b[~both], equal_nan=True):
        return None
    size = np.maximum(np.abs(a[both]), np.abs(b[both]))
    apart = np.abs(a[both] - b[both])
    # What is nothing beside its neighbours is the rounding of theirs.
    size = np.maximum(size, _NEGLIGIBLE * size.max(initial=0.0))
    relative = np.divide(apart, size, where=size > 0, out=np.zeros_like(size))
    return max(float(relative.max(initial=0.0)), float(np.finfo(np.float64).eps))


def _values(name: str, one: Any, other: Any) -> Iterator[Difference]:
    """Compare plain values, as JSON has them."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        for key in one:
            yield from _values(f"{name}.{key}", one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _values(f"{name}[{number}]", left, right)
    elif _is_number(one) and _is_number(other):
        yield from _arrays(name, np.asarray(one), np.asarray(other))
    elif type(one) is not type(other) or one != other:
        yield Difference(name, f"was {_shown(one)}, is {_shown(other)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value, default=repr)
    return f"{len(text)} bytes" if isinstance(text, bytes) else text[:60]


def _drawings(name: str, one: bytes, other: bytes) -> Iterator[Difference]:
    """Compare figures by the numbers in their drawings: two draw the same text around them."""
    texts = one.decode(errors="replace"), other.decode(errors="replace")
    numbers = [np.array([float(n) for n in _NUMBER.findall(text)]) for text in texts]
    if _NUMBER.sub("", texts[0]) != _NUMBER.sub("", texts[1]):
        yield Difference(name, "is drawn otherwise")
    else:
        yield from _arrays(name, *numbers)
