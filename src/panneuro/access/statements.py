"""What is said about access: grants, embargoes, terms, keys, and that one of these is no more.

A statement is a value. It is kept under the digest of its JSON text, and never changes: what was
said is taken back by another statement. So everything that was ever said stays on record.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import ClassVar

from panneuro.access.actors import EVERYONE, GROUPS, principal
from panneuro.access.roles import ROLES
from panneuro.core.conditions import AnyOf, Condition, Words, depth, size
from panneuro.core.digests import canonical_json, digest_bytes
from panneuro.core.entry import seconds, well_formed
from panneuro.core.errors import CorruptionError, InputError
from panneuro.core.query import EVERYTHING, Query

SCHEMA = "panneuro/access/1.0"

_ID = re.compile(r"[0-9a-f]{64}")
_LONGEST_WHY = 1_000
_LONGEST_TEXT = 50_000
_LONGEST_QUERY = 50_000
_MOST_CONDITIONS = 500
_DEEPEST = 4


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One thing that was said.

    Parameters
    ----------
    by : str
        Who said it.
    at : str
        When, ISO 8601 in UTC; nothing depends on it.
    why : str
        In words, for who reads the record.

    Raises
    ------
    InputError
        If something of it is not what it should be.
    """

    kind: ClassVar[str] = ""

    by: str
    at: str
    why: str = ""

    def __post_init__(self) -> None:
        seconds(self.at)
        for name in ("by", "why"):
            _check_text(name, getattr(self, name), _LONGEST_WHY)
        if not self.by:
            raise InputError("a statement about access that nobody made", hint="by='local:me'")

    @cached_property
    def id(self) -> str:
        """The digest of what it says, 64 hexadecimal digits."""
        return digest_bytes(self.encode()).partition(":")[2]

    def encode(self) -> bytes:
        """Return the JSON text."""
        said = {
            field.name: json.loads(value.to_json()) if isinstance(value, Query) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != ""
        }
        return canonical_json({"schema": SCHEMA, "kind": self.kind, **said})


@dataclass(frozen=True, kw_only=True)
class Bounded(Statement):
    """What holds from a moment until another.

    Parameters
    ----------
    start, until : str
        ISO 8601, in UTC where they name no zone; empty for always. It holds at the moment of
        `start`, and no more at that of `until`.
    """

    start: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._span[0] >= self._span[1]:
            raise InputError(
                f"it would hold from {self.start!r} until {self.until!r}: never",
                hint="the end comes after the start; times without a zone are UTC",
            )

    @cached_property
    def _span(self) -> tuple[float, float]:
        return (
            seconds(self.start) if self.start else -math.inf,
            seconds(self.until) if self.until else math.inf,
        )

    def holds(self, now: datetime) -> bool:
        """Tell whether it holds at a moment."""
        start, until = self._span
        return start <= moment(now) < until


@dataclass(frozen=True, kw_only=True)
class Grant(Bounded):
    """Somebody may do something with what a query finds.

    Parameters
    ----------
    to : str
        A principal; see `panneuro.access.actors.principal`.
    role : str
        One of `ROLES`. Everyone can only be a reader.
    on : Query
        With what.
    """

    kind: ClassVar[str] = "grant"

    to: str
    role: str
    on: Query

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "to", principal(self.to))
        _check_query(self.on)
        _check_role(self.role)
        if self.to == EVERYONE and self.role != "reader":
            raise InputError(
                f"granting: everyone cannot be {self.role!r}", hint="everyone can be a reader"
            )


@dataclass(frozen=True, kw_only=True)
class Embargo(Bounded):
    """What everyone may see is hidden from them until a date; who is named in a grant sees it.

    Parameters
    ----------
    on : Query
        What is hidden.
    """

    kind: ClassVar[str] = "embargo"

    on: Query

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_query(self.on)


@dataclass(frozen=True, kw_only=True)
class Terms(Bounded):
    """What must be accepted before data are read: a licence, a consent, a data use agreement.

    Parameters
    ----------
    on : Query
        Of which data.
    title, text : str
        What people read and accept.
    """

    kind: ClassVar[str] = "terms"

    on: Query
    title: str
    text: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_query(self.on)
        _check_text("title", self.title, 200)
        _check_text("text", self.text, _LONGEST_TEXT)
        if not self.title.strip():
            raise InputError("terms have no title", hint="say in a few words what is accepted")


@dataclass(frozen=True, kw_only=True)
class Acceptance(Statement):
    """Somebody accepted terms.

    Parameters
    ----------
    of : str
        The id of the terms: exactly these, not what replaces them.
    who : str
        The principal that accepted.
    """

    kind: ClassVar[str] = "acceptance"

    of: str
    who: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_id(self.of)
        object.__setattr__(self, "who", principal(self.who))
        if self.who == EVERYONE:
            raise InputError("accepting: nobody in particular cannot accept", hint="sign in first")


