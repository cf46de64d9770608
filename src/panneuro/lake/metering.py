"""Metering: what assets keep, what runs computed, what was served; from what is on record."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from panneuro.access.costs import BY, MONTH_PARTS, Used
from panneuro.catalog.kept import SIZES, Sum, month_at
from panneuro.core.entry import Entry, seconds
from panneuro.core.query import EVERYTHING, Query
from panneuro.lake.runs import FOLDER as RUNS
from panneuro.lake.runs import is_month
from panneuro.lake.tiering import Moved, moves
from panneuro.lake.tombstones import Absence, absences

if TYPE_CHECKING:
    from panneuro.catalog.runs import Maker, Spent
    from panneuro.lake.lake import Lake

OWN = "(the lake itself)"
"""What the index, the records and the audit are put down to."""

_OWN_FOLDERS = ("catalog", "grants", "audit", "views", "sessions")

_OF_RUNS = frozenset({"run", "person", "step"})
_Span = tuple[int, int]
"""From which second until before which."""


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


def kept(lake: Lake) -> Iterator[Kept]:
    """Yield what every version keeps."""
    away, moved = absences(lake.runs), moves(lake.runs)
    for entry in lake.catalog.entries():
        pair = entry.name, entry.version
        yield _kept(entry, away.get(pair, ()), moved.get(pair, ()))


def _kept(entry: Entry, away: Sequence[Absence], moved: Sequence[Moved]) -> Kept:
    said = entry.doc or {}
    stored, objects, source = (int(said.get(what) or 0) for what in SIZES)
    return Kept(entry, stored, objects, source, away, moved)


def used(
    lake: Lake,
    since: datetime,
    until: datetime,
    within: Query = EVERYTHING,
    by: Iterable[str] = BY,
    seen: Query | None = None,
) -> Iterator[Used]:
    """Yield everything that was used in a time, by month.

    What somebody may not see is in none of it: of what a run spent, only the shares of what is
    theirs, and no word of the run, its step and its person where it touched anything hidden.

    Parameters
    ----------
    lake : Lake
        Whose records are read.
    since, until : datetime
        From when until before when, with a zone; whole seconds count.
    within : Query
        Only what assets used that this finds.
    by : iterable of str
        What is asked for of `panneuro.access.costs.BY`; what is not is put together.
    seen : Query, optional
        Assets whose runs may be told of; the same as within, where not given.
    """
    if within.is_nothing:
        return
    span, by = _span(since, until), frozenset(by)
    hidden = _hidden(lake, within if seen is None else seen, by)
    yield from _stored(lake, span, within, by, hidden)
    yield from spent_on_use(lake, since, until, within, by, hidden)
    if within == EVERYTHING:
        yield from _own(lake, span)


def spent_on_use(
    lake: Lake,
    since: datetime,
    until: datetime,
    within: Query = EVERYTHING,
    by: Iterable[str] = (),
    hidden: Collection[str] = (),
) -> Iterator[Used]:
    """Yield what was computed and served in a time, no word of runs that are hidden: see `used`."""
    yield from _computed(lake, _span(since, until), within, frozenset(by), hidden)
    yield from _served(lake, since, until, within)


def _span(since: datetime, until: datetime) -> _Span:
    """Return a time in whole seconds: a second that has begun is in it."""
    return int(since.timestamp() // 1), int(-(-until.timestamp() // 1))


def months(since: int, until: int) -> Iterator[tuple[int, int]]:
    """Yield the months between two moments, each with its seconds that are between them.

    Parameters
    ----------
    since, until : int
        In seconds since 1970.

    Yields
    ------
    month : int
        ``12 * year + month - 1``.
    seconds : int
        At least one.

    Examples
    --------
    >>> list(months(0, 40 * 86_400))
    [(23640, 2678400), (23641, 777600)]
    """
    while since < until:
        month, remaining = month_at(since)
        yield month, min(remaining, until - since)
        since += remaining


def named_month(month: int) -> str:
    """Return a month as text.

    Examples
    --------
    >>> named_month(23640)
    '1970-01'
    """
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _storage(byte_seconds: int, month: int, put: Mapping[str, str], tier: str = "") -> Used:
    """Return bytes that were kept for some seconds of a month."""
    parts = MONTH_PARTS // (calendar.monthrange(month // 12, month % 12 + 1)[1] * 86_400)
    return Used("storage", byte_seconds * parts, month=named_month(month), tier=tier, **put)


def _kept_in(one: Sum, span: _Span, put: Mapping[str, str]) -> Iterator[Used]:
    """Yield what was kept in each month of a time, of what was committed in one month."""
    came = one.n_bytes - one.before_bytes
    last, left = month_at(span[1] - 1)
    for month, over in months(*span):
        amount = one.before_bytes * over
        if month == one.month:
            amount += one.byte_seconds - (came * (left - 1) if month == last else 0)
        elif month > one.month:
            amount += came * over
        if amount:
            yield _storage(amount, month, put)


def _stored(
    lake: Lake, span: _Span, within: Query, asked: frozenset[str], hidden: Collection[str]
) -> Iterator[Used]:
    """Yield what versions kept, and what it took to put them."""
    away, moved = absences(lake.runs), moves(lake.runs)
    changed = {*away, *moved}
    makers = lake.runs.makers() if asked & _OF_RUNS else {}
    makers = {pair: maker for pair, maker in makers.items() if maker.run not in hidden}
    each = bool(asked & {"asset", *_OF_RUNS})
    sums = lake.catalog.kept(within, *span, each=each, but=changed)
    for one in sums if each else _merged(sums, span, by_project="project" in asked):
        put = _put(one.project, one.name, makers.get((one.name, one.version)))
        yield from _kept_in(one, span, put)
        if one.n_objects:
            yield Used("requests", one.n_objects, month=named_month(one.month), **put)
    for name, version in sorted(changed):
        entry, latest = lake.catalog.get(name, version), lake.catalog.get(name)
        if entry and latest and within.matches(entry) and within.matches(latest):
            pair = name, version
            whole = _kept(entry, away.get(pair, ()), moved.get(pair, ()))
            yield from _history(whole, span, _put(whole.project, name, makers.get(pair)))


def _merged(sums: Iterable[Sum], span: _Span, *, by_project: bool) -> Iterator[Sum]:
    """Yield sums, those put together that nobody asks to be told apart."""
    first = month_at(span[0])[0]
    found: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0] * len(Sum._fields[4:]))
    for one in sums:
        # What came before the time asked for is kept in all of it, whenever that was.
        amounts = found[one.project if by_project else "", max(one.month, first - 1)]
        for at, amount in enumerate(one[4:]):
            amounts[at] += amount
    for (project, month), amounts in found.items():
        yield Sum(project, "", "", month, *amounts)


def _put(project: str, name: str, maker: Maker | None) -> dict[str, str]:
    """Return what something is put down to."""
    by = maker._asdict() if maker else {}
    return {"project": project, "asset": name, **by}


def _history(one: Kept, span: _Span, put: Mapping[str, str]) -> Iterator[Used]:
    """Yield what one version kept, and where, and what it took to put it."""
    since, until = span
    created = int(seconds(one.entry.created) // 1)
    for first, last in _present(max(since, created), until, one.away):
        for begun, ended, tier in _in_tiers(first, last, one.moved):
            for month, over in months(begun, ended):
                yield _storage(one.n_bytes * over, month, put, tier)
    if since <= created < until:
        yield Used("requests", one.n_objects, month=named_month(month_at(created)[0]), **put)


def _present(since: int, until: int, away: Sequence[Absence]) -> Iterator[_Span]:
    """Yield the times between two moments that are in none of some absences."""
    for went, came in away:
        yield since, min(until, int(went.timestamp()))
        since = max(since, int(came.timestamp()) if came else until)
    yield since, until


def _in_tiers(since: int, until: int, moved: Sequence[Moved]) -> Iterator[tuple[int, int, str]]:
    """Yield a time between two moments in parts, each with the tier of it."""
    tier = ""
    for moment, other in moved:
        second = int(moment.timestamp())
        if second > since:
            yield since, min(until, second), tier
            since = min(until, second)
        tier = other
    yield since, until, tier


def _computed(
    lake: Lake, span: _Span, within: Query, asked: frozenset[str], hidden: Collection[str]
) -> Iterator[Used]:
    """Yield what runs computed, shared evenly by what each made, or took where it made nothing."""
    is_whole = within == EVERYTHING
    each = not is_whole or bool(asked & {"project", "asset", "run"})
    runs = lake.runs.spent(*span, each=each)
    named = {name for run in runs for name in run.names}
    there = lake.catalog.projects(named, EVERYTHING) if named else {}
    seen = there if is_whole or not named else lake.catalog.projects(named, within)
    for run in runs:
        # What was read from a file is named by it, and is no asset.
        names = run.names if run.made else [name for name in run.names if name in there]
        told = run._replace(run="", step="", person="") if run.run in hidden else run
        for part in _shared(told, names or [""], seen):
            if is_whole or part.asset in seen:
                yield part


def _hidden(lake: Lake, seen: Query, asked: frozenset[str]) -> set[str]:
    """Return the keys of runs that touched what a query does not find, if runs are asked for."""
    if seen == EVERYTHING or not asked & _OF_RUNS:
        return set()
    names = set(lake.catalog.names(seen))
    return lake.runs.touching(lambda name: name not in names)


def _shared(run: Spent, names: Sequence[str], projects: Mapping[str, str]) -> Iterator[Used]:
    put = {"run": run.run, "person": run.person, "step": run.step, "month": named_month(run.month)}
    for kind, spent in (("compute", run.core_us), ("gpu", run.gpu_us)):
        if not spent and kind == "gpu":
            continue
        share, left = divmod(spent, len(names))
        for at, name in enumerate(names):
            whose = {"project": projects.get(name, ""), "asset": name}
            yield Used(kind, share + (at < left), **whose, **put)


def _served(lake: Lake, since: datetime, until: datetime, within: Query) -> Iterator[Used]:
    """Yield what was downloaded."""
    days = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    events = [
        event
        for event in lake.audit.search(*days, what="download")
        if since.timestamp() <= seconds(event.at) < until.timestamp()
    ]
    names = {event.on.partition("@")[0] for event in events}
    projects = lake.catalog.projects(names, within) if names else {}
    for event in events:
        name = event.on.partition("@")[0]
        if within == EVERYTHING or name in projects:
            put = {
                "project": projects.get(name, ""),
                "asset": name,
                "person": event.who,
                "month": event.at[:7],
            }
            yield Used("egress", event.n_bytes, **put)
            yield Used("reads", event.times, **put)


def _own(lake: Lake, span: _Span) -> Iterator[Used]:
    """Yield what the lake keeps beside its assets; records of runs are told by their index."""
    put = {"project": OWN, "asset": OWN}
    for one in lake.runs.kept(*span):
        yield from _kept_in(one, span, put)
    beside = [folder for folder in lake.store.folders(RUNS) if not is_month(folder)]
    for found in chain.from_iterable(map(lake.store.list, (*_OWN_FOLDERS, *beside))):
        for month, over in months(max(span[0], int(found.modified.timestamp())), span[1]):
            yield _storage(found.size * over, month, put)
