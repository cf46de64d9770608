"""Which earlier and neighbouring samples predict a recording, and with what weights.

Floating point is used here and nowhere else: it decides how small a stream is, never what it
decodes to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.predictor import LANES, MAX_PREDICTED, NEAR, Model

Array = npt.NDArray[Any]
Taps = tuple[tuple[int, int], ...]

OWN = 8
"""Lags of a channel's own past, where there are neighbours to help."""

OWN_FEW = 16
OWN_ALONE = 32
FEW = 8
"""Below this many channels, longer pasts are tried too."""

BESIDE = ((1, -1), (1, 1), (1, -2), (1, 2))
FAR = range(6, 65)
"""Distances at which the multiplexer of a probe may make channels alike."""

FITTED_ROWS = 1024
FITTED_PART = 16
RUN = 64
"""Rows are taken in runs: what lies before one row of a run is another."""

LANE_ROWS = 256
"""Lanes shorter than this would cost too much: each starts without a past."""

TIED = (1, 2, 4, 24)
PARAMETER_BITS = 9.0
MAX_BITS = 14
LARGEST = 1 << 17

FEW_LEVELS = 8
LOOKED_AT = 256

UNUSUAL = 20
"""Samples so many times the usual are artefacts: they would rule the fit."""


@dataclass(frozen=True)
class _Moments:
    """Of each channel: sums of products of taps with taps, with the sample, and its own."""

    taps: Taps
    rows: int
    cross: Array
    along: Array
    power: Array


@dataclass(frozen=True)
class _Fit:
    taps: Taps
    weights: Array
    errors: Array
    bits: float


