"""What an actor may not know of is not there: neither found, counted, completed nor named."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import panneuro
from panneuro.access.actors import ANONYMOUS, LOCAL, Actor
from panneuro.core.entry import Entry
from panneuro.core.errors import DocumentError, InputError, NotAllowedError, NotFoundError
from panneuro.core.query import Query
from panneuro.core.run import Run
from panneuro.lake import acting, granting
from panneuro.testing.policy import actors, assets, policies, queries

ADA, BEN = Actor("ada@uni.edu"), Actor("ben@uni.edu")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _listed_each_time(monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 0.0)


def entry(name, version="1", created="2026-01-01", **fields):
    return Entry(name, version, created, f"sha256:{name}{version}", fields)


@pytest.fixture
def several(lake):
    """Return a lake whose index knows of some assets."""
    lake.catalog.index(
        [
            entry("ecephys_a1", project="retina", lab="Smith", units=10),
            entry("ecephys_a2", project="retina", lab="Jones", units=20),
            entry("ecephys_b1", project="cortex", lab="Smith", units=30),
        ]
    )
    return lake


@pytest.fixture
def recorded(lake, made_up, said):
    """Return a lake with one recording of the project retina."""
    source = made_up.use()
    lake.add(source, name="s1", said={**said, **PROJECT})
    return lake


PROJECT = {
    "description": {
        "project": "retina",
        "title": "t",
        "lab": "Smith",
        "modalities": ["ecephys"],
        "institution": "Somewhere",
        "licence": "CC0-1.0",
    }
}


def test_without_grants_who_holds_the_store_sees_all_and_others_nothing(several):
    assert len(several.as_(LOCAL)) == 3
    for actor in (ANONYMOUS, ADA):
        assert len(several.as_(actor)) == 0


def test_everything_is_filtered(several):
    several.grant("ada@uni.edu", "reader", "project=retina")
    seen = several.as_(ADA)
    assert len(seen) == 2
    assert list(seen) == ["ecephys_a1", "ecephys_a2"]
    assert "ecephys_b1" not in seen
    assert seen.find("units>15").names == ["ecephys_a2"]
    assert seen.find().facets("lab", "project") == {
        "lab": [("Jones", 1), ("Smith", 1)],
        "project": [("retina", 2)],
    }
    assert seen.complete("ecephys") == ["ecephys_a1", "ecephys_a2"]
    assert seen.complete("project=") == ["project=retina"]
    assert [one.name for one in seen.find().page(1, sort="-units").entries] == ["ecephys_a2"]
    assert seen.find().page(1).total == 2
    assert seen.only(["ecephys_b1", "ecephys_a1", "nothing"]) == {"ecephys_a1"}
    assert str(seen.find("units>15").query) == "units>15"
    assert len(seen.find().df) == 2
    assert dict(seen.index.latest(Query())) == {"ecephys_a1": "1", "ecephys_a2": "1"}


def test_what_is_hidden_is_refused_in_the_words_for_what_is_not_there(several):
    several.grant("ada@uni.edu", "reader", "project=retina")
    seen = several.as_(ADA)

    def told(reference):
        with pytest.raises(NotFoundError) as refused:
            seen.asset(reference)
        return str(refused.value), refused.value.code

    hidden = [told("ecephys_b1"), told("ecephys_b1@1"), told("ecephys_b"), told("b")]
    several.catalog.remove(["ecephys_b1"])
    assert hidden == [told("ecephys_b1"), told("ecephys_b1@1"), told("ecephys_b"), told("b")]
    assert "did you mean 'ecephys_a2'?" in told("ecephys_a3")[0]


_slow = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_slow
@given(policies(), actors, assets(), queries)
def test_what_is_not_visible_cannot_be_counted(policy, actor, entries, asked):
    lake = panneuro.open(f"memory://{uuid.uuid4()}", create=True)
    lake.catalog.index(entries)
    for statement in policy.statements:
        lake.access.say(statement)
    seen, now = lake.as_(actor), datetime.now(UTC)
    policy = lake.access.policy()
    visible = {one.name for one in entries if policy.may(actor, "find", one, now)}
    wanted = {one.name for one in entries if one.name in visible and asked.matches(one)}
    assert set(seen) == visible
    assert len(seen) == len(visible)
    assert {name for name in ("s1", "s2", "s3", "t1", "t2") if name in seen} == visible
    assert set(seen.find(str(asked)).names) == wanted
    assert seen.find(str(asked)).page(1).total == len(wanted)
    counts = seen.find().facets("project", "tag")
    for field, found in counts.items():
        held = [one.strings(field) for one in entries if one.name in visible]
        assert dict(found) == {
            value: sum(value in values for values in held) for values in held for value in values
        }
    assert set(seen.complete("s", 100)) - {f for f in seen.complete("s") if f.endswith("=")} == {
        name for name in visible if name.startswith("s")
    }
    assert seen.only(one.name for one in entries) == visible


def test_an_older_version_is_there_only_with_the_latest(several):
    several.grant("everyone", "reader", "project=cortex")
    several.catalog.index([entry("ecephys_a1", "2", "2026-02-01", project="cortex")])
    seen = several.as_(ANONYMOUS)
    assert seen.entry("ecephys_a1").version == "2"
    with pytest.raises(NotFoundError):
        seen.entry("ecephys_a1@1")
    several.catalog.index([entry("ecephys_b1", "2", "2026-02-01", project="retina")])
    with pytest.raises(NotFoundError):
        seen.entry("ecephys_b1@1")
    several.grant("ada@uni.edu", "reader", "")
    assert several.as_(ADA).entry("ecephys_a1@1").version == "1"


def test_a_grant_by_name_is_of_that_asset_alone(several):
    grant = several.grant("ada@uni.edu", "reader", "ecephys_a1")
    assert str(grant.on) == "name=ecephys_a1"
    assert list(several.as_(ADA)) == ["ecephys_a1"]
    with pytest.raises(InputError, match="words"):
        several.grant("ada@uni.edu", "reader", "ecephys_z")


def test_a_refusal_says_what_may_not_be_done_and_is_recorded(several):
    several.grant("ada@uni.edu", "reader", "project=retina")
    seen = several.as_(ADA)
    assert seen.need("find", "ecephys_a1").name == "ecephys_a1"
    with pytest.raises(NotAllowedError, match="may not edit 'ecephys_a1'"):
        seen.need("edit", "ecephys_a1")
    with pytest.raises(NotFoundError):
        seen.need("edit", "ecephys_b1")
    several.audit.flush()
    assert [(one.what, one.on, one.about) for one in several.audit.search(who="*ada*")] == [
        ("refused", "ecephys_a1", {"verb": "edit"}),
        ("refused", "ecephys_b1", {"verb": "find"}),
    ]


def test_data_wait_for_terms_and_documents_do_not(recorded):
    recorded.grant("ada@uni.edu", "reader", "project=retina")
    terms = recorded.access.terms("project=retina", "Cite us")
    seen = recorded.as_(ADA)
    assert seen.asset("s1").documents.description.title == "t"
    with pytest.raises(NotAllowedError, match="'Cite us'"):
        seen["s1"]
    assert seen.terms_due("s1") == (terms,)
    seen.accept(terms.id)
    assert len(seen["s1"].trials.df) == 2
    assert seen.terms_due("s1") == ()


def test_an_editor_cannot_carry_an_asset_out_of_what_they_may_edit(recorded):
    recorded.grant("ada@uni.edu", "editor", "project=retina")
    recorded.grant("ben@uni.edu", "reader", "project=retina")
    seen = recorded.as_(ADA)
    assert seen.describe("s1", {"description": {"title": "better"}}).is_new
    with pytest.raises(NotAllowedError, match="as its documents would have it"):
        seen.describe("s1", {"description": {"project": "cortex"}})
    with pytest.raises(NotAllowedError, match="may not edit"):
        recorded.as_(BEN).describe("s1", {"description": {"title": "worse"}})
    with pytest.raises(NotFoundError):
        recorded.as_(ANONYMOUS).describe("s1", {"description": {"title": "worse"}})
    assert [len(seen.versions("s1")), seen.entry("s1").fields["project"]] == [2, "retina"]


def test_parents_that_are_hidden_are_not_named(recorded, made_up, said):
    child = {**PROJECT["description"], "project": "cortex", "parents": ["s1"], "kind": "derived"}
    source = made_up.use(*made_up.signals(1))
    recorded.add(source, name="d1", said={**said, "description": child})
    recorded.grant("ada@uni.edu", "reader", "project=cortex")
    seen = recorded.as_(ADA)
    assert seen["d1"].documents.description.parents == ()
    assert [one.documents["description"]["parents"] for one in seen.versions("d1")] == [[]]
    assert len(seen.find("s1")) == 0
    recorded.grant("ada@uni.edu", "reader", "project=retina")
    assert seen["d1"].documents.description.parents == ("s1",)


def test_nobody_learns_of_an_asset_by_naming_it_as_a_parent(recorded, made_up, said):
    other = {**PROJECT["description"], "project": "cortex", "kind": "derived", "parents": ["s1"]}
    recorded.add(made_up.use(*made_up.signals(1)), name="d1", said={**said, "description": other})
    recorded.grant("ada@uni.edu", "editor", "project=cortex")
    seen = recorded.as_(ADA)

    def told(parent):
        with pytest.raises(DocumentError) as refused:
            seen.describe("d1", {"description": {"parents": [parent]}}, dry_run=True)
        return str(refused.value).replace(parent, "PARENT")

    assert told("s1") == told("s9")
    changed = seen.describe("d1", {"description": {"title": "better"}})
    assert changed.manifest.documents["description"]["parents"] == []
    assert recorded["d1"].documents.description.parents == ("s1",)


def test_a_rig_adds_and_sees_nothing(recorded, made_up, said):
    recorded.grant("rig:two", "adder", "project=retina")
    rig = recorded.as_(
        recorded.access.actor_for(recorded.access.token("rig:two", DAY, role="adder").secret)
    )
    said = {**said, **PROJECT}
    assert rig.add(made_up.use(*made_up.signals(2)), name="s2", said=said).is_new
    recorded.describe("s2", {"description": {"title": "what only others may read"}})
    again = rig.add(made_up.use(*made_up.signals(2)), name="s2", said=said)
    assert (again.is_new, again.manifest.documents["description"]["title"]) == (False, "t")
    assert len(rig) == 0
    with pytest.raises(NotFoundError):
        rig.asset("s2")
    for name in ("s1", "S1"):
        made_up.source.write_bytes(b"another file")
        with pytest.raises(NotAllowedError, match="is taken"):
            rig.add(made_up.use(*made_up.signals(3)), name=name, said=said)
    elsewhere = {**said, "description": {**PROJECT["description"], "project": "cortex"}}
    with pytest.raises(NotAllowedError, match="may not add"):
        rig.add(made_up.use(*made_up.signals(4)), name="s3", said=elsewhere)
    assert list(recorded) == ["s1", "s2"]


def test_an_export_needs_reading(recorded, tmp_path):
    recorded.grant("ada@uni.edu", "reader", "project=retina")
    assert recorded.as_(ADA).export("s1", "zarr", tmp_path / "out").exists()
    with pytest.raises(NotFoundError):
        recorded.as_(BEN).export("s1", "zarr", tmp_path / "other")


def test_time_alone_opens_and_closes(several, monkeypatch):
    now = datetime(2026, 6, 1, tzinfo=UTC)
    several.grant("everyone", "reader", "project=retina", start="2026-06-02", until="2026-06-03")
    several.grant("everyone", "reader", "project=cortex")
    several.access.embargo("lab=Smith", "2026-06-02")

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    monkeypatch.setattr(acting, "datetime", Clock)
    seen = several.as_(ANONYMOUS)
    assert list(seen) == []
    now = datetime(2026, 6, 2, tzinfo=UTC)
    assert list(seen) == ["ecephys_a1", "ecephys_a2", "ecephys_b1"]
    now = datetime(2026, 6, 3, tzinfo=UTC)
    assert list(seen) == ["ecephys_b1"]


@given(name=st.text(max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_is_too_strange(several, name):
    seen = several.as_(ADA)
    with pytest.raises((NotFoundError, InputError)):
        seen.asset(name)


def test_a_secret_that_is_not_valid_is_on_record(several):
    for secret in ("pnr_guess", "", "pnr_guess"):
        with pytest.raises(NotAllowedError):
            several.access.actor_for(secret)
    several.audit.flush()
    (event,) = several.audit.search(what="refused")
    assert (event.who, event.times, event.about["why"]) == (
        "everyone",
        3,
        "a secret that is not valid",
    )


def test_an_owner_is_told_who_did_what_with_what_they_own(several):
    several.grant("ada@uni.edu", "owner", "project=retina")
    several.grant("ben@uni.edu", "owner", "")
    for name in ("ecephys_a1", "ecephys_b1", "ecephys_a2@1", "nothing", ""):
        several.audit.record("download", ANONYMOUS, name)
    several.audit.flush()

    def on(actor):
        return [event.on for event in several.as_(actor).audit(what="download")]

    assert on(ADA) == ["ecephys_a1", "ecephys_a2@1"]
    assert on(BEN) == ["ecephys_a1", "ecephys_b1", "ecephys_a2@1", "nothing", ""]
    assert on(ANONYMOUS) == on(Actor("eve")) == []


def test_an_owner_is_told_what_was_said_of_what_they_own(several):
    several.grant("ada@uni.edu", "owner", "project=retina")
    several.grant("ben@uni.edu", "owner", "")
    shown = several.as_(ADA).sharing.grant("eve@uni.edu", "reader", "project=retina")
    several.as_(BEN).sharing.revoke(shown.id)
    several.as_(BEN).sharing.grant("eve@uni.edu", "reader", "project=cortex")

    def said(actor):
        return [(event.what, event.who) for event in several.as_(actor).audit()]

    mine = [("grant", "person:ada@uni.edu"), ("revocation", "person:ben@uni.edu")]
    assert [one for one in said(ADA) if "local" not in one[1]] == mine
    assert [one for one in said(BEN) if "local" not in one[1]] == [
        *mine, ("grant", "person:ben@uni.edu"),
    ]  # fmt: skip
    assert said(ANONYMOUS) == said(Actor("eve@uni.edu")) == []


def test_runs_that_touched_what_is_hidden_are_not_there(several):
    several.grant("ada@uni.edu", "reader", "project=retina")
    secret = {"signal": {"ecephys_a1": "1", "ecephys_b1": "1"}}
    several.learn(
        [
            Run("a" * 64, "sort", {}, {"rig": {"a.bin": "sha256:00"}}, {"ecephys_a1": "1"}),
            Run("b" * 64, "tune", {}, {"units": {"ecephys_a1": "1"}}, {"ecephys_a2": "1"}),
            Run("c" * 64, "join", {}, secret, {"ecephys_a2": "1"}),
            Run("d" * 64, "join", {}, {"units": {"ecephys_a1": "1"}}, {"ecephys_b1": "1"}),
        ]
    )
    seen = several.as_(ADA)

    def steps(name, **which):
        return [run.key[0] for run in seen.runs(name, **which)]

    assert steps("ecephys_a1") == ["a"]
    assert steps("ecephys_a1", using=True) == ["b"]
    assert steps("ecephys_a2") == ["b"]
    with pytest.raises(NotFoundError):
        seen.runs("ecephys_b1")
    assert len(several.as_(LOCAL).runs("ecephys_a1", using=True)) == 3
