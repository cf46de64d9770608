"""Which area tells more: decoders of as many units of each.

Source: accuracy grows with the number of units, Hung, Kreiman, Poggio & DiCarlo (2005) Science
310:863; so areas are compared at one number.
"""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.decoding import OF_FOLDS, Floats, check_features, cross_validated
from panneuro.analysis.folds import as_folds
from panneuro.analysis.labels import Integers, encode
from panneuro.analysis.linear_classifiers import LDA
from panneuro.analysis.streams import Seed, child, root, spread, stream
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError


def compare_areas(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    areas: npt.ArrayLike,
    folds: int | npt.ArrayLike = 5,
    *,
    n_units: int | None = None,
    n_draws: int = 20,
    model: Any = LDA(),  # noqa: B008
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Decode from as many units of each area, drawn at random again and again.

    Parameters
    ----------
    features : array-like of float, shape (n_trials, n_units)
        `float32` is computed as such, in half the time; anything else in `float64`.
    labels : array-like, shape (n_trials,)
        Images, choices, odours, ….
    areas : array-like, shape (n_units,)
        Area of each unit.
    folds : int or array-like of int, shape (n_trials,)
        How many folds, or the fold of each trial; all areas are decoded from the same.
    n_units : int, optional
        How many units to draw without replacement; by default all of the smallest area.
    n_draws : int
        How often.
    model : LDA, Ridge, Tuned or a scikit-learn classifier
        The decoder.
    seed : int, SeedSequence or Generator
        Of the draws, and of folds that are drawn.
    executor : concurrent.futures.Executor, optional
        Spreads the draws; the result is the same.

    Returns
    -------
    Dataset
        ``accuracy`` (area, draw); the attribute ``n_units`` is how many were drawn.

    Raises
    ------
    InputError
        If an area has fewer units than `n_units`, or lengths differ.

    Examples
    --------
    >>> random, codes = np.random.default_rng(0), np.tile([0, 1], 20)
    >>> rates = random.poisson(3, (40, 12))
    >>> rates[:, :6] += 9 * codes[:, None]
    >>> areas = ["V1"] * 6 + ["CA1"] * 6
    >>> found = compare_areas(rates, codes, areas, np.arange(40) // 8, n_units=4, n_draws=5)
    >>> found.accuracy.mean("draw").sel(area="V1").item()
    1.0
    """
    check_number("draws", n_draws)
    _, codes = encode(labels)
    points = check_features(features, len(codes))
    names, members = group(areas, points.shape[1], "areas")
    sizes = np.bincount(members)
    size = int(sizes.min()) if n_units is None else n_units
    check_number("units", size)
    if not size <= sizes.min():
        raise InputError(
            f"{size} units of each area were asked for; "
            f"{names.tolist()[sizes.argmin()]!r} has {sizes.min()}",
            hint="ask for fewer, or leave out small areas",
        )
    entropy = root(seed)
    numbered = as_folds(folds, codes, child(entropy, OF_FOLDS))
    tasks = [area for area in range(len(names)) for _ in range(n_draws)]
    chosen = [
        np.sort(stream(entropy, index).choice(np.flatnonzero(members == area), size, replace=False))
        for index, area in enumerate(tasks)
    ]
    task = partial(_decode_some, points, codes, numbered, model)
    accuracies = np.reshape(list(spread(task, chosen, executor)), (len(names), n_draws))
    accuracy = (("area", "draw"), accuracies, {"units": "1", "long_name": "accuracy"})
    return xr.Dataset({"accuracy": accuracy}, {"area": names}, {"n_units": size})


def _decode_some(
    points: Floats, codes: Integers, folds: Integers, model: Any, units: Integers
) -> float:
    return cross_validated(points[:, units], codes, folds, model)
