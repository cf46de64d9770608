"""Gaussian-copula information: against closed forms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from panneuro.analysis.copula_information import gaussian_copula_information, to_normal
from panneuro.core.errors import InputError


def test_no_information_is_zero_on_average():
    values = np.random.default_rng(0).normal(size=(60, 2000))
    found = gaussian_copula_information(values, np.arange(60) % 6).information
    assert abs(float(found.mean())) < 0.015


def test_small_shifts_are_nearly_that_of_the_mixture():
    """For a small difference of means, the copula is nearly Gaussian and the bound is tight."""
    random = np.random.default_rng(1)
    labels = np.arange(4000) % 2
    values = random.normal(size=(4000, 30)) + 0.8 * labels[:, None]

    def density(x):
        return (norm.pdf(x) + norm.pdf(x, 0.8)) / 2

    entropy = quad(lambda x: -density(x) * np.log2(density(x)), -8, 9)[0]
    expected = entropy - norm.entropy() / np.log(2)
    found = gaussian_copula_information(values, labels).information.mean()
    assert abs(float(found) - expected) < 0.01


def test_only_ranks_matter():
    values = np.random.default_rng(2).normal(size=(50, 3))
    labels = np.arange(50) % 3
    one = gaussian_copula_information(values, labels)
    two = gaussian_copula_information(np.exp(3 * values), labels)
    np.testing.assert_allclose(one.information, two.information)


def test_p_values_are_uniform_and_do_not_depend_on_the_executor():
    values = np.random.default_rng(3).normal(size=(40, 300))
    labels = np.arange(40) % 4
    found = gaussian_copula_information(values, labels, n_permutations=99)
    assert abs(float((found.p <= 0.1).mean()) - 0.1) < 0.06
    with ThreadPoolExecutor(3) as executor:
        again = gaussian_copula_information(values, labels, n_permutations=99, executor=executor)
    assert found.identical(again)


def test_units_that_do_not_vary():
    values = np.zeros((8, 2))
    values[4:, 1] = 1
    found = gaussian_copula_information(values, [0] * 4 + [1] * 4).information
    assert found[0] == 0
    assert np.isposinf(found[1])


def test_what_does_not_vary_within_a_stimulus_tells_all_whatever_rounding_leaves():
    labels = np.repeat(np.arange(7), 55)
    counts = np.zeros((385, 1))
    counts[[3, 60, 61, 200]] = [[1], [2], [4], [5]]
    found = gaussian_copula_information(counts, labels, n_permutations=20)
    assert found.information.item() == np.inf
    assert 0 < found.p.item() <= 1
    varied = gaussian_copula_information(counts + np.arange(385)[:, None] % 5, labels)
    assert np.isfinite(varied.information.item())


def test_ties_share_their_quantile():
    found = to_normal([[1.0], [1.0], [5.0]])
    assert found[0] == found[1]
    np.testing.assert_allclose(to_normal(np.arange(9))[::-1], -to_normal(np.arange(9)), atol=1e-12)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (np.ones(3), [0, 0, 1]),
        (np.full((4, 1), np.nan), [0, 0, 1, 1]),
        (np.ones((4, 1)), [0, 0, 0, 1]),
        (np.ones((4, 1)), [0, 0, 0, 0]),
        (np.ones((4, 1)), [0, 0, 1]),
    ],
)
def test_refusals(values, labels):
    with pytest.raises(InputError):
        gaussian_copula_information(values, labels)
