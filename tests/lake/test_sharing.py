"""Owners share what they own, and no more; others share nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from panneuro.access.actors import ANONYMOUS, LOCAL, Actor
from panneuro.core.entry import Entry
from panneuro.core.errors import InputError, NotAllowedError, NotFoundError
from panneuro.lake import granting

ADA, BEN, EVE = (Actor(f"{name}@uni.edu") for name in ("ada", "ben", "eve"))
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _listed_each_time(monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 0.0)


@pytest.fixture
def shared(lake):
    """Return a lake in which Ada owns a project, and Ben may read it."""
    lake.catalog.index(
        [
            Entry(name, "1", "2026-01-01", f"sha256:{name}", {"project": project})
            for name, project in (("a1", "retina"), ("a2", "retina"), ("b1", "cortex"))
        ]
    )
    lake.grant("ada@uni.edu", "owner", "project=retina")
    lake.grant("ben@uni.edu", "editor", "project=retina")
    return lake


def test_an_owner_shares_what_they_own(shared):
    grant = shared.as_(ADA).sharing.grant("eve@uni.edu", "reader", "a1", until=DAY)
    assert grant.by == "person:ada@uni.edu"
    assert list(shared.as_(EVE)) == ["a1"]
    shared.as_(ADA).sharing.revoke(grant.id)
    assert list(shared.as_(EVE)) == []


def test_what_an_owner_does_not_own_is_not_shared(shared):
    sharing = shared.as_(ADA).sharing
    sharing.grant("eve@uni.edu", "owner", "")
    assert list(shared.as_(EVE)) == ["a1", "a2"]
    shared.as_(EVE).sharing.grant("everyone", "reader", "-(project=retina)")
    assert list(shared.as_(ANONYMOUS)) == []
    actor = shared.access.actor_for(sharing.link("project=*").secret)
    assert list(shared.as_(actor)) == ["a1", "a2"]


@pytest.mark.parametrize("actor", [BEN, EVE, ANONYMOUS], ids=str)
def test_who_owns_nothing_shares_nothing(shared, actor):
    sharing = shared.as_(actor).sharing
    for attempt in (
        lambda: sharing.grant("eve@uni.edu", "reader", "project=retina"),
        lambda: sharing.embargo("project=retina", DAY),
        lambda: sharing.terms("project=retina", "Pay me"),
        lambda: sharing.link("project=retina"),
        lambda: sharing.join("eve@uni.edu", "lab:smith"),
        lambda: sharing.token(DAY, rig="rig:two"),
    ):
        with pytest.raises(NotAllowedError):
            attempt()
    shared.audit.flush()
    assert len(list(shared.audit.search(what="refused"))) >= 2


def test_everybody_who_signed_in_has_tokens_of_their_own_only(shared):
    issued = shared.as_(BEN).sharing.token(DAY, role="owner", within="a1")
    actor = shared.access.actor_for(issued.secret)
    assert actor.principal == "person:ben@uni.edu"
    assert list(shared.as_(actor)) == ["a1"]
    assert not shared.as_(actor).may("grant", "a1")
    for attempt in (actor, ANONYMOUS, Actor("link:x"), Actor("rig:two")):
        with pytest.raises(NotAllowedError):
            shared.as_(attempt).sharing.token(DAY)
    with pytest.raises(InputError):
        shared.as_(BEN).sharing.token(timedelta(days=999))


def test_a_token_of_an_owner_makes_no_links(shared):
    issued = shared.as_(ADA).sharing.token(DAY, role="owner")
    actor = shared.access.actor_for(issued.secret)
    with pytest.raises(NotAllowedError, match="came with one"):
        shared.as_(actor).sharing.link("project=retina")
    assert shared.as_(actor).sharing.grant("eve@uni.edu", "reader", "a1")


def test_a_rig_of_an_owner_adds_only_to_what_they_own(shared):
    shared.grant("rig:two", "adder", "")
    issued = shared.as_(ADA).sharing.token(DAY, rig="rig:two", role="owner")
    actor = shared.access.actor_for(issued.secret)
    policy, now = shared.access.policy(), datetime.now(UTC)
    may = {
        entry.name: [
            verb for verb in ("find", "add", "edit") if policy.may(actor, verb, entry, now)
        ]
        for entry in shared.find()
    }
    assert may == {"a1": ["add"], "a2": ["add"], "b1": []}


def test_everyone_sees_the_statements_that_concern_them(shared):
    def kinds(actor):
        return sorted(one.kind for one in shared.as_(actor).sharing.statements())

    shared.access.embargo("project=retina", DAY)
    shared.access.grant("eve@uni.edu", "reader", "project=cortex")
    assert kinds(ADA) == ["embargo", "grant", "grant"]
    assert kinds(BEN) == ["grant"]
    assert kinds(EVE) == ["grant"]
    assert kinds(ANONYMOUS) == []
    assert len(kinds(LOCAL)) == 4
    shared.access.join("eve@uni.edu", "lab:smith")
    assert kinds(EVE) == ["grant", "membership"]


def test_only_owners_take_back_what_protects(shared):
    embargo = shared.access.embargo("project=retina", DAY)
    elsewhere = shared.access.embargo("project=cortex", DAY)
    with pytest.raises(NotFoundError):
        shared.as_(BEN).sharing.revoke(embargo.id)
    with pytest.raises(NotFoundError):
        shared.as_(ADA).sharing.revoke(elsewhere.id)
    shared.as_(ADA).sharing.revoke(embargo.id)


def test_who_owns_no_more_opens_nothing_but_may_close(shared):
    (owner, _), sharing = shared.access.statements(), shared.as_(ADA).sharing
    embargo = sharing.embargo("project=retina", DAY)
    grant = sharing.grant("eve@uni.edu", "reader", "a1")
    shared.revoke(owner.id)
    with pytest.raises(NotAllowedError):
        sharing.revoke(embargo.id)
    sharing.revoke(grant.id)
    assert list(shared.as_(EVE)) == []


def test_a_reader_cannot_take_back_the_grant_they_have_nor_that_of_others(shared):
    (_, mine) = shared.access.statements()
    with pytest.raises(NotAllowedError):
        shared.as_(BEN).sharing.revoke(mine.id)
    with pytest.raises(NotFoundError):
        shared.as_(EVE).sharing.revoke(mine.id)


def test_a_token_that_only_reads_takes_nothing_back_but_itself(shared):
    grant = shared.as_(ADA).sharing.grant("eve@uni.edu", "reader", "a1")
    issued = shared.as_(ADA).sharing.token(DAY)
    reading = shared.as_(shared.access.actor_for(issued.secret)).sharing
    with pytest.raises(NotAllowedError):
        reading.revoke(grant.id)
    assert list(shared.as_(EVE)) == ["a1"]
    reading.revoke(issued.id)
    with pytest.raises(NotAllowedError):
        shared.access.actor_for(issued.secret)


def test_a_link_is_not_ended_by_who_holds_it(shared):
    issued = shared.as_(ADA).sharing.link("project=retina")
    holder = shared.as_(shared.access.actor_for(issued.secret))
    with pytest.raises(NotAllowedError):
        holder.sharing.revoke(issued.id)
    assert list(holder) == ["a1", "a2"]


def test_an_acceptance_can_be_withdrawn_by_who_gave_it(shared):
    terms = shared.as_(ADA).sharing.terms("project=retina", "Cite us")
    accepted = shared.as_(BEN).accept(terms.id)
    assert shared.as_(BEN).may("read", "a1")
    shared.as_(BEN).sharing.revoke(accepted.id)
    assert not shared.as_(BEN).may("read", "a1")


def test_delegation_goes_only_so_far(shared):
    owner = shared.as_(ADA).sharing
    owner.grant("ben@uni.edu", "owner", "(name=a1 | name=a2)")
    shared.as_(BEN).sharing.grant("eve@uni.edu", "owner", "project!=cortex")
    assert list(shared.as_(EVE)) == ["a1", "a2"]
