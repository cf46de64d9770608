"""Whether noise correlations between areas are there, and whether the kind of stimulus matters."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.compiling import compiled
from panneuro.analysis.correlations import mean_by_area, noise_correlations
from panneuro.analysis.permutation_tests import f_test
from panneuro.analysis.permutations import p_values
from panneuro.analysis.reals import as_array
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.analysis.trial_counts import Floats, Integers, TrialCounts
from panneuro.analysis.windows import group
from panneuro.core.errors import InputError

_MEAN = {"units": "1", "long_name": "mean noise correlation"}


def noise_correlation_test(
    counts: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike,
    areas: npt.ArrayLike,
    *,
    n_permutations: int = 1000,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Test whether the mean noise correlation within and across areas differs from chance.

    Under the null hypothesis units vary independently: each unit's trials are shuffled within
    each condition, every unit by itself. Sums of units are all that the mean needs, so no
    permutation computes a correlation of a pair.

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spike counts or any other response.
    conditions : array-like, shape (n_trials,)
        Which stimulus was shown; conditions with one trial are left out.
    areas : array-like, shape (n_units,)
        The area of each unit.
    n_permutations : int
        The smallest p-value is two by this plus one.
    seed : int, SeedSequence or Generator
        Each permutation has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where permutations are spread; the result does not depend on it.

    Returns
    -------
    Dataset, dims (area, other_area)
        ``mean``, the mean correlation of pairs; ``null_sd`` of its permutations; and the
        two-sided ``p``, which is NaN where there is no pair.

    Raises
    ------
    InputError
        If lengths do not agree, a value is not finite, no condition has two trials, or a unit does
        not vary within conditions.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> counts = random.normal(size=(200, 8)) + 0.5 * random.normal(size=(200, 1))
    >>> areas, shown = np.repeat(["V1", "LM"], 4), np.arange(200) % 5
    >>> found = noise_correlation_test(counts, shown, areas, n_permutations=99)
    >>> float(found.p.sel(area="V1", other_area="LM"))
    0.02
    """
    check_number("permutations", n_permutations)
    trials = TrialCounts.of(counts, conditions)
    names, codes = group(areas, len(trials.units), "areas")
    scaled = np.ascontiguousarray(_scaled(trials).T)
    sizes = np.bincount(codes).astype(float)
    task = partial(_shuffled_mean, scaled, trials.ends, codes, sizes, root(seed))
    null = np.stack(list(spread(task, range(n_permutations), executor)))
    observed = _mean(_area_sums(scaled.T, codes, len(names)), sizes)
    there = ~np.isnan(observed)
    p = np.full(observed.shape, np.nan)
    p[there] = p_values(observed[there], null[:, there], "two-sided")
    dims = ("area", "other_area")
    values = {"null_sd": (dims, null.std(axis=0)), "p": (dims, p)}
    coordinates = {"area": names, "other_area": names}
    return xr.Dataset({"mean": (dims, observed, _MEAN), **values}, coordinates)


def _scaled(trials: TrialCounts) -> Floats:
    """Return residuals of all trials, scaled so that the product of two units is a correlation."""
    found = np.concatenate([trials.residuals(block)[0] for block in trials.blocks()])
    norms = np.sqrt(np.einsum("ij,ij->j", found, found, dtype=np.float64))
    if not (norms > 0).all():
        silent = trials.units[norms == 0]
        raise InputError(
            f"{len(silent)} units do not vary within conditions, first {silent[0]!r}",
            hint="leave them out",
        )
    scaled: Floats = found / norms.astype(np.float32)
    return scaled


def _area_sums(scaled: Floats, codes: Integers, n_areas: int) -> Floats:
    """Sum the units of each area, shape (n_areas, n_trials)."""
    member = (codes == np.arange(n_areas)[:, None]).astype(np.float32)
    return np.asarray(member @ scaled.T)


def _mean(sums: Floats, sizes: Floats) -> Floats:
    """Return the mean correlation of pairs from sums of units; NaN where there is no pair."""
    wide = sums.astype(np.float64)
    # Each unit is one with itself, and makes no pair.
    total = wide @ wide.T - np.diag(sizes)
    n_pairs = np.outer(sizes, sizes) - np.diag(sizes)
    means: Floats = np.full(total.shape, np.nan)
    return np.asarray(np.divide(total, n_pairs, out=means, where=n_pairs > 0))


def _shuffled_mean(
    scaled: Floats,
    ends: Integers,
    codes: Integers,
    sizes: Floats,
    seed: np.random.SeedSequence,
    index: int,
) -> Floats:
    sums = np.zeros((len(sizes), scaled.shape[1]), dtype=np.float32)
    state = stream(seed, index).integers(1, 2**63, dtype=np.uint64)
    _add_shuffled(scaled, ends, codes, state, sums)
    return _mean(sums, sizes)


@compiled
def _add_shuffled(
    scaled: Floats, ends: Integers, codes: Integers, state: np.uint64, sums: Floats
) -> None:
    """Shuffle each unit within each condition, and add it to its area."""
    row = np.empty(scaled.shape[1], dtype=scaled.dtype)
    for unit in range(scaled.shape[0]):
        row[:] = scaled[unit]
        into = sums[codes[unit]]
        first = 0
        for condition in range(ends.size):
            for place in range(ends[condition] - 1, first, -1):
                # Marsaglia's xorshift64; its upper half, scaled, is an integer below a bound.
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                bound = np.uint64(place - first + 1)
                other = first + np.int64(((state >> np.uint64(32)) * bound) >> np.uint64(32))
                row[place], row[other] = row[other], row[place]
            first = ends[condition]
        for place in range(row.size):
            into[place] += row[place]


