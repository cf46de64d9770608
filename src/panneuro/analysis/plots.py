"""Figures of the field, drawn well: each function takes arrays and an Axes, and returns the Axes.

Colours are those of Okabe and Ito, which people with any form of colour blindness tell apart, and
maps are perceptually uniform. Every axis says its unit. Nothing is drawn that carries no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""After Okabe M, Ito K (2008), Color universal design; without the yellow, which fades on white."""

GREY = "0.45"

_MANY_POINTS = 20_000


def raster(
    ax: Axes,
    time_s: npt.ArrayLike,
    row: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    n_rows: int | None = None,
    ylabel: str = "presentation",
) -> Axes:
    """Draw a tick for every spike, a row for every presentation.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    time_s : array-like of float, shape (n_spikes,)
        Seconds from the event.
    row : array-like of int, shape (n_spikes,)
        Which presentation, or unit, counted from 0.
    groups : array-like, shape (n_rows,), optional
        Condition of each presentation: rows are put together by it, each in a colour of its own.
    n_rows : int, optional
        Number of rows, where the last ones may have no spikes.
    ylabel : str
        What a row is.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> raster(ax, [0.1, 0.2, 0.1], [0, 0, 1], groups=["left", "right"]).get_xlabel()
    'time from onset (s)'
    """
    times, rows = _line(time_s, "times"), np.asarray(row, np.int64)
    if times.shape != rows.shape:
        raise InputError(f"{len(times)} spikes have {rows.shape!r} rows")
    count = int(rows.max(initial=-1)) + 1 if n_rows is None else n_rows
    names, members = _grouped(groups, count)
    order = np.argsort(members, kind="stable")
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    height = 72 * ax.bbox.height / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    size = min(8.0, max(1.5, 0.9 * height / max(1, count)))
    for number, colour in zip(range(len(names)), cycle(COLOURS if len(names) > 1 else ("k",))):
        chosen = members[rows] == number
        ax.plot(
            times[chosen],
            place[rows[chosen]],
            linestyle="none",
            marker="|",
            color=colour,
            markersize=size,
            markeredgewidth=0.9,
            rasterized=len(times) > _MANY_POINTS,
        )
    if len(names) > 1:
        middles = [float(place[members == number].mean()) for number in range(len(names))]
        ax.set_yticks(middles, [str(name) for name in names])
        ax.tick_params(axis="y", length=0)
    ax.set_ylim(max(1, count) - 0.5, -0.5)
    return _finish(ax, "time from onset (s)", ylabel, zero=True)


def psth(
    ax: Axes,
    time_s: npt.ArrayLike,
    rate_hz: npt.ArrayLike,
    sem_hz: npt.ArrayLike | None = None,
    *,
    labels: Sequence[object] = (),
    ylabel: str = "rate (Hz)",
) -> Axes:
    """Draw mean rates around an event, with their standard errors.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    time_s : array-like of float, shape (n_bins,)
        Middle of each bin in seconds from the event.
    rate_hz, sem_hz : array-like of float, shape (n_bins,) or (n_curves, n_bins)
        Mean and standard error.
    labels : sequence, optional
        Name of each curve.
    ylabel : str
        What is drawn, with its unit: z-scores have another.
    """
    _curves(ax, time_s, rate_hz, _around(rate_hz, sem_hz), labels)
    if np.asarray(rate_hz).min(initial=0) >= 0:
        ax.set_ylim(bottom=0)
    return _finish(ax, "time from onset (s)", ylabel, zero=True)


def tuning_curve(
    ax: Axes,
    stimulus: npt.ArrayLike,
    rate_hz: npt.ArrayLike,
    sem_hz: npt.ArrayLike | None = None,
    *,
    labels: Sequence[object] = (),
    xlabel: str = "orientation (°)",
    spontaneous_hz: float | None = None,
) -> Axes:
    """Draw mean responses to each stimulus, with their standard errors.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    stimulus : array-like of float, shape (n_stimuli,)
        The parameter that was varied.
    rate_hz, sem_hz : array-like of float, shape (n_stimuli,) or (n_curves, n_stimuli)
        Mean and standard error.
    labels : sequence, optional
        Name of each curve.
    xlabel : str
        The parameter and its unit.
    spontaneous_hz : float, optional
        Rate without a stimulus, drawn as a dashed line.
    """
    x, rates = _line(stimulus, "stimuli"), np.atleast_2d(np.asarray(rate_hz, np.float64))
    errors = [None] * len(rates) if sem_hz is None else np.atleast_2d(np.asarray(sem_hz))
    for rate, error, colour, label in zip(rates, errors, cycle(COLOURS), _names(labels, rates)):
        _same(x, rate)
        ax.errorbar(x, rate, error, color=colour, marker="o", markersize=4, lw=1.2, label=label)
    if spontaneous_hz is not None:
        ax.axhline(spontaneous_hz, color=GREY, lw=0.8, ls=(0, (4, 3)))
        at = (1, spontaneous_hz)
        ax.annotate(
            "spontaneous", at, xycoords=ax.get_yaxis_transform(), color=GREY, fontsize="small",
            ha="right", va="bottom",
        )  # fmt: skip
    if len(x) <= 12:
        ax.set_xticks(x)
    ax.set_ylim(bottom=0)
    _legend(ax, labels)
    return _finish(ax, xlabel, "rate (Hz)")


