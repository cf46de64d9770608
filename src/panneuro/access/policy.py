"""Policy: who may do what, as a Query. Denied is whatever no statement allows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeGuard, cast

from panneuro.access.actors import EVERYONE, Actor
from panneuro.access.roles import GATED, ROLES, VERBS
from panneuro.access.statements import (
    Acceptance,
    Embargo,
    Grant,
    Key,
    Membership,
    Revocation,
    Statement,
    Terms,
    moment,
)
from panneuro.core.conditions import AnyOf, Condition, Match, Pattern
from panneuro.core.entry import Entry
from panneuro.core.errors import InputError
from panneuro.core.query import EVERYTHING, NOTHING, Query

Narrowing = Callable[[Actor, str, datetime], Query]
"""What a plug-in of the group ``panneuro.policies`` is: only what its query finds is allowed."""

_Every = tuple[Condition, ...]


@dataclass(frozen=True)
class Policy:
    """What was said about access, and what follows from it at a moment.

    Parameters
    ----------
    statements : iterable of Statement
        All that were ever said, in any order.
    narrowings : tuple of callable
        Plug-ins; each can only take away. They are not asked about who holds the store itself.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from panneuro.core.query import parse
    >>> said = {"by": "local", "at": "2026-01-01"}
    >>> on = parse("project=retina")
    >>> public = Grant(to="everyone", role="reader", on=on, start="2027-01-01", **said)
    >>> mine = Grant(to="ada@uni.edu", role="editor", on=on, **said)
    >>> policy = Policy([public, mine])
    >>> now, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    >>> print(policy.visible(Actor.person("ada@uni.edu"), now))
    (project=retina)
    >>> asset = Entry("m1", "1", "2026-01-01", "sha256:…", {"project": "retina"})
    >>> [policy.may(Actor("everyone"), "read", asset, when) for when in (now, later)]
    [False, True]
    """

    statements: Iterable[Statement] = ()
    narrowings: tuple[Narrowing, ...] = field(default=())

    def __post_init__(self) -> None:
        by_id = {one.id: one for one in self.statements}
        object.__setattr__(self, "statements", tuple(by_id.values()))

    @cached_property
    def revoked(self) -> frozenset[str]:
        """Ids of the statements that hold no more."""
        return frozenset(one.of for one in self.statements if isinstance(one, Revocation))

    @cached_property
    def standing(self) -> tuple[Statement, ...]:
        """The statements that were not taken back, revocations left out."""
        return tuple(
            one
            for one in self.statements
            if one.id not in self.revoked and not isinstance(one, Revocation)
        )

    def visible(self, actor: Actor, now: datetime) -> Query:
        """Return what an actor may know of at a moment."""
        return self.allowed(actor, "find", now)

    def may(self, actor: Actor, verb: str, entry: Entry, now: datetime) -> bool:
        """Tell whether an actor may do something with an asset at a moment."""
        return self.allowed(actor, verb, now).matches(entry)

    def allowed(self, actor: Actor, verb: str, now: datetime) -> Query:
        """Return what an actor may do something with at a moment.

        Parameters
        ----------
        actor : Actor
            Who asks.
        verb : str
            One of `panneuro.access.roles.VERBS`.
        now : datetime
            With a zone.

        Raises
        ------
        InputError
            If there is no such verb, or the moment has no zone.
        """
        if verb not in VERBS:
            raise InputError(f"there is no verb {verb!r}", hint=f"verbs: {', '.join(VERBS)}")
        if actor.is_local:
            return EVERYTHING
        if actor.verbs is not None and verb not in actor.verbs:
            return NOTHING
        query = Query((AnyOf(tuple(_merged(self._granted(actor, verb, now)))),)) & actor.within
        for narrowing in self.narrowings:
            query &= narrowing(actor, verb, now)
        return query

    def _granted(self, actor: Actor, verb: str, now: datetime) -> Iterator[_Every]:
        due = self._unmet(actor, now) if verb in GATED else ()
        hidden = self._hidden(now)
        for to in self.principals(actor, now):
            for grant in self._grants.get(to, ()):
                if verb in ROLES[grant.role] and grant.holds(now):
                    conditions = grant.on.conditions
                    conditions += hidden if to == EVERYONE else ()
                    yield conditions if grant.role == "owner" else conditions + due

    def _hidden(self, now: datetime) -> _Every:
        """Return the condition that what everyone may see is under no embargo at a moment."""
        embargoes = [one.on for one in self._of(Embargo) if one.holds(now)]
        return _none_of([_embargoed(now), _EMBARGOED_FOR_EVER, *embargoes])

    def principals(self, actor: Actor, now: datetime) -> frozenset[str]:
        """Return everything that a grant may name an actor by: also what it says they belong to."""
        joined = (
            one.of for one in self._of(Membership) if one.who == actor.principal and one.holds(now)
        )
        return actor.principals | frozenset(joined)

    def terms_due(self, actor: Actor, entry: Entry, now: datetime) -> tuple[Terms, ...]:
        """Return the terms that an actor has yet to accept before an asset's data are read."""
        if actor.is_local or self.may(actor, "read", entry, now):
            return ()
        return tuple(one for one in self._due(actor, now) if one.on.matches(entry))

    def _unmet(self, actor: Actor, now: datetime) -> _Every:
        return _none_of(one.on for one in self._due(actor, now))

    def _due(self, actor: Actor, now: datetime) -> Iterator[Terms]:
        accepted = {one.of for one in self._of(Acceptance) if one.who == actor.principal}
        return (one for one in self._of(Terms) if one.holds(now) and one.id not in accepted)

    def actor_for(self, secret: str, now: datetime) -> Actor | None:
        """Return who holds a secret, or None where no key that holds has its digest.

        A token acts as its person with what the lake itself says they belong to; what an identity
        provider said when they signed in is not carried by it.
        """
        digest = digest_of(secret)
        key = self._keys.get(digest)
        if key is None or not key.holds(now):
            return None
        return Actor(key.acts_as, within=key.within, verbs=ROLES[key.role], via=key.id)

    @cached_property
    def _keys(self) -> Mapping[str, Key]:
        return {one.digest: one for one in self._of(Key)}

    @cached_property
    def _grants(self) -> Mapping[str, list[Grant]]:
        found: dict[str, list[Grant]] = defaultdict(list)
        for one in self._of(Grant):
            found[one.to].append(one)
        return dict(found)

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Statement, ...]]:
        found: dict[str, list[Statement]] = defaultdict(list)
        for one in self.standing:
            found[one.kind].append(one)
        return {kind: tuple(same) for kind, same in found.items()}

    def _of[S: Statement](self, kind: type[S]) -> tuple[S, ...]:
        return cast(tuple[S, ...], self._by_kind.get(kind.kind, ()))


