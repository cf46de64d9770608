"""Tuning curves and receptive fields, from tables of stimuli."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.psth import count_windows
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.trains import Units
from panneuro.analysis.windows import Bins, group
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.plot_style import COLOURS, COLUMN_IN, finish, styled
from panneuro.signals.table import Intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

optimize = need("scipy.optimize", "analysis", "Fitting receptive fields")

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_SHUFFLES_A_TASK = 50
_UNITS = {
    "orientation": "°",
    "direction": "°",
    "angle": "°",
    "x_position": "°",
    "y_position": "°",
    "spatial_frequency": "cycles/°",
    "temporal_frequency": "Hz",
}
"""Of the columns that stimulus tables have, by the names that the Allen Institute gives them."""


def tuning_curves(
    units: Units,
    presentations: Intervals,
    by: str | Sequence[str],
    *,
    window_s: tuple[float, float] | None = None,
) -> xr.Dataset:
    """Average the rate of each unit over the presentations of each stimulus.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    presentations : Intervals
        One row a presentation, with ``start_time``, ``stop_time`` and the columns of `by`.
        Rows in which a value of `by` is missing are left out: blanks have no orientation.
    by : str or sequence of str
        The columns that tell stimuli apart; each becomes a dimension of its distinct values.
    window_s : tuple of float, optional
        Where to count, in seconds from ``start_time``; left out, the whole presentation.

    Returns
    -------
    Dataset, dims (unit, *by)
        ``rate`` in Hz, ``sem``, its standard error over presentations, and ``n_presentations``
        (*by). A combination that was never shown has a rate of NaN; a single presentation an error
        of NaN.

    Raises
    ------
    InputError
        If a column is missing, no presentation has a value, or a window does not last.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = {"start_time": [0.0, 1.0, 2.0], "stop_time": [0.5, 1.5, 2.5], "angle": [90, 0, 90]}
    >>> trials = Intervals.from_frame("trials", pd.DataFrame(shown))
    >>> curves = tuning_curves({4: [0.1, 0.2, 1.1, 2.1]}, trials, "angle")
    >>> curves.rate.sel(unit=4).values
    array([2., 3.])
    """
    names = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, Iterable) else ()
    if not names:
        raise InputError("tuning was asked for over no columns", hint='by="orientation"')
    rates, ids, values, labels = _responses(units, presentations, names, window_s)
    shape = tuple(map(len, values))
    flat = np.ravel_multi_index(labels, shape)
    n = np.bincount(flat, minlength=int(np.prod(shape)))
    mean = _sums(rates, flat, len(n)) / np.where(n, n, np.nan)[:, None]
    squares = _sums(np.square(rates - mean[flat]), flat, len(n))
    sem = np.sqrt(squares / np.where(n > 1, n * (n - 1.0), np.nan)[:, None])
    coords = {"unit": ids} | {
        name: (name, found, _described(name)) for name, found in zip(names, values, strict=True)
    }
    dims = ("unit", *names)
    data = {
        name: xr.DataArray(
            found.T.reshape(-1, *shape), coords, dims, attrs={"units": "Hz", "long_name": long_name}
        )
        for name, long_name, found in (
            ("rate", "rate", mean),
            ("sem", "standard error of rate", sem),
        )
    }
    return xr.Dataset(data).assign(n_presentations=(names, n.reshape(shape)))


def receptive_fields(
    units: Units,
    presentations: Intervals,
    *,
    x: str = "x_position",
    y: str = "y_position",
    window_s: tuple[float, float] | None = None,
    n_shuffles: int = 0,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Map the rate of each unit over the places where a stimulus was flashed.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    presentations : Intervals
        One row a flash, with ``start_time``, ``stop_time`` and its place in `x` and `y`.
    x, y : str
        Columns of the place, degrees of visual angle in most tables.
    window_s : tuple of float, optional
        Where to count, in seconds from ``start_time``; left out, the whole presentation.
    n_shuffles : int
        How often the places are shuffled among flashes to tell whether a field is there at all;
        0 for no such test.
    seed : int, SeedSequence or Generator
        Of the shuffles.
    executor : Executor, optional
        Shares the shuffles out; the result is the same.

    Returns
    -------
    Dataset, dims (unit, y, x)
        ``rate`` in Hz, ``sem``, ``n_presentations``; and with shuffles ``p`` (unit,): how
        often ``Σ (sum − expected)² / expected`` over places is at least as large with shuffled
        places, counted as ``(1 + k) / (1 + n_shuffles)``. A unit without spikes has a p-value of 1.

    Raises
    ------
    InputError
        If a column is missing, no presentation has a place, or a presentation does not last.

    Notes
    -----
    The test is the χ² test by permutation with which the Allen Institute calls a receptive field
    significant [1]_.

    References
    ----------
    .. [1] Siegle JH, Jia X, et al. (2021). Survey of spiking in the mouse visual system reveals
       functional hierarchy. Nature 592, 86–92.

    Examples
    --------
    >>> import pandas as pd
    >>> start = np.arange(40.0)
    >>> shown = {"start_time": start, "stop_time": start + 0.5, "x": start % 2, "y": start // 20}
    >>> flashes = Intervals.from_frame("flashes", pd.DataFrame(shown))
    >>> fields = receptive_fields({4: start[::2] + 0.1}, flashes, x="x", y="y", n_shuffles=99)
    >>> fields.rate.sel(unit=4).values
    array([[2., 0.],
           [2., 0.]])
    >>> fields.p.values
    array([0.01])
    """
    curves = tuning_curves(units, presentations, (y, x), window_s=window_s)
    fields = curves.rename({y: "y", x: "x"})
    if not n_shuffles:
        return fields
    check_number("shuffles", n_shuffles)
    rates, _, values, labels = _responses(units, presentations, (y, x), window_s)
    flat = np.ravel_multi_index(labels, tuple(map(len, values)))
    return fields.assign(p=("unit", _p_values(rates, flat, n_shuffles, seed, executor)))


