from __future__ import annotations

import json
import pickle
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import CorruptionError
from panneuro.storage import sharded
from panneuro.storage.chunks import data_type
from panneuro.storage.head import Head
from panneuro.storage.layout import Layout, decode_index, encode_index
from panneuro.storage.reading import HeadStore, StoredArray
from panneuro.storage.sharded import Sharded
from panneuro.storage.shards import ArrayWriter
from panneuro.storage.stores import open_store

CODECS = (
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "zstd", "configuration": {"level": 1, "checksum": False}},
    {"name": "crc32c"},
)
TIMES = np.sort(np.random.default_rng(0).random(1000))


def stored(values, chunk=(16,), shard=(320,), change=lambda index: index):
    """Write an array as the assets' are, and open it through a head."""
    layout = Layout(values.shape, values.dtype, chunk, shard, CODECS)
    store = open_store(f"memory://{uuid.uuid4()}")
    indexes, objects = {}, {}
    with ThreadPoolExecutor(1) as executor:
        for shard in ArrayWriter(values, layout, executor).shards():
            indexes[f"t/{shard.key}"] = index = change(shard.index)
            objects[f"t/{shard.key}"] = "", 0, len(shard.data)
            body = bytes(shard.data)[: -len(shard.index)] + index
            store.put(f"assets/owner/1/t/{shard.key}", body)
    node = {"zarr_format": 3, "node_type": "array", "data_type": data_type(values.dtype)}
    node |= {"attributes": {}, **layout.metadata(0)}
    head = Head(
        {"t/zarr.json": json.dumps(node).encode()},
        indexes,
        objects,
    )
    array = zarr.open_array(
        HeadStore(store, "assets/owner/1", head), path="t", mode="r", zarr_format=3
    )
    return StoredArray(array, "owner"), store


ARRAY, STORE = stored(TIMES)


EDGES = st.sampled_from([0, 1, 15, 16, 17, 48, 319, 320, 321, 640, 959, 960, 999, 1000, 1001])


@given(EDGES | st.integers(-1100, 1100), EDGES | st.integers(-1100, 1100))
def test_any_range_is_what_zarr_reads(start, stop):
    assert np.array_equal(ARRAY[start:stop], TIMES[start:stop])


def test_a_range_is_one_request_of_its_chunks_for_each_shard():
    ARRAY[:1]
    before = STORE.usage.snapshot()
    assert np.array_equal(ARRAY[100:110], TIMES[100:110])
    spent = STORE.usage.snapshot() - before
    assert spent.requests == 1
    assert spent.bytes_read < 16 * 8 + 40
    assert np.array_equal(ARRAY[300:700], TIMES[300:700])
    assert (STORE.usage.snapshot() - before).requests == 1 + 3


@pytest.mark.parametrize("dtype", ["<i8", ">f8", "<f4", "u2"])
def test_every_type(dtype):
    values = (TIMES * 1000).astype(dtype)
    array, _ = stored(values)
    assert array[5:900].dtype == array.array[5:900].dtype
    assert np.array_equal(array[5:900], values[5:900])


def test_what_is_no_range_is_left_to_zarr():
    for key in (5, slice(None, None, 3), [1, 5], ...):
        assert np.array_equal(ARRAY[key], TIMES[key])


CUBE = np.random.default_rng(1).integers(0, 9, (90, 24, 5), np.int16)
BLOCKS, BLOCK_STORE = stored(CUBE, (10, 8, 5), (40, 24, 5))
PART = st.one_of(
    st.integers(-90, 89),
    st.slices(90).filter(lambda part: part.step in (None, 1)),
    st.just(slice(None)),
    st.just(...),
)


@given(st.one_of(PART, st.lists(PART, max_size=3).map(tuple)))
def test_any_part_of_more_axes_is_what_numpy_takes(key):
    try:
        expected = CUBE[key]
    except IndexError:
        with pytest.raises(IndexError):
            BLOCKS[key]
        return
    found = BLOCKS[key]
    assert np.shape(found) == expected.shape
    assert np.array_equal(found, expected)


def test_chunks_that_adjoin_are_one_request_for_each_shard():
    BLOCKS[:1]
    before = BLOCK_STORE.usage.snapshot()
    assert np.array_equal(BLOCKS[15:75], CUBE[15:75])
    assert (BLOCK_STORE.usage.snapshot() - before).requests == 2


def test_chunks_far_apart_are_asked_for_apart(monkeypatch):
    monkeypatch.setattr(sharded, "GAP_BYTES", 0)
    before = BLOCK_STORE.usage.snapshot()
    assert np.array_equal(BLOCKS[:40, 8:10], CUBE[:40, 8:10])
    assert (BLOCK_STORE.usage.snapshot() - before).requests == 4


def test_no_more_is_read_at_once_than_fits(monkeypatch):
    monkeypatch.setattr(sharded, "RUN_BYTES", 1000)
    monkeypatch.setattr(sharded, "ALONE_BYTES", 0)
    before = BLOCK_STORE.usage.snapshot()
    assert np.array_equal(BLOCKS[:], CUBE)
    assert (BLOCK_STORE.usage.snapshot() - before).requests > 6


def test_arrays_without_shards_are_left_to_zarr():
    array = zarr.create_array({}, shape=(9,), dtype="i4")
    assert Sharded.of(array, {}, STORE.get_range) is None


def turned_about(index):
    """Say that the first two chunks lie the other way round."""
    spans = decode_index(index)
    return encode_index([spans[1], spans[0], *spans[2:]])


def test_chunks_may_lie_in_any_order():
    array, _ = stored(TIMES, change=turned_about)
    expected = np.concatenate([TIMES[16:32], TIMES[:16]])
    assert np.array_equal(array[:32], expected)


def test_a_shard_that_is_damaged_or_gone_is_told():
    array, store = stored(TIMES)
    key = "assets/owner/1/t/c/0"
    data = bytearray(store.get(key))
    data[200] ^= 1
    store.put(key, bytes(data))
    with pytest.raises(CorruptionError, match="damaged"):
        array[:320]
    store.delete(key)
    with pytest.raises(CorruptionError, match="gone"):
        array[:320]
    assert np.array_equal(array[320:640], TIMES[320:640])


def test_it_travels_to_other_processes():
    ARRAY[:5]
    again = pickle.loads(pickle.dumps(ARRAY))
    assert np.array_equal(again[:50], TIMES[:50])
