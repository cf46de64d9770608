"""Integer linear prediction of each sample from earlier ones and from neighbouring channels.

The loops are compiled (``kernels.c``); without the library the same is computed in NumPy, and
undone by `panneuro.codecs.reference`, slowly.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs import reference
from panneuro.codecs.native import call, kernels
from panneuro.core.memory import scratch

Array = npt.NDArray[Any]
Taps = tuple[tuple[int, int], ...]
"""Lag in samples and distance in channels of each."""

MAX_TAPS = 64
MAX_LAG = 32
MAX_PREDICTED = 16_384
"""More channels than this are coded without prediction: the history would not fit a cache."""

LANES = (1, 8)
STEPS, WINDOW = 16, 256
"""Of ``kernels.c``: rows brought together for the inverse, and samples predicted at once."""

KEPT = 16
"""Models whose weights are kept as kernels take them: many chunks share one."""

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


def predict(
    samples: Array, model: Model, *, compiled: bool = True, into: Array | None = None
) -> Array:
    """Return what prediction leaves: an array of channels × rows of the same type.

    Parameters
    ----------
    samples : int16 or int32 array, rows × channels
        In C order.
    model : Model
        To predict with.
    compiled : bool
        Use the compiled kernels where there are any.
    into : int16 or int32 array, channels × rows, optional
        Memory for what is returned, which need not be used.
    """
    if not model.taps:
        return np.ascontiguousarray((samples - model.offsets.astype(samples.dtype)).T)
    library = kernels() if compiled else None
    if library is None:
        return _predicted(samples, model)
    planes = np.empty(samples.shape[::-1], samples.dtype) if into is None else into
    _run(library, "predict", model, samples, planes)
    return planes


def restore(
    planes: Array, model: Model, *, compiled: bool = True, into: Array | None = None
) -> Array:
    """Return the samples, rows × channels, of what `predict` left; `into` is memory for them."""
    if not model.taps:
        offsets: Array = model.offsets.astype(planes.dtype)
        return np.ascontiguousarray(planes.T + offsets)
    library = kernels() if compiled else None
    if library is None:
        weights = model.weights
        return reference.restore(
            planes, model.taps, weights, model.offsets, model.bits, model.lanes
        )
    samples = np.empty(planes.shape[::-1], planes.dtype) if into is None else into
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
    word = np.dtype("i4") if source.dtype.itemsize == 2 else np.dtype("i8")
    each = model.weights.astype(word, copy=False)
    some = model.taps, each.tobytes(), each.shape[1], len(model.offsets), word.str
    if source.dtype.itemsize == 2 and (verb == "predict" or model.lanes == LANES[-1]):
        pairs = _paired(*some) if _pairs(library) else None
        if pairs and not _call(library, f"{verb}_paired", model, pairs, source, to):
            return
    lanes = "" if verb == "predict" else f"_{model.lanes}"
    name = f"{verb}_{source.dtype.itemsize * 8}{lanes}"
    _call(library, name, model, _single(*some), source, to)


@cache
def _pairs(library: ctypes.CDLL) -> bool:
    """Say whether the processor multiplies and adds pairs."""
    return bool(call(library, "paired"))


@dataclass(frozen=True)
class _Taps:
    """Taps as a kernel takes them: `near` ones, of the present, come first; weights by channel."""

    lags: tuple[int, ...]
    distances: tuple[int, ...]
    near: int
    weights: Array

    @property
    def pad(self) -> int:
        return max(map(abs, self.distances))

    @property
    def depth(self) -> int:
        return 1 << max(1, max(self.lags).bit_length())


def _call(
    library: ctypes.CDLL, name: str, model: Model, taps: _Taps, source: Array, to: Array
) -> int:
    channels, lanes = len(model.offsets), model.lanes
    rows, count = source.size // channels, len(taps.lags)
    width, depth, word = channels + 2 * taps.pad, taps.depth, taps.weights.dtype
    kernel = _Kernel(rows, channels, taps.pad, depth, count, taps.near, model.bits)
    kernel.lag[:count], kernel.shift[:count] = taps.lags, taps.distances
    given = ctypes.byref(kernel), taps.weights, np.ascontiguousarray(model.offsets, np.int32)
    if name.startswith("predict"):
        past = scratch("past", (width * (depth + WINDOW),), word)
        past[:] = 0
        return call(library, name, *given, past, source, to, lanes)
    history = scratch("past", ((depth + STEPS) * width * lanes,), word)
    history[:] = 0
    stage = scratch("stage", ((STEPS + 1) * channels * lanes,), source.dtype)
    return call(library, name, *given, history, source, to, stage)


@lru_cache(KEPT)
def _single(taps: Taps, weights: bytes, classes: int, channels: int, word: str) -> _Taps:
    """Return taps one by one."""
    lags, distances = zip(*taps, strict=True)
    near = len(NEAR) if taps[: len(NEAR)] == NEAR else 0
    table = np.frombuffer(weights, word).reshape(-1, classes)
    return _Taps(lags, distances, near, _by_channel(table, channels))


@lru_cache(KEPT)
def _paired(taps: Taps, weights: bytes, classes: int, channels: int, word: str) -> _Taps | None:
    """Return taps as pairs of a lag and the next at one distance; the nearest above come first.

    Weights are those of the first in the low half, of the second in the high one. None where they
    are too large or a tap comes twice.
    """
    table = np.frombuffer(weights, word).reshape(-1, classes)
    each = dict(zip(taps, table, strict=True))
    if len(each) < len(taps) or np.abs(table.astype(np.int64)).max() > np.iinfo(np.int16).max:
        return None
    pairs: list[tuple[int, int]] = []
    for distance in dict.fromkeys(distance for _, distance in taps):
        taken = -1
        for lag in sorted(lag for lag, apart in taps if apart == distance):
            if lag > taken:
                pairs.append((lag, distance))
                taken = lag + 1
    pairs.sort(key=_is_later)
    none = np.zeros(classes, table.dtype)
    first = np.stack([each.get(pair, none) for pair in pairs])
    second = np.stack([each.get((lag + 1, distance), none) for lag, distance in pairs])
    lags, distances = zip(*pairs, strict=True)
    both = (first & 0xFFFF) | (second << 16)
    near = len(pairs) - sum(map(_is_later, pairs))
    return _Taps(lags, distances, near, _by_channel(both, channels))


def _is_later(pair: tuple[int, int]) -> bool:
    """Say whether a pair may wait for its sources while four channels are computed."""
    return pair[0] > 0 or pair[1] <= -4


def _by_channel(weights: Array, channels: int) -> Array:
    return np.ascontiguousarray(weights.T[np.arange(channels) % weights.shape[1]])


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
