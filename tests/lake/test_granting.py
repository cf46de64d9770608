"""Saying who may do what: it holds everywhere, until it is taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.access.policy import digest_of
from panneuro.core.errors import InputError, NotAllowedError, NotFoundError
from panneuro.core.query import parse
from panneuro.lake import granting
from panneuro.lake.granting import Access
from panneuro.storage.stores import open_store

ADA = Actor("ada@uni.edu")


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


@pytest.fixture(autouse=True)
def _listed_each_time(monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 0.0)


def visible(access, actor=ADA):
    return str(access.policy().visible(actor, datetime.now(UTC)))


def test_what_is_said_holds_in_every_process_until_it_is_taken_back(store):
    here, there = Access(store), Access(store)
    assert here.is_open
    grant = here.grant("ada@uni.edu", "reader", "project=retina", why="a collaboration")
    assert visible(there) == visible(here) == "(project=retina)"
    assert not there.is_open
    there.revoke(grant.id[:12])
    assert visible(here) == "-(*)"
    assert here.statements() == ()
    assert len(list(store.list("grants"))) == 2


def test_who_and_when_and_why_are_on_record(store):
    access = Access(store)
    access.grant("lab:smith", "editor", "species=mouse", why="they record it", by=ADA)
    (said,) = access.statements()
    assert (said.by, said.why) == ("person:ada@uni.edu", "they record it")
    assert abs(datetime.fromisoformat(said.at) - datetime.now(UTC)) < timedelta(minutes=5)
    assert str(said.on) == 'species="Mus musculus"'
    access.grant("lab:smith", "reader", "")
    assert access.statements()[-1].by.startswith("local:")


def test_two_who_say_something_at_once_both_are_heard(store):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(
            lambda at: Access(store).grant(f"p{at}@uni.edu", "reader", f"name=s{at}"), range(40)
        ))  # fmt: skip
    assert len(Access(store).statements()) == 40


def test_a_link_opens_for_whoever_holds_its_secret(store):
    access = Access(store)
    issued = access.link("tag=paper", timedelta(days=7), why="review")
    actor = access.actor_for(issued.secret)
    assert visible(access, actor) == "(tag=paper)"
    assert actor.principal.startswith("link:")
    assert issued.secret not in repr(issued)
    everything = b"".join(store.get(found.key) for found in store.list())
    assert issued.secret.encode() not in everything
    assert digest_of(issued.secret).encode() in everything
    access.revoke(issued.id)
    with pytest.raises(NotAllowedError, match="not valid"):
        access.actor_for(issued.secret)


def test_secrets_are_long_known_by_their_prefix_and_never_the_same(store):
    access = Access(store)
    secrets = {access.token("ada@uni.edu", timedelta(days=1)).secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("pnr_") and len(secret) >= 47 for secret in secrets)


def test_a_token_is_narrower_than_its_person(store):
    access = Access(store)
    access.grant("ada@uni.edu", "owner", "project=retina")
    issued = access.token("ada@uni.edu", timedelta(days=1), within="units>100")
    actor = access.actor_for(issued.secret)
    assert visible(access, actor) == "(project=retina) units>100"
    policy, now = access.policy(), datetime.now(UTC)
    assert str(policy.allowed(actor, "edit", now)) == "-(*)"


@pytest.mark.parametrize(
    "until", [timedelta(days=-1), timedelta(days=400), "2020-01-01", "9999-01-01", "tomorrow", ""]
)
def test_a_token_ends_and_within_a_year(store, until):
    with pytest.raises(InputError):
        Access(store).token("ada@uni.edu", until)
    with pytest.raises(InputError):
        Access(store).link("tag=paper", until)


def test_moments_are_written_with_their_zone(store):
    access = Access(store)
    zone = datetime.fromisoformat("2027-01-01T00:00:00+02:00")
    assert access.embargo("tag=x", zone).until == "2026-12-31T22:00:00+00:00"
    with pytest.raises(InputError, match="no zone"):
        access.embargo("tag=x", datetime(2027, 1, 1))  # noqa: DTZ001
    with pytest.raises(InputError, match="no moment"):
        access.grant("ada", "reader", "", start="soon")


def test_terms_are_accepted_on_record(store):
    access = Access(store)
    terms = access.terms("species=human", "Do not identify anyone", "In full: …")
    access.accept(terms.id, ADA)
    assert {one.kind for one in access.statements()} == {"terms", "acceptance"}
    with pytest.raises(NotFoundError):
        access.accept("0" * 64, ADA)
    with pytest.raises(InputError, match="sign in"):
        access.accept(terms.id, ANONYMOUS)
    access.revoke(terms.id)
    with pytest.raises(NotFoundError):
        access.accept(terms.id, ADA)


def test_a_group_is_who_was_said_to_belong_to_it(store):
    access = Access(store)
    access.grant("lab:smith", "reader", "project=retina")
    joined = access.join("ada@uni.edu", "lab:smith")
    assert visible(access) == "(project=retina)"
    access.revoke(joined.id)
    assert visible(access) == "-(*)"


@pytest.mark.parametrize("of", ["", "0", "0" * 8, "0" * 64, "../lake", "*"])
def test_what_was_not_said_cannot_be_taken_back(store, of):
    access = Access(store)
    access.grant("ada", "reader", "")
    with pytest.raises(NotFoundError):
        access.revoke(of)


def test_a_listing_is_believed_for_a_moment_only(store, monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 1_000.0)
    here = Access(store)
    assert here.is_open
    Access(store).grant("ada@uni.edu", "reader", "")
    before = store.usage.snapshot()
    assert here.is_open
    assert (store.usage.snapshot() - before).requests == 0
    here.grant("ben@uni.edu", "reader", "")
    assert len(here.statements()) == 2


def test_a_plug_in_that_the_lake_names_narrows_what_grants_allow(store, monkeypatch):
    def passed(actor, verb, now):
        return parse("-(quality=fail)")

    monkeypatch.setattr(granting.plugins, "load", lambda group, name: {"passed": passed}[name])
    access = Access(store, ["passed"])
    access.grant("ada@uni.edu", "reader", "project=retina")
    assert visible(access) == "(project=retina) -(quality=fail)"
