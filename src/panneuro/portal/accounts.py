"""Accounts: what things cost, and who did what; each of what one may know."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from panneuro.access.actors import EVERYONE
from panneuro.access.costs import BY, KINDS, Costs
from panneuro.access.forecasts import Month
from panneuro.core.query import Query
from panneuro.lake.costing import Ledger
from panneuro.lake.lake import Lake
from panneuro.lake.metering import OWN
from panneuro.portal.doors import Door, Visit
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
        )
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


def _kinds(costs: Costs) -> Iterable[str]:
    """Return the kinds that anything was spent on."""
    return [kind for kind in KINDS if any(row.amounts.get(kind) for row in costs.rows)]