@dataclass(frozen=True, kw_only=True)
class Membership(Bounded):
    """Somebody belongs to a group or a lab.

    Parameters
    ----------
    who, of : str
        Principals.
    """

    kind: ClassVar[str] = "membership"

    who: str
    of: str

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("who", "of"):
            object.__setattr__(self, name, principal(getattr(self, name)))
        if self.of.partition(":")[0] not in GROUPS or self.who.partition(":")[0] not in _JOINING:
            raise InputError(
                f"{self.who!r} cannot belong to {self.of!r}",
                hint="a person or a rig belongs to a group or a lab",
            )


_JOINING = frozenset({"person", "rig"})


@dataclass(frozen=True, kw_only=True)
class Key(Bounded):
    """Who holds a secret acts as somebody, within a scope. Only the secret's digest is kept.

    Parameters
    ----------
    digest : str
        SHA-256 of the secret, 64 hexadecimal digits.
    acts_as : str
        The principal.
    role : str
        No verbs but those of this role.
    within : Query
        No assets but what this finds.
    """

    kind: ClassVar[str] = "key"

    digest: str
    acts_as: str
    role: str
    within: Query = EVERYTHING

    def __post_init__(self) -> None:
        super().__post_init__()
        check_id(self.digest)
        object.__setattr__(self, "acts_as", principal(self.acts_as))
        _check_role(self.role)
        _check_query(self.within)
        if self.acts_as.partition(":")[0] not in _HOLDING or not self.until:
            raise InputError(
                f"a key for {self.acts_as!r} until {self.until!r}",
                hint="people, rigs and links have keys, and every key ends at a date",
            )


_HOLDING = frozenset({"person", "rig", "link"})


@dataclass(frozen=True, kw_only=True)
class Revocation(Statement):
    """Another statement holds no more, from now on and whatever any clock says.

    Parameters
    ----------
    of : str
        The id of that statement.
    """

    kind: ClassVar[str] = "revocation"

    of: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_id(self.of)


_CLASSES: Mapping[str, type[Statement]] = {
    one.kind: one for one in (Grant, Embargo, Terms, Acceptance, Membership, Key, Revocation)
}
_QUERIES = frozenset({"on", "within"})


def decode(data: bytes) -> Statement:
    """Read what `Statement.encode` wrote.

    Raises
    ------
    CorruptionError
        If it cannot be understood, wholly: what is not understood could be what forbids something.
    """
    try:
        said = json.loads(data)
        schema, kind = said.pop("schema"), said.pop("kind")
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema!r}")
        for name in _QUERIES & said.keys():
            said[name] = Query.from_json(json.dumps(said[name]))
        return _CLASSES[kind](**said)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptionError(
            f"a statement about access cannot be read: {error!r}",
            hint="pip install --upgrade panneuro, if a later one wrote it",
        ) from error


def moment(now: datetime) -> float:
    """Return the seconds since 1970 of a moment.

    Raises
    ------
    InputError
        If it has no zone: it could be any of 26 hours.
    """
    if now.tzinfo is None:
        raise InputError(f"the moment {now!r} has no zone", hint="datetime.now(UTC)")
    return now.astimezone(UTC).timestamp()


def check_id(text: str) -> str:
    """Return the id of a statement, if it is one."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise InputError(f"{str(text)[:80]!r} is no id", hint="64 hexadecimal digits")
    return text


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"there is no role {str(role)[:80]!r}", hint=f"roles: {', '.join(ROLES)}")


def _check_text(what: str, text: str, longest: int) -> None:
    if not isinstance(text, str) or len(text) > longest or well_formed(text) != text:
        raise InputError(
            f"{what!r} is {str(text)[:80]!r}", hint=f"a text of at most {longest} characters"
        )


def _check_query(query: Query) -> None:
    if _has_words(query.conditions):
        raise InputError(
            f"{str(query)[:80]!r} searches for words, which anybody may write somewhere",
            hint="say fields: project=retina, name=…, tag=…",
        )
    deep, many, long = depth(query.conditions), size(query.conditions), len(query.to_json())
    if deep > _DEEPEST or many > _MOST_CONDITIONS or long > _LONGEST_QUERY:
        raise InputError(
            f"a query of {many} conditions, {deep} deep, {long} characters, is too much",
            hint=f"at most {_MOST_CONDITIONS} conditions, {_DEEPEST} deep, {_LONGEST_QUERY} "
            "characters; or several statements",
        )


def _has_words(conditions: Iterable[Condition]) -> bool:
    return any(
        isinstance(one, Words)
        or (isinstance(one, AnyOf) and any(map(_has_words, one.alternatives)))
        for one in conditions
    )
