"""Many tests at once: F and t against SciPy, blocks, and the largest statistic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from panneuro.analysis import permutation_tests
from panneuro.analysis.permutation_tests import BLOCK, f_test, sign_test
from panneuro.analysis.permutations import p_values, permute
from panneuro.core.errors import InputError


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_f_is_that_of_scipy(random):
    samples = random.normal(size=(60, 7, 3))
    labels = np.repeat(list("abcd"), 15)
    found = f_test(samples, labels, n_permutations=20)
    expected = stats.f_oneway(*(samples[labels == label] for label in "abcd"))
    np.testing.assert_allclose(found.statistic, expected.statistic, rtol=1e-9)
    assert found.p.shape == (7, 3)


def test_f_of_two_groups_and_signs_are_t_squared(random):
    samples = random.normal(0.3, size=(41, 5))
    labels = np.arange(41) < 17
    t = stats.ttest_ind(samples[labels], samples[~labels]).statistic
    np.testing.assert_allclose(f_test(samples, labels, n_permutations=5).statistic, t**2, rtol=1e-9)
    t = stats.ttest_1samp(samples, 0).statistic
    np.testing.assert_allclose(sign_test(samples, n_permutations=5).statistic, t**2, rtol=1e-9)


def test_p_is_that_of_counting_each_permutation(random):
    samples = random.normal(size=(24, 3))
    labels = np.repeat([0, 1, 2], 8)
    found = f_test(samples, labels, n_permutations=50, seed=3)
    null = np.array(
        [
            stats.f_oneway(*(samples[labels[order] == group] for group in range(3))).statistic
            for order in permute(np.arange(24), 50, seed=3)
        ]
    )
    np.testing.assert_allclose(found.p, p_values(found.statistic, null))
    np.testing.assert_allclose(found.largest, null.max(axis=1))
    np.testing.assert_allclose(found.p_max, p_values(found.statistic, null.max(axis=1)))


def test_blocks_executors_and_single_precision_agree(random):
    samples = random.normal(size=(30, 2 * BLOCK + 17))
    labels = np.arange(30) % 2
    whole = f_test(samples, labels, n_permutations=30)
    with ThreadPoolExecutor(3) as executor:
        spread = f_test(samples, labels, n_permutations=30, executor=executor)
    np.testing.assert_array_equal(whole.p, spread.p)
    np.testing.assert_array_equal(whole.largest, spread.largest)
    single = f_test(samples.astype(np.float32), labels, n_permutations=30)
    np.testing.assert_allclose(single.statistic, whole.statistic, rtol=1e-3, atol=1e-4)
    assert np.abs(single.p - whole.p).max() <= 2 / 31


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_correcting_for_all_makes_no_p_smaller(seed):
    samples = np.random.default_rng(seed).integers(0, 3, size=(12, 4)).astype(float)
    found = f_test(samples, np.arange(12) % 3, n_permutations=19, seed=seed)
    assert (found.p_max >= found.p - 1e-12).all()
    assert (found.p >= 1 / 20).all()


def test_p_is_uniform_where_nothing_differs(random):
    samples = random.normal(size=(20, 2000))
    found = f_test(samples, np.arange(20) % 2, n_permutations=199, seed=1)
    assert abs((found.p <= 0.05).mean() - 0.05) < 0.02
    assert abs(found.p.mean() - 0.5) < 0.05


def test_p_of_signs_is_uniform_where_means_are_zero(random):
    found = sign_test(random.normal(size=(15, 2000)), n_permutations=199, seed=2)
    assert abs((found.p <= 0.05).mean() - 0.05) < 0.02
    assert abs(found.p.mean() - 0.5) < 0.05


@settings(max_examples=15)
@given(st.integers(0, 2**31))
def test_the_order_of_tests_does_not_matter(seed):
    random = np.random.default_rng(seed)
    samples, order = random.normal(size=(14, 6)), random.permutation(6)
    one, two = (
        f_test(of, np.arange(14) % 2, n_permutations=19) for of in (samples, samples[:, order])
    )
    for name in ("statistic", "p", "p_max"):
        np.testing.assert_allclose(one[name][order], two[name])
    np.testing.assert_allclose(one.largest, two.largest)


def test_ties_of_rounding_are_reached():
    """Of four values, swapping the groups gives the same statistic, however sums are rounded."""
    samples = np.array([0.1, 0.2, 0.30000001, 0.7])[:, None]
    found = f_test(samples, [0, 0, 1, 1], n_permutations=400)
    assert 0.25 < found.p[0] < 0.42


def test_a_constant_test_is_never_significant():
    samples = np.ones((10, 2))
    samples[:, 1] = np.arange(10)
    found = f_test(samples, np.arange(10) < 5, n_permutations=19)
    assert (found.statistic[0], found.p[0], found.p_max[0]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("samples", "labels"),
    [
        (np.zeros((4, 2)), [0, 0, 0, 0]),
        (np.zeros((4, 2)), [0, 1, 0]),
        (np.zeros((2, 2)), [0, 1]),
        (np.full((4, 2), np.nan), [0, 1, 0, 1]),
        (np.zeros((4, 0)), [0, 1, 0, 1]),
    ],
)
def test_f_test_refuses(samples, labels):
    with pytest.raises(InputError):
        f_test(samples, labels, n_permutations=9)


def test_permutations_are_at_least_one():
    with pytest.raises(InputError, match="0 permutations"):
        sign_test(np.ones((4, 2)), n_permutations=0)


def test_permutations_are_cut_where_memory_is_short(random, monkeypatch):
    samples, labels = random.normal(size=(30, 40)), np.arange(30) % 3
    whole = f_test(samples, labels, n_permutations=50)
    monkeypatch.setattr(permutation_tests, "_TOGETHER", 7)
    monkeypatch.setattr(permutation_tests, "_AT_ONCE", 16)
    pieces = f_test(samples, labels, n_permutations=50)
    np.testing.assert_array_equal(whole.p, pieces.p)
    np.testing.assert_allclose(whole.largest, pieces.largest, rtol=1e-12)


def test_processes_give_the_same(random, processes):
    samples, labels = random.normal(size=(20, BLOCK + 9)), np.arange(20) % 2
    alone = f_test(samples, labels, n_permutations=20)
    apart = f_test(samples, labels, n_permutations=20, executor=processes)
    xr.testing.assert_identical(alone, apart)


def test_tests_keep_their_names(random):
    samples = xr.DataArray(
        random.normal(size=(12, 2, 3)),
        {"unit": [7, 9], "time": [0.0, 0.1, 0.2], "trial": np.arange(12)},
        ("trial", "unit", "time"),
    )
    found = f_test(samples, np.arange(12) % 2, n_permutations=9)
    assert found.p.dims == ("unit", "time")
    assert found.unit.values.tolist() == [7, 9]
    assert "trial" not in found.coords
