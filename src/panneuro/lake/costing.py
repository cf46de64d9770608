"""What a lake costs: by project, asset, run, person, month or step; ahead of time; and no more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from panneuro.access.budgets import Budget, Standing, budgets_of, standings
from panneuro.access.costs import Costs
from panneuro.access.forecasts import Month, forecast
from panneuro.access.prices import PriceBook
from panneuro.catalog.kept import Sum
from panneuro.core.errors import BudgetExceededError, InputError
from panneuro.core.query import EVERYTHING, Query
from panneuro.lake.metering import months, named_month, spent_on_use, used
from panneuro.lake.tombstones import absences

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_FRESH_S = 60.0
_LOOKED_BACK = 3
_CENT = Decimal("0.01")


class Ledger:
    """The costs of a lake, from what is on record; nothing of its own is kept.

    Parameters
    ----------
    lake : Lake
        Whose.
    within : Query
        Only what is spent on assets that this finds.
    seen : Query, optional
        Assets whose runs may be told of; the same as within, where not given.
    """

    def __init__(self, lake: Lake, within: Query = EVERYTHING, seen: Query | None = None) -> None:
        self._lake = lake
        self._within = within
        self._seen = seen
        self.book = PriceBook.from_table(lake.settings.prices)
        self._told: dict[str, tuple[float, Any]] = {}

    def costs(
        self,
        by: str | Sequence[str] = "project",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Costs:
        """Return what was spent.

        Parameters
        ----------
        by : str or sequence of str
            ``project``, ``asset``, ``run``, ``person``, ``month``, ``step``, ``kind``.
        since, until : datetime, optional
            From when until before when: this month so far, where not given; by month, all of it.
        """
        until = _zoned(until) or datetime.now(UTC)
        since = _zoned(since) or self._beginning(by, until)
        by = (by,) if isinstance(by, str) else tuple(by)
        spent = used(self._lake, since, until, self._within, by, self._seen)
        return Costs.of(spent, self.book, by)

    def _beginning(self, by: str | Sequence[str], until: datetime) -> datetime:
        if "month" not in ((by,) if isinstance(by, str) else by):
            return _first_of(until)
        second = int(until.timestamp()) + 1
        assets, runs = self._lake.catalog.kept(self._within, 0, second), self._lake.runs
        known = [one.month for one in (*assets, *runs.kept(0, second))]
        return _first_of_month(min(known)) if known else _first_of(until)

    def _kept(self, until: datetime) -> list[Sum]:
        """Return what is kept and has not expired, by project and month of commit."""
        gone = [pair for pair, away in absences(self._lake.runs).items() if away[-1][1] is None]
        return self._lake.catalog.kept(self._within, 0, int(until.timestamp()) + 1, but=gone)

    def _remembered[T](self, what: str, make: Callable[[], T]) -> T:
        """Return what was worked out within the last minute, or work it out."""
        told, now = self._told.get(what), time.monotonic()
        if told is None or now - told[0] > _FRESH_S:
            told = self._told[what] = now, make()
        found: T = told[1]
        return found

    def forecast(self, n_months: int = 12) -> tuple[Month, ...]:
        """Return what the next months will cost, if they are like the last three whole ones."""
        now = datetime.now(UTC)
        this, everything = _first_of(now), self._remembered("kept", lambda: self._kept(now))
        come_in = Counter[int]()
        for one in everything:
            come_in[one.month] += one.n_bytes
        since = max(_months_before(this, _LOOKED_BACK), _first_of_month(min(come_in, default=12)))
        if not come_in or since >= this:
            since, this = this, now
        span = int(since.timestamp()), int(this.timestamp())
        added = {named_month(month): come_in[month] for month, _ in months(*span)}
        ahead = [f"{_months_before(_first_of(now), -at):%Y-%m}" for at in range(1, n_months + 1)]
        spent = spent_on_use(self._lake, since, this, self._within)
        return forecast(come_in.total(), added, spent, self.book, ahead)

    def saved_per_year(self) -> Decimal:
        """Return what is saved in a year by keeping what is kept, and not the source files."""
        everything = self._remembered("kept", lambda: self._kept(datetime.now(UTC)))
        came, stays = (
            sum(getattr(one, name) for one in everything) for name in ("source_bytes", "n_bytes")
        )
        return self.book.saved_per_year(came, stays, self.book.kept)

    def budgets(self) -> tuple[Standing, ...]:
        """Return the budgets of ``lake.toml``, and what is spent of them this month."""
        budgets = budgets_of(self._lake.settings.budgets)
        if not budgets:
            return ()
        return self._remembered("budgets", lambda: self._standings(budgets))

    def _standings(self, budgets: Sequence[Budget]) -> tuple[Standing, ...]:
        now, by = datetime.now(UTC), {one.scope.partition(":")[0] for one in budgets}
        return standings(
            budgets, used(self._lake, _first_of(now), now, self._within, by), self.book
        )

    def check_budget(
        self,
        projects: Sequence[str] = (),
        person: str = "",
        step: str = "",
        expected: Decimal = Decimal(0),
    ) -> list[str]:
        """Say whether something more may be spent, before it is.

        Parameters
        ----------
        projects : sequence of str
            Of the assets that a run takes.
        person, step : str
            Who asks, and for what.
        expected : Decimal
            What it will cost, if that is known.

        Returns
        -------
        list of str
            Warnings: budgets that are nearly spent.

        Raises
        ------
        BudgetExceededError
            If a budget that it counts in is spent, or would be.
        """
        scopes = {"total", f"person:{person}", f"step:{step}"}
        scopes |= {f"project:{project}" for project in projects}
        warnings = []
        for one in self.budgets():
            if one.budget.scope not in scopes:
                continue
            after = one.spent + expected
            told = (
                f"{after.quantize(_CENT)} of {one.budget.per_month} {self.book.currency} "
                f"for {one.budget.scope!r} this month"
            )
            match one.budget.state(after):
                case "spent":
                    raise BudgetExceededError(
                        f"starting a run: it would bring what is spent to {told}",
                        hint="panneuro cost --budgets; whoever pays raises it in lake.toml",
                    )
                case "warn":
                    warnings.append(f"{told} is spent")
        return warnings


def _zoned(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise InputError(f"costs: the moment {moment!r} has no zone", hint="datetime.now(UTC)")
    return moment


def _first_of(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _first_of_month(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _months_before(first: datetime, number: int) -> datetime:
    return _first_of_month(first.year * 12 + first.month - 1 - number)
