"""Metering: what assets keep, what runs computed, what was served; from what is on record."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from panneuro.access.costs import Used
from panneuro.core.entry import Entry, seconds
from panneuro.core.query import EVERYTHING, Query
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.lake.entries import entry_of
from panneuro.lake.tiering import Moved, moves
from panneuro.lake.tombstones import Absence, absences

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

OWN = "(the lake itself)"
"""What the index, the records and the audit are put down to."""

_OWN_FOLDERS = ("catalog", "runs", "grants", "audit", "views", "sessions")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one version of an asset keeps itself; what it shares is another's.

    Parameters
    ----------
    entry : Entry
        Of the version.
    n_bytes, n_objects : int
        Its own.
    source_bytes : int
        Of the files that it was made from.
    away : sequence of pairs of datetime
        From when until when its data had expired; None for until now.
    moved : sequence of pairs of datetime and str
        When it was moved to another tier, and to which.
    """

    entry: Entry
    n_bytes: int
    n_objects: int
    source_bytes: int
    away: Sequence[Absence] = ()
    moved: Sequence[Moved] = ()

    @property
    def bytes_now(self) -> int:
        """What it keeps now: nothing where its data expired."""
        return 0 if self.away and self.away[-1][1] is None else self.n_bytes

    @property
    def tier(self) -> str:
        """Where it is now; empty for where the lake is kept."""
        return self.moved[-1][1] if self.moved else ""

    @property
    def project(self) -> str:
        """That pays, where one is said."""
        return str(self.entry.fields.get("project", ""))


def kept(lake: Lake, within: Query = EVERYTHING) -> Iterator[Kept]:
    """Yield what every version keeps that a query finds, if it finds the latest, too."""
    names = None if within == EVERYTHING else set(lake.index.names(within))
    away, moved = absences(lake.runs), moves(lake.runs)
    for entry in lake.catalog.entries():
        if names is None or (entry.name in names and within.matches(entry)):
            pair = entry.name, entry.version
            yield _kept(lake, entry, away.get(pair, ()), moved.get(pair, ()))


def _kept(lake: Lake, entry: Entry, away: Sequence[Absence], moved: Sequence[Moved]) -> Kept:
    said = entry.doc or {}
    if "stored_bytes" not in said:
        said = entry_of(Asset.open(lake.store, entry.name, entry.version).manifest).doc or {}
    sizes = said["stored_bytes"], said["stored_objects"], said["source_bytes"]
    return Kept(entry, *sizes, away, moved)


def used(
    lake: Lake, since: datetime, until: datetime, within: Query = EVERYTHING
) -> Iterator[Used]:
    """Yield everything that was used in a time, by month.

    Parameters
    ----------
    lake : Lake
        Whose records are read.
    since, until : datetime
        From when until before when, with a zone.
    within : Query
        Only what assets used that this finds.
    """
    runs = [run for run in lake.runs.find() if _is_in(run.ended, since, until) or run.outputs]
    makers = {pair: run for run in reversed(runs) for pair in run.outputs.items()}
    projects: dict[str, str] = {}
    for one in kept(lake, within):
        projects[one.entry.name] = one.project
        yield from _storage(one, makers.get((one.entry.name, one.entry.version)), since, until)
    is_whole = within == EVERYTHING
    for run in runs:
        if _is_in(run.ended, since, until):
            yield from _computed(run, projects, is_whole=is_whole)
    yield from _served(lake, projects, since, until, is_whole=is_whole)
    if is_whole:
        yield from _own(lake, since, until)


def month_of(moment: datetime) -> str:
    """Return the month of a moment, in UTC.

    Examples
    --------
    >>> month_of(datetime(2026, 5, 31, tzinfo=UTC))
    '2026-05'
    """
    return f"{moment.astimezone(UTC):%Y-%m}"


