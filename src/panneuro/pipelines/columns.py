"""Which column of a table is meant: what was shown, and where a channel or a unit is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table, area_column
from panneuro.signals.timeseries import TimeSeries

if TYPE_CHECKING:
    from panneuro.lake.asset import Asset

CONDITION_COLUMNS = (
    "stimulus",
    "stimulus_name",
    "condition",
    "orientation",
    "image_name",
    "trial_type",
    "type",
)
"""Columns in which trials and presentations mostly say what was shown, the likeliest first."""

NOWHERE = "all"
"""The area of everything where nothing is known of areas."""


def shown(trials: Intervals, column: str = "") -> pd.DataFrame:
    """Return the trials of which it is known when they began and what was shown.

    Parameters
    ----------
    trials : Intervals
        One row a trial or presentation.
    column : str
        Which says what was shown; the first of `CONDITION_COLUMNS` that there is, where not given.

    Returns
    -------
    DataFrame
        ``start_time`` in seconds and ``condition``, in order of time.

    Raises
    ------
    InputError
        If there is no such column, or nothing in it.

    Examples
    --------
    >>> frame = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [1.0, 2.0]})
    >>> shown(Intervals.from_frame("trials", frame.assign(stimulus=["grey", None]))).to_dict("list")
    {'start_time': [0.0], 'condition': ['grey']}
    """
    known = set(trials.columns)
    chosen = column or next((name for name in CONDITION_COLUMNS if name in known), "")
    if chosen not in trials.columns:
        raise InputError(
            f"{trials.name!r} has no column {chosen!r} that says what was shown",
            hint=f"name one: condition={_some(trials)}",
        )
    rows = pd.DataFrame({"start_time": trials["start_time"], "condition": trials[chosen]})
    said = rows.dropna().sort_values("start_time", ignore_index=True)
    if said.empty:
        raise InputError(f"the column {chosen!r} of {trials.name!r} says nothing")
    return said


def areas_of_units(units: Events, column: str = "") -> npt.NDArray[np.str_]:
    """Return the area of each unit, `NOWHERE` where their table has none.

    Parameters
    ----------
    units : Events
        Of whose table a column says it.
    column : str
        Which; the first that is known to say it, where not given.

    Raises
    ------
    InputError
        If there is no column of that name.
    """
    return _areas(units.table, np.arange(len(units)), column)


def areas_of_channels(
    signal: TimeSeries, electrodes: Table | None, column: str = ""
) -> npt.NDArray[np.str_]:
    """Return the area of each channel, `NOWHERE` where no electrodes are known.

    Parameters
    ----------
    signal : TimeSeries
        Whose channels say their rows among the electrodes.
    electrodes : Table, optional
        One row an electrode.
    column : str
        As for `areas_of_units`.
    """
    rows = np.asarray(signal.electrodes or range(signal.n_channels), dtype=np.int64)
    return _areas(electrodes, rows, column)


def electrodes_of(asset: Asset) -> Table | None:
    """Return the electrodes of an asset, None if it has none."""
    return asset.electrodes if "electrodes" in asset else None


def _areas(table: Table | None, rows: npt.NDArray[np.int64], column: str) -> npt.NDArray[np.str_]:
    chosen = column or (area_column(table.columns) if table else None)
    if table is None or chosen is None or len(table) <= rows.max(initial=-1):
        if column:
            raise InputError(f"there is no table with a column {column!r} that says areas")
        return np.full(len(rows), NOWHERE)
    return np.asarray([str(area) for area in table[chosen]])[rows]


def _some(table: Table) -> str:
    other = [name for name in table.columns if name not in ("id", "start_time", "stop_time")]
    return " | ".join(other[:8]) or "…"
