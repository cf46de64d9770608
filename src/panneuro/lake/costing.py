"""What a lake costs: by project, asset, run, person, month or step; ahead of time; and no more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from panneuro.access.budgets import Standing, budgets_of, standings
from panneuro.access.costs import Costs, Used
from panneuro.access.forecasts import Month, forecast
from panneuro.access.prices import PriceBook
from panneuro.core.entry import seconds
from panneuro.core.errors import BudgetExceededError, InputError
from panneuro.core.query import EVERYTHING, Query
from panneuro.lake.metering import bytes_by_month, kept, month_of, months, used

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
    """

    def __init__(self, lake: Lake, within: Query = EVERYTHING) -> None:
        self._lake = lake
        self._within = within
        self.book = PriceBook.from_table(lake.settings.prices)
        self._metered: tuple[float, list[Used]] | None = None

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
        return Costs.of(used(self._lake, since, until, self._within), self.book, by)

    def _beginning(self, by: str | Sequence[str], until: datetime) -> datetime:
        if "month" in ((by,) if isinstance(by, str) else by):
            known = [seconds(one.entry.created) for one in kept(self._lake, self._within)]
            known += [seconds(run.ended) for run in self._lake.runs.find() if run.ended]
            return datetime.fromtimestamp(min(known, default=until.timestamp()), UTC)
        return _first_of(until)

    def forecast(self, n_months: int = 12) -> tuple[Month, ...]:
        """Return what the next months will cost, if they are like the last three whole ones."""
        now = datetime.now(UTC)
        this, everything = _first_of(now), list(kept(self._lake, self._within))
        born = min((seconds(one.entry.created) for one in everything), default=now.timestamp())
        since = max(
            _months_before(this, _LOOKED_BACK), _first_of(datetime.fromtimestamp(born, UTC))
        )
        come_in = bytes_by_month(everything)
        if since < this:
            added = {month: come_in.get(month, 0) for month, _ in months(since, this)}
        else:
            since, this = this, now
            added = {month_of(now): come_in.get(month_of(now), 0)}
        ahead = [month_of(_months_before(_first_of(now), -at)) for at in range(1, n_months + 1)]
        spent = used(self._lake, since, this, self._within)
        total = sum(one.bytes_now for one in everything)
        return forecast(total, added, spent, self.book, ahead)

    def saved_per_year(self) -> Decimal:
        """Return what is saved in a year by keeping what is kept, and not the source files."""
        everything = list(kept(self._lake, self._within))
        came, stays = (
            sum(getattr(one, name) for one in everything) for name in ("source_bytes", "bytes_now")
        )
        return self.book.saved_per_year(came, stays, self.book.kept)

    def budgets(self) -> tuple[Standing, ...]:
        """Return the budgets of ``lake.toml``, and what is spent of them this month."""
        budgets = budgets_of(self._lake.settings.budgets)
        if not budgets:
            return ()
        if self._metered is None or time.monotonic() - self._metered[0] > _FRESH_S:
            now = datetime.now(UTC)
            metered = list(used(self._lake, _first_of(now), now, self._within))
            self._metered = time.monotonic(), metered
        return standings(budgets, self._metered[1], self.book)

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


def _months_before(first: datetime, number: int) -> datetime:
    at = first.year * 12 + first.month - 1 - number
    return first.replace(year=at // 12, month=at % 12 + 1)
