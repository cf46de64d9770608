"""Life-cycle rules: what is not asked for any more goes to a cheaper tier, or can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError, QueryError
from panneuro.core.query import Query, parse

_MOST_DAYS = 36_525
"""A century."""

_KNOWN = frozenset({"on", "idle_days", "do", "tier"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to assets that nobody asked for in a while.

    Parameters
    ----------
    on : Query
        To which.
    idle_days : int
        For how long nobody did.
    do : {"tier", "expire"}
        Move them to another tier, or let go of what can be made again from its record.
    tier : str
        Which.
    """

    on: Query
    idle_days: int
    do: Literal["tier", "expire"]
    tier: str = ""

    def __str__(self) -> str:
        what = f"{self.do} {self.tier}".strip()
        return f"{what} what nobody asked for in {self.idle_days} days: {self.on or 'everything'}"

    def saved_per_month(self, n_bytes: int, book: PriceBook, tier: str = "") -> Decimal:
        """Return the money that following it saves in a month, exactly.

        Parameters
        ----------
        n_bytes : int
            Kept.
        book : PriceBook
            What that costs.
        tier : str
            In which tier they are now; that which the lake is kept in, where empty.
        """
        now = book.of_storage(Decimal(n_bytes), tier)
        return now - (book.of_storage(Decimal(n_bytes), self.tier) if self.tier else 0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a rule would do with a version of an asset, and why it would not.

    Parameters
    ----------
    name, version : str
        Which.
    rule : Rule
        That would.
    n_bytes : int
        What it takes up.
    saved_per_month : Decimal
        Money, exactly.
    kept_because : str
        What stands against it; empty where nothing does.
    """

    name: str
    version: str
    rule: Rule
    n_bytes: int
    saved_per_month: Decimal
    kept_because: str = ""


def rules_of(table: object, book: PriceBook) -> tuple[Rule, ...]:
    """Read the ``[[lifecycle]]`` tables of a ``lake.toml``.

    Raises
    ------
    InputError
        If one of them is no rule.

    Examples
    --------
    >>> said = [{"on": "kind=raw", "idle_days": 180, "do": "tier", "tier": "cold"}]
    >>> rules_of(said, PriceBook())[0].tier
    'cold'
    """
    if not isinstance(table, list | tuple):
        raise InputError(f"reading life-cycle rules: {table!r} is no list", hint=_HINT)
    return tuple(_rule(entry, book) for entry in table)


_HINT = '[[lifecycle]] with on = "kind=raw", idle_days = 180, do = "tier", tier = "cold"'


def _rule(entry: Any, book: PriceBook) -> Rule:
    if not isinstance(entry, Mapping) or entry.keys() - _KNOWN:
        raise InputError(f"reading life-cycle rules: {entry!r} is none", hint=_HINT)
    days, do, tier = entry.get("idle_days", -1), entry.get("do"), entry.get("tier", "")
    if not _is_days(days) or do not in ("tier", "expire") or (do == "tier") != bool(tier):
        raise InputError(f"reading life-cycle rules: {dict(entry)!r} is none", hint=_HINT)
    if tier:
        book.tier(str(tier))
    try:
        on = parse(str(entry.get("on", "")))
    except QueryError as error:
        raise InputError(f"reading life-cycle rules: {error.message}", hint=error.hint) from error
    return Rule(on, int(days), do, str(tier))


def _is_days(number: object) -> bool:
    if not isinstance(number, int) or isinstance(number, bool):
        return False
    return 0 <= number <= _MOST_DAYS
