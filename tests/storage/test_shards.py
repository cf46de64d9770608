from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from panneuro.core.errors import ConflictError, CorruptionError, FormatError
from panneuro.storage.chunks import data_type
from panneuro.storage.layout import Layout
from panneuro.storage.shards import ArrayWriter

CODECS = (
    {"name": "bytes", "configuration": {"endian": "little"}},
    {"name": "zstd", "configuration": {"level": 1, "checksum": False}},
    {"name": "crc32c"},
)
LAYOUT = Layout((250, 7), np.dtype("int16"), (32, 3), (96, 9), CODECS)
DATA = np.arange(250 * 7, dtype="int16").reshape(250, 7) * 3


@pytest.fixture(scope="module")
def executor():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def written(writer):
    """Write an array, and return its shards with bytes of their own."""
    return [replace(shard, data=memoryview(bytes(shard.data))) for shard in writer.shards()]


def opened(layout, shards, fill=0):
    """Open shards with plain zarr-python."""
    store = MemoryStore()
    node = {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": data_type(layout.dtype),
        "attributes": {},
        **layout.metadata(fill),
    }
    sync = zarr.core.sync.sync
    make = zarr.core.buffer.default_buffer_prototype().buffer.from_bytes
    sync(store.set("zarr.json", make(json.dumps(node).encode())))
    for shard in shards:
        sync(store.set(shard.key, make(bytes(shard.data))))
    return zarr.open_array(store, mode="r")


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 9)),
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    st.tuples(st.integers(1, 4), st.integers(3, 9)),
    st.sampled_from(["i2", ">i2", "f4", "f8", "u1", "?"]),
)
def test_plain_zarr_reads_the_very_same_array(shape, chunk, times, dtype):
    shard = (chunk[0] * times[0], -(-shape[1] // chunk[1]) * chunk[1])
    layout = Layout(shape, np.dtype(dtype), chunk, shard, CODECS)
    values = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    with ThreadPoolExecutor(2) as threads:
        shards = written(ArrayWriter(values, layout, threads))
    array = opened(layout, shards)
    assert array.shape == shape
    assert np.array_equal(array[:], values)
    assert all(bytes(shard.data).endswith(shard.index) for shard in shards)
    assert not any(shard.is_stored for shard in shards)


def test_text_and_more_axes(executor):
    words = np.array(["a", "", "Zürich"] * 5, object)
    text = ({"name": "vlen-utf8"},)
    layout = Layout((15,), words.dtype, (4,), (8,), text)
    shards = written(ArrayWriter(words, layout, executor))
    assert opened(layout, shards, "")[:].tolist() == words.tolist()
    images = np.arange(5 * 4 * 3 * 2, dtype="u2").reshape(5, 4, 3, 2)
    layout = Layout(images.shape, images.dtype, (2, 4, 3, 2), (4, 4, 3, 2), CODECS)
    shards = written(ArrayWriter(images, layout, executor))
    assert np.array_equal(opened(layout, shards)[:], images)


def test_blocks_are_observed_in_order_and_read_once(executor):
    seen = []
    writer = ArrayWriter(DATA, LAYOUT, executor)
    list(writer.shards(lambda start, stop: seen.append((start, stop - start))))
    assert [start for start, _ in seen] == [0, 32, 64, 96, 128, 160, 192, 224]
    assert sum(length for _, length in seen) == 250


def test_what_is_intact_is_kept_and_what_is_not_is_written_again(executor):
    first = {s.key: bytes(s.data) for s in ArrayWriter(DATA, LAYOUT, executor).shards()}
    there = dict(first)
    flipped = bytearray(first["c/1/0"])
    flipped[5] ^= 1
    there["c/1/0"] = bytes(flipped)
    del there["c/2/0"]
    again = written(ArrayWriter(DATA, LAYOUT, executor, there.get))
    assert [shard.is_stored for shard in again] == [True, False, False]
    assert {shard.key: bytes(shard.data) for shard in again} == first


@given(st.integers(0, 2000), st.booleans())
def test_cut_off_and_strange_objects_are_written_again(length, garbled):
    with ThreadPoolExecutor(1) as threads:
        whole = bytes(next(ArrayWriter(DATA, LAYOUT, threads).shards()).data)
        there = whole[:length] if length < len(whole) else whole + b"more"
        if garbled:
            there = bytes(length)
        shard = next(ArrayWriter(DATA, LAYOUT, threads, lambda _: there).shards())
    assert not shard.is_stored
    assert bytes(shard.data) == whole


def test_a_shard_of_other_values_is_written_again(executor):
    old = {s.key: bytes(s.data) for s in ArrayWriter(DATA + 1, LAYOUT, executor).shards()}
    assert not any(s.is_stored for s in ArrayWriter(DATA, LAYOUT, executor, old.get).shards())


def test_a_lossy_codec_never_gets_through(executor):
    lossy = {
        "name": "numcodecs.fixedscaleoffset",
        "configuration": {"offset": 0, "scale": 0.5, "dtype": "<i2", "astype": "<i2"},
    }
    layout = replace(LAYOUT, codecs=(lossy, *CODECS))
    with pytest.raises(CorruptionError, match="do not give back"):
        list(ArrayWriter(DATA, layout, executor).shards())


class Truncated:
    """An array whose file ends before its header says."""

    shape = DATA.shape
    dtype = DATA.dtype

    def __getitem__(self, key):
        return DATA[:200][key]


def test_a_source_that_ends_early_is_told(executor):
    with pytest.raises(FormatError, match=r"rows 192 to 224: found \(8, 7\) int16"):
        list(ArrayWriter(Truncated(), LAYOUT, executor).shards())


def test_a_source_that_fails_is_told(executor):
    class Broken(Truncated):
        def __getitem__(self, key):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(ArrayWriter(Broken(), LAYOUT, executor).shards())


def test_every_chunk_is_looked_at_where_it_lies(executor):
    seen = np.zeros(DATA.shape, int)

    def look(row, values, column):
        place = slice(row, row + len(values)), slice(column, column + values.shape[1])
        assert np.array_equal(DATA[place], values)
        seen[place] += 1

    whole = {s.key: bytes(s.data) for s in ArrayWriter(DATA, LAYOUT, executor, look=look).shards()}
    assert (seen == 1).all()
    again = ArrayWriter(DATA, LAYOUT, executor, whole.get, look=look)
    assert all(shard.is_stored for shard in again.shards())
    assert (seen == 2).all()


def test_a_shard_is_put_away_in_order_while_the_next_is_encoded(executor):
    told, is_next_read = [], threading.Event()

    def send(key, data, damaged):
        if key == "c/0/0":
            assert is_next_read.wait(60)
        return True

    def observe(row, _):
        if row >= LAYOUT.shard[0]:
            is_next_read.set()

    writer = ArrayWriter(DATA, LAYOUT, executor, send=send)
    shards = list(writer.shards(observe, lambda shard: told.append(shard.key)))
    assert told == [shard.key for shard in shards] == ["c/0/0", "c/1/0", "c/2/0"]


def test_a_shard_that_another_writer_put_first_is_looked_at_again(executor):
    theirs = next(ArrayWriter(DATA, LAYOUT, executor).shards())
    there = {}

    def send(key, data, damaged):
        there.setdefault(key, bytes(theirs.data) if key == theirs.key else bytes(data))
        return key != theirs.key

    shards = written(ArrayWriter(DATA, LAYOUT, executor, there.get, send))
    assert [shard.is_stored for shard in shards] == [True, False, False]
    assert {shard.key: bytes(shard.data) for shard in shards} == there


def test_what_cannot_be_put_is_told(executor):
    with pytest.raises(ConflictError, match="'c/0/0': other writers"):
        list(ArrayWriter(DATA, LAYOUT, executor, send=lambda *_: False).shards())


def test_memory_of_shards_is_used_again(executor):
    writer = ArrayWriter(DATA, LAYOUT, executor)
    shards = [(np.frombuffer(shard.data, np.uint8), shard) for shard in writer.shards()]
    (first, _), (second, _), (third, _) = shards
    assert not np.shares_memory(first, second)
    assert np.shares_memory(first, third)
