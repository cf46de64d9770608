"""Whether cells replay a path: how straight a decoded trajectory is, and by what chance.

Sources: line fit, Davidson, Kloosterman & Wilson (2009) Neuron 63:497; weighted correlation and
shuffles, Silva, Feng & Foster (2015) Nat. Neurosci. 18:1772.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.compiling import compiled
from panneuro.analysis.fields import Fields
from panneuro.analysis.permutations import p_values
from panneuro.analysis.place import position_posterior
from panneuro.analysis.psth import count_windows
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed, child, root, spread, stream
from panneuro.analysis.trains import Trains, Units
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.plot_style import DASHED, readable, titled
from panneuro.signals.table import Intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.floating[Any]]
Shuffle = Literal["cells", "positions", "times"]

FEWEST_BINS = 3
"""Bins of time with a spike that a trajectory must have to be judged."""


@dataclass(frozen=True)
class Replay:
    """How much a candidate event is like a path along the track.

    Parameters
    ----------
    correlation : float
        Weighted correlation of time and position, from -1 to 1.
    p_correlation : float
        How often a shuffle's is as far from 0; the least is ``1 / (n_shuffles + 1)``.
    line : float
        Mean probability within the band around the best straight line.
    p_line : float
        How often a shuffle's best line is as good.
    speed : float
        Slope of that line, in units of position a second.
    n_active : int
        Bins of time with a spike; the others count for nothing.
    posterior : DataArray, dims (time, position)
        What the event says, zero where nothing fired.
    ends : tuple of float
        The position of the line at the first and the last time.
    """

    correlation: float
    p_correlation: float
    line: float
    p_line: float
    speed: float
    n_active: int
    posterior: xr.DataArray = field(repr=False, compare=False)
    ends: tuple[float, float] = field(repr=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the posterior of the event with its best line.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure as wide as a column where not given.

        Returns
        -------
        Axes
        """
        drawn: Axes = self.posterior.neuro.plot(ax)
        factor = readable(self.posterior["time"], "s")[0]
        times = self.posterior["time"].to_numpy()[[0, -1]] * factor
        drawn.plot(times, self.ends, color="white", lw=1.2, ls=DASHED)
        said = f"line p = {self.p_line:.2g}, correlation p = {self.p_correlation:.2g}"
        return titled(drawn, said)


SCORES = ("correlation", "p_correlation", "line", "p_line", "speed", "n_active")
"""What :func:`score_replays` tells of each event: the numbers of a :class:`Replay`."""


def weighted_correlation(posterior: npt.ArrayLike, positions: npt.ArrayLike) -> float:
    """Correlate time and position, each pair of them weighted by its probability.

    Parameters
    ----------
    posterior : array-like, shape (n_times, n_bins)
        Probabilities or other weights, not negative; rows of zeros count for nothing.
    positions : array-like, shape (n_bins,)
        Middles of the bins.

    Returns
    -------
    float
        From -1 to 1; 0 where all weight lies at one time or one position.

    Raises
    ------
    InputError
        If there is not one position for each bin, or weights are negative or all zero.

    Examples
    --------
    >>> weighted_correlation(np.eye(4), [0, 1, 2, 3])
    1.0
    """
    weights, places = reals(posterior, "weights"), reals(positions, "positions")
    if weights.ndim != 2 or places.shape != (weights.shape[1],):
        raise InputError(f"{places.shape} positions have weights of shape {weights.shape}")
    if not np.isfinite(places).all():
        raise InputError("positions are not all finite")
    if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise InputError("weights of a correlation are negative, missing, or all zero")
    return float(_correlations(weights[None], places)[0])


def fit_line(posterior: npt.ArrayLike, band_bins: int = 2) -> tuple[float, int, int]:
    """Find the straight line along which a posterior has most probability.

    Parameters
    ----------
    posterior : array-like, shape (n_times, n_bins)
        Rows of zeros count for nothing.
    band_bins : int
        How far from the line a bin still belongs to it.

    Returns
    -------
    score : float
        Mean over bins of time with weight of the probability within the band.
    first, last : int
        The bin of the line at the first and the last time.

    Raises
    ------
    InputError
        If there are fewer than two times, a weight is negative, or the band is.

    Examples
    --------
    >>> fit_line(np.eye(5)[::-1], band_bins=0)
    (1.0, 4, 0)
    """
    weights = np.ascontiguousarray(reals(posterior, "weights"))
    check_number("bins of a band", band_bins, 0)
    if weights.ndim != 2 or len(weights) < 2 or not ((weights >= 0) & (weights < np.inf)).all():
        raise InputError(f"a line was to be fitted to weights of shape {weights.shape}")
    score, first, last = _best_line(_within(weights, band_bins))
    active = max(1, int(np.count_nonzero(weights.sum(axis=1))))
    return float(score / active), int(first), int(last)