def receptive_field(
    ax: Axes,
    x_deg: npt.ArrayLike,
    y_deg: npt.ArrayLike,
    rate_hz: npt.ArrayLike,
    *,
    label: str = "rate (Hz)",
) -> Axes:
    """Draw a map of rates over the visual field, at its true aspect.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x_deg, y_deg : array-like of float, shape (n_x,) and (n_y,)
        Places of the stimulus, degrees of visual angle.
    rate_hz : array-like of float, shape (n_y, n_x)
        Rates; NaN where nothing was shown.
    label : str
        What the colour is, with its unit.
    """
    mesh = _map(ax, _line(x_deg, "places"), _line(y_deg, "places"), rate_hz, "viridis")
    mesh.set_clim(vmin=min(0.0, float(np.nanmin(np.asarray(rate_hz)))))
    ax.set_aspect("equal")
    _scale(ax, mesh, label)
    return _finish(ax, "azimuth (°)", "elevation (°)")


def spectrum(
    ax: Axes,
    frequency_hz: npt.ArrayLike,
    power: npt.ArrayLike,
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
    *,
    labels: Sequence[object] = (),
    ylabel: str = "power (V²/Hz)",
    log_frequency: bool = False,
) -> Axes:
    """Draw power spectra on a logarithmic scale, with confidence intervals.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    frequency_hz : array-like of float, shape (n_frequencies,)
        Frequencies; 0 is left out where they are drawn on a logarithmic scale.
    power, low, high : array-like of float, shape (n_frequencies,) or (n_curves, n_frequencies)
        Power density and the ends of its confidence interval.
    labels : sequence, optional
        Name of each curve.
    ylabel : str
        What is drawn, with its unit.
    log_frequency : bool
        Whether frequencies too are on a logarithmic scale.
    """
    between = None if low is None or high is None else (low, high)
    _curves(ax, frequency_hz, power, between, labels)
    ax.set_yscale("log")
    if log_frequency:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    return _finish(ax, "frequency (Hz)", ylabel)


def spectrogram(
    ax: Axes,
    time_s: npt.ArrayLike,
    frequency_hz: npt.ArrayLike,
    power: npt.ArrayLike,
    *,
    label: str = "power (dB)",
    centre: float | None = None,
    xlabel: str = "time (s)",
) -> Axes:
    """Draw power over time and frequency.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    time_s, frequency_hz : array-like of float, shape (n_times,) and (n_frequencies,)
        Middle of each column and row.
    power : array-like of float, shape (n_frequencies, n_times)
        Power, best in decibels.
    label : str
        What the colour is, with its unit.
    centre : float, optional
        For changes from a baseline: the value that is drawn white, with blue below and red above.
    xlabel : str
        What time is counted from.
    """
    x, y = _line(time_s, "times"), _line(frequency_hz, "frequencies")
    mesh = _map(ax, x, y, power, "viridis" if centre is None else "RdBu_r")
    if centre is not None:
        reach = float(np.nanmax(np.abs(np.asarray(power) - centre))) or 1.0
        mesh.set_clim(centre - reach, centre + reach)
    _scale(ax, mesh, label)
    if x.min() < 0 < x.max():
        ax.axvline(0, color="k", lw=0.8)
    return _finish(ax, xlabel, "frequency (Hz)")


def ccg(
    ax: Axes,
    lag_s: npt.ArrayLike,
    counts: npt.ArrayLike,
    expected: npt.ArrayLike | None = None,
    band: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    ylabel: str = "coincidences",
) -> Axes:
    """Draw a cross-correlogram, with what is expected by chance.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    lag_s : array-like of float, shape (n_lags,)
        Middle of each bin in seconds, evenly spaced.
    counts : array-like of float, shape (n_lags,)
        Coincidences, or their rate.
    expected : array-like of float, shape (n_lags,), optional
        Of jittered or shifted trains.
    band : tuple of two array-likes, optional
        Ends of the range that chance stays within.
    ylabel : str
        What is drawn, with its unit.
    """
    lags, values = 1e3 * _line(lag_s, "lags"), _line(counts, "counts")
    _same(lags, values)
    width = float(np.diff(lags).mean()) if len(lags) > 1 else 1.0
    edges = np.concatenate([lags - width / 2, lags[-1:] + width / 2])
    ax.stairs(values, edges, fill=True, color="0.75")
    if band is not None:
        low, high = (_line(end, "the band") for end in band)
        ax.fill_between(lags, low, high, color=COLOURS[0], alpha=0.25, lw=0)
    if expected is not None:
        ax.plot(lags, _line(expected, "expected"), color=COLOURS[0], lw=1.2)
    ax.set_xlim(edges[0], edges[-1])
    if values.min(initial=0) >= 0:
        ax.set_ylim(bottom=0)
    return _finish(ax, "lag (ms)", ylabel, zero=True)


