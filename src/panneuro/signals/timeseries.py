"""Samples over time: raw traces, LFP, currents, running speed, pupil size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.arrays import LazyArray, n_bytes, refuse_no_times

if TYPE_CHECKING:
    import xarray

Channels = slice | Sequence[int] | Sequence[str] | None

_CACHED_STAMPS_BYTES = 64 << 20


@dataclass(frozen=True, eq=False, repr=False)
class TimeSeries:
    """Values over time, sampled at a rate or stamped one by one.

    The physical value is ``data * gain + offset`` in `unit`.

    Parameters
    ----------
    name : str
        Unique within its asset, such as ``"ap"`` or ``"running_speed"``.
    data : array-like, shape (n_times,) or (n_times, n_channels, …)
        As recorded.
    unit : str
        Of the physical value: ``"volts"``, ``"m/s"``, ….
    rate_hz : float, optional
        Samples per second. Exactly one of `rate_hz` and `timestamps` is given.
    start_s : float
        Time of the first sample on the session's clock, in seconds.
    timestamps : array-like of float64, shape (n_times,), optional
        Time of each sample in seconds, ascending.
    gain, offset : float or ndarray of shape (n_channels,)
        From stored to physical values, for all channels or for each.
    channels : tuple of str
        Names of the channels, if they have any.
    electrodes : tuple of int
        For each channel its row in the asset's electrodes table.
    neurodata_type : str
        NWB's word for it: ``"ElectricalSeries"``, ``"CurrentClampSeries"``, ….
    role : str
        Where NWB keeps it: ``"acquisition"``, ``"stimulus"`` or ``"processing/<module>"``.
    description : str
        One sentence for people.
    attributes : mapping
        Further fields of the NWB type, such as ``sweep_number`` or ``reference_frame``.
    path : str
        Where it lies in the asset's NWB store, once it is there.
    source : str
        The field that the stored values come from in the source, for people.

    Examples
    --------
    >>> lfp = TimeSeries("lfp", np.arange(20).reshape(10, 2), "volts", rate_hz=5.0, gain=1e-6)
    >>> lfp
    <TimeSeries 'lfp' 10 × 2 int64, 5 Hz, 0.000–2.000 s, volts>
    >>> lfp.read(0.4, 0.8, channels=[1])
    array([[5],
           [7]])
    >>> lfp.read(0.4, 0.8, channels=[1], scaled=True)
    array([[5.e-06],
           [7.e-06]])
    """

    name: str
    data: LazyArray
    unit: str = "unknown"
    rate_hz: float | None = None
    start_s: float = 0.0
    timestamps: LazyArray | None = None
    gain: float | npt.NDArray[np.float64] = 1.0
    offset: float | npt.NDArray[np.float64] = 0.0
    channels: tuple[str, ...] = ()
    electrodes: tuple[int, ...] = ()
    neurodata_type: str = "TimeSeries"
    role: str = "acquisition"
    description: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if (self.rate_hz is None) == (self.timestamps is None):
            raise InputError(f"signal {self.name!r} needs either a rate or timestamps, not both")
        if self.rate_hz is not None and not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise InputError(f"signal {self.name!r} has an impossible rate of {self.rate_hz!r} Hz")
        for what in ("gain", "offset"):
            if not np.all(np.isfinite(getattr(self, what))):
                raise InputError(f"signal {self.name!r} has a {what} that is not a finite number")

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def __repr__(self) -> str:
        shape = " × ".join(str(length) for length in self.data.shape)
        rate = "stamped" if self.rate_hz is None else f"{self.rate_hz:g} Hz"
        return (
            f"<TimeSeries {self.name!r} {shape} {self.data.dtype}, {rate}, "
            f"{self.first_s:.3f}–{self.stop_s:.3f} s, {self.unit}>"
        )

    @property
    def n_channels(self) -> int:
        """Number of channels; 1 for a single trace."""
        return int(self.data.shape[1]) if len(self.data.shape) > 1 else 1

    @property
    def n_bytes(self) -> int:
        """Size of the data in bytes, were they all in memory."""
        return n_bytes(self.data)

    @property
    def stop_s(self) -> float:
        """The time just after the last sample, in seconds; where stamped, by the mean interval."""
        if self.rate_hz is not None:
            return self.start_s + len(self) / self.rate_hz
        if not len(self):
            return self.start_s
        first, last = self.first_s, float(self._stamps[len(self) - 1])
        return max(last + (last - first) / max(1, len(self) - 1), float(np.nextafter(last, np.inf)))

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the end of the last."""
        return self.stop_s - self.first_s

    @property
    def first_s(self) -> float:
        """Time of the first sample in seconds."""
        return self.start_s if self.rate_hz is not None or not len(self) else float(self._stamps[0])

    @cached_property
    def _stamps(self) -> LazyArray:
        stamps = self.timestamps
        if stamps is None:
            raise InputError(f"signal {self.name!r} is sampled at a rate and has no timestamps")
        return np.asarray(stamps[:]) if n_bytes(stamps) <= _CACHED_STAMPS_BYTES else stamps

    def rows(self, start_s: float | None = None, stop_s: float | None = None) -> slice:
        """Return the samples whose time is in ``[start_s, stop_s)``, as a slice of the first axis.

        Parameters
        ----------
        start_s, stop_s : float, optional
            Seconds on the session's clock; the whole signal where not given.
        """
        refuse_no_times(self.name, start_s, stop_s)
        first = 0 if start_s is None else self._row_at(start_s)
        last = len(self) if stop_s is None else self._row_at(stop_s)
        return slice(first, max(first, last))

    def _row_at(self, time_s: float) -> int:
        if self.rate_hz is None:
            return _bisect(self._stamps, time_s)
        row = min(max((time_s - self.start_s) * self.rate_hz, 0.0), float(len(self)))
        # As much as rounding can move a sample's time: on a clock that counts from 1970, a lot.
        rounding = 4 * np.finfo(float).eps * (abs(time_s) + abs(self.start_s)) * self.rate_hz
        nearest = round(row)
        return nearest if abs(row - nearest) < min(1e-4 + rounding, 0.5) else math.ceil(row)

    def times(
        self, start_s: float | None = None, stop_s: float | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the times in seconds of the samples in ``[start_s, stop_s)``."""
        rows = self.rows(start_s, stop_s)
        if self.rate_hz is None:
            return np.asarray(self._stamps[rows], dtype=np.float64)
        return self.start_s + np.arange(rows.start, rows.stop) / self.rate_hz

    def columns(self, channels: Channels) -> Any:
        """Return the index of channels, given by number, name or slice, along their axis."""
        if channels is None:
            return slice(None)
        if isinstance(channels, slice):
            return channels
        if isinstance(channels, (str, int)):
            raise InputError(
                f"channels of {self.name!r} to read must be a list or a slice, not {channels!r}",
                hint=f"channels=[{channels!r}]",
            )
        known = {*self.channels, *range(self.n_channels)}
        unknown = [channel for channel in channels if channel not in known]
        if unknown:
            raise InputError(
                f"signal {self.name!r} has no channel {unknown[0]!r}",
                hint=f"it has {self.n_channels} channels, numbered from 0"
                + (
                    f", named {self.channels[0]!r} … {self.channels[-1]!r}" if self.channels else ""
                ),
            )
        return [self.channels.index(c) if isinstance(c, str) else int(c) for c in channels]

    def read(
        self,
        start_s: float | None = None,
        stop_s: float | None = None,
        channels: Channels = None,
        *,
        scaled: bool = False,
    ) -> npt.NDArray[Any]:
        """Read the samples in ``[start_s, stop_s)``.

        Parameters
        ----------
        start_s, stop_s : float, optional
            Seconds on the session's clock; the whole signal where not given.
        channels : slice, sequence of int or of str, optional
            Which channels, in which order; all where not given.
        scaled : bool
            Give physical values in `unit` as float64 instead of the recorded ones.

        Returns
        -------
        ndarray, shape (n_times,) or (n_times, n_channels, …)
        """
        rows = self.rows(start_s, stop_s)
        if len(self.data.shape) == 1:
            values = np.asarray(self.data[rows])
        else:
            values = self._read_columns(rows, self.columns(channels))
        if not scaled:
            return values
        gain, offset = (self._per_channel(f, channels) for f in (self.gain, self.offset))
        return np.asarray(values * gain + offset, dtype=np.float64)

    def _read_columns(self, rows: slice, columns: Any) -> npt.NDArray[Any]:
        if isinstance(columns, slice):
            return np.asarray(self.data[rows, columns])
        if not columns:
            return np.asarray(self.data[rows, 0:0])
        low, high = min(columns), max(columns) + 1
        return np.asarray(self.data[rows, low:high])[:, [c - low for c in columns]]

    def _per_channel(self, factor: Any, channels: Channels) -> Any:
        if np.ndim(factor) == 0:
            return factor
        chosen = np.asarray(factor)[self.columns(channels)]
        return chosen.reshape(-1, *[1] * (len(self.data.shape) - 2))

    def with_data(self, data: LazyArray, **changes: Any) -> Self:
        """Return the same signal over other data: after a filter, a slice or a copy."""
        return replace(self, data=data, **changes)

    def to_xarray(
        self,
        start_s: float | None = None,
        stop_s: float | None = None,
        *,
        scaled: bool = False,
        chunks: Any = None,
    ) -> xarray.DataArray:
        """Return a labelled array with ``time`` in seconds, read when its values are asked for.

        Parameters
        ----------
        start_s, stop_s : float, optional
            Seconds on the session's clock.
        scaled : bool
            Physical values in `unit` instead of the recorded ones, which have no unit if there is
            a gain or an offset.
        chunks : int, dict or "auto", optional
            Spread it over Dask with these chunks; needs ``panneuro[dask]``.
        """
        from panneuro.signals.labelled import label

        array = label(self, start_s, stop_s)
        if chunks is not None:
            need("dask.array", "dask", "Spreading a signal over Dask")
            array = array.chunk(chunks)
        if not scaled:
            return array
        with_gain = array * self._labelled(self.gain, array) + self._labelled(self.offset, array)
        plain = with_gain.rename(self.name).drop_attrs(deep=False)
        return cast("xarray.DataArray", plain.assign_attrs(units=self.unit))

    def _labelled(self, factor: Any, array: xarray.DataArray) -> Any:
        if np.ndim(factor) == 0:
            return factor
        return type(array)(np.asarray(factor), dims=("channel",))

    def to_pynapple(self, start_s: float | None = None, stop_s: float | None = None) -> Any:
        """Return a pynapple ``Tsd`` (one trace) or ``TsdFrame``, in physical units."""
        pynapple = need("pynapple", "pynapple", "Converting a signal to pynapple")
        values = self.read(start_s, stop_s, scaled=True)
        times = self.times(start_s, stop_s)
        if values.ndim == 1:
            return pynapple.Tsd(t=times, d=values)
        if values.ndim == 2:
            return pynapple.TsdFrame(t=times, d=values, columns=list(self.channels) or None)
        return pynapple.TsdTensor(t=times, d=values)


def _bisect(stamps: LazyArray, time_s: float) -> int:
    if isinstance(stamps, np.ndarray):
        return int(np.searchsorted(stamps, time_s, side="left"))
    low, high = 0, int(stamps.shape[0])
    while low < high:
        middle = (low + high) // 2
        if float(stamps[middle]) < time_s:
            low = middle + 1
        else:
            high = middle
    return low
