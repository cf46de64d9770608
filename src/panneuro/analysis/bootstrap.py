"""How sure a mean is: resampling trials with replacement, as one product of matrices."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr, ndtri

from panneuro.analysis.blocks import check_number
from panneuro.analysis.kinds import check_choice
from panneuro.analysis.labels import axes_of
from panneuro.analysis.reals import beyond, reals
from panneuro.analysis.streams import Seed, root, stream
from panneuro.analysis.threads import one_thread
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

type Floats = npt.NDArray[np.floating[Any]]

_COLUMNS = 4096
_IN_MEMORY = 2**23


def bootstrap_mean(
    samples: npt.ArrayLike | xr.DataArray,
    *,
    level: float = 0.95,
    method: Literal["bca", "percentile"] = "bca",
    n_resamples: int = 2000,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
) -> xr.Dataset:
    """Return means over samples with bootstrap confidence intervals, for many tests at once.

    Each resample draws as many samples as there are, with replacement; all tests share the draws,
    so what depends between them stays so.

    Parameters
    ----------
    samples : array-like or DataArray, shape (n_samples, ...)
        One value of every test for each sample; finite.
    level : float
        Coverage that is aimed at, between 0 and 1.
    method : {"bca", "percentile"}
        Percentiles of the resampled means, or those corrected for bias and acceleration [1]_.
    n_resamples : int
        Number of resamples.
    within : array-like, shape (n_samples,), optional
        Samples are drawn again from among those of the same value: a session, an animal.
    seed : int, SeedSequence or Generator
        Each resample has a stream of its own.

    Returns
    -------
    Dataset, over the axes of `samples` after the first
        ``mean``; ``low`` and ``high``, the ends of its interval; and ``standard_error``, the
        standard deviation of the resampled means.

    Raises
    ------
    InputError
        If there are fewer than two samples, a value is not finite, or `level` is not in (0, 1).

    References
    ----------
    .. [1] Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 14.3.

    Examples
    --------
    >>> found = bootstrap_mean(np.random.default_rng(0).normal(5, 2, size=100))
    >>> bool(found.low < 5 < found.high), float(found.standard_error.round(1))
    (True, 0.2)
    """
    values = _checked(samples, level, n_resamples)
    check_choice("interval", method, ("bca", "percentile"))
    flat = values.reshape(len(values), -1)
    drawn = _draws(len(flat), n_resamples, within, seed)
    low, high, error = (np.empty(flat.shape[1]) for _ in range(3))
    for start in range(0, flat.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        with one_thread():
            means = _means(drawn, flat[:, part])
        error[part] = means.std(axis=0, ddof=1)
        low[part], high[part] = _ends(flat[:, part], means, level, method)
    found = {"mean": values.mean(axis=0), "low": low, "high": high, "standard_error": error}
    dims, coordinates = axes_of(samples if isinstance(samples, xr.DataArray) else values)
    shaped = {name: (dims, value.reshape(values.shape[1:])) for name, value in found.items()}
    result = xr.Dataset(shaped, coordinates)
    unit = samples.attrs.get("units", "") if isinstance(samples, xr.DataArray) else ""
    for name, array in result.items():
        array.attrs.update(long_name=str(name).replace("_", " "), units=unit)
    return result


def _checked(samples: npt.ArrayLike, level: float, n_resamples: int) -> npt.NDArray[np.float64]:
    values = reals(samples, "samples of a bootstrap")
    if values.ndim == 0 or len(values) < 2:
        raise InputError(
            f"a bootstrap was asked of samples of shape {values.shape}: fewer than two"
        )
    if beyond(values).any():
        raise InputError("a bootstrap was asked of samples that are not all finite, or too great")
    check_number("resamples", n_resamples, 2)
    if not is_real(level, above=0, below=1):
        raise InputError(
            f"a bootstrap was asked for the level {level!r}",
            hint="level=0.95",
        )
    return values


def _draws(
    n: int, n_resamples: int, within: npt.ArrayLike | None, seed: Seed
) -> npt.NDArray[np.uint16]:
    """Draw how often each sample is in each resample."""
    codes = np.zeros(n, dtype=int) if within is None else group(within, n, "groups")[1]
    groups = [np.flatnonzero(codes == one) for one in range(codes.max() + 1)]
    parent = root(seed)
    draws = np.zeros((n_resamples, n), dtype=np.uint16)
    for index, row in enumerate(draws):
        random = stream(parent, index)
        for members in groups:
            drawn = random.integers(0, len(members), len(members))
            row[members] = np.bincount(drawn, minlength=len(members))
    return draws


def _means(draws: npt.NDArray[np.uint16], values: Floats) -> npt.NDArray[np.float64]:
    """Return the mean of each resample; weights are in memory for some of them at once."""
    n_resamples, n = draws.shape
    means = np.empty((n_resamples, values.shape[1]))
    step = max(1, _IN_MEMORY // n)
    for first in range(0, n_resamples, step):
        rows = slice(first, first + step)
        means[rows] = draws[rows].astype(float) @ values / n
    return means


def _ends(values: Floats, means: Floats, level: float, method: str) -> tuple[Floats, Floats]:
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "percentile":
        low, high = np.quantile(means, tails, axis=0)
        return low, high
    chosen = _bca(values, means, tails)
    ordered = np.sort(means, axis=0)
    last = len(ordered) - 1
    low, high = (_interpolated(ordered, share * last) for share in chosen)
    return low, high


def _bca(values: Floats, means: Floats, tails: Floats) -> Floats:
    """Return which quantiles to take; the jackknife of a mean is in closed form."""
    count = (means < values.mean(axis=0)).sum(axis=0)
    ties = (means == values.mean(axis=0)).sum(axis=0)
    share = (count + 0.5 * ties + 0.5) / (len(means) + 1)
    bias = ndtri(share)
    away = values - values.mean(axis=0)
    squares = (away**2).sum(axis=0)
    cubes = (away**3).sum(axis=0)
    bend = np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(cubes), where=squares > 0)
    moved = bias + ndtri(tails)[:, None]
    return np.asarray(ndtr(bias + moved / (1 - bend * moved)))


def _interpolated(ordered: Floats, positions: Floats) -> Floats:
    """Read between the rows of each column."""
    below = np.floor(positions).astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    columns = np.arange(ordered.shape[1])
    share = positions - below
    return np.asarray(ordered[below, columns] * (1 - share) + ordered[above, columns] * share)
