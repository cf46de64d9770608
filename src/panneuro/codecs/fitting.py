"""Which earlier and neighbouring samples predict a recording, and with what weights.

Floating point is used here and nowhere else: it decides how small a stream is, never what it
decodes to.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.predictor import LANES, MAX_PREDICTED, NEAR, Model, address, kernels

Array = npt.NDArray[Any]
Taps = tuple[tuple[int, int], ...]

OWN = 8
"""Lags of a channel's own past, where there are neighbours to help."""

OWN_FEW = 16
FEW_LAGS = 16
FEW_BESIDE = 3
OWN_ALONE = 32
FEW = 8
"""Below this many channels, longer pasts are tried too."""

BESIDE = ((1, -1), (1, 1), (1, -2), (1, 2))
FAR = range(6, 65)
"""Distances at which the multiplexer of a probe may make channels alike."""

FITTED_ROWS = 512
MOST_COMPARED = 192

FITTED_FEW = 2048
FITTED_PART = 16
RUN = 64
"""Rows are taken in runs: what lies before one row of a run is another."""

LARGEST_FITTED = 5700
"""Of centred samples; the squares of a run then fit 32 bits. Larger ones are scaled down, but not
those of few channels, which may be so smooth that it would show."""

LANE_ROWS = 256
"""Lanes shorter than this would cost too much: each starts without a past."""

TIED = (4, 24)
TIED_SHORT = (1, 2, 4, 24)
SHORT = 2000
PARAMETER_BITS = 9.0
MAX_BITS = 14
LARGEST = 1 << 17

FEW_LEVELS = 8
LOOKED_AT = 256

STEADYING = 3

ALONE = 200_000
"""Multiplications of a matrix product for which BLAS starts no threads."""

UNUSUAL = 12
"""Samples so many times the usual are artefacts: they would rule the fit."""


@dataclass(frozen=True)
class _Strips:
    """Runs of rows, each with its past: channel × run × row, centred, in 2\\ :sup:`scale`."""

    values: Array
    scales: Array
    before: int

    @property
    def now(self) -> Array:
        """Return channel × row, without the pasts."""
        return self.values[:, :, self.before :].reshape(len(self.values), -1)

    @property
    def earlier(self) -> Array:
        """Return what was one row before."""
        return self.values[:, :, self.before - 1 : -1].reshape(len(self.values), -1)


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
    strips = _strips(codes, offsets, longest)
    moments = _moments(strips, _taps(channels, longest, _far(strips)))
    best = min(_fits(moments, rows), key=lambda found: found.bits)
    bits = _places(best, moments)
    weights = best.weights if channels >= FEW else _steadied(best, strips)
    exact = weights * (1 << bits)
    if exact.shape[1] == channels:
        _simplify(exact, best, strips, bits)
    weights = np.clip(np.rint(exact), -LARGEST, LARGEST).astype(np.int32)
    return Model(best.taps, weights, offsets, bits, lanes)


def _steadied(best: _Fit, strips: _Strips) -> Array:
    """Return weights that make residuals small rather than their squares, channel by channel.

    Spikes and artefacts, not the noise between them, rule least squares. Iteratively reweighted
    least squares (Holland & Welsch 1977) lets each row count by the inverse of its residual.
    """
    padded, lags, rows = _padded(strips, best.taps)
    weights = np.empty((len(best.taps), len(strips.values)))
    for channel in range(weights.shape[1]):
        target, *blocks = _blocks(padded, strips.before, lags, rows + channel)
        sources = np.stack(blocks).astype(np.float64)
        column = best.weights[:, channel % best.weights.shape[1]]
        for _ in range(STEADYING):
            missed = np.abs(target - np.einsum("k,kn->n", column, sources))
            counted = sources / np.maximum(missed, max(1.0, 0.25 * float(np.median(missed))))
            steady = _products(counted, sources)
            steady[np.diag_indices_from(steady)] += 1e-7 * np.trace(steady) / len(lags) + 1e-3
            column = np.linalg.solve(steady, np.einsum("kn,n->k", counted, target))
        weights[:, channel] = column
    return weights


