"""The embedded catalog: one file, nothing but the standard library."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import batched, islice
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from panneuro.catalog import rows as bits
from panneuro.catalog.facets import Within, facet_field, most_frequent
from panneuro.catalog.kept import Sum, projects, sums, visible
from panneuro.catalog.layout import connect, entry_in, make_tables, reported, transaction
from panneuro.catalog.order import fetched, first
from panneuro.catalog.rows import Rows
from panneuro.catalog.terms import Terms
from panneuro.catalog.verifying import verify
from panneuro.catalog.writer import Batch
from panneuro.core.catalog import Facet, Page
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import InputError, QueryError
from panneuro.core.fields import ALIASES, FIELDS
from panneuro.core.query import Query

_BATCH = 32_768
_CHUNK = 1_000
_MANY = 3_000
"""From so many rows on, walking the whole index of names is faster than looking them up."""

_known = lru_cache(maxsize=1024)(entry_in)
"""Entries that were read lately, by what is written of them."""


class SqliteCatalog:
    """A `panneuro.core.catalog.Catalog` in one SQLite file.

    Several processes and threads may read and write at once: a reader sees the index as of one
    moment, writers wait for each other, and a process that dies leaves what it had finished.

    Parameters
    ----------
    path : Path or str, optional
        The file, made where it is missing; without it the catalog lives in memory.

    Attributes
    ----------
    empty : bool
        Whether the file was new, or of another layout and therefore emptied: fill it.

    Raises
    ------
    StoreError
        If the file cannot be used.
    CorruptionError
        If the file is no database.

    Examples
    --------
    >>> from panneuro.core.query import parse
    >>> catalog = SqliteCatalog()
    >>> catalog.index([Entry("a", "1", "2024-05-01", "sha256:…", {"species": "mouse", "units": 7})])
    1
    >>> [entry.name for entry in catalog.find(parse("mouse units>5")).entries]
    ['a']
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._lock = RLock()
        self._db, self.empty = connect(self._path)
        self._matched: tuple[object, Rows] | None = None

    def __repr__(self) -> str:
        return f"SqliteCatalog({'' if self._path is None else repr(str(self._path))})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def index(self, entries: Iterable[Entry], replace: bool = False) -> int:
        """Add entries; see `panneuro.core.catalog.Catalog.index`.

        They are committed in batches of 32,768: where one is refused, its batch is left out whole.
        """
        new = 0
        for chunk in batched(entries, _BATCH):
            with (
                self._lock,
                reported(self._path),
                _uncollected(),
                transaction(self._db, write=True),
            ):
                batch = Batch(self._db)
                new += sum(batch.add(entry, replace=replace) for entry in chunk)
                batch.flush()
        return new

    def remove(self, names: Iterable[str]) -> int:
        """Forget all versions of some assets and return how many entries that were."""
        with self._lock, reported(self._path), transaction(self._db, write=True):
            batch = Batch(self._db)
            return sum(batch.remove(name) for name in names)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, reported(self._path), transaction(self._db, write=True):
            make_tables(self._db)
            self._matched = None

    def get(self, name: str, version: str | None = None) -> Entry | None:
        """Return one version of an asset, by default the latest, or None."""
        chosen, wanted = ("latest=1", ()) if version is None else ("version=?", (version,))
        with self._lock, reported(self._path):
            found = self._db.execute(
                f"SELECT body FROM asset WHERE fold=? AND name=? AND {chosen}",  # noqa: S608
                (fold(name), name, *wanted),
            ).fetchone()
        return None if found is None else _known(found[0])

    def find(
        self,
        query: Query,
        limit: int = 50,
        offset: int = 0,
        sort: str = "-date",
        versions: bool = False,
    ) -> Page:
        """Return a page of what a query finds; see `panneuro.core.catalog.Searchable.find`.

        Rank is BM25, exact among up to 500 assets; among more it is that of the 500 in which the
        words weigh most.
        """
        if limit < 0 or offset < 0:
            raise InputError(f"cannot show {limit!r} entries from {offset!r} on")
        end = offset + limit
        with self._lock, reported(self._path), transaction(self._db):
            rows = self._matching(Terms(self._db), query, versions=versions)
            numbers = first(self._db, rows, sort, end, query.words)[offset:]
            bodies = dict(fetched(self._db, numbers, "body"))
        total = bits.count(rows)
        entries = tuple(entry_in(bodies[number]) for number in numbers)
        return Page(entries, total, following=end if end < total and limit else None)

    def facets(
        self, query: Query, fields: Sequence[str], limit: int = 10, versions: bool = False
    ) -> Mapping[str, Facet]:
        """Return the most frequent values of some keyword fields among what a query finds."""
        with self._lock, reported(self._path), transaction(self._db):
            terms = Terms(self._db)
            within = self._within(terms, query, versions=versions)
            return {
                field: most_frequent(terms, facet_field(field), within, limit) for field in fields
            }

    def count(self, query: Query, bound: int | None = None, versions: bool = False) -> int:
        """Return how many entries a query finds, or ``bound`` if there are at least as many."""
        with self._lock, reported(self._path), transaction(self._db):
            total = bits.count(self._matching(Terms(self._db), query, versions=versions))
        return total if bound is None else min(total, bound)

    def names(self, query: Query) -> Iterator[str]:
        """Yield the names of the assets that a query finds, in no particular order."""
        return (name for name, _ in self.latest(query))

    def latest(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the name and latest version of the assets that a query finds, in no order."""
        with self._lock, reported(self._path), transaction(self._db):
            rows = Terms(self._db).matching(query, versions=False)
            if bits.count(rows) < _MANY:
                found = list(fetched(self._db, bits.numbers(rows), "name", "version"))
            else:
                everything = "SELECT n, name, version FROM asset WHERE latest=1"
                found = self._db.execute(everything).fetchall()
        wanted = bits.Flagged(rows)
        return ((name, version) for number, name, version in found if number in wanted)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, all versions of a name next to each other."""
        after = ("", "", 0)
        while True:
            with self._lock, reported(self._path):
                found = self._db.execute(
                    "SELECT fold, name, n, body FROM asset"
                    " WHERE fold>=? AND (fold, name, n)>(?, ?, ?)"
                    " ORDER BY fold, name, n LIMIT ?",
                    (after[0], *after, _CHUNK),
                ).fetchall()
            if not found:
                return
            after = found[-1][:3]
            yield from (entry_in(row[-1]) for row in found)

    def kept(
        self,
        within: Query,
        since: int,
        until: int,
        *,
        each: bool = False,
        but: Collection[tuple[str, str]] = (),
    ) -> list[Sum]:
        """Return what versions keep that a query finds, and whose latest it finds.

        Parameters
        ----------
        within : Query
            What is looked for.
        since, until, each
            As for `panneuro.catalog.kept.sums`.
        but : collection of pairs of str
            Versions to be left out, each by name and version.
        """
        with self._apart() as connection:
            return sums(connection, visible(connection, within, but), since, until, each=each)

    def projects(self, names: Iterable[str], within: Query) -> dict[str, str]:
        """Return the projects of those assets of some names that a query finds, by name."""
        with self._apart() as connection:
            return projects(connection, visible(connection, within), names)

    @contextmanager
    def _apart(self) -> Iterator[sqlite3.Connection]:
        """See the index as of one moment while others search it, for what takes long."""
        if self._path is None:
            with self._lock, reported(self._path), transaction(self._db):
                yield self._db
        else:
            with reported(self._path), closing(connect(self._path)[0]) as db, transaction(db):
                yield db

    def verify(self) -> None:
        """Verify that assets are found by all that the index says of them, and by nothing else.

        Raises
        ------
        CorruptionError
            If a bit of the file is not what it was, or the index is wrong in another way.
        """
        with self._apart() as connection:
            verify(connection)

    def complete(self, prefix: str, limit: int = 20, within: Query | None = None) -> list[str]:
        """Return words of a search that begin with a prefix."""
        field, operator, start = prefix.partition("=" if "=" in prefix else ":")
        with self._lock, reported(self._path), transaction(self._db):
            terms = Terms(self._db)
            scope = within or Query()
            if operator:
                found = self._values(terms, field, start, scope)
                return [f"{field}{operator}{value}" for value in islice(found, limit)]
            fields = [f"{name}=" for name in (*FIELDS, *ALIASES) if name.startswith(prefix)]
            return (fields + list(islice(self._named(terms, prefix, scope), limit)))[:limit]

    def _values(self, terms: Terms, field: str, start: str, scope: Query) -> Iterator[str]:
        try:
            name = facet_field(field)
        except (InputError, QueryError):
            return
        within = self._within(terms, scope, versions=False)
        for term in terms.from_prefix(name, fold(start)):
            if within.count(term):
                yield term.shown

    def _named(self, terms: Terms, prefix: str, scope: Query) -> Iterator[str]:
        within, start = terms.matching(scope, versions=False), fold(prefix)
        if bits.count(within) <= _CHUNK:
            few = sorted(row[1:] for row in fetched(self._db, bits.numbers(within), "fold", "name"))
            yield from (name for folded, name in few if folded.startswith(start))
            return
        for number, folded, name in self._db.execute(
            "SELECT n, fold, name FROM asset WHERE fold>=? AND latest=1 ORDER BY fold",
            (start,),
        ):
            if not folded.startswith(start):
                return
            if within.get(number >> bits.BLOCK_BITS, 0) >> (number & (bits.BLOCK - 1)) & 1:
                yield name

    def _matching(self, terms: Terms, query: Query, *, versions: bool) -> Rows:
        """Return the rows that a query finds; the page and the facets of a search are one query."""
        (others,) = self._db.execute("PRAGMA data_version").fetchone()
        asked = others, self._db.total_changes, versions, query
        if self._matched is None or self._matched[0] != asked:
            self._matched = asked, terms.matching(query, versions=versions)
        return self._matched[1]

    def _within(self, terms: Terms, query: Query, *, versions: bool) -> Within:
        rows = self._matching(terms, query, versions=versions)
        everything = bits.count(rows) == bits.count(terms.everything(versions=True))
        return Within(terms, None if everything else rows)

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        with self._lock:
            self._db.close()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking millions of row numbers that hold no cycles."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
