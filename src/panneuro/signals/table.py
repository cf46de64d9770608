"""Rows with named columns: units, electrodes, regions of interest, and intervals of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError
from panneuro.core.extras import need

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


AREA_COLUMNS = ("location", "area", "brain_area", "brain_region", "structure", "region")
"""How columns that say where a unit or an electrode lies are called, NWB's name first."""


def area_column(columns: Iterable[str]) -> str | None:
    """Return the column that says where units or electrodes lie, None where none does.

    Examples
    --------
    >>> area_column(["x_um", "brain_area"])
    'brain_area'
    """
    known = set(columns)
    return next((name for name in AREA_COLUMNS if name in known), None)


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A table that is read when its rows are asked for.

    Parameters
    ----------
    name : str
        ``"units"``, ``"electrodes"``, ….
    load : callable
        Returns the rows as a ``pandas.DataFrame`` or a ``pyarrow.Table``.
    columns : tuple of str
        Names of the columns.
    n_rows : int
        Number of rows.
    descriptions : mapping
        What each column means, with its unit.
    description : str
        One sentence for people.
    path : str
        Where it lies in the asset's NWB store, once it is there.

    Examples
    --------
    >>> import pandas as pd
    >>> electrodes = Table.from_frame("electrodes", pd.DataFrame({"x_um": [0, 32]}))
    >>> electrodes
    <Table 'electrodes' 2 rows: x_um>
    >>> electrodes.df.x_um.tolist()
    [0, 32]
    """

    name: str
    load: Callable[[], Any]
    columns: tuple[str, ...]
    n_rows: int
    descriptions: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    path: str = ""

    @classmethod
    def from_frame(cls, name: str, frame: pd.DataFrame, **fields: Any) -> Self:
        """Build a table from a DataFrame in memory; each column gets a text of its own as name."""
        named = frame.set_axis(_unique(map(str, frame.columns)), axis=1)
        return cls(name, lambda: named, tuple(named.columns), len(named), **fields)

    def where(self, chosen: npt.ArrayLike) -> Self:
        """Return some of the rows, in their order.

        Parameters
        ----------
        chosen : array-like of bool, shape (n_rows,)
            Which ones.

        Raises
        ------
        InputError
            If it does not say yes or no of each row.

        Examples
        --------
        >>> import pandas as pd
        >>> electrodes = Table.from_frame("electrodes", pd.DataFrame({"area": ["CA1", "V1"]}))
        >>> electrodes.where(electrodes["area"] == "CA1")
        <Table 'electrodes' 1 rows: area>
        """
        try:
            rows = np.asarray(chosen)
        except ValueError:  # Rows of several lengths.
            rows = np.array(None)
        if rows.dtype != np.bool_ or rows.shape != (self.n_rows,):
            raise InputError(
                f"rows of {self.name!r} were chosen by {rows.dtype} of shape {rows.shape}, not by "
                f"one bool for each of {self.n_rows}",
                hint='compare a column: trials.where(trials["response"] == "hit")',
            )
        kept = self.df[rows].reset_index(drop=True)
        return replace(self, load=lambda: kept, n_rows=len(kept), path="")

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        shown = ", ".join(self.columns[:6]) + (", …" if len(self.columns) > 6 else "")
        return f"<{type(self).__name__} {self.name!r} {self.n_rows} rows: {shown}>"

    def __getitem__(self, column: str) -> Any:
        if column not in self.columns:
            raise InputError(
                f"table {self.name!r} has no column {column!r}",
                hint=f"its columns: {', '.join(self.columns)}",
            )
        return self.df[column].to_numpy()

    @cached_property
    def _rows(self) -> Any:
        return self.load()

    @property
    def df(self) -> pd.DataFrame:
        """The rows as a ``pandas.DataFrame``, which draws itself: ``units.df.neuro.plot()``."""
        import panneuro.signals.plot_tables  # noqa: F401 - gives it the accessor

        rows = self._rows
        return cast("pd.DataFrame", rows.to_pandas() if hasattr(rows, "to_pandas") else rows)

    @property
    def arrow(self) -> pa.Table:
        """The rows as a ``pyarrow.Table``."""
        import pyarrow as pa

        rows = self._rows
        return rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows)


def _unique(names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        others = (f"{name}_{number}" for number in count(2))
        found[next(other for other in chain([name], others) if other not in found)] = None
    return list(found)


@dataclass(frozen=True, eq=False, repr=False)
class Intervals(Table):
    """A table whose rows begin at ``start_time`` and end at ``stop_time``, in seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"start_time": [0.0, 2.0], "stop_time": [1.0, 3.5]})
    >>> trials = Intervals.from_frame("trials", frame)
    >>> trials.durations_s
    array([1. , 1.5])
    """

    def __post_init__(self) -> None:
        missing = {"start_time", "stop_time"} - set(self.columns)
        if missing:
            raise InputError(f"intervals {self.name!r} have no column {sorted(missing)[0]!r}")

    @property
    def durations_s(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """How long each interval lasts, in seconds."""
        return np.asarray(self.df["stop_time"] - self.df["start_time"], dtype=np.float64)

    @property
    def span_s(self) -> tuple[float, float] | None:
        """When the first interval begins and the last one ends, in seconds; None of no interval.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"start_time": [0.5, 2.0], "stop_time": [1.0, 3.5]})
        >>> Intervals.from_frame("trials", frame).span_s
        (0.5, 3.5)
        """
        columns = (self.df[name].to_numpy() for name in ("start_time", "stop_time"))
        bounds = [column[np.isfinite(column)] for column in columns if column.dtype.kind in "iuf"]
        known = np.concatenate(bounds) if bounds else np.empty(0)
        return (float(known.min()), float(known.max())) if len(known) else None

    def to_pynapple(self) -> Any:
        """Return a pynapple ``IntervalSet`` of the intervals that last longer than nothing."""
        pynapple = need("pynapple", "pynapple", "Converting intervals to pynapple")
        rows = self.df[self.df["stop_time"] > self.df["start_time"]].sort_values("start_time")
        return pynapple.IntervalSet(
            start=rows["start_time"].to_numpy(float), end=rows["stop_time"].to_numpy(float)
        )
