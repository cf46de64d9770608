"""What is metered is what is on record: each byte once, each second once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.actors import Actor
from panneuro.core.query import parse
from panneuro.core.run import Run
from panneuro.lake.metering import OWN, kept, months, named_month, used

LONG_AGO, LATER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
FIRST = 1_577_836_800
moments = st.integers(FIRST, FIRST + 10 * 365 * 86_400)


@pytest.fixture
def described(lake, made_up, said):
    """Return a lake with one recording, described again."""
    description = {**said["description"], "project": "retina"}
    lake.add(made_up.use(), name="s1", said={**said, "description": description})
    lake.describe("s1", {"description": {"title": "better"}})
    return lake


@given(moments, moments)
def test_months_make_up_the_time_between(since, until):
    parts = list(months(since, until))
    assert sum(over for _, over in parts) == max(0, until - since)
    met = [month for month, _ in parts]
    assert met == list(range(met[0], met[-1] + 1)) if met else since >= until
    for month, over in parts:
        begins = datetime.fromtimestamp(since, UTC)
        assert named_month(month) == f"{begins:%Y-%m}"
        assert over > 0
        assert month == met[0] or (begins.day, begins.hour, begins.second) == (1, 0, 0)
        since += over


def test_shared_bytes_are_kept_once_by_who_holds_them(described):
    listed = {found.key: found.size for found in described.store.list("assets")}
    by_version = {one.entry.version: one for one in kept(described)}
    assert len(by_version) == 2
    for one in by_version.values():
        prefix = f"assets/s1/{one.entry.version}/"
        own = {key: size for key, size in listed.items() if key.startswith(prefix)}
        own.pop(f"{prefix}_lake/next.json", None)
        assert (one.n_bytes, one.n_objects) == (sum(own.values()), len(own))
    first, second = described.versions("s1")
    assert by_version[first.version].n_bytes > by_version[second.version].n_bytes


def test_storage_is_put_down_to_who_made_it(described):
    now = datetime.now(UTC)
    lines = [
        one for one in used(described, LONG_AGO, now + timedelta(days=40)) if one.asset == "s1"
    ]
    (run,) = {one.run for one in lines if one.step == "panneuro.describe"}
    assert described.runs.get(run).outputs == {"s1": described["s1"].version}
    assert {one.project for one in lines} == {"retina"}
    assert {one.kind for one in lines} == {"storage", "requests", "compute"}
    assert {one.person for one in lines} == {described.runs.get(run).user}
    assert len({one.month for one in lines if one.kind == "storage"}) >= 2
    later = list(used(described, now + timedelta(days=50), LATER))
    assert {one.kind for one in later} == {"storage"}


def test_a_run_is_shared_by_what_it_made_or_took(described):
    ended = datetime.now(UTC).isoformat()
    version = described["s1"].version
    taken = {"source": {"s1": version}}
    described.learn(
        [
            Run(
                "a" * 64, "sort", {}, taken, {"d1": "1", "d2": "1"}, ended=ended, core_seconds=10.0
            ),
            Run("b" * 64, "sort", {}, taken, status="failed", ended=ended, core_seconds=6.5),
            Run("c" * 64, "tidy", {}, {}, ended=ended, core_seconds=1.5, user="ada"),
        ]
    )
    lines = [one for one in used(described, LONG_AGO, LATER) if one.step in ("sort", "tidy")]
    seconds = sorted(
        (one.asset, one.quantity, one.project) for one in lines if one.kind == "compute"
    )
    assert seconds == [
        ("", 1_500_000, ""),
        ("d1", 5_000_000, ""),
        ("d2", 5_000_000, ""),
        ("s1", 6_500_000, "retina"),
    ]


def test_gpus_are_shared_as_processors_are(described):
    ended = datetime.now(UTC).isoformat()
    run = Run("d" * 64, "train", {}, {}, {"m1": "1", "m2": "1"}, ended=ended, gpu_seconds=90.0)
    described.learn([run])
    lines = [one for one in used(described, LONG_AGO, LATER) if one.kind == "gpu"]
    assert [(one.asset, one.quantity, one.run) for one in lines] == [
        ("m1", 45_000_000, run.key),
        ("m2", 45_000_000, run.key),
    ]


def test_what_is_served_is_egress(described):
    described.audit.record("download", Actor("ada@uni.edu"), "s1@0a1b", n_bytes=1_000)
    described.audit.record("download", Actor("ada@uni.edu"), "s1@0a1b", n_bytes=1_000)
    described.audit.record("sign-in", Actor("ada@uni.edu"))
    described.audit.flush()
    served = [one for one in used(described, LONG_AGO, LATER) if one.kind in ("egress", "reads")]
    assert [(one.kind, one.quantity, one.asset, one.project, one.person) for one in served] == [
        ("egress", 2_000, "s1", "retina", "person:ada@uni.edu"),
        ("reads", 2, "s1", "retina", "person:ada@uni.edu"),
    ]


def test_the_lake_itself_is_kept_too(described):
    described.publish()
    described.grant("ada@uni.edu", "reader", "")
    now = datetime.now(UTC)
    own = [one for one in used(described, LONG_AGO, now) if one.asset == OWN]
    assert own
    assert {one.kind for one in own} == {"storage"}


def test_within_a_query_only_what_it_finds_is_metered(described, made_up, said):
    described.add(made_up.use(*made_up.signals(1)), name="t1", said=said)
    lines = list(used(described, LONG_AGO, LATER, parse("project=retina")))
    assert {one.asset for one in lines} == {"s1"}
    assert {one.asset for one in used(described, LONG_AGO, LATER)} == {"s1", "t1", OWN}
    described.describe("s1", {"description": {"project": "cortex"}})
    assert not list(used(described, LONG_AGO, LATER, parse("project=retina")))