def decoding(
    ax: Axes,
    time_s: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
    *,
    chance: float | None = None,
    significant: npt.ArrayLike | None = None,
    labels: Sequence[object] = (),
    ylabel: str = "accuracy",
) -> Axes:
    """Draw how well something is decoded over time.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    time_s : array-like of float, shape (n_times,)
        Middle of each window in seconds from the event.
    accuracy, low, high : array-like of float, shape (n_times,) or (n_curves, n_times)
        Accuracy from 0 to 1 and the ends of its interval.
    chance : float, optional
        Drawn as a dashed line.
    significant : array-like of bool, shape like `accuracy`, optional
        Where it is above chance: a bar below the curves, in their colour.
    labels : sequence, optional
        Name of each curve, such as areas.
    ylabel : str
        What is drawn.
    """
    between = None if low is None or high is None else (low, high)
    _curves(ax, time_s, accuracy, between, labels)
    if chance is not None:
        ax.axhline(chance, color=GREY, lw=0.8, ls=(0, (4, 3)))
        ax.annotate(
            "chance", (1, chance), xycoords=ax.get_yaxis_transform(), color=GREY, fontsize="small",
            ha="right", va="bottom",
        )  # fmt: skip
    if significant is not None:
        masks, times = np.atleast_2d(np.asarray(significant, bool)), _line(time_s, "times")
        for number, (mask, colour) in enumerate(zip(masks, cycle(COLOURS))):
            _same(times, mask)
            at = np.where(mask, 0.02 + 0.025 * number, np.nan)
            ax.plot(times, at, color=colour, lw=2.5, transform=ax.get_xaxis_transform())
    return _finish(ax, "time from onset (s)", ylabel, zero=True)


def _curves(
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    between: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    labels: Sequence[object],
) -> None:
    places, lines = _line(x, "the horizontal axis"), np.atleast_2d(np.asarray(y, np.float64))
    lows, highs = (None, None) if between is None else map(np.atleast_2d, map(np.asarray, between))
    for number, (line, label) in enumerate(zip(lines, _names(labels, lines), strict=True)):
        _same(places, line)
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(places, line, color=colour, lw=1.4, label=label)
        if lows is not None and highs is not None:
            ax.fill_between(places, lows[number], highs[number], color=colour, alpha=0.25, lw=0)
    ax.margins(x=0)
    _legend(ax, labels)


def _map(ax: Axes, x: Floats, y: Floats, values: npt.ArrayLike, colours: str) -> Any:
    array = np.ma.masked_invalid(np.asarray(values, np.float64))
    if array.shape != (len(y), len(x)):
        raise InputError(f"a map of shape {array.shape!r} has {len(y)} rows and {len(x)} columns")
    return ax.pcolormesh(x, y, array, cmap=colours, shading="nearest", rasterized=True)


def _scale(ax: Axes, mesh: Any, label: str) -> None:
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.03, aspect=18, shrink=0.9)
    bar.outline.set_visible(False)
    bar.set_label(label)
    bar.ax.locator_params(nbins=5)


def _grouped(groups: npt.ArrayLike | None, count: int) -> tuple[npt.NDArray[Any], Any]:
    if groups is None:
        return np.array(["all"]), np.zeros(count, np.int64)
    values = np.asarray(groups)
    if values.shape != (count,):
        raise InputError(f"{count} rows have groups of shape {values.shape!r}", hint="give n_rows")
    return np.unique(values, return_inverse=True)


def _around(
    mean: npt.ArrayLike, error: npt.ArrayLike | None
) -> tuple[npt.ArrayLike, npt.ArrayLike] | None:
    if error is None:
        return None
    return np.asarray(mean) - np.asarray(error), np.asarray(mean) + np.asarray(error)


def _line(values: npt.ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{what} have the shape {array.shape!r}; they must be one row of numbers")
    return array


def _same(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
    if x.shape != y.shape:
        raise InputError(f"a curve of shape {y.shape!r} lies over {len(x)} places")


def _names(labels: Sequence[object], lines: Floats) -> list[str | None]:
    if labels and len(labels) != len(lines):
        raise InputError(f"{len(lines)} curves have {len(labels)} labels")
    return [str(label) for label in labels] or [None] * len(lines)


def _legend(ax: Axes, labels: Sequence[object]) -> None:
    if labels:
        ax.legend(frameon=False, handlelength=1.2, labelcolor="linecolor", fontsize="small")


def _finish(ax: Axes, xlabel: str, ylabel: str, *, zero: bool = False) -> Axes:
    if zero:
        ax.axvline(0, color=GREY, lw=0.8, zorder=0.5)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
