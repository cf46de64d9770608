"""What all figures share: colours that everybody tells apart, readable type, labels with units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from panneuro.core.extras import need

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""After Okabe M, Ito K (2008), Color universal design; without the yellow, which fades on white."""

GREY = "0.45"
COLUMN_IN = 3.4
"""Width of a column of a journal, in inches."""

DASHED: Any = (0, (4, 3))

STYLE: dict[str, Any] = {
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.labelspacing": 0.25,
    "lines.linewidth": 1.2,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
"""The style of every figure, as matplotlib's settings; text in saved files stays text."""

_PREFIXES = ((1.0, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n"))
_VOLTS = {"volts": 1, "V": 1, "(volts)²": 2, "(volts)²/Hz": 2, "V²": 2, "V²/Hz": 2}
_POWERS = {1: "", 2: "²"}
_NONE = ("", "1")
_BRACKETS = re.compile(r"\((\w+)\)(?=²)")


@contextmanager
def styled(
    ax: Axes | None, size_in: tuple[float, float] = (COLUMN_IN, 2.5), **how: Any
) -> Iterator[Axes]:
    """Draw in the style, into given axes or those of a new figure.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a new figure is made where not given.
    size_in : tuple of float
        Width and height of a new figure in inches.
    **how
        For ``matplotlib.figure.Figure.add_subplot``.
    """
    pyplot = need("matplotlib.pyplot", "plot", "Drawing figures")
    with pyplot.rc_context(STYLE):
        if ax is None:
            figure = pyplot.figure(figsize=size_in, layout="compressed", dpi=150)
            ax = figure.add_subplot(**how)
        yield ax


def readable(values: npt.ArrayLike, unit: str, label: str = "") -> tuple[float, str]:
    """Return by what to multiply values so that they are easily read, and their unit then.

    The label of the axis that they go on, if it has one already, decides: whatever is drawn over
    something else is in the same unit.

    Examples
    --------
    >>> readable([2e-5], "volts")
    (1000000.0, 'µV')
    >>> readable([2e-5], "volts", "lfp (mV)")
    (1000.0, 'mV')
    >>> readable([4e-10], "(volts)²/Hz")
    (1000000000000.0, 'µV²/Hz')
    >>> readable([-0.05, 0.05], "s")
    (1000.0, 'ms')
    """
    spellings = _spellings(unit)
    taken = (one for one in spellings if label.endswith(f"({one[1]})"))
    if found := next(taken, None):
        return found
    largest = float(np.nanmax(np.abs(np.asarray(values, float)), initial=0.0))
    least = 0.3 if unit == "s" else 1.0
    if not largest:
        return spellings[0]
    return next((one for one in spellings if largest * one[0] >= least), spellings[-1])


def _spellings(unit: str) -> list[tuple[float, str]]:
    """Return by what to multiply for each way to write a unit, from large to small."""
    if unit == "s":
        return [(1.0, "s"), (1e3, "ms")]
    if unit not in _VOLTS:
        return [(1.0, _BRACKETS.sub(r"\1", unit))]
    power, density = _VOLTS[unit], "/Hz" if unit.endswith("/Hz") else ""
    return [(factor**power, f"{letter}V{_POWERS[power]}{density}") for factor, letter in _PREFIXES]


def named(name: str, unit: str) -> str:
    """Return the label of an axis.

    Examples
    --------
    >>> named("rate", "Hz"), named("spikes", "spikes"), named("p", "1")
    ('rate (Hz)', 'spikes', 'p')
    """
    return name if unit in (*_NONE, name) else f"{name} ({unit})"


def said(value: object) -> str:
    """Return a name or number as text.

    Examples
    --------
    >>> said(45.0), said("car")
    ('45', 'car')
    """
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def axis_of(array: xr.DataArray, label: str = "") -> tuple[Floats, str]:
    """Return the values of an array or coordinate as they are best read, and their label.

    The label that the axis has already decides on the unit, as in :func:`readable`.
    """
    values = array.to_numpy().astype(np.float64)
    factor, unit = readable(values, str(array.attrs.get("units", "")), label)
    name = str(array.attrs.get("long_name", array.name or "value")).replace("_", " ")
    return values * factor, named(name, unit)


def finish(ax: Axes, x: Floats, xlabel: str, ylabel: str, *, zero: bool = False) -> Axes:
    """Label the axes, and mark where zero is if the horizontal one goes through it."""
    if zero and x.size and x.min() < 0 < x.max():
        ax.axvline(0, color=GREY, lw=0.7, zorder=0.5)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def is_p(array: xr.DataArray) -> bool:
    """Return whether values are p-values, by their name.

    Examples
    --------
    >>> import xarray as xr
    >>> is_p(xr.DataArray(0.01, name="p_max")), is_p(xr.DataArray(3.0, name="power"))
    (True, False)
    """
    return str(array.name).split("_")[0] == "p" and array.attrs.get("units", "") in _NONE


def titled(ax: Axes, title: str) -> Axes:
    """Say above a figure what its numbers are."""
    ax.set_title(title, fontsize=STYLE["axes.titlesize"])
    return ax


def reference(ax: Axes, value: float, label: str) -> None:
    """Draw a dashed line at a value, such as what is expected by chance, and name it."""
    ax.axhline(value, color=GREY, lw=0.8, ls=DASHED)
    ax.annotate(
        label,
        (1, value),
        xycoords=ax.get_yaxis_transform(),
        xytext=(3, 0),
        textcoords="offset points",
        color=GREY,
        fontsize=7,
        ha="left",
        va="center",
        annotation_clip=False,
    )
