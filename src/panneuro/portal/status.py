"""What the lake is and how it stands: to each visitor, of what they may see."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice

from pydantic import BaseModel
from starlette.responses import Response

from panneuro.access.prices import PriceBook
from panneuro.core.entry import Entry
from panneuro.core.run import Run
from panneuro.lake import indexing
from panneuro.lake.lake import Lake
from panneuro.lake.problems import STEP as CHECK
from panneuro.portal.comparing import MOST
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.exports import AT_ONCE, MOST_BYTES
from panneuro.portal.pages import Pages, in_bytes
from panneuro.portal.seeing import is_visible
from panneuro.portal.signals import json_of
from panneuro.portal.standing import Standings, ViewStanding
from panneuro.portal.supervising import MOST_AT_ONCE, Orders

LATELY = timedelta(days=7)
"""Runs that failed since are told."""

_MOST_ADDED_UP = 10_000
_MOST_FAILED = 500
_PACKAGES = ("panneuro", "zarr", "numpy", "pynwb", "pyarrow", "starlette")


class CheckGiven(BaseModel):
    """When everything was last verified, and what was found."""

    at: str
    ok: bool
    said: str


class Keeping(BaseModel):
    """What only they are told who own everything."""

    indexed: int
    in_snapshot: int
    check: CheckGiven | None
    views: list[ViewStanding]
    executor: str
    running: int
    limits: dict[str, str]
    software: dict[str, str]


class HealthGiven(BaseModel):
    """What the lake is, of what one may see, and how it stands.

    Sizes are those of the latest versions; none are told where there are too many to add up.
    """

    status: str
    version: str
    assets: int
    last_added: str | None
    stored_bytes: int | None
    source_bytes: int | None
    saved_per_year: str | None
    currency: str
    runs_failed: int
    keeping: Keeping | None = None


class Status:
    """Answers how the lake stands.

    Parameters
    ----------
    pages : Pages
        Where people look.
    lake : Lake
        That is served.
    orders : Orders
        That run here.
    standings : Standings
        Of the views.
    """

    def __init__(self, pages: Pages, lake: Lake, orders: Orders, standings: Standings) -> None:
        self._pages = pages
        self._standings = standings
        self._lake = lake
        self._orders = orders
        self._prices = PriceBook.from_table(lake.settings.prices)

    def doors(self) -> list[Door]:
        """Return the doors: the page, and the same for programs."""
        return [
            Door("/health", self.health, gives={"json": HealthGiven}),
            Door("/status", self.status, gives={"html": None, "json": HealthGiven}),
        ]

    def health(self, visit: Visit, _: Nothing) -> Response:
        """Say that the lake can be searched, what it is, and how it stands."""
        answer = json_of(self._given(visit))
        answer.headers["cache-control"] = "no-store"
        return answer

    def status(self, visit: Visit, _: Nothing) -> Response:
        """Show what the lake is and how it stands."""
        if visit.form("html", "json") == "json":
            return self.health(visit, _)
        answer = self._pages.page(
            visit.request,
            "status",
            health=self._given(visit),
            failed=list(islice(self._failed(visit), 5)),
            days=LATELY.days,
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    def _given(self, visit: Visit) -> HealthGiven:
        found = visit.seen.find("")
        total, newest = len(found), found.page(1, 0, "-created").entries
        came = stays = saved = None
        if total <= _MOST_ADDED_UP:
            entries = list(found)
            came = sum((entry.doc or {}).get("source_bytes") or 0 for entry in entries)
            stays = sum(_bytes_of(entry) for entry in entries)
            saved = str(self._prices.saved_per_year(came, stays, self._prices.kept))
        return HealthGiven(
            status="ok",
            version=version("panneuro"),
            assets=total,
            last_added=newest[0].created if newest else None,
            stored_bytes=stays,
            source_bytes=came,
            saved_per_year=saved,
            currency=self._prices.currency,
            runs_failed=sum(1 for _ in self._failed(visit)),
            keeping=self._keeping() if visit.owns_all else None,
        )

    def _failed(self, visit: Visit) -> Iterator[Run]:
        """Yield the runs that failed lately, the latest first."""
        since = (datetime.now(UTC) - LATELY).isoformat()
        for run in self._lake.runs.find(status="failed", limit=_MOST_FAILED):
            if run.ended < since:
                return
            if is_visible(visit.seen, run):
                yield run

    def _keeping(self) -> Keeping:
        snapshots = indexing.snapshots(self._lake.store)
        return Keeping(
            indexed=len(self._lake),
            in_snapshot=int(snapshots[-1].rpartition("/")[2].partition(".")[0]) if snapshots else 0,
            check=self._last_check(),
            views=[one for one in self._standings.all(whole=True) if one.edition],
            executor=str(self._lake.settings.compute.get("executor", "inline")),
            running=sum(progressed.is_running for _, progressed in self._orders.newest()),
            limits=dict(self._limits()),
            software={name: version(name) for name in _PACKAGES}
            | {"python": platform.python_version()},
        )

    def _limits(self) -> Iterator[tuple[str, str]]:
        for standing in self._lake.ledger.budgets():
            budget, spent = standing.budget, standing.spent
            said = f"{spent:.2f} of {budget.per_month} {self._prices.currency} this month"
            yield f"budget {budget.scope}", f"{said}: {standing.state}"
        yield "files to export", f"{in_bytes(MOST_BYTES)} each, {AT_ONCE} at once"
        yield "orders", f"{MOST_AT_ONCE} at once"
        yield "side by side", f"{MOST} assets or units"

    def _last_check(self) -> CheckGiven | None:
        found = self._lake.runs.find(step=CHECK, limit=1)
        return (
            CheckGiven(at=found[0].ended, ok=found[0].is_done, said=found[0].log) if found else None
        )


def _bytes_of(entry: Entry) -> int:
    size = entry.fields.get("size_bytes")
    return int(size) if isinstance(size, int | float) else 0
