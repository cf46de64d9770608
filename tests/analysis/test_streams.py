"""Streams of random numbers and how work is spread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr

from panneuro.analysis.clusters import cluster_f_test, cluster_sign_test
from panneuro.analysis.communication import prediction_test
from panneuro.analysis.copula_information import gaussian_copula_information
from panneuro.analysis.correlation_tests import (
    noise_correlation_test,
    noise_correlation_type_test,
)
from panneuro.analysis.information import mutual_information
from panneuro.analysis.permutation_tests import sign_test
from panneuro.analysis.spatial_information import spatial_information
from panneuro.analysis.streams import spread, stream


def test_a_stream_is_the_same_whoever_asks():
    sequence = np.random.SeedSequence(3)
    first = stream(sequence, 4).random(5)
    stream(sequence, 0)
    np.testing.assert_array_equal(first, stream(sequence, 4).random(5))
    np.testing.assert_array_equal(first, stream(3, 4).random(5))


def test_streams_differ():
    drawn = {stream(0, index).random() for index in range(100)}
    assert len(drawn) == 100
    child = np.random.SeedSequence(0).spawn(1)[0]
    assert stream(child, 0).random() not in drawn


def test_a_generator_goes_on():
    generator = np.random.default_rng(0)
    assert stream(generator, 0).random() != stream(generator, 0).random()


def test_results_come_in_order():
    with ThreadPoolExecutor(4) as executor:
        assert list(spread(str, range(20), executor)) == list(spread(str, range(20)))


RANDOM = np.random.default_rng(0)
COUNTS = RANDOM.poisson(3, (60, 8))
LABELS = np.arange(60) % 3
AREAS = np.arange(8) // 4
SPREAD = {
    "sign": lambda to: sign_test(COUNTS - 3.0, n_permutations=40, executor=to),
    "cluster": lambda to: cluster_f_test(COUNTS, LABELS, 2.0, n_permutations=40, executor=to),
    "cluster-sign": lambda to: cluster_sign_test(COUNTS - 3.0, 2.0, n_permutations=40, executor=to),
    "information": lambda to: mutual_information(COUNTS, LABELS, n_permutations=40, executor=to),
    "copula": lambda to: gaussian_copula_information(
        COUNTS, LABELS, n_permutations=40, executor=to
    ),
    "places": lambda to: spatial_information(COUNTS, LABELS, min_shift=2, executor=to),
    "noise": lambda to: noise_correlation_test(
        COUNTS, LABELS, AREAS, n_permutations=20, executor=to
    ),
    "types": lambda to: noise_correlation_type_test(
        COUNTS, np.arange(60) // 6, np.arange(60) // 30, AREAS, n_permutations=20, executor=to
    ),
    "prediction": lambda to: prediction_test(
        COUNTS[:, :4], COUNTS[:, 4:], n_permutations=20, executor=to
    ),
}


@pytest.mark.parametrize("name", SPREAD)
def test_workers_of_any_kind_and_number_give_the_same(name, processes):
    alone = SPREAD[name](None)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(3) as three:
        for executor in (one, three, processes):
            found = SPREAD[name](executor)
            if isinstance(alone, xr.Dataset):
                xr.testing.assert_identical(found, alone)
            else:
                assert found == alone
