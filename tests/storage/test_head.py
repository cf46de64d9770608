from __future__ import annotations

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numcodecs import zstd

from panneuro.core.errors import CorruptionError
from panneuro.storage.head import Head

KEYS = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(KEYS, st.binary(max_size=20)),
    st.dictionaries(KEYS, st.binary(max_size=20)),
    st.dictionaries(KEYS, st.tuples(KEYS, st.integers(0, 2**60), st.integers(0, 2**60))),
)
def test_a_head_comes_back(inline, indexes, objects):
    head = Head(inline, indexes, objects)
    assert Head.decode(head.encode()) == head


def test_the_same_head_is_the_same_bytes():
    forth = Head({"a": b"1", "b": b"2"}).encode()
    assert forth == Head({"b": b"2", "a": b"1"}).encode()


@given(st.binary(max_size=100))
@example(bytes.fromhex("28b52ffda4ffffffff000000000000000000"))
def test_bytes_that_are_no_head_are_refused(data):
    with pytest.raises(CorruptionError, match="head"):
        Head.decode(data)


@given(JSON)
@example({"version": 2, "inline": {}, "indexes": {}, "objects": {}})
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
