"""What is drawn of a signal over a window of time: extremes over bins, or counts of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import InputError, LimitError
from panneuro.lake.asset import Asset
from panneuro.portal.levels import FACTOR, levels_of
from panneuro.portal.shelves import Shelf
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries

Floats = npt.NDArray[np.float32]

_MOST_VALUES = 64_000_000
_REST_BINS = 256


@dataclass(frozen=True)
class Window:
    """Values over bins of equal length.

    Parameters
    ----------
    start_s : float
        When the first bin begins.
    step_s : float
        Length of a bin.
    values : ndarray
        Of float32, shape (n_bins, n_channels, 2), minima and maxima, NaN where nothing was
        recorded; or of counts, shape (n_bins, n_units).
    """

    start_s: float
    step_s: float
    values: npt.NDArray[Any]


def extremes(
    asset: Asset,
    name: str,
    span: tuple[float, float],
    bins: int,
    channels: Sequence[int] | None,
    shelf: Shelf,
) -> Window:
    """Return the minima and maxima of a time series over bins, in physical units.

    They come from the coarsest level of the pyramid that is fine enough, so that a window of
    hours costs no more than one of seconds.

    Parameters
    ----------
    asset : Asset
        That holds the signal.
    name : str
        Of a time series.
    span : (float, float)
        Seconds on the session's clock, the end excluded.
    bins : int
        How many.
    channels : sequence of int, optional
        Which ones, in which order.
    shelf : Shelf
        Of coarse levels, sized in bytes.

    Raises
    ------
    InputError
        If there is no such channel.
    LimitError
        If too much would have to be read.
    """
    levels = levels_of(asset, name, shelf)
    signal = levels.signal
    columns = list(range(signal.n_channels)) if channels is None else list(channels)
    signal.columns(columns)
    start_s, stop_s = span
    step_s = (stop_s - start_s) / bins
    rows = signal.rows(start_s, stop_s)
    values = np.full((bins, len(columns), 2), np.nan, dtype=np.float32)
    if rows.stop > rows.start and columns:
        depth = levels.depth(rows.stop - rows.start, bins)
        factor = FACTOR**depth
        first, last = rows.start // factor, -(-rows.stop // factor)
        _refuse_more(name, (last - first) * signal.n_channels)
        found = levels.read(depth, first, last, columns)
        at = _bins(signal, np.arange(first, last) * factor, start_s, step_s, bins)
        edges = np.flatnonzero(np.diff(at, prepend=-1))
        values[at[edges]] = _scaled(signal, _reduced(found, edges), columns)
    return Window(start_s, step_s, values)


def _refuse_more(name: str, count: int) -> None:
    if count > _MOST_VALUES:
        raise LimitError(
            f"{name!r} has {count:,} values in that window and nothing coarser",
            hint="ask for less time",
        )


def _bins(
    signal: TimeSeries, rows: npt.NDArray[np.int64], start_s: float, step_s: float, bins: int
) -> npt.NDArray[np.int64]:
    """Return the bin that each row falls into: the one of its time."""
    if signal.rate_hz is not None:
        times = signal.start_s + rows / signal.rate_hz
    else:
        times = signal.times()[np.minimum(rows, len(signal) - 1)]
    return np.clip((times - start_s) / step_s + 1e-9, 0, bins - 1).astype(np.int64)


def _reduced(found: npt.NDArray[Any], edges: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the extremes of what is between edges; of what is no number only where all is."""
    low = np.fmin.reduceat(found[..., 0], edges, axis=0)
    high = np.fmax.reduceat(found[..., -1], edges, axis=0)
    return np.stack([low, high], axis=-1)


def _scaled(signal: TimeSeries, found: npt.NDArray[Any], columns: list[int]) -> Floats:
    gain, offset = (
        np.asarray(factor, dtype=np.float64)[..., None] if np.ndim(factor) == 0
        else np.asarray(factor, dtype=np.float64)[columns][:, None]
        for factor in (signal.gain, signal.offset)
    )  # fmt: skip
    values = found * gain + offset
    if (gain < 0).any():
        # A negative gain turns minima into maxima.
        values.sort(axis=-1)
    return values.astype(np.float32)


