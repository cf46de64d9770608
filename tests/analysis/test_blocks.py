"""Blocks cover everything once, and nothing larger than is allowed is made."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis import blocks
from panneuro.core.errors import InputError


@given(st.integers(0, 300), st.integers(1, 40))
def test_ranges_cover_all_rows_in_order(n, size):
    found = list(blocks.ranges(n, size))
    assert [row for part in found for row in range(part.start, part.stop)] == list(range(n))
    assert all(part.stop - part.start <= size for part in found)


@given(st.lists(st.integers(), max_size=200))
def test_results_come_in_order(items):
    with ThreadPoolExecutor(3) as pool:
        assert list(blocks.in_order(str, items, pool)) == list(map(str, items))


def test_few_results_wait():
    begun = []
    with ThreadPoolExecutor(2) as pool:
        results = blocks.in_order(begun.append, range(1000), pool)
        next(results)
        assert len(begun) < 100
        results.close()


def test_threads_fill_and_processes_are_refused():
    out = np.zeros(10)

    def write(part):
        out[part] = 1

    with ThreadPoolExecutor(2) as pool:
        blocks.fill(write, blocks.ranges(10, 3), pool)
    assert out.all()
    with ProcessPoolExecutor(1) as pool, pytest.raises(InputError, match="ProcessPoolExecutor"):
        blocks.fill(write, blocks.ranges(10, 3), pool)


def test_what_is_larger_than_allowed_is_refused():
    with pytest.raises(InputError, match="10 × 100 values of int64, 8e-06 GB"):
        blocks.check_bytes((10, 100), "i8", 7999, "counting", "count less")
    blocks.check_bytes((10, 100), "i8", 8000, "counting", "count less")
