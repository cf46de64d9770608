"""How spikes go with the field: phase locking, and what the field does around a spike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.bands import Band, Design
from panneuro.analysis.compiling import compiled
from panneuro.analysis.filters import analytic
from panneuro.analysis.traces import block_rows, labels_of, physical, pieces, rate_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries

sparse = need("scipy.sparse", "analysis", "Measuring phase locking")

Rows = npt.NDArray[np.int64]

_FEWEST_ROWS = 1 << 15
_BATCH_SPIKES = 1 << 15


def phase_locking(
    units: Events, signal: TimeSeries, band: Band, *, design: Design = "fir", order: int = 4
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
    units : Events
        Spike times in seconds, on the clock of the signal.
    signal : TimeSeries
        At a constant rate.
    band : str or (float, float)
        A name of :data:`~panneuro.analysis.bands.BANDS` or edges in hertz.
    design, order
        As for :func:`~panneuro.analysis.filters.filtered`.

    Returns
    -------
    Dataset
        ``strength``, ``ppc``, ``phase`` (radians) and ``p`` of shape (unit, channel), ``count`` of
        shape (unit,): spikes within the recording. NaN for a unit without spikes, and the ``ppc``
        of a single spike. A spike where the field is exactly zero counts but has no phase.

    Raises
    ------
    InputError
        As for :func:`~panneuro.analysis.filters.analytic`.

    Examples
    --------
    >>> t = np.arange(60_000) / 1000.0
    >>> lfp = TimeSeries("lfp", np.cos(2 * np.pi * 8 * t), "volts", rate_hz=1000.0)
    >>> units = Events.from_trains("units", {"late": np.arange(5, 55, 0.125) + 1 / 16})
    >>> found = phase_locking(units, lfp, "theta")
    >>> float(found.strength[0, 0].round(3)), float(abs(found.phase[0, 0]).round(2))
    (1.0, 3.14)
    """
    field = analytic(signal, band, design=design, order=order)
    positions, which = _positions(units, signal)
    counts = np.bincount(which, minlength=len(units))
    sums = np.zeros((len(units), signal.n_channels), np.complex128)
    for spikes, first, last in _by_block(positions, len(signal), block_rows(field)):
        values = field.data[first:last].reshape(last - first, -1)
        for batch in pieces(spikes.stop - spikes.start, 1, _BATCH_SPIKES):
            chosen = slice(spikes.start + batch.start, spikes.start + batch.stop)
            vectors = _unit_vectors(values, positions[chosen] - first)
            sums += _indicator(which[chosen], len(units)) @ vectors
    return _statistics(sums, counts, units, signal)


def spike_triggered_average(
    units: Events, signal: TimeSeries, before_s: float = 0.2, after_s: float = 0.2
) -> xr.Dataset:
    """Average the field around the spikes of each unit.

    Parameters
    ----------
    units : Events
        Spike times in seconds, on the clock of the signal.
    signal : TimeSeries
        At a constant rate.
    before_s, after_s : float
        How far to look before and after a spike, in seconds.

    Returns
    -------
    Dataset
        ``average`` of shape (unit, channel, lag), in the signal's unit: the mean over spikes of the
        sample nearest to the spike and those around it, with lag in seconds; NaN for a unit without
        spikes. ``count`` of shape (unit,): the spikes whose surroundings are wholly in the
        recording, which are those that are used.

    Raises
    ------
    InputError
        If the lags are negative or longer than the recording.

    Examples
    --------
    >>> field = np.zeros((1000, 1))
    >>> field[[200, 500, 800]] = 1.0
    >>> lfp = TimeSeries("lfp", field, "volts", rate_hz=100.0)
    >>> units = Events.from_trains("units", {7: [2.02, 5.02, 8.02]})
    >>> found = spike_triggered_average(units, lfp, 0.03, 0.01)
    >>> found.average[0, 0].values.round(2)
    array([0., 1., 0., 0., 0.])
    """
    rate_hz = rate_of(signal, "averaging")
    before, after = (_lag(seconds, rate_hz) for seconds in (before_s, after_s))
    width = before + after + 1
    if width > len(signal):
        raise InputError(
            f"{before_s + after_s:g} s around a spike are more than {signal.name!r} is long"
        )
    positions, which = _positions(units, signal)
    rows = np.rint(positions).astype(np.int64)
    inside = (rows >= before) & (rows < len(signal) - after)
    rows, which = rows[inside], which[inside]
    totals = np.zeros((len(units), width, signal.n_channels))
    step = max(_FEWEST_ROWS, 4 * width)
    for spikes, first, last in _by_block(rows.astype(np.float64), len(signal), step):
        begin = max(0, first - before)
        values = physical(signal, begin, min(last + after, len(signal)))
        order = np.argsort(which[spikes], kind="stable") + spikes.start
        _add_windows(values, rows[order] - before - begin, which[order], totals)
    counts = np.bincount(which, minlength=len(units))
    means = np.full_like(totals, np.nan)
    np.divide(totals, counts[:, None, None], out=means, where=counts[:, None, None] > 0)
    lags = ("lag", np.arange(-before, after + 1) / rate_hz, {"units": "s"})
    coords = {"unit": units.ids, "channel": labels_of(signal), "lag": lags}
    dims = ("unit", "channel", "lag")
    average = xr.DataArray(means.swapaxes(1, 2), coords, dims, attrs={"units": signal.unit})
    return xr.Dataset({"average": average, "count": ("unit", counts)})


@compiled
def _add_windows(values: Any, firsts: Any, which: Any, totals: Any) -> None:
    width, channels = totals.shape[1], totals.shape[2]
    for spike in range(firsts.size):
        total = totals[which[spike]]
        first = firsts[spike]
        for lag in range(width):
            for channel in range(channels):
                total[lag, channel] += values[first + lag, channel]


def _positions(units: Events, signal: TimeSeries) -> tuple[npt.NDArray[np.float64], Rows]:
    """Return where spikes lie in samples, in order of time, and the unit of each."""
    rate_hz = rate_of(signal, "locking to")
    times = np.asarray(units.times[:], dtype=np.float64)
    which = np.repeat(np.arange(len(units)), units.counts)
    positions = (times - signal.start_s) * rate_hz
    inside = np.flatnonzero((positions >= 0) & (positions <= len(signal) - 1))
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
    sums: npt.NDArray[np.complex128], counts: Rows, units: Events, signal: TimeSeries
) -> xr.Dataset:
    n = np.where(counts > 0, counts, np.nan)[:, None].astype(np.float64)
    squared = np.abs(sums) ** 2
    pairs = np.where(n > 1, n * (n - 1), np.nan)
    found = {
        "strength": np.sqrt(squared) / n,
        "ppc": (squared - n) / pairs,
        "phase": np.where(np.isnan(n), np.nan, np.angle(sums)),
        "p": np.exp(np.sqrt(1 + 4 * n + 4 * np.maximum(n**2 - squared, 0.0)) - (1 + 2 * n)),
    }
    coords = {"unit": units.ids, "channel": labels_of(signal)}
    named = {name: (("unit", "channel"), values) for name, values in found.items()}
    return xr.Dataset({**named, "count": ("unit", counts)}, coords)


def _lag(seconds: float, rate_hz: float) -> int:
    if not (np.isfinite(seconds) and seconds >= 0):
        raise InputError(f"a lag must be zero or more seconds, not {seconds!r}")
    return round(seconds * rate_hz)
