"""Weights of which whole groups are zero, by accelerated proximal gradients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from panneuro.analysis.poisson import Array, Problem
from panneuro.core.errors import InputError

_GROWTH = 1.5
_STEPS_EACH = 50
_MOST_HALVINGS = 200


def descend(
    problem: Problem,
    found: Array,
    groups: list[npt.NDArray[np.intp]],
    penalty: float,
    tolerance: float,
    max_steps: int,
) -> tuple[Array, int, float]:
    """Go down from `found` to where the penalised likelihood is best.

    Parameters
    ----------
    problem : Problem
    found : ndarray, shape (n_weights, n_units)
        Where to begin.
    groups : list of ndarray of int
        Rows of the weights of each group.
    penalty : float
        Times ``sqrt(size) * norm`` of each group.
    tolerance : float
        A cell is done when the step divided by its length is below it, for every weight.
    max_steps : int
        In units of fifty, since these steps are many and cheap.

    Returns
    -------
    found : ndarray, shape (n_weights, n_units)
    steps : int
        How many were taken.
    left : float
        The largest step divided by its length, when it came to rest.

    Raises
    ------
    InputError
        If it did not come to rest.
    """
    ahead, momentum = found, np.ones(found.shape[1])
    length = np.full(found.shape[1], 1 / np.linalg.norm(problem.features.T @ problem.features, 2))
    length = length * len(problem.features) / problem.counts.mean(axis=0)
    for step in range(max_steps * _STEPS_EACH):
        value, slope, _ = problem.evaluate(ahead)
        new, length = _step(problem, ahead, value, slope, length, groups, penalty)
        left = float(np.abs((new - ahead) / length).max())
        if left < tolerance:
            return new, step, left
        ahead, momentum = _accelerate(found, ahead, new, momentum)
        found, length = new, length * _GROWTH ** (step % 10 == 0)
    raise InputError(
        f"the group lasso has not come to rest after {max_steps * _STEPS_EACH} steps",
        hint="raise ridge, tolerance or max_steps; features of one scale go faster",
    )


def _step(
    problem: Problem,
    ahead: Array,
    value: Array,
    slope: Array,
    length: Array,
    groups: list[npt.NDArray[np.intp]],
    penalty: float,
) -> tuple[Array, Array]:
    """Step as far as a parabola above the likelihood allows, for each cell."""
    for _ in range(_MOST_HALVINGS):
        new = _shrink(ahead - length * slope, length, groups, penalty)
        moved = new - ahead
        bound = value + (slope * moved).sum(axis=0) + (moved**2).sum(axis=0) / (2 * length)
        above = ~(problem.value(new) <= bound + 1e-12 * np.abs(value))
        if not above.any():
            return new, length
        length = np.where(above, length / 2, length)
    raise InputError(
        "the likelihood of the group lasso has no finite slope",
        hint="scale the features, or raise ridge",
    )


def _shrink(
    weights: Array, length: Array, groups: list[npt.NDArray[np.intp]], penalty: float
) -> Array:
    shrunk = weights.copy()
    for rows in groups:
        norm = np.linalg.norm(weights[rows], axis=0)
        cut = length * penalty * np.sqrt(len(rows))
        shrunk[rows] *= np.maximum(0, 1 - cut / np.where(norm > 0, norm, 1))
    return shrunk


def _accelerate(found: Array, ahead: Array, new: Array, momentum: Array) -> tuple[Array, Array]:
    """Go on in the direction of the last step, unless that cell has turned back."""
    turned = ((ahead - new) * (new - found)).sum(axis=0) > 0
    momentum = np.where(turned, 1.0, momentum)
    following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
    return new + np.where(turned, 0, (momentum - 1) / following) * (new - found), following
