"""Reading the index: from a condition to the set of rows that meet it."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from itertools import batched, chain
from typing import NamedTuple

from panneuro.catalog import rows as bits
from panneuro.catalog.bins import cover
from panneuro.catalog.postings import LATEST, LIVE, WORD_FIELDS
from panneuro.catalog.rows import Flagged, Rows
from panneuro.core.conditions import AnyOf, Condition, Match, Pattern, Words, fits
from panneuro.core.quantities import Range
from panneuro.core.query import Query

_COLUMNS = "id, fold, shown, count, rows"
_CHUNK = 10_000


class Term(NamedTuple):
    """A value and, while they are few, its rows."""

    id: int
    fold: str
    shown: str
    total: int
    inline: bytes | None


class Terms:
    """The terms of an index, and the rows that have them.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction, so that all that is read is of one moment.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._fields: dict[str, int] = dict(connection.execute("SELECT name, id FROM field"))

    def find(self, field: str, fold: str) -> Term | None:
        """Return the term of a folded value."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM term WHERE field=? AND fold=?",  # noqa: S608
            (self._fields.get(field, 0), fold),
        ).fetchone()
        return None if found is None else Term._make(found)

    def from_prefix(self, field: str, prefix: str) -> Iterator[Term]:
        """Yield the terms whose folded value begins with a prefix, in order."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM term WHERE field=? AND fold>=? ORDER BY fold",  # noqa: S608
            (self._fields.get(field, 0), prefix),
        )
        for term in map(Term._make, found):
            if not term.fold.startswith(prefix):
                return
            yield term

    def between(self, field: str, low: str, high: str) -> list[Term]:
        """Return the terms strictly between two folded values, in order."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM term WHERE field=? AND fold>? AND fold<? ORDER BY fold",  # noqa: S608
            (self._fields.get(field, 0), low, high),
        )
        return list(map(Term._make, found))

    def frequent(self, field: str) -> Iterator[Term]:
        """Yield the terms of a field that have many rows, most frequent first."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM term WHERE field=? AND rows IS NULL ORDER BY count DESC",  # noqa: S608
            (self._fields.get(field, 0),),
        )
        return map(Term._make, found)

    def rare(self, field: str) -> Iterator[Term]:
        """Yield the terms of a field whose rows are inline."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM term WHERE field=? AND rows IS NOT NULL",  # noqa: S608
            (self._fields.get(field, 0),),
        )
        return map(Term._make, found)

    def containers(self, term: Term) -> Iterator[tuple[int, bytes]]:
        """Yield (block, container) of a term that has many rows."""
        first = term.id << bits.BLOCK_BITS
        found = self._db.execute(
            "SELECT id, body FROM posting WHERE id BETWEEN ? AND ?",
            (first, first + bits.BLOCK - 1),
        )
        return ((place & (bits.BLOCK - 1), body) for place, body in found)

    def rows(self, terms: Iterable[Term]) -> Rows:
        """Return the rows that have at least one of some terms."""
        few: list[bytes] = []
        many: list[Term] = []
        for term in terms:
            if term.inline is None:
                many.append(term)
            else:
                few.append(term.inline)
        found = bits.united(chain.from_iterable(map(self.containers, many)))
        if few:
            bits.unite(found, bits.rows_from(array("I", b"".join(few))))
        return found

    def values(self, term: Term, among: Flagged) -> list[tuple[float, int]]:
        """Return (value, row number) of those rows of a fine bin that are in a set."""
        first = term.id << bits.BLOCK_BITS
        samples = self._db.execute(
            "SELECT id, body FROM sample WHERE id BETWEEN ? AND ?", (first, first + bits.BLOCK - 1)
        )
        found = []
        for place, body in samples:
            block = place & (bits.BLOCK - 1)
            if block in among.rows:
                wanted, start = among.flags(block), block << bits.BLOCK_BITS
                pairs = zip(*bits.unpack_sample(body), strict=True)
                found += [(value, start + at) for at, value in pairs if wanted[at]]
        return found

    def everything(self, *, versions: bool) -> Rows:
        """Return all rows, or those of the latest versions."""
        term = self.find(LIVE if versions else LATEST, "")
        return {} if term is None else self.rows([term])

    def matching(self, query: Query, *, versions: bool) -> Rows:
        """Return the rows that a query finds."""
        return self._meeting_all(query.conditions, self.everything(versions=versions))

    def _meeting_all(self, conditions: Iterable[Condition], among: Rows) -> Rows:
        found = among
        for condition in sorted(conditions, key=_effort):
            if not found:
                break
            met = self._meeting(condition, found)
            found = (bits.subtract if condition.negated else bits.intersect)(found, met)
        return found

    def _meeting(self, condition: Condition, among: Rows) -> Rows:
        if isinstance(condition, AnyOf):
            found: Rows = {}
            for every in condition.alternatives:
                bits.unite(found, self._meeting_all(every, among))
            return found
        if isinstance(condition, Words):
            return self._with_words(condition, among)
        if condition.field == "name":
            return self._named(condition.patterns)
        found = self.rows(
            term for pattern in condition.patterns for term in self._fitting(condition, pattern)
        )
        flagged = Flagged(among)
        for span in condition.ranges:
            bits.unite(found, self._within(condition.field, span, flagged))
        return found

    def _fitting(self, condition: Match, pattern: Pattern) -> Iterable[Term]:
        if len(pattern) == 1:
            term = self.find(condition.field, pattern[0])
            return () if term is None else (term,)
        terms = self.from_prefix(condition.field, pattern[0])
        return (term for term in terms if fits(pattern, term.fold))

    def _within(self, field: str, span: Range, among: Flagged) -> Rows:
        covered = cover(field, span)
        inner = [self.between(f"~fine:{field}", *names) for names in covered.fine]
        if covered.coarse is not None:
            inner.append(self.between(f"~coarse:{field}", *covered.coarse))
        found = self.rows(chain.from_iterable(inner))
        for name in covered.ends:
            end = self.find(f"~fine:{field}", name)
            if end is not None:
                exact = (n for value, n in self.values(end, among) if value in span)
                bits.unite(found, bits.rows_from(exact))
        return found

    def _named(self, patterns: Iterable[Pattern]) -> Rows:
        return bits.rows_from(n for pattern in patterns for n in self._names_fitting(pattern))

    def _names_fitting(self, pattern: Pattern) -> Iterator[int]:
        prefix = pattern[0]
        found = self._db.execute("SELECT n, fold FROM asset WHERE fold>=? ORDER BY fold", (prefix,))
        for number, folded in found:
            if not folded.startswith(prefix) or (len(pattern) == 1 and folded != prefix):
                return
            if fits(pattern, folded):
                yield number

    def word_rows(self, condition: Words, level: int = 0) -> Rows:
        """Return the rows with all of some words, anywhere, at a level of impact."""
        field = WORD_FIELDS[level]
        last = len(condition.tokens) - 1
        found: Rows | None = None
        for at, word in enumerate(condition.tokens):
            if condition.prefix and at == last:
                here = self.rows(self.from_prefix(field, word))
            else:
                term = self.find(field, word)
                here = {} if term is None else self.rows([term])
            found = here if found is None else bits.intersect(found, here)
        return found or {}

    def _with_words(self, condition: Words, among: Rows) -> Rows:
        together = bits.intersect(self.word_rows(condition), among)
        if len(condition.tokens) == 1:
            return together
        return bits.rows_from(self._with_phrase(condition.run, together))

    def _with_phrase(self, run: str, among: Rows) -> Iterator[int]:
        for chunk in batched(bits.numbers(among), _CHUNK):
            found = self._db.execute(
                "SELECT n FROM asset WHERE n IN (SELECT value FROM json_each(?))"
                " AND instr(words, ?)",
                (json.dumps(chunk), run),
            )
            yield from (number for (number,) in found)


def _effort(condition: Condition) -> tuple[bool, bool]:
    """Return what puts first what leaves few rows to those that look at each row."""
    return isinstance(condition, AnyOf), condition.negated
