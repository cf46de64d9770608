"""Budgets: so much money a month, a warning before it is spent, and no new runs after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from panneuro.access.costs import Used
from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError

_SCOPES = ("project", "person", "step")
_HIGHEST = Decimal(10**12)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a month.

    Parameters
    ----------
    scope : str
        On what: ``total``, or ``project:retina``, ``person:ada``, ``step:sort``.
    per_month : Decimal
        Money.
    warn_at : Decimal
        The part of it at which a warning is given.

    Examples
    --------
    >>> Budget("project:retina", Decimal(200)).state(Decimal(170))
    'warn'
    """

    scope: str
    per_month: Decimal
    warn_at: Decimal = Decimal("0.8")

    def covers(self, used: Used) -> bool:
        """Tell whether something that was used counts."""
        if self.scope == "total":
            return True
        field, _, name = self.scope.partition(":")
        return bool(getattr(used, field) == name)

    def state(self, spent: Decimal) -> Literal["fine", "warn", "spent"]:
        """Return how it stands when so much is spent; all of it is too much."""
        if spent >= self.per_month:
            return "spent"
        return "warn" if spent >= self.per_month * self.warn_at else "fine"


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget, and what is spent of it this month.

    Parameters
    ----------
    budget : Budget
        Which.
    spent : Decimal
        So far, exactly.
    """

    budget: Budget
    spent: Decimal

    @property
    def state(self) -> str:
        """``fine``, ``warn`` or ``spent``."""
        return self.budget.state(self.spent)


def budgets_of(table: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Read the ``[budgets]`` table of a ``lake.toml``.

    Parameters
    ----------
    table : mapping
        By scope, an amount a month, or a table with ``per_month`` and ``warn_at``.

    Raises
    ------
    InputError
        If a scope is none, or an amount is not a number from 0 up.

    Examples
    --------
    >>> budgets_of({"total": 1000, "project:retina": {"per_month": 200, "warn_at": 0.5}})[1].warn_at
    Decimal('0.5')
    """
    return tuple(_budget(str(scope), entry) for scope, entry in table.items())


def standings(
    budgets: Iterable[Budget], used: Iterable[Used], book: PriceBook
) -> tuple[Standing, ...]:
    """Return how budgets stand after what was used in a month."""
    budgets = tuple(budgets)
    spent = dict.fromkeys(budgets, Decimal(0))
    for one in used:
        for budget in budgets:
            if budget.covers(one):
                spent[budget] += one.price(book)
    return tuple(Standing(budget, amount) for budget, amount in spent.items())


def _budget(scope: str, entry: Any) -> Budget:
    said = entry if isinstance(entry, Mapping) else {"per_month": entry}
    field, colon, name = scope.partition(":")
    if scope != "total" and not (field in _SCOPES and colon and name):
        raise InputError(
            f"reading budgets: {scope!r} is nothing that money is spent on",
            hint='[budgets] with total = 1000, or "project:retina" = 200, in lake.toml',
        )
    unknown = said.keys() - {"per_month", "warn_at"}
    amounts = [_number(said.get("per_month")), _number(said.get("warn_at", "0.8"))]
    if unknown or None in amounts or amounts[1] > 1:  # type: ignore[operator]
        raise InputError(
            f"reading budgets: {scope!r} is {entry!r}",
            hint=f'"{scope}" = {{per_month = 200, warn_at = 0.8}}, in lake.toml',
        )
    return Budget(scope, *amounts)  # type: ignore[arg-type]


def _number(given: Any) -> Decimal | None:
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    fits = not isinstance(given, bool) and number.is_finite() and 0 <= number <= _HIGHEST
    return number if fits else None
