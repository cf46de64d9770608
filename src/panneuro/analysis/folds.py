"""Which trials are held out together: the folds of cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from panneuro.core.errors import InputError

Integers = npt.NDArray[np.int64]


def make_folds(
    labels: npt.ArrayLike,
    n_folds: int = 5,
    *,
    groups: npt.ArrayLike | None = None,
    blocked: bool = False,
    seed: int = 0,
) -> Integers:
    """Assign each trial to the fold in which it is tested.

    Parameters
    ----------
    labels : array-like, shape (n_trials,)
        What is decoded; every fold gets its share of each label, as far as it can.
    n_folds : int
        How many folds, at least two.
    groups : array-like, shape (n_trials,), optional
        Trials of one group (a block, a session, an image's repeats) never lie on both sides.
    blocked : bool
        Make folds of consecutive trials. What drifts slowly is then not known from neighbours in
        time, which scattered folds give away.
    seed : int
        Of the shuffle; blocked folds draw nothing.

    Returns
    -------
    ndarray of int64, shape (n_trials,)
        From 0 to ``n_folds - 1``.

    Raises
    ------
    InputError
        If there are fewer trials of a label, or fewer groups, than folds.

    Examples
    --------
    >>> make_folds(["a", "b"] * 4, 2, blocked=True)
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    codes = encode(labels)[1]
    if n_folds < 2:
        raise InputError(f"cross-validation was asked for with {n_folds} folds, not two or more")
    if blocked:
        _check_enough(len(codes), n_folds, "trials")
        return np.arange(len(codes), dtype=np.int64) * n_folds // len(codes)
    _check_enough(int(np.bincount(codes).min()), n_folds, "trials of the rarest label")
    if groups is None:
        splitter: Any = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        return _numbered(splitter.split(codes, codes), len(codes))
    named = np.asarray(groups)
    if named.shape != codes.shape:
        raise InputError(f"{len(codes)} trials have {named.shape} groups, not one each")
    _check_enough(len(np.unique(named)), n_folds, "groups")
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return _numbered(splitter.split(codes, codes, named), len(codes))


def encode(labels: npt.ArrayLike) -> tuple[npt.NDArray[Any], Integers]:
    """Return the distinct labels in order, and which of them each trial has."""
    array = np.asarray(labels)
    if array.ndim != 1 or not len(array):
        raise InputError(f"labels have the shape {array.shape}, not one for each trial")
    if array.dtype.kind == "f" and np.isnan(array).any():
        missing = int(np.flatnonzero(np.isnan(array))[0])
        raise InputError(f"the label of trial {missing} is NaN", hint="leave such trials out")
    classes, codes = np.unique(array, return_inverse=True)
    if len(classes) < 2:
        raise InputError(f"all {len(array)} trials have the label {classes.tolist()[0]!r}")
    return classes, codes.astype(np.int64)


def check_folds(folds: npt.ArrayLike, n_trials: int) -> Integers:
    """Return folds as integers from 0, none of them empty, or say what is wrong with them."""
    given = np.asarray(folds)
    if given.shape != (n_trials,) or given.dtype.kind not in "iu":
        raise InputError(
            f"{n_trials} trials were given folds of shape {given.shape} and type {given.dtype}",
            hint="make_folds(labels, 5) makes them",
        )
    found = np.unique(given)
    if len(found) < 2 or found[0] != 0 or found[-1] != len(found) - 1:
        raise InputError(f"folds are {found[:10].tolist()}, not 0, 1, … with trials in each")
    return given.astype(np.int64)


def _check_enough(available: int, wanted: int, what: str) -> None:
    if available < wanted:
        raise InputError(
            f"{wanted} folds need at least as many {what}, and there are {available}",
            hint=f"n_folds={available}" if available >= 2 else "leave out labels that are rare",
        )


def _numbered(splits: Any, n_trials: int) -> Integers:
    folds = np.empty(n_trials, dtype=np.int64)
    for number, (_, tested) in enumerate(splits):
        folds[tested] = number
    return folds
