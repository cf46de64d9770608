from __future__ import annotations

import pytest

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import StoreError
from panneuro.storage import streams
from panneuro.storage.stores import open_store


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
def test_an_object_comes_in_blocks(size, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_BYTES", 100)
    store = open_store("memory://streams")
    data = bytes(i % 251 for i in range(size))
    store.put("video.mp4", data)
    parts = list(streams.blocks(store, "video.mp4", size))
    assert b"".join(parts) == data
    assert all(len(part) <= 100 for part in parts)
    assert streams.digest_object(store, "video.mp4", size) == digest_bytes(data)


def test_an_object_that_is_shorter_is_told():
    store = open_store("memory://streams-short")
    store.put("a", b"12345")
    with pytest.raises(StoreError, match="'a'"):
        list(streams.blocks(store, "a", 6))
