"""Tables draw themselves: ``units.df.neuro.plot()`` shows how each column is distributed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import InputError
from panneuro.signals.plot_curves import draw_distribution, draw_estimates
from panneuro.signals.plot_style import COLUMN_IN, named, styled

Limits = Mapping[str, tuple[float | None, float | None]]

_SUFFIXES = {
    "v_per_s": "V/s",
    "hz_per_a": "Hz/A",
    "ohm": "Ω",
    "hz": "Hz",
    "s": "s",
    "v": "V",
    "a": "A",
    "f": "F",
}
"""Units at the end of the names of columns."""


@pd.api.extensions.register_dataframe_accessor("neuro")
class DrawnTable:
    """How a table of units, spikes or events draws itself.

    Examples
    --------
    >>> table = pd.DataFrame({"firing_rate": [1.0, 2.0, 9.0], "presence_ratio": [0.9, 1.0, 1.0]})
    >>> axes = table.neuro.plot({"presence_ratio": (0.95, None)})
    >>> [ax.get_xlabel() for ax in axes]
    ['firing rate', 'presence ratio']
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def plot(self, limits: Limits | None = None) -> npt.NDArray[Any]:
        """Draw how each column of numbers is distributed; of estimates, their intervals.

        Parameters
        ----------
        limits : mapping, optional
            For each metric the least and the greatest value that passes, such as those of one of
            :data:`~panneuro.analysis.quality_presets.PRESETS`; dashed lines.

        Returns
        -------
        ndarray of Axes, shape (n_columns,)
        """
        if {"value", "low", "high"} <= set(self._table.columns):
            with styled(None) as ax:
                return np.array([draw_estimates(ax, self._table)])
        columns = self._table.select_dtypes("number").columns.tolist()
        if not columns:
            raise InputError("the table has no column of numbers to draw")
        across = min(3, len(columns))
        down = -(-len(columns) // across)
        width = COLUMN_IN * (1 if across == 1 else 2)
        with styled(None, (width, 1.7 * down)) as ax:
            figure: Any = ax.figure
            ax.remove()
            found = [figure.add_subplot(down, across, at + 1) for at in range(len(columns))]
            rows = f"{self._table.index.name or 'row'}s"
            for one, name in zip(found, columns, strict=True):
                given = (limits or {}).get(name)
                values = self._table[name].to_numpy()
                draw_distribution(one, values, self._label(str(name)), rows, given)
        return np.array(found)

    def _label(self, column: str) -> str:
        """Return a column's name with its unit, as the table or the end of the name tells it."""
        unit = self._table.attrs.get("units", {}).get(column, "")
        ends = (end for end in _SUFFIXES if not unit and column.endswith(f"_{end}"))
        if end := next(ends, ""):
            column, unit = column.removesuffix(f"_{end}"), _SUFFIXES[end]
        return named(column.replace("_", " "), unit)
