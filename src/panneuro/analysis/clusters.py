"""Clusters of neighbouring tests: which of them are larger than labels at random make them."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import xarray as xr

from panneuro.analysis.adjacency import by_rows, neighbours
from panneuro.analysis.blocks import ranges
from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import axes_of
from panneuro.analysis.permutation_tests import (
    SLACK,
    Design,
    centred,
    explained_shares,
    f_design,
    sign_design,
    to_f,
)
from panneuro.analysis.permutations import Floats, p_values
from panneuro.analysis.reals import as_array
from panneuro.analysis.streams import Seed, spread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

_IN_MEMORY = 64_000_000
"""Statistics for which there is room at once; only those over the threshold take it."""
_IN_CACHE = 2**18
"""Statistics that are looked through while the processor has them at hand."""
_FEW = 16
"""Of so many tests one is over the threshold at most, or more room is made."""
_TOGETHER = 32
"""Statistics of which one glance tells that none is over the threshold, as most are not."""


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
        Which tests are neighbours, from :func:`~panneuro.analysis.adjacency.neighbours`; by
        default those next to each other along the axes of `samples` after the first, but for one
        named ``unit``: units have no order.
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
        Which tests are neighbours, from :func:`~panneuro.analysis.adjacency.neighbours`; by
        default those next to each other along the axes of `samples` after the first, but for one
        named ``unit``: units have no order.
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
    design = sign_design(len(np.atleast_1d(as_array(samples, "samples"))), n_permutations, seed)
    return _cluster_test(samples, design, threshold, adjacency, executor)


def _cluster_test(
    samples: npt.ArrayLike | xr.DataArray,
    design: Design,
    threshold: float,
    adjacency: scipy.sparse.sparray | None,
    executor: Executor | None,
) -> xr.Dataset:
    given = np.atleast_1d(as_array(samples, "samples"))
    shape = given.shape[1:]
    n_tests = int(np.prod(shape))
    edges = _edges(samples, shape, adjacency)
    _check(given, design, threshold, edges)
    values, inverse = centred(given, design)
    task = partial(_largest, values, inverse, threshold, edges)
    step = max(1, _IN_MEMORY // n_tests)
    parts = [design.cut(slice(start, start + step)) for start in range(1, len(design.labels), step)]
    largest = np.concatenate(list(spread(task, parts, executor)))
    share = explained_shares(values, inverse, design.cut(slice(0, 1)))[0]
    level, scale = _level(threshold, design)
    over = np.flatnonzero(np.abs(share) > share.dtype.type(level)).astype(np.int32)
    numbers, mass = np.zeros(len(over), dtype=np.int32), np.empty(len(over))
    places = np.zeros(n_tests, dtype=np.int32)
    n_clusters = _fill(over, share[over], scale, edges.indptr, edges.indices, places, numbers, mass)
    labels = np.zeros(n_tests, dtype=np.int32)
    labels[over] = numbers
    mass = mass[:n_clusters]
    dims, coordinates = axes_of(samples if isinstance(samples, xr.DataArray) else given)
    values_of = {
        "statistic": (
            dims,
            to_f(np.abs(share), design).reshape(shape),
            {"units": "1", "long_name": "t²" if design.signed else "F"},
        ),
        "cluster": (dims, labels.reshape(shape)),
        "mass": ("cluster_number", mass),
        "p": ("cluster_number", p_values(mass * SLACK, largest)),
        "largest": ("permutation", largest),
    }
    return xr.Dataset(values_of, coordinates | {"cluster_number": np.arange(n_clusters) + 1})


def _edges(
    samples: npt.ArrayLike | xr.DataArray,
    shape: tuple[int, ...],
    adjacency: scipy.sparse.sparray | None,
) -> scipy.sparse.csr_array:
    """Return which tests are neighbours: by default along all axes but that of units."""
    if adjacency is not None:
        return by_rows(adjacency)
    dims = samples.dims[1:] if isinstance(samples, xr.DataArray) else ()
    axes: list[int | scipy.sparse.sparray] = list(shape)
    for at, dim in enumerate(dims):
        if dim == "unit":
            axes[at] = scipy.sparse.csr_array((shape[at], shape[at]), dtype=np.int8)
    return neighbours(*axes)


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
    if not is_real(threshold, above=0):
        raise InputError(f"the threshold of clusters is {threshold!r}, not over zero")
    if edges.shape != (n_tests, n_tests):
        raise InputError(
            f"{n_tests} tests have an adjacency of shape {edges.shape}",
            hint=f"neighbours({', '.join(map(str, samples.shape[1:]))})",
        )


def _largest(
    values: Floats,
    inverse: Floats,
    threshold: float,
    edges: scipy.sparse.csr_array,
    design: Design,
) -> Floats:
    """Return the largest mass of each labelling of a design."""
    level, scale = _level(threshold, design)
    n_labellings, n_tests = len(design.labels), values.shape[1]
    step = max(1, _IN_CACHE // n_labellings)
    room = (n_labellings, step + n_tests // _FEW)
    over, kept = np.empty(room, dtype=np.int32), np.empty(room, dtype=values.dtype)
    space = np.empty(n_labellings * min(step, n_tests), dtype=values.dtype)
    counts = np.zeros(n_labellings, dtype=np.int64)
    for part in ranges(n_tests, step):
        if counts.max() + step > over.shape[1]:
            over, kept = (np.hstack([some, np.empty_like(some)]) for some in (over, kept))
        found = explained_shares(values[:, part], inverse[part], design, space)
        _keep(found, values.dtype.type(level), part.start, over, kept, counts)
    largest = np.zeros(n_labellings)
    _fill_each(over, kept, counts, scale, edges.indptr, edges.indices, largest)
    return largest


@compiled
def _keep(
    shares: Floats,
    level: np.floating[Any],
    offset: int,
    over: npt.NDArray[np.int32],
    kept: Floats,
    counts: npt.NDArray[np.int64],
) -> None:
    """Append the tests whose share is over a level, and their shares, to those of each row."""
    for row in range(shares.shape[0]):
        tests, values, here = over[row], kept[row], shares[row]
        n_over = counts[row]
        for first in range(0, here.size, _TOGETHER):
            some = here[first : first + _TOGETHER]
            found = 0
            for at in range(some.size):
                found += abs(some[at]) > level
            if found:
                for at in range(some.size):
                    if abs(some[at]) > level:
                        tests[n_over] = offset + first + at
                        values[n_over] = some[at]
                        n_over += 1
        counts[row] = n_over


@compiled
def _fill(
    over: npt.NDArray[np.int32],
    shares: Floats,
    scale: float,
    starts: npt.NDArray[np.int32],
    others: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int32],
    masses: Floats,
) -> int:
    """Number the clusters from one and sum the statistics of each; return how many there are.

    Parameters
    ----------
    over : ndarray of int32, shape (n_over,)
        The tests over the threshold, in order.
    shares : ndarray, shape (n_over,)
        Of the sum of squares, that they explain.
    scale : float
        The statistic of a share by its odds.
    starts, others : ndarray of int32
        The neighbours of each test, by rows.
    places : ndarray of int32, shape (n_tests,)
        Zeros, and so left behind.
    numbers : ndarray of int32, shape (n_over,)
        Zeros, to be the number of each one's cluster.
    masses : ndarray, shape (n_over,)
        To be the mass of each cluster.
    """
    for at in range(over.size):
        places[over[at]] = at + 1
    waiting = np.empty(over.size, dtype=np.int32)
    found = 0
    for first in range(over.size):
        if numbers[first]:
            continue
        mass, above = 0.0, shares[first] > 0
        found += 1
        numbers[first] = found
        waiting[0] = first
        left = 1
        while left:
            left -= 1
            here = waiting[left]
            explained = abs(shares[here])
            mass += scale * explained / max(1 - explained, 1e-12)
            for edge in range(starts[over[here]], starts[over[here] + 1]):
                other = places[others[edge]] - 1
                if other >= 0 and numbers[other] == 0 and (shares[other] > 0) == above:
                    numbers[other] = found
                    waiting[left] = other
                    left += 1
        masses[found - 1] = mass
    for test in over:
        places[test] = 0
    return found


@compiled
def _fill_each(
    over: npt.NDArray[np.int32],
    shares: Floats,
    counts: npt.NDArray[np.int64],
    scale: float,
    starts: npt.NDArray[np.int32],
    others: npt.NDArray[np.int32],
    largest: Floats,
) -> None:
    places = np.zeros(starts.size - 1, dtype=np.int32)
    for row in range(over.shape[0]):
        n_over = counts[row]
        numbers, masses = np.zeros(n_over, dtype=np.int32), np.empty(n_over)
        found = _fill(
            over[row, :n_over], shares[row, :n_over], scale, starts, others, places, numbers, masses
        )
        for cluster in range(found):
            largest[row] = max(largest[row], masses[cluster])
