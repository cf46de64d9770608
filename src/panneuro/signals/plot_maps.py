"""Figures of colour: spectrograms, receptive fields, matrices of pairs, many units over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panneuro.core.extras import need
from panneuro.signals.plot_style import Floats, axis_of, finish, is_p, said

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_FEW_NAMES = 16
_FEW_NUMBERS = 10
_FEW_ROWS = 12
_LEAST_P = 1e-12
_LONGEST = 4
"""A matrix of pairs that is longer than that many times its width has no squares for cells."""
_ALIKE = ({"x", "y"}, {"train_time", "test_time"}, {"label", "predicted"})
"""Axes of one scale."""


def draw_map(ax: Axes, array: xr.DataArray, x: str, y: str) -> Axes:
    """Draw a colour for each value over two axes.

    Power is on a logarithmic scale; what goes below zero as well as above has white at zero, or at
    chance; all else a scale from zero, or from its least value, that is even to the eye. Where each
    has a correlation or coherence of one with itself, the diagonal is left white: the scale is that
    of the others.
    """
    (places, xlabel), (rows, ylabel) = (_axis(array, dim) for dim in (x, y))
    if x == "other":
        xlabel = f"other {ylabel}"
    values, label = axis_of(array)
    values = values.transpose([array.get_axis_num(dim) for dim in (y, x)])
    if _pairs(x, y) and _with_themselves(array, values, x, y):
        np.fill_diagonal(values, np.nan)
    given = {"shading": "nearest", "rasterized": True, **_colours(array, values)}
    mesh = ax.pcolormesh(places, rows, np.ma.masked_invalid(values), **given)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=22)
    bar.outline.set_visible(False)
    bar.set_label(label)
    if "chance" in array.attrs and np.isfinite(values).any():
        # White is at chance, and as much below it may not be possible.
        bar.ax.set_ylim(bottom=max(bar.ax.get_ylim()[0], min(0.0, float(np.nanmin(values)))))
    if y == "frequency" and len(rows) > 2 and _is_geometric(rows):
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
    few, many = sorted((len(places), len(rows)))
    lists = is_list(array, x) and is_list(array, y)
    alike = {x, y} in _ALIKE or (_pairs(x, y) and lists and many <= _LONGEST * few)
    if alike:
        ax.set_aspect("equal")
    for dim, axis, name in ((x, ax.xaxis, "x"), (y, ax.yaxis, "y")):
        _ticks(array, dim, axis, tilted=name == "x")
    if is_list(array, y):
        ax.invert_yaxis()
    return finish(ax, places, xlabel, ylabel, zero=not alike)


def _pairs(x: str, y: str) -> bool:
    return "other" in x or "other" in y


def _with_themselves(array: xr.DataArray, values: Floats, x: str, y: str) -> bool:
    """Return whether rows and columns are the same, and each is one with itself."""
    if array.sizes[x] != array.sizes[y] or not np.array_equal(array[x], array[y]):
        return False
    own = values.diagonal()
    return bool(np.allclose(own[np.isfinite(own)], 1)) and own.size > 1


def is_list(array: xr.DataArray, dim: str) -> bool:
    """Return whether the places of a dim have no distance: units, areas, labels.

    Examples
    --------
    >>> import xarray as xr
    >>> rates = xr.DataArray(np.ones((2, 2)), {"time": [0.1, 0.2]}, ("unit", "time"))
    >>> is_list(rates, "unit"), is_list(rates, "time")
    (True, False)
    """
    if dim in ("label", "predicted"):
        return True
    named = dim in ("time", "lag", "frequency", "x", "y")
    return not (named or (dim in array.coords and array[dim].dtype.kind == "f"))


def _axis(array: xr.DataArray, dim: str) -> tuple[Floats, str]:
    if is_list(array, dim):
        return np.arange(array.sizes[dim], dtype=np.float64), dim.replace("_", " ")
    return axis_of(array[dim])


def _ticks(array: xr.DataArray, dim: str, axis: Any, *, tilted: bool) -> None:
    """Name the places of a list, or only some of them where there are many."""
    if not is_list(array, dim):
        return
    count = array.sizes[dim]
    names = array[dim].to_numpy() if dim in array.coords else np.arange(count)
    number = pd.api.types.is_numeric_dtype(names.dtype)
    step = 1 if count <= (_FEW_NUMBERS if number else _FEW_NAMES) else _round(count / 8)
    at = np.arange(0, count, step)
    long = tilted and not number and count > 4
    how = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axis.set_ticks(at, [said(name) for name in names[at]], **how)
    axis.set_tick_params(length=0 if count <= _FEW_ROWS else 3)


def _round(least: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, … that is not less."""
    size: int = 10 ** int(np.log10(max(least, 1)))
    return next(digit * size for digit in (1, 2, 5, 10) if digit * size >= least)


def _colours(array: xr.DataArray, values: Floats) -> dict[str, Any]:
    colours = need("matplotlib.colors", "plot", "Drawing figures")
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    unit = str(array.attrs.get("units", ""))
    middle = float(array.attrs.get("chance", 0.0))
    if low < middle < high:
        reach = max(middle - low, high - middle)
        return {"cmap": "RdBu_r", "vmin": middle - reach, "vmax": middle + reach}
    if unit.endswith(("²/Hz", "²")) and low >= 0 < high:
        # A few bins of hardly any power would take the scale far below what matters.
        floor = max(float(np.quantile(finite, 0.02)), high * 1e-6)
        return {"cmap": "viridis", "norm": colours.LogNorm(floor, high)}
    if is_p(array) and low < high:
        return {"cmap": "viridis_r", "norm": colours.LogNorm(max(low, _LEAST_P), high, clip=True)}
    if unit == "spikes" and array.dtype.kind in "ui":
        return {"cmap": "Greys", "vmin": 0, "vmax": max(high, 1.0)}
    least = min(0.0, low)
    return {"cmap": "viridis", "vmin": least, "vmax": high if high > least else least + 1}


def _is_geometric(rows: Floats) -> bool:
    if rows[0] <= 0:
        return False
    steps = np.diff(np.log(rows))
    return bool(np.ptp(steps) < 1e-6 * abs(steps[0]))
