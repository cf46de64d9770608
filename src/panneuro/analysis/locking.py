"""How spikes go with the field: phase locking, and what the field does around a spike."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.bands import Band, Design
from panneuro.analysis.blocks import MAX_BYTES, check_bytes, fill, in_order, ranges
from panneuro.analysis.compiling import compiled
from panneuro.analysis.epochs import Epochs, epoch_ticks, within
from panneuro.analysis.oscillations import analytic
from panneuro.analysis.reals import reals
from panneuro.analysis.traces import block_rows, labels_of, physical, rate_of
from panneuro.analysis.trains import TICKS_PER_S, Trains, Units
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.timeseries import TimeSeries

sparse = need("scipy.sparse", "analysis", "Measuring phase locking")

Rows = npt.NDArray[np.int64]

_BLOCKS_PER_TASK = 4
_FEWEST_ROWS = 1 << 15
_BATCH_SPIKES = 1 << 15


def phase_locking(
    units: Units,
    signal: TimeSeries,
    band: Band,
    *,
    epochs: Epochs | None = None,
    design: Design = "fir",
    order: int = 4,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Measure how spikes prefer a phase of the field in a band, for all units and channels.

    The phase at a spike is that of the analytic signal, interpolated between samples. With *S* the
    sum of the unit vectors at *n* spikes:

    - ``strength`` is ``|S| / n``, the phase-locking value. It grows as *n* falls.
    - ``ppc`` is ``(|S|² - n) / (n (n - 1))``, the pairwise phase consistency, which does not (Vinck
      et al., NeuroImage 51:112, 2010).
    - ``phase`` is the angle of *S*: 0 is where the field is highest, ±π where it is lowest.
    - ``p`` is Rayleigh's test: how probable such a strength is without locking (as in
      CircStat: Berens, J. Stat. Softw. 31:10, 2009).

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds, on the clock of the signal.
    signal : TimeSeries
        At a constant rate.
    band : str or (float, float)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Use only the spikes in these stretches, in seconds.
    design : {"fir", "butterworth"}
        :func:`~panneuro.analysis.bands.fir_taps` or
        :func:`~panneuro.analysis.bands.butterworth_taps`.
    order : int
        Of the Butterworth filter.
    max_bytes : int
        What the result may take in memory.
    executor : Executor, optional
        Where stretches of the recording are spread; the result does not depend on it.

    Returns
    -------
    Dataset
        ``strength``, ``ppc``, ``phase`` (radians) and ``p`` (unit, channel); ``n_spikes`` (unit,):
        those within the recording and epochs. NaN for a unit without spikes, and the ``ppc`` of a
        single spike. A spike where the field is exactly zero counts but has no phase.

    Raises
    ------
    InputError
        If the band is open or cannot be cut, the signal has no constant rate or is shorter than
        half the filter, spikes are not finite, or none of any unit lies within the recording; on
        reading, if a sample is not finite.

    Examples
    --------
    >>> t = np.arange(60_000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.cos(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> found = phase_locking({"late": np.arange(5, 55, 0.125) + 1 / 16}, lfp, "theta")
    >>> float(found.strength[0, 0].round(3)), float(abs(found.phase[0, 0]).round(2))
    (1.0, 3.14)
    """
    trains = Trains.of(units)
    field = analytic(signal, band, design=design, order=order)
    shape = (len(trains), signal.n_channels)
    check_bytes(shape, np.complex128, max_bytes, "measuring phase locking", "choose fewer units")
    positions, which = _positions(trains, signal, epochs)
    counts = np.bincount(which, minlength=len(trains))
    sums = np.zeros(shape, np.complex128)
    step = _BLOCKS_PER_TASK * block_rows(field)
    task = partial(_vectors_of_block, field, positions, which, len(trains))
    for found in in_order(task, _by_block(positions, len(signal), step), executor):
        sums += found
    return _statistics(sums, counts, trains, signal)


