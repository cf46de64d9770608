"""How straight a path is that a posterior tells of: the best line through it, and its correlation.

Sources: line fit, Davidson, Kloosterman & Wilson (2009) Neuron 63:497; weighted correlation, Silva,
Feng & Foster (2015) Nat. Neurosci. 18:1772.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import check_number
from panneuro.analysis.compiling import compiled
from panneuro.analysis.reals import beyond, reals
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.floating[Any]]


def weighted_correlation(posterior: npt.ArrayLike, positions: npt.ArrayLike) -> float:
    """Correlate time and position, each pair of them weighted by its probability.

    Parameters
    ----------
    posterior : array-like, shape (n_times, n_bins)
        Probabilities or other weights, not negative; rows of zeros count for nothing.
    positions : array-like, shape (n_bins,)
        Middles of the bins.

    Returns
    -------
    float
        From -1 to 1; 0 where all weight lies at one time or one position.

    Raises
    ------
    InputError
        If there is not one position for each bin, or weights are negative or all zero.

    Examples
    --------
    >>> weighted_correlation(np.eye(4), [0, 1, 2, 3])
    1.0
    """
    weights, places = reals(posterior, "weights"), reals(positions, "positions")
    if weights.ndim != 2 or places.shape != (weights.shape[1],):
        raise InputError(f"{places.shape} positions have weights of shape {weights.shape}")
    if beyond(places).any():
        raise InputError("positions are not all finite, or too great")
    if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise InputError("weights of a correlation are negative, missing, or all zero")
    return float(correlations(weights[None], places)[0])


def fit_line(posterior: npt.ArrayLike, band_bins: int = 2) -> tuple[float, int, int]:
    """Find the straight line along which a posterior has most probability.

    Parameters
    ----------
    posterior : array-like, shape (n_times, n_bins)
        Rows of zeros count for nothing.
    band_bins : int
        How far from the line a bin still belongs to it.

    Returns
    -------
    score : float
        Mean over bins of time with weight of the probability within the band.
    first, last : int
        The bin of the line at the first and the last time.

    Raises
    ------
    InputError
        If there are fewer than two times, a weight is negative, or the band is.

    Examples
    --------
    >>> fit_line(np.eye(5)[::-1], band_bins=0)
    (1.0, 4, 0)
    """
    weights = np.ascontiguousarray(reals(posterior, "weights"))
    check_number("bins of a band", band_bins, 0)
    if weights.ndim != 2 or len(weights) < 2 or not ((weights >= 0) & (weights < np.inf)).all():
        raise InputError(f"a line was to be fitted to weights of shape {weights.shape}")
    score, first, last = _best_line(_within(weights, band_bins))
    active = max(1, int(np.count_nonzero(weights.sum(axis=1))))
    return float(score / active), int(first), int(last)


def correlations(weights: Floats, positions: Floats) -> Floats:
    """Return the weighted correlation of each of many posteriors, (n, n_times, n_bins)."""
    total = weights.sum(axis=(1, 2))
    by_time, by_place = weights.sum(axis=2) / total[:, None], weights.sum(axis=1) / total[:, None]
    times = np.arange(weights.shape[1])
    t = times - (by_time @ times)[:, None]
    x = positions - (by_place @ positions)[:, None]
    both = np.einsum("ntx,nt,nx->n", weights, t, x, optimize=True) / total
    variances = (by_time * t**2).sum(axis=1) * (by_place * x**2).sum(axis=1)
    found: Floats = both / np.sqrt(np.where(variances > 0, variances, np.inf))
    return found


def _within(weights: Floats, band_bins: int) -> Floats:
    """Return the weight within a band around each bin, ends cut off."""
    summed = np.pad(weights.cumsum(axis=1), ((0, 0), (1, 0)))
    places = np.arange(weights.shape[1])
    high = np.minimum(places + band_bins + 1, weights.shape[1])
    return np.ascontiguousarray(summed[:, high] - summed[:, np.maximum(places - band_bins, 0)])


@compiled
def _best_line(within: Any) -> Any:
    n_times, n_bins = within.shape
    best, start, end = -1.0, 0, 0
    for first in range(n_bins):
        for last in range(n_bins):
            slope = (last - first) / (n_times - 1)
            score = 0.0
            for time in range(n_times):
                score += within[time, int(first + slope * time + 0.5)]
            if score > best:
                best, start, end = score, first, last
    return best, start, end
