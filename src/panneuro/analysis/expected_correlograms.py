"""Correlograms that are expected if spikes were not timed to one another.

Jittering asks what is finer than a window of time; shifting trials, what the stimulus does not
explain.
"""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_number, in_order
from panneuro.analysis.compiling import compiled
from panneuro.analysis.correlations import products
from panneuro.analysis.correlograms import (
    Stream,
    check_lags,
    epochs_on_clock,
    in_epochs,
    labelled,
    on_clock,
    pairs,
    unit_rows,
)
from panneuro.analysis.epochs import Epochs, within
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.lags import Lags
from panneuro.analysis.threads import one_thread
from panneuro.analysis.trains import Trains, Units
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.table import Intervals

type Floats = npt.NDArray[np.floating[Any]]

_WINDOWS = 8192
"""Jitter windows that are in memory at once."""


def jitter_expectation(
    units: Units,
    *,
    jitter_s: float = 0.025,
    max_lag_s: float = 0.05,
    bin_s: float = 0.001,
    epochs: Epochs | None = None,
    rate_hz: float | None = None,
    centred: bool = True,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    r"""Return the mean correlogram over all surrogates whose spikes are jittered in windows.

    A surrogate moves every spike of every unit to any tick of its own window of `jitter_s`, all
    equally likely [1]_. What is slower than the window is kept, what is finer is lost. No surrogate
    is drawn: with :math:`N_i(w)` spikes of unit :math:`i` in window :math:`w` of :math:`J` ticks,

    .. math:: E_{ij}(B) = \sum_\delta P_\delta(B) \sum_w N_i(w) N_j(w + \delta), \quad
       P_\delta(B) = \sum_{k \in B} \frac{\max(J - |k - \delta J|, 0)}{J^2},

    where the inner sums of all pairs are one product of matrices for each :math:`\delta`.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times in seconds.
    jitter_s : float
        Length of a window in seconds. Windows are laid from the first spike, or from the beginning
        of each epoch; the last one of an epoch is whole even if it reaches past the epoch's end.
    max_lag_s : float
        Longest lag, on both sides of zero; a whole number of bins.
    bin_s : float
        Width of a bin.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Count only pairs with both spikes in the same one of these; they may not overlap.
    rate_hz : float, optional
        Rate of the clock that spikes were sampled with: lags are then whole samples. Otherwise
        times are rounded to nanoseconds.
    centred : bool
        Whether the middle bin lies around zero, or zero is an edge.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where the work is spread; the result does not depend on it.

    Returns
    -------
    DataArray of float64, dims (unit, other, lag)
        Of the units, lags and epochs of :func:`~panneuro.analysis.correlograms.correlograms`.

    Raises
    ------
    InputError
        If times are not finite or do not ascend, epochs overlap, bins are not whole, the window is
        shorter than a tick, or the result is larger than is allowed.

    References
    ----------
    .. [1] Amarasingham, Harrison, Hatsopoulos & Geman, J. Neurophysiol. 107 (2012) 517-531.

    Examples
    --------
    >>> units = {"a": [0.100, 0.200], "b": [0.102]}
    >>> found = jitter_expectation(units, jitter_s=0.005, max_lag_s=0.01)
    >>> float(found.sel(unit="a", other="b").sum().round(6))
    1.0
    """
    lags = Lags.of(max_lag_s, bin_s, rate_hz, centred)
    known = is_real(jitter_s, above=0, below=2**62 / lags.ticks_per_s)
    window = round(jitter_s * lags.ticks_per_s) if known else 0
    if window < 1:
        raise InputError(f"a jitter window of {jitter_s!r} s is no number of ticks")
    trains = Trains.of(units)
    check_lags(len(trains), lags, np.float64, max_bytes)
    stream = in_epochs(trains, lags, epochs, window)
    reach = (lags.stop + window - 2) // window
    sums = _lagged_products(stream, window, reach, executor)
    # A spike makes no pair with itself.
    rows = np.arange(len(trains))
    sums[reach, rows, rows] -= np.bincount(stream.units, minlength=len(trains))
    shares = np.stack([_shares(lags, window, step) for step in range(-reach, reach + 1)])
    return labelled(np.tensordot(sums, shares, axes=(0, 0)), trains.ids, lags)


def _lagged_products(
    stream: Stream, window: int, reach: int, executor: Executor | None
) -> npt.NDArray[np.float64]:
    """Sum the products of counts of all pairs of units in windows `-reach` to `reach` apart."""
    n_units = stream.n_units
    windows = (stream.ticks // window).astype(np.int64)
    task = partial(_products_from, windows, stream.units, n_units, reach)
    sums = np.zeros((2 * reach + 1, n_units, n_units))
    last = int(windows[-1]) if len(windows) else -1
    for found in in_order(task, range(0, last + 1, _WINDOWS), executor):
        sums[reach:] += found
    sums[:reach] = sums[:reach:-1].transpose(0, 2, 1)
    return sums


def _products_from(
    windows: npt.NDArray[np.int64],
    units: npt.NDArray[np.uint32],
    n_units: int,
    reach: int,
    first: int,
) -> npt.NDArray[np.float64]:
    """Sum the products of windows from `first` with those up to `reach` later."""
    counts = np.zeros((_WINDOWS + reach, n_units), dtype=np.float32)
    begin, end = np.searchsorted(windows, [first, first + len(counts)])
    _fill(windows[begin:end], units[begin:end], first, counts)
    earlier = counts[:_WINDOWS]
    found = np.empty((reach + 1, n_units, n_units))
    found[0] = products(earlier)
    with one_thread():
        for step in range(1, reach + 1):
            found[step] = earlier.T @ counts[step : step + _WINDOWS]
    return found


@compiled
def _fill(
    windows: npt.NDArray[np.int64], units: npt.NDArray[np.uint32], first: int, counts: Floats
) -> None:
    for spike in range(windows.size):
        counts[windows[spike] - first, units[spike]] += 1


def _shares(lags: Lags, window: int, step: int) -> npt.NDArray[np.float64]:
    """Return how likely two spikes, jittered in windows `step` apart, fall in each bin of lags."""
    edges = np.arange(lags.n_sided + 1) * lags.bin_ticks - lags.before
    edges[0] = 1
    later = np.diff(_at_most(edges - 1 - step * window, window))
    earlier = np.diff(_at_most(edges - 1 + step * window, window))
    tie = -np.diff(_at_most(-step * window - np.arange(2), window))[0]
    # Of two units, one after the other: the pair of the first with the second is asked for.
    counts = np.zeros((2, 2, lags.n_sided + 1))
    counts[0, 1], counts[1, 0] = [*later, tie], [*earlier, tie]
    found = np.zeros((2, 2, lags.n_all))
    lags.unfold(counts, 0, found)
    return np.asarray(found[0, 1])


def _at_most(lag: npt.NDArray[np.int64], window: int) -> npt.NDArray[np.float64]:
    """Return how likely the difference of two ticks of a window is at most `lag`."""
    inside = np.clip(lag, -window, window).astype(float)
    rising = (window + inside) * (window + inside + 1) / 2
    falling = window**2 - (window - inside - 1) * (window - inside) / 2
    return np.asarray(np.where(inside < 0, rising, np.minimum(falling, window**2)) / window**2)


def shift_predictor(
    units: Units,
    trials: Intervals,
    *,
    conditions: npt.ArrayLike | None = None,
    n_shifts: int = 1,
    max_lag_s: float = 0.05,
    bin_s: float = 0.001,
    rate_hz: float | None = None,
    centred: bool = True,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.DataArray:
    """Return the mean correlogram of each trial with the trials that follow and precede it.

    It is what locking to the stimulus alone makes of correlograms within `trials` [1]_. Trials are
    aligned at their start; the last ones of a condition are followed by its first.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times in seconds.
    trials : Intervals
        Presentations of a stimulus; they may not overlap. The counts that this is compared to are
        those of :func:`~panneuro.analysis.correlograms.correlograms` in ``epochs=trials``.
    conditions : array-like, shape (n_trials,), optional
        The stimulus of each trial, in the order of the rows: trials are shifted among those of the
        same one. By default all are the same.
    n_shifts : int
        How many trials to go in each direction; more make the predictor less noisy.
    max_lag_s : float
        Longest lag, on both sides of zero; a whole number of bins.
    bin_s : float
        Width of a bin.
    rate_hz : float, optional
        Rate of the clock that spikes were sampled with: lags are then whole samples. Otherwise
        times are rounded to nanoseconds.
    centred : bool
        Whether the middle bin lies around zero, or zero is an edge.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where the work is spread; the result does not depend on it.

    Returns
    -------
    DataArray of float64, dims (unit, other, lag)

    Raises
    ------
    InputError
        If a condition is missing or has no more trials than there are shifts, trials overlap, bins
        are not whole, or the result is larger than is allowed.

    References
    ----------
    .. [1] Perkel, Gerstein & Moore, Biophys. J. 7 (1967) 419-440.

    Examples
    --------
    >>> import pandas as pd
    >>> trials = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [0.5, 1.5]})
    >>> trials = Intervals.from_frame("trials", trials)
    >>> units = {"a": [0.1, 1.1], "b": [0.102, 1.101]}
    >>> shift_predictor(units, trials, max_lag_s=0.003).sel(unit="a", other="b").values
    array([0., 0., 0., 0., 1., 1., 0.])
    """
    lags = Lags.of(max_lag_s, bin_s, rate_hz, centred)
    trains = Trains.of(units)
    check_lags(len(trains), lags, np.float64, max_bytes)
    check_kind(trials, Intervals, "shifting trials")
    groups = _repeats(trials, conditions, n_shifts)
    starts, stops = epochs_on_clock(trials, lags)
    ticks, rows = on_clock(trains, lags), unit_rows(trains)
    trial, inside = within(ticks, starts, stops)
    since, rows, trial = (ticks - starts[trial])[inside], rows[inside], trial[inside]
    slot = int((stops - starts).max()) + lags.stop
    references = Stream.of(since + trial * slot, rows, len(trains))
    total = np.zeros((len(trains), len(trains), lags.n_all), np.int64)
    for shift in range(1, n_shifts + 1):
        for there in (_shifted(groups, shift), _shifted(groups, -shift)):
            targets = Stream.of(since + there[trial] * slot, rows, len(trains))
            total += pairs(references, targets, lags, executor)
    return labelled(total / (2 * n_shifts), trains.ids, lags)


def _repeats(
    trials: Intervals, conditions: npt.ArrayLike | None, n_shifts: int
) -> list[npt.NDArray[np.intp]]:
    """Return the trials of each condition in order of time."""
    order = np.argsort(trials["start_time"], kind="stable")
    names, codes = group(np.zeros(len(order)) if conditions is None else conditions, len(order))
    groups = [np.flatnonzero(codes[order] == code) for code in range(len(names))]
    fewest = min(map(len, groups), default=0)
    check_number("shifts", n_shifts)
    if not n_shifts < fewest:
        raise InputError(
            f"trials are shifted by up to {n_shifts}, and a condition has {fewest}",
            hint="leave out conditions with few trials, or shift by fewer",
        )
    return groups


def _shifted(groups: list[npt.NDArray[np.intp]], shift: int) -> npt.NDArray[np.intp]:
    """Return where each trial goes."""
    there = np.empty(sum(map(len, groups)), dtype=np.intp)
    for members in groups:
        there[members] = np.roll(members, shift)
    return there
