"""Orders are read as they were put, and anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.compute.running import Limits
from panneuro.core.errors import CorruptionError
from panneuro.portal.orders import FOLDER, Order, Progressed, decode, keep, keep_end, kept, kept_ids
from panneuro.storage.stores import open_store


@pytest.fixture(scope="module")
def store():
    return open_store("memory://test-orders")


@given(
    seed=st.integers(0, 2**31),
    text=st.text(max_size=20),
    limits=st.builds(Limits, max_bytes=st.none() | st.integers(0, 2**40)),
)
def test_what_is_kept_is_found_again(store, seed, text, limits):
    order = Order(
        kind="step", name="spans", on=text, names=("m1", "m2"), seed=seed, limits=limits,
        parameters={"a": [1, None, text]},
    )  # fmt: skip
    ended = Progressed(log=text, runs=[{"name": "m1", "status": "done", "version": "0a"}])
    ended.end("done")
    keep(store, order)
    assert kept(store, order.id) == (order, Progressed("interrupted"))
    keep_end(store, order, ended)
    assert kept(store, order.id) == (order, ended)
    assert order.id in kept_ids(store)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"left": []}', b"[" * 100_000, b"\xff"])
@pytest.mark.parametrize("kind", [Order, Progressed])
def test_anything_else_is_refused(kind, data):
    with pytest.raises(CorruptionError, match="an order cannot be read"):
        decode(kind, data)


def test_what_is_no_order_is_not_listed(store):
    store.put(f"{FOLDER}/notes.json", b"{}")
    assert "notes" not in kept_ids(store)
    assert kept(store, "notes") is None
