"""Isolation grows as clouds of features part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chi2

from panneuro.analysis.isolation import isolation, isolation_table
from panneuro.core.errors import InputError


def clouds(apart, n=400, d=4, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(d, d))
    own = random.normal(size=(n, d)) @ mixing
    other = random.normal(apart, 1, (2 * n, d)) @ mixing
    order = random.permutation(3 * n)
    return np.concatenate([own, other])[order], np.repeat([7, 8, 9], n)[order]


def test_distances_are_mahalanobis():
    features, labels = clouds(2)
    own, other = features[labels == 7], features[labels != 7]
    inverse = np.linalg.inv(np.cov(own.T))
    far = np.sort(cdist(own.mean(0)[None], other, "mahalanobis", VI=inverse)[0] ** 2)
    found = isolation(features, labels, 7)
    assert found.isolation_distance == pytest.approx(far[len(own) - 1])
    assert found.l_ratio == pytest.approx(np.sum(1 - chi2.cdf(far, 4)) / len(own))


def test_all_metrics_improve_as_clouds_part():
    near, far = (isolation(*clouds(apart), 7) for apart in (0.5, 6))
    assert near.isolation_distance < far.isolation_distance
    assert near.l_ratio > far.l_ratio
    assert near.d_prime < far.d_prime
    assert near.nn_hit_rate < far.nn_hit_rate == 1
    assert near.nn_miss_rate > far.nn_miss_rate == 0


def test_metrics_do_not_depend_on_the_scale_of_all_features():
    features, labels = clouds(2)
    one, other = isolation(features, labels, 7), isolation(features * 1e-6, labels, 7)
    assert other.isolation_distance == pytest.approx(one.isolation_distance)
    assert other.nn_hit_rate == one.nn_hit_rate


def test_spikes_are_thinned_evenly():
    features, labels = clouds(6)
    assert isolation(features, labels, 7, max_spikes=300).nn_hit_rate == 1


def test_a_flat_feature_leaves_the_distance_unknown():
    features, labels = clouds(2)
    features[labels == 7, 1] = features[labels == 7, 0]
    found = isolation(features, labels, 7)
    assert np.isnan(found.isolation_distance)
    assert found.nn_hit_rate > 0.5


def test_impossible_input_is_refused():
    features, labels = clouds(2)
    with pytest.raises(InputError, match="unit 1 has 0"):
        isolation(features, labels, 1)
    with pytest.raises(InputError, match="finite"):
        isolation(features * np.nan, labels, 7)
    with pytest.raises(InputError, match="labels"):
        isolation(features, labels[:3], 7)
    with pytest.raises(InputError, match="too few"):
        isolation(features, labels, 7, n_neighbours=5000)


def test_the_table_has_the_metrics_of_each_unit():
    random = np.random.default_rng(4)
    features = np.concatenate([random.normal(3 * unit, 1, (60, 2)) for unit in range(3)])
    labels = np.repeat(["a", "b", "c"], 60)
    table = isolation_table(features, labels)
    assert table.index.tolist() == ["a", "b", "c"]
    for unit in table.index:
        assert table.loc[unit].to_dict() == asdict(isolation(features, labels, unit))
    with ThreadPoolExecutor(2) as pool:
        assert isolation_table(features, labels, executor=pool).equals(table)
