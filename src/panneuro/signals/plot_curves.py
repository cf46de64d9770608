"""Figures of lines and points: rates over time, spectra, tuning, correlograms, rasters, phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import InputError
from panneuro.signals.plot_style import (
    COLOURS,
    DASHED,
    GREY,
    Floats,
    axis_of,
    finish,
    is_p,
    named,
    readable,
    reference,
    said,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_MANY_POINTS = 20_000
_FEW_STIMULI = 24
_LINE_POINTS = 2
_LEAST_APART = 0.08
"""Share of an axis that two ticks need between them, for their numbers not to touch."""


def draw_curves(
    ax: Axes,
    array: xr.DataArray,
    x: str,
    hue: str | None,
    between: tuple[xr.DataArray, xr.DataArray] | None,
    significant: xr.DataArray | None = None,
) -> Axes:
    """Draw a line for each value of `hue` over `x`, with the range between two others shaded.

    A bar below tells where it is significant, in the colour of the line.
    """
    places, xlabel = axis_of(array[x], ax.get_xlabel())
    if x == "time" and x not in array.coords:
        xlabel = "time (bins)"
    values, ylabel = axis_of(array, ax.get_ylabel())
    factor = readable(array, str(array.attrs.get("units", "")), ylabel)[0]
    dims = [x] if hue is None else [hue, x]
    lines = _rows(values, array, dims)
    ends = (
        None if between is None else [_rows(end.to_numpy() * factor, end, dims) for end in between]
    )
    names = _names(array, hue)
    # What is drawn over other curves goes on with the next colour.
    first = sum(np.size(line.get_xdata()) > _LINE_POINTS for line in ax.lines)
    for number, (line, name) in enumerate(zip(lines, names, strict=True)):
        colour = COLOURS[(first + number) % len(COLOURS)]
        ax.plot(places, line, color=colour, label=name)
        if ends is not None:
            low, high = (end[number] for end in ends)
            ax.fill_between(places, low, high, color=colour, alpha=0.25, lw=0)
    if not first:
        ax.margins(x=0)
    if significant is not None:
        edges = _edges(places)
        for number, mask in enumerate(_rows(significant.to_numpy(), significant, dims) > 0):
            colour = COLOURS[(first + number) % len(COLOURS)]
            ax.hlines(
                np.full(mask.sum(), 0.015 + 0.025 * number),
                edges[:-1][mask],
                edges[1:][mask],
                color=colour,
                lw=2.2,
                transform=ax.get_xaxis_transform(),
            )
    if not first:
        _scale(ax, array, values)
    if "chance" in array.attrs:
        reference(ax, float(array.attrs["chance"]), "chance")
    _legend(ax, array, hue)
    return finish(ax, places, xlabel, ylabel, zero=True)


def draw_points(
    ax: Axes,
    array: xr.DataArray,
    x: str,
    hue: str | None,
    between: tuple[xr.DataArray, xr.DataArray] | None,
) -> Axes:
    """Draw a point for each stimulus, with its error; lines join what has an order."""
    places, xlabel = _stimuli(ax, array[x])
    line_style = "-" if _is_numeric(array[x]) else "none"
    values, ylabel = axis_of(array, ax.get_ylabel())
    dims = [x] if hue is None else [hue, x]
    names = _names(array, hue)
    lines = _rows(values, array, dims)
    errors: list[Floats | None] = [None] * len(names)
    if between is not None:
        factor = readable(array, str(array.attrs.get("units", "")), ylabel)[0]
        low, high = (_rows(end.to_numpy() * factor, end, dims) for end in between)
        errors = [np.maximum(both, 0) for both in np.stack([lines - low, high - lines], axis=1)]
    for number, (line, name) in enumerate(zip(lines, names, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        how: Any = {"color": colour, "marker": "o", "ms": 3.5, "elinewidth": 0.8, "label": name}
        ax.errorbar(places, line, errors[number], ls=line_style, **how)
    if line_style == "none":
        ax.set_xlim(-0.6, len(places) - 0.4)
    _scale(ax, array, values)
    _legend(ax, array, hue)
    return finish(ax, places, xlabel, ylabel)


def draw_strip(ax: Axes, array: xr.DataArray) -> Axes:
    """Draw a dot for every draw of each name, dims (name, draw), and a bar at their mean."""
    values, ylabel = axis_of(array)
    names = array[array.dims[0]]
    for number, row in enumerate(values):
        colour = COLOURS[number % len(COLOURS)]
        beside = number + np.linspace(-0.2, 0.2, len(row))
        ax.plot(beside, row, "o", color=colour, ms=2.5, alpha=0.5, mew=0)
        ax.plot([number - 0.3, number + 0.3], [np.nanmean(row)] * 2, color=colour, lw=2)
    places, xlabel = _stimuli(ax, names)
    ax.set_xlim(-0.6, len(values) - 0.4)
    _scale(ax, array, values)
    return finish(ax, places, xlabel, ylabel)


def draw_lags(ax: Axes, array: xr.DataArray, expected: xr.DataArray | None) -> Axes:
    """Draw a correlogram as bars, with what is expected by chance and its 99 % Poisson range."""
    lags, xlabel = axis_of(array["lag"], ax.get_xlabel())
    counts, ylabel = axis_of(array)
    edges = _edges(lags)
    ax.stairs(counts, edges, fill=True, color="0.72")
    if expected is not None:
        mean = expected.to_numpy()
        reach = 2.576 * np.sqrt(mean)
        low, high = np.maximum(mean - reach, 0), mean + reach
        ax.fill_between(lags, low, high, color=COLOURS[0], alpha=0.25, lw=0)
        ax.plot(lags, mean, color=COLOURS[0], label="expected")
        ax.legend(labelcolor="linecolor")
    ax.set_xlim(edges[0], edges[-1])
    if counts.min(initial=0) >= 0:
        ax.set_ylim(bottom=0)
    return finish(ax, lags, xlabel, ylabel, zero=True)


def draw_raster(ax: Axes, spikes: xr.Dataset) -> Axes:
    """Draw a tick for every spike and a row for every presentation, together by condition."""
    times, xlabel = axis_of(spikes["time"], ax.get_xlabel())
    rows, count = spikes["row"].to_numpy(), spikes.sizes["presentation"]
    names, members = np.array([""]), np.zeros(count, np.int64)
    if "condition" in spikes.coords:
        names, members = np.unique(spikes["condition"].to_numpy(), return_inverse=True)
    place = np.empty(count, np.int64)
    place[np.argsort(members, kind="stable")] = np.arange(count)
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
    size = min(8.0, max(1.2, 0.85 * height / max(1, count)))
    for number in range(len(names)):
        chosen = members[rows] == number
        colour = COLOURS[number % len(COLOURS)] if len(names) > 1 else "k"
        given: Any = {
            "marker": "|",
            "ms": size,
            "mew": 0.8,
            "rasterized": len(times) > _MANY_POINTS,
        }
        ax.plot(times[chosen], place[rows[chosen]], ls="none", color=colour, **given)
    if len(names) > 1:
        middles = [float(place[members == number].mean()) for number in range(len(names))]
        ax.set_yticks(middles, [said(name) for name in names])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
    ax.set_ylim(max(1, count) - 0.5, -0.5)
    return finish(ax, times, xlabel, "condition" if len(names) > 1 else "presentation", zero=True)


def draw_track(ax: Axes, found: xr.Dataset) -> Axes:
    """Draw decoded positions over the true ones: over time along a line, or in their plane."""
    both = [found[name] for name in ("true_position", "position")]
    true, decoded = (np.atleast_2d(one.to_numpy().T) for one in both)
    unit = str(both[0].attrs.get("units", ""))
    if len(true) > 1:
        xlabel, ylabel = (named(str(axis), unit) for axis in found["axis"].to_numpy()[:2])
        ax.set_aspect("equal")
    else:
        times, xlabel = axis_of(found["time"], ax.get_xlabel())
        true, decoded = (np.stack([times, one[0]]) for one in (true, decoded))
        ylabel = named("position", unit)
        ax.margins(x=0)
    how: Any = {"rasterized": found.sizes["time"] > _MANY_POINTS}
    ax.plot(*true[:2], color="0.7", lw=2, label="true", **how)
    ax.plot(*decoded[:2], ".", color=COLOURS[0], ms=2.5, mew=0, label="decoded", **how)
    ax.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, markerscale=2.5)
    return finish(ax, np.empty(0), xlabel, ylabel)


def draw_phases(ax: Any, locking: xr.Dataset) -> Axes:
    """Draw for each unit an arrow to its preferred phase, as long as its locking is strong."""
    if ax.name != "polar":
        raise InputError(
            "preferred phases are drawn on polar axes, not on these",
            hint='leave ax out, or make it with subplot_kw={"projection": "polar"}',
        )
    strength, phase = locking["strength"].to_numpy(), locking["phase"].to_numpy()
    locked = locking["p"].to_numpy() < 0.05
    for chosen, colour, label in ((~locked, "0.6", "p ≥ 0.05"), (locked, COLOURS[0], "p < 0.05")):
        if chosen.any():
            ends = np.stack([np.zeros(int(chosen.sum())), strength[chosen]])
            ax.plot(np.stack([phase[chosen]] * 2), ends, color=colour, lw=0.9)
            ax.plot(phase[chosen], strength[chosen], "o", color=colour, ms=3, label=label)
    ax.set_xticks(np.arange(4) * np.pi / 2, ["peak", "π/2", "trough", "−π/2"])
    longest = float(np.nanmax(strength, initial=0.1))
    ax.set_rmax(1.08 * longest)
    step = next(step for step in (0.05, 0.1, 0.25, 0.5) if longest < 3.5 * step)
    ax.set_rticks(np.arange(step, longest, step))
    ax.set_rlabel_position(_farthest(phase[np.isfinite(phase)]))
    ax.grid(color="0.88", lw=0.6)
    ax.spines["polar"].set_visible(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0.88, 0.88), handletextpad=0.2)
    drawn: Axes = ax
    return drawn


def _farthest(phases: Floats) -> float:
    """Return which of the directions between the labels of a circle is farthest from all phases."""
    directions = np.array([135.0, 45.0, 225.0, 315.0])
    apart = np.angle(np.exp(1j * (np.deg2rad(directions)[:, None] - phases)))
    return float(directions[np.abs(apart).min(axis=1, initial=np.pi).argmax()])


def draw_distribution(
    ax: Axes,
    values: npt.ArrayLike,
    label: str,
    of: str = "units",
    limits: tuple[float | None, float | None] | None = None,
) -> Axes:
    """Draw how often values occur, with the limits that units must keep to."""
    array = np.asarray(values, np.float64)
    array = array[np.isfinite(array)]
    if not len(array):
        ax.text(0.5, 0.5, "no values", color=GREY, ha="center", transform=ax.transAxes)
    elif np.ptp(array) == 0:
        ax.hist(
            array,
            (array[0] + np.array([-0.03, 0.03]) * max(1.0, abs(array[0]))).tolist(),
            color="0.72",
        )
    else:
        bins = np.histogram_bin_edges(array, bins="auto")
        bins = bins if len(bins) <= 60 else np.linspace(bins[0], bins[-1], 61)
        ax.hist(array, bins.tolist(), color="0.72")
    for limit in limits or ():
        if limit is not None:
            ax.axvline(limit, color=COLOURS[1], lw=1, ls=DASHED)
    ax.set_ylim(bottom=0)
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5, integer=True)
    return finish(ax, array, label, of)


def draw_estimates(ax: Axes, table: pd.DataFrame) -> Axes:
    """Draw the value of each row as a point, with its interval."""
    values = table["value"].to_numpy(np.float64)
    low, high = table[["low", "high"]].to_numpy(np.float64).T
    places = np.arange(len(table), dtype=np.float64)
    ax.plot(values, places, "o", color=COLOURS[0], ms=4)
    ax.hlines(places, low, high, color=COLOURS[0], lw=1)
    ax.set_yticks(places, [said(name) for name in table.index])
    ax.set_ylim(len(table) - 0.5, -0.5)
    return finish(ax, values, "value", str(table.index.name or ""), zero=True)


def _edges(places: Floats) -> Floats:
    """Return where evenly spaced bins begin and end, of which the places are the middles."""
    width = float(np.diff(places).mean()) if len(places) > 1 else 1.0
    return np.append(places - width / 2, places[-1] + width / 2)


def _rows(values: npt.NDArray[Any], array: xr.DataArray, dims: list[str]) -> Floats:
    order = [array.get_axis_num(dim) for dim in dims]
    return np.atleast_2d(values.transpose(order)).astype(np.float64)


def _names(array: xr.DataArray, hue: str | None) -> list[str | None]:
    if hue is None:
        return [None]
    values = array[hue].to_numpy() if hue in array.coords else np.arange(array.sizes[hue])
    unit = str(array[hue].attrs.get("units", ""))
    return [said(value) + (unit if unit == "°" else f" {unit}" if unit else "") for value in values]


def _legend(ax: Axes, array: xr.DataArray, hue: str | None) -> None:
    if hue is not None:
        title = str(array[hue].attrs.get("long_name", hue)).replace("_", " ")
        legend = ax.legend(
            labelcolor="linecolor",
            title=title,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.0, 1.03),
            borderaxespad=0.3,
        )
        legend.get_title().set_color(GREY)


def _scale(ax: Axes, array: xr.DataArray, values: Floats) -> None:
    """Draw power and p on a logarithmic scale, and what cannot be negative from zero."""
    density = str(array.attrs.get("units", "")).endswith("/Hz")
    if (density or is_p(array)) and (values > 0).any():
        ax.set_yscale("log")
    elif not (values < 0).any() and not array.attrs.get("chance", 0) > 0.1 * values.max():
        ax.set_ylim(bottom=0)


def is_course(array: xr.DataArray, dim: str) -> bool:
    """Return whether a dim has so many numbers in order that a line is drawn through them.

    Examples
    --------
    >>> import xarray as xr
    >>> contrast = {"contrast": np.linspace(-1, 1, 200)}
    >>> is_course(xr.DataArray(np.ones(200), contrast, ("contrast",)), "contrast")
    True
    """
    has_numbers = dim in array.coords and array[dim].dtype.kind == "f"
    return has_numbers and array.sizes[dim] > _FEW_STIMULI


def _is_numeric(coordinate: xr.DataArray) -> bool:
    return pd.api.types.is_numeric_dtype(coordinate.dtype) and coordinate.dtype != bool


def _stimuli(ax: Axes, coordinate: xr.DataArray) -> tuple[Floats, str]:
    """Return where stimuli lie: at their number, or side by side."""
    if _is_numeric(coordinate):
        places, label = axis_of(coordinate)
        apart = np.diff(np.sort(places)).min(initial=np.inf)
        if len(places) <= 9 and apart >= _LEAST_APART * np.ptp(places):
            ax.set_xticks(places)
        return places, label
    places = np.arange(coordinate.size, dtype=np.float64)
    tilted = coordinate.size > 5 and max(map(len, map(str, coordinate.to_numpy()))) > 4
    labels = [said(value) for value in coordinate.to_numpy()]
    if coordinate.size <= _FEW_STIMULI:
        ax.set_xticks(
            places, labels, rotation=45 if tilted else 0, ha="right" if tilted else "center"
        )
    name = str(coordinate.attrs.get("long_name", coordinate.name)).replace("_", " ")
    return places, named(name, str(coordinate.attrs.get("units", "")))
