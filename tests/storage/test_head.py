from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numcodecs import zstd

from panneuro.core.errors import CorruptionError
from panneuro.storage.head import Head
from panneuro.storage.layout import encode_index

KEYS = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(KEYS, st.binary(max_size=20)),
    st.dictionaries(KEYS, st.binary(max_size=100)),
    st.dictionaries(KEYS, st.tuples(KEYS, st.integers(0, 2**60), st.integers(0, 2**60))),
)
def test_a_head_comes_back(inline, indexes, objects):
    head = Head(inline, indexes, objects)
    assert Head.decode(head.encode()) == head


def test_the_index_of_many_chunks_is_small():
    lengths = np.random.default_rng(0).normal(1400, 60, 20_000).astype("u8")
    spans = [None, *zip((lengths.cumsum() - lengths).tolist(), lengths.tolist(), strict=True)]
    head = Head({}, {"c/0": encode_index(spans)})
    assert len(head.encode()) < 2 * 20_000
    assert Head.decode(head.encode()) == head


def test_heads_of_the_first_version_are_read():
    body = {"version": 1, "inline": {}, "indexes": {"c/0": bytes(range(36))}, "objects": {}}
    found = Head.decode(zstd.compress(msgpack.packb(body)))
    assert found.indexes == {"c/0": bytes(range(36))}


def test_the_same_head_is_the_same_bytes():
    forth = Head({"a": b"1", "b": b"2"}).encode()
    assert forth == Head({"b": b"2", "a": b"1"}).encode()


@given(st.binary(max_size=100))
@example(bytes.fromhex("28b52ffda4ffffffff000000000000000000"))
def test_bytes_that_are_no_head_are_refused(data):
    with pytest.raises(CorruptionError, match="head"):
        Head.decode(data)


@given(JSON)
@example({"version": 3, "inline": {}, "indexes": {}, "objects": {}})
@example({"version": "2", "inline": {}, "indexes": {}, "objects": {}})
@example({"version": 2, "inline": {}, "indexes": {"a": "text"}, "objects": {}})
@example({"version": 1, "inline": {"a": "text"}, "indexes": {}, "objects": {}})
@example({"version": 1, "inline": {}, "indexes": {}, "objects": {"a": ["", -5, 3]}})
@example({"version": 1, "inline": {}, "indexes": {}, "objects": {"a": ["", "0", 3]}})
@example({"version": 1, "inline": {}, "indexes": [], "objects": {}})
def test_values_that_are_no_head_are_refused(value):
    with pytest.raises(CorruptionError, match="head"):
        Head.decode(zstd.compress(msgpack.packb(value)))


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_head_is_refused_or_the_same(at, byte):
    head = Head({"zarr.json": b"{}" * 50}, {"c/0": bytes(range(256))}, {"c/0": ("", 0, 9)})
    data = bytearray(head.encode())
    data[at % len(data)] = byte
    try:
        found = Head.decode(bytes(data))
    except CorruptionError:
        return
    assert all(isinstance(held, bytes) for held in found.inline.values())
