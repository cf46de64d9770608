"""Rules propose; nothing that cannot be made again ever goes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

import panneuro
from panneuro.access.actors import Actor
from panneuro.core.entry import Entry
from panneuro.core.run import Run
from panneuro.lake.retiring import proposals, why_not
from panneuro.storage.stores import open_store

NOW = datetime(2026, 6, 1, tzinfo=UTC)
THEN = NOW - timedelta(days=400)
RULES = b"""layout = 1
id = "x"
[prices]
standard = 20
cold = 4
[[lifecycle]]
on = "kind=derived"
idle_days = 90
do = "expire"
[[lifecycle]]
on = ""
idle_days = 180
do = "tier"
tier = "cold"
"""


def entry(name, kind="raw", created=THEN, version="1"):
    doc = {"stored_bytes": 10**12, "stored_objects": 1, "source_bytes": 0}
    fields = {"kind": kind, "project": "retina"}
    return Entry(name, version, created.isoformat(), f"sha256:{name}", fields, doc=doc)


def made(name, taken, version="1", **changes):
    said = {"reference": "m:f", "code": "sha256:c", "environment": "sha256:e", **changes}
    ended = said.pop("ended", THEN.isoformat())
    key = (name.encode().hex() + version * 64)[:64]
    return Run(
        key, "tune", {}, {"source": taken} if taken else {}, {name: version}, ended=ended, **said
    )


@pytest.fixture
def ruled():
    """Return a lake with rules, a recording and what was made of it."""
    place = f"memory://{uuid.uuid4()}"
    open_store(place).put("lake.toml", RULES)
    lake = panneuro.open(place)
    lake.catalog.index([entry("s1"), entry("d1", "derived")])
    lake.learn([made("d1", {"s1": "1"})])
    return lake


def told(lake):
    return {
        (one.name, one.version): (one.rule.do, one.saved_per_month, one.kept_because)
        for one in proposals(lake, NOW)
    }


def test_what_nobody_asks_for_is_proposed_with_what_it_saves(ruled):
    assert told(ruled) == {("s1", "1"): ("tier", 16, ""), ("d1", "1"): ("expire", 20, "")}


def test_what_was_asked_for_stays(ruled):
    ruled.learn([made("d2", {"s1": "1"}, ended=(NOW - timedelta(days=10)).isoformat())])
    assert set(told(ruled)) == {("d1", "1")}
    ruled.catalog.index([entry("new", created=NOW - timedelta(days=1))])
    assert set(told(ruled)) == {("d1", "1")}


def test_what_was_served_stays(ruled):
    ruled.audit.record("download", Actor("ada@uni.edu"), "s1@1", n_bytes=5)
    ruled.audit.flush()
    later = datetime.now(UTC) + timedelta(days=100)
    assert [one.name for one in proposals(ruled, later)] == ["d1"]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (made("d9", {"s1": "1"}, reference=""), "no complete record"),
        (made("d9", {"s1": "1"}, code=""), "no complete record"),
        (made("d9", {"s1": "1"}, environment=""), "no complete record"),
        (made("d9", {}), "no complete record"),
        (made("d9", {"s1": "2"}), "what it was made from is not here: s1@2"),
        (made("d9", {"gone": "1"}), "what it was made from is not here: gone@1"),
        (made("d9", {"/rig/file.bin": "sha256:00"}), "what it was made from is not here"),
        (made("d9", {"s1": "1"}), ""),
    ],
)
def test_only_what_can_be_made_again_may_go(ruled, run, reason):
    derived = entry("d9", "derived")
    ruled.catalog.index([derived])
    assert why_not(ruled, derived) == "no complete record says how it was made"
    ruled.learn([run])
    assert why_not(ruled, derived).startswith(reason)
    assert bool(why_not(ruled, derived)) == bool(reason)


def test_recordings_and_older_versions_never_go(ruled):
    assert why_not(ruled, entry("s1")) == "it is a recording"
    ruled.catalog.index([entry("d1", "derived", NOW, version="2")])
    assert "later version" in why_not(ruled, entry("d1", "derived"))


def test_without_rules_nothing_is_proposed(lake):
    assert list(proposals(lake)) == []