def spike_triggered_average(
    units: Units,
    signal: TimeSeries,
    window_s: tuple[float, float] = (-0.2, 0.2),
    *,
    epochs: Epochs | None = None,
    max_bytes: int = MAX_BYTES,
    executor: ThreadPoolExecutor | None = None,
) -> xr.Dataset:
    """Average the field around the spikes of each unit.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds, on the clock of the signal.
    signal : TimeSeries
        At a constant rate.
    window_s : tuple of float
        From where to where around each spike, in seconds from it; both ends are included.
    epochs : Intervals or array-like of float, shape (n_epochs, 2), optional
        Use only the spikes in these stretches, in seconds.
    max_bytes : int
        What the result may take in memory.
    executor : ThreadPoolExecutor, optional
        Shares units out; the result is the same.

    Returns
    -------
    Dataset
        ``average`` (unit, channel, lag), in the signal's unit: the mean over spikes of the sample
        nearest to the spike and those around it, with lag in seconds; NaN for a unit without
        spikes. ``n_spikes`` (unit,): the spikes whose surroundings are wholly in the recording,
        which are those that are used.

    Raises
    ------
    InputError
        If the window is empty or longer than the recording, spikes are not finite, none of any unit
        lies within the recording, or the result is larger than is allowed.

    Notes
    -----
    ``Σ_s x(t_s + lag) / n``, the reverse correlation of de Boer and Kuyper (IEEE Trans. Biomed.
    Eng. 15:169, 1968), here of the field.

    Examples
    --------
    >>> field = np.zeros((1000, 1))
    >>> field[[200, 500, 800]] = 1.0
    >>> lfp = TimeSeries("lfp", field, "volts", rate_hz=100.0)
    >>> found = spike_triggered_average({7: [2.02, 5.02, 8.02]}, lfp, (-0.03, 0.01))
    >>> found.average[0, 0].values.round(2)
    array([0., 1., 0., 0., 0.])
    """
    trains = Trains.of(units)
    before, width = _lags(window_s, signal)
    shape = (len(trains), width, signal.n_channels)
    hint = "choose fewer units or channels, or a shorter window"
    check_bytes((2, *shape), np.float64, max_bytes, "averaging around spikes", hint)
    positions, which = _positions(trains, signal, epochs)
    rows = np.rint(positions).astype(np.int64) - before
    inside = (rows >= 0) & (rows + width <= len(signal))
    rows, which = rows[inside], which[inside]
    totals = np.zeros(shape)
    step = max(_FEWEST_ROWS, 4 * width)
    for spikes, first, last in _by_block(rows.astype(np.float64), len(signal), step):
        values = physical(signal, first, min(last + width, len(signal)))
        ordered = np.argsort(which[spikes], kind="stable") + spikes.start
        ends = np.searchsorted(which[ordered], np.arange(len(trains) + 1))
        task = partial(_add_units, values, rows[ordered] - first, ends, totals)
        fill(task, ranges(len(trains), 8 if executor else max(1, len(trains))), executor)
    counts = np.bincount(which, minlength=len(trains))
    means = np.full_like(totals, np.nan)
    np.divide(totals, counts[:, None, None], out=means, where=counts[:, None, None] > 0)
    lags = (np.arange(width) - before) / rate_of(signal, "averaging")
    coords = {
        "unit": trains.ids,
        "channel": labels_of(signal),
        "lag": ("lag", lags, {"units": "s", "long_name": "time from spike"}),
    }
    named = {"units": signal.unit, "long_name": "spike-triggered average"}
    average = xr.DataArray(
        means.swapaxes(1, 2), coords, ("unit", "channel", "lag"), "average", named
    )
    return xr.Dataset({"average": average, "n_spikes": ("unit", counts)})


def _lags(window_s: tuple[float, float], signal: TimeSeries) -> tuple[int, int]:
    """Return how many samples before a spike a window begins, and how many it has."""
    rate_hz = rate_of(signal, "averaging")
    ends = reals(window_s, "the ends of a window")
    if ends.shape != (2,) or not np.isfinite(ends).all() or ends[1] < ends[0]:
        raise InputError(
            f"a window around spikes cannot be {window_s!r} s",
            hint="give (start, stop) in seconds from the spike: window_s=(-0.2, 0.2)",
        )
    first, last = np.rint(ends * rate_hz).astype(int).tolist()
    if last - first + 1 > len(signal):
        raise InputError(
            f"{ends[1] - ends[0]:g} s around a spike are more than {signal.name!r} is long"
        )
    return -first, last - first + 1


def _add_units(values: Any, firsts: Rows, ends: Rows, totals: Any, units: slice) -> None:
    for unit in range(*units.indices(len(totals))):
        _add_windows(values, firsts[ends[unit] : ends[unit + 1]], totals[unit])


