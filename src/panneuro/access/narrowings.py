"""Narrowings that come with panneuro, by the group that others' come by: ``panneuro.policies``."""

from __future__ import annotations

from datetime import datetime

from panneuro.access.actors import EVERYONE, Actor
from panneuro.core.query import EVERYTHING, Query, parse

_PASSED = parse("-(quality=fail)")


def passed(actor: Actor, verb: str, now: datetime) -> Query:  # noqa: ARG001
    """Keep what failed its quality control from everyone, and from who holds a link.

    Who signed in sees it as they are granted: somebody has to judge it again.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2026, 6, 1, tzinfo=UTC)
    >>> print(passed(Actor("everyone"), "find", now))
    -(quality=fail)
    >>> passed(Actor.person("ada@uni.edu"), "find", now) == EVERYTHING
    True
    """
    is_named = actor.principal != EVERYONE and not actor.principal.startswith("link:")
    return EVERYTHING if is_named else _PASSED
