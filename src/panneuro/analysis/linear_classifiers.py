"""Linear discriminants and ridge classifiers, cross-validated without fitting twice.

Both need of their training trials only how many there are of each class, the classes' sums, and the
Gram matrix. Those of a training set are the total less those of what is held out, so that K folds
cost one pass over the data, and so does an inner loop that holds out two.

Sources: shrinkage discriminants, Friedman (1989) J. Am. Stat. Assoc. 84:165; downdated moments,
Treder (2018) arXiv:1803.10016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from panneuro.analysis.labels import Integers
from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LDA:
    """A linear discriminant with a shrunken covariance, and the priors of the training trials.

    Parameters
    ----------
    shrinkage : float or tuple of float
        How far the covariance within classes, C, moves to its mean variance:
        ``(1 - shrinkage) * C + shrinkage * trace(C) / n_units * identity``, in (0, 1].
        Of several, each training set chooses one by its own folds.
    """

    shrinkage: float | tuple[float, ...] = 0.1

    @property
    def strengths(self) -> tuple[float, ...]:
        """The values to choose from."""
        hint = "try 0.1, or several in a tuple: LDA((0.01, 0.1, 0.5))"
        return _strengths(
            self.shrinkage, f"shrinkage is {self.shrinkage!r}, not in (0, 1]", hint, 1
        )


@dataclass(frozen=True)
class Ridge:
    """Least squares on classes coded as -1 and 1, with a penalty on the weights' squares.

    Parameters
    ----------
    alpha : float or tuple of float
        The penalty, above 0. Of several, each training set chooses one by its own folds.
    """

    alpha: float | tuple[float, ...] = 1.0

    @property
    def strengths(self) -> tuple[float, ...]:
        """The values to choose from."""
        hint = "try 1.0, or several in a tuple: Ridge((0.1, 1.0, 10.0))"
        return _strengths(self.alpha, f"alpha is {self.alpha!r}, not above 0", hint)


def _strengths(given: object, wrong: str, hint: str, most: float = np.inf) -> tuple[float, ...]:
    each = given if isinstance(given, tuple) else (given,)
    if not each or not all(is_real(one, above=0, most=most) for one in each):
        raise InputError(wrong, hint=hint)
    return each


Linear = LDA | Ridge


@dataclass(frozen=True)
class Moments:
    """What a training set is known by.

    Parameters
    ----------
    counts : ndarray, shape (n_classes,)
        Trials of each class.
    sums : ndarray, shape (n_classes, n_dimensions)
        Sum of each class.
    gram : ndarray, shape (n_dimensions, n_dimensions)
        Sum of the outer products.
    n_units : int
        How many dimensions there were before the data were rotated into fewer.
    """

    counts: Array
    sums: Array
    gram: Array
    n_units: int

    def __sub__(self, held: Moments) -> Moments:
        return Moments(
            self.counts - held.counts, self.sums - held.sums, self.gram - held.gram, self.n_units
        )


def rotate(features: Array) -> Array:
    """Centre trials and, where cells are more than trials, rotate them into the trials' span.

    No linear classifier with a penalty that is the same in all directions can tell.
    """
    centred = features - features.mean(axis=0)
    if centred.shape[1] <= centred.shape[0]:
        return centred
    triangle: Array = scipy.linalg.qr(centred.T, mode="r", check_finite=False)[0]
    return np.ascontiguousarray(triangle[: len(centred)].T)


def moments(points: Array, codes: Integers, n_classes: int, n_units: int) -> Moments:
    """Return the moments of trials."""
    one_hot = np.zeros((len(codes), n_classes), dtype=points.dtype)
    one_hot[np.arange(len(codes)), codes] = 1
    return Moments(one_hot.sum(axis=0), one_hot.T @ points, points.T @ points, n_units)


def _lda_weights(trained: Moments, shrinkage: float) -> tuple[Array, Array]:
    total = trained.counts.sum()
    present = trained.counts > 0
    means = trained.sums / np.where(present, trained.counts, 1)[:, None]
    covariance = (trained.gram - means.T @ trained.sums) / total
    level = shrinkage * np.trace(covariance) / trained.n_units
    covariance *= 1 - shrinkage
    covariance[np.diag_indices(len(covariance))] += level
    weights = _solve(covariance, means.T)
    biases = -0.5 * np.einsum("gp,pg->g", means, weights)
    with np.errstate(divide="ignore"):
        return weights, biases + np.log(trained.counts / total)


def _ridge_weights(trained: Moments, alpha: float) -> tuple[Array, Array]:
    total = trained.counts.sum()
    mean = trained.sums.sum(axis=0) / total
    gram = trained.gram - total * np.outer(mean, mean)
    gram[np.diag_indices(len(gram))] += alpha
    weights = _solve(gram, 2 * (trained.sums - trained.counts[:, None] * mean).T)
    biases = 2 * trained.counts / total - 1 - mean @ weights
    return weights, np.where(trained.counts > 0, biases, -np.inf)


def _solve(matrix: Array, right: Array) -> Array:
    try:
        factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        raise InputError(
            "the cells' covariance has no inverse",
            hint="use more shrinkage, or leave out cells that never vary",
        ) from None
    solved: Array = scipy.linalg.cho_solve(factor, right, check_finite=False)
    return solved


def predict(
    features: Array, codes: Integers, folds: Integers, model: Linear
) -> tuple[Integers, list[float]]:
    """Predict every trial from the folds that it is not in.

    Parameters
    ----------
    features : ndarray of float, shape (n_trials, n_units)
        Computed in its own precision.
    codes, folds : ndarray of int64, shape (n_trials,)
        Class and fold of each trial, from 0.
    model : LDA or Ridge
        Where it has several strengths, each fold takes the one that is best when the others are
        held out in turn; the earliest where they tie.

    Returns
    -------
    predicted : ndarray of int64, shape (n_trials,)
    chosen : list of float
        The strength of each fold.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> codes = np.tile([0, 1], 20)
    >>> features = random.normal(size=(40, 3)) + 5 * codes[:, None]
    >>> predicted, _ = predict(features, codes, np.arange(40) // 10, LDA())
    >>> bool(np.all(predicted == codes))
    True
    """
    n_classes, n_folds = int(codes.max()) + 1, int(folds.max()) + 1
    with one_thread():
        points = rotate(features)
        rows = [np.flatnonzero(folds == fold) for fold in range(n_folds)]
        parts = [moments(points[row], codes[row], n_classes, features.shape[1]) for row in rows]
        total = sum_of(parts)
        predicted, chosen = np.empty(len(codes), dtype=np.int64), []
        for fold, row in enumerate(rows):
            trained = total - parts[fold]
            others = [other for other in range(n_folds) if other != fold]
            inner = [(trained - parts[other], rows[other]) for other in others]
            strength = choose(points, codes, inner, model)
            predicted[row] = _classify(points[row], trained, model, strength)
            chosen.append(strength)
    return predicted, chosen


def weigh(trained: Moments, model: Linear, strength: float) -> tuple[Array, Array]:
    """Return weights ``(n_dimensions, n_classes)`` and biases of a model with a training set."""
    if isinstance(model, LDA):
        return _lda_weights(trained, strength)
    return _ridge_weights(trained, strength)


def _classify(points: Array, trained: Moments, model: Linear, strength: float) -> Integers:
    weights, biases = weigh(trained, model, strength)
    classes: Integers = (points @ weights + biases).argmax(axis=1)
    return classes


def choose(
    points: Array, codes: Integers, inner: list[tuple[Moments, Integers]], model: Linear
) -> float:
    """Return the strength that is best in inner folds: their training sets, and tested trials."""
    strengths = model.strengths
    if len(strengths) == 1:
        return strengths[0]
    if len(inner) < 2:
        raise InputError(
            "choosing a strength within each training set needs at least three folds",
            hint="make_folds(labels, 5), or give one strength",
        )
    hits = [
        sum(
            np.mean(_classify(points[row], trained, model, strength) == codes[row])
            for trained, row in inner
        )
        for strength in strengths
    ]
    return strengths[int(np.argmax(hits))]


def sum_of(parts: list[Moments]) -> Moments:
    """Return the moments of all trials from those of each fold."""
    return Moments(
        np.sum([part.counts for part in parts], axis=0),
        np.sum([part.sums for part in parts], axis=0),
        np.sum([part.gram for part in parts], axis=0),
        parts[0].n_units,
    )
