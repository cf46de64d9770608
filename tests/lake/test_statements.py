"""Statements in the lake: put once, read in few requests, and none is believed that is not one."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime

import pytest

from panneuro.access.actors import Actor
from panneuro.access.statements import Grant
from panneuro.core.errors import CorruptionError, StoreError
from panneuro.core.query import parse
from panneuro.lake import statements
from panneuro.lake.granting import Access
from panneuro.storage.stores import open_store


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def visible(access, who):
    return str(access.policy().visible(Actor(who), datetime.now(UTC)))


def test_a_statement_that_cannot_be_read_closes_the_lake(store):
    Access(store).grant("ada@uni.edu", "reader", "")
    store.put(f"grants/{'0' * 64}.json", b'{"schema": "panneuro/access/1.0", "kind": "edict"}')
    with pytest.raises(CorruptionError):
        Access(store).policy()


def test_a_statement_under_a_name_that_is_not_its_own_closes_the_lake(store):
    grant = Grant(to="eve", role="owner", on=parse(""), by="local", at="2026-01-01")
    store.put(f"grants/{'0' * 64}.json", grant.encode())
    with pytest.raises(CorruptionError, match="not what its name says"):
        Access(store).policy()


def test_a_grant_and_its_end_are_on_the_disk(store, monkeypatch):
    access = Access(store)
    given = access.grant("ada@uni.edu", "reader", "")

    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="on the disk"):
        access.revoke(given.id)
    with pytest.raises(StoreError, match="on the disk"):
        access.grant("bob@uni.edu", "reader", "")


def test_what_is_not_ours_is_passed_over(store):
    store.put("grants/.DS_Store", b"")
    store.put("grants/notes.json", b"{}")
    assert Access(store).is_open


def test_many_statements_are_read_in_few_requests(store, monkeypatch):
    monkeypatch.setattr(statements, "_UNPACKED", 10)
    access = Access(store)
    for at in range(75):
        access.grant("ada@uni.edu", "reader", f"name=s{at}")
    access.revoke(access.statements()[0].id)
    before = store.usage.snapshot()
    again = Access(store)
    assert len(again.statements()) == 74
    assert (store.usage.snapshot() - before).requests < 45
    assert visible(again, "ada@uni.edu") == visible(access, "ada@uni.edu")
    assert 1 < len(list(store.list("grants/packs"))) < 5


def test_a_pack_cannot_say_what_no_statement_says(store):
    forged = Grant(to="eve", role="owner", on=parse(""), by="local", at="2026-01-01")
    Access(store).grant("ada@uni.edu", "reader", "name=s1")
    Access(store).grant("ada@uni.edu", "reader", "name=s2")
    store.put(f"grants/packs/{'0' * 64}.jsonl", forged.encode())
    access = Access(store)
    assert len(access.statements()) == 2
    assert visible(access, "eve") == "-(*)"
