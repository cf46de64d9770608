"""Spike trains on an exact clock of nanoseconds, unit after unit."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.reals import reals
from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries

Ticks = npt.NDArray[np.int64]

TICKS_PER_S = 1_000_000_000

_FARTHEST_S = 9.2e9


@dataclass(frozen=True, eq=False, repr=False)
class Trains:
    """Spike times as whole nanoseconds, so that a spike on the edge of a bin falls on one side.

    Every function of this room that takes units takes `Events`, a mapping from a unit to its
    times in seconds, a stamped `TimeSeries` such as licks, whose samples are the events, or this.
    Making it costs a pass over all spikes: make it once to call many.

    Parameters
    ----------
    ticks : ndarray of int64, shape (n_spikes,)
        Nanoseconds on the session's clock, unit after unit, ascending within each.
    ends : ndarray of int64, shape (n_units,)
        Where each unit's spikes end within `ticks`.
    ids : ndarray, shape (n_units,)
        Name or number of each unit.

    Examples
    --------
    >>> trains = Trains.of({4: [0.1, 0.5], 7: []})
    >>> trains
    <Trains 2 units, 2 spikes>
    >>> trains.of_unit(0)
    array([100000000, 500000000])
    """

    ticks: Ticks
    ends: Ticks
    ids: npt.NDArray[Any]

    @classmethod
    def of(cls, units: Units) -> Trains:
        """Round the times of units to nanoseconds.

        Parameters
        ----------
        units : Events, mapping, TimeSeries or Trains
            Spike times in seconds; a `Trains` is returned as it is.

        Raises
        ------
        InputError
            If a time is not a finite number, or the times of a unit do not ascend.
        """
        if isinstance(units, Trains):
            return units
        if isinstance(units, TimeSeries):
            units = {units.name: units}
        if not isinstance(units, Events) and not hasattr(units, "keys"):
            raise InputError(
                f"units are {reprlib.repr(units)}, not spike times by unit",
                hint="give Events, or a mapping from each unit to seconds: {4: [0.1, 0.5]}",
            )
        if isinstance(units, Events):
            events = units
        else:
            trains = {unit: _moments(given) for unit, given in dict(units).items()}
            events = Events.from_trains("units", trains)
        ticks = to_ticks(events.times[:], f"the times of {events.name!r}")
        descends = ticks[1:] < ticks[:-1]
        descends[events.ends[(events.ends > 0) & (events.ends < len(ticks))] - 1] = False
        if descends.any():
            raise InputError(
                f"the times of {events.name!r} do not ascend after "
                f"{float(ticks[np.argmax(descends)]) / TICKS_PER_S!r} s",
                hint="sort the times of each unit, as Events.from_trains does",
            )
        return cls(ticks, events.ends, events.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Trains {len(self)} units, {len(self.ticks)} spikes>"

    @property
    def starts(self) -> Ticks:
        """Where each unit's spikes begin within `ticks`."""
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64)[: len(self)]

    def of_unit(self, row: int) -> Ticks:
        """Return the spikes of the unit in that row, in nanoseconds."""
        return self.ticks[self.starts[row] : self.ends[row]]


Units = Events | Mapping[Any, npt.ArrayLike | TimeSeries] | TimeSeries | Trains


def _moments(given: npt.ArrayLike | TimeSeries) -> npt.ArrayLike:
    if not isinstance(given, TimeSeries):
        return given
    if given.rate_hz is not None:
        raise InputError(
            f"{given.name!r} is sampled at {given.rate_hz:g} Hz: its samples are no events",
            hint="give the times of events in seconds: {4: [0.1, 0.5]}",
        )
    return given.times()


def to_ticks(times_s: npt.ArrayLike, what: str) -> Ticks:
    """Round seconds to nanoseconds.

    Parameters
    ----------
    times_s : array-like of float, shape (n,)
        Times in seconds.
    what : str
        What they are, for the message of an error.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        If they are not a row of finite numbers, or lie three centuries away.

    Examples
    --------
    >>> to_ticks([0.1, 2.0], "onsets")
    array([ 100000000, 2000000000])
    """
    times = reals(times_s, what)
    if times.ndim != 1:
        raise InputError(f"{what} have the shape {times.shape!r}; they must be one row of seconds")
    if not times.size:
        return np.empty(0, np.int64)
    low, high = float(times.min()), float(times.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(
            f"{np.count_nonzero(~np.isfinite(times))} of {len(times)} values of {what} are not "
            "finite numbers",
            hint="leave them out: times[np.isfinite(times)]",
        )
    if max(-low, high) > _FARTHEST_S:
        raise InputError(f"{what} reach from {low!r} to {high!r} s", hint="give them in seconds")
    scaled = times * TICKS_PER_S
    return np.rint(scaled, out=scaled).astype(np.int64)


def spike_ticks(times_s: npt.ArrayLike) -> Ticks:
    """Round the spike times of one unit to nanoseconds.

    Raises
    ------
    InputError
        If they are not a row of finite numbers, lie three centuries away, or do not ascend.
    """
    ticks = to_ticks(times_s, "spike times")
    if np.any(np.diff(ticks) < 0):
        raise InputError("spike times do not ascend", hint="sort them")
    return ticks
