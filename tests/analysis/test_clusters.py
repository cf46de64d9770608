"""Cluster tests: clusters against SciPy's labels, masses, and errors under the null."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from panneuro.analysis.adjacency import neighbours
from panneuro.analysis.clusters import cluster_f_test, cluster_sign_test
from panneuro.analysis.permutations import permute
from panneuro.core.errors import InputError


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.tuples(*[st.integers(1, 5)] * 3))
def test_clusters_are_those_of_scipy(seed, shape):
    samples = np.random.default_rng(seed).normal(size=(12, *shape))
    found = cluster_f_test(samples, np.arange(12) % 2, 1.0, n_permutations=3)
    labels, n_labels = ndimage.label(found.statistic > 1.0)
    np.testing.assert_array_equal(found.cluster, labels)
    masses = ndimage.sum_labels(found.statistic.values, labels, np.arange(n_labels) + 1)
    np.testing.assert_allclose(found.mass, masses)


def test_units_are_nobodys_neighbours():
    samples = np.random.default_rng(6).normal(size=(30, 3, 20))
    samples[::2, :, 5:10] += 4
    named = xr.DataArray(samples, dims=("trial", "unit", "time"))
    both = (
        cluster_f_test(of, np.arange(30) % 2, 20.0, n_permutations=9) for of in (samples, named)
    )
    assert [len(found.mass) for found in both] == [1, 3]


def test_signs_stay_apart():
    samples = np.random.default_rng(0).normal(size=(30, 20))
    samples[:, :10] += 3
    samples[:, 10:] -= 3
    found = cluster_sign_test(samples, 4.0, n_permutations=99)
    assert len(found.mass) == 2
    assert (found.cluster == np.repeat([1, 2], 10)).all()
    assert (found.p == 0.01).all()


def test_the_null_is_rejected_as_often_as_asked():
    random = np.random.default_rng(1)
    rejected = 0
    for seed in range(120):
        samples = random.normal(size=(16, 40))
        found = cluster_f_test(samples, np.arange(16) % 2, 3.0, n_permutations=39, seed=seed)
        rejected += bool((found.p <= 0.05).any())
    assert rejected <= 15


def test_nothing_depends_on_the_executor(monkeypatch):
    monkeypatch.setattr("panneuro.analysis.clusters._IN_MEMORY", 200)
    samples = np.random.default_rng(2).normal(size=(20, 6, 7))
    labels = np.arange(20) % 2
    one = cluster_f_test(samples, labels, 2.0, n_permutations=30)
    with ThreadPoolExecutor(3) as executor:
        two = cluster_f_test(samples, labels, 2.0, n_permutations=30, executor=executor)
    np.testing.assert_array_equal(one.largest, two.largest)


def test_no_cluster_is_an_answer():
    found = cluster_f_test(np.random.default_rng(3).normal(size=(10, 4)), [0, 1] * 5, 1e6)
    assert found.mass.size == found.p.size == 0
    assert not found.cluster.any()


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.nan])
def test_a_threshold_is_over_zero(threshold):
    with pytest.raises(InputError, match="threshold"):
        cluster_f_test(np.ones((4, 2)), [0, 1] * 2, threshold)


def test_adjacency_must_fit():
    with pytest.raises(InputError, match="adjacency"):
        cluster_f_test(np.eye(4), [0, 1] * 2, 1.0, adjacency=neighbours(3))


def test_room_is_made_for_tests_of_which_most_are_over_the_threshold(monkeypatch):
    samples = np.random.default_rng(4).normal(size=(12, 30, 30))
    labels = np.arange(12) % 2
    whole = cluster_f_test(samples, labels, 0.01, n_permutations=20)
    monkeypatch.setattr("panneuro.analysis.clusters._IN_CACHE", 700)
    cut = cluster_f_test(samples, labels, 0.01, n_permutations=20)
    np.testing.assert_allclose(whole.largest, cut.largest, rtol=1e-12)
    for permutation in range(3):
        shuffled = permute(labels, 20, 0)[permutation]
        assert whole.largest[permutation] == pytest.approx(
            float(cluster_f_test(samples, shuffled, 0.01, n_permutations=1).mass.max())
        )
