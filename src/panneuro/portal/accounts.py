"""Accounts: what things cost, and who did what; each of what one may know."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from panneuro.access.actors import EVERYONE
from panneuro.access.costs import BY, KINDS, Costs
from panneuro.access.forecasts import Month
from panneuro.access.lifecycle import Proposal, Rule, rules_of
from panneuro.core.query import Query
from panneuro.lake.costing import Ledger
from panneuro.lake.lake import Lake
from panneuro.lake.metering import OWN
from panneuro.lake.retiring import proposals
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.lines import lines_of_table
from panneuro.portal.pages import Pages
from panneuro.portal.shelves import Shelf

_MOST_EVENTS = 500
_MONTH = timedelta(days=31)
_FRESH_S = 60.0
_SCOPES = 64
_NOT_KEPT = {"cache-control": "no-store"}


class CostAsked(BaseModel):
    """By what costs are put together."""

    model_config = ConfigDict(extra="ignore")

    by: str = Field("project", pattern=f"^({'|'.join(BY)})$", description=", ".join(BY))


class CostGiven(BaseModel):
    """What was spent this month so far, or by month all of it."""

    model_config = ConfigDict(extra="allow")


class RuleGiven(BaseModel):
    """A life-cycle rule, and what following it now would do."""

    rule: str
    versions: int = Field(description="of assets, that it would tier or expire")
    stored_bytes: int = Field(description="that these keep")
    saved_per_month: str = Field(description="money")
    kept: dict[str, int] = Field(description="versions that it finds and leaves, by why")


class RulesGiven(BaseModel):
    """The life-cycle rules of the lake; none for who does not own everything."""

    currency: str
    saved_per_month: str
    rules: list[RuleGiven]


class AuditAsked(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="ignore")

    since: date | None = Field(None, description="first day")
    until: date | None = Field(None, description="last day")
    who: str = Field("", max_length=300, description="person:ada@uni.edu; * for anything")
    what: str = Field("", max_length=100, description="download, refused, sign-in, grant, …")
    on: str = Field("", max_length=1_000, description="name of an asset; * for anything")


class AuditGiven(BaseModel):
    """The latest events, the newest last."""

    events: list[dict[str, Any]]


class Accounts:
    """Answers about money and deeds.

    Parameters
    ----------
    pages : Pages
        Where people look.
    lake : Lake
        Whose.
    """

    def __init__(self, pages: Pages, lake: Lake) -> None:
        self._pages = pages
        self._lake = lake
        self._ahead = Shelf(_SCOPES)

    def doors(self) -> list[Door]:
        """Return the doors."""
        cost = {"json": CostGiven, "html": None, "csv": None}
        return [
            Door("/cost", self.cost, CostAsked, cost),
            Door("/cost/rules", self.rules, gives={"json": RulesGiven, "html": None}),
            Door("/audit", self.audit, AuditAsked, {"json": AuditGiven, "html": None}),
        ]

    def cost(self, visit: Visit, asked: CostAsked) -> Response:
        """Tell what was spent on what one may edit."""
        costs, form = visit.seen.cost(asked.by), visit.form("json", "html", "csv")
        if form == "json":
            return JSONResponse(costs.to_json(), headers=_NOT_KEPT)
        if form == "csv":
            name = {"content-disposition": 'attachment; filename="cost.csv"', **_NOT_KEPT}
            return Response(costs.to_csv(), media_type="text/csv", headers=name)
        months, saved = self._ahead_of(visit.seen.allowed("edit"))
        answer = self._pages.page(
            visit.request,
            "cost",
            by=asked.by,
            choices=BY,
            costs=costs,
            kinds=_kinds(costs),
            own=OWN,
            lines=lines_of_table(visit.origin, "/cost", "csv", by=asked.by),
            months=months,
            saved=saved,
            budgets=self._lake.ledger.budgets() if visit.owns_all else (),
            rules=self._rules() if visit.owns_all else (),
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    def _rules(self) -> tuple[Rule, ...]:
        return rules_of(self._lake.settings.lifecycle, self._lake.ledger.book)

    def rules(self, visit: Visit, _: Nothing) -> Response:
        """Tell what the life-cycle rules would do now, and save; nothing is done."""
        every = int(time.monotonic() / _FRESH_S)
        found: RulesGiven = self._ahead.take(
            ("rules", visit.owns_all, every),
            lambda: _proposed(self._lake, self._rules() if visit.owns_all else ()),
        )
        if visit.form("json", "html") == "json":
            return JSONResponse(found.model_dump(), headers=_NOT_KEPT)
        answer = self._pages.page(visit.request, "rules", given=found)
        answer.headers["cache-control"] = "no-store"
        return answer

    def _ahead_of(self, scope: Query) -> tuple[tuple[Month, ...], Decimal]:
        """Return what is to come and what is saved, which takes long and changes little."""
        ledger = Ledger(self._lake, scope)
        found: tuple[tuple[Month, ...], Decimal] = self._ahead.take(
            (str(scope), int(time.monotonic() / _FRESH_S)),
            lambda: (ledger.forecast(6), ledger.saved_per_year()),
        )
        return found

    def audit(self, visit: Visit, asked: AuditAsked) -> Response:
        """Tell what was done with what one owns: in the last month, where no day is named."""
        self._lake.audit.flush()
        said = {"who": asked.who, "what": asked.what, "on": asked.on}
        since = asked.since or datetime.now(UTC).date() - _MONTH
        nobody = visit.seen.actor.principal == EVERYONE
        found = () if nobody else visit.seen.audit(since, asked.until, **said)
        events = list(deque(found, _MOST_EVENTS))
        if visit.form("json", "html") == "json":
            given = {"events": [event.to_json() for event in events]}
            return JSONResponse(given, headers=_NOT_KEPT)
        answer = self._pages.page(visit.request, "audit", events=events[::-1], asked=asked)
        answer.headers["cache-control"] = "no-store"
        return answer


def _proposed(lake: Lake, rules: Sequence[Rule]) -> RulesGiven:
    """Return what rules would do now."""
    done = {rule: list[Proposal]() for rule in rules}
    left = {rule: Counter[str]() for rule in rules}
    for one in proposals(lake) if rules else ():
        if one.kept_because:
            left[one.rule][one.kept_because] += 1
        else:
            done[one.rule].append(one)
    saved = {rule: sum((one.saved_per_month for one in done[rule]), Decimal(0)) for rule in rules}
    given = [
        RuleGiven(
            rule=str(rule),
            versions=len(done[rule]),
            stored_bytes=sum(one.n_bytes for one in done[rule]),
            saved_per_month=f"{saved[rule]:.2f}",
            kept=dict(left[rule].most_common()),
        )
        for rule in rules
    ]
    total = f"{sum(saved.values(), Decimal(0)):.2f}"
    return RulesGiven(currency=lake.ledger.book.currency, saved_per_month=total, rules=given)


def _kinds(costs: Costs) -> Iterable[str]:
    """Return the kinds that anything was spent on."""
    return [kind for kind in KINDS if any(row.amounts.get(kind) for row in costs.rows)]
