"""Sums of products over some rows of a chunk: what least squares needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.native import call, kernels

Array = npt.NDArray[Any]
Taps = tuple[tuple[int, int], ...]
"""Lag in samples and distance in channels of each."""

FEW = 8
"""Below this many channels, longer pasts are tried too."""

FAR = range(6, 65)
"""Distances at which the multiplexer of a probe may make channels alike."""

FITTED_ROWS, FITTED_LEAST, FITTED_SAMPLES = 512, 128, 512 * 96
"""Rows of a chunk that a model is fitted to: fewer where there are very many channels."""

MOST_COMPARED, COMPARED_ROWS = 128, 256

FITTED_FEW = 2048
FITTED_PART = 24
RUN = 64
"""Rows are taken in runs: what lies before one row of a run is another."""

LARGEST_FITTED = 5700
"""Of centred samples; the squares of a run then fit 32 bits. Larger ones are scaled down, but not
those of few channels, which may be so smooth that it would show."""

ALONE = 200_000
"""Multiplications of a matrix product for which BLAS starts no threads."""

UNUSUAL = 12
"""Samples so many times the usual are artefacts: they would rule the fit."""


@dataclass(frozen=True)
class Strips:
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
class Moments:
    """Of each channel: sums of products of every two taps over some rows, itself the first tap."""

    taps: Taps
    rows: int
    sums: Array

    @property
    def power(self) -> Array:
        """Return sums of squares of samples."""
        return self.sums[:, 0, 0]


def strips_of(codes: Array, offsets: Array, longest: int) -> Strips:
    """Return runs of rows spread over the chunk, none where the past is missing."""
    rows = len(codes)
    run = min(RUN, rows - longest)
    channels = codes.shape[1]
    most = min(FITTED_ROWS, max(FITTED_LEAST, FITTED_SAMPLES // channels))
    if channels < FEW:
        most = max(FITTED_FEW, rows // FITTED_PART // (FEW - channels))
    wanted = most // run
    count = min(wanted, (rows - longest) // run)
    starts = np.linspace(0, rows - longest - run, count).astype(int)
    chosen = codes[starts[:, None] + np.arange(longest + run)] - offsets
    usual = np.median(np.abs(chosen[:, longest::8]), axis=(0, 1))
    most = np.maximum(UNUSUAL * usual, 1)
    scales = np.maximum(0, np.ceil(np.log2(most / LARGEST_FITTED))).astype(np.int64)
    scales *= codes.shape[1] >= FEW
    kept = np.clip(chosen, *(np.array([-1, 1])[:, None] * most).astype(np.int64)) >> scales
    width = np.int16 if codes.shape[1] >= FEW else np.int64
    return Strips(np.ascontiguousarray(kept.transpose(2, 0, 1), width), scales, longest)


def far_channel(strips: Strips) -> int | None:
    """Return the distance at which channels share what neighbours do not explain, if there is one.

    Noise that is common to all channels is taken off by differences with the neighbour.
    """
    channels = min(MOST_COMPARED, len(strips.values))
    apart = -(-strips.now.shape[1] // COMPARED_ROWS)
    fresh = (strips.now - strips.earlier)[:, ::apart].astype(np.float32)
    fresh = fresh[1:channels] - fresh[: channels - 1]
    scale = np.sqrt((fresh**2).mean(axis=1, keepdims=True))
    fresh = np.divide(fresh, scale, out=np.zeros_like(fresh), where=scale > 0)
    distances = [distance for distance in FAR if distance * 2 <= channels]
    if len(distances) < 8:
        return None
    alike = products(fresh, fresh) / fresh.shape[1]
    between = np.arange(len(alike)) - np.arange(len(alike))[:, None]
    sums = np.bincount(np.abs(between).ravel(), alike.ravel(), len(alike))[distances]
    strength = np.abs(sums / 2 / (len(alike) - np.array(distances)))
    found = int((strength >= 0.8 * strength.max()).argmax())
    telling = strength[found] > max(0.02, 4 * np.median(strength))
    return distances[found] if telling else None


def moments_of(strips: Strips, taps: Taps) -> Moments:
    """Return sums of products: exact, so that they are the same however they are summed."""
    channels, runs, width = strips.values.shape
    padded, lags, rows = padded_strips(strips, taps)
    sums = _sums(padded, strips.before, lags, rows, channels)
    if strips.scales.any():
        units = _units(strips, taps)
        sums *= units[:, :, None] * units[:, None, :]
    return Moments(taps, runs * (width - strips.before), sums)


def padded_strips(strips: Strips, taps: Taps) -> tuple[Array, Array, Array]:
    """Return strips between silent channels, and each tap's lag and row, the sample itself first.

    Rows are those for channel 0.
    """
    reach = max(abs(distance) for _, distance in taps)
    padded = np.pad(strips.values, ((reach, reach), (0, 0), (0, 0)))
    lags, distances = np.array([(0, 0), *taps]).T
    return padded, lags, distances + reach


def _units(strips: Strips, taps: Taps) -> Array:
    """Return what one means in each tap of each channel, the sample itself first."""
    channels = np.arange(len(strips.scales))[:, None]
    sources = channels + np.array([0, *(distance for _, distance in taps)])
    last = len(strips.scales) - 1
    inside = (sources >= 0) & (sources <= last)
    units: Array = 2.0 ** (strips.scales[sources.clip(0, last)] * inside)
    return units


def rows_of(padded: Array, before: int, lags: Array, rows: Array) -> Array:
    """Return all of some lags and channels of padded strips: floats, taps × rows."""
    _, runs, width = padded.shape
    found = np.empty((len(lags), runs, width - before))
    for at, (lag, row) in enumerate(zip(lags, rows, strict=True)):
        found[at] = padded[row, :, before - lag : width - lag]
    return found.reshape(len(lags), -1)


def products(left: Array, right: Array) -> Array:
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
            found = rows_of(padded, before, lags, rows + channel)
            exact[channel] = products(found, found)
        return exact
    sums = np.empty(shape)
    starts = (rows * runs * width + before - lags).astype(np.int64)
    sizes = channels, runs, before, width - before, len(lags)
    call(library, "moments", padded, *sizes, starts, sums)
    return sums
