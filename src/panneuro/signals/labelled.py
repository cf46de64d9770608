"""Signals as xarray: labelled, and still lazy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing
from xarray.indexes import RangeIndex

import panneuro.signals.plots  # noqa: F401 - what is labelled draws itself
from panneuro.signals.arrays import LazyArray
from panneuro.signals.timeseries import TimeSeries


class _Lazy(BackendArray):
    """A lazy array as xarray's own lazy indexing wants it."""

    def __init__(self, data: LazyArray, first: int, count: int) -> None:
        self.data = data
        self.first = first
        self.shape = (count, *data.shape[1:])
        self.dtype = np.dtype(data.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> Any:
        rows, *rest = key
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[0])
            block = np.asarray(self.data[(slice(self.first + start, self.first + stop), *rest)])
            return block[::step]
        return np.asarray(self.data[(int(rows) + self.first, *rest)])


class _TimeIndex(RangeIndex):
    """Times at a rate, computed when asked for; selects spans as a stored index would."""

    def sel(self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None) -> Any:
        label = labels[self.dim]
        if not isinstance(label, slice) or label.step is not None:
            return super().sel(labels, method, tolerance)
        first = 0 if label.start is None else math.ceil(self._position(label.start, -1))
        last = self.size if label.stop is None else math.floor(self._position(label.stop, 1)) + 1
        return indexing.IndexSelResult({self.dim: slice(first, max(first, last))})

    def _position(self, time_s: float, side: int) -> float:
        position = self.transform.reverse({self.coord_name: np.float64(time_s)})[self.dim]
        # As much as rounding can move a sample's time: on a clock that counts from 1970, a lot.
        rounding = 4 * np.finfo(float).eps * (abs(time_s) + abs(self.start)) / self.step
        moved = position + side * min(1e-4 + rounding, 0.5)
        return float(min(max(moved, 0.0), float(self.size)))

    def isel(self, indexers: Any) -> Any:
        chosen = super().isel(indexers)
        return type(self)(chosen.transform) if isinstance(chosen, RangeIndex) else chosen


def label(signal: TimeSeries, start_s: float | None, stop_s: float | None) -> xr.DataArray:
    """Wrap part of a signal in a DataArray that reads its values when they are asked for."""
    rows = signal.rows(start_s, stop_s)
    inner = indexing.LazilyIndexedArray(_Lazy(signal.data, rows.start, rows.stop - rows.start))
    dims = ("time", "channel", *(f"axis_{i}" for i in range(2, len(signal.data.shape))))
    as_recorded = np.any(np.asarray(signal.gain) != 1) or np.any(np.asarray(signal.offset) != 0)
    named = {"long_name": f"{signal.name}, as recorded"} if as_recorded else {"units": signal.unit}
    variable = xr.Variable(dims[: len(signal.data.shape)], inner, named)
    array = xr.DataArray(variable, coords=_time(signal, rows), name=signal.name)
    if len(signal.data.shape) > 1:
        names = list(signal.channels) or np.arange(signal.n_channels)
        array = array.assign_coords(channel=names)
    array["time"].attrs["units"] = "s"
    return array


def _time(signal: TimeSeries, rows: slice) -> Any:
    if signal.rate_hz is None:
        return {"time": signal.times()[rows]}
    count = rows.stop - rows.start
    first = signal.start_s + rows.start / signal.rate_hz
    index = _TimeIndex.linspace(
        first, first + count / signal.rate_hz, num=count, endpoint=False, dim="time"
    )
    return xr.Coordinates.from_xindex(index)