def limited(on: Query, owned: Query) -> Query:
    """Return what of a query somebody may give away who owns what another finds.

    Parameters
    ----------
    on : Query
        What is to be granted.
    owned : Query
        What `Policy.allowed` returned for the verb ``grant``.

    Examples
    --------
    >>> from panneuro.core.query import parse
    >>> print(limited(parse("project=retina units>5"), parse("(project=retina)")))
    project=retina units>5
    >>> print(limited(parse("units>5"), parse("(project=retina)")))
    units>5 (project=retina)
    """
    said = set(on.conditions)
    missing = tuple(one for one in owned.conditions if not _is_implied(one, said))
    return on & Query(missing)


def _is_implied(condition: Condition, said: set[Condition]) -> bool:
    if condition in said:
        return True
    return (
        isinstance(condition, AnyOf)
        and not condition.negated
        and any(said.issuperset(every) for every in condition.alternatives)
    )


def digest_of(secret: str) -> str:
    """Return what is kept of a secret.

    A plain SHA-256 does: a secret is 256 random bits, which nobody guesses at any speed. A slow
    function protects what people choose, and would let strangers keep the processors busy.
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


_EMBARGOED_FOR_EVER = Query(
    (Match("access", "=", (("embargo",),)), Match("embargo_until", "!=", (("", ""),)))
)


def _embargoed(now: datetime) -> Query:
    """Return what the documents themselves embargo beyond a moment."""
    second = datetime.fromtimestamp(moment(now) // 1, UTC).isoformat(timespec="microseconds")
    return Query((Match("embargo_until", ">", ((second,),)),))


def _none_of(queries: Iterable[Query]) -> _Every:
    alternatives = tuple(dict.fromkeys(query.conditions for query in queries))
    return (AnyOf(alternatives, negated=True),) if alternatives else ()


def _merged(alternatives: Iterable[_Every]) -> Iterable[_Every]:
    """Make one of alternatives that differ in nothing but the values that one field may have.

    A thousand grants of a name or a project each are a single condition then.
    """
    merged = list(dict.fromkeys(alternatives))
    fields = (one.field for every in merged for one in every if _is_equal(one))
    for name in dict.fromkeys(fields):
        together: dict[_Every, dict[Pattern, None]] = {}
        kept: list[_Every] = []
        for every in merged:
            of_field = [one for one in every if _is_equal(one) and one.field == name]
            if len(of_field) != 1:
                kept.append(every)
                continue
            rest = tuple(one for one in every if one is not of_field[0])
            together.setdefault(rest, {}).update(dict.fromkeys(of_field[0].values))
        united = [(Match(name, "=", tuple(values)), *rest) for rest, values in together.items()]
        merged = [*kept, *united]
    return merged


def _is_equal(condition: Condition) -> TypeGuard[Match]:
    return isinstance(condition, Match) and condition.operator == "="
