"""Recordings of any length whose entropy is known, from models fitted to short real ones.

Real Neuropixels snippets of 33 ms (1.0, Open Ephys) and 3.3 ms (2.0, ONIX) are all there is here.
A vector autoregression over lags and neighbours is fitted to the lattice codes of one and driven by
its own residuals, drawn at random: what no predictor can know is what is drawn, so the entropy rate
is that of the residuals, up to a histogram's estimate of their density. Such surrogates are
stationary: they have no drift, no artefacts and little LFP. They say how near a codec comes to a
known bound, not how small a real recording becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np

from panneuro.codecs.lattice import find

Array = np.ndarray[Any, np.dtype[Any]]

REACH = 24
CLASSES = 4
BURN_IN = 3000
OPEN_EPHYS_STEPS = {"np1": 2.34375 / 0.195, "onix": 0.762939453125 / 0.195}
FILES = {
    "np1": ("raw/neuropixels/np1_openephys_spikewrap/continuous_1000x385_int16.dat", 385),
    "onix": ("raw/neuropixels/onix_amplifier_aind/amplifier_uint16.bin", 384),
}


@dataclass(frozen=True)
class Surrogate:
    """A made recording.

    Parameters
    ----------
    name : str
    samples : int16 array, rows × 384
    bits : float
        Entropy rate per sample, in bits.
    """

    name: str
    samples: Array
    bits: float


def make(data: Path, kind: str, rows: int, *, scaled: bool = False, seed: int = 0) -> Surrogate:
    """Return a surrogate of ``"np1"`` or ``"onix"``, scaled as Open Ephys does where asked."""
    path, channels = FILES[kind]
    recorded = np.fromfile(data / path, np.int16).reshape(-1, channels)[:, :384]
    _, codes = find(np.ascontiguousarray(recorded))
    samples, bits = _imitate(codes.astype(np.float64), rows, np.random.default_rng(seed), kind)
    if scaled:
        bases = np.random.default_rng(seed + 1).uniform(-300, 300, samples.shape[1])
        samples = np.floor(samples * OPEN_EPHYS_STEPS[kind] + bases + 0.5)
    kept = np.clip(samples, -32768, 32767).astype(np.int16)
    return Surrogate(f"surrogate {kind}{' scaled' * scaled}", kept, bits)


def _terms(kind: str) -> list[tuple[int, int]]:
    own, near = (16, 12) if kind == "np1" else (8, 4)
    terms = [(lag, 0) for lag in range(1, own + 1)]
    for distance in (*range(1, near + 1), *((16, 24) if kind == "np1" else ())):
        terms += [(0, -distance), (1, -distance), (2, -distance)]
    for distance in (1, 2, 3, 4):
        terms += [(1, distance), (2, distance)]
    return terms


def _imitate(codes: Array, rows: int, rng: np.random.Generator, kind: str) -> tuple[Array, float]:
    codes = codes - np.rint(codes.mean(axis=0))
    terms = _terms(kind)
    fits = [_fit(codes, terms, one) for one in range(CLASSES)]
    weights = np.stack([weight for weight, _ in fits])
    scales = np.concatenate([left.std(axis=0) for _, left in fits])
    pool = np.concatenate([(left / left.std(axis=0)).ravel() for _, left in fits])
    scale = rng.permutation(np.resize(scales, codes.shape[1]))
    scale = np.clip(scale, *np.quantile(scales, (0.05, 0.95)))
    fresh = rng.choice(pool.astype(np.float32), (rows + BURN_IN, codes.shape[1]))
    fresh += rng.normal(0, 0.02, fresh.shape).astype(np.float32)
    fresh *= scale.astype(np.float32)
    lags, distances = np.array(terms).T
    samples = _run(weights, lags, distances, fresh, REACH)[BURN_IN:]
    density, edges = np.histogram(pool, bins=400, density=True)
    density = density[density > 0]
    shape_bits = -(density * np.log2(density)).sum() * (edges[1] - edges[0])
    return samples, float(shape_bits + np.log2(scale).mean())


def _fit(codes: Array, terms: list[tuple[int, int]], one: int) -> tuple[Array, Array]:
    first = max(lag for lag, _ in terms)
    channels = np.array([c for c in range(REACH, codes.shape[1] - REACH) if c % CLASSES == one])
    rows = np.arange(first, len(codes))
    taps = np.stack([codes[np.ix_(rows - lag, channels + d)].ravel() for lag, d in terms], axis=1)
    target = codes[np.ix_(rows, channels)].ravel()
    ridge = 3e-3 * len(target) * taps.std(axis=0).mean() ** 2
    weights = np.linalg.solve(taps.T @ taps + ridge * np.eye(len(terms)), taps.T @ target)
    return weights, (target - taps @ weights).reshape(len(rows), len(channels))


@numba.njit
def _run(weights: Array, lags: Array, distances: Array, fresh: Array, reach: int) -> Array:
    rows, channels = fresh.shape
    found = np.zeros((rows, channels + 2 * reach), np.float32)
    for row in range(32, rows):
        for channel in range(channels):
            total = np.float64(fresh[row, channel])
            for k in range(len(lags)):
                total += (
                    weights[channel % len(weights), k]
                    * (found[row - lags[k], reach + channel + distances[k]])
                )
            found[row, reach + channel] = np.rint(total)
    return found[:, reach : reach + channels]
