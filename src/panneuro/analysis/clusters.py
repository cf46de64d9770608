"""Clusters of neighbouring tests: which of them are larger than labels at random make them."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import xarray as xr

from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import axes_of
from panneuro.analysis.permutation_tests import (
    SLACK,
    Design,
    centred,
    f_design,
    sign_design,
    to_f,
)
from panneuro.analysis.permutations import Floats, p_values
from panneuro.analysis.streams import Seed, spread
from panneuro.core.errors import InputError

_IN_MEMORY = 32_000_000
"""Statistics that are in memory at once."""


def neighbours(*axes: int | npt.ArrayLike | scipy.sparse.sparray) -> scipy.sparse.csr_array:
    """Say which tests are neighbours, for tests laid out along several axes.

    Tests are neighbours if they differ on one axis only, and are neighbours there.

    Parameters
    ----------
    *axes : int or matrix
        For each axis its length, if it is ordered (times, frequencies); or a square matrix that is
        not zero where two (electrodes) are neighbours.

    Returns
    -------
    csr_array, shape (n_tests, n_tests)

    Raises
    ------
    InputError
        If there are no axes, one has no length, or a matrix is not square.

    Examples
    --------
    >>> neighbours(2, 2).toarray().astype(int)
    array([[0, 1, 1, 0],
           [1, 0, 0, 1],
           [1, 0, 0, 1],
           [0, 1, 1, 0]])
    """
    if not axes:
        raise InputError("neighbours were asked for along no axes")
    found = scipy.sparse.csr_array((1, 1), dtype=np.int8)
    for axis in axes:
        matrix = _axis(axis)
        here, there = (
            scipy.sparse.eye_array(size.shape[0], dtype=np.int8) for size in (found, matrix)
        )
        found = scipy.sparse.kron(found, there) + scipy.sparse.kron(here, matrix)
    return _without_zeros(found)


def _without_zeros(matrix: scipy.sparse.sparray) -> scipy.sparse.csr_array:
    """Return the matrix by rows; a zero that is stored would be a neighbour."""
    rows = scipy.sparse.csr_array(matrix, copy=True)
    rows.eliminate_zeros()
    return rows


def _axis(axis: int | npt.ArrayLike | scipy.sparse.sparray) -> scipy.sparse.csr_array:
    if isinstance(axis, int | np.integer):
        if axis < 1:
            raise InputError(f"neighbours were asked for along an axis of length {int(axis)}")
        row = scipy.sparse.eye_array(int(axis), k=1, dtype=np.int8)
        return scipy.sparse.csr_array(row + row.T)
    matrix = scipy.sparse.csr_array(axis) != 0
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"neighbours along an axis are a matrix of shape {matrix.shape}, not square"
        )
    either = (matrix + matrix.T).tolil()
    either.setdiag(False)
    return scipy.sparse.csr_array(either, dtype=np.int8)


def cluster_f_test(
    samples: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    threshold: float,
    *,
    adjacency: scipy.sparse.sparray | None = None,
    n_permutations: int = 1000,
    within: npt.ArrayLike | None = None,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Test by permuting labels whether groups differ anywhere among neighbouring tests.

    Tests with an F statistic over the threshold that are neighbours form a cluster; its mass is
    the sum of their statistics. A cluster's p-value is the share of permutations whose largest
    mass reaches its own. It says that groups differ; not where the difference begins or ends [1]_.

    Parameters
    ----------
    samples : array-like, shape (n_trials, ...)
        One value of every test for each trial; float32 is kept, else float64.
    labels : array-like, shape (n_trials,)
        The group of each trial.
    threshold : float
        What a statistic must exceed to be in a cluster: a quantile of the F distribution, as
        ``scipy.stats.f.ppf(0.95, groups - 1, n_trials - groups)``.
    adjacency : sparse array, shape (n_tests, n_tests), optional
        Which tests are neighbours, from :func:`neighbours`; by default those next to each other
        along the axes of `samples` after the first.
    n_permutations : int
        Number of permutations; the observed labels are counted besides.
    within : array-like, shape (n_trials,), optional
        Labels are permuted only among trials of the same value: a session, a block.
    seed : int, SeedSequence or Generator
        Each permutation has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where permutations are spread; the result does not depend on it.

    Returns
    -------
    Dataset
        Over the axes of `samples` after the first, ``statistic`` and ``cluster``, the number of
        the cluster that each test is in, from 1, or 0 of none; (cluster_number,): ``mass`` and
        ``p``, corrected for all clusters; (permutation,): ``largest``, the largest mass of each.

    Raises
    ------
    InputError
        If shapes do not agree, a value is not finite, or the threshold is not positive.

    References
    ----------
    .. [1] Maris & Oostenveld, J. Neurosci. Methods 164 (2007) 177-190; Sassenhagen & Draschkow,
       Psychophysiology 56 (2019) e13335.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(size=(40, 50))
    >>> samples[:20, 10:20] += 1.5
    >>> found = cluster_f_test(samples, np.arange(40) < 20, 4.0, n_permutations=199)
    >>> best = found.p.idxmin()
    >>> np.flatnonzero(found.cluster == best), float(found.p.min())
    (array([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]), 0.005)
    """
    design = f_design(labels, n_permutations, seed, within)
    return _cluster_test(samples, design, threshold, adjacency, executor)


