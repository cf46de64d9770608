"""Mutual information: against scikit-learn and known truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson
from sklearn.metrics import mutual_info_score

from panneuro.analysis.information import mutual_information, possible_responses
from panneuro.analysis.spatial_information import spatial_information
from panneuro.core.errors import InputError

CORRECTIONS = ("none", "miller-madow", "panzeri-treves", "quadratic-extrapolation", "shuffle")
RATES = np.linspace(1, 6, 8)


def truth():
    joint = poisson.pmf(np.arange(60), RATES[:, None]) / 8
    return float((joint * np.log2(8 * joint / joint.sum(axis=0))).sum())


def drawn(n_each, n_units, seed=0):
    labels = np.repeat(np.arange(8), n_each)
    return np.random.default_rng(seed).poisson(RATES[labels], (n_units, 8 * n_each)).T, labels


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(1, 9))
def test_plug_in_is_that_of_scikit_learn(seed, n_labels, n_responses):
    random = np.random.default_rng(seed)
    counts = random.integers(0, n_responses, (50, 3))
    labels = np.concatenate([np.arange(n_labels), random.integers(0, n_labels, 50 - n_labels)])
    found = mutual_information(counts, labels, correction="none").information
    expected = [mutual_info_score(labels, column) / np.log(2) for column in counts.T]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("correction", "bias"),
    [
        ("none", 0.15),
        ("miller-madow", 0.06),
        ("panzeri-treves", 0.025),
        ("quadratic-extrapolation", 0.025),
    ],
)
def test_what_bias_remains_at_forty_trials(correction, bias):
    counts, labels = drawn(40, 50)
    away = mutual_information(counts, labels, correction=correction).information - truth()
    assert abs(float(away.mean())) < bias
    if correction == "none":
        assert away.mean() > 0.1


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_many_trials_need_no_correction(correction):
    counts, labels = drawn(3000, 3)
    found = mutual_information(counts, labels, correction=correction, n_permutations=10)
    np.testing.assert_allclose(found.information, truth(), atol=0.02)


def test_what_tells_nothing_has_uniform_p():
    random = np.random.default_rng(1)
    counts, labels = random.poisson(3, (60, 400)), np.arange(60) % 4
    found = mutual_information(counts, labels, correction="shuffle", n_permutations=99)
    assert abs(float((found.p <= 0.1).mean()) - 0.1) < 0.05
    assert abs(float(found.information.mean())) < 0.01
    assert (found.null > 0.05).all()


def test_nothing_depends_on_the_executor():
    counts, labels = drawn(20, 4)
    one = mutual_information(counts, labels, n_permutations=40, seed=2)
    with ThreadPoolExecutor(3) as executor:
        two = mutual_information(counts, labels, n_permutations=40, seed=2, executor=executor)
    assert one.identical(two)


def test_units_keep_their_names():
    counts = xr.DataArray(np.eye(4, dtype=int), dims=("t", "unit"), coords={"unit": list("abcd")})
    found = mutual_information(counts, [0, 0, 1, 1], correction="none")
    assert found.unit.values.tolist() == list("abcd")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 20))
def test_possible_responses_are_between_those_seen_and_all(counts, more):
    most = len(counts) + more
    assert len(counts) <= possible_responses(counts, most) <= most


def test_unseen_responses_are_guessed():
    """Of twenty equally likely responses, fifteen trials show some ten."""
    random = np.random.default_rng(2)
    guessed = []
    for _ in range(200):
        counts = np.bincount(random.integers(0, 20, 15), minlength=20)
        guessed.append(possible_responses(counts[counts > 0], 40) - np.count_nonzero(counts))
    assert np.mean(guessed) > 5


@pytest.mark.parametrize(
    ("counts", "labels", "correction"),
    [
        (np.eye(2), [0, 1], "none"),
        ([[-1], [0]], [0, 1], "none"),
        ([[5000], [0]], [0, 1], "none"),
        ([[1], [0]], [0, 0], "none"),
        ([[1], [0]], [0], "none"),
        ([[1], [0]], [0, 1], "best"),
        ([[1], [0]], [0, 1], "shuffle"),
        ([[1], [0], [1], [0]], [0, 1, 0, 1], "quadratic-extrapolation"),
        (np.empty((0, 2), int), [], "none"),
    ],
)
def test_refusals(counts, labels, correction):
    with pytest.raises(InputError):
        mutual_information(np.asarray(counts), labels, correction=correction)


def test_information_is_in_bits():
    labels = np.repeat([0, 1], 20)
    counts = np.random.default_rng(0).poisson(2, (40, 3))
    found = mutual_information(counts, labels, n_permutations=9)
    assert {name: found[name].attrs.get("units") for name in found} == {
        "information": "bits",
        "plug_in": "bits",
        "null": "bits",
        "p": None,
    }
    place = spatial_information(counts, labels, min_shift=2)
    assert place.information.attrs["units"] == "bits/spike"
