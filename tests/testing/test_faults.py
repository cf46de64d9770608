from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from panneuro.core.errors import StoreError
from panneuro.storage.stores import open_store
from panneuro.testing.faults import Fault, FaultyStore
from panneuro.testing.store import StoreConformance


class TestWithoutFaults(StoreConformance):
    test_opens_again_elsewhere = None

    @pytest.fixture
    def store(self, tmp_path):
        return FaultyStore(open_store(f"memory://{tmp_path}"), {})


@pytest.fixture
def inner(tmp_path):
    store = open_store(tmp_path)
    store.put("a", b"0123456789")
    return store


READS = {
    "get": lambda store: store.get("a"),
    "get_range": lambda store: store.get_range("a", 0, 10),
    "get_ranges": lambda store: store.get_ranges("a", [(0, 10)])[0],
    "get_async": lambda store: asyncio.run(store.get_async("a")),
    "get_range_async": lambda store: asyncio.run(store.get_range_async("a", 0, 10)),
}
OTHERS = {
    "info": lambda store: store.info("a"),
    "list": lambda store: list(store.list()),
    "folders": lambda store: store.folders(),
    "delete": lambda store: store.delete("nothing"),
    "put_file": lambda store: store.put_file("file", Path(__file__)),
}


@pytest.mark.parametrize("method", READS)
def test_reads_are_spoilt_at_the_chosen_call(inner, method):
    faults = {2: Fault.TRUNCATED, 3: Fault.CORRUPTED}
    store = FaultyStore(inner, faults, only=method)
    assert [READS[method](store) for _ in range(4)] == [
        b"0123456789",
        b"01234",
        b"0123446789",
        b"0123456789",
    ]
    assert store.calls == 4


@pytest.mark.parametrize("method", [*READS, *OTHERS])
@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST])
def test_every_method_can_fail(inner, method, fault):
    store = FaultyStore(inner, {1: fault})
    with pytest.raises(StoreError, match="as the test asked"):
        {**READS, **OTHERS}[method](store)
    {**READS, **OTHERS}[method](store)


def test_a_refused_write_does_not_happen_and_a_lost_one_does(inner):
    store = FaultyStore(inner, {1: Fault.REFUSED, 2: Fault.LOST}, only="put")
    for key in ("refused", "lost"):
        with pytest.raises(StoreError):
            store.put(key, b"1")
    store.get("a")
    assert store.calls == 2
    assert {found.key for found in inner.list()} == {"a", "lost"}