def cluster_sign_test(
    samples: npt.ArrayLike | xr.DataArray,
    threshold: float,
    *,
    adjacency: scipy.sparse.sparray | None = None,
    n_permutations: int = 1000,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Test by flipping signs whether means differ from zero anywhere among neighbouring tests.

    The statistic is the square of Student's t; clusters hold tests of one sign only [1]_.

    Parameters
    ----------
    samples : array-like, shape (n_samples, ...)
        One value of every test for each subject, pair or trial; float32 is kept, else float64.
    threshold : float
        What a statistic must exceed to be in a cluster: the square of a quantile of Student's t.
    adjacency : sparse array, shape (n_tests, n_tests), optional
        Which tests are neighbours, from :func:`neighbours`; by default those next to each other
        along the axes of `samples` after the first.
    n_permutations : int
        Number of flips; the observed signs are counted besides.
    seed : int, SeedSequence or Generator
        Each flip has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where flips are spread; the result does not depend on it.

    Returns
    -------
    Dataset
        ``statistic``, ``cluster``, ``mass``, ``p`` and ``largest``, those of
        :func:`cluster_f_test`.

    Raises
    ------
    InputError
        If shapes do not agree, a value is not finite, or the threshold is not positive.

    References
    ----------
    .. [1] Maris & Oostenveld, J. Neurosci. Methods 164 (2007) 177-190.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(size=(30, 50))
    >>> samples[:, 10:20] -= 1
    >>> cluster_sign_test(samples, 4.0, n_permutations=199).p.values
    array([0.005, 0.37 ])
    """
    design = sign_design(len(np.asarray(samples)), n_permutations, seed)
    return _cluster_test(samples, design, threshold, adjacency, executor)


def _cluster_test(
    samples: npt.ArrayLike | xr.DataArray,
    design: Design,
    threshold: float,
    adjacency: scipy.sparse.sparray | None,
    executor: Executor | None,
) -> xr.Dataset:
    given = np.asarray(samples)
    shape = given.shape[1:]
    n_tests = int(np.prod(shape))
    edges = _without_zeros(neighbours(*shape) if adjacency is None else adjacency)
    _check(given, design, threshold, edges)
    values, inverse = centred(given, design)
    task = partial(_largest, values, inverse, threshold, edges)
    step = max(1, _IN_MEMORY // n_tests)
    parts = [design.cut(slice(start, start + step)) for start in range(1, len(design.labels), step)]
    largest = np.concatenate(list(spread(task, parts, executor)))
    first = design.cut(slice(0, 1))
    share = _shares(values, inverse, first)[0]
    labels, masses = np.zeros(n_tests, dtype=np.int32), np.empty(n_tests)
    n_clusters, _ = _fill(
        share, *_level(threshold, design), edges.indptr, edges.indices, labels, masses
    )
    mass = masses[:n_clusters].copy()
    dims, coordinates = axes_of(samples if isinstance(samples, xr.DataArray) else given)
    values_of = {
        "statistic": (dims, to_f(np.abs(share), design).reshape(shape)),
        "cluster": (dims, labels.reshape(shape)),
        "mass": ("cluster_number", mass),
        "p": ("cluster_number", p_values(mass * SLACK, largest)),
        "largest": ("permutation", largest),
    }
    return xr.Dataset(values_of, coordinates | {"cluster_number": np.arange(n_clusters) + 1})


def _level(threshold: float, design: Design) -> tuple[float, float]:
    """Return the share at which F is at the threshold, and the F of a share by its odds."""
    scale = design.residual / design.between
    return threshold / (threshold + scale), scale


def _check(
    samples: npt.NDArray[Any], design: Design, threshold: float, edges: scipy.sparse.csr_array
) -> None:
    n_tests = int(np.prod(samples.shape[1:]))
    if len(samples) != design.labels.shape[1]:
        raise InputError(f"{len(samples)} trials have {design.labels.shape[1]} labels")
    if not threshold > 0:
        raise InputError(f"the threshold of clusters is {threshold!r}, not over zero")
    if edges.shape != (n_tests, n_tests):
        raise InputError(
            f"{n_tests} tests have an adjacency of shape {edges.shape}",
            hint=f"neighbours({', '.join(map(str, samples.shape[1:]))})",
        )


def _shares(values: Floats, inverse: Floats, design: Design) -> Floats:
    """Return the share of each test's sum of squares that each labelling explains.

    That of a mean below zero is negative: tests whose means differ in sign stay apart.
    """
    (weights, scale), *others = design.weights(values.dtype)
    found: Floats = weights @ values
    _square(found, inverse * scale, design.signed)
    for weights, scale in others:
        sums = weights @ values
        _square(sums, inverse * scale, design.signed)
        found += sums
    return found


def _largest(
    values: Floats,
    inverse: Floats,
    threshold: float,
    edges: scipy.sparse.csr_array,
    design: Design,
) -> Floats:
    """Return the largest mass of each labelling of a design."""
    shares = _shares(values, inverse, design)
    largest = np.zeros(len(shares))
    _fill_each(shares, *_level(threshold, design), edges.indptr, edges.indices, largest)
    return largest


@compiled
def _square(sums: Floats, scales: Floats, signed: bool) -> None:
    for row in range(sums.shape[0]):
        for test in range(sums.shape[1]):
            value = sums[row, test]
            sums[row, test] = value * (abs(value) if signed else value) * scales[test]


@compiled
def _fill(
    share: Floats,
    level: float,
    scale: float,
    starts: npt.NDArray[np.int32],
    others: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int32],
    masses: Floats,
) -> tuple[int, npt.NDArray[np.int32]]:
    """Number the clusters from one and sum the statistics of each.

    Returns how many clusters there are, and the tests that are in one. Labels are zero before.
    """
    over = np.empty(share.size + 1, dtype=np.int32)
    n_over = 0
    for test in range(share.size):
        # Without a branch, of which the processor would guess many wrong.
        over[n_over] = test
        n_over += abs(share[test]) > level
    over = over[:n_over]
    for one in over:
        labels[one] = -1 if share[one] > 0 else -2
    waiting = np.empty(n_over, dtype=np.int32)
    found = 0
    for first in over:
        kind = labels[first]
        if kind > 0:
            continue
        masses[found] = 0
        found += 1
        labels[first] = found
        waiting[0] = first
        left = 1
        while left:
            left -= 1
            here = waiting[left]
            explained = abs(share[here])
            masses[found - 1] += scale * explained / max(1 - explained, 1e-12)
            for edge in range(starts[here], starts[here + 1]):
                other = others[edge]
                if labels[other] == kind:
                    labels[other] = found
                    waiting[left] = other
                    left += 1
    return found, over


@compiled
def _fill_each(
    shares: Floats,
    level: float,
    scale: float,
    starts: npt.NDArray[np.int32],
    others: npt.NDArray[np.int32],
    largest: Floats,
) -> None:
    labels = np.zeros(shares.shape[1], dtype=np.int32)
    masses = np.empty(shares.shape[1])
    for row in range(len(shares)):
        found, over = _fill(shares[row], level, scale, starts, others, labels, masses)
        for cluster in range(found):
            largest[row] = max(largest[row], masses[cluster])
        for test in over:
            labels[test] = 0
