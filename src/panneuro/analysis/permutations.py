"""Tests by permutation: exact p-values, and the largest statistic of many tests at once.

Statistics of means need only sums over trials, so thousands of permutations are one product of
matrices: (permutations, trials) times (trials, tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.signals.arrays import LazyArray

threadpoolctl = need("threadpoolctl", "analysis", "Permutation tests")

type Floats = npt.NDArray[np.floating[Any]]
type Tail = Literal["greater", "less", "two-sided"]

BLOCK = 1024
"""Tests whose statistics are in memory at once."""

_SLACK = 1 - 1e-5
"""A statistic this near another is equal to it: sums in another order are rounded otherwise."""


@dataclass(frozen=True)
class Permuted:
    """What a permutation test found; axes of the tests are those of the samples after the first.

    Parameters
    ----------
    statistic : ndarray
        The observed statistic of each test.
    p : ndarray
        Exact p-value of each test by itself.
    p_max : ndarray
        p-value corrected for all tests, by the largest statistic of each permutation.
    largest : ndarray, shape (n_permutations,)
        The largest statistic of each permutation: the null distribution of `p_max`.
    """

    statistic: Floats
    p: Floats
    p_max: Floats
    largest: Floats


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
    found, drawn = np.asarray(observed, dtype=float), np.asarray(null, dtype=float)
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
    if tail not in tails:
        raise InputError(f"p-values have no tail {tail!r}", hint=f"tails: {', '.join(tails)}")
    return np.asarray(tails[tail])


def orders(
    n: int, n_permutations: int, seed: Seed, within: npt.ArrayLike | None = None
) -> npt.NDArray[np.intp]:
    """Draw permutations of `n` things, each from a stream of its own.

    Parameters
    ----------
    n : int
        How many things.
    n_permutations : int
        How many permutations.
    seed : int, SeedSequence or Generator
        The same seed gives the same permutations; the first ones do not depend on how many follow.
    within : array-like, shape (n,), optional
        Things change places only with those of the same value: a condition, a session.

    Returns
    -------
    ndarray of intp, shape (n_permutations, n)

    Examples
    --------
    >>> orders(4, 1, seed=0, within=[0, 0, 1, 1]).tolist()
    [[1, 0, 2, 3]]
    """
    _positive("permutations", n_permutations)
    groups = _groups(n, within)
    parent = root(seed)
    drawn = np.empty((n_permutations, n), dtype=np.intp)
    for index in range(n_permutations):
        random = stream(parent, index)
        for group in groups:
            drawn[index, group] = random.permutation(group)
    return drawn


def _groups(n: int, within: npt.ArrayLike | None) -> list[npt.NDArray[np.intp]]:
    if within is None:
        return [np.arange(n)]
    values = np.asarray(within)
    if values.shape != (n,):
        raise InputError(f"{n} things are permuted within groups of shape {values.shape}")
    _, codes = np.unique(values, return_inverse=True)
    ordered = np.argsort(codes, kind="stable")
    return np.split(ordered, np.flatnonzero(np.diff(codes[ordered])) + 1)


def _positive(what: str, number: int) -> None:
    if number < 1:
        raise InputError(
            f"{number} {what} were asked for", hint=f"ask for at least 1 of the {what}"
        )


def f_test(
    samples: LazyArray,
    labels: npt.ArrayLike,
    *,
    n_permutations: int = 1000,
    seed: Seed = 0,
    within: npt.ArrayLike | None = None,
    executor: Executor | None = None,
) -> Permuted:
    r"""Test by permuting labels whether groups differ in their means, for many tests at once.

    The statistic is that of the one-way analysis of variance; of two groups it is Student's
    :math:`t^2`. With sums :math:`S_g` over the :math:`n_g` trials of a group, of values centred
    over all :math:`n` trials,

    .. math:: F = \frac{\sum_g S_g^2 / n_g}{\sum x^2 - \sum_g S_g^2 / n_g} \frac{n - G}{G - 1}.

    The total is the same for every permutation, so only the sums are computed anew.

    Parameters
    ----------
    samples : array-like, shape (n_trials, ...)
        One value of every test for each trial; float32 is kept, else float64. Read block by block
        along the second axis.
    labels : array-like, shape (n_trials,)
        The group of each trial.
    n_permutations : int
        Number of permutations; the observed labels are counted besides.
    seed : int, SeedSequence or Generator
        See :func:`orders`.
    within : array-like, shape (n_trials,), optional
        Labels are permuted only among trials of the same value.
    executor : Executor, optional
        Where blocks of tests are computed; the result does not depend on it.

    Raises
    ------
    InputError
        If lengths do not agree, there are fewer than two groups or no more trials than groups, or
        a value is not finite.

    References
    ----------
    Nichols & Holmes, Human Brain Mapping 15 (2002) 1-25, for the largest statistic.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> samples = random.normal(size=(40, 3))
    >>> samples[:20, 1] += 2
    >>> f_test(samples, np.arange(40) < 20, n_permutations=99).p_max.round(2)
    array([0.65, 0.01, 0.49])
    """
    design = f_design(labels, n_permutations, seed, within)
    return _test(samples, design, executor)


def sign_test(
    samples: LazyArray,
    *,
    n_permutations: int = 1000,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> Permuted:
    r"""Test by flipping signs whether means differ from zero, for many tests at once.

    The statistic is :math:`t^2` of Student's one-sample test. It is exact where values are
    symmetric about zero under the null hypothesis, as differences of paired samples are.

    Parameters
    ----------
    samples : array-like, shape (n_samples, ...)
        One value of every test for each subject, pair or trial.
    n_permutations, seed, executor
        As for :func:`f_test`.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(size=(20, 2)) + [0.0, 2.0]
    >>> sign_test(samples, n_permutations=99).p.round(2)
    array([0.11, 0.01])
    """
    return _test(samples, sign_design(int(samples.shape[0]), n_permutations, seed), executor)


@dataclass(frozen=True)
class Design:
    """Which trials are summed, for the observed labels and for each permutation.

    Parameters
    ----------
    labels : ndarray of integers, shape (1 + n_permutations, n_trials)
        The group of each trial from zero, or its sign; the observed ones come first.
    sizes : ndarray, shape (n_groups,)
        Trials of each group.
    between, residual : int
        Degrees of freedom.
    signed : bool
        Whether labels are signs: the mean is compared with zero, not groups with one another.
    """

    labels: npt.NDArray[np.integer[Any]]
    sizes: Floats
    between: int
    residual: int
    signed: bool

    def __post_init__(self) -> None:
        if self.residual < 1:
            raise InputError(
                f"a test has {self.labels.shape[1]} trials in {len(self.sizes)} groups",
                hint="there must be more trials than groups, and at least two",
            )

    def weights(self, group: int, dtype: np.dtype[Any]) -> Floats:
        """Return what each trial counts for in the sum of a group."""
        return (self.labels if self.signed else self.labels == group).astype(dtype)

    def cut(self, rows: slice) -> Design:
        """Return some of the permutations."""
        return replace(self, labels=self.labels[rows])


def f_design(
    labels: npt.ArrayLike, n_permutations: int, seed: Seed, within: npt.ArrayLike | None
) -> Design:
    """Lay out the labels of :func:`f_test` and their permutations."""
    given = np.asarray(labels)
    names, codes = np.unique(given, return_inverse=True)
    if given.ndim != 1 or len(names) < 2:
        raise InputError(f"groups are compared, and the labels name {len(names)}")
    n, groups = len(codes), len(names)
    small = codes.astype(np.min_scalar_type(groups))
    permuted = np.vstack([small, small[orders(n, n_permutations, seed, within)]])
    sizes = np.bincount(codes).astype(float)
    return Design(permuted, sizes, groups - 1, n - groups, signed=False)


def sign_design(n: int, n_permutations: int, seed: Seed) -> Design:
    """Draw the signs of :func:`sign_test`."""
    _positive("permutations", n_permutations)
    parent = root(seed)
    signs = np.ones((n_permutations + 1, n), dtype=np.int8)
    for index in range(n_permutations):
        signs[index + 1] = stream(parent, index).integers(0, 2, n) * 2 - 1
    return Design(signs, np.array([float(n)]), 1, n - 1, signed=True)


def _test(samples: LazyArray, design: Design, executor: Executor | None) -> Permuted:
    shape = tuple(samples.shape[1:])
    n_tests = int(np.prod(shape))
    if int(samples.shape[0]) != design.labels.shape[1]:
        raise InputError(f"{samples.shape[0]} trials have {design.labels.shape[1]} labels")
    if not n_tests:
        raise InputError(f"a test was asked of samples of shape {tuple(samples.shape)}: none")
    task = partial(_test_block, samples, design)
    results = list(spread(task, _blocks(samples), executor))
    largest: Floats = np.stack([found[2] for found in results]).max(axis=0)
    statistic = np.concatenate([found[0] for found in results])
    counts = np.concatenate([found[1] for found in results])
    p = (counts + 1) / len(largest)
    corrected = _against_all(statistic * _SLACK, np.sort(largest[1:]), "greater")
    return Permuted(
        statistic.reshape(shape), p.reshape(shape), corrected.reshape(shape), largest[1:]
    )


def _blocks(samples: LazyArray) -> Iterator[slice]:
    """Cut the second axis so that a block holds about `BLOCK` tests."""
    if len(samples.shape) == 1:
        yield slice(None)
        return
    per_row = max(1, int(np.prod(samples.shape[2:])))
    step = max(1, BLOCK // per_row)
    for start in range(0, int(samples.shape[1]), step):
        yield slice(start, start + step)


def _test_block(
    samples: LazyArray, design: Design, columns: slice
) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """Return the observed statistics, how many permutations reach them, and each one's largest."""
    block = samples[:] if len(samples.shape) == 1 else samples[:, columns]
    values, total = prepared(np.asarray(block), centred=not design.signed)
    explained = explained_share(values, total, design)
    counts = np.zeros(values.shape[1], dtype=np.int64)
    _count_reaching(explained, explained[0] * explained.dtype.type(_SLACK), counts)
    return (
        to_f(explained[0], design),
        counts,
        to_f(explained.max(axis=1), design),
    )