def score_replay(
    counts: npt.ArrayLike,
    fields: Fields,
    bin_s: float,
    *,
    n_shuffles: int = 500,
    shuffle: Shuffle = "cells",
    band_bins: int = 2,
    seed: Seed = 0,
) -> Replay:
    """Judge one candidate event against shuffles of it.

    Parameters
    ----------
    counts : array-like, shape (n_times, n_units)
        Spikes of each cell in the event, in short bins (20 ms is usual).
    fields : Fields
        Along a line, of the running animal.
    bin_s : float
        Seconds of a bin.
    n_shuffles : int
        How many.
    shuffle : {"cells", "positions", "times"}
        What chance is: cells have each other's fields; the posterior of each bin of time is turned
        round the track by as much as it likes; or bins of time come in any order. An event should
        stand out from more than one.
    band_bins : int
        Half the width of the band around a line, in bins of space.
    seed : int, SeedSequence or Generator
        Of the shuffles.

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        If fewer than three bins have a spike, fields are not along a line, or there are no
        shuffles.

    Examples
    --------
    >>> centres = np.arange(2.5, 100, 5)
    >>> rates = 20 * np.exp(-((centres[None] - centres[:, None]) ** 2) / 100)
    >>> fields = Fields(rates, np.ones(20), (np.arange(0, 101, 5.0),))
    >>> found = score_replay(np.eye(20, dtype=int), fields, 0.02)
    >>> found.correlation > 0.9, found.p_line < 0.01
    (True, True)
    """
    if len(fields.edges) != 1:
        raise InputError("replay is judged along a line; the fields have several axes")
    if shuffle not in _SHUFFLES:
        raise InputError(f"there is no shuffle {shuffle!r}", hint=f"one of {', '.join(_SHUFFLES)}")
    check_number("shuffles", n_shuffles)
    spikes, places = as_array(counts, "counts"), fields.centres[:, 0]
    posterior = _active_posterior(spikes, fields, bin_s)
    n_active = int(np.count_nonzero(posterior.any(axis=1)))
    if n_active < FEWEST_BINS:
        raise InputError(
            f"an event has spikes in {n_active} bins of time; three are needed to judge it",
            hint="leave it out, or use shorter bins",
        )
    score, first, last = fit_line(posterior, band_bins)
    draw, parent = _SHUFFLES[shuffle], root(seed)
    drawn = np.stack(
        [draw(stream(parent, one), posterior, spikes, fields, bin_s) for one in range(n_shuffles)]
    )
    lines = np.array([fit_line(one, band_bins)[0] for one in drawn])
    correlation = float(_correlations(posterior[None], places)[0])
    far = np.abs(_correlations(drawn, places))
    p_correlation = float(p_values(abs(correlation) - 1e-12, far))
    speed = (places[last] - places[first]) / ((len(spikes) - 1) * bin_s)
    p_line = float(p_values(score - 1e-12, lines))
    ends = float(places[first]), float(places[last])
    named = _labelled(posterior, places, bin_s, fields.position_unit)
    return Replay(correlation, p_correlation, score, p_line, float(speed), n_active, named, ends)


def _labelled(posterior: Floats, places: Floats, bin_s: float, unit: str) -> xr.DataArray:
    times = (np.arange(len(posterior)) + 0.5) * bin_s
    coordinates = {
        "time": ("time", times, {"units": "s", "long_name": "time in the event"}),
        "position": ("position", places, {"units": unit}),
    }
    named = {"units": "1", "long_name": "probability"}
    return xr.DataArray(posterior, coordinates, ("time", "position"), "probability", named)


