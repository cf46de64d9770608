"""Integer linear prediction of each sample from earlier ones and from neighbouring channels.

The loops are compiled (``kernels.c``); without the library the same is computed in NumPy, and
undone by `panneuro.codecs.reference`, slowly.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs import reference
from panneuro.codecs.native import call, kernels

Array = npt.NDArray[Any]

MAX_TAPS = 64
MAX_LAG = 32
MAX_PREDICTED = 16_384
"""More channels than this are coded without prediction: the history would not fit a cache."""

LANES = (1, 8)
STEPS = 16
NEAR = ((0, -1), (0, -2), (0, -3), (0, -4))


@dataclass(frozen=True)
class Model:
    """What a prediction is computed with.

    Parameters
    ----------
    taps : tuple of (int, int)
        Lag in samples and distance in channels. At lag 0 the distance is negative.
    weights : int32 array, taps × classes
        Channel `c` uses the column ``c % classes``.
    offsets : int32 array, channels
        Taken from each channel before prediction.
    bits : int
        Binary places of the weights.
    lanes : int
        Stretches of time that are coded side by side, each from a fresh start.
    """

    taps: tuple[tuple[int, int], ...]
    weights: Array
    offsets: Array
    bits: int
    lanes: int


def predict(samples: Array, model: Model, *, compiled: bool = True) -> Array:
    """Return what prediction leaves: an array of channels × rows of the same type.

    Parameters
    ----------
    samples : int16 or int32 array, rows × channels
        In C order.
    model : Model
        To predict with.
    compiled : bool
        Use the compiled kernels where there are any.
    """
    if not model.taps:
        return np.ascontiguousarray((samples - model.offsets.astype(samples.dtype)).T)
    library = kernels() if compiled else None
    if library is None:
        return _predicted(samples, model)
    planes = np.empty(samples.shape[::-1], samples.dtype)
    _run(library, "predict", model, samples, planes)
    return planes


def restore(planes: Array, model: Model, *, compiled: bool = True) -> Array:
    """Return the samples, rows × channels, of what `predict` left."""
    if not model.taps:
        offsets: Array = model.offsets.astype(planes.dtype)
        return np.ascontiguousarray(planes.T + offsets)
    library = kernels() if compiled else None
    if library is None:
        weights = model.weights
        return reference.restore(
            planes, model.taps, weights, model.offsets, model.bits, model.lanes
        )
    samples = np.empty(planes.shape[::-1], planes.dtype)
    _run(library, "restore", model, planes, samples)
    return samples


class _Kernel(ctypes.Structure):
    """The ``model`` of ``kernels.c``."""

    _fields_ = (
        ("rows", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("pad", ctypes.c_int64),
        ("depth", ctypes.c_int64),
        ("n_taps", ctypes.c_int32),
        ("n_near", ctypes.c_int32),
        ("bits", ctypes.c_int32),
        ("lag", ctypes.c_int32 * MAX_TAPS),
        ("shift", ctypes.c_int32 * MAX_TAPS),
    )


def _run(library: ctypes.CDLL, verb: str, model: Model, source: Array, to: Array) -> None:
    pairs = _pairs(model) if source.dtype.itemsize == 2 and model.lanes == 8 else None
    if pairs and call(library, "paired"):
        lags, distances = zip(*pairs, strict=True)
        weights = _paired_weights(model, pairs)
        near = int(pairs[0] == (0, -1))
        if not _call(
            library, f"{verb}_paired", model, (lags, distances, near), weights, source, to
        ):
            return
    lags, distances = zip(*model.taps, strict=True)
    near = len(NEAR) if model.taps[: len(NEAR)] == NEAR else 0
    name = f"{verb}_{source.dtype.itemsize * 8}_{model.lanes}"
    word = np.dtype("i4") if source.dtype.itemsize == 2 else np.dtype("i8")
    _call(library, name, model, (lags, distances, near), model.weights.astype(word), source, to)


def _call(
    library: ctypes.CDLL,
    name: str,
    model: Model,
    taps: Any,
    weights: Array,
    source: Array,
    to: Array,
) -> int:
    lags, distances, near = taps
    channels = len(model.offsets)
    pad, depth = max(map(abs, distances)), 1 << max(1, max(lags).bit_length())
    kernel = _Kernel(source.size // channels, channels, pad, depth, len(lags), near, model.bits)
    kernel.lag[: len(lags)], kernel.shift[: len(lags)] = lags, distances
    each = np.ascontiguousarray(weights.T[np.arange(channels) % weights.shape[1]])
    offsets = np.ascontiguousarray(model.offsets, np.int32)
    history = np.zeros(depth * (channels + 2 * pad) * model.lanes, weights.dtype)
    stage = np.empty(STEPS * channels * model.lanes, source.dtype)
    return call(library, name, ctypes.byref(kernel), each, offsets, history, source, to, stage)


def _pairs(model: Model) -> list[tuple[int, int]] | None:
    """Return taps as pairs of a lag and the next at one distance; the channel above comes first.

    None where weights are too large or a tap comes twice.
    """
    too_large = np.abs(model.weights.astype(np.int64)).max() > np.iinfo(np.int16).max
    if too_large or len(set(model.taps)) < len(model.taps):
        return None
    pairs: list[tuple[int, int]] = []
    for distance in dict.fromkeys(distance for _, distance in model.taps):
        taken = -1
        for lag in sorted(lag for lag, apart in model.taps if apart == distance):
            if lag > taken:
                pairs.append((lag, distance))
                taken = lag + 1
    return sorted(pairs, key=lambda pair: pair != (0, -1))


def _paired_weights(model: Model, pairs: list[tuple[int, int]]) -> Array:
    """Return the weights of pairs: of the first in the low half, of the second in the high one."""
    each = dict(zip(model.taps, model.weights, strict=True))
    none = np.zeros(model.weights.shape[1], np.int32)
    first = np.stack([each.get(pair, none) for pair in pairs])
    second = np.stack([each.get((lag + 1, distance), none) for lag, distance in pairs])
    found: Array = (first & 0xFFFF) | (second << 16)
    return found.astype(np.int32)


def _predicted(samples: Array, model: Model) -> Array:
    rows, channels = samples.shape
    word = np.int32 if samples.dtype.itemsize == 2 else np.int64
    values = samples.astype(word) - model.offsets.astype(word)
    classes = np.arange(channels) % model.weights.shape[1]
    span = -(-rows // model.lanes)
    residual = np.empty_like(samples)
    for start in range(0, rows, span):
        lane = values[start : start + span]
        sums = np.full(lane.shape, 1 << (model.bits - 1), word)
        for (lag, distance), weights in zip(model.taps, model.weights.astype(word), strict=True):
            low, high = max(0, -distance), channels - max(0, distance)
            if low < high and lag < len(lane):
                source = lane[: len(lane) - lag, low + distance : high + distance]
                sums[lag:, low:high] += source * weights[classes[low:high]]
        residual[start : start + span] = (lane - (sums >> model.bits)).astype(samples.dtype)
    return np.ascontiguousarray(residual.T)
