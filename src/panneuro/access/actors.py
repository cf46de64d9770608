"""Who asks: people, groups, rigs, holders of a link, and everyone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from panneuro.core.errors import InputError
from panneuro.core.query import EVERYTHING, Query

KINDS = ("person", "group", "lab", "rig", "link")
"""Kinds of principals that have a name."""

GROUPS = frozenset({"group", "lab"})
"""Kinds that others belong to."""

EVERYONE = "everyone"
"""The principal that anybody is, signed in or not."""

_LOCAL = "local"
_ID = re.compile(r"[a-z0-9][a-z0-9._@+|/-]{0,199}", re.ASCII)


def principal(text: str) -> str:
    """Return who is meant, in the one way in which it is written.

    Identifiers are ASCII and compared in lower case, so that no two that look alike are two:
    a Cyrillic letter in a name is refused, not compared.

    Parameters
    ----------
    text : str
        ``person:ada@uni.edu``, or the address alone; ``group:…``, ``lab:…``, ``rig:…``,
        ``link:…``; ``everyone``.

    Raises
    ------
    InputError
        If it names nobody, or in letters that are not ASCII.

    Examples
    --------
    >>> principal("Ada@Uni.edu"), principal("lab:smith"), principal("everyone")
    ('person:ada@uni.edu', 'lab:smith', 'everyone')
    """
    if text == EVERYONE:
        return text
    kind, colon, name = text.partition(":") if ":" in text else ("person", ":", text)
    folded = name.lower() if name.isascii() else name
    if kind not in KINDS or not colon or not _ID.fullmatch(folded):
        raise InputError(f"{text[:80]!r} names nobody{_why(kind, name)}", hint=_HINT)
    return f"{kind}:{folded}"


_HINT = "a name is written person:ada@uni.edu, lab:smith, group:…, rig:… or everyone"


def _why(kind: str, name: str) -> str:
    if kind not in KINDS:
        return f": there are no principals of the kind {kind[:40]!r}"
    strange = next((letter for letter in name if not letter.isascii()), "")
    return f": found {unicodedata.name(strange, 'a letter')}, not ASCII" if strange else ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and how far what they hold lets them.

    Parameters
    ----------
    principal : str
        Who it is; see `principal`.
    memberships : frozenset of str
        Groups and labs that an identity provider says they belong to.
    within : Query
        Only in what this finds, whatever they are granted: the scope of a token.
    verbs : frozenset of str, optional
        Only these verbs: the other half of that scope.
    via : str
        Which token or link they came with; empty for who signed in.

    Examples
    --------
    >>> ada = Actor.person("ada@uni.edu", memberships=["lab:smith"])
    >>> sorted(ada.principals)
    ['everyone', 'lab:smith', 'person:ada@uni.edu']
    """

    principal: str
    memberships: frozenset[str] = frozenset()
    within: Query = EVERYTHING
    verbs: frozenset[str] | None = None
    via: str = ""

    def __post_init__(self) -> None:
        if self.principal != _LOCAL:
            object.__setattr__(self, "principal", principal(self.principal))
        object.__setattr__(self, "memberships", frozenset(map(_group, self.memberships)))

    @classmethod
    def person(cls, name: str, memberships: Iterable[str] = ()) -> Self:
        """Return a person who signed in.

        Parameters
        ----------
        name : str
            What the identity provider vouches for, as a verified address; never a kind.
        memberships : iterable of str
            ``lab:smith``, ``group:rigs``.
        """
        return cls(f"person:{name}", frozenset(memberships))

    @property
    def principals(self) -> frozenset[str]:
        """Everything that a grant may name them by."""
        return frozenset({self.principal, EVERYONE}) | self.memberships

    @property
    def is_local(self) -> bool:
        """Whether they hold the store itself, and are above every grant."""
        return self.principal == _LOCAL

    def __str__(self) -> str:
        return self.principal


def _group(text: str) -> str:
    named = principal(text)
    if named.partition(":")[0] not in GROUPS:
        raise InputError(f"nobody can belong to {text!r}", hint="lab:smith or group:rigs")
    return named


ANONYMOUS = Actor(EVERYONE)
"""Who did not sign in."""

LOCAL = Actor(_LOCAL)
"""Who holds the store itself. Never what a request from outside is answered as."""
