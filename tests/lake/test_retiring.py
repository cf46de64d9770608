"""Rules propose; nothing that cannot be made again ever goes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import panneuro
from panneuro.access.actors import Actor
from panneuro.core.entry import Entry
from panneuro.core.errors import InputError
from panneuro.core.run import Run
from panneuro.lake.retiring import REPRODUCE, expire, proposals, why_not
from panneuro.lake.tombstones import EXPIRE, absences
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


def proof(name, outcome="identical", version="1", **changes):
    """Return the record of a verdict."""
    taken, log = {"source": {name: version}}, json.dumps({"outcome": outcome})
    said = {"ended": THEN.isoformat(), "log": log, **changes}
    return Run(uuid.uuid4().hex * 2, REPRODUCE, {}, taken, **said)


@pytest.fixture
def ruled():
    """Return a lake with rules, a recording and what was made of it."""
    place = f"memory://{uuid.uuid4()}"
    open_store(place).put("lake.toml", RULES)
    lake = panneuro.open(place)
    lake.catalog.index([entry("s1"), entry("d1", "derived")])
    lake.learn([made("d1", {"s1": "1"}), proof("d1")])
    return lake


def told(lake):
    return {
        (one.name, one.version): (one.rule.do, one.saved_per_month, one.kept_because)
        for one in proposals(lake, NOW)
    }


def test_what_nobody_asks_for_is_proposed_with_what_it_saves(ruled):
    reason = "no storage_class is said of the tier 'cold' in [prices]"
    assert told(ruled) == {("s1", "1"): ("tier", 16, reason), ("d1", "1"): ("expire", 20, "")}


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
        (made("d9", {"s1": "1"}), "it was never made again"),
    ],
)
def test_only_what_can_be_made_again_may_go(ruled, run, reason):
    derived = entry("d9", "derived")
    ruled.catalog.index([derived])
    assert why_not(ruled, derived) == "no complete record says how it was made"
    ruled.learn([run])
    assert why_not(ruled, derived).startswith(reason)


@pytest.mark.parametrize(
    ("proven", "reason"),
    [
        (proof("d9", "equal"), "it was never made again"),
        (proof("d9", "identical", status="failed"), "it was never made again"),
        (proof("d9", version="2"), "it was never made again"),
        (proof("d9", log="{"), "it was never made again"),
        (proof("d9"), ""),
    ],
)
def test_only_what_was_made_again_byte_for_byte_may_go(ruled, proven, reason):
    derived = entry("d9", "derived")
    ruled.catalog.index([derived])
    ruled.learn([made("d9", {"s1": "1"}), proven])
    assert why_not(ruled, derived)[: len(reason) or None] == reason


def test_recordings_and_older_versions_never_go(ruled):
    assert why_not(ruled, entry("s1")) == "it is a recording"
    ruled.catalog.index([entry("d1", "derived", NOW, version="2")])
    assert "later version" in why_not(ruled, entry("d1", "derived"))


def test_without_rules_nothing_is_proposed(lake):
    assert list(proposals(lake)) == []


def test_what_stands_against_it_is_not_done(ruled):
    ruled.catalog.index([entry("d2", "derived")])
    for one in proposals(ruled, NOW):
        if one.rule.do == "tier" or one.kept_because:
            with pytest.raises(InputError, match="does not expire"):
                expire(ruled, one)
    assert ruled.runs.find(step=EXPIRE) == []


ASSETS = st.lists(
    st.tuples(
        st.booleans(),  # a recording
        st.booleans(),  # its run is complete
        st.booleans(),  # it was made again
        st.lists(st.integers(-1, 20), max_size=3),  # made from; -1 is not here
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(ASSETS, st.randoms(use_true_random=False))
def test_nothing_that_cannot_be_made_again_ever_expires(assets, random):
    lake = panneuro.open(f"memory://{uuid.uuid4()}", create=True)
    parents = {}
    for at, (is_raw, complete, proven, taken) in enumerate(assets):
        name = f"a{at}"
        lake.catalog.index([entry(name, "raw" if is_raw else "derived")])
        parents[name] = {f"a{one}" if 0 <= one < at else "gone" for one in taken}
        code = "sha256:c" if complete else ""
        lake.learn([made(name, dict.fromkeys(parents[name], "1"), code=code)])
        if proven:
            lake.learn([proof(name)])
    gone = set()
    for name in random.sample(sorted(parents), len(parents)):
        if not why_not(lake, lake.index.get(name)):
            taken = {"source": {name: "1"}}
            lake.learn([Run(name.encode().hex(), EXPIRE, {}, taken, ended=NOW.isoformat())])
            gone.add(name)

    def is_there(name):
        at = int(name[1:]) if name != "gone" else -1
        if name not in gone:
            return at >= 0
        is_raw, complete, proven, _ = assets[at]
        return not is_raw and complete and proven and all(map(is_there, parents[name]))

    assert all(map(is_there, parents))
    assert {name for name, _ in absences(lake.runs)} == gone
