"""Signals and results draw themselves: ``lfp.to_xarray().neuro.plot()``, ``found.neuro.plot()``.

Arrays and datasets of xarray have the accessor ``neuro`` once a signal or an analysis has made one,
and so have tables of pandas: :mod:`~panneuro.signals.plot_tables`. Results that are neither, such
as a decoding or a replay, have ``plot`` of their own. What is drawn follows from the dims: rates
over time are lines with their errors, a spectrogram is a map, a raster ticks, pairs of units a
matrix, draws a strip of dots. Selecting and averaging with xarray first says what the
figure is of. Figures are as wide as a column, have units on every axis and colours that people with
any form of colour blindness tell apart; each is the Axes it returns, to be changed or saved:
``ax.figure.savefig("rates.pdf")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from panneuro.core.errors import InputError
from panneuro.signals.plot_curves import (
    draw_curves,
    draw_distribution,
    draw_lags,
    draw_phases,
    draw_points,
    draw_raster,
    draw_strip,
    draw_track,
    is_course,
)
from panneuro.signals.plot_maps import draw_map, is_list
from panneuro.signals.plot_style import COLOURS, COLUMN_IN, axis_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALONG = ("time", "lag", "frequency", "trial", "x", "position")
_LISTS = ("unit", "channel", "presentation", "other", "feature")
_REPEATS = ("draw", "fold")
_SIGNIFICANT = 0.05
_MAPS = ({"x", "y"}, {"time", "frequency"}, {"trial", "item"}, {"label", "predicted"})


@xr.register_dataarray_accessor("neuro")  # type: ignore[no-untyped-call]
@xr.register_dataset_accessor("neuro")  # type: ignore[no-untyped-call]
class Drawn:
    """How an array or dataset draws itself.

    Examples
    --------
    >>> from panneuro.signals.timeseries import TimeSeries
    >>> lfp = TimeSeries("lfp", np.sin(np.arange(200.0)), "volts", rate_hz=100.0)
    >>> ax = lfp.to_xarray(0.5, 1.5).neuro.plot()
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time (s)', 'lfp (mV)')
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
    if len(dims) == 3 and {"area", "other_area"} < set(dims):
        return _array(_pairs_of_areas(array), ax)
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


def _pairs_of_areas(array: xr.DataArray) -> xr.DataArray:
    """Lay each pair of areas, and each with itself, once along one dim."""
    names = array["area"].to_numpy()
    pairs = np.triu_indices(len(names))
    one, other = (xr.DataArray(at, dims="areas") for at in pairs)
    found = array.isel(area=one, other_area=other).drop_vars(["area", "other_area"])
    named = [f"{names[one]}, {names[other]}" for one, other in zip(*pairs, strict=True)]
    return found.assign_coords(areas=named).transpose(..., "areas")


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
