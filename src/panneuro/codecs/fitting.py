"""Which earlier and neighbouring samples predict a recording, and with what weights.

Floating point is used here and nowhere else: it decides how small a stream is, never what it
decodes to.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.entropy import BLOCK
from panneuro.codecs.moments import (
    FEW,
    Moments,
    Strips,
    Taps,
    far_channel,
    moments_of,
    padded_strips,
    products,
    rows_of,
    strips_of,
)
from panneuro.codecs.native import call, kernels
from panneuro.codecs.predictor import KEPT, LANES, MAX_PREDICTED, NEAR, Model

Array = npt.NDArray[Any]

OWN = (2, 8, 16)
"""Lags of a channel's own past in narrow and in wide models, where there are neighbours; the first
only where they are few."""

OWN_PASTS = (1, 2, 4, 8, 16, 32)
OWN_FEW = 16
FEW_LAGS = 16
FEW_BESIDE = 3
OWN_ALONE = 32
BESIDE = ((1, -1), (1, 1), (1, -2), (1, 2))
FURTHER = ((1, -3), (1, 3), (1, -4), (1, 4), (2, -1), (2, 1), (2, -2), (2, 2))
"""Neighbours' pasts that only the wide model looks at."""

OWN_FAST, NEAR_FAST, BESIDE_FAST = 4, 2, 2
"""Of the own past, of neighbours and of their pasts, where speed is wanted."""

LANE_ROWS = 12
"""Lanes shorter than this would cost too much: each starts without a past."""

TIED = (4, 24)
TIED_SHORT = (1, 2, 4, 24)
SHORT, SHORTEST = 2000, 400
"""Fewer rows have other classes tied; in the fewest, no channel has weights of its own."""

PARAMETER_BITS = 9.0
WORTH_BITS = 0.02
"""Of many channels, more taps must save so much of each sample: they take time to undo."""

MAX_BITS = 14
LARGEST = 1 << 17
_WORD = np.iinfo(np.int16).max
"""Weights up to this are much faster: worth a place that is hardly felt."""

FEW_LEVELS = 8
LOOKED_AT = 256


@dataclass(frozen=True)
class _Fit:
    taps: Taps
    weights: Array
    errors: Array
    bits: float