@dataclass(frozen=True)
class Moments:
    """All events of a signal in order of time.

    Parameters
    ----------
    times : ndarray of float64
        Seconds.
    rows : ndarray of int32
        For each the row of its unit.
    """

    times: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        """Memory they take."""
        return int(self.times.nbytes + self.rows.nbytes)


def moments(asset: Asset, name: str, shelf: Shelf) -> Moments:
    """Return the events of a signal in order of time, read once.

    Raises
    ------
    InputError
        If the signal has no events.
    """
    signal = events(asset, name)

    def read() -> Moments:
        times = np.asarray(signal.times[:], dtype=np.float64)
        order = np.argsort(times, kind="stable")
        rows = np.repeat(np.arange(len(signal), dtype=np.int32), signal.counts)
        return Moments(times[order], rows[order])

    return shelf.take((asset.name, asset.version, name, "moments"), read)


def events(asset: Asset, name: str) -> Events:
    """Return the events of an asset that have a name.

    Raises
    ------
    InputError
        If the signal is of another kind.
    """
    signal = asset[name]
    if not isinstance(signal, Events):
        raise InputError(f"{name!r} holds no events")
    return signal


def counts(asset: Asset, name: str, span: tuple[float, float], bins: int, shelf: Shelf) -> Window:
    """Return how many events each unit has in each bin, at most 65,535.

    Parameters
    ----------
    asset, name, span, bins, shelf
        As for `extremes`.
    """
    n_units = len(events(asset, name))
    found = moments(asset, name, shelf)
    start_s, stop_s = span
    step_s = (stop_s - start_s) / bins
    first, last = np.searchsorted(found.times, span, side="left")
    at = np.minimum((found.times[first:last] - start_s) / step_s, bins - 1).astype(np.int64)
    flat = np.bincount(at * n_units + found.rows[first:last], minlength=bins * n_units)
    return Window(start_s, step_s, np.minimum(flat, 65_535).reshape(bins, n_units))


def narrowed(window: Window) -> tuple[npt.NDArray[Any], float]:
    """Return a window's values as 16-bit integers, and what one step of them is worth.

    Counts are unsigned and worth one; among signed values -32768 stands for NaN.

    Examples
    --------
    >>> values, worth = narrowed(Window(0.0, 1.0, np.array([[[-2.0, 1.0]]], dtype="float32")))
    >>> values.tolist(), round(worth * 32767, 6)
    ([[[-32767, 16384]]], 2.0)
    """
    values = window.values
    if values.dtype.kind in "iu":
        return values.astype("<u2"), 1.0
    finite = np.abs(values[np.isfinite(values)])
    worth = float(finite.max()) / 32767 if finite.size and finite.max() > 0 else 1.0
    scaled = np.where(np.isfinite(values), np.round(values / worth), -32768)
    return scaled.astype("<i2"), worth


def middles(asset: Asset, name: str, span: tuple[float, float], shelf: Shelf) -> Floats:
    """Return where each channel rests: the mean of its extremes over a whole signal.

    Parameters
    ----------
    asset, name, shelf
        As for `extremes`.
    span : (float, float)
        Seconds from the beginning of the signal to its end.
    """

    def read() -> Floats:
        values = extremes(asset, name, span, _REST_BINS, None, shelf).values
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=(0, 2)), 1)
        middle: Floats = (np.where(known, values, 0).sum(axis=(0, 2)) / count).astype(np.float32)
        return middle

    return shelf.take((asset.name, asset.version, name, "middles"), read)


def peaks(window: Window, middle: Floats) -> Window:
    """Return for each bin and channel the extreme that is farther from the channel's middle.

    Examples
    --------
    >>> values = np.array([[[-1.0, 5.0]], [[-6.0, 2.0]]], dtype="float32")
    >>> peaks(Window(0.0, 1.0, values), np.zeros(1, "float32")).values.tolist()
    [[5.0], [-6.0]]
    """
    low, high = window.values[..., 0] - middle, window.values[..., 1] - middle
    return Window(window.start_s, window.step_s, np.where(-low > high, low, high))
