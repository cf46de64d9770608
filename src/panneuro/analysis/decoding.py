"""What trials were, from what cells did: decoders judged on trials they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from panneuro.analysis.folds import Integers, check_folds, encode
from panneuro.analysis.linear_classifiers import LDA, Linear, Ridge, predict
from panneuro.analysis.permutations import orders, p_values
from panneuro.analysis.permuted_classifiers import permuted_accuracies
from panneuro.analysis.psth import count_windows
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.trains import Units
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tuned:
    """A scikit-learn estimator whose parameters each training set chooses by its own folds.

    Parameters
    ----------
    estimator : estimator
        Put scaling and selection of cells inside, with ``make_pipeline``, so that they too see
        training trials only.
    grid : mapping
        Values to try, by name of parameter, as for ``GridSearchCV``.
    """

    estimator: Any
    grid: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Decoding:
    """How well labels were told from trials that the decoder had not seen.

    Parameters
    ----------
    accuracy : float
        Mean over folds of the fraction that is right.
    predicted : ndarray, shape (n_trials,)
        The label told of each trial.
    labels : ndarray, shape (n_trials,)
        The true ones.
    classes : ndarray, shape (n_classes,)
        The distinct labels, in order.
    null : ndarray of float64, shape (n_permutations,)
        Accuracy under permuted labels.
    p : float
        ``(1 + number of null >= accuracy) / (1 + n_permutations)``; NaN without permutations.
    chosen : tuple
        What each fold chose, of what there was to choose from.
    """

    accuracy: float
    predicted: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    null: npt.NDArray[np.float64]
    p: float
    chosen: tuple[Any, ...]

    @property
    def confusion(self) -> pd.DataFrame:
        """Trials of each label (rows) by what was told of them (columns)."""
        true, told = (np.searchsorted(self.classes, of) for of in (self.labels, self.predicted))
        counts = np.zeros((len(self.classes),) * 2, dtype=np.int64)
        np.add.at(counts, (true, told), 1)
        index, columns = (pd.Index(self.classes, name=name) for name in ("label", "predicted"))
        return pd.DataFrame(counts, index=index, columns=columns)

    @property
    def balanced_accuracy(self) -> float:
        """Mean over labels of the fraction that is right: chance is ``1 / n_classes``."""
        counts = self.confusion.to_numpy()
        return float(np.mean(np.diag(counts) / counts.sum(axis=1)))


def trial_features(
    units: Units,
    trials: Intervals,
    window_s: tuple[float, float] | None = None,
    *,
    anchor: str = "start_time",
) -> xr.DataArray:
    """Count the spikes of each unit in each trial: the matrix that decoders take.

    Parameters
    ----------
    units : Events, mapping or Trains
        Spike times of each unit in seconds.
    trials : Intervals
        One row a trial; its columns become coordinates.
    window_s : tuple of float, optional
        From where to where around the anchor, in seconds; the whole trial if left out.
    anchor : str
        The column of times around which the window lies.

    Returns
    -------
    DataArray of counts, dims (trial, unit)

    Raises
    ------
    InputError
        If there is no such column, or a time in it is missing.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"start_time": [0.0, 1.0], "stop_time": [1.0, 2.0], "side": ["L", "R"]}
    ... )
    >>> features = trial_features({3: [0.1, 0.2, 1.6]}, Intervals.from_frame("trials", frame))
    >>> features.sel(unit=3).values.tolist(), features.side.values.tolist()
    ([2, 1], ['L', 'R'])
    """
    starts, stops = trials["start_time"], trials["stop_time"]
    if window_s is not None:
        times = np.asarray(trials[anchor], dtype=np.float64)
        starts, stops = times + window_s[0], times + window_s[1]
    counts = count_windows(units, starts, stops)
    first, second = counts.dims
    named = counts.rename({first: "trial", second: "unit"})
    columns = {str(name): ("trial", trials[name]) for name in trials.columns if name != "unit"}
    return named.assign_coords(columns)


def decode(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    model: Any = LDA(),  # noqa: B008
    n_permutations: int = 0,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> Decoding:
    """Tell each trial's label from the folds that it is not in, and how well chance does.

    Under each permutation of the labels the decoder is fitted anew in every fold, as in [1]_; for
    an `LDA` or a `Ridge` of one strength that has a closed form, which gives the same accuracies.

    Parameters
    ----------
    features : array-like of float, shape (n_trials, n_cells)
        `float32` is computed as such, in half the time; anything else in `float64`.
    labels : array-like, shape (n_trials,)
        Images, choices, odours, ….
    folds : array-like of int, shape (n_trials,)
        From :func:`~panneuro.analysis.folds.make_folds`.
    model : LDA, Ridge, Tuned or a scikit-learn classifier
        The decoder. Where it chooses among parameters, it does so within each training set, by the
        other folds, so that groups and blocks hold there too.
    n_permutations : int
        How many permutations of the labels; none by default.
    within : array-like, shape (n_trials,), optional
        Labels change places only within trials of one value: a session, a block.
    seed : int, SeedSequence or Generator
        Of the permutations.
    executor : concurrent.futures.Executor, optional
        Spreads the permutations; the result is the same.

    Raises
    ------
    InputError
        If features are not finite, lengths differ, or folds are wrong.

    References
    ----------
    .. [1] Ojala & Garriga (2010) J. Mach. Learn. Res. 11:1833.

    Examples
    --------
    >>> from panneuro.analysis.folds import make_folds
    >>> random = np.random.default_rng(0)
    >>> choices = np.tile(["left", "right"], 30)
    >>> rates = random.poisson(np.where(choices == "left", 1, 12)[:, None], (60, 4))
    >>> found = decode(rates, choices, make_folds(choices, 5), n_permutations=99)
    >>> found.accuracy, found.p
    (1.0, 0.01)
    """
    classes, codes = encode(labels)
    points = check_features(features, len(codes))
    numbered = check_folds(folds, len(codes))
    predicted, chosen = _predict(points, codes, numbered, model)
    null = np.empty(0)
    if n_permutations:
        permuted = codes[orders(len(codes), n_permutations, seed, within)]
        null = _accuracies(points, permuted, numbered, model, executor)
    accuracy = _accuracy(predicted, codes, numbered)
    # Accuracies are sums of fractions: as much as rounding can move one is no difference.
    p = float(p_values(accuracy - 1e-9, null)) if n_permutations else np.nan
    return Decoding(accuracy, classes[predicted], classes[codes], classes, null, p, tuple(chosen))


def decode_over_time(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    n_permutations: int = 0,
    seed: Seed = 0,
    **options: Any,
) -> xr.Dataset:
    """Decode from each bin of time by itself.

    Parameters
    ----------
    features : array-like or DataArray, shape (n_trials, n_cells, n_times)
        As :func:`~panneuro.analysis.psth.psth_tensor` counts them.
    labels, folds, n_permutations, seed
        As for :func:`decode`; every bin has the same permutations.
    **options
        Further ones of :func:`decode`.

    Returns
    -------
    Dataset
        ``accuracy`` and ``p`` (time,); ``p_max``, corrected for all bins by the largest accuracy of
        each permutation; ``null`` (permutation, time).

    Examples
    --------
    >>> random, codes = np.random.default_rng(0), np.tile([0, 1], 20)
    >>> counts = random.poisson(3, (40, 5, 2))
    >>> counts[:, :, 1] += 9 * codes[:, None]
    >>> decode_over_time(counts, codes, np.arange(40) // 8).accuracy.values[1].item()
    1.0
    """
    tensor = np.asarray(features)
    if tensor.ndim != 3 or not tensor.shape[2]:
        raise InputError(f"features have the shape {tensor.shape}, not (trials, cells, times)")
    entropy = root(seed)
    common = {"n_permutations": n_permutations, "seed": entropy, **options}
    found = [decode(tensor[:, :, one], labels, folds, **common) for one in range(tensor.shape[2])]
    accuracy, null = np.array([one.accuracy for one in found]), np.stack([d.null for d in found], 1)
    largest = null.max(axis=1) if n_permutations else null[:, 0]
    p_max = p_values(accuracy - 1e-9, largest) if n_permutations else np.full(len(found), np.nan)
    coords = {}
    if isinstance(features, xr.DataArray) and features.dims[2] in features.coords:
        coords["time"] = features[features.dims[2]].to_numpy()
    variables = {
        "accuracy": ("time", accuracy),
        "p": ("time", np.array([one.p for one in found])),
        "p_max": ("time", p_max),
        "null": (("permutation", "time"), null),
    }
    return xr.Dataset(variables, coords)


def compare_areas(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    areas: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    n_cells: int | None = None,
    n_draws: int = 20,
    model: Any = LDA(),  # noqa: B008
    seed: Seed = 0,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Decode from as many cells of each area, drawn at random again and again.

    Parameters
    ----------
    features, labels, folds, model
        As for :func:`decode`; all areas are decoded from the same folds.
    areas : array-like, shape (n_cells,)
        Area of each cell.
    n_cells : int, optional
        How many cells to draw without replacement; by default all of the smallest area.
    n_draws : int
        How often.
    seed : int, SeedSequence or Generator
        Of the draws.
    executor : concurrent.futures.Executor, optional
        Spreads the draws; the result is the same.

    Returns
    -------
    DataFrame
        ``area``, ``draw``, ``n_cells`` and ``accuracy`` of each draw.

    Raises
    ------
    InputError
        If an area has fewer cells than `n_cells`, or lengths differ.

    Examples
    --------
    >>> random, codes = np.random.default_rng(0), np.tile([0, 1], 20)
    >>> rates = random.poisson(3, (40, 12))
    >>> rates[:, :6] += 9 * codes[:, None]
    >>> areas = ["V1"] * 6 + ["CA1"] * 6
    >>> found = compare_areas(rates, codes, areas, np.arange(40) // 8, n_cells=4, n_draws=5)
    >>> found.groupby("area").accuracy.mean()["V1"].item()
    1.0
    """
    points, named = check_features(features, len(np.asarray(labels))), np.asarray(areas)
    if named.shape != (points.shape[1],):
        raise InputError(f"{points.shape[1]} cells were given areas of shape {named.shape}")
    names, sizes = np.unique(named, return_counts=True)
    size = int(sizes.min()) if n_cells is None else n_cells
    if not 1 <= size <= sizes.min():
        raise InputError(
            f"{size} cells of each area were asked for; "
            f"{names.tolist()[sizes.argmin()]!r} has {sizes.min()}",
            hint="ask for fewer, or leave out small areas",
        )
    entropy = root(seed)

    def one(task: tuple[int, Any, int]) -> dict[str, Any]:
        index, area, draw = task
        cells = stream(entropy, index).choice(np.flatnonzero(named == area), size, replace=False)
        found = decode(points[:, np.sort(cells)], labels, folds, model=model)
        return {"area": area, "draw": draw, "n_cells": size, "accuracy": found.accuracy}

    pairs = [(area, draw) for area in names.tolist() for draw in range(n_draws)]
    tasks = [(index, *pair) for index, pair in enumerate(pairs)]
    return pd.DataFrame(list(spread(one, tasks, executor)))


def check_features(features: npt.ArrayLike | xr.DataArray, n_trials: int) -> Floats:
    """Return features as floats, or say what is wrong with them."""
    points = np.asarray(features)
    if points.ndim != 2 or len(points) != n_trials or not points.shape[1]:
        raise InputError(f"{n_trials} labels have features of shape {points.shape}")
    floats = points if points.dtype == np.float32 else points.astype(np.float64)
    if not np.isfinite(floats).all():
        trial, cell = np.argwhere(~np.isfinite(floats))[0].tolist()
        raise InputError(
            f"the feature of trial {trial} and cell {cell} is {floats[trial, cell]}",
            hint="leave out trials or cells that were not recorded",
        )
    return floats


def _accuracies(
    points: Floats, permuted: Integers, folds: Integers, model: Any, executor: Executor | None
) -> npt.NDArray[np.float64]:
    if isinstance(model, LDA | Ridge) and len(model.strengths) == 1:
        return permuted_accuracies(points, permuted, folds, model, executor=executor)
    fit_anew = partial(_fit_anew, points, folds, model)
    return np.array(list(spread(fit_anew, permuted, executor)))


def _fit_anew(points: Floats, folds: Integers, model: Any, codes: Integers) -> float:
    return _accuracy(_predict(points, codes, folds, model)[0], codes, folds)


def _accuracy(predicted: Integers, codes: Integers, folds: Integers) -> float:
    right = np.bincount(folds, weights=predicted == codes)
    return float(np.mean(right / np.bincount(folds)))


def _predict(
    points: Floats, codes: Integers, folds: Integers, model: Any
) -> tuple[Integers, Sequence[Any]]:
    if isinstance(model, Linear):
        return predict(points, codes, folds, model)
    predicted, chosen = np.empty_like(codes), []
    for fold in range(int(folds.max()) + 1):
        train = folds != fold
        fitted = _fresh(model, folds[train]).fit(points[train], codes[train])
        predicted[~train] = fitted.predict(points[~train])
        chosen.append(getattr(fitted, "best_params_", None))
    return predicted, chosen


def _fresh(model: Any, folds: Integers) -> Any:
    if not isinstance(model, Tuned):
        return clone(model)
    inner = PredefinedSplit(folds)
    if inner.get_n_splits() < 2:
        raise InputError(
            "choosing parameters within each training set needs at least three folds",
            hint="make_folds(labels, 5)",
        )
    return GridSearchCV(clone(model.estimator), dict(model.grid), cv=inner)
