"""The audit says what was done, by day, and loses nothing that was put."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.core.errors import CorruptionError, StoreError
from panneuro.lake import auditing
from panneuro.lake.auditing import Audit, Event
from panneuro.storage.stores import open_store

ADA = Actor("ada@uni.edu")


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def test_what_is_recorded_is_found_in_the_order_of_its_times(store):
    audit = Audit(store)
    audit.record("sign-in", ADA, provider="uni.edu")
    audit.record("download", ADA, "s1", n_bytes=10)
    audit.flush()
    audit.record("refused", ANONYMOUS, "s2", verb="read")
    audit.flush()
    found = list(Audit(store).search())
    assert [(one.who, one.what, one.on) for one in found] == [
        ("person:ada@uni.edu", "sign-in", ""),
        ("person:ada@uni.edu", "download", "s1"),
        ("everyone", "refused", "s2"),
    ]
    assert found[0].about == {"provider": "uni.edu"}
    assert len(list(store.list("audit"))) == 2


def test_nothing_is_put_before_it_is_asked_for_or_due(store):
    audit = Audit(store)
    audit.record("download", ADA, "s1")
    assert not list(store.list("audit"))
    audit.flush()
    audit.flush()
    assert len(list(store.list("audit"))) == 1


def test_a_batch_is_put_when_it_is_due(store, monkeypatch):
    monkeypatch.setattr(auditing, "_PERIOD_S", 0.0)
    audit = Audit(store)
    audit.record("download", ADA, "s1")
    timer = audit._gathered._timer
    if timer is not None:
        timer.join()
    assert [one.on for one in audit.search()] == ["s1"]


def test_what_is_gathered_is_put_when_the_audit_goes(store):
    audit = Audit(store)
    audit.record("download", ADA, "s1")
    del audit
    assert [one.on for one in Audit(store).search()] == ["s1"]


def test_the_very_same_is_counted(store):
    audit = Audit(store)
    for _ in range(1_000):
        audit.record("download", ADA, "s1", n_bytes=3)
    audit.record("download", ADA, "s2", n_bytes=3)
    audit.flush()
    assert [(one.on, one.times, one.n_bytes) for one in audit.search()] == [
        ("s1", 1_000, 3_000),
        ("s2", 1, 3),
    ]


def test_a_flood_of_names_is_bounded(store, monkeypatch):
    monkeypatch.setattr(auditing, "_MOST", 10)
    audit = Audit(store)
    for at in range(1_000):
        audit.record("refused", ANONYMOUS, f"guess {at}")
    audit.record("sign-in", ADA)
    audit.flush()
    found = list(audit.search())
    assert len(found) == 12
    assert sum(one.times for one in found) == 1_001
    assert [one.who for one in found if one.what == "sign-in"] == ["person:ada@uni.edu"]


def test_what_others_say_is_kept_short_and_whole(store):
    audit = Audit(store)
    hostile = "x" * 10**6 + "\ud800\n{}\x00"
    audit.record("refused", ANONYMOUS, hostile, reason=hostile, agent="\n\n\ud800")
    audit.flush()
    (found,) = audit.search()
    assert len(found.on) == 300
    assert found.about["agent"] == "\n\n\ufffd"


def test_it_is_searched_by_day_who_what_and_on(store):
    audit, now = Audit(store), datetime.now(UTC)
    for days, name in ((0, "s1"), (1, "s2"), (40, "t1")):
        at = (now - timedelta(days=days)).isoformat()
        audit._gathered.add(Event(at, "person:ada@uni.edu", "download", name))
    audit.flush()
    on = lambda **asked: [one.on for one in audit.search(**asked)]  # noqa: E731
    assert on() == ["t1", "s2", "s1"]
    assert on(since=(now - timedelta(days=1)).date()) == ["s2", "s1"]
    assert on(until=(now - timedelta(days=2)).date()) == ["t1"]
    assert on(on="S*") == ["s2", "s1"]
    assert on(on="s1") == ["s1"]
    assert on(who="*ada*", what="download", on="*1") == ["t1", "s1"]
    assert on(who="ada") == on(what="refused") == []


def test_what_cannot_be_put_waits(store):
    class Failing:
        fails = True

        def put(self, *arguments, **options):
            if self.fails:
                raise StoreError("the network is down")
            store.put(*arguments, **options)

    failing = Failing()
    audit = Audit(failing)
    audit.record("download", ADA, "s1")
    with pytest.raises(StoreError):
        audit.flush()
    audit._gathered.flush_quietly()
    failing.fails = False
    audit.flush()
    assert [one.on for one in Audit(store).search()] == ["s1"]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"at": 1}', b'{"who": "x", "nonsense": 1}'])
def test_a_damaged_file_is_told(store, data):
    store.put("audit/2026-01-01/x.jsonl", data)
    with pytest.raises(CorruptionError, match="of the audit cannot be read"):
        list(Audit(store).search())


def test_what_is_not_ours_is_passed_over(store):
    store.put("audit/notes/readme.txt", b"by hand")
    store.put("audit/2026-01-01/readme.txt", b"by hand")
    assert list(Audit(store).search()) == []
    assert json.dumps(Event("2026", "a", "b").to_json())