def _simplify(weights: Array, best: _Fit, strips: _Strips, bits: int) -> None:
    """Let channels of a few levels, as digital ones, be themselves or their differences.

    Least squares would let their neighbours' noise in, and a few values become many.
    """
    apart = -(-strips.now.shape[1] // LOOKED_AT)
    now, before = strips.now[:, ::apart], strips.earlier[:, ::apart]
    levels = 1 + np.count_nonzero(np.diff(np.sort(now, axis=1), axis=1), axis=1)
    own = best.taps.index((1, 0))
    for channel in np.flatnonzero(levels <= FEW_LEVELS):
        spread = 0.5 * np.log2(2 * math.pi * math.e * (best.errors[channel] + 1 / 12))
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
    remote = ((0, -far), (1, -far)) if far else ()
    return (*near, *_beside(channels), *remote, *((lag, 0) for lag in range(1, longest + 1)))


def _beside(channels: int) -> Taps:
    """Return taps on the past of neighbours: one sample of it, or more where they are few."""
    if channels >= FEW:
        return BESIDE
    reach = min(channels - 1, FEW_BESIDE)
    lags = range(1, (FEW_LAGS // reach if reach else 0) + 1)
    return tuple(
        (lag, side * distance)
        for lag in lags
        for distance in range(1, reach + 1)
        for side in (-1, 1)
    )


def _strips(codes: Array, offsets: Array, longest: int) -> _Strips:
    """Return runs of rows spread over the chunk, none where the past is missing."""
    rows = len(codes)
    run = min(RUN, rows - longest)
    most = FITTED_ROWS if codes.shape[1] >= FEW else FITTED_FEW
    wanted = max(most, rows // FITTED_PART // max(1, FEW - codes.shape[1])) // run
    count = min(wanted, (rows - longest) // run)
    starts = np.linspace(0, rows - longest - run, count).astype(int)
    chosen = codes[starts[:, None] + np.arange(longest + run)] - offsets
    usual = np.median(np.abs(chosen[:, longest::8]), axis=(0, 1))
    most = np.maximum(UNUSUAL * usual, 1)
    scales = np.maximum(0, np.ceil(np.log2(most / LARGEST_FITTED))).astype(np.int64)
    scales *= codes.shape[1] >= FEW
    kept = np.clip(chosen, *(np.array([-1, 1])[:, None] * most).astype(np.int64)) >> scales
    width = np.int16 if codes.shape[1] >= FEW else np.int64
    return _Strips(np.ascontiguousarray(kept.transpose(2, 0, 1), width), scales, longest)


def _far(strips: _Strips) -> int | None:
    """Return the distance at which channels share what neighbours do not explain, if there is one.

    Noise that is common to all channels is taken off by differences with the neighbour.
    """
    channels = min(MOST_COMPARED, len(strips.values))
    fresh = (strips.now - strips.earlier)[:, :: -(-strips.now.shape[1] // 512)].astype(np.float32)
    fresh = fresh[1:channels] - fresh[: channels - 1]
    scale = np.sqrt((fresh**2).mean(axis=1, keepdims=True))
    fresh = np.divide(fresh, scale, out=np.zeros_like(fresh), where=scale > 0)
    distances = [distance for distance in FAR if distance * 2 <= channels]
    if len(distances) < 8:
        return None
    alike = _products(fresh, fresh) / fresh.shape[1]
    apart = np.arange(len(alike)) - np.arange(len(alike))[:, None]
    sums = np.bincount(np.abs(apart).ravel(), alike.ravel(), len(alike))[distances]
    strength = np.abs(sums / 2 / (len(alike) - np.array(distances)))
    found = int((strength >= 0.8 * strength.max()).argmax())
    telling = strength[found] > max(0.02, 4 * np.median(strength))
    return distances[found] if telling else None


def _moments(strips: _Strips, taps: Taps) -> _Moments:
    """Return sums of products: exact, so that they are the same however they are summed."""
    channels, runs, width = strips.values.shape
    padded, lags, rows = _padded(strips, taps)
    sums = _sums(padded, strips.before, lags, rows, channels)
    units = _units(strips, taps)
    cross = sums * units[:, :, None] * units[:, None, :]
    fitted = runs * (width - strips.before)
    return _Moments(taps, fitted, cross[:, 1:, 1:], cross[:, 1:, 0], cross[:, 0, 0])


def _padded(strips: _Strips, taps: Taps) -> tuple[Array, Array, Array]:
    """Return strips between silent channels, and each tap's lag and row, the sample itself first.

    Rows are those for channel 0.
    """
    reach = max(abs(distance) for _, distance in taps)
    padded = np.pad(strips.values, ((reach, reach), (0, 0), (0, 0)))
    lags, distances = np.array([(0, 0), *taps]).T
    return padded, lags, distances + reach


def _units(strips: _Strips, taps: Taps) -> Array:
    """Return what one means in each tap of each channel, the sample itself first."""
    channels = np.arange(len(strips.scales))[:, None]
    sources = channels + np.array([0, *(distance for _, distance in taps)])
    last = len(strips.scales) - 1
    inside = (sources >= 0) & (sources <= last)
    units: Array = 2.0 ** (strips.scales[sources.clip(0, last)] * inside)
    return units


def _blocks(padded: Array, before: int, lags: Array, rows: Array) -> list[Array]:
    width = padded.shape[2]
    return [
        padded[row, :, before - lag : width - lag].reshape(-1)
        for lag, row in zip(lags, rows, strict=True)
    ]


def _products(left: Array, right: Array) -> Array:
    """Return ``left @ right.T``, in pieces for which BLAS starts no threads.

    Chunks are coded side by side already; threads that wait for each other cost ten times more.
    """
    width = max(1, ALONE // (len(left) * len(right)))
    found = np.zeros((len(left), len(right)), left.dtype)
    for at in range(0, left.shape[1], width):
        found += left[:, at : at + width] @ right[:, at : at + width].T
    return found


def _sums(padded: Array, before: int, lags: Array, rows: Array, channels: int) -> Array:
    _, runs, width = padded.shape
    library = kernels() if padded.dtype == np.int16 else None
    shape = channels, len(lags), len(lags)
    if library is None:
        exact = np.empty(shape)
        for channel in range(channels):
            block = np.stack(_blocks(padded, before, lags, rows + channel)).astype(np.float64)
            exact[channel] = _products(block, block)
        return exact
    sums = np.empty(shape, np.int64)
    starts = (rows * runs * width + before - lags).astype(np.int64)
    sizes = (channels, runs, before, width - before, len(lags))
    library.moments(address(padded), *map(ctypes.c_int64, sizes), address(starts), address(sums))
    return sums


def _fits(moments: _Moments, rows: int) -> Iterator[_Fit]:
    channels = len(moments.power)
    for own in _pasts(moments.taps, channels):
        keep = [
            k for k, (lag, distance) in enumerate(moments.taps) if lag <= max(own, bool(distance))
        ]
        some = _Moments(
            tuple(moments.taps[k] for k in keep),
            moments.rows,
            moments.cross[:, keep][:, :, keep],
            moments.along[:, keep],
            moments.power,
        )
        for classes in _shared(channels, rows):
            yield _solve(some, classes, rows)


def _shared(channels: int, rows: int) -> list[int]:
    tied = TIED_SHORT if rows < SHORT or channels < 2 * FEW else TIED
    return [*(classes for classes in tied if classes * 2 <= channels), channels]


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
