"""Streams of random numbers and how work is spread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

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
