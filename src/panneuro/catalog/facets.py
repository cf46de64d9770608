"""Facets: the most frequent values of a field within a set of rows."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable
from operator import itemgetter

from panneuro.catalog import rows as bits
from panneuro.catalog.postings import INLINE
from panneuro.catalog.rows import Flagged, Rows
from panneuro.catalog.terms import Term, Terms
from panneuro.core.catalog import Facet
from panneuro.core.errors import InputError
from panneuro.core.fields import asked_field


def facet_field(name: str) -> str:
    """Return the field that facets are asked of.

    Raises
    ------
    InputError
        If the field is unknown or has no keywords.
    """
    field = asked_field(name, name)
    if field.kind not in {"keyword", "keyword-list", "any"} or field.name == "name":
        raise InputError(
            f"cannot count the values of {name!r}",
            hint="facets go with keywords: species, modality, area, lab, project, has, …",
        )
    return field.name


class Within:
    """Counts terms within a set of rows.

    Parameters
    ----------
    terms : Terms
        Where containers are read.
    rows : Rows, optional
        The set; None for all rows, whose counts the terms know.
    """

    def __init__(self, terms: Terms, rows: Rows | None) -> None:
        self._terms = terms
        self._rows = None if rows is None else Flagged(rows)

    def count(self, term: Term) -> int:
        """Return how many rows of the set have a term."""
        rows = self._rows
        if rows is None:
            return term.total
        if term.inline is not None:
            return sum(map(rows.__contains__, array("I", term.inline)))
        return sum(_in_block(rows, *held) for held in self._terms.containers(term))


def _in_block(rows: Flagged, block: int, body: bytes) -> int:
    if block not in rows.rows:
        return 0
    listed = bits.sparse(body)
    if listed is None:
        return (rows.rows[block] & int.from_bytes(body, "little")).bit_count()
    flags = rows.flags(block)
    # Of many, all are picked in one call, in half the time.
    return sum(itemgetter(*listed)(flags) if len(listed) > 1 else map(flags.__getitem__, listed))


def most_frequent(terms: Terms, field: str, within: Within, limit: int) -> Facet:
    """Return the most frequent values of a field, ties in the order of the folded values.

    Terms come most frequent first, and none is more frequent in a set than in all: as soon as
    the next one could not enter the list, the list is complete.
    """
    best: list[tuple[int, str, str]] = []
    _gather(best, terms.frequent(field), within, limit)
    if len(best) < limit or -best[-1][0] <= INLINE:
        _gather(best, sorted(terms.rare(field), key=lambda t: -t.total), within, limit)
    return [(shown, -negative) for negative, _, shown in best]


def _gather(
    best: list[tuple[int, str, str]], terms: Iterable[Term], within: Within, limit: int
) -> None:
    for term in terms:
        if len(best) >= limit and term.total < -best[-1][0]:
            return
        found = within.count(term)
        if found:
            heapq.heappush(best, (-found, term.fold, term.shown))
            best.sort()
            del best[limit:]
