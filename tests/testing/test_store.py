"""The conformance suite must catch the stores that it is there to catch."""

from __future__ import annotations

import threading

import pytest

from panneuro.core.errors import ObjectExistsError
from panneuro.storage.stores import open_store
from panneuro.testing.faults import Fault, FaultyStore
from panneuro.testing.store import WRITERS, StoreConformance

SUITE = StoreConformance()
FAILURES = (AssertionError, pytest.fail.Exception)


class Overwrites(FaultyStore):
    """Ignores the condition of a create-only put."""

    def put(self, key, data, *, create=False):
        super().put(key, data)


class LooksThenWrites(FaultyStore):
    """Honours the condition, but not between writers that look at the same time."""

    others_looked = threading.Barrier(WRITERS)

    def put(self, key, data, *, create=False):
        if create and key in {found.key for found in self.store.list()}:
            raise ObjectExistsError(f"{key!r} is there")
        self.others_looked.wait(timeout=30)
        super().put(key, data)


class TakesAnyKey(FaultyStore):
    """Reads whatever it is asked for."""

    def get(self, key):
        return b""


@pytest.fixture
def inner(tmp_path):
    return open_store(f"memory://{tmp_path}")


def test_the_suite_catches_a_store_that_overwrites(inner):
    for test in (
        SUITE.test_creates_only_where_nothing_is,
        SUITE.test_lets_one_of_many_writers_create,
        SUITE.test_settles_a_race_for_one_commit,
    ):
        with pytest.raises(FAILURES):
            test(Overwrites(inner, {}))


def test_the_suite_catches_a_race(inner):
    with pytest.raises(FAILURES):
        SUITE.test_lets_one_of_many_writers_create(LooksThenWrites(inner, {}))


def test_the_suite_catches_a_store_that_takes_any_key(inner):
    with pytest.raises(FAILURES):
        SUITE.test_refuses_hostile_keys(TakesAnyKey(inner, {}), "../outside")


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.CORRUPTED])
def test_the_suite_catches_a_store_that_spoils_bytes(inner, fault):
    with pytest.raises(FAILURES):
        SUITE.test_returns_what_was_put(FaultyStore(inner, {2: fault}, only="get"))
