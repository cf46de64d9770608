"""Every result of the room draws itself: ``found.neuro.plot()``.

Results are arrays, datasets and tables of xarray and pandas; importing this room gives them the
accessor ``neuro``. Those that are neither, such as a decoding or a replay, have ``plot`` of their
own. What is drawn follows from the dims: rates over time are lines with their errors, a spectrogram
is a map, a raster ticks, pairs of units a matrix, draws a strip of dots. Selecting and averaging
with xarray first says what the figure is of. Figures are as wide as a column, have units on every
axis and colours that people with any form of colour blindness tell apart; each is the Axes it
returns, to be changed or saved: ``ax.figure.savefig("rates.pdf")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from panneuro.analysis.plot_curves import (
    draw_curves,
    draw_distribution,
    draw_estimates,
    draw_lags,
    draw_phases,
    draw_points,
    draw_raster,
    draw_strip,
    draw_track,
    is_course,
)
from panneuro.analysis.plot_maps import draw_map, is_list
from panneuro.analysis.plot_style import COLOURS, COLUMN_IN, axis_of, named, styled
from panneuro.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Limits = Mapping[str, tuple[float | None, float | None]]

_ALONG = ("time", "lag", "frequency", "trial", "x", "position")
_LISTS = ("unit", "channel", "presentation", "other", "feature")
_REPEATS = ("draw", "fold")
_SIGNIFICANT = 0.05
_MAPS = ({"x", "y"}, {"time", "frequency"}, {"trial", "item"}, {"label", "predicted"})
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


@xr.register_dataarray_accessor("neuro")  # type: ignore[no-untyped-call]
@xr.register_dataset_accessor("neuro")  # type: ignore[no-untyped-call]
class Drawn:
    """How an array or dataset draws itself.

    Examples
    --------
    >>> from panneuro.analysis.psth import psth_by_condition
    >>> trains = {4: [0.1, 0.2, 1.1, 1.3]}
    >>> mean = psth_by_condition(trains, [0, 1], ["go", "go"], (0.0, 0.5), 0.1)
    >>> ax = mean.sel(unit=4).neuro.plot()
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time from onset (s)', 'rate (Hz)')
    """

    def __init__(self, result: xr.DataArray | xr.Dataset) -> None:
        self._result = result

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the result.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes

        Raises
        ------
        InputError
            If it has more dims than a figure has axes.
        MissingExtraError
            If matplotlib is not installed.
        """
        found = self._result.squeeze(drop=True)
        if isinstance(found, xr.Dataset):
            return _dataset(found, ax)
        return _array(found, ax)


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


def _dataset(found: xr.Dataset, ax: Axes | None) -> Axes:
    names = set(found.data_vars)
    if "spike" in found.dims:
        with styled(ax) as axes:
            return draw_raster(axes, found)
    if {"strength", "ppc", "phase", "p"} <= names:
        if found["phase"].dims != ("unit",):
            return _array(found["ppc"], ax)
        with styled(ax, (COLUMN_IN, 2.8), projection="polar") as axes:
            return draw_phases(axes, found)
    if {"position", "true_position"} <= names:
        with styled(ax) as axes:
            return draw_track(axes, found)
    if {"observed", "expected"} <= names:
        return _array(found["observed"], ax, expected=found["expected"])
    main = found[next(iter(found.data_vars))]
    main = main.assign_attrs({**found.attrs, **main.attrs})
    if "permutation" in found.dims and "null" in found:
        main.attrs.setdefault("chance", float(found["null"].mean()))
    return _array(main, ax, _range(found, main), significant=_significant(found, main))


def _significant(found: xr.Dataset, main: xr.DataArray) -> xr.DataArray | None:
    """Return where a test says that there is something, corrected for all places."""
    if "p_max" in found and found["p_max"].dims == main.dims and found["p_max"].notnull().any():
        return found["p_max"] < _SIGNIFICANT
    if {"cluster", "p"} <= set(found.data_vars) and found["p"].dims == ("cluster_number",):
        return found["cluster"].isin(found["cluster_number"][found["p"] < _SIGNIFICANT])
    return None


def _range(found: xr.Dataset, main: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray] | None:
    """Return the ends of the range around the main variable, if the dataset has one."""
    if "sem" in found:
        return main - found["sem"], main + found["sem"]
    return (found["low"], found["high"]) if {"low", "high"} <= set(found.data_vars) else None


def _array(
    array: xr.DataArray,
    ax: Axes | None,
    between: tuple[xr.DataArray, xr.DataArray] | None = None,
    expected: xr.DataArray | None = None,
    significant: xr.DataArray | None = None,
) -> Axes:
    dims = [str(dim) for dim in array.dims]
    repeated = [dim for dim in dims if dim in _REPEATS]
    if len(repeated) == 1 and len(dims) == 2 and between is None:
        return _repeats(array, repeated[0], ax)
    along = [dim for dim in _ALONG if dim in dims]
    if len(dims) == 2 and _is_map(array, dims, along, between is not None):
        x = "x" if "x" in dims else along[0] if along and "trial" not in along else dims[1]
        y = next(dim for dim in dims if dim != x)
        square = (COLUMN_IN, 2.8) if not along or x == "x" else (COLUMN_IN, 2.3)
        with styled(ax, square) as axes:
            return draw_map(axes, array, x, y)
    with styled(ax) as axes:
        if dims == ["lag"] and array.attrs.get("units") == "spike pairs":
            return draw_lags(axes, array, expected)
        if 1 <= len(dims) <= 2 and (len(along) == 1 or is_course(array, dims[-1])):
            along = along or dims[-1:]
            hue = next((dim for dim in dims if dim != along[0]), None)
            return draw_curves(axes, array, along[0], hue, between, significant)
        if 1 <= len(dims) <= 2 and (between is not None or dims[-1] not in _LISTS):
            hue = dims[0] if len(dims) == 2 else None
            return draw_points(axes, array, dims[-1], hue, between)
        if len(dims) == 1:
            return draw_distribution(axes, *axis_of(array), f"{dims[0]}s")
    raise _too_many(array, dims)


def _repeats(array: xr.DataArray, over: str, ax: Axes | None) -> Axes:
    """Draw every draw beside its name, or the mean over folds with its standard error."""
    (other,) = (str(dim) for dim in array.dims if dim != over)
    if other in array.coords and array[other].dtype.kind not in "biuf":
        with styled(ax) as axes:
            return draw_strip(axes, array.transpose(other, over))
    mean = array.mean(over, keep_attrs=True)
    sem = array.std(over, ddof=1) / np.sqrt(array.sizes[over])
    return _array(mean, ax, (mean - sem, mean + sem))


def _is_map(array: xr.DataArray, dims: list[str], along: list[str], has_range: bool) -> bool:
    if set(dims) in _MAPS or len(along) == 2:
        return True
    if along:
        other = next(dim for dim in dims if dim != along[0])
        return array.sizes[other] > len(COLOURS)
    if not has_range and not any(is_list(array, dim) for dim in dims):
        return True
    if not has_range and array.sizes[dims[0]] > len(COLOURS):
        return True
    return any("other" in dim for dim in dims) or all(dim in _LISTS for dim in dims)


def _too_many(array: xr.DataArray, dims: list[str]) -> InputError:
    sizes = " × ".join(f"{array.sizes[dim]} {dim}" for dim in dims) or "no dims"
    spare = next((dim for dim in dims if dim in _LISTS), dims[0] if dims else "unit")
    return InputError(
        f"a figure cannot show {array.name!r} of {sizes}",
        hint=f"choose one, or average: found.isel({spare}=0), found.mean({spare!r})",
    )