def months(since: datetime, until: datetime) -> Iterator[tuple[str, Decimal]]:
    """Yield the months between two moments, each with the part of it that is between them.

    Examples
    --------
    >>> list(months(datetime(2026, 4, 16, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)))
    [('2026-04', Decimal('0.5')), ('2026-05', Decimal('1'))]
    """
    at = since.astimezone(UTC)
    while at < until:
        first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        days = calendar.monthrange(at.year, at.month)[1]
        following = first.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
        part = min(following, until) - at
        seconds_in = Decimal(part.days * 86_400 + part.seconds) + Decimal(part.microseconds) / 10**6
        yield month_of(at), seconds_in / (days * 86_400)
        at = following


def _storage(one: Kept, run: Run | None, since: datetime, until: datetime) -> Iterator[Used]:
    created = datetime.fromtimestamp(seconds(one.entry.created), UTC)
    put = {
        "project": one.project,
        "asset": one.entry.name,
        "run": run.key if run else "",
        "person": run.user if run else "",
        "step": run.step if run else "",
    }
    for first, last in _present(max(since, created), until, one.away):
        for begun, ended, tier in _in_tiers(first, last, one.moved):
            for month, part in months(begun, ended):
                yield Used("storage", one.n_bytes * part, month=month, tier=tier, **put)
    if since <= created < until:
        yield Used("requests", Decimal(one.n_objects), month=month_of(created), **put)


def _present(
    since: datetime, until: datetime, away: Sequence[Absence]
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times between two moments that are in none of some absences."""
    for went, came in away:
        yield since, min(until, went)
        since = max(since, came or until)
    yield since, until


def _in_tiers(
    since: datetime, until: datetime, moved: Sequence[Moved]
) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield a time between two moments in parts, each with the tier of it."""
    tier = ""
    for moment, other in moved:
        if moment > since:
            yield since, min(until, moment), tier
            since = min(until, moment)
        tier = other
    yield since, until, tier


def _computed(run: Run, projects: dict[str, str], *, is_whole: bool) -> Iterator[Used]:
    """Yield what a run computed, shared evenly by what it made, or took where it made nothing."""
    names = sorted(run.outputs) or [name for name in run.input_names if name in projects]
    if not is_whole and not (names and projects.keys() >= {*names}):
        return
    spent = {"compute": run.core_seconds, "gpu": run.gpu_seconds}
    for name in names or [""]:
        put = {
            "project": projects.get(name, ""),
            "asset": name,
            "run": run.key,
            "person": run.user,
            "month": run.ended[:7],
            "step": run.step,
        }
        for kind, seconds_of in spent.items():
            if seconds_of or kind == "compute":
                yield Used(kind, Decimal(str(seconds_of)) / max(1, len(names)), **put)


def _served(
    lake: Lake, projects: dict[str, str], since: datetime, until: datetime, *, is_whole: bool
) -> Iterator[Used]:
    days = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    for event in lake.audit.search(*days, what="download"):
        name = event.on.partition("@")[0]
        if not _is_in(event.at, since, until) or not (is_whole or name in projects):
            continue
        put = {
            "project": projects.get(name, ""),
            "asset": name,
            "person": event.who,
            "month": event.at[:7],
        }
        yield Used("egress", Decimal(event.n_bytes), **put)
        yield Used("reads", Decimal(event.times), **put)


def _own(lake: Lake, since: datetime, until: datetime) -> Iterator[Used]:
    for found in chain.from_iterable(map(lake.store.list, _OWN_FOLDERS)):
        for month, part in months(max(since, found.modified), until):
            yield Used("storage", found.size * part, project=OWN, asset=OWN, month=month)


def _is_in(moment: str, since: datetime, until: datetime) -> bool:
    return bool(moment) and since.timestamp() <= seconds(moment) < until.timestamp()


def bytes_by_month(kept: Iterable[Kept]) -> dict[str, int]:
    """Return how many bytes came in each month."""
    found: dict[str, int] = {}
    for one in kept:
        month = month_of(datetime.fromtimestamp(seconds(one.entry.created), UTC))
        found[month] = found.get(month, 0) + one.n_bytes
    return found
