"""Every spike around every event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes
from panneuro.analysis.trains import TICKS_PER_S, Trains, Units, to_ticks
from panneuro.analysis.windows import Bins, group

_BYTES_PER_SPIKE = 64


def raster(
    units: Units,
    onsets_s: npt.ArrayLike,
    window_s: tuple[float, float],
    *,
    conditions: npt.ArrayLike | None = None,
    max_bytes: int = MAX_BYTES,
) -> xr.Dataset:
    """Collect the spikes around each event.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    onsets_s : array-like of float, shape (n_presentations,)
        Times of the events in seconds.
    window_s : tuple of float
        From where to where around each event, in seconds from it.
    conditions : array-like, shape (n_presentations,), optional
        Condition of each event; the figure puts events together by it.
    max_bytes : int
        What the work may take in memory: 64 bytes a spike, and 16 for each event and unit.

    Returns
    -------
    Dataset, dims (spike, presentation)
        ``time`` (spike,) in seconds from the event, with the coordinates ``unit`` and ``row``
        (spike,): the unit, and the number of the event, ascending; and ``condition``
        (presentation,) where conditions are given.

    Raises
    ------
    InputError
        If the window is empty, a time is not finite, conditions are missing or not one for each
        event, or there are more spikes than fit.

    Examples
    --------
    >>> found = raster({4: [0.1, 0.5], 7: [0.6]}, [0.0, 0.5], (0.0, 0.25))
    >>> found.time.values, found.row.values, found.unit.values
    (array([0.1, 0. , 0.1]), array([0, 1, 1]), array([4, 4, 7]))
    >>> found.isel(spike=found.unit == 7).time.values
    array([0.1])
    """
    trains, bins = Trains.of(units), Bins.of(window_s)
    onsets = to_ticks(onsets_s, "onsets")
    hint = "choose fewer units or events"
    check_bytes((2, len(onsets), len(trains)), np.int64, max_bytes, "collecting spikes", hint)
    lows, highs = np.empty((2, len(onsets), len(trains)), np.int64)
    for unit in range(len(trains)):
        ticks, offset = trains.of_unit(unit), trains.starts[unit]
        lows[:, unit] = offset + np.searchsorted(ticks, onsets + bins.first)
        highs[:, unit] = offset + np.searchsorted(ticks, onsets + bins.first + bins.span)
    counts = (highs - lows).reshape(-1)
    size = (int(counts.sum()), _BYTES_PER_SPIKE)
    check_bytes(size, np.uint8, max_bytes, "collecting spikes", hint)
    group_of = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(group_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, unit_row = np.divmod(group_of, max(1, len(trains)))
    times = (trains.ticks[lows.reshape(-1)[group_of] + within] - onsets[row]) / TICKS_PER_S
    named = {"units": "s", "long_name": "time from onset"}
    found = xr.Dataset(
        {"time": ("spike", times, named)},
        {
            "unit": ("spike", trains.ids[unit_row]),
            "row": ("spike", row),
            "presentation": np.arange(len(onsets)),
        },
    )
    if conditions is None:
        return found
    names, labels = group(conditions, len(onsets))
    return found.assign_coords(condition=("presentation", names[labels]))