def score_replays(
    units: Units,
    events: Intervals,
    fields: Fields,
    bin_s: float = 0.02,
    *,
    n_shuffles: int = 500,
    shuffle: Shuffle = "cells",
    band_bins: int = 2,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Judge every candidate event.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of the units of `fields`, in their order.
    events : Intervals
        Candidates: bursts of the population, ripples.
    fields : Fields
        Along a line, of the running animal.
    bin_s : float
        Seconds of a bin; what is left of an event after the last whole one is left out.
    n_shuffles : int
        How many shuffles of each event.
    shuffle : {"cells", "positions", "times"}
        What chance is; see :func:`score_replay`.
    band_bins : int
        Half the width of the band around a line, in bins of space.
    seed : int, SeedSequence or Generator
        Of the shuffles; each event has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Spreads the events; the result is the same.

    Returns
    -------
    DataFrame
        By ``event``, ``start_time``, ``stop_time`` and the numbers of a :class:`Replay`. Scores are
        NaN where fewer than three bins have a spike: such an event cannot be judged. Units of the
        columns that have one are in ``attrs["units"]``.

    Raises
    ------
    InputError
        If an event has no end, or one before its start, or fields are not along a line.

    Examples
    --------
    >>> rates = np.array([[20.0, 1, 1], [1, 20, 1], [1, 1, 20]])
    >>> fields = Fields(rates, np.ones(3), (np.arange(4.0),))
    >>> frame = pd.DataFrame({"start_time": [0.0], "stop_time": [0.06]})
    >>> events = Intervals.from_frame("ripples", frame)
    >>> score_replays({1: [0.01], 2: [0.03], 3: [0.05]}, events, fields).n_active.tolist()
    [3]
    """
    starts, stops = (reals(events[of], "times of events") for of in ("start_time", "stop_time"))
    if not (stops >= starts).all():
        event = int(np.flatnonzero(~(stops >= starts))[0])
        raise InputError(f"event {event} lasts from {starts[event]} s to {stops[event]} s")
    if not is_real(bin_s, above=0):
        raise InputError(f"a bin of time lasts {bin_s!r} s")
    parent, trains = root(seed), Trains.of(units)
    if len(trains) != len(fields.rates_hz):
        raise InputError(f"{len(trains)} units were given fields of {len(fields.rates_hz)}")
    options = {"n_shuffles": n_shuffles, "shuffle": shuffle, "band_bins": band_bins}
    tasks = []
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        begins = start + np.arange(max(1, int((stop - start) / bin_s + 1e-6))) * bin_s
        counts = count_windows(trains, begins, begins + bin_s).to_numpy()
        tasks.append((counts, child(parent, index)))
    found = spread(partial(_score_event, fields, bin_s, options), tasks, executor)
    frame = pd.DataFrame(list(found), columns=list(SCORES)).rename_axis("event")
    frame = frame.assign(start_time=starts, stop_time=stops)[["start_time", "stop_time", *SCORES]]
    frame.attrs["units"] = {"start_time": "s", "stop_time": "s"}
    if fields.position_unit:
        frame.attrs["units"]["speed"] = f"{fields.position_unit}/s"
    return frame


def _score_event(
    fields: Fields,
    bin_s: float,
    options: dict[str, Any],
    event: tuple[npt.NDArray[Any], np.random.SeedSequence],
) -> dict[str, Any]:
    counts, seed = event
    active = int(np.count_nonzero(counts.any(axis=1)))
    if active < FEWEST_BINS:
        return {"n_active": active}
    found = score_replay(counts, fields, bin_s, seed=seed, **options)
    return {name: getattr(found, name) for name in SCORES}


def _active_posterior(spikes: Any, fields: Fields, bin_s: float) -> Floats:
    """Return the posterior, its rows zero where no cell fired."""
    posterior = position_posterior(spikes, fields, bin_s)
    posterior[~np.asarray(spikes).any(axis=1)] = 0
    return posterior


def _by_cells(
    random: np.random.Generator, _: Floats, spikes: Any, fields: Fields, bin_s: float
) -> Floats:
    return _active_posterior(spikes[:, random.permutation(spikes.shape[1])], fields, bin_s)


def _by_positions(random: np.random.Generator, posterior: Floats, *_: Any) -> Floats:
    n_times, n_bins = posterior.shape
    turned = (np.arange(n_bins) + random.integers(n_bins, size=(n_times, 1))) % n_bins
    return np.take_along_axis(posterior, turned, axis=1)


def _by_times(random: np.random.Generator, posterior: Floats, *_: Any) -> Floats:
    return posterior[random.permutation(len(posterior))]


_SHUFFLES: dict[str, Callable[..., Floats]] = {
    "cells": _by_cells,
    "positions": _by_positions,
    "times": _by_times,
}


def _correlations(weights: Floats, positions: Floats) -> Floats:
    """Return the weighted correlation of each of many posteriors, (n, n_times, n_bins)."""
    total = weights.sum(axis=(1, 2))
    by_time, by_place = weights.sum(axis=2) / total[:, None], weights.sum(axis=1) / total[:, None]
    times = np.arange(weights.shape[1])
    t = times - (by_time @ times)[:, None]
    x = positions - (by_place @ positions)[:, None]
    both = np.einsum("ntx,nt,nx->n", weights, t, x, optimize=True) / total
    variances = (by_time * t**2).sum(axis=1) * (by_place * x**2).sum(axis=1)
    found: Floats = both / np.sqrt(np.where(variances > 0, variances, np.inf))
    return found


def _within(weights: Floats, band_bins: int) -> Floats:
    """Return the weight within a band around each bin, ends cut off."""
    summed = np.pad(weights.cumsum(axis=1), ((0, 0), (1, 0)))
    places = np.arange(weights.shape[1])
    high = np.minimum(places + band_bins + 1, weights.shape[1])
    return np.ascontiguousarray(summed[:, high] - summed[:, np.maximum(places - band_bins, 0)])


@compiled
def _best_line(within: Any) -> Any:
    n_times, n_bins = within.shape
    best, start, end = -1.0, 0, 0
    for first in range(n_bins):
        for last in range(n_bins):
            slope = (last - first) / (n_times - 1)
            score = 0.0
            for time in range(n_times):
                score += within[time, int(first + slope * time + 0.5)]
            if score > best:
                best, start, end = score, first, last
    return best, start, end
