from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import ConflictError, StoreError
from panneuro.core.manifest import KEY, Manifest, StoredFile
from panneuro.storage.settling import ATTEMPTS, FOLDER, agree, clear, mend, settle
from panneuro.storage.stores import open_store
from panneuro.testing.faults import Fault, FaultyStore

DAMAGED = b"damaged"


@pytest.fixture
def store():
    return new()


def new():
    return open_store(f"memory://settling-{uuid.uuid4()}")


def committing(store, data):
    """Commit a version that lists one object."""
    files = (StoredFile("k", len(data), digest_bytes(data)),)
    manifest = Manifest("session", "0123456789ab", "", "", "", {}, (), files, ())
    store.put(KEY, manifest.encode())


class InTurns(FaultyStore):
    """A store that two writers use in an order that is given, one call after the other."""

    def __init__(self, store, turns):
        super().__init__(store, {})
        self.turns = iter(turns)
        self.turn = next(self.turns, None)
        self.done = set()
        self.changed = threading.Condition()

    def writer(self, number):
        def call(method):
            def wait(*words, **options):
                with self.changed:
                    self.changed.wait_for(lambda: self.turn in (number, None))
                    try:
                        return getattr(self.store, method)(*words, **options)
                    finally:
                        self._pass_on()

            return wait

        plain = FaultyStore(self.store, {})
        for method in ("get", "get_range", "put", "info", "delete"):
            setattr(plain, method, call(method))
        return plain

    def leave(self, number):
        with self.changed:
            self.done.add(number)
            if self.turn in self.done:
                self._pass_on()

    def _pass_on(self):
        self.turn = next((turn for turn in self.turns if turn not in self.done), None)
        self.changed.notify_all()


def write(store, mine, good):
    """Write as `ArrayWriter` does, and return what the store is believed to hold."""
    for _ in range(20):
        there = store.get("k") if present(store) else None
        if there in good:
            return there
        done = settle(store, "k", mine) if there is None else mend_at(store, mine, there)
        if done:
            return mine
    raise AssertionError("no end")


def present(store):
    try:
        store.info("k")
    except StoreError:
        return False
    return True


def mend_at(store, mine, there):
    return mend(store, "k", mine, digest_bytes(there))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2]), max_size=60),
    st.sampled_from([None, DAMAGED]),
    st.booleans(),
)
def test_in_whatever_order_all_believe_what_is(turns, there, left_aside):
    store, ours = new(), [b"ours", b"theirs", b"others'"]
    if there:
        store.put("k", there)
    if there and left_aside:
        with pytest.raises(StoreError):
            mend_at(FaultyStore(store, {2: Fault.REFUSED}, only="put"), b"the dead one's", there)
    turned, good = InTurns(store, turns), {*ours, b"the dead one's"}

    def one(number):
        try:
            return write(turned.writer(number), ours[number], good)
        finally:
            turned.leave(number)

    with ThreadPoolExecutor(3) as executor:
        believed = list(executor.map(one, range(3)))
    assert {store.get("k")} == set(believed)
    assert [found.key for found in store.list()] == ["k"]


def test_the_first_decides(store):
    assert settle(store, "k", b"first")
    assert settle(store, "k", b"first")
    assert not settle(store, "k", b"second")
    assert store.get("k") == b"first"


def test_a_lost_answer_is_recognised(store):
    assert settle(FaultyStore(store, {1: Fault.LOST}, only="put"), "k", b"ours")
    for call in (1, 2):
        store.put("k", DAMAGED)
        assert mend_at(FaultyStore(store, {call: Fault.LOST}, only="put"), b"ours", DAMAGED)
        assert store.get("k") == b"ours"


def test_what_cannot_be_put_is_told(store):
    with pytest.raises(StoreError, match="refused"):
        settle(FaultyStore(store, {1: Fault.REFUSED}, only="put"), "k", b"ours")
    store.put("k", DAMAGED)
    for call in (1, 2):
        with pytest.raises(StoreError, match="refused"):
            mend_at(FaultyStore(store, {call: Fault.REFUSED}, only="put"), b"ours", DAMAGED)
        assert store.get("k") == DAMAGED
    assert not mend_at(store, b"second ours", DAMAGED)
    assert store.get("k") == b"ours"


def test_what_is_committed_is_only_replaced_by_itself(store):
    store.put("k", DAMAGED)
    committing(store, b"committed")
    with pytest.raises(ConflictError, match="another writer has committed"):
        mend_at(store, b"ours", DAMAGED)
    assert store.get("k") == DAMAGED
    assert mend_at(store, b"committed", DAMAGED)
    assert {found.key for found in store.list()} == {"k", KEY}


def test_what_was_left_aside_is_cleared(store):
    store.put(f"{FOLDER}/1234", b"aside")
    store.put("k", b"whole")
    clear(store, [found.key for found in store.list()])
    assert [found.key for found in store.list()] == ["k"]


def decided(store, value, about="it", *, is_there=False):
    return agree(store, "k", about, lambda: {"value": value}, is_there=is_there)[0]["value"]


def test_the_first_decides_for_all(store):
    assert decided(store, 1) == 1
    assert decided(store, 2) == 1
    said, data = agree(store, "k", "it", lambda: pytest.fail("not needed"), is_there=True)
    assert said == {"value": 1}
    assert data == store.get("k")


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"[" * 100_000, b'{"digest": 1}', b"\xff"])
def test_a_decision_that_is_damaged_is_made_anew(store, damage):
    store.put("k", damage)
    assert decided(store, 3, is_there=True) == 3
    assert decided(store, 4, is_there=True) == 3


def test_a_decision_about_something_else_is_none(store):
    assert decided(store, 1, about="something else") == 1
    assert decided(store, 2) == 2


def test_a_decision_of_which_a_letter_changed_is_none(store):
    decided(store, "pcodec")
    store.put("k", store.get("k").replace(b"pcodec", b"pcodex"))
    assert decided(store, "blosc") == "blosc"


def test_who_is_always_overtaken_gives_up(store):
    class Overtaken(FaultyStore):
        def put(self, key, data, *, create=False):
            store.put("k", uuid.uuid4().bytes)
            super().put(key, data, create=create)

    overtaken = Overtaken(store, {})
    with pytest.raises(ConflictError, match="keep replacing"):
        decided(overtaken, 1, is_there=True)
    assert overtaken.calls <= 8 * ATTEMPTS
