"""Many tests at once by permutation: each one's p-value, and that of the largest statistic.

Statistics of means need only sums over trials: (permutations, trials) zeros and ones times
(trials, tests), which :mod:`~panneuro.analysis.subset_sums` has for less than such a product costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number, ranges
from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import axes_of, encode
from panneuro.analysis.permutations import Floats, p_values, permute
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.subset_sums import Packed, pack, subset_sums
from panneuro.core.errors import InputError
from panneuro.core.memory import scratch
from panneuro.signals.arrays import LazyArray

BLOCK = 2048
"""Tests that are read at once."""

_AT_ONCE = 512
"""Tests that are computed at once, so that they are still in the cache when counted."""

_TOGETHER = 1024
"""Permutations that are looked through at once."""

SLACK = 1 - 1e-5
"""A statistic this near another is equal to it: sums in another order are rounded otherwise."""


def f_test(
    samples: LazyArray | xr.DataArray,
    labels: npt.ArrayLike,
    *,
    n_permutations: int = 1000,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
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
    within : array-like, shape (n_trials,), optional
        Labels are permuted only among trials of the same value: a session, a block.
    seed : int, SeedSequence or Generator
        Each permutation has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where blocks of tests are computed; the result does not depend on it.

    Returns
    -------
    Dataset
        ``statistic``, ``p`` of each test by itself and ``p_max``, corrected for all tests by the
        largest statistic of each permutation [1]_, over the axes of `samples` after the first;
        ``largest`` (permutation,), the null distribution of the last.

    Raises
    ------
    InputError
        If lengths do not agree, there are fewer than two groups or no more trials than groups, or
        a value is not finite.

    References
    ----------
    .. [1] Nichols & Holmes, Human Brain Mapping 15 (2002) 1-25.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> samples = random.normal(size=(40, 3))
    >>> samples[:20, 1] += 2
    >>> f_test(samples, np.arange(40) < 20, n_permutations=99).p_max.values.round(2)
    array([0.65, 0.01, 0.49])
    """
    return _test(_sliceable(samples), f_design(labels, n_permutations, seed, within), executor)


