"""Orders: the first rows of a set by date, number, name or rank, without sorting the whole set."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Any

from panneuro.catalog import rows as bits
from panneuro.catalog.postings import WORD_FIELDS
from panneuro.catalog.rank import rarity, score
from panneuro.catalog.rows import Flagged, Rows
from panneuro.catalog.terms import Terms
from panneuro.core.conditions import Words
from panneuro.core.entry import seconds
from panneuro.core.errors import InputError
from panneuro.core.fields import FIELDS, asked_field

_FEW = 1_000
"""So many rows are looked up one by one; more are met bin by bin."""

_COLUMNS = frozenset({"created", "date"})
"""Dates that are columns of their own."""

_RANKED = 500
"""So many candidates are scored exactly."""

_LEVELLED = 4
"""So many words are looked at by level of impact; the rarest."""


def first(
    connection: sqlite3.Connection, rows: Rows, sort: str, needed: int, words: tuple[Words, ...]
) -> list[int]:
    """Return the first rows of a set in an order.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    rows : Rows
        What is to be sorted.
    sort : str
        ``name``, ``rank`` or a number or date field, with a leading ``-`` to sort down.
    needed : int
        How many are wanted.
    words : tuple of Words
        By which ``rank`` ranks.

    Raises
    ------
    InputError
        If there is no such order.
    """
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name == "rank":
        return _ranked(connection, rows, needed, words)
    if name == "name":
        return _by_name(connection, rows, needed, down=down)
    field = asked_field(name, f"sort={sort}")
    if field.kind not in {"number", "date", "any"}:
        raise InputError(
            f"cannot sort by {name!r}: it is a {field.kind}",
            hint="sort by name, rank, date, created, units, duration_s, size_bytes, …",
        )
    total = bits.count(rows)
    if total <= _FEW and field.kind != "any":
        return _looked_up(connection, rows, field.name, down=down)[:needed]
    return list(islice(_by_bin(connection, rows, field.name, down=down), needed))


def fetched(
    connection: sqlite3.Connection, numbers: Iterable[int], *columns: str
) -> Iterator[tuple[Any, ...]]:
    """Yield row number and columns of some rows of ``asset``."""
    return connection.execute(
        f"SELECT n, {', '.join(columns)} FROM asset WHERE n IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(list(numbers)),),
    )


def _looked_up(connection: sqlite3.Connection, rows: Rows, field: str, *, down: bool) -> list[int]:
    column = field if field in _COLUMNS else f"body ->> '$.fields.{field}'"
    number = seconds if FIELDS[field].kind == "date" and field not in _COLUMNS else float
    have, lack = [], []
    for at, value in fetched(connection, bits.numbers(rows), column):
        if value is None:
            lack.append(at)
        else:
            have.append((number(value), at))
    have.sort(reverse=down)
    return [at for _, at in have] + sorted(lack, reverse=True)


def _by_bin(connection: sqlite3.Connection, rows: Rows, field: str, *, down: bool) -> Iterator[int]:
    terms, flagged = Terms(connection), Flagged(rows)
    left = rows
    for term in sorted(terms.from_prefix(f"~fine:{field}", ""), key=lambda t: t.fold, reverse=down):
        yield from (n for _, n in sorted(terms.values(term, flagged), reverse=down))
        left = bits.subtract(left, terms.rows([term]))
        if not left:
            return
    yield from bits.numbers(left)


def _by_name(connection: sqlite3.Connection, rows: Rows, needed: int, *, down: bool) -> list[int]:
    if bits.count(rows) <= _FEW:
        pairs = sorted(((f, n) for n, f in fetched(connection, bits.numbers(rows), "fold")))
        return [number for _, number in (reversed(pairs) if down else pairs)][:needed]
    direction = "DESC" if down else "ASC"
    walk = connection.execute(
        f"SELECT n FROM asset ORDER BY fold {direction}, version {direction}"  # noqa: S608
    )
    flagged = Flagged(rows)
    met = (number for (number,) in walk if number in flagged)
    return list(islice(met, needed))


def _ranked(
    connection: sqlite3.Connection, rows: Rows, needed: int, words: tuple[Words, ...]
) -> list[int]:
    """Rank by BM25 the 500 rows where the words weigh most; what follows keeps that order."""
    terms = Terms(connection)
    total = bits.count(terms.everything(versions=True))
    wanted = [(one, rarity(bits.count(terms.word_rows(one)), total)) for one in words]
    wanted.sort(key=lambda pair: pair[1], reverse=True)
    heaviest = _heaviest(terms, rows, wanted[:_LEVELLED])
    candidates = fetched(connection, islice(heaviest, _RANKED), "words")
    scored = sorted(((score(text, wanted), number) for number, text in candidates), reverse=True)
    best = [number for _, number in scored[:needed]]
    return best + list(islice(heaviest, needed - len(best)))


def _heaviest(terms: Terms, rows: Rows, wanted: list[tuple[Words, float]]) -> Iterator[int]:
    """Yield rows by the summed levels of impact of the words, the newest row first among equals."""
    if bits.count(rows) <= _RANKED or not wanted:
        yield from bits.numbers(rows)
        return
    levels = range(len(WORD_FIELDS))
    sets = [
        [rows, *(bits.intersect(rows, terms.word_rows(one, level)) for level in levels[1:])]
        for one, _ in wanted
    ]
    weighed = sorted(
        product(levels, repeat=len(wanted)),
        key=lambda combo: (
            -sum(weight * level for level, (_, weight) in zip(combo, wanted, strict=True))
        ),
    )
    left = rows
    for combo in weighed:
        here = left
        for level, one in zip(combo, sets, strict=True):
            here = bits.intersect(here, one[level])
        yield from bits.numbers(here)
        left = bits.subtract(left, here)
