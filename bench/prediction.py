"""Prediction of images in space and time, for `frames`: what it leaves, and what it tells apart.

Everything is decoded pixel by pixel from what was decoded before, in integers, as a codec would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, PagingSpec, standalone

Array = npt.NDArray[Any]
Parts = list[bytes]
Taps = tuple[tuple[int, int, int], ...]

SPACE: Taps = ((0, 0, -1), (0, -1, 0), (0, -1, -1), (0, -1, 1))
TIME: Taps = ((1, 0, 0),)
BOTH: Taps = (*SPACE, *TIME, (1, 0, -1), (1, 0, 1), (1, -1, 0), (1, 1, 0))
WIDE: Taps = (
    *BOTH,
    *((0, 0, -2), (0, 0, -3), (0, 0, -4), (0, -2, 0), (0, -1, -2), (0, -1, 2)),
    *((1, -1, -1), (1, -1, 1), (1, 1, -1), (1, 1, 1)),
    *((2, 0, 0), (3, 0, 0), (4, 0, 0)),
)
"""Frames back, rows down and columns to the right; all of what is known already."""

SKEW = 3
"""A pixel waits for one above and two to the right, so that fronts lean by three columns a row."""

BITS = 12
FITTED = 1 << 16
STEADYING = 5
HISTOGRAMS = 16
BEFORE, EDGE = 4, 4
"""Silence before a chunk and around its frames, as far as taps reach."""


@dataclass(frozen=True)
class Coder:
    """How some coder codes a chunk and gives it back."""

    family: str
    name: str
    encode: Callable[[Array], Parts]
    decode: Callable[[Parts, tuple[int, ...], np.dtype[Any]], Array]


def entropy(values: Array) -> bytes:
    """Return numbers coded by one histogram; nothing for none."""
    if not values.size:
        return b""
    config = ChunkConfig(
        compression_level=9,
        mode_spec=ModeSpec.classic(),
        delta_spec=DeltaSpec.no_op(),
        paging_spec=PagingSpec.equal_pages_up_to(max(1, values.size)),
    )
    return bytes(standalone.simple_compress(np.ascontiguousarray(values).reshape(-1), config))


def numbers(data: bytes) -> Array:
    """Return what `entropy` coded."""
    return np.asarray(standalone.simple_decompress(data) if data else [])


@dataclass(frozen=True)
class Rule:
    """What foretells a pixel from its neighbours: weights in 2\\ :sup:`-12`, or none for MED."""

    taps: Taps
    weights: Array | None

    def __call__(self, near: Array) -> Array:
        """Return predictions of pixels from their neighbours, taps × pixels."""
        if self.weights is None:
            left, above, corner = near
            low, high = np.minimum(left, above), np.maximum(left, above)
            return np.asarray(np.clip(left + above - corner, low, high))
        found: Array = (self.weights @ near + (1 << (BITS - 1))) >> BITS
        return found


@dataclass(frozen=True)
class Volume:
    """A chunk less its offset, with silence around it, in the order in which it is decoded."""

    shape: tuple[int, ...]
    offset: int
    flat: Array

    @classmethod
    def silent(cls, shape: tuple[int, ...], offset: int) -> Volume:
        frames, height, width = shape
        size = (frames + BEFORE) * (height + 2 * EDGE) * (width + 2 * EDGE)
        return cls(shape, offset, np.zeros(size, np.int64))

    @classmethod
    def of(cls, chunk: Array, offset: int) -> Volume:
        volume = cls.silent(chunk.shape, offset)
        volume.flat[volume.inside.ravel()] = chunk.ravel().astype(np.int64) - volume.offset
        return volume

    @property
    def strides(self) -> tuple[int, int, int]:
        width = self.shape[2] + 2 * EDGE
        return (self.shape[1] + 2 * EDGE) * width, width, 1

    @property
    def inside(self) -> Array:
        """Return where each pixel lies: frames × height × width."""
        margins = BEFORE, EDGE, EDGE
        ranges = zip(margins, self.shape, strict=True)
        frame, row, column = np.ogrid[tuple(slice(n, n + length) for n, length in ranges)]
        plane, line, _ = self.strides
        return np.asarray(frame * plane + row * line + column)

    @property
    def second(self) -> int:
        """Return where the second frame begins."""
        return (BEFORE + 1) * self.strides[0]

    @property
    def fronts(self) -> list[Array]:
        """Return pixels that depend on those of fronts before, and on none of their own."""
        frames = self.inside.reshape(self.shape[0], -1)
        return [frame[front] for frame in frames for front in _fronts(*self.shape[1:])]

    def near(self, taps: Taps, pixels: Array) -> Array:
        """Return the neighbours of pixels, taps × pixels."""
        back, down, right = np.array(taps).T
        steps = down * self.strides[1] + right - back * self.strides[0]
        found: Array = self.flat[pixels + steps[:, None]]
        return found

    def put(self, pixels: Array, values: Array, dtype: np.dtype[Any]) -> None:
        """Set pixels to the samples that values, which may have wrapped, stand for."""
        samples = (values + self.offset).astype(dtype)
        self.flat[pixels] = samples.astype(np.int64) - self.offset

    def samples(self, dtype: np.dtype[Any]) -> Array:
        """Return the chunk."""
        return (self.flat[self.inside] + self.offset).astype(dtype)


@cache
def _fronts(height: int, width: int) -> list[Array]:
    row, column = (axis.ravel() for axis in np.indices((height, width)))
    front = column + SKEW * row
    order = np.argsort(front, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(front[order])) + 1)


def fitted(volume: Volume, taps: Taps, pixels: Array, steady: bool) -> Array:
    """Return the weights that make the squares of residuals small, or their magnitudes."""
    weights = np.zeros(len(taps))
    some = pixels[:: -(-len(pixels) // FITTED) or 1]
    near, target = volume.near(taps, some).astype(np.float64), volume.flat[some]
    share = np.ones(len(some))
    for _ in range((STEADYING if steady else 1) if len(some) else 0):
        counted = near * share
        square = counted @ near.T
        square[np.diag_indices_from(square)] += 1e-6 * np.trace(square) / len(taps) + 1e-3
        weights = np.linalg.solve(square, counted @ target)
        missed = np.abs(target - weights @ near)
        share = 1 / np.maximum(missed, max(1.0, 0.25 * float(np.median(missed))))
    return np.rint(weights * (1 << BITS)).astype(np.int64)


@dataclass(frozen=True)
class Prediction:
    """What is looked at in the first frame of a chunk and in the others, and how that is weighed.

    Weights are fitted by `how`, ``"squares"`` or ``"steady"``, or ``"fixed"``: MED in the first
    frame, and in the others too or the pixel of the frame before.
    """

    name: str
    how: str
    first: Taps
    others: Taps

    def learnt(self, chunk: Array) -> tuple[Volume, Foretell, bytes]:
        """Return a chunk, what foretells it, and what a decoder must be told."""
        centre = np.median(chunk) if self.how == "steady" else chunk.mean()
        volume = Volume.of(chunk, round(float(centre)))
        weights: list[int] = []
        if self.how != "fixed":
            pixels, steady = volume.inside.ravel(), self.how == "steady"
            start = chunk[0].size
            for taps, seen in ((self.first, pixels[:start]), (self.others, pixels[start:])):
                weights += fitted(volume, taps, seen, steady).tolist()
        side = np.array([volume.offset, *weights], "<i4").tobytes()
        return volume, self._foretell(volume, weights), side

    def known(self, side: bytes, shape: tuple[int, ...]) -> tuple[Volume, Foretell]:
        """Return a silent chunk and what foretells it."""
        offset, *weights = np.frombuffer(side, "<i4").tolist()
        volume = Volume.silent(shape, offset)
        return volume, self._foretell(volume, weights)

    def _foretell(self, volume: Volume, weights: list[int]) -> Foretell:
        split = len(self.first)
        rules = Rule(self.first, None), Rule(self.others, None)
        if weights:
            rules = (
                Rule(self.first, np.array(weights[:split])),
                Rule(self.others, np.array(weights[split:])),
            )
        elif self.others == TIME:
            rules = rules[0], Rule(TIME, np.array([1 << BITS]))

        def foretell(pixels: Array) -> Array:
            start = np.count_nonzero(pixels < volume.second)
            both = zip(rules, (pixels[:start], pixels[start:]), strict=True)
            return np.concatenate([rule(volume.near(rule.taps, some)) for rule, some in both])

        return foretell


Foretell = Callable[[Array], Array]


def predictions() -> Iterator[Prediction]:
    """Yield every prediction there is."""
    yield Prediction("difference", "fixed", SPACE[:3], TIME)
    yield Prediction("med", "fixed", SPACE[:3], SPACE[:3])
    for name, taps in (("space", SPACE), ("time", TIME), ("both", BOTH), ("wide", WIDE)):
        for how in ("squares", "steady"):
            yield Prediction(f"{name}-{how}", how, SPACE, taps)


def _prediction_encode(prediction: Prediction, chunk: Array) -> Parts:
    volume, foretell, side = prediction.learnt(chunk)
    pixels = np.concatenate(volume.fronts)
    return [side, entropy((volume.flat[pixels] - foretell(pixels)).astype(np.int16))]


def _prediction_decode(
    prediction: Prediction, parts: Parts, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    volume, foretell = prediction.known(parts[0], shape)
    rest, at = numbers(parts[1]), 0
    for front in volume.fronts:
        volume.put(front, foretell(front) + rest[at : at + len(front)], dtype)
        at += len(front)
    return volume.samples(dtype)


def _contexts_encode(prediction: Prediction, less: int, chunk: Array) -> Parts:
    volume, foretell, side = prediction.learnt(chunk)
    pixels = np.concatenate(volume.fronts)
    foretold = foretell(pixels)
    shares = np.linspace(0, 1, HISTOGRAMS + 1)[1:-1]
    edges = np.unique(np.quantile(foretold, shares).astype("<i4"))
    places = np.searchsorted(edges, foretold, "right")
    values = (volume.flat[pixels] - less * foretold).astype(np.int16)
    streams = [entropy(values[places == place]) for place in range(len(edges) + 1)]
    return [side, edges.tobytes(), *streams]


def _contexts_decode(
    prediction: Prediction,
    less: int,
    parts: Parts,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Array:
    volume, foretell = prediction.known(parts[0], shape)
    edges, streams = np.frombuffer(parts[1], "<i4"), [numbers(part) for part in parts[2:]]
    used = [0] * len(streams)
    for front in volume.fronts:
        foretold = foretell(front)
        places = np.searchsorted(edges, foretold, "right")
        for place in np.unique(places).tolist():
            chosen = places == place
            begin, used[place] = used[place], used[place] + np.count_nonzero(chosen)
            rest = streams[place][begin : used[place]]
            volume.put(front[chosen], less * foretold[chosen] + rest, dtype)
    return volume.samples(dtype)


def _mean_encode(chunk: Array) -> Parts:
    mean = np.rint(chunk.mean(axis=0)).astype(np.int32)
    return [entropy(mean), entropy((chunk - mean).astype(np.int16))]


def _mean_decode(parts: Parts, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    mean, rest = (numbers(part).astype(np.int64) for part in parts)
    return (rest.reshape(shape) + mean.reshape(shape[1:])).astype(dtype)


def predicting_coders() -> Iterator[Coder]:
    """Yield coders that code what a prediction leaves, or with what it foretells."""
    yield Coder("prediction", "mean-frame", _mean_encode, _mean_decode)
    for one in predictions():
        encode, decode = partial(_prediction_encode, one), partial(_prediction_decode, one)
        yield Coder("prediction", one.name, encode, decode)
        for less in (0, 1) if one.how == "squares" else ():
            encode, decode = (
                partial(_contexts_encode, one, less),
                partial(_contexts_decode, one, less),
            )
            yield Coder("contexts", f"{one.name}-{'rest' if less else 'pixel'}", encode, decode)