def prepared(block: npt.NDArray[Any], centred: bool) -> tuple[Floats, Floats]:
    """Return trials × tests, from their mean where asked, and the sum of squares of each test.

    Raises
    ------
    InputError
        If a value is not finite.
    """
    dtype = np.float32 if block.dtype == np.float32 else np.float64
    values: Floats = block.reshape(len(block), -1).astype(dtype)
    if not np.isfinite(values).all():
        raise InputError("a test was asked of samples that are not all finite")
    if centred:
        values -= values.mean(axis=0)
    return values, np.einsum("ij,ij->j", values, values)


def explained_share(values: Floats, total: Floats, design: Design) -> Floats:
    """Return the share of each test's sum of squares that each permutation's groups explain.

    Parameters
    ----------
    values : ndarray, shape (n_trials, n_tests)
        Samples, from their mean unless the design is of signs.
    total : ndarray, shape (n_tests,)
        Their sums of squares; a test that has none explains nothing.
    design : Design
        Which trials are summed.

    Returns
    -------
    ndarray, shape (1 + n_permutations, n_tests)
    """
    inverse = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
    with threadpoolctl.threadpool_limits(1, "blas"):
        if len(design.sizes) <= 2:
            # Centred values sum to zero, so the sums of two groups are one another's negative.
            share: Floats = design.weights(0, values.dtype) @ values
            _square(share, inverse * values.dtype.type((1 / design.sizes).sum()))
            return share
        return _share_of_groups(values, inverse, design)


def _share_of_groups(values: Floats, inverse: Floats, design: Design) -> Floats:
    share = np.zeros((len(design.labels), values.shape[1]), dtype=values.dtype)
    for group, size in enumerate(design.sizes):
        sums = design.weights(group, values.dtype) @ values
        _square(sums, inverse / values.dtype.type(size))
        share += sums
    return share


def to_f(share: Floats, design: Design) -> Floats:
    """Return the F statistic of shares of the sum of squares that are explained."""
    left = np.maximum(1 - share, 0)
    with np.errstate(divide="ignore"):
        ratio: Floats = share / left * share.dtype.type(design.residual / design.between)
    return ratio


@compiled
def _square(sums: Floats, scales: Floats) -> None:
    for row in range(sums.shape[0]):
        for test in range(sums.shape[1]):
            sums[row, test] *= sums[row, test] * scales[test]


@compiled
def _count_reaching(statistics: Floats, thresholds: Floats, counts: npt.NDArray[np.int64]) -> None:
    """Count for each test the permutations, after the first row, that reach its threshold."""
    for row in range(1, statistics.shape[0]):
        for test in range(statistics.shape[1]):
            counts[test] += statistics[row, test] >= thresholds[test]