@dataclass(frozen=True)
class Gaussian:
    """A receptive field as a Gaussian on a background.

    Parameters
    ----------
    x, y : float
        Its centre, in the units of the map's coordinates.
    sd_x, sd_y : float
        Its standard deviations, in the same units.
    amplitude, background : float
        Rates in Hz.
    r2 : float
        The fraction of the map's variance that it explains.
    """

    x: float
    y: float
    sd_x: float
    sd_y: float
    amplitude: float
    background: float
    r2: float

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the field at one standard deviation, over the map of the unit if its axes are given.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        turn = np.linspace(0, 2 * np.pi, 100)
        x, y = self.x + self.sd_x * np.cos(turn), self.y + self.sd_y * np.sin(turn)
        is_new = ax is None
        with styled(ax, (COLUMN_IN, 2.8)) as axes:
            axes.plot(x, y, color=COLOURS[1])
            axes.plot(self.x, self.y, "+", color=COLOURS[1])
            if is_new:
                axes.set_aspect("equal")
                finish(axes, x, "x", "y")
            return axes


def fit_field(field: xr.DataArray) -> Gaussian | None:
    """Fit a Gaussian to the map of one unit by least squares.

    Parameters
    ----------
    field : DataArray, dims (y, x)
        Rates of one unit, as :func:`receptive_fields` gives them.

    Returns
    -------
    Gaussian or None
        None where the map does not vary or the fit does not converge.

    Raises
    ------
    InputError
        If the map has other dims, or fewer than seven places have a rate: a Gaussian has six
        parameters.

    Examples
    --------
    >>> x = y = np.arange(-40.0, 50, 10)
    >>> rate = 2 + 8 * np.exp(-((x - 10) ** 2) / 200 - (y[:, None] + 5) ** 2 / 450)
    >>> found = fit_field(xr.DataArray(rate, {"y": y, "x": x}, ("y", "x")))
    >>> round(found.x, 3), round(found.y, 3), round(found.sd_y, 3), round(found.r2, 3)
    (10.0, -5.0, 15.0, 1.0)
    """
    check_kind(field, xr.DataArray, "fitting a field", "fields.sel(unit=4)")
    if set(field.dims) != {"x", "y"}:
        raise InputError(
            f"a map of one unit has the dims y and x, not {field.dims}", hint="fields.sel(unit=4)"
        )
    map_ = reals(field.transpose("y", "x"), "rates of a map")
    ys, xs = np.meshgrid(field["y"].to_numpy(), field["x"].to_numpy(), indexing="ij")
    shown = np.isfinite(map_)
    if beyond(map_[shown]).any():
        raise InputError("rates of a map are too great to be fitted", hint="give them in hertz")
    if shown.sum() < 7:
        raise InputError(f"a map of {int(shown.sum())} places cannot tell a Gaussian")
    places, rates = np.stack([xs[shown], ys[shown]]), map_[shown]
    if np.ptp(rates) <= 1e-12 * max(1.0, float(np.abs(rates).max())):
        return None
    best = int(rates.argmax())
    extent = np.maximum(np.ptp(places, axis=1), 1e-9)
    guess = [*places[:, best], *(extent / 5), np.ptp(rates), np.median(rates)]
    low = [*(places.min(1) - extent), *(extent * 1e-3), 0, -np.inf]
    high = [*(places.max(1) + extent), *(extent * 5), np.inf, np.inf]
    try:
        found, _ = optimize.curve_fit(_gaussian, places, rates, guess, bounds=(low, high))
    except RuntimeError:
        return None
    left = np.square(rates - _gaussian(places, *found)).sum()
    r2 = 1 - left / np.square(rates - rates.mean()).sum()
    x, y, sd_x, sd_y, amplitude, background = map(float, found)
    return Gaussian(x, y, sd_x, sd_y, amplitude, background, float(r2))


