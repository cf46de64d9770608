"""Tests of noise correlations: means equal those of pairs, errors are as often as asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from panneuro.analysis.correlation_tests import noise_correlation_test, noise_correlation_type_test
from panneuro.analysis.correlations import mean_by_area, noise_correlations
from panneuro.core.errors import InputError

AREAS = np.array(["V1", "LM", "V1", "AL", "LM", "V1"])
SHOWN = np.arange(120) % 8


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_means_are_those_of_pairs(random):
    counts = random.poisson(2 + random.random((120, 1)), (120, 6))
    found = noise_correlation_test(counts, SHOWN, AREAS, n_permutations=9)
    expected = mean_by_area(noise_correlations(counts, SHOWN), AREAS)
    np.testing.assert_allclose(found["mean"], expected, atol=1e-6)
    assert np.isnan(found.p.sel(area="AL", other_area="AL"))
    with ThreadPoolExecutor(2) as executor:
        again = noise_correlation_test(counts, SHOWN, AREAS, n_permutations=9, executor=executor)
    assert found.identical(again)


def test_the_null_is_that_of_shuffling(random):
    counts = random.normal(size=(120, 6)) + 0.7 * random.normal(size=(120, 1))
    found = noise_correlation_test(counts, SHOWN, AREAS, n_permutations=400)
    drawn = []
    for _ in range(200):
        shuffled = counts.copy()
        for unit in range(6):
            for condition in range(8):
                rows = np.flatnonzero(condition == SHOWN)
                shuffled[rows, unit] = random.permutation(shuffled[rows, unit])
        drawn.append(mean_by_area(noise_correlations(shuffled, SHOWN), AREAS))
    np.testing.assert_allclose(found.null_sd, np.std(drawn, axis=0), rtol=0.25)
    assert (found.p.fillna(0) < 0.01).all()


def test_independent_units_are_seldom_significant(random):
    found = [
        noise_correlation_test(
            random.normal(size=(120, 6)), SHOWN, AREAS, n_permutations=39, seed=seed
        ).p.values
        for seed in range(60)
    ]
    assert np.nanmean(np.stack(found) <= 0.05) < 0.09


def test_types_that_differ_are_told(random):
    kinds = np.where(SHOWN < 4, "gratings", "images")
    shared = random.normal(size=(120, 1)) * (kinds == "images")[:, None]
    counts = random.normal(size=(120, 6)) + 1.5 * shared
    for exchange in ("condition", "trial"):
        found = noise_correlation_type_test(
            counts, SHOWN, kinds, AREAS, exchange=exchange, n_permutations=199
        )
        pair = found.sel(area="V1", other_area="LM")
        assert pair.p_max < 0.08
        assert pair["mean"].sel(type="images") > pair["mean"].sel(type="gratings") + 0.3
    assert np.isnan(found.p.sel(area="AL", other_area="AL"))


def test_types_that_do_not_differ_are_seldom_told(random):
    kinds = np.where(SHOWN < 4, "a", "b")
    found = []
    for seed in range(60):
        counts = random.normal(size=(120, 6)) + random.normal(size=(120, 1))
        test = noise_correlation_type_test(
            counts, SHOWN, kinds, AREAS, n_permutations=39, seed=seed
        )
        found.append(np.nanmin(test.p_max) <= 0.05)
    assert np.mean(found) < 0.12


def test_a_quantity_of_trials_has_the_mean_of_pairs(random):
    """What is compared is the mean correlation: F of two types is large where the means differ."""
    kinds = np.where(SHOWN < 4, "a", "b")
    counts = random.normal(size=(120, 6))
    found = noise_correlation_type_test(counts, SHOWN, kinds, AREAS, n_permutations=9)
    expected = mean_by_area(noise_correlations(counts, SHOWN, types=kinds), AREAS)
    np.testing.assert_allclose(found["mean"], expected)


def test_refusals(random):
    counts = random.normal(size=(120, 6))
    with pytest.raises(InputError, match="areas"):
        noise_correlation_test(counts, SHOWN, AREAS[:5])
    with pytest.raises(InputError, match="permutations"):
        noise_correlation_test(counts, SHOWN, AREAS, n_permutations=0)
    with pytest.raises(InputError, match="'session'"):
        noise_correlation_type_test(counts, SHOWN, SHOWN, AREAS, exchange="session")
    counts[:, 2] = 1
    with pytest.raises(InputError, match="do not vary"):
        noise_correlation_test(counts, SHOWN, AREAS)