def fit(codes: Array) -> Model:
    """Return a model to predict some codes with.

    Parameters
    ----------
    codes : int16 or int32 array, rows × channels

    Notes
    -----
    Weights are least squares over some rows, none of them among the first, which have no past.
    Number of lags and whether channels share weights follow from the description length: what the
    residuals of all rows are estimated to take, plus the weights themselves.
    """
    rows, channels = codes.shape
    offsets = np.rint(codes[:: -(-rows // 256)].mean(axis=0)).astype(np.int32)
    lanes = LANES[-1] if rows >= LANES[-1] * LANE_ROWS else LANES[0]
    longest = _longest(channels)
    if channels > MAX_PREDICTED or rows <= longest + 4:
        return Model((), np.zeros((0, 1), np.int32), offsets, 1, 1)
    history = _history(codes, offsets, _rows(rows, longest), longest)
    moments = _moments(history, _taps(channels, longest, _far(history)))
    best = min(_fits(moments, rows), key=lambda found: found.bits)
    bits = _places(best, moments)
    exact = best.weights * (1 << bits)
    if exact.shape[1] == channels:
        _simplify(exact, best, history, bits)
    weights = np.clip(np.rint(exact), -LARGEST, LARGEST).astype(np.int32)
    return Model(best.taps, weights, offsets, bits, lanes)


def _simplify(weights: Array, best: _Fit, history: Array, bits: int) -> None:
    """Let channels of a few levels, as digital ones, be themselves or their differences.

    Least squares would let their neighbours' noise in, and a few values become many.
    """
    now, before = history[:2, :, :: -(-history.shape[2] // LOOKED_AT)]
    levels = 1 + np.count_nonzero(np.diff(np.sort(now, axis=1), axis=1), axis=1)
    own = best.taps.index((1, 0))
    for channel in np.flatnonzero(levels <= FEW_LEVELS):
        spread = 0.5 * np.log2(2 * np.pi * np.e * (best.errors[channel] + 1 / 12))
        itself = _entropy(now[channel])
        change = _entropy(now[channel] - before[channel])
        if min(itself, change) < spread:
            weights[:, channel] = 0
            weights[own, channel] = (1 << bits) if change < itself else 0


def _entropy(values: Array) -> float:
    counts = np.unique_counts(values).counts
    return float(np.log2(len(values)) - (counts * np.log2(counts)).sum() / len(values))


def _longest(channels: int) -> int:
    if channels >= FEW:
        return OWN
    return OWN_ALONE if channels == 1 else OWN_FEW


def _taps(channels: int, longest: int, far: int | None) -> Taps:
    """Return the taps to choose from: near ones first, then others, then the own past."""
    near = NEAR if channels > 4 else NEAR[: channels - 1]
    beside = tuple(tap for tap in BESIDE if abs(tap[1]) < channels)
    remote = ((0, -far), (1, -far)) if far else ()
    return (*near, *beside, *remote, *((lag, 0) for lag in range(1, longest + 1)))


def _rows(rows: int, longest: int) -> Array:
    """Return the rows to fit on: runs spread over the chunk, none where the past is missing."""
    wanted = max(FITTED_ROWS, rows // FITTED_PART)
    if rows - longest <= wanted:
        return np.arange(longest, rows)
    starts = np.linspace(longest, rows - RUN, wanted // RUN).astype(int)
    return (starts[:, None] + np.arange(RUN)).ravel()


def _history(codes: Array, offsets: Array, rows: Array, longest: int) -> Array:
    """Return the chosen rows and those 1, 2… before: lag × channel × row, centred."""
    history = np.empty((longest + 1, codes.shape[1], len(rows)), np.float32)
    for lag in range(longest + 1):
        history[lag] = codes[rows - lag].T
    history -= offsets.astype(np.float32)[:, None]
    usual = np.median(np.abs(history[0, :, :: -(-len(rows) // 128)]), axis=1)
    most = np.maximum(UNUSUAL * usual, 1)[:, None]
    return np.clip(history, -most, most, out=history)


def _far(history: Array) -> int | None:
    """Return the distance at which channels share what neighbours do not explain, if there is one.

    Noise that is common to all channels is taken off by differences with the neighbour.
    """
    channels = history.shape[1]
    fresh = history[0] - history[1]
    fresh = fresh[1:] - fresh[:-1]
    fresh = fresh[:, :: -(-fresh.shape[1] // 512)]
    scale = np.sqrt((fresh**2).mean(axis=1, keepdims=True))
    fresh = np.divide(fresh, scale, out=np.zeros_like(fresh), where=scale > 0)
    distances = [distance for distance in FAR if distance * 3 <= channels]
    if len(distances) < 8:
        return None
    alike = fresh @ fresh.T / fresh.shape[1]
    strength = np.array([np.abs(np.diagonal(alike, d).mean()) for d in distances])
    found = int(strength.argmax())
    telling = strength[found] > max(0.02, 4 * np.median(strength))
    return distances[found] if telling else None


def _moments(history: Array, taps: Taps) -> _Moments:
    _, channels, rows = history.shape
    reach = max((abs(distance) for _, distance in taps), default=0)
    padded = np.zeros((history.shape[0], channels + 2 * reach, rows), np.float32)
    padded[:, reach : reach + channels] = history
    lags, distances = np.array([(0, 0), *taps]).T
    cross = np.empty((channels, len(lags), len(lags)))
    for channel in range(channels):
        block = padded[lags, distances + channel + reach]
        cross[channel] = block @ block.T
    return _Moments(taps, rows, cross[:, 1:, 1:], cross[:, 1:, 0], cross[:, 0, 0])


def _fits(moments: _Moments, rows: int) -> Iterator[_Fit]:
    channels = len(moments.power)
    for own in _pasts(moments.taps, channels):
        keep = [k for k, (lag, distance) in enumerate(moments.taps) if distance or lag <= own]
        some = _Moments(
            tuple(moments.taps[k] for k in keep),
            moments.rows,
            moments.cross[:, keep][:, :, keep],
            moments.along[:, keep],
            moments.power,
        )
        for classes in sorted({channels, *(m for m in TIED if m * 2 <= channels)}):
            yield _solve(some, classes, rows)


def _pasts(taps: Taps, channels: int) -> tuple[int, ...]:
    longest = max(lag for lag, _ in taps)
    if channels >= FEW:
        return (2, longest) if channels < 2 * FEW else (longest,)
    return tuple(own for own in (1, 2, 4, 8, 16, 32) if own <= longest)


def _solve(moments: _Moments, classes: int, rows: int) -> _Fit:
    """Return least-squares weights that every `classes`-th channel shares."""
    channels, n_taps = moments.along.shape
    group = np.arange(channels) % classes
    cross, along = moments.cross, moments.along
    if classes < channels:
        first = np.arange(classes)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], first)
        cross = np.add.reduceat(cross[order], starts)
        along = np.add.reduceat(along[order], starts)
    ridge = 1e-7 * np.trace(cross, axis1=1, axis2=2) / n_taps + 2e-3 * moments.rows
    steady = cross + ridge[:, None, None] * np.eye(n_taps)
    weights = np.linalg.solve(steady, along[..., None])[..., 0]
    each = weights[group]
    explained = 2 * moments.along - np.matmul(moments.cross, each[..., None])[..., 0]
    errors = np.maximum(0, moments.power - (each * explained).sum(axis=1)) / moments.rows
    optimism = 1 + 2 * n_taps * classes / (moments.rows * channels)
    bits = rows * 0.5 * np.log2(errors * optimism + 1 / 12).sum()
    return _Fit(moments.taps, weights.T, errors, bits + PARAMETER_BITS * n_taps * classes)


def _places(best: _Fit, moments: _Moments) -> int:
    """Return the binary places that weights need for their rounding not to be felt."""
    felt = moments.power / moments.rows * len(best.taps) / 12
    allowed = (best.errors + 1 / 12) * 1e-3
    places = np.ceil(0.5 * np.log2(np.maximum(1.0, felt / allowed)))
    return int(np.clip(np.quantile(places, 0.9), 6, MAX_BITS))
