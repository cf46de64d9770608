"""When labels can be told, and for how long in the same way.

With accuracies ``a`` of the true labels and ``a*`` of `n` permutations of them,
``p = (1 + #{a* >= a}) / (1 + n)``, and ``p_max`` puts the largest ``a*`` of all times in its place.

Sources: Meyers et al. (2008) J. Neurophysiol. 100:1407; largest statistics, Nichols & Holmes (2002)
Human Brain Mapping 15:1.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import MAX_BYTES, check_bytes, check_number
from panneuro.analysis.decoding import (
    OF_FOLDS,
    ROUNDING,
    Floats,
    accuracy_of,
    check_features,
    fit,
    null_accuracies,
    predict_folds,
)
from panneuro.analysis.folds import as_folds
from panneuro.analysis.labels import Integers, encode
from panneuro.analysis.linear_classifiers import LDA, Linear, choose, moments, sum_of, weigh
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.streams import Seed, child, root, spread
from panneuro.core.errors import InputError

_IN_MEMORY = 2**22
"""Scores of trials, classes and times that are in memory at once."""


def decode_over_time(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    folds: int | npt.ArrayLike = 5,
    *,
    model: Any = LDA(),  # noqa: B008
    n_permutations: int = 0,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Decode from each bin of time by itself.

    Parameters
    ----------
    features : array-like or DataArray, shape (n_trials, n_units, n_times)
        Spike counts from :func:`~panneuro.analysis.psth.psth_tensor`, or any other signal.
    labels : array-like, shape (n_trials,)
        Images, choices, odours, ….
    folds : int or array-like of int, shape (n_trials,)
        How many folds, or the fold of each trial.
    model : LDA, Ridge, Tuned or a scikit-learn classifier
        The decoder, fitted anew in each bin.
    n_permutations : int
        How many permutations of the labels, the same ones in every bin; none by default.
    within : array-like, shape (n_trials,), optional
        Labels change places only within trials of one value: a session, a block.
    seed : int, SeedSequence or Generator
        Of the permutations, and of folds that are drawn.
    executor : concurrent.futures.Executor, optional
        Spreads the bins; the result is the same.

    Returns
    -------
    Dataset
        ``accuracy`` and ``p`` (time,); ``p_max``, corrected for all bins by the largest accuracy of
        each permutation; ``null`` (permutation, time). p-values are NaN without permutations.

    Raises
    ------
    InputError
        If features have no axis of time or are not finite, lengths differ, or folds are wrong.

    Examples
    --------
    >>> random, codes = np.random.default_rng(0), np.tile([0, 1], 20)
    >>> counts = random.poisson(3, (40, 5, 2))
    >>> counts[:, :, 1] += 9 * codes[:, None]
    >>> decode_over_time(counts, codes).accuracy.values[1].item()
    1.0
    """
    trials = _Trials.of(features, labels, folds, model, n_permutations, within, seed)
    found = list(spread(partial(_decode_bin, trials), trials.series, executor))
    null = np.stack([of_bin for _, of_bin in found], axis=1)
    return trials.tested(np.array([accuracy for accuracy, _ in found]), null, ("time",))


