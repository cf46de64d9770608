"""How well a unit's waveforms stand apart from those of its neighbours."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.blocks import check_number
from panneuro.analysis.labels import encode
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.analysis.streams import spread
from panneuro.core.errors import InputError
from panneuro.core.extras import need

linalg = need("scipy.linalg", "analysis", "Judging isolation")
stats = need("scipy.stats", "analysis", "Judging isolation")
discriminant_analysis = need("sklearn.discriminant_analysis", "analysis", "Judging isolation")
neighbors = need("sklearn.neighbors", "analysis", "Judging isolation")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Isolation:
    """Metrics of one unit in the space of waveform features.

    Parameters
    ----------
    isolation_distance : float
        Squared Mahalanobis distance within which as many foreign spikes lie as the unit has [1]_.
    l_ratio : float
        Expected foreign spikes in the unit, over its own [1]_.
    d_prime : float
        Distance of the unit from all others along the best linear discriminant, in standard
        deviations [2]_.
    nn_hit_rate : float
        Fraction of the neighbours of the unit's spikes that are its own [3]_.
    nn_miss_rate : float
        Fraction of the neighbours of foreign spikes that are the unit's [3]_.

    References
    ----------
    .. [1] Schmitzer-Torbert N, et al. (2005). Quantitative measures of cluster quality for use in
       extracellular recordings. Neuroscience 131, 1–11.
    .. [2] Hill DN, Mehta SB, Kleinfeld D (2011). Quality metrics to accompany spike sorting of
       extracellular signals. J Neurosci 31, 8699–8705.
    .. [3] Chung JE, et al. (2017). A fully automated approach to spike sorting. Neuron 95,
       1381–1394.
    """

    isolation_distance: float
    l_ratio: float
    d_prime: float
    nn_hit_rate: float
    nn_miss_rate: float


def isolation(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    unit: Any,
    *,
    n_neighbours: int = 5,
    max_spikes: int = 10_000,
) -> Isolation:
    """Measure how well one unit stands apart, as SpikeInterface and the Allen Institute do.

    Parameters
    ----------
    features : array-like of float, shape (n_spikes, n_features)
        Such as the principal components of each spike's waveform on the channels near the unit.
    labels : array-like, shape (n_spikes,)
        Unit of each spike.
    unit : label
        The unit to measure.
    n_neighbours : int
        Neighbours a spike is asked for.
    max_spikes : int
        For the neighbours, spikes are thinned evenly to about so many: their cost grows fast.

    Returns
    -------
    Isolation
        Distance and L-ratio are NaN where the unit's features do not span their space, d′ where no
        feature varies.

    Raises
    ------
    InputError
        If features are not finite, the lengths differ, or the unit or the others have fewer than
        two spikes.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> features = np.concatenate([random.normal(0, 1, (500, 3)), random.normal(9, 1, (500, 3))])
    >>> found = isolation(features, np.repeat([1, 2], 500), 1)
    >>> found.nn_hit_rate, found.nn_miss_rate, found.d_prime > 10
    (1.0, 0.0, True)
    """
    array, names = reals(features, "features"), as_array(labels, "units of spikes")
    check_number("neighbours", n_neighbours)
    check_number("spikes", max_spikes)
    if array.ndim != 2 or names.shape != array.shape[:1] or beyond(array).any():
        raise InputError(
            f"features of shape {array.shape!r} with {names.shape!r} labels are not one finite row "
            "a spike"
        )
    own = names == unit if np.isscalar(unit) else np.zeros(len(names), bool)
    if min(own.sum(), (~own).sum()) < 2 or not array.shape[1]:
        raise InputError(
            f"unit {unit!r} has {int(own.sum())} of {len(own)} spikes; it and the others need two"
        )
    distance, l_ratio = _mahalanobis(array[own], array[~own])
    hit, miss = _neighbours(array, own, n_neighbours, max_spikes)
    return Isolation(distance, l_ratio, _d_prime(array, own), hit, miss)


def isolation_table(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    n_neighbours: int = 5,
    max_spikes: int = 10_000,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Measure how well each unit stands apart from all others.

    Parameters
    ----------
    features : array-like of float, shape (n_spikes, n_features)
        Such as the principal components of each spike's waveform.
    labels : array-like, shape (n_spikes,)
        Unit of each spike.
    n_neighbours : int
        Neighbours a spike is asked for.
    max_spikes : int
        For the neighbours, spikes are thinned evenly to about so many: their cost grows fast.
    executor : Executor, optional
        Where units are spread; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row a unit, one column a metric of :class:`Isolation`, NaN where :func:`isolation`
        says.

    Raises
    ------
    InputError
        If features are not finite, the lengths differ, or a unit or the others have fewer than two
        spikes.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> features = np.concatenate([random.normal(0, 1, (500, 3)), random.normal(9, 1, (500, 3))])
    >>> isolation_table(features, np.repeat(["a", "b"], 500)).nn_hit_rate.tolist()
    [1.0, 1.0]
    """
    units = encode(labels)[0].tolist()
    asked = {"n_neighbours": n_neighbours, "max_spikes": max_spikes}
    task = partial(isolation, features, labels, **asked)
    rows = [asdict(found) for found in spread(task, units, executor)]
    return pd.DataFrame(rows, pd.Index(units, name="unit"))


def _mahalanobis(own: Floats, other: Floats) -> tuple[float, float]:
    try:
        factor, lower = linalg.cho_factor(np.atleast_2d(np.cov(own.T)), lower=True)
    except np.linalg.LinAlgError:
        return float("nan"), float("nan")
    scaled = linalg.solve_triangular(factor, (other - own.mean(0)).T, lower=lower)
    squared = np.sort(np.square(scaled).sum(0))
    l_ratio = stats.chi2.sf(squared, own.shape[1]).sum() / len(own)
    return float(squared[min(len(own), len(other)) - 1]), float(l_ratio)


def _d_prime(features: Floats, own: npt.NDArray[np.bool_]) -> float:
    if not np.ptp(features, axis=0).any():
        return float("nan")
    projection = discriminant_analysis.LinearDiscriminantAnalysis(n_components=1)
    projected = projection.fit_transform(features, own)
    mine, others = projected[own], projected[~own]
    spread = np.sqrt((mine.var() + others.var()) / 2)
    return float((mine.mean() - others.mean()) / spread) if spread > 0 else float("nan")


def _neighbours(
    features: Floats, own: npt.NDArray[np.bool_], n_neighbours: int, max_spikes: int
) -> tuple[float, float]:
    ordered = np.concatenate([features[own], features[~own]])
    n_own = int(own.sum())
    ratio = max_spikes / len(ordered)
    if ratio < 1:
        ordered = ordered[np.arange(0, len(ordered) - 1, 1 / ratio).astype(int)]
        n_own = int(n_own * ratio)
    if not (1 <= n_neighbours < len(ordered) and 0 < n_own < len(ordered)):
        raise InputError(
            f"{n_own} of {len(ordered)} spikes are too few for {n_neighbours!r} neighbours",
            hint="raise max_spikes or lower n_neighbours",
        )
    near = neighbors.NearestNeighbors(n_neighbors=n_neighbours).fit(ordered)
    mine = near.kneighbors(return_distance=False) < n_own
    return float(mine[:n_own].mean()), float(mine[n_own:].mean())
