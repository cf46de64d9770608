from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.storage.layout import (
    BLOCK_BYTES,
    CHUNK_BYTES,
    EVENT_CHUNK,
    EVENT_CHUNKS,
    LEAST_EVENTS,
    ROWS,
    SHARD_BYTES,
    TILE,
    Layout,
    cut,
    decode_index,
    encode_index,
    event_rows,
)
from panneuro.storage.pyramid import FACTOR, Pyramid

LENGTHS = st.sampled_from([1, 2, 63, 64, 65, 4095, 4096, 4097, 104_729, 10**7, 3 * 10**9]) | (
    st.integers(1, 10**10)
)
WIDTHS = st.sampled_from([1, 3, 95, 96, 97, 193, 384, 1024, 4096, 26_400]) | st.integers(1, 10**5)
DTYPES = st.sampled_from(["i1", "i2", "f4", "f8"]).map(np.dtype)
SHAPES = (
    st.tuples(LENGTHS)
    | st.tuples(LENGTHS, WIDTHS)
    | st.tuples(LENGTHS, st.integers(1, 3000), st.integers(1, 3000))
    | st.tuples(LENGTHS, st.integers(1, 600), st.integers(1, 600), st.integers(1, 4))
)


@given(SHAPES, DTYPES)
def test_chunks_tile_shards_and_shards_cover_the_array(shape, dtype):
    chunk, shard = cut(shape, dtype)
    assert all(s % c == 0 for s, c in zip(shard, chunk, strict=True))
    layout = Layout(shape, dtype, chunk, shard, ())
    for length, step, count in zip(shape, shard, layout.grid, strict=True):
        assert (count - 1) * step < length <= count * step
    assert layout.grid[1:] == (1,) * (len(shape) - 1)


@given(SHAPES, DTYPES)
def test_what_is_in_memory_at_once_is_bounded(shape, dtype):
    chunk, shard = cut(shape, dtype)
    row = math.prod(shard[1:]) * dtype.itemsize
    assert chunk[0] * row <= max(BLOCK_BYTES, row)
    whole = ROWS if Pyramid.suits(shape, dtype) else 1
    assert shard[0] * row <= max(1.25 * SHARD_BYTES, (chunk[0] + whole) * row)
    small = math.prod(shape) * dtype.itemsize <= CHUNK_BYTES
    assert len(chunk) != 2 or chunk[1] <= TILE or (small and chunk[1] == shape[1])


@given(SHAPES, DTYPES)
def test_shards_hold_whole_bins_of_a_pyramid(shape, dtype):
    chunk, shard = cut(shape, dtype)
    if Pyramid.suits(shape, dtype) and shard[0] < shape[0]:
        assert shard[0] % ROWS == 0
    if Pyramid.suits(shape, dtype) and chunk[0] < shape[0]:
        assert chunk[0] % FACTOR == 0


@given(LENGTHS, DTYPES)
def test_events_are_cut_small(length, dtype):
    (chunk,), (shard,) = cut((length,), dtype, EVENT_CHUNK)
    assert chunk == min(EVENT_CHUNK, length)
    assert shard % chunk == 0


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300))
def test_nineteen_of_twenty_units_are_read_nearly_alone(counts):
    rows = event_rows(np.cumsum(counts))
    firing = np.array([count for count in counts if count])
    assert LEAST_EVENTS <= rows <= EVENT_CHUNK
    assert rows & (rows - 1) == 0
    assert sum(counts) / rows <= max(2 * EVENT_CHUNKS, sum(counts) / EVENT_CHUNK)
    if rows > max(LEAST_EVENTS, sum(counts) / EVENT_CHUNKS) and len(firing):
        assert np.mean(rows <= 2 * firing) >= 0.95


def test_units_without_times_are_no_reason_for_small_chunks():
    assert event_rows(np.zeros(0, np.int64)) == event_rows(np.zeros(5, np.int64)) == EVENT_CHUNK
    assert event_rows(np.cumsum([0, 5000, 0, 5000])) == EVENT_CHUNK


@given(st.lists(st.none() | st.tuples(st.integers(0, 2**60), st.integers(0, 2**60)), min_size=1))
def test_an_index_comes_back(spans):
    assert decode_index(encode_index(spans)) == spans


@given(st.binary(max_size=80))
def test_what_is_no_index_is_refused(data):
    with pytest.raises((ValueError, RuntimeError)):
        decode_index(data)