def noise_correlation_type_test(
    counts: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike,
    types: npt.ArrayLike,
    areas: npt.ArrayLike,
    *,
    exchange: Literal["condition", "trial"] = "condition",
    n_permutations: int = 1000,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Test whether noise correlations within and across areas differ between kinds of stimulus.

    Residuals of each unit are scaled to unit variance in each type. The mean over pairs of units
    of their products is then a quantity of each trial, whose mean over the trials of a type is the
    mean correlation; types are compared by :func:`panneuro.analysis.permutation_tests.f_test`.

    Parameters
    ----------
    counts : array-like, shape (n_trials, n_units)
        Spike counts or any other response.
    conditions : array-like, shape (n_trials,)
        Which stimulus was shown; conditions with one trial are left out.
    types : array-like, shape (n_trials,)
        The kind of stimulus of each trial.
    areas : array-like, shape (n_units,)
        The area of each unit.
    exchange : {"condition", "trial"}
        What is permuted between types. Whole conditions are exchangeable whatever their trials
        have in common; trials give more power where a type has few conditions, and are
        exchangeable where each condition has many trials.
    n_permutations : int
        Number of permutations; the observed types are counted besides.
    seed : int, SeedSequence or Generator
        Each permutation has a stream of its own.
    executor : concurrent.futures.Executor, optional
        Where pairs of areas are spread; the result does not depend on it.

    Returns
    -------
    Dataset
        ``mean``, dims (type, area, other_area); ``f``, ``p``, and ``p_max`` that is corrected for
        all pairs of areas, dims (area, other_area). NaN where there is no pair.

    Raises
    ------
    InputError
        If lengths do not agree, a value is not finite, a type has no condition with two trials, a
        unit does not vary within a type, or there are no more conditions than types.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> shared = random.normal(size=(400, 1)) * (np.arange(400) < 200)[:, None]
    >>> counts, areas = random.normal(size=(400, 8)) + shared, np.repeat(["V1", "LM"], 4)
    >>> shown, kinds = np.arange(400) // 20, np.arange(400) // 200
    >>> found = noise_correlation_type_test(counts, shown, kinds, areas, n_permutations=99)
    >>> float(found.p_max.sel(area="V1", other_area="LM"))
    0.01
    """
    kinds = as_array(types, "types")
    group(kinds, len(np.atleast_1d(as_array(counts, "responses"))), "types")
    values, shown, kind, names = _pair_products(counts, conditions, kinds, areas)
    if exchange == "condition":
        _, first, where = np.unique(shown, return_index=True, return_inverse=True)
        totals = np.zeros((len(first), values.shape[1]))
        np.add.at(totals, where, values)
        values, kind = totals / np.bincount(where)[:, None], kind[first]
    elif exchange != "trial":
        raise InputError(f"types exchange {exchange!r}", hint="exchange: condition, trial")
    found = f_test(values, kind, n_permutations=n_permutations, seed=seed, executor=executor)
    mean = mean_by_area(noise_correlations(counts, conditions, types=kinds), areas)
    dims = ("area", "other_area")
    filled = {"f": found.statistic.values, "p": found.p.values, "p_max": found.p_max.values}
    tests = {name: (dims, _square(value, len(names))) for name, value in filled.items()}
    return xr.Dataset({"mean": mean, **tests}).where(mean.notnull().all("type"))


def _pair_products(
    counts: npt.ArrayLike | xr.DataArray,
    conditions: npt.ArrayLike,
    kinds: npt.NDArray[np.str_],
    areas: npt.ArrayLike,
) -> tuple[Floats, Integers, npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """Return mean products of pairs for each trial and pair of areas, with conditions and types."""
    rows = counts if isinstance(counts, xr.DataArray) else np.asarray(counts)
    _, shown = group(conditions, len(kinds))
    values, conditions_of, kinds_of = [], [], []
    offset = 0
    for name in np.unique(kinds):
        trials = TrialCounts.of(rows[kinds == name], shown[kinds == name])
        names, codes = group(areas, len(trials.units), "areas")
        scaled = _scaled(trials) * np.float32(np.sqrt(len(trials.order)))
        values.append(_trial_products(scaled, codes, len(names)))
        conditions_of.append(np.repeat(np.arange(len(trials.ends)) + offset, trials.sizes))
        kinds_of.append(np.full(len(trials.order), name))
        offset += len(trials.ends)
    return np.concatenate(values), np.concatenate(conditions_of), np.concatenate(kinds_of), names


def _trial_products(scaled: Floats, codes: Integers, n_areas: int) -> Floats:
    """Return for each trial the mean product of pairs of each two areas, the upper triangle."""
    sums = _area_sums(scaled, codes, n_areas).astype(np.float64)
    own = _area_sums(scaled**2, codes, n_areas)
    sizes = np.bincount(codes).astype(float)
    first, second = np.triu_indices(n_areas)
    within = first == second
    products = sums[first] * sums[second]
    products[within] -= own[first[within]]
    n_pairs = sizes[first] * (sizes[second] - within)
    return np.asarray((products / np.maximum(n_pairs, 1)[:, None]).T)


def _square(values: Floats, n_areas: int) -> Floats:
    """Lay the upper triangle out as a symmetric matrix."""
    out = np.empty((n_areas, n_areas))
    first, second = np.triu_indices(n_areas)
    out[first, second] = out[second, first] = values
    return out
