"""What versions keep: narrow rows, in the order of projects and months, summed in one scan.

Sums are of whole numbers, so that they are the same in whatever parts they are made.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from panneuro.catalog import rows as bits
from panneuro.catalog.rows import Flagged, Rows
from panneuro.catalog.terms import Terms
from panneuro.core.entry import Entry, fold, seconds
from panneuro.core.query import EVERYTHING, Query

SIZES = ("stored_bytes", "stored_objects", "source_bytes")
"""What the row of an entry says: its own bytes and objects, and the bytes of its source."""

_MOST = (1 << 53) - 1
_LOW = 18
"""Bits of a size that are multiplied by seconds apart, so that sums of the products fit."""

_SUMS = f"""
    sum(bytes), sum(source), sum(bytes * (second < :since)), sum(objects * (second >= :since)),
    sum((bytes >> {_LOW}) * remaining * (second >= :since)),
    sum((bytes & {(1 << _LOW) - 1}) * remaining * (second >= :since))"""


class Sum(NamedTuple):
    """What versions keep that were committed in the same month, of one project, or one alone.

    Parameters
    ----------
    project : str
        That pays, where one is said.
    name, version : str
        Of one alone; else empty.
    month : int
        In which they were committed: ``12 * year + month - 1``.
    n_bytes : int
        Their own; what they share is another's.
    source_bytes : int
        Of the files that they were made from.
    before_bytes : int
        Of those that were there when the time asked for began.
    n_objects : int
        Of those that came in it.
    byte_seconds : int
        Of those that came in it, up to the end of their month.
    """

    project: str
    name: str
    version: str
    month: int
    n_bytes: int
    source_bytes: int
    before_bytes: int
    n_objects: int
    byte_seconds: int


def month_at(second: int) -> tuple[int, int]:
    """Return the month of a second since 1970, and the seconds until it ends, in UTC.

    Examples
    --------
    >>> month_at(0), divmod(month_at(0)[0], 12)
    ((23640, 2678400), (1970, 0))
    """
    moment = datetime.fromtimestamp(second, UTC)
    following = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return moment.year * 12 + moment.month - 1, int(following.timestamp()) - second


def row_of(number: int, entry: Entry) -> tuple[Any, ...]:
    """Return the row of an entry that has a number."""
    said, second = entry.doc or {}, int(seconds(entry.created) // 1)
    month, remaining = month_at(second)
    project = str(entry.fields.get("project", ""))
    sizes = (_size(said.get(what)) for what in SIZES)
    return (project, month, number, entry.name, entry.version, second, remaining, *sizes)


def _size(said: object) -> int:
    return min(said, _MOST) if isinstance(said, int) and said > 0 else 0


def visible(
    connection: sqlite3.Connection, within: Query, but: Collection[tuple[str, str]] = ()
) -> Rows | None:
    """Return the rows of versions that a query finds, if it finds the latest, too; None for all.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    within : Query
        What is looked for.
    but : collection of pairs of str
        Versions to be left out, each by name and version.
    """
    if within == EVERYTHING and not but:
        return None
    terms = Terms(connection)
    found = terms.matching(within, versions=True)
    hidden = [*_superseded_by_hidden(connection, terms, found)]
    for name, version in but:
        asked = fold(name), name, version
        hidden += connection.execute(
            "SELECT n FROM asset WHERE fold=? AND name=? AND version=?", asked
        ).fetchall()
    return bits.subtract(found, bits.rows_from(n for (n,) in hidden)) if hidden else found


def _superseded_by_hidden(
    connection: sqlite3.Connection, terms: Terms, found: Rows
) -> Iterator[tuple[int]]:
    """Yield the rows of older versions whose latest version is not among some rows."""
    older = bits.subtract(found, terms.everything(versions=False))
    if not older:
        return
    met, old = Flagged(found), Flagged(older)
    pairs = connection.execute(
        "SELECT a.n, b.n FROM asset a JOIN asset b ON b.latest=1 AND b.name=a.name WHERE a.latest=0"
    )
    yield from ((n,) for n, latest in pairs if n in old and latest not in met)


def sums(
    connection: sqlite3.Connection, rows: Rows | None, since: int, until: int, *, each: bool
) -> list[Sum]:
    """Return what versions keep, by project and month of commit.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    rows : Rows, optional
        Only these; all, where not given.
    since, until : int
        The time asked for, in seconds since 1970: from when until before when. What came later is
        left out.
    each : bool
        Whether each version is asked for alone.
    """
    names, group = ("name, version", ", n") if each else ("'', ''", "")
    where = ""
    if rows is not None:
        _mark(connection, rows)
        where = "AND is_asked(n)"
    found = connection.execute(
        f"SELECT project, {names}, month, {_SUMS} FROM kept WHERE second<:until {where}"  # noqa: S608
        f" GROUP BY project, month{group}",
        {"since": since, "until": until},
    )
    return [Sum._make((*row[:-2], (row[-2] << _LOW) + row[-1])) for row in found]


def projects(
    connection: sqlite3.Connection, rows: Rows | None, names: Iterable[str]
) -> dict[str, str]:
    """Return, by name, the projects of the latest versions of assets; of those among some rows."""
    found = connection.execute(
        "SELECT n FROM asset WHERE latest=1 AND name IN (SELECT value FROM json_each(?))",
        (json.dumps([*names]),),
    )
    latest = bits.rows_from(n for (n,) in found)
    _mark(connection, latest if rows is None else bits.intersect(latest, rows))
    return dict(connection.execute("SELECT name, project FROM kept WHERE is_asked(n)"))


def _mark(connection: sqlite3.Connection, rows: Rows) -> None:
    """Have a database know of the rows that are asked for."""
    (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM asset").fetchone()
    flags = b"".join(bits.flags(rows.get(at, 0)) for at in range((last >> bits.BLOCK_BITS) + 1))
    connection.create_function("is_asked", 1, flags.__getitem__, deterministic=True)
