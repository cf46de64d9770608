"""Levels hold what they were given, in chunks that are soon decoded and in few objects."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.storage.head import Head
from panneuro.storage.levels import CHUNK_BYTES, CODECS, encode_level, level_node, level_path
from panneuro.storage.reading import HeadStore, StoredArray
from panneuro.storage.stores import open_store

PATH = level_path("acquisition/ap/data", 0)


def bins_of(count, channels, dtype="i2"):
    shape = (count, 2) if channels is None else (count, channels, 2)
    return np.random.default_rng(count).normal(0, 99, shape).astype(dtype)


def stored(name, bins, span, node):
    """Write a level as objects of `span` bins, and return it as an asset has it."""
    store, indexes, objects = open_store(f"memory://levels-{name}"), {}, {}
    with ThreadPoolExecutor(2) as executor:
        for number, at in enumerate(range(0, len(bins), span)):
            data, index = encode_level(node, bins[at : at + span], executor)
            key = "/".join([PATH, "c", str(number), *["0"] * (bins.ndim - 1)])
            store.put(f"asset/{key}", data)
            objects[key] = ("", 0, len(data))
            indexes |= {key: index} if index else {}
    head = Head({f"{PATH}/zarr.json": json.dumps(node).encode()}, indexes, objects)
    whole = HeadStore(store, "asset", head)
    return store, StoredArray(zarr.open_array(whole, path=PATH, mode="r"), "asset")


@settings(max_examples=40)
@given(
    st.integers(1, 9000),
    st.sampled_from([None, 1, 3, 385]),
    st.sampled_from(["i2", "f4"]),
    st.sampled_from([64, 640, 64 * 131, 9000]),
)
def test_a_level_is_what_it_was_given(count, channels, dtype, span):
    bins = bins_of(count, channels, dtype)
    node = level_node(bins.shape, bins.dtype, min(span, count))
    _, array = stored("property", bins, span, node)
    assert np.array_equal(array[:], bins)
    assert np.array_equal(array[count // 3 : count // 2], bins[count // 3 : count // 2])


@given(st.integers(1, 10**7), st.sampled_from([1, 32, 385, 16_000]), st.integers(1, 4000))
def test_chunks_are_small_and_objects_are_not(count, channels, blocks):
    span = 64 * blocks
    node = level_node((count, channels, 2), np.dtype("i2"), span)
    (shard, *_) = node["chunk_grid"]["configuration"]["chunk_shape"]
    (chunk, *_) = node["codecs"][0]["configuration"]["chunk_shape"]
    row = 2 * 2 * channels
    assert chunk * row <= max(CHUNK_BYTES, row)
    assert shard % chunk == 0
    assert -(-count // shard) == max(1, -(-count // span))
    assert chunk >= min(count, 64, max(1, CHUNK_BYTES // row)) // 2


def test_a_window_reads_no_more_than_its_chunks():
    bins = bins_of(60_000, 32)
    store, array = stored("window", bins, 60_000, level_node(bins.shape, bins.dtype, 60_000))
    whole = store.usage.snapshot().bytes_written
    before = store.usage.snapshot()
    assert np.array_equal(array[30_000:30_500], bins[30_000:30_500])
    spent = store.usage.snapshot() - before
    assert spent.requests == 1
    assert spent.bytes_read < whole / 6


@pytest.mark.parametrize("channels", [None, 3])
def test_a_level_without_shards_is_written_and_read_as_it_was(channels):
    bins = bins_of(1500, channels)
    node = level_node(bins.shape, bins.dtype, 1000)
    assert node["chunk_grid"]["configuration"]["chunk_shape"][0] == 1000
    node["codecs"] = list(CODECS)
    _, array = stored(f"plain-{channels}", bins, 1000, node)
    assert array.array.shards is None
    assert np.array_equal(array[:], bins)
