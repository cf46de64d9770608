"""Permutations, and the exact p-values that they give."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import check_number
from panneuro.analysis.kinds import check_choice
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed, root, stream
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError

type Floats = npt.NDArray[np.floating[Any]]
type Tail = Literal["greater", "less", "two-sided"]


def p_values(observed: npt.ArrayLike, null: npt.ArrayLike, tail: Tail = "greater") -> Floats:
    """Return exact p-values, ``(b + 1) / (m + 1)``, of which none is zero.

    `b` of the `m` null values are at least as extreme as the observed one [1]_. Two-sided is twice
    the smaller tail.

    Parameters
    ----------
    observed : array-like, shape (...)
        Observed statistics.
    null : array-like, shape (n_permutations, ...)
        Their values under the null hypothesis; or of shape ``(n_permutations,)`` for all of them.
    tail : {"greater", "less", "two-sided"}
        Which values are extreme.

    Returns
    -------
    ndarray of float64, of the shape of `observed`

    Raises
    ------
    InputError
        If there are no null values, shapes do not agree, or something is not a number.

    References
    ----------
    .. [1] Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39.

    Examples
    --------
    >>> float(p_values(3.0, [1.0, 2.0, 4.0]))
    0.5
    """
    found, drawn = reals(observed, "statistics"), reals(null, "values of a null distribution")
    if np.isnan(found).any() or np.isnan(drawn).any():
        raise InputError("p-values were asked of statistics that are not numbers")
    if drawn.ndim == 0 or len(drawn) == 0:
        raise InputError("p-values were asked of a null distribution without values")
    if drawn.ndim == 1 and found.ndim:
        return _against_all(found, np.sort(drawn), tail)
    if drawn.shape[1:] != found.shape:
        raise InputError(f"statistics of shape {found.shape} have a null of {drawn.shape[1:]}")
    above = ((drawn >= found).sum(axis=0) + 1) / (len(drawn) + 1)
    below = ((drawn <= found).sum(axis=0) + 1) / (len(drawn) + 1)
    return _of_tail(above, below, tail)


def _against_all(found: Floats, drawn: Floats, tail: Tail) -> Floats:
    """Compare many statistics with one sorted null distribution."""
    above = (len(drawn) - np.searchsorted(drawn, found, "left") + 1) / (len(drawn) + 1)
    below = (np.searchsorted(drawn, found, "right") + 1) / (len(drawn) + 1)
    return _of_tail(above, below, tail)


def _of_tail(above: Floats, below: Floats, tail: Tail) -> Floats:
    tails = {
        "greater": above,
        "less": below,
        "two-sided": np.minimum(1.0, 2 * np.minimum(above, below)),
    }
    check_choice("tail", tail, tails)
    return np.asarray(tails[tail])


def permute(
    values: npt.ArrayLike, n_permutations: int, seed: Seed, within: npt.ArrayLike | None = None
) -> npt.NDArray[Any]:
    """Permute values again and again, each time from a stream of random numbers of its own.

    Parameters
    ----------
    values : array-like, shape (n,)
        Labels of trials; or ``np.arange(n)``, to permute something else by them.
    n_permutations : int
        How many permutations.
    seed : int, SeedSequence or Generator
        The same seed gives the same permutations; the first ones do not depend on how many follow.
    within : array-like, shape (n,), optional
        Values change places only with those of the same group: a condition, a session.

    Returns
    -------
    ndarray, shape (n_permutations, n)
        In the values' dtype; NaN among them change places as the others do.

    Raises
    ------
    InputError
        If no permutation is asked for, or there is not one group for each value.

    Examples
    --------
    >>> permute(["a", "b", "c", "d"], 1, seed=0, within=[0, 0, 1, 1]).tolist()
    [['b', 'a', 'c', 'd']]
    """
    check_number("permutations", n_permutations)
    given = as_array(values, "values to permute")
    if given.ndim != 1:
        raise InputError(f"values to permute have the shape {given.shape}, not one row")
    groups = _groups(len(given), within)
    parent = root(seed)
    drawn = np.empty((n_permutations, len(given)), dtype=given.dtype)
    for index, row in enumerate(drawn):
        random = stream(parent, index)
        for members in groups:
            row[members] = random.permutation(given[members])
    return drawn


def _groups(n: int, within: npt.ArrayLike | None) -> list[npt.NDArray[np.intp]]:
    if within is None:
        return [np.arange(n)]
    _, codes = group(within, n, "groups")
    ordered = np.argsort(codes, kind="stable")
    return np.split(ordered, np.flatnonzero(np.diff(codes[ordered])) + 1)