def generalise_over_time(
    features: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    folds: int | npt.ArrayLike = 5,
    *,
    model: Any = LDA(),  # noqa: B008
    n_permutations: int = 0,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    max_bytes: int = MAX_BYTES,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Learn from one bin of time and decode all: temporal generalisation.

    A code that is kept generalises to other times, one that moves on does not [1]_. The trials
    that are decoded are held out at all times, since one trial's times know of each other.

    Parameters
    ----------
    features : array-like or DataArray, shape (n_trials, n_units, n_times)
        Spike counts from :func:`~panneuro.analysis.psth.psth_tensor`, or any other signal.
    labels : array-like, shape (n_trials,)
        Images, choices, odours, ….
    folds : int or array-like of int, shape (n_trials,)
        How many folds, or the fold of each trial.
    model : LDA, Ridge, Tuned or a scikit-learn classifier
        The decoder, fitted anew in each bin.
    n_permutations : int
        How many permutations of the labels; none by default. Each fits all anew.
    within : array-like, shape (n_trials,), optional
        Labels change places only within trials of one value: a session, a block.
    seed : int, SeedSequence or Generator
        Of the permutations, and of folds that are drawn.
    max_bytes : int
        What the null distribution may take in memory.
    executor : concurrent.futures.Executor, optional
        Spreads the permutations; the result is the same.

    Returns
    -------
    Dataset
        ``accuracy`` and ``p`` (train_time, test_time); ``p_max``, corrected for all pairs of times
        by the largest accuracy of each permutation; ``null`` (permutation, train_time, test_time).
        p-values are NaN without permutations.

    Raises
    ------
    InputError
        If features have no axis of time or are not finite, lengths differ, folds are wrong, or the
        null distribution is larger than is allowed.

    References
    ----------
    .. [1] King & Dehaene, Trends Cogn. Sci. 18 (2014) 203-210.

    Examples
    --------
    >>> random, codes = np.random.default_rng(0), np.tile([0, 1], 20)
    >>> counts = random.poisson(3, (40, 6, 3))
    >>> counts[:, :3, 0] += 9 * codes[:, None]
    >>> counts[:, 3:, 1:] += 9 * codes[:, None, None]
    >>> found = generalise_over_time(counts, codes)
    >>> found.accuracy.sel(train_time=1).values[1:]
    array([1., 1.])
    >>> bool(found.accuracy.sel(train_time=1, test_time=0) < 0.8)
    True
    """
    trials = _Trials.of(features, labels, folds, model, n_permutations, within, seed)
    shape = (len(trials.permuted), len(trials.times), len(trials.times))
    hint = "use wider bins or fewer permutations, or raise max_bytes"
    check_bytes(shape, np.float64, max_bytes, "generalising over time", hint)
    labellings = [trials.codes, *trials.permuted]
    accuracy, *drawn = spread(partial(_matrix, trials), labellings, executor)
    null = np.array(drawn).reshape(-1, *accuracy.shape)
    return trials.tested(accuracy, null, ("train_time", "test_time"))


@dataclass(frozen=True)
class _Trials:
    """Trials bin by bin, the series of shape (n_times, n_trials, n_units), and what they are."""

    series: Floats
    times: npt.NDArray[Any]
    named: dict[Any, Any]
    codes: Integers
    permuted: npt.NDArray[Any]
    folds: Integers
    model: Any

    @classmethod
    def of(
        cls,
        features: npt.ArrayLike | xr.DataArray,
        labels: npt.ArrayLike,
        folds: int | npt.ArrayLike,
        model: Any,
        n_permutations: int,
        within: npt.ArrayLike | None,
        seed: Seed,
    ) -> _Trials:
        classes, codes = encode(labels)
        tensor = check_features(features, len(codes), bins=True)
        if tensor.ndim != 3:
            raise InputError(f"features have the shape {tensor.shape}, not (trials, units, times)")
        times, named = np.arange(tensor.shape[2]), {}
        if isinstance(features, xr.DataArray) and features.dims[2] in features.coords:
            axis = features[features.dims[2]]
            times, named = axis.to_numpy(), dict(axis.attrs)
        check_number("permutations", n_permutations, 0)
        entropy = root(seed)
        small = codes.astype(np.min_scalar_type(len(classes)))
        permuted = (
            permute(small, n_permutations, entropy, within) if n_permutations else small[None][:0]
        )
        numbered = as_folds(folds, codes, child(entropy, OF_FOLDS))
        series = np.ascontiguousarray(tensor.transpose(2, 0, 1))
        return cls(series, times, named, codes, permuted, numbered, model)

    def tested(self, accuracy: Floats, null: Floats, dims: tuple[str, ...]) -> xr.Dataset:
        """Compare accuracies with those under permuted labels."""
        p = p_max = np.full(accuracy.shape, np.nan)
        if len(null):
            p = p_values(accuracy - ROUNDING, null)
            p_max = p_values(accuracy - ROUNDING, null.reshape(len(null), -1).max(axis=1))
        values = {"accuracy": accuracy, "p": p, "p_max": p_max}
        variables = {name: (dims, value, {"units": "1"}) for name, value in values.items()}
        coordinates = {dim: (dim, self.times, self._axis(dim)) for dim in dims}
        return xr.Dataset(variables | {"null": (("permutation", *dims), null)}, coordinates)

    def _axis(self, dim: str) -> dict[Any, Any]:
        """Return the attributes of an axis of times: those of the features', with its own name."""
        return self.named if dim == "time" else self.named | {"long_name": dim.replace("_", " ")}


def _decode_bin(trials: _Trials, points: Floats) -> tuple[float, Floats]:
    told, _ = predict_folds(points, trials.codes, trials.folds, trials.model)
    null = null_accuracies(points, trials.permuted, trials.folds, trials.model)
    return accuracy_of(told, trials.codes, trials.folds), null


def _matrix(trials: _Trials, codes: Integers) -> Floats:
    """Return the accuracy of each time learnt from at each time tested."""
    learn = _learn_linear if isinstance(trials.model, Linear) else _learn
    n_times, n_folds = len(trials.series), int(trials.folds.max()) + 1
    right = np.empty((n_folds, n_times, n_times))
    for time, points in enumerate(trials.series):
        for fold, predict in enumerate(learn(points, codes, trials.folds, trials.model)):
            tested = trials.folds == fold
            told = _told(trials.series[:, tested], predict, int(codes.max()) + 1)
            right[fold, time] = (told == codes[tested]).mean(axis=1)
    accuracy: Floats = right.mean(axis=0)
    return accuracy


def _told(series: Floats, predict: Any, n_classes: int) -> Integers:
    """Return what is told of trials at all times, as many times at once as memory allows."""
    n_times, n_trials, n_units = series.shape
    step = max(1, _IN_MEMORY // (n_trials * n_classes))
    parts = [
        predict(series[first : first + step].reshape(-1, n_units))
        for first in range(0, n_times, step)
    ]
    return np.concatenate(parts).reshape(n_times, n_trials)


def _learn(points: Floats, codes: Integers, folds: Integers, model: Any) -> Iterator[Any]:
    """Yield what predicts classes without each fold."""
    for fold in range(int(folds.max()) + 1):
        train = folds != fold
        yield fit(model, points[train], codes[train], folds[train]).predict


def _learn_linear(points: Floats, codes: Integers, folds: Integers, model: Linear) -> Iterator[Any]:
    n_folds, n_classes = int(folds.max()) + 1, int(codes.max()) + 1
    middle = points.mean(axis=0)
    near = points - middle
    rows = [np.flatnonzero(folds == fold) for fold in range(n_folds)]
    parts = [moments(near[row], codes[row], n_classes, points.shape[1]) for row in rows]
    total = sum_of(parts)
    for fold in range(n_folds):
        trained = total - parts[fold]
        inner = [(trained - parts[one], rows[one]) for one in range(n_folds) if one != fold]
        weights, biases = weigh(trained, model, choose(near, codes, inner, model))
        yield partial(_argmax, middle, weights, biases)


def _argmax(middle: Floats, weights: Floats, biases: Floats, points: Floats) -> Integers:
    classes: Integers = ((points - middle) @ weights + biases).argmax(axis=1)
    return classes