def sign_test(
    samples: LazyArray | xr.DataArray,
    *,
    n_permutations: int = 1000,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    r"""Test by flipping signs whether means differ from zero, for many tests at once.

    The statistic is :math:`t^2` of Student's one-sample test. It is exact where values are
    symmetric about zero under the null hypothesis, as differences of paired samples are.

    Parameters
    ----------
    samples : array-like, shape (n_samples, ...)
        One value of every test for each subject, pair or trial; float32 is kept, else float64.
    n_permutations : int
        Number of flips; the observed signs are counted besides.
    seed : int, SeedSequence or Generator
        Each flip has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where blocks of tests are computed; the result does not depend on it.

    Returns
    -------
    Dataset
        ``statistic``, ``p``, ``p_max`` and ``largest``, those of :func:`f_test`.

    Raises
    ------
    InputError
        If there are fewer than two samples, or a value is not finite.

    References
    ----------
    Nichols & Holmes, Human Brain Mapping 15 (2002) 1-25.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(size=(20, 2)) + [0.0, 2.0]
    >>> sign_test(samples, n_permutations=99).p.values.round(2)
    array([0.11, 0.01])
    """
    given = _sliceable(samples)
    return _test(given, sign_design(int(given.shape[0]), n_permutations, seed), executor)


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

    @cached_property
    def subsets(self) -> list[tuple[Packed, float]]:
        """The trials that are summed, packed, and by what to multiply the squares of the sums.

        Centred values sum to zero, so that the sums of one group, the last, follow from the others:
        those of two are one another's negative, and of more, :attr:`last` is for the negative sum.
        """
        if self.signed:
            return [(pack(self.labels > 0), 1 / self.sizes[0])]
        if len(self.sizes) == 2:
            return [(pack(self.labels == 0), (1 / self.sizes).sum())]
        return [(pack(self.labels == one), 1 / size) for one, size in enumerate(self.sizes[:-1])]

    @property
    def last(self) -> float:
        """By what to multiply the square of the sum of all sums, or zero where that is none."""
        return 0.0 if self.signed or len(self.sizes) == 2 else float(1 / self.sizes[-1])

    def cut(self, rows: slice) -> Design:
        """Return some of the permutations."""
        return replace(self, labels=self.labels[rows])


def f_design(
    labels: npt.ArrayLike, n_permutations: int, seed: Seed, within: npt.ArrayLike | None
) -> Design:
    """Lay out the labels of :func:`f_test` and their permutations."""
    names, codes = encode(labels)
    small = codes.astype(np.min_scalar_type(len(names)))
    permuted = np.vstack([small, permute(small, n_permutations, seed, within)])
    sizes = np.bincount(codes).astype(float)
    return Design(permuted, sizes, len(names) - 1, len(codes) - len(names), signed=False)


def sign_design(n: int, n_permutations: int, seed: Seed) -> Design:
    """Draw the signs of :func:`sign_test`."""
    check_number("permutations", n_permutations)
    parent = root(seed)
    signs = np.ones((n_permutations + 1, n), dtype=np.int8)
    for index in range(n_permutations):
        signs[index + 1] = stream(parent, index).integers(0, 2, n) * 2 - 1
    return Design(signs, np.array([float(n)]), 1, n - 1, signed=True)


def centred(block: npt.NDArray[Any], design: Design) -> tuple[Floats, Floats]:
    """Return trials × tests, from their mean unless the design is of signs, and its inverse power.

    Returns
    -------
    values : ndarray, shape (n_trials, n_tests)
    inverse : ndarray, shape (n_tests,)
        One by the sum of squares of each test; zero where that is zero: nothing is to explain.

    Raises
    ------
    InputError
        If a value or the sum of their squares is not finite.
    """
    single = block.dtype == np.float32
    real = block if block.dtype.kind in "iuf" else reals(block, "samples of a test")
    values: Floats = real.reshape(len(block), -1).astype(np.float32 if single else np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        if not design.signed:
            values -= values.mean(axis=0)
        total = np.einsum("ij,ij->j", values, values)
    if not np.isfinite(total).all():
        raise InputError(
            "a test was asked of samples that are not all finite, or whose squares are not"
        )
    return values, np.divide(1, total, out=np.zeros_like(total), where=total > 0)


def to_f(share: Floats, design: Design) -> Floats:
    """Return the F statistic of shares of the sum of squares that are explained."""
    left = np.maximum(1 - share, 0)
    with np.errstate(divide="ignore"):
        ratio: Floats = share / left * share.dtype.type(design.residual / design.between)
    return ratio


def _sliceable(samples: Any) -> Any:
    """Return what has a shape and can be sliced; lists become arrays."""
    given = samples if hasattr(samples, "shape") else as_array(samples, "samples")
    if not len(given.shape):
        raise InputError(f"a test was asked of {samples!r}", hint="give one row for each trial")
    return given


def _test(samples: Any, design: Design, executor: Executor | None) -> xr.Dataset:
    shape = tuple(samples.shape[1:])
    if int(samples.shape[0]) != design.labels.shape[1]:
        raise InputError(f"{samples.shape[0]} trials have {design.labels.shape[1]} labels")
    if not np.prod(shape):
        raise InputError(f"a test was asked of samples of shape {tuple(samples.shape)}: none")
    designs = [design.cut(rows) for rows in ranges(len(design.labels), _TOGETHER)]
    results = list(spread(partial(_test_block, samples, designs), _columns(samples), executor))
    statistic = to_f(np.concatenate([found[0] for found in results]), design)
    counts = np.concatenate([found[1] for found in results])
    largest = to_f(np.stack([found[2] for found in results]).max(axis=0), design)
    values = {
        "statistic": statistic,
        "p": (counts + 1) / (len(largest) + 1),
        "p_max": p_values(statistic * SLACK, largest),
    }
    dims, coordinates = axes_of(samples)
    named = {
        "statistic": "t²" if design.signed else "F",
        "p": "p",
        "p_max": "p (corrected for all tests)",
    }
    tests = {
        name: (dims, value.reshape(shape), {"units": "1", "long_name": named[name]})
        for name, value in values.items()
    }
    return xr.Dataset(tests | {"largest": ("permutation", largest)}, coordinates)


def _columns(samples: Any) -> Iterator[slice]:
    """Cut the second axis so that a block holds about `BLOCK` tests."""
    if len(samples.shape) == 1:
        yield slice(None)
        return
    step = max(1, BLOCK // max(1, int(np.prod(samples.shape[2:]))))
    for start in range(0, int(samples.shape[1]), step):
        yield slice(start, start + step)


def _test_block(
    samples: Any, designs: list[Design], columns: slice
) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """Return observed shares, how many permutations reach them, and each one's largest share."""
    block = samples[:] if len(samples.shape) == 1 else samples[:, columns]
    values, inverse = centred(np.asarray(block), designs[0])
    counts, observed = np.zeros(len(inverse), dtype=np.int64), np.zeros_like(inverse)
    largest = [np.zeros(len(design.labels), dtype=inverse.dtype) for design in designs]
    for design, highest in zip(designs, largest, strict=True):
        size = len(highest) * min(_AT_ONCE, len(inverse))
        room = scratch("explained shares", (size,), inverse.dtype)
        for part in ranges(len(inverse), _AT_ONCE):
            found = explained_shares(values[:, part], inverse[part], design, room)
            if design is designs[0]:
                observed[part] = abs(found[0])
            _tally(found, observed[part] * inverse.dtype.type(SLACK), counts[part], highest)
    # The observed labels reach themselves, and are no permutation.
    return observed, counts - 1, np.concatenate(largest)[1:]


def explained_shares(
    values: Floats, inverse: Floats, design: Design, room: Floats | None = None
) -> Floats:
    """Return the share of each test's sum of squares that each labelling explains.

    That of a mean below zero is negative: tests whose means differ in sign stay apart.

    Parameters
    ----------
    values, inverse : ndarray
        From :func:`centred`.
    design : Design
        The labellings.
    room : ndarray, shape (n,), optional
        Memory for them, at least as much as they take.

    Returns
    -------
    ndarray, shape (n_labellings, n_tests)
    """
    shape, kind = (len(design.labels), len(inverse)), inverse.dtype.type
    out = None if room is None else room[: shape[0] * shape[1]].reshape(shape)
    (packed, scale), *others = design.subsets
    found = subset_sums(values, packed, signed=design.signed, out=out)
    rest, sums = (found.copy(), np.empty_like(found)) if design.last else (found, found)
    _square(found, inverse * kind(scale), design.signed)
    for packed, scale in others:
        rest += subset_sums(values, packed, out=sums)
        _square(sums, inverse * kind(scale), design.signed)
        found += sums
    if design.last:
        _square(rest, inverse * kind(design.last), design.signed)
        found += rest
    return found


@compiled
def _square(sums: Floats, scales: Floats, signed: bool) -> None:
    for row in range(sums.shape[0]):
        for test in range(sums.shape[1]):
            value = sums[row, test]
            sums[row, test] = value * (abs(value) if signed else value) * scales[test]


@compiled
def _tally(
    found: Floats, thresholds: Floats, counts: npt.NDArray[np.int64], largest: Floats
) -> None:
    """Count for each test the permutations that reach its threshold; keep the largest of each."""
    for permutation in range(found.shape[0]):
        highest = largest[permutation]
        for test in range(found.shape[1]):
            value = abs(found[permutation, test])
            counts[test] += value >= thresholds[test]
            highest = max(highest, value)
        largest[permutation] = highest
