"""Every spike around every event, and how soon the first one comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.trains import TICKS_PER_S, Ticks, Trains, Units, to_ticks
from panneuro.analysis.windows import Bins


@dataclass(frozen=True, eq=False)
class Raster:
    """Every spike around every event.

    Parameters
    ----------
    presentation : ndarray of int64, shape (n_spikes,)
        Which event, counted from 0; ascending.
    unit : ndarray of int64, shape (n_spikes,)
        Which unit, counted from 0; ascending within an event.
    time_s : ndarray of float64, shape (n_spikes,)
        Seconds from the event.
    ids : ndarray, shape (n_units,)
        Name or number of each unit.
    n_presentations : int
        Number of events, of which some may have no spikes.
    """

    presentation: Ticks
    unit: Ticks
    time_s: npt.NDArray[np.float64]
    ids: npt.NDArray[Any]
    n_presentations: int

    def of_unit(self, row: int) -> tuple[Ticks, npt.NDArray[np.float64]]:
        """Return event and seconds from it of every spike of the unit in that row."""
        chosen = self.unit == row
        return self.presentation[chosen], self.time_s[chosen]


def raster(units: Units, onsets_s: npt.ArrayLike, window_s: tuple[float, float]) -> Raster:
    """Collect the spikes around each event.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    window_s : tuple of float
        From where to where around each event, in seconds from it.

    Returns
    -------
    Raster
        Presentation, unit and time of every spike in ``[start, stop)`` of a window. It takes 24
        bytes a spike, and more while it is made: choose some units of a large session.

    Examples
    --------
    >>> found = raster({4: [0.1, 0.5], 7: [0.6]}, [0.0, 0.5], (0.0, 0.25))
    >>> found.presentation, found.unit, found.time_s
    (array([0, 1, 1]), array([0, 0, 1]), array([0.1, 0. , 0.1]))
    """
    trains, bins = Trains.of(units), Bins.of(window_s, window_s[1] - window_s[0])
    onsets = to_ticks(onsets_s, "onsets")
    n_units = len(trains)
    lows, highs = np.empty((2, len(onsets), n_units), np.int64)
    for unit in range(n_units):
        ticks, offset = trains.of_unit(unit), trains.starts[unit]
        lows[:, unit] = offset + np.searchsorted(ticks, onsets + bins.first)
        highs[:, unit] = offset + np.searchsorted(ticks, onsets + bins.first + bins.span)
    counts = (highs - lows).reshape(-1)
    group_of = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(group_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    presentation, row = np.divmod(group_of, max(1, n_units))
    ticks = trains.ticks[lows.reshape(-1)[group_of] + within] - onsets[presentation]
    return Raster(presentation, row, ticks / TICKS_PER_S, trains.ids, len(onsets))
