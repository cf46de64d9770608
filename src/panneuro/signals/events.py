"""Moments in time, ragged over units: spike trains, licks, reward deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.arrays import LazyArray, refuse_no_times

if TYPE_CHECKING:
    import pandas as pd

    from panneuro.signals.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Times of events for each of several units.

    Parameters
    ----------
    name : str
        ``"units"`` for sorted spikes, else what happened: ``"licks"``.
    times : array-like of float64, shape (n_events,)
        Seconds on the session's clock, unit after unit, ascending within each.
    ends : ndarray of int64, shape (n_units,)
        Where each unit's times end within `times` (NWB's ``spike_times_index``).
    ids : ndarray, shape (n_units,)
        Name or number of each unit.
    table : Table, optional
        One row a unit: quality, area, waveform, ….
    description : str
        One sentence for people.
    path : str
        Where it lies in the asset's NWB store, once it is there.

    Examples
    --------
    >>> units = Events.from_trains("units", {4: [0.1, 0.5], 7: [0.2]})
    >>> units
    <Events 'units' 2 units, 3 events>
    >>> units[4]
    array([0.1, 0.5])
    >>> units.read(4, start_s=0.3)
    array([0.5])
    >>> units.counts
    array([2, 1])
    """

    name: str
    times: LazyArray
    ends: npt.NDArray[np.int64]
    ids: npt.NDArray[Any]
    table: Table | None = None
    description: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        ends = np.asarray(self.ends, dtype=np.int64)
        object.__setattr__(self, "ends", ends)
        if len(ends) != len(self.ids):
            raise InputError(
                f"events {self.name!r} have {len(self.ids)} units but {len(ends)} ends"
            )
        steps = np.diff(ends, prepend=0)
        if np.any(steps < 0) or (len(ends) and int(ends[-1]) != int(self.times.shape[0])):
            raise InputError(f"events {self.name!r} have ends that do not partition their times")

    @classmethod
    def from_trains(
        cls, name: str, trains: dict[Any, npt.ArrayLike], table: Table | None = None, **fields: str
    ) -> Events:
        """Build events from the times in seconds of each unit.

        Parameters
        ----------
        name : str
            What the events are.
        trains : dict
            Times of each unit by its id; sorted here if they are not.
        table : Table, optional
            One row a unit, in the order of `trains`.
        """
        columns = [np.sort(_seconds(unit, train)) for unit, train in trains.items()]
        times = np.concatenate(columns) if columns else np.empty(0)
        ends = np.cumsum([len(column) for column in columns], dtype=np.int64)
        return cls(name, times, ends, np.asarray(list(trains)), table, **fields)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Events {self.name!r} {len(self)} units, {int(self.times.shape[0])} events>"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.ids.tolist())

    def __getitem__(self, unit: Any) -> npt.NDArray[np.float64]:
        return self.read(unit)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of events of each unit."""
        return np.diff(self.ends, prepend=0)

    def read(
        self, unit: Any, start_s: float | None = None, stop_s: float | None = None
    ) -> npt.NDArray[np.float64]:
        """Read the times in seconds of one unit's events in ``[start_s, stop_s)``.

        Only this unit's bytes are fetched.
        """
        refuse_no_times(self.name, start_s, stop_s, endless=True)
        found = np.flatnonzero(self.ids == unit)
        if not len(found):
            known = ", ".join(map(repr, self.ids[:3].tolist()))
            raise InputError(
                f"{self.name!r} has no unit {unit!r}",
                hint=f"it has {len(self)} units: {known}{', …' if len(self) > 3 else ''}",
            )
        if len(found) > 1:
            raise InputError(
                f"{len(found)} units of {self.name!r} have the id {unit!r}",
                hint="take their times apart by `ends`",
            )
        row = int(found[0])
        first = int(self.ends[row - 1]) if row else 0
        times = np.asarray(self.times[first : int(self.ends[row])], dtype=np.float64)
        low = 0 if start_s is None else np.searchsorted(times, start_s, side="left")
        high = len(times) if stop_s is None else np.searchsorted(times, stop_s, side="left")
        return times[low:high]

    def trains(self) -> dict[Any, npt.NDArray[np.float64]]:
        """Read the times of every unit, by id."""
        times = np.asarray(self.times[:], dtype=np.float64)
        found = dict(zip(self.ids.tolist(), np.split(times, self.ends)[:-1], strict=True))
        if len(found) < len(self):
            raise InputError(
                f"several units of {self.name!r} have the same id",
                hint="take their times apart by `ends`",
            )
        return found

    @property
    def df(self) -> pd.DataFrame:
        """Every event as a row of ``time`` (seconds) and ``unit``, in order of time."""
        import pandas as pd

        import panneuro.signals.plot_tables  # noqa: F401 - gives it the accessor

        frame = pd.DataFrame(
            {"time": np.asarray(self.times[:]), "unit": np.repeat(self.ids, self.counts)}
        )
        return frame.sort_values("time", kind="stable", ignore_index=True)

    def to_pynapple(self) -> Any:
        """Return a pynapple ``TsGroup`` with the units' properties as metadata."""
        import pandas as pd

        pynapple = need("pynapple", "pynapple", "Converting events to pynapple")
        trains = self.trains()
        numbered = all(isinstance(unit, int) for unit in trains)
        times_s = np.concatenate([*trains.values(), [0.0]])
        # Left to itself, pynapple drops units of a single event: their span has no duration.
        support = pynapple.IntervalSet(times_s.min(), times_s.max() + 1e-3)
        keys = list(trains) if numbered else list(range(len(trains)))
        group = {
            key: pynapple.Ts(t=times, time_support=support)
            for key, times in zip(keys, trains.values(), strict=True)
        }
        known = {} if numbered else {"unit": [str(unit) for unit in trains]}
        if self.table is not None:
            known |= {name: self.table.df[name].to_list() for name in self.table.columns}
        taken = ("rate", "index", "t", "time_support", "nap_class")
        metadata = {name: known[name] for name in known if name not in taken}
        described = pd.DataFrame(metadata, index=keys)
        return pynapple.TsGroup(group, time_support=support, metadata=described)


def _seconds(unit: Any, train: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        given = np.asarray(train)
        if given.ndim == 1 and (given.dtype.kind in "biufO" or not given.size):
            return given.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the times of unit {unit!r} are no numbers: {error}") from error
    raise InputError(
        f"the times of unit {unit!r} are {given.dtype} of shape {given.shape}, no row of numbers",
        hint="give them in seconds: [0.1, 0.5]",
    )