def offsets_of(codes: Array) -> Array:
    """Return what each channel rests at, about."""
    return np.rint(codes[:: -(-len(codes) // 256)].mean(axis=0)).astype(np.int32)


def lanes_of(rows: int) -> int:
    """Return how many stretches so many rows are coded in."""
    return LANES[-1] if rows >= LANES[-1] * LANE_ROWS else LANES[0]


def fit(codes: Array, *, fast: bool = False) -> Model:
    """Return a model to predict some codes with.

    Parameters
    ----------
    codes : int16 or int32 array, rows × channels
    fast : bool
        Look at less: a third of the taps, where there are many channels.

    Notes
    -----
    Weights are least squares over some rows, none of them among the first, which have no past.
    Number of lags and whether channels share weights follow from the description length: what the
    residuals of all rows are estimated to take, plus the weights themselves.
    """
    rows, channels = codes.shape
    offsets, lanes = offsets_of(codes), lanes_of(rows)
    longest = _longest(channels, fast=fast)
    if channels > MAX_PREDICTED or rows <= longest + 4:
        return Model((), np.zeros((0, 1), np.int32), offsets, 1, 1)
    strips = strips_of(codes, offsets, longest)
    far = far_channel(strips)
    taps = _fewer(channels, longest, far) if fast else _taps(channels, longest, far)
    taps, counts = _nested(taps, channels)
    best = _best(moments := moments_of(strips, taps), counts, rows)
    bits = _places(best, moments)
    weights = best.weights if fast or channels >= FEW else _steadied(best, strips)
    if bits < MAX_BITS and _WORD < np.abs(weights).max(initial=0) * (1 << bits) <= 2 * _WORD:
        bits -= 1
    exact = weights * (1 << bits)
    if exact.shape[1] == channels:
        _simplify(exact, best, strips, bits)
    weights = np.clip(np.rint(exact), -LARGEST, LARGEST).astype(np.int32)
    return Model(best.taps, weights, offsets, bits, lanes)


def _steadied(best: _Fit, strips: Strips) -> Array:
    """Return weights that make residuals small rather than their squares, channel by channel.

    Spikes and artefacts, not the noise between them, rule least squares. Reweighted least squares
    (Holland & Welsch 1977) lets each row count by the inverse of its residual. Where that leaves
    more in blocks, which are coded by their own scale, the weights stay as they are.
    """
    padded, lags, rows = padded_strips(strips, best.taps)
    weights = np.empty((len(best.taps), len(strips.values)))
    for channel in range(weights.shape[1]):
        found = rows_of(padded, strips.before, lags, rows + channel)
        target, sources = found[0], found[1:]
        column = best.weights[:, channel % best.weights.shape[1]]
        missed = np.abs(target - np.einsum("k,kn->n", column, sources))
        counted = sources / np.maximum(missed, max(1.0, 0.25 * float(np.median(missed))))
        steady = products(counted, sources)
        steady[np.diag_indices_from(steady)] += 1e-7 * np.trace(steady) / len(lags) + 1e-3
        other = np.linalg.solve(steady, np.einsum("kn,n->k", counted, target))
        left = np.abs(target - np.einsum("k,kn->n", other, sources))
        weights[:, channel] = other if _left_in_blocks(left) < _left_in_blocks(missed) else column
    return weights


def _left_in_blocks(missed: Array) -> float:
    """Return the mean logarithm of what is left in blocks of rows."""
    sums = np.add.reduceat(missed, np.arange(0, len(missed), BLOCK))
    return float(np.log2(sums + 1).mean())


def _simplify(weights: Array, best: _Fit, strips: Strips, bits: int) -> None:
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


def _longest(channels: int, *, fast: bool) -> int:
    if fast:
        return OWN_FAST if channels > 1 else 2 * OWN_FAST
    if channels >= FEW:
        return OWN[-1]
    return OWN_ALONE if channels == 1 else OWN_FEW


def _taps(channels: int, longest: int, far: int | None) -> Taps:
    """Return the taps to choose from: near ones first, then others, then the own past."""
    near = NEAR if channels > 4 else NEAR[: channels - 1]
    remote = ((0, -far), (1, -far)) if far else ()
    return (*near, *_beside(channels), *remote, *((lag, 0) for lag in range(1, longest + 1)))


def _fewer(channels: int, longest: int, far: int | None) -> Taps:
    near = NEAR[: min(channels - 1, NEAR_FAST)]
    beside = BESIDE[:BESIDE_FAST] if channels > 1 else ()
    remote = ((0, -far), (1, -far)) if far else ()
    return (*near, *beside, *remote, *((lag, 0) for lag in range(1, longest + 1)))


def _beside(channels: int) -> Taps:
    """Return taps on the past of neighbours: one sample of it, or more where they are few."""
    if channels >= FEW:
        return (*BESIDE, *FURTHER)
    reach = min(channels - 1, FEW_BESIDE)
    lags = range(1, (FEW_LAGS // reach if reach else 0) + 1)
    return tuple(
        (lag, side * distance)
        for lag in lags
        for distance in range(1, reach + 1)
        for side in (-1, 1)
    )


def _best(moments: Moments, counts: tuple[int, ...], rows: int) -> _Fit:
    """Return the fit of the least description length, or of fewer taps that is hardly longer."""
    channels = len(moments.power)
    shared = _shared(channels, rows, moments.rows)
    sums = _class_sums(moments, shared)
    fits = [
        min((_solve(moments, count, sums[classes], rows) for classes in shared), key=_bits)
        for count in counts
    ]
    most = min(map(_bits, fits)) + WORTH_BITS * rows * (channels if channels >= FEW else 0)
    return next(fit for fit in fits if fit.bits <= most)


def _bits(fit: _Fit) -> float:
    return fit.bits


def _class_sums(moments: Moments, shared: list[int]) -> dict[int, Array]:
    """Return sums over every `classes`-th channel, for each number of classes.

    Numbers of classes divide each other, but for the number of channels.
    """
    last = moments.sums
    found = {len(last): last}
    for classes in sorted(set(shared) - set(found), reverse=True):
        last = found[classes] = _summed(last, classes)
    return found


def _shared(channels: int, rows: int, fitted: int) -> list[int]:
    """Return numbers of classes of channels that may share weights."""
    tied = TIED_SHORT if rows < SHORT or channels < 2 * FEW else TIED
    shared = [classes for classes in tied if classes * 2 <= channels]
    return shared if shared and min(rows, 2 * fitted) < SHORTEST else [*shared, channels]


@lru_cache(KEPT)
def _nested(taps: Taps, channels: int) -> tuple[Taps, tuple[int, ...]]:
    """Return taps in the order in which wider models take them in, and how many each model has."""
    further = FURTHER if channels >= FEW else ()
    all_pasts = OWN_PASTS if channels < FEW else OWN[channels >= 2 * FEW :]
    longest = max(lag for lag, _ in taps)
    pasts = [own for own in all_pasts if own <= max(longest, all_pasts[0])]

    def first(tap: tuple[int, int]) -> int:
        lag, distance = tap
        last = len(pasts) - 1
        fitting = (at for at, own in enumerate(pasts) if lag <= max(own, bool(distance)))
        return last if tap in further else next(fitting, last)

    ordered = sorted(taps, key=first)
    levels = list(map(first, ordered))
    counts = tuple(sum(level <= at for level in levels) for at in range(len(pasts)))
    return tuple(ordered), counts


def _solve(moments: Moments, count: int, sums: Array, rows: int) -> _Fit:
    """Return least-squares weights of the first taps, shared by the channels summed together."""
    channels, classes = len(moments.sums), len(sums)
    weights, explained = _weights(moments, count, sums)
    errors = np.maximum(0, moments.power - explained) / moments.rows
    optimism = 1 + 2 * count * classes / (moments.rows * channels)
    bits = rows * 0.5 * np.log2(errors * optimism + 1 / 12).sum()
    taps = moments.taps[:count]
    return _Fit(taps, weights.T, errors, bits + PARAMETER_BITS * count * classes)


def _weights(moments: Moments, count: int, sums: Array) -> tuple[Array, Array]:
    """Return weights, classes × taps, and how much of each channel's power they explain."""
    channels, classes, library = len(moments.sums), len(sums), kernels()
    if library is not None:
        weights, explained = np.empty((classes, count)), np.empty(channels)
        own = moments.sums, channels, len(moments.taps), count, ctypes.c_double(moments.rows)
        call(library, "solve", sums, classes, *own, weights, explained)
        return weights, explained
    taps = slice(1, count + 1)
    cross, along = sums[:, taps, taps], sums[:, taps, 0]
    ridge = 1e-7 * np.trace(cross, axis1=1, axis2=2) / count + 2e-3 * moments.rows
    steady = cross + ridge[:, None, None] * np.eye(count)
    weights = np.linalg.solve(steady, along[..., None])[..., 0]
    each = weights[np.arange(channels) % classes]
    left = np.matmul(moments.sums[:, taps, taps], each[..., None])[..., 0]
    return weights, (each * (2 * moments.sums[:, taps, 0] - left)).sum(axis=1)


def _summed(sums: Array, classes: int) -> Array:
    """Return sums over every `classes`-th channel."""
    channels = len(sums)
    if classes == channels:
        return sums
    whole = channels // classes * classes
    found: Array = sums[:whole].reshape(-1, classes, *sums.shape[1:]).sum(axis=0)
    found[: channels - whole] += sums[whole:]
    return found


def _places(best: _Fit, moments: Moments) -> int:
    """Return the binary places that weights need for their rounding not to be felt."""
    felt = moments.power / moments.rows * len(best.taps) / 12
    allowed = (best.errors + 1 / 12) * 1e-3
    places = np.ceil(0.5 * np.log2(np.maximum(1.0, felt / allowed)))
    return int(np.clip(np.quantile(places, 0.9), 6, MAX_BITS))
