"""Which trials are held out together: the folds of cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from panneuro.analysis.blocks import check_number
from panneuro.analysis.labels import Integers, encode
from panneuro.analysis.reals import as_array
from panneuro.analysis.streams import Seed, child
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError


def make_folds(
    labels: npt.ArrayLike,
    n_folds: int = 5,
    *,
    groups: npt.ArrayLike | None = None,
    blocked: bool = False,
    seed: Seed = 0,
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
    seed : int, SeedSequence or Generator
        Of the shuffle; blocked folds draw nothing.

    Returns
    -------
    ndarray of int64, shape (n_trials,)
        From 0 to ``n_folds - 1``.

    Raises
    ------
    InputError
        If there are fewer trials of a label, or fewer groups, than folds; or blocks and groups are
        asked for at once.

    Examples
    --------
    >>> make_folds(["a", "b"] * 4, 2, blocked=True)
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    codes = encode(labels)[1]
    check_number("folds", n_folds, 2)
    if blocked and groups is not None:
        raise InputError(
            "folds were asked for both of consecutive trials and of groups",
            hint="name the blocks of trials as groups, or leave groups out",
        )
    if blocked:
        _check_enough(len(codes), n_folds, "trials")
        return np.arange(len(codes), dtype=np.int64) * n_folds // len(codes)
    _check_enough(int(np.bincount(codes).min()), n_folds, "trials of the rarest label")
    state = int(child(seed, 0).generate_state(1)[0])
    if groups is None:
        splitter: Any = StratifiedKFold(n_folds, shuffle=True, random_state=state)
        return _numbered(splitter.split(codes, codes), len(codes))
    names, named = group(groups, len(codes), "groups")
    _check_enough(len(names), n_folds, "groups")
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=state)
    return _numbered(splitter.split(codes, codes, named), len(codes))


def as_folds(folds: int | npt.ArrayLike, labels: npt.ArrayLike, seed: Seed = 0) -> Integers:
    """Return the fold of each trial: those that are given, checked, or as many as are asked for.

    Parameters
    ----------
    folds : int or array-like of int, shape (n_trials,)
        How many folds, drawn by :func:`make_folds`; or the fold of each trial, from 0.
    labels : array-like, shape (n_trials,)
        The label of each trial.
    seed : int, SeedSequence or Generator
        Of folds that are drawn.

    Returns
    -------
    ndarray of int64, shape (n_trials,)

    Raises
    ------
    InputError
        If there is not one fold for each trial, or a fold is empty.

    Examples
    --------
    >>> as_folds([0, 1, 1, 0], ["a", "a", "b", "b"])
    array([0, 1, 1, 0])
    """
    if isinstance(folds, int | np.integer):
        return make_folds(labels, int(folds), seed=seed)
    return check_folds(folds, len(as_array(labels, "labels")))


def check_folds(folds: npt.ArrayLike, n_trials: int) -> Integers:
    """Return folds as integers from 0, none of them empty, or say what is wrong with them."""
    given = as_array(folds, "folds")
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
