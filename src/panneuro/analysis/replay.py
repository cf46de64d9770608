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
from panneuro.analysis.fields import Fields
from panneuro.analysis.kinds import check_choice, check_kind
from panneuro.analysis.permutations import p_values
from panneuro.analysis.place import event_posterior, probabilities
from panneuro.analysis.psth import count_windows
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed, child, root, spread, stream
from panneuro.analysis.trains import Trains, Units
from panneuro.analysis.trajectories import correlations, fit_line
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
    check_kind(fields, Fields, "judging replay", "tuning_fields(counts, positions, edges, bin_s)")
    if len(fields.edges) != 1:
        raise InputError("replay is judged along a line; the fields have several axes")
    check_choice("shuffle", shuffle, _SHUFFLES)
    spikes, places = as_array(counts, "counts"), fields.centres[:, 0]
    posterior = _active_posterior(spikes, fields, bin_s)
    named = event_posterior(posterior, places, bin_s, fields.position_unit)
    return _judge(named, _SHUFFLES[shuffle], (spikes, fields, bin_s), n_shuffles, band_bins, seed)


def score_posterior(
    posterior: xr.DataArray,
    *,
    n_shuffles: int = 500,
    shuffle: Literal["positions", "times"] = "positions",
    band_bins: int = 2,
    seed: Seed = 0,
) -> Replay:
    """Judge an event that something else decoded, such as spikes that nobody sorted.

    Parameters
    ----------
    posterior : DataArray, dims (time, position)
        From :func:`~panneuro.analysis.clusterless.clusterless_posterior`: probabilities, in bins of
        one length in seconds; times of zeros count for nothing.
    n_shuffles, shuffle, band_bins, seed
        As in :func:`score_replay`; there are no cells to shuffle.

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        If it is no such posterior, fewer than three times have a weight, or as `score_replay`.

    Examples
    --------
    >>> path = {"time": np.arange(16) * 0.02, "position": np.arange(16) * 5.0}
    >>> found = score_posterior(xr.DataArray(np.eye(16), path, ("time", "position")))
    >>> found.correlation > 0.9, found.p_line < 0.01
    (True, True)
    """
    check_kind(posterior, xr.DataArray, "judging replay", "clusterless_posterior(…)")
    check_choice("shuffle", shuffle, [name for name in _SHUFFLES if name != "cells"])
    if posterior.dims != ("time", "position") or set(posterior.coords) < set(posterior.dims):
        raise InputError(f"a posterior has the dims {posterior.dims}, not those of time, position")
    weights = reals(posterior, "weights")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError("weights of a posterior are negative or missing")
    return _judge(posterior.copy(data=weights), _SHUFFLES[shuffle], (), n_shuffles, band_bins, seed)


def _judge(
    named: xr.DataArray,
    draw: Callable[..., Floats],
    given: tuple[Any, ...],
    n_shuffles: int,
    band_bins: int,
    seed: Seed,
) -> Replay:
    """Compare a posterior with shuffles of it that are drawn from it and what else is given."""
    posterior, places, times = (of.to_numpy() for of in (named, named["position"], named["time"]))
    n_active = int(np.count_nonzero(posterior.any(axis=1)))
    if n_active < FEWEST_BINS:
        raise InputError(
            f"an event has spikes in {n_active} bins of time; three are needed to judge it",
            hint="leave it out, or use shorter bins",
        )
    check_number("shuffles", n_shuffles)
    score, first, last = fit_line(posterior, band_bins)
    parent = root(seed)
    drawn = np.stack([draw(stream(parent, one), posterior, *given) for one in range(n_shuffles)])
    lines = np.array([fit_line(one, band_bins)[0] for one in drawn])
    correlation = float(correlations(posterior[None], places)[0])
    far = np.abs(correlations(drawn, places))
    p_correlation = float(p_values(abs(correlation) - 1e-12, far))
    speed = float((places[last] - places[first]) / (times[-1] - times[0]))
    p_line = float(p_values(score - 1e-12, lines))
    ends = float(places[first]), float(places[last])
    return Replay(correlation, p_correlation, score, p_line, speed, n_active, named, ends)


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
    check_kind(events, Intervals, "judging replay")
    check_kind(fields, Fields, "judging replay", "tuning_fields(counts, positions, edges, bin_s)")
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
    posterior = probabilities(spikes, fields, bin_s)
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
