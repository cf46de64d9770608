from __future__ import annotations

import pickle

import numpy as np
import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import cpu
from zarr.core.sync import sync

from panneuro.core.errors import CorruptionError, StoreError
from panneuro.storage.head import Head
from panneuro.storage.reading import HeadStore
from panneuro.storage.stores import open_store


def test_metadata_and_indexes_cost_no_request_and_samples_cost_one(zoo, open_head):
    store = open_head(zoo.store)
    before = zoo.store.usage.snapshot()
    root = zarr.open_group(store, mode="r")
    array = root["acquisition/ap/data"]
    assert len(list(root.members(max_depth=None))) > 50
    assert (zoo.store.usage.snapshot() - before).requests == 0
    assert np.array_equal(array[100:200], zoo.signals["ap"].data[100:200])
    assert (zoo.store.usage.snapshot() - before).requests == 1


def test_parts_of_objects(open_head, zoo):
    store = open_head(zoo.store)
    key = "acquisition/ap/data/c/0/0"
    whole = zoo.store.get(f"{store.prefix}/{key}")
    prototype = zarr.core.buffer.default_buffer_prototype()
    asked = [
        (None, whole),
        (RangeByteRequest(5, 50), whole[5:50]),
        (RangeByteRequest(5, 10**9), whole[5:]),
        (OffsetByteRequest(100), whole[100:]),
        (SuffixByteRequest(20), whole[-20:]),
        (SuffixByteRequest(10**9), whole),
    ]
    found = sync(store.get_partial_values(prototype, [(key, part) for part, _ in asked]))
    assert [buffer.to_bytes() for buffer in found] == [expected for _, expected in asked]
    assert sync(store.get("zarr.json", prototype, RangeByteRequest(0, 1))).to_bytes() == b"{"
    assert sync(store.get("not/there", prototype)) is None


def test_what_there_is(open_head, zoo):
    store = open_head(zoo.store)

    async def collect(found):
        return {key async for key in found}

    keys = sync(collect(store.list()))
    assert "acquisition/ap/data/c/0/0" in keys
    under = sync(collect(store.list_prefix("acquisition/ap/")))
    assert under == {key for key in keys if key.startswith("acquisition/ap/")}
    top = sync(collect(store.list_dir("")))
    assert {"acquisition", "units", "zarr.json"} <= top
    assert "_lake" not in top
    assert sync(store.exists("zarr.json"))
    assert not sync(store.exists("nothing"))


def test_nothing_can_be_written(open_head, zoo):
    store = open_head(zoo.store)
    for refused in (store.set("a", cpu.Buffer.from_bytes(b"")), store.delete("a")):
        with pytest.raises(StoreError, match="does not change"):
            sync(refused)


def test_an_object_that_is_gone_is_an_error_and_never_zeros():
    store = open_store("memory://gone")
    node = (
        b'{"zarr_format":3,"node_type":"array","shape":[4],"data_type":"int16","attributes":{},'
        b'"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4]}},"fill_value":0,'
        b'"chunk_key_encoding":{"name":"default"},'
        b'"codecs":[{"name":"bytes","configuration":{"endian":"little"}}]}'
    )
    head = Head({"zarr.json": node}, {}, {"c/0": ("", 0, 8)})
    array = zarr.open_array(HeadStore(store, "assets/a/0", head), mode="r")
    with pytest.raises(CorruptionError, match=r"its object 'c/0' is gone"):
        array[:]
    store.put("assets/a/0/c/0", b"1234")
    with pytest.raises(StoreError, match="c/0"):
        array[:]
    store.put("assets/a/0/c/0", np.arange(4, dtype="<i2").tobytes())
    assert array[:].tolist() == [0, 1, 2, 3]
    shared = Head({"zarr.json": node}, {}, {"c/0": ("assets/a/0/c/0", 0, 8)})
    assert zarr.open_array(HeadStore(store, "assets/b/1", shared), mode="r")[3] == 3


def test_a_store_travels_to_another_process(open_head, zoo, tmp_path):
    place = open_store(tmp_path)
    place.put("assets/session/1/_lake/head", b"")
    store = HeadStore(place, "assets/session/1", Head({"zarr.json": b"{}"}))
    back = pickle.loads(pickle.dumps(store))
    assert back == store
    assert hash(back) == hash(store)
    assert back != open_head(zoo.store)
    assert repr(store).startswith("HeadStore('file://")
    assert sync(back.get("zarr.json")).to_bytes() == b"{}"
