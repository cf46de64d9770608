"""How much of a recording is noise that no lossless codec can take out: an estimate.

Prediction from a channel's own past and from its neighbours takes out what is predictable. Of what
it leaves, the middle half of the values tells the noise, spikes and artefacts being in the tails;
were it white and Gaussian, its entropy would be the least that a sample can take.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.fitting import fit
from panneuro.codecs.lattice import find
from panneuro.codecs.predictor import predict
from panneuro.codecs.stream import DTYPES

Array = npt.NDArray[Any]

LEAST_ROWS = 1000
"""Fewer do not tell noise from what a model of them has learnt by heart."""

MOST_ROWS = 4096
"""So many of a stretch tell its noise."""

TILES = 8
"""Of a recording of many channels, so many tiles of neighbours are looked at."""

_WIDE = 8.0
"""Above this sigma the sum over all levels is its integral, to a billionth of a bit."""

_PLACES = 3


def suits(shape: Sequence[int], dtype: npt.DTypeLike) -> bool:
    """Say whether a floor can be estimated: of integer samples in time × channel, and enough.

    Examples
    --------
    >>> suits((30_000, 384), "int16"), suits((30_000, 384), "float32"), suits((9, 9, 9), "int16")
    (True, False, False)
    """
    kind = np.dtype(dtype)
    integers = kind.kind in "iu" and kind.name in DTYPES
    return len(shape) == 2 and shape[0] >= LEAST_ROWS and integers


def floor_bits(blocks: Iterable[Array], tile: int) -> float | None:
    """Return the estimated noise floor of a recording.

    Parameters
    ----------
    blocks : iterable of int16, uint16, int32 or uint32 array, rows × channels
        Stretches of it.
    tile : int
        Channels of which a lattice is sought together, as the codec does.

    Returns
    -------
    float or None
        Bits a sample, the mean over channels and stretches; None if no block is long enough.

    Examples
    --------
    >>> white = np.rint(np.random.default_rng(0).normal(0, 3, (20_000, 8))).astype("int16")
    >>> round(floor_bits([white], 8), 1), round(entropy(0, 3), 1)
    (3.6, 3.6)
    """
    stretches = [block[:MOST_ROWS] for block in blocks if suits(block.shape, block.dtype)]
    found = [_of(stretch, tile) for stretch in stretches]
    return round(float(np.mean(found)), _PLACES) if found else None


def _of(block: Array, tile: int) -> float:
    """Return the mean over channels of one stretch, in which the noise may be taken as steady."""
    starts = range(0, block.shape[1], tile)
    chosen = np.unique(np.linspace(0, len(starts) - 1, TILES).astype(int))
    tiles = [_signed(block[:, starts[at] : starts[at] + tile]) for at in chosen]
    codes = np.ascontiguousarray(np.hstack([find(one)[1] for one in tiles]))
    residuals = np.sort(predict(codes, fit(codes)), axis=1)
    return float(np.mean([_residual_entropy(one) for one in residuals]))


def _signed(samples: Array) -> Array:
    """Return samples as signed numbers in C order; the middle of unsigned ones becomes zero."""
    width = np.dtype(f"i{samples.dtype.itemsize}")
    if samples.dtype.kind == "u":
        samples = samples.astype(np.int64) + int(np.iinfo(width).min)
    return np.ascontiguousarray(samples, width)


def _residual_entropy(ordered: Array) -> float:
    """Return the entropy of the rounded Gaussian that agrees with the middle half of residuals.

    Where numbers are few, quartiles of them are coarse. The Gaussian is therefore laid through the
    share of residuals below the edges of the numbers that the quartiles fall on, which is exact.
    """
    length = len(ordered)
    low, high = int(ordered[length // 4]), int(ordered[3 * length // 4])
    below = float(np.searchsorted(ordered, low, "left")) / length
    above = float(np.searchsorted(ordered, high, "right")) / length
    if below == 0 or above == 1:
        return _counted(ordered)
    first, last = NormalDist().inv_cdf(below), NormalDist().inv_cdf(above)
    sigma = (high - low + 1) / (last - first)
    return entropy(low - 0.5 - sigma * first, sigma)


def _counted(ordered: Array) -> float:
    """Return the entropy of what takes so few values that a quarter are the least or largest."""
    shares = np.unique_counts(ordered).counts / len(ordered)
    return max(0.0, -float((shares * np.log2(shares)).sum()))


def entropy(mean: float, sigma: float) -> float:
    """Return the entropy of a Gaussian that is rounded to integers.

    Parameters
    ----------
    mean, sigma : float
        Of the Gaussian, in steps.

    Returns
    -------
    float
        Bits a sample. For a sigma above 8, where the mean no longer matters, that of a Gaussian
        with the variance of rounding, 1/12, added; else the sum over all integers.

    Examples
    --------
    >>> round(entropy(0.5, 0.01), 3), round(entropy(0.0, 0.01), 3), round(entropy(0.2, 1.0), 3)
    (1.0, 0.0, 2.105)
    """
    if sigma > _WIDE:
        return 0.5 * math.log2(2 * math.pi * math.e * (sigma**2 + 1 / 12))
    reach = math.ceil(9 * sigma) + 1
    edges = np.arange(-reach, reach + 2) - 0.5 + math.floor(mean) - mean
    scaled = edges / (sigma * math.sqrt(2))
    shares = np.diff([math.erf(edge) for edge in scaled]) / 2
    shares = shares[shares > 0]
    return max(0.0, -float((shares * np.log2(shares)).sum()))
