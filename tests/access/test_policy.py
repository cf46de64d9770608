"""The laws of access, over policies at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from panneuro.access.actors import ANONYMOUS, EVERYONE, LOCAL, Actor
from panneuro.access.policy import Policy, digest_of, limited
from panneuro.access.roles import GATED, ROLES, VERBS
from panneuro.access.statements import (
    Acceptance,
    Embargo,
    Grant,
    Key,
    Membership,
    Revocation,
    Terms,
)
from panneuro.core.errors import InputError
from panneuro.core.query import NOTHING, any_of, parse
from panneuro.testing.policy import (
    SECRETS,
    actors,
    assets,
    check_policy,
    keys,
    moments,
    policies,
    queries,
    statements,
)

SAID = {"by": "local", "at": "2026-01-01T00:00:00+00:00"}
ADA = Actor("ada@uni.edu")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
verbs = st.sampled_from(sorted(VERBS))


def expected(policy, actor, verb, entry, now):
    """Say it again, slowly, asset by asset."""
    gone = {one.of for one in policy.statements if isinstance(one, Revocation)}
    standing = [one for one in policy.statements if one.id not in gone]

    def of(kind):
        return [one for one in standing if isinstance(one, kind)]

    if actor.verbs is not None and verb not in actor.verbs:
        return False
    if not actor.within.matches(entry):
        return False
    known = {actor.principal, EVERYONE, *actor.memberships}
    for one in of(Membership):
        if one.who == actor.principal and one.holds(now):
            known.add(one.of)
    embargoed = any(one.holds(now) and one.on.matches(entry) for one in of(Embargo))
    until = entry.number("embargo_until")
    if until is None:
        embargoed |= entry.strings("access") == ("embargo",)
    else:
        embargoed |= until > now.timestamp()
    accepted = {one.of for one in of(Acceptance) if one.who == actor.principal}
    due = any(
        one.holds(now) and one.on.matches(entry) and one.id not in accepted for one in of(Terms)
    )
    for grant in of(Grant):
        if grant.to not in known or verb not in ROLES[grant.role] or not grant.holds(now):
            continue
        if not grant.on.matches(entry) or (grant.to == EVERYONE and embargoed):
            continue
        if verb in GATED and due and grant.role != "owner":
            continue
        return True
    return False


def reach(policy, actor, verb, entries, now):
    return {entry.name for entry in entries if policy.may(actor, verb, entry, now)}


@given(policies(), actors, verbs, assets(), moments)
def test_the_query_says_what_the_statements_say(policy, actor, verb, entries, now):
    for entry in entries:
        said = expected(policy, actor, verb, entry, now)
        assert policy.may(actor, verb, entry, now) == said
        assert policy.allowed(actor, verb, now).matches(entry) == said


@given(policies(), actors, verbs, assets(), moments, statements())
def test_a_statement_more_gives_or_takes_as_its_kind_does(
    policy, actor, verb, entries, now, another
):
    before = reach(policy, actor, verb, entries, now)
    after = reach(Policy((*policy.statements, another)), actor, verb, entries, now)
    if isinstance(another, Grant | Membership):
        assert before <= after
    elif isinstance(another, Embargo | Terms):
        assert after <= before
    else:
        assert after == before


@given(policies(), actors, verbs, assets(), moments)
def test_what_is_taken_back_is_as_if_it_was_never_said(policy, actor, verb, entries, now):
    assume(policy.standing)
    one = policy.standing[0]
    without = Policy(tuple(other for other in policy.statements if other.id != one.id))
    revoked = Policy((*policy.statements, Revocation(of=one.id, **SAID)))
    assert reach(revoked, actor, verb, entries, now) == reach(without, actor, verb, entries, now)


@given(policies(), actors, verbs, assets(), moments)
def test_what_does_not_hold_now_is_as_if_it_was_never_said(policy, actor, verb, entries, now):
    holding = Policy(
        tuple(one for one in policy.statements if not hasattr(one, "holds") or one.holds(now))
    )
    assert reach(policy, actor, verb, entries, now) == reach(holding, actor, verb, entries, now)


@given(policies(), keys(), st.sampled_from(SECRETS), verbs, assets(), moments)
def test_a_token_never_reaches_further_than_who_made_it(policy, key, secret, verb, entries, now):
    policy = Policy((*policy.statements, replace(key, digest=digest_of(secret))))
    actor = policy.actor_for(secret, now)
    if actor is None:
        held = [one for one in policy.standing if isinstance(one, Key) and _opens(one, secret)]
        assert not held or not all(one.holds(now) for one in held)
        return
    whole = reach(policy, Actor(actor.principal), verb, entries, now)
    narrow = reach(policy, actor, verb, entries, now)
    assert narrow <= whole
    assert narrow <= {entry.name for entry in entries if actor.within.matches(entry)}


def _opens(key, secret):
    return key.digest == digest_of(secret)


@given(policies(), actors, verbs, assets(), moments, queries, verbs)
def test_a_scope_never_widens(policy, actor, verb, entries, now, within, only):
    scoped = replace(actor, within=actor.within & within, verbs=frozenset({only}))
    unscoped = replace(actor, verbs=None)
    assert reach(policy, scoped, verb, entries, now) <= reach(policy, unscoped, verb, entries, now)


@given(policies(), actors, assets(), moments)
def test_each_role_may_all_that_the_one_before_may(policy, actor, entries, now):
    def with_roles(role):
        changed = tuple(
            replace(one, role=role) if isinstance(one, Grant) and one.to != EVERYONE else one
            for one in policy.standing
        )
        return Policy(changed)

    for verb in VERBS:
        reached = [reach(with_roles(role), actor, verb, entries, now) for role in LADDER]
        assert reached[0] <= reached[1] <= reached[2]


LADDER = ("reader", "editor", "owner")


@given(policies(), actors, assets(), moments)
def test_whatever_may_be_read_may_be_found(policy, actor, entries, now):
    read = reach(policy, actor, "read", entries, now)
    if actor.verbs is None or "find" in actor.verbs:
        assert read <= reach(policy, actor, "find", entries, now)


@given(policies(), actors, queries, assets(), moments)
def test_nobody_gives_away_what_they_do_not_own(policy, actor, on, entries, now):
    owned = policy.allowed(actor, "grant", now)
    given_away = limited(on, owned)
    for entry in entries:
        assert given_away.matches(entry) == (on.matches(entry) and owned.matches(entry))


def entry(**fields):
    from panneuro.core.entry import Entry

    return Entry("s1", "1", "2026-01-01", "sha256:1", fields)


def test_without_statements_only_who_holds_the_store_may_anything():
    for verb in VERBS:
        assert Policy().may(LOCAL, verb, entry(), NOW)
        assert not Policy().may(ANONYMOUS, verb, entry(), NOW)
        assert not Policy().may(ADA, verb, entry(), NOW)


def test_an_embargo_ends_at_its_date_with_nothing_done():
    public = Grant(to="everyone", role="reader", on=parse("project=retina"), **SAID)
    paper = Embargo(on=parse("tag=paper"), until=NOW.isoformat(), **SAID)
    reviewer = Grant(to="link:r1", role="reader", on=parse("tag=paper"), **SAID)
    policy, asset = Policy([public, paper, reviewer]), entry(project="retina", tag="paper")
    just_before = NOW - timedelta(microseconds=1)
    assert not policy.may(ANONYMOUS, "find", asset, just_before)
    assert not policy.may(ADA, "find", asset, just_before)
    assert policy.may(Actor("link:r1"), "read", asset, just_before)
    assert policy.may(ANONYMOUS, "read", asset, NOW)
    assert policy.may(ANONYMOUS, "find", entry(project="retina"), just_before)


def test_what_its_makers_embargo_is_hidden_from_everyone_until_the_day():
    policy = Policy([Grant(to="everyone", role="reader", on=parse(""), **SAID)])
    midnight = datetime(2026, 7, 1, tzinfo=UTC)
    asset = entry(access="embargo", embargo_until="2026-07-01")
    assert not policy.may(ANONYMOUS, "find", asset, midnight - timedelta(microseconds=1))
    assert policy.may(ANONYMOUS, "find", asset, midnight)
    assert not policy.may(ANONYMOUS, "find", entry(access="embargo"), midnight)
    assert policy.may(ANONYMOUS, "find", entry(access="private"), midnight)


def test_terms_are_due_until_these_very_terms_are_accepted():
    grant = Grant(to="lab:smith", role="editor", on=parse("project=retina"), **SAID)
    joined = Membership(who="ada@uni.edu", of="lab:smith", **SAID)
    terms = Terms(on=parse("species=human"), title="Do not identify anyone", **SAID)
    asset = entry(project="retina", species="human")
    policy = Policy([grant, joined, terms])
    assert policy.may(ADA, "find", asset, NOW)
    assert policy.may(ADA, "edit", asset, NOW)
    assert not policy.may(ADA, "read", asset, NOW)
    assert not policy.may(ADA, "run", asset, NOW)
    assert policy.terms_due(ADA, asset, NOW) == (terms,)
    assert policy.terms_due(LOCAL, asset, NOW) == ()
    accepted = Policy([*policy.statements, Acceptance(of=terms.id, who="ada@uni.edu", **SAID)])
    assert accepted.may(ADA, "read", asset, NOW)
    assert accepted.terms_due(ADA, asset, NOW) == ()
    stricter = replace(terms, title="Do not identify anyone, ever")
    again = Policy([*accepted.statements, stricter])
    assert again.terms_due(ADA, asset, NOW) == (stricter,)


def test_a_rig_adds_and_does_nothing_else():
    rig = Grant(to="rig:two", role="adder", on=parse("project=retina"), **SAID)
    key = Key(
        digest=digest_of("pnr_x"), acts_as="rig:two", role="adder", until="2027-01-01", **SAID
    )
    policy = Policy([rig, key])
    actor = policy.actor_for("pnr_x", NOW)
    asset = entry(project="retina")
    assert [verb for verb in VERBS if policy.may(actor, verb, asset, NOW)] == ["add"]
    assert not policy.may(actor, "add", entry(project="cortex"), NOW)


@pytest.mark.parametrize("secret", ["", "pnr_", "pnr_y", "pnr_x ", "PNR_X", "x" * 10**6, "\ud800"])
def test_a_secret_that_is_not_the_one_is_nobodys(secret):
    key = Key(digest=digest_of("pnr_x"), acts_as="ada", role="owner", until="2027-01-01", **SAID)
    assert Policy([key]).actor_for(secret, NOW) is None
    assert Policy([key]).actor_for("pnr_x", NOW) == Actor("ada", verbs=ROLES["owner"], via=key.id)


def test_a_key_ends_and_is_taken_back():
    key = Key(digest=digest_of("pnr_x"), acts_as="ada", role="owner", until="2026-07-01", **SAID)
    policy = Policy([key, Revocation(of=key.id, **SAID)])
    assert policy.actor_for("pnr_x", NOW) is None
    assert Policy([key]).actor_for("pnr_x", datetime(2026, 7, 1, tzinfo=UTC)) is None
    early = replace(key, start="2026-06-02")
    assert Policy([early]).actor_for("pnr_x", NOW) is None


def test_many_grants_by_name_are_one_condition():
    many = [
        Grant(to="ada@uni.edu", role="reader", on=parse(name=f"s{at}"), **SAID)
        for at in range(1_000)
    ]
    query = Policy(many).visible(ADA, NOW)
    assert len(query.conditions[0].alternatives) == 1
    assert query.matches(entry())


def test_a_plug_in_only_takes_away():
    narrowing = lambda actor, verb, now: parse("-(quality=fail)")  # noqa: E731
    check_policy(narrowing)
    everything = Grant(to="ada@uni.edu", role="owner", on=parse(""), **SAID)
    policy = Policy([everything], (narrowing,))
    assert not policy.may(ADA, "find", entry(quality="fail"), NOW)
    assert policy.may(ADA, "find", entry(quality="pass"), NOW)
    assert policy.may(LOCAL, "find", entry(quality="fail"), NOW)
    with pytest.raises(AssertionError, match="returns"):
        check_policy(lambda actor, verb, now: None)


def test_what_is_owned_by_nobody_cannot_be_given():
    assert limited(parse("units>5"), NOTHING) == parse("units>5") & NOTHING
    assert limited(parse("units>5"), any_of([parse("")])) == parse("units>5")


def test_only_known_verbs_at_known_moments():
    with pytest.raises(InputError, match="no verb 'fly'"):
        Policy().allowed(ADA, "fly", NOW)
    held = Grant(to="ada@uni.edu", role="reader", on=parse(""), **SAID)
    with pytest.raises(InputError, match="zone"):
        Policy([held]).visible(ADA, datetime(2026, 6, 1))  # noqa: DTZ001
