"""Linear classifiers under permuted labels, all exact and none fitted anew.

Permuting labels leaves the trials where they are, so each fold's scatter is decomposed once. With
the total scatter ``V diag(w) V'``, the covariance within the classes of a permutation is a
correction of the rank of the number of classes, which Woodbury's identity inverts. Two classes need
less: see :mod:`~panneuro.analysis.two_classes`.

Source: Treder (2018) arXiv:1803.10016.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import Integers
from panneuro.analysis.linear_classifiers import LDA, Linear, Ridge, rotate
from panneuro.analysis.streams import spread
from panneuro.analysis.threads import one_thread
from panneuro.analysis.two_classes import discriminant_accuracies, ridge_accuracies
from panneuro.core.errors import InputError

Array = npt.NDArray[Any]
_COLUMNS = 512
"""Classes times permutations scored in one product: enough for its speed, little memory."""
_MOST_TRIALS = 4096
"""Of which a hat matrix is made: beyond, weights are less than it."""
_FEW_CLASSES = 4
"""So few that summing classes by a product costs less than by walking trials."""


@dataclass(frozen=True)
class _Fold:
    train: Integers
    test: Integers
    points: Array
    tested: Array
    variances: Array
    n_units: int


def permuted_accuracies(
    features: Array,
    codes: Integers,
    folds: Integers,
    model: Linear,
    *,
    executor: Executor | None = None,
) -> npt.NDArray[np.float64]:
    """Return the cross-validated accuracy under each of many labellings.

    Parameters
    ----------
    features : ndarray of float, shape (n_trials, n_units)
        Computed in its own precision.
    codes : ndarray of integers, shape (n_permutations, n_trials)
        Class of each trial in each labelling, from 0.
    folds : ndarray of int64, shape (n_trials,)
        The same for all.
    model : LDA or Ridge
        With one strength.
    executor : concurrent.futures.Executor, optional
        Spreads blocks of labellings; the result is the same.

    Returns
    -------
    ndarray of float64, shape (n_permutations,)
        Mean over folds of the fraction that is right.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> codes = np.stack([random.permutation(np.tile([0, 1], 30)) for _ in range(100)])
    >>> features = random.normal(size=(60, 5))
    >>> null = permuted_accuracies(features, codes, np.arange(60) % 5, LDA())
    >>> bool(0.4 < null.mean() < 0.6)
    True
    """
    strengths, n_classes = model.strengths, int(codes.max()) + 1
    if len(strengths) > 1:
        raise InputError(f"closed forms need one strength, not {strengths}")
    with one_thread():
        points, sides = rotate(features), _sides(folds)
        n_units = features.shape[1]
        if isinstance(model, LDA) and n_classes == 2:
            return discriminant_accuracies(
                points, codes == 1, folds, strengths[0], n_units, executor
            )
        if isinstance(model, Ridge) and n_classes == 2 and len(points) <= _MOST_TRIALS:
            return ridge_accuracies(points, codes == 1, folds, strengths[0])
        prepared = [_decompose(points, *side, model, strengths[0], n_units) for side in sides]
        score = partial(_score, prepared, model, strengths[0], n_classes)
        blocks = _blocks(codes, max(1, _COLUMNS // n_classes))
        return np.concatenate(list(spread(score, blocks, executor)))


def _blocks(codes: Integers, size: int) -> Iterator[Integers]:
    return (codes[start : start + size] for start in range(0, len(codes), size))


def _sides(folds: Integers) -> list[tuple[Integers, Integers]]:
    """Return the training and the tested trials of each fold."""
    numbers = range(int(folds.max()) + 1)
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in numbers]


def _decompose(
    points: Array, train: Integers, test: Integers, model: Linear, strength: float, n_units: int
) -> _Fold:
    """Rotate a fold into the axes of its training trials; divide by what a ridge divides by."""
    mean = points[train].mean(axis=0)
    trained, tested = points[train] - mean, points[test] - mean
    gram = trained.T @ trained
    variances, axes = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    variances = np.maximum(variances, 0)
    tested = np.ascontiguousarray(tested @ axes)
    if isinstance(model, Ridge):
        tested /= variances + strength
    else:
        variances /= len(train)
    rotated = np.ascontiguousarray(trained @ axes)
    return _Fold(train, test, rotated, tested, variances, n_units)


def _score(
    folds: list[_Fold], model: Linear, strength: float, n_classes: int, codes: Integers
) -> npt.NDArray[np.float64]:
    return np.mean([_score_fold(fold, model, strength, n_classes, codes) for fold in folds], axis=0)


def _score_fold(
    fold: _Fold, model: Linear, strength: float, n_classes: int, codes: Integers
) -> npt.NDArray[np.float64]:
    counts, sums = _class_sums(fold.points, codes[:, fold.train], n_classes)
    if isinstance(model, LDA):
        weights, biases = _discriminants(fold, counts, sums, strength)
    else:
        weights, biases = 2 * sums, 2 * counts / len(fold.train) - 1
    biases = np.where(counts > 0, biases, -np.inf).astype(fold.tested.dtype)
    scores = fold.tested @ weights.reshape(-1, weights.shape[-1]).T
    return _hits(scores, biases, codes[:, fold.test]) / len(fold.test)


def _discriminants(
    fold: _Fold, counts: Array, sums: Array, shrinkage: float
) -> tuple[Array, Array]:
    """Return weights ``(n_permutations, n_classes, n_dimensions)`` and biases."""
    total, keep = len(fold.train), 1 - shrinkage
    some = np.maximum(counts, 1)
    means = sums / some[..., None]
    roots = np.sqrt(some / total).astype(means.dtype)
    scaled = means * roots[..., None]
    spread = fold.variances.sum() - np.einsum("bgp,bgp->b", scaled, scaled)
    variances = keep * fold.variances + (shrinkage / fold.n_units) * spread[:, None]
    divided = scaled / variances[:, None]
    inner = divided @ scaled.swapaxes(1, 2)
    left = np.eye(counts.shape[1], dtype=means.dtype) - keep * inner
    solved = np.linalg.solve(left, inner / roots[:, None])
    weights = divided / roots[..., None] + keep * (solved.swapaxes(1, 2) @ divided)
    biases = -0.5 * np.einsum("bgp,bgp->bg", means, weights) + np.log(some / total)
    return weights, biases


def _class_sums(points: Array, codes: Integers, n_classes: int) -> tuple[Array, Array]:
    """Return trials of each class and their sums, for each labelling."""
    offsets = np.arange(len(codes))[:, None] * n_classes
    flat = np.bincount((codes + offsets).ravel(), minlength=len(codes) * n_classes)
    counts = flat.reshape(len(codes), n_classes).astype(points.dtype)
    if n_classes > _FEW_CLASSES:
        sums = np.zeros((len(codes), n_classes, points.shape[1]), dtype=points.dtype)
        _add_by_class(points, codes, sums)
        return counts, sums
    members = np.stack([codes == one for one in range(n_classes - 1)], axis=1)
    flat_members = members.reshape(-1, len(points)).astype(points.dtype)
    sums = (flat_members @ points).reshape(len(codes), n_classes - 1, -1)
    last = points.sum(axis=0) - sums.sum(axis=1, keepdims=True)
    return counts, np.concatenate([sums, last], axis=1)


@compiled
def _add_by_class(points: Array, codes: Integers, sums: Array) -> None:
    for labelling in range(codes.shape[0]):
        for trial in range(points.shape[0]):
            one = codes[labelling, trial]
            for axis in range(points.shape[1]):
                sums[labelling, one, axis] += points[trial, axis]


@compiled
def _count_hits(scores: Array, biases: Array, codes: Integers, hits: Integers) -> None:
    n_labellings, n_classes = biases.shape
    for trial in range(scores.shape[0]):
        for labelling in range(n_labellings):
            first = labelling * n_classes
            best, largest = 0, scores[trial, first] + biases[labelling, 0]
            for one in range(1, n_classes):
                value = scores[trial, first + one] + biases[labelling, one]
                if value > largest:
                    best, largest = one, value
            hits[labelling] += best == codes[labelling, trial]


def _hits(scores: Array, biases: Array, codes: Integers) -> Integers:
    hits = np.zeros(len(codes), dtype=np.int64)
    _count_hits(scores, biases, np.ascontiguousarray(codes), hits)
    return hits