@compiled
def _add_windows(values: Any, firsts: Any, total: Any) -> None:
    width, channels = total.shape
    for spike in range(firsts.size):
        first = firsts[spike]
        for lag in range(width):
            for channel in range(channels):
                total[lag, channel] += values[first + lag, channel]


def _positions(
    trains: Trains, signal: TimeSeries, epochs: Epochs | None
) -> tuple[npt.NDArray[np.float64], Rows]:
    """Return where spikes lie in samples, in order of time, and the unit of each."""
    rate_hz = rate_of(signal, "locking to")
    which = np.repeat(np.arange(len(trains)), np.diff(trains.ends, prepend=0))
    positions = (trains.ticks / TICKS_PER_S - signal.start_s) * rate_hz
    kept = (positions >= 0) & (positions <= len(signal) - 1)
    if len(kept) and not kept.any():
        raise InputError(
            f"none of {len(kept)} spikes lies within {signal.name!r}, which lasts from "
            f"{signal.start_s:.3f} to {signal.stop_s:.3f} s",
            hint="bring both onto the session's one clock",
        )
    if epochs is not None:
        kept &= within(trains.ticks, *epoch_ticks(epochs))[1]
    inside = np.flatnonzero(kept)
    order = inside[np.argsort(positions[inside], kind="stable")]
    return positions[order], which[order]


def _by_block(
    positions: npt.NDArray[np.float64], n_rows: int, step: int
) -> Iterator[tuple[slice, int, int]]:
    """Yield runs of spikes with the rows that hold them and one more, to interpolate."""
    for first in range(0, n_rows, step):
        low, high = np.searchsorted(positions, [first, min(first + step, n_rows)])
        if high > low:
            yield slice(int(low), int(high)), first, min(first + step + 1, n_rows)


def _vectors_of_block(
    field: TimeSeries,
    positions: npt.NDArray[np.float64],
    which: Rows,
    n_units: int,
    block: tuple[slice, int, int],
) -> npt.NDArray[np.complex128]:
    """Sum the unit vectors at the spikes of each unit, shape (n_units, n_channels)."""
    spikes, first, last = block
    values = field.data[first:last].reshape(last - first, -1)
    sums = np.zeros((n_units, values.shape[1]), np.complex128)
    at, own = positions[spikes] - first, which[spikes]
    for batch in ranges(len(at), _BATCH_SPIKES):
        sums += _indicator(own[batch], n_units) @ _unit_vectors(values, at[batch])
    return sums


def _unit_vectors(
    values: npt.NDArray[np.complex64], at: npt.NDArray[np.float64]
) -> npt.NDArray[np.complex64]:
    left = np.minimum(at.astype(np.int64), max(0, len(values) - 2))
    right = np.minimum(left + 1, len(values) - 1)
    share = (at - left).astype(np.float32)[:, None]
    between = values[left] * (1 - share) + values[right] * share
    modulus = np.abs(between)
    vectors: npt.NDArray[np.complex64] = np.zeros_like(between)
    np.divide(between, modulus, out=vectors, where=modulus > 0)
    return vectors


def _indicator(which: Rows, n: int) -> Any:
    ones = np.ones(len(which), np.float64)
    return sparse.csr_array((ones, (which, np.arange(len(which)))), shape=(n, len(which)))


def _statistics(
    sums: npt.NDArray[np.complex128], counts: Rows, trains: Trains, signal: TimeSeries
) -> xr.Dataset:
    n = np.where(counts > 0, counts, np.nan)[:, None].astype(np.float64)
    squared = np.abs(sums) ** 2
    pairs = np.where(n > 1, n * (n - 1), np.nan)
    p = np.exp(np.sqrt(1 + 4 * n + 4 * np.maximum(n**2 - squared, 0.0)) - (1 + 2 * n))
    found = {
        "strength": (np.sqrt(squared) / n, "1", "phase-locking value"),
        "ppc": ((squared - n) / pairs, "1", "pairwise phase consistency"),
        "phase": (np.where(np.isnan(n), np.nan, np.angle(sums)), "rad", "preferred phase"),
        "p": (p, "1", "p"),
    }
    coords = {"unit": trains.ids, "channel": labels_of(signal)}
    named = {
        name: (("unit", "channel"), values, {"units": unit, "long_name": long_name})
        for name, (values, unit, long_name) in found.items()
    }
    return xr.Dataset({**named, "n_spikes": ("unit", counts)}, coords)
