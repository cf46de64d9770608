"""Sheets of panels that steps draw on, in the style of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from panneuro.core.extras import need
from panneuro.signals.plot_style import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@contextmanager
def sheet(
    columns: int, rows: int = 1, *, panel_in: tuple[float, float] = (2.6, 2.2)
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Give a figure and its panels, row by row.

    Parameters
    ----------
    columns, rows : int
        How many panels.
    panel_in : tuple of float
        Width and height of one, in inches.
    """
    matplotlib = need("matplotlib", "plot", "Drawing the result of a step")
    figures = need("matplotlib.figure", "plot", "Drawing the result of a step")
    with matplotlib.rc_context(STYLE):
        size = (panel_in[0] * columns, panel_in[1] * rows)
        figure = figures.Figure(figsize=size, layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)