def _gaussian(
    place: Floats, x: float, y: float, sd_x: float, sd_y: float, amplitude: float, level: float
) -> Floats:
    far = np.square((place[0] - x) / sd_x) + np.square((place[1] - y) / sd_y)
    found: Floats = level + amplitude * np.exp(-far / 2)
    return found


def _responses(
    units: Units,
    presentations: Intervals,
    names: tuple[str, ...],
    window_s: tuple[float, float] | None,
) -> tuple[Floats, Array, list[Array], tuple[Array, ...]]:
    """Return rates (presentation, unit), ids, distinct values of each column, and their rows."""
    check_kind(presentations, Intervals, "finding what responses are tuned to")
    columns: Mapping[str, Array] = {name: presentations[name] for name in names}
    shown = np.ones(len(presentations), bool)
    for column in columns.values():
        shown &= [value is not None and value == value for value in column.tolist()]
    if not shown.any():
        raise InputError(
            f"no presentation of {presentations.name!r} has a value of {' and '.join(names)!r}"
        )
    starts = np.asarray(presentations["start_time"], np.float64)[shown]
    stops = np.asarray(presentations["stop_time"], np.float64)[shown]
    if window_s is not None:
        Bins.of(window_s)
        starts, stops = starts + window_s[0], starts + window_s[1]
    lasts = stops - starts
    if not np.all(lasts > 0):
        raise InputError(
            f"{int(np.sum(~(lasts > 0)))} presentations of {presentations.name!r} do not last",
            hint="give window_s, in seconds from the start",
        )
    counts = count_windows(units, starts, stops)
    grouped = [group(column[shown], int(shown.sum())) for column in columns.values()]
    return (
        counts.to_numpy() / lasts[:, None],
        counts["unit"].to_numpy(),
        [values for values, _ in grouped],
        tuple(rows for _, rows in grouped),
    )


def _described(column: str) -> dict[str, str]:
    unit = {"units": _UNITS[column]} if column in _UNITS else {}
    return unit | {"long_name": column.replace("_", " ")}


def _sums(rates: Floats, labels: Array, n: int) -> Floats:
    out = np.zeros((n, rates.shape[1]))
    np.add.at(out, labels, rates)
    return out


def _p_values(
    rates: Floats, labels: Array, n_shuffles: int, seed: Seed, executor: Executor | None
) -> Floats:
    n = np.bincount(labels)
    shown = n[n > 0]
    firsts = np.cumsum(shown) - shown
    expected = rates.mean(0) * shown[:, None]
    given = (rates, firsts, expected)
    true = _statistic(*given, np.argsort(labels, kind="stable"))
    task = partial(_beaten, *given, true, n_shuffles, root(seed))
    tasks = range(-(-n_shuffles // _SHUFFLES_A_TASK))
    counts: Array = np.sum(list(spread(task, tasks, executor)), axis=0)
    return np.asarray((1 + counts) / (1 + n_shuffles), dtype=np.float64)


def _statistic(rates: Floats, firsts: Array, expected: Floats, rows: Array) -> Floats:
    """Return chi-squared of each unit, of rows that are gathered place by place."""
    sums = np.add.reduceat(rates[rows], firsts, axis=0)
    found: Floats = np.square(sums - expected) / np.where(expected > 0, expected, 1)
    return found.sum(0)


def _beaten(
    rates: Floats,
    firsts: Array,
    expected: Floats,
    true: Floats,
    n_shuffles: int,
    seed: np.random.SeedSequence,
    task: int,
) -> Array:
    """Return how many shuffles of a task reach the statistic of each unit."""
    random = stream(seed, task)
    size = min(_SHUFFLES_A_TASK, n_shuffles - task * _SHUFFLES_A_TASK)
    shuffled = (
        _statistic(rates, firsts, expected, random.permutation(len(rates))) for _ in range(size)
    )
    # Sums in another order differ by rounding.
    return np.sum([found >= true * (1 - 1e-9) for found in shuffled], axis=0)
