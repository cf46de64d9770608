"""Saying who may do what in a lake, and what follows from all that was said."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.access.policy import Policy, digest_of
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
from panneuro.core import plugins
from panneuro.core.catalog import Searchable
from panneuro.core.conditions import Match
from panneuro.core.entry import seconds
from panneuro.core.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
)
from panneuro.core.query import EVERYTHING, Query, parse
from panneuro.core.store import Store
from panneuro.lake.auditing import Audit
from panneuro.lake.runs import user
from panneuro.lake.statements import Statements
from panneuro.lake.wording import in_documents_words

PREFIX = "pnr_"
"""How every secret begins, so that people and scanners of code know one."""

LONGEST_KEY = timedelta(days=366)
"""A token or a link holds for a year, at most."""

_FRESH_S = 2.0
"""So long a listing is believed: what another process takes back holds for as long, at most."""

Until = str | datetime | timedelta
"""A moment, or how long from now."""


@dataclass(frozen=True)
class Issued:
    """A token or a link, and its secret, which is nowhere else.

    Parameters
    ----------
    key : Key
        What is kept of it.
    secret : str
        What its holder says; give it to them, and forget it.
    """

    key: Key
    secret: str = field(repr=False)

    @property
    def id(self) -> str:
        """By which it is taken back."""
        return self.key.id


class Access:
    """What was said about who may do what in a lake, and how more is said.

    It is for who holds the store itself, and asks nobody; `panneuro.lake.acting.LakeFor` does.

    Parameters
    ----------
    store : Store
        The lake's.
    policies : sequence of str
        Plug-ins of ``panneuro.policies``, by name.
    index : callable, optional
        Returns where the names of assets are looked up.
    audit : Audit, optional
        Where secrets that are not valid are noted.
    """

    def __init__(
        self,
        store: Store,
        policies: Sequence[str] = (),
        index: Callable[[], Searchable] | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._store = store
        self._index = index
        self._audit = audit
        self._narrowings = tuple(plugins.load("panneuro.policies", name) for name in policies)
        self._lock = Lock()
        self._statements = Statements(store)
        self._policy = Policy((), self._narrowings)
        self._listed_at = -_FRESH_S
        self._rehearses = False

    def rehearsing(self) -> Access:
        """Return the same, which checks what is said and puts nothing."""
        other = Access(self._store, (), self._index)
        other._rehearses = True
        return other

    def policy(self) -> Policy:
        """Return what follows from all that was said, at most two seconds ago.

        Raises
        ------
        CorruptionError
            If a statement cannot be read: it could be what forbids something, so all is denied.
        """
        with self._lock:
            if time.monotonic() - self._listed_at >= _FRESH_S:
                self._learn()
                self._listed_at = time.monotonic()
            return self._policy

    @property
    def is_open(self) -> bool:
        """Whether nothing was ever said: the lake of a single user."""
        return not self.policy().statements

    def statements(self) -> tuple[Statement, ...]:
        """Return all that was said and not taken back, in the order in which it was said."""
        return tuple(sorted(self.policy().standing, key=lambda one: (one.at, one.id)))

    def actor_for(self, secret: str) -> Actor:
        """Return who holds a secret.

        Raises
        ------
        NotAllowedError
            If nobody does: forged, ended or taken back, it is all the same.
        """
        actor = self.policy().actor_for(secret, datetime.now(UTC))
        if actor is None:
            if self._audit:
                self._audit.record("refused", ANONYMOUS, why="a secret that is not valid")
            raise NotAllowedError(
                "this token or link is not valid", hint="ask who gave it to you for another one"
            )
        return actor

    def grant(
        self,
        to: str,
        role: str,
        on: str | Query,
        *,
        start: Until = "",
        until: Until = "",
        why: str = "",
        by: Actor | None = None,
    ) -> Grant:
        """Say that somebody may do something.

        Parameters
        ----------
        to : str
            ``"ada@uni.edu"``, ``"lab:smith"``, ``"rig:two"``, ``"everyone"``.
        role : str
            ``"reader"``, ``"editor"``, ``"owner"``; ``"adder"`` for a rig.
        on : str or Query
            With what: ``"project=retina"``, or the name of an asset; ``""`` is everything.
        start, until : str, datetime or timedelta
            From when, and until when; always, where empty.
        why : str
            For the record.
        by : Actor, optional
            Who says it; who runs this, where not given.
        """
        said = self._said(by, why)
        return self.say(
            Grant(to=to, role=role, on=self._meant(on), start=text_of(start), until=text_of(until),
                  **said)
        )  # fmt: skip

    def embargo(
        self, on: str | Query, until: Until, *, why: str = "", by: Actor | None = None
    ) -> Embargo:
        """Hide from everyone what they could see, until a date; who is named sees it still."""
        said = self._said(by, why)
        return self.say(Embargo(on=self._meant(on), until=text_of(until), **said))

    def terms(
        self, on: str | Query, title: str, text: str = "", *, why: str = "", by: Actor | None = None
    ) -> Terms:
        """Ask that something is accepted before data are read."""
        return self.say(Terms(on=self._meant(on), title=title, text=text, **self._said(by, why)))

    def accept(self, terms: str, who: Actor) -> Acceptance:
        """Record that somebody accepted terms.

        Raises
        ------
        NotFoundError
            If there are no such terms, or they were taken back.
        """
        if not any(one.id == terms for one in self.statements() if isinstance(one, Terms)):
            raise NotFoundError(f"there are no terms {terms[:80]!r} to accept")
        return self.say(Acceptance(of=terms, who=who.principal, **self._said(who, "")))

    def join(
        self, who: str, of: str, *, until: Until = "", why: str = "", by: Actor | None = None
    ) -> Membership:
        """Say that somebody belongs to a group or a lab."""
        said = self._said(by, why)
        return self.say(Membership(who=who, of=of, until=text_of(until), **said))

    def link(
        self,
        on: str | Query,
        until: Until = timedelta(days=30),
        *,
        why: str = "",
        by: Actor | None = None,
    ) -> Issued:
        """Let whoever holds a secret read something, with no name and no account.

        Parameters
        ----------
        on : str or Query
            What they may read, embargoed or not.
        until : str, datetime or timedelta
            A year from now at most.
        """
        secret, end = _secret(), text_of(until)
        to = f"link:{digest_of(secret)[:16]}"
        self.grant(to, "reader", on, until=end, why=why, by=by)
        return self._issue(secret, to, "reader", EVERYTHING, end, self._said(by, why))

    def token(
        self,
        acts_as: str,
        until: Until = timedelta(days=90),
        *,
        role: str = "reader",
        within: str | Query = "",
        why: str = "",
        by: Actor | None = None,
    ) -> Issued:
        """Let whoever holds a secret act as somebody, within a scope.

        Parameters
        ----------
        acts_as : str
            A person or a rig. What they may not, the token may not.
        until : str, datetime or timedelta
            A year from now at most.
        role : str
            No verbs but those of this role.
        within : str or Query
            No assets but these.
        """
        scope, said = self._meant(within), self._said(by, why)
        return self._issue(_secret(), acts_as, role, scope, text_of(until), said)

    def _issue(
        self, secret: str, acts_as: str, role: str, within: Query, until: str, said: dict[str, str]
    ) -> Issued:
        key = Key(
            digest=digest_of(secret), acts_as=acts_as, role=role, within=within, until=until, **said
        )
        if not key.holds(datetime.now(UTC)) or key.holds(datetime.now(UTC) + LONGEST_KEY):
            raise InputError(
                f"a token or a link until {until!r}",
                hint=f"it ends after now, and within {LONGEST_KEY.days} days",
            )
        return Issued(self.say(key), secret)

    def revoke(self, of: str, *, why: str = "", by: Actor | None = None) -> Revocation:
        """Take back what was said: by its id, or the beginning of it.

        Raises
        ------
        NotFoundError
            If nothing that holds has that id.
        """
        return self.say(Revocation(of=self.find(of).id, **self._said(by, why)))

    def find(self, of: str) -> Statement:
        """Return the one statement whose id begins so.

        Raises
        ------
        NotFoundError
            If there is none, or several.
        """
        found = [one for one in self.statements() if len(of) >= 8 and one.id.startswith(of)]
        if len(found) != 1:
            raise NotFoundError(
                f"{len(found) or 'no'} statements have an id that begins with {of[:80]!r}",
                hint="panneuro grant   lists them; 8 digits at least",
            )
        return found[0]

    def say[S: Statement](self, statement: S) -> S:
        """Put a statement into the lake, for ever.

        Returns
        -------
        Statement
            The same.
        """
        if self._rehearses:
            return statement
        self._statements.put(statement)
        with self._lock:
            self._learn()
            self._statements.pack(self._policy.statements)
        return statement

    def _meant(self, on: str | Query) -> Query:
        return query_of(on, self._index() if self._index else None)

    def _said(self, by: Actor | None, why: str) -> dict[str, str]:
        who = f"local:{user()}" if by is None or by.is_local else str(by)
        return {"by": who, "at": datetime.now(UTC).isoformat(), "why": why}

    def _learn(self) -> None:
        listed = self._statements.listed()
        if listed.keys() != {one.id for one in self._policy.statements}:
            self._policy = Policy(listed.values(), self._narrowings)


def query_of(on: str | Query, index: Searchable | None = None) -> Query:
    """Return what is meant, in the words of documents.

    Parameters
    ----------
    on : str or Query
        Conditions, or the name of an asset.
    index : Searchable, optional
        Where names are looked up.
    """
    if isinstance(on, Query):
        return on
    if index is not None and on and index.get(on) is not None:
        return Query((Match("name", "=", ((on,),)),))
    return in_documents_words(parse(on))


def text_of(until: Until) -> str:
    """Return a moment as it is written: ISO 8601 in UTC; empty for none."""
    if isinstance(until, timedelta):
        until = datetime.now(UTC) + until
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise InputError(f"the moment {until!r} has no zone", hint="datetime.now(UTC)")
        return until.astimezone(UTC).isoformat()
    if until:
        try:
            seconds(until)
        except InputError as error:
            raise InputError(
                f"{until[:80]!r} is no moment", hint="2027-01-31, or 2027-01-31T12:00+01:00"
            ) from error
    return until


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)
