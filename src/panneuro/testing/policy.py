"""Policies at random, and what every policy must do: for tests of what asks a policy."""

# ruff: noqa: S101

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.access.policy import Narrowing, Policy, digest_of
from panneuro.access.roles import ROLES, VERBS
from panneuro.access.statements import (
    Acceptance,
    Embargo,
    Grant,
    Key,
    Membership,
    Revocation,
    Statement,
    Terms,
)
from panneuro.core.entry import Entry
from panneuro.core.query import Query, parse

SECRETS = ("pnr_one", "pnr_two", "pnr_three")
"""Secrets of the keys that are drawn."""

PEOPLE = ("person:ada@uni.edu", "person:ben@uni.edu", "rig:two", "link:review")
"""Principals that are drawn, beside everyone and two labs."""

_LABS = ("lab:smith", "group:guests")
_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_MOMENTS = tuple(_NOW + timedelta(hours=hours) for hours in (-48, -1, 0, 1, 48))
_QUERIES = (
    "", "project=a", "project=b", "tag=open", "units>100", "name=s1", "name=s*", "has!=lfp",
    "project=a tag=open", "(project=a | tag=open)", "-(project=b)", "-(*)",
)  # fmt: skip

queries: st.SearchStrategy[Query] = st.sampled_from(_QUERIES).map(parse)
"""Queries that statements are about."""

moments: st.SearchStrategy[datetime] = st.sampled_from(_MOMENTS).flatmap(
    lambda at: st.sampled_from((at, at - timedelta(microseconds=1)))
)
"""Moments at which something begins or ends, and just before."""

actors: st.SearchStrategy[Actor] = (
    st.just(ANONYMOUS)
    | st.builds(Actor, st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(_LABS), max_size=1))
    | st.builds(
        Actor,
        st.sampled_from(PEOPLE),
        within=queries,
        verbs=st.sampled_from(sorted(ROLES)).map(ROLES.__getitem__),
        via=st.just("token"),
    )
)
"""Actors who signed in, came with a token or a link, or did not say who they are."""

_fields: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "project": st.sampled_from(("a", "b", "c")),
        "tag": st.sampled_from((("open",), ("secret",), ("open", "secret"))),
        "units": st.integers(0, 200),
        "access": st.sampled_from(("private", "embargo", "public")),
        "embargo_until": st.sampled_from([at.isoformat() for at in _MOMENTS]),
    },
)


@st.composite
def assets(draw: st.DrawFn) -> list[Entry]:
    """Draw a few assets that statements are about, or not."""
    names = draw(st.lists(st.sampled_from(("s1", "s2", "s3", "t1", "t2")), unique=True))
    return [
        Entry(name, "1", "2026-01-01", f"sha256:{name}", draw(_fields), draw(_texts))  # type: ignore[arg-type]
        for name in names
    ]


_texts = st.sampled_from(("", "ripples in CA1", "gratings"))


def _times() -> st.SearchStrategy[dict[str, str]]:
    said = st.none() | st.sampled_from(_MOMENTS)
    return st.tuples(said, said).filter(_is_span).map(_as_fields)


def _is_span(span: tuple[datetime | None, datetime | None]) -> bool:
    start, until = span
    return start is None or until is None or start < until


def _as_fields(span: tuple[datetime | None, datetime | None]) -> dict[str, str]:
    return {name: at.isoformat() for name, at in zip(("start", "until"), span, strict=True) if at}


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Draw a statement of any kind but a revocation."""
    said = {"by": "local", "at": "2026-01-01T00:00:00+00:00", **draw(_times())}
    named = st.sampled_from((*PEOPLE, *_LABS))
    match draw(st.sampled_from(("grant", "public", "embargo", "terms", "membership", "key"))):
        case "grant":
            to, role = draw(named), draw(st.sampled_from(sorted(ROLES)))
            return Grant(to=to, role=role, on=draw(queries), **said)
        case "public":
            return Grant(to="everyone", role="reader", on=draw(queries), **said)
        case "embargo":
            return Embargo(on=draw(queries), **said)
        case "terms":
            return Terms(on=draw(queries), title="Be fair", **said)
        case "membership":
            return Membership(who=PEOPLE[0], of=draw(st.sampled_from(_LABS)), **said)
    return draw(keys())


@st.composite
def keys(draw: st.DrawFn) -> Key:
    """Draw a token or a link."""
    until = _NOW + timedelta(hours=draw(st.sampled_from((-1, 0, 1, 48))))
    return Key(
        digest=digest_of(draw(st.sampled_from(SECRETS))),
        acts_as=draw(st.sampled_from(PEOPLE)),
        role=draw(st.sampled_from(sorted(ROLES))),
        within=draw(queries),
        until=until.isoformat(),
        by="local",
        at="2026-01-01T00:00:00+00:00",
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy of a few statements, some taken back, some terms accepted."""
    drawn = draw(st.lists(statements(), max_size=6))
    said = {"by": "local", "at": "2026-01-02T00:00:00+00:00"}
    more: list[Statement] = []
    for one in drawn:
        if isinstance(one, Terms) and draw(st.booleans()):
            more.append(Acceptance(of=one.id, who=draw(st.sampled_from(PEOPLE)), **said))
        if draw(st.integers(0, 3)) == 0:
            more.append(Revocation(of=one.id, **said))
    return Policy((*drawn, *more))


def check_policy(narrowing: Narrowing, example: Callable[[], Actor] | None = None) -> None:
    """Check that a plug-in of ``panneuro.policies`` answers every verb, and can only take away.

    Parameters
    ----------
    narrowing : callable
        The plug-in.
    example : callable, optional
        Returns an actor of the kind that it knows.

    Raises
    ------
    AssertionError
        If it does not.

    Examples
    --------
    >>> check_policy(lambda actor, verb, now: parse("-(quality=fail)"))
    """
    granted = Grant(
        to="everyone", role="reader", on=parse("project=a"), by="local", at="2026-01-01"
    )
    inside, outside = (
        Entry(name, "1", "2026-01-01", "sha256:", {"project": name}) for name in ("a", "b")
    )
    for actor in (ANONYMOUS, Actor(PEOPLE[0]), *([example()] if example else [])):
        for verb in VERBS:
            query = narrowing(actor, verb, _NOW)
            assert isinstance(query, Query), f"it returns {query!r} for {verb!r}"
            narrowed = Policy([granted], (narrowing,))
            assert not narrowed.may(actor, verb, outside, _NOW), f"it gives away {verb!r}"
            allowed = narrowed.may(actor, verb, inside, _NOW)
            assert not allowed or Policy([granted]).may(actor, verb, inside, _NOW)
