"""Writing terms and their rows: they gather in memory and reach the file a batch at a time."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from panneuro.catalog import rows as bits
from panneuro.catalog.bins import bin_of
from panneuro.catalog.rank import impact_levels
from panneuro.core.entry import Entry, fold

LATEST, LIVE = "~latest", "~live"
"""Fields of our own: which rows are the latest of their name, and which there are."""

WORD_FIELDS = ("~word", "~strong", "~top")
"""Fields of our own: rows with a word; those where it weighs more; those where it weighs most."""

INLINE = 64
"""Up to so many rows are kept in the term itself."""

_POSTING = ("REPLACE INTO posting VALUES(?,?)", "DELETE FROM posting WHERE id=?")
_SAMPLE = ("REPLACE INTO sample VALUES(?,?)", "DELETE FROM sample WHERE id=?")

_Key = tuple[str, str]
"""A field and a folded value."""


class Gain(NamedTuple):
    """Rows that a term gains, in ascending order, and their exact numbers where it is a bin."""

    rows: list[int]
    values: list[float] | None = None
    shown: str = ""


class Postings:
    """The terms of an index, to be added to and taken from inside the caller's transaction.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a write transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._fields: dict[str, int] = dict(connection.execute("SELECT name, id FROM field"))
        self._states: defaultdict[str, set[int]] = defaultdict(set)
        self._keywords: defaultdict[_Key, list[int]] = defaultdict(list)
        self._words: list[defaultdict[str, list[int]]] = [defaultdict(list) for _ in WORD_FIELDS]
        self._numbers: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)

    def mark(self, state: str, row: int) -> None:
        """Note that a row has a state: `LATEST` or `LIVE`."""
        self._states[state].add(row)

    def add(self, row: int, entry: Entry, words: str, numbers: Mapping[str, float]) -> None:
        """Note everything that an entry is found by; rows come in ascending order."""
        for pair in entry.keywords():
            listed = self._keywords[pair]
            if not listed or listed[-1] != row:
                listed.append(row)
        for field, value in numbers.items():
            self._numbers[field].append((row, value))
        every, strong, top = self._words
        for word, level in _levels(words):
            every[word].append(row)
            if level > 1:
                strong[word].append(row)
            if level > 2:
                top[word].append(row)

    def flush(self) -> None:
        """Write what has gathered."""
        self._write(self.gathered())

    def gathered(self) -> dict[_Key, Gain]:
        """Return what has gathered, and begin anew."""
        gained: dict[_Key, Gain] = {}
        for (field, shown), rows in self._keywords.items():
            key = (field, fold(shown))
            before = gained.get(key)
            gained[key] = Gain(rows, None, shown) if before is None else _both(before, rows)
        for name, words in zip(WORD_FIELDS, self._words, strict=True):
            gained.update(((name, word), Gain(rows)) for word, rows in words.items())
            words.clear()
        for field, pairs in self._numbers.items():
            gained.update(_binned(field, pairs))
        gained.update(((name, ""), Gain(sorted(rows))) for name, rows in self._states.items())
        for gathered in (self._keywords, self._numbers, self._states):
            gathered.clear()
        return gained

    def erase(self, row: int, entry: Entry, words: str) -> None:
        """Take an entry that was flushed from everything it is found by."""
        keys = {(field, fold(shown)) for field, shown in entry.keywords()}
        keys |= {(WORD_FIELDS[at], w) for w, level in _levels(words) for at in range(level)}
        for field, number in entry.numbers():
            fine, coarse = bin_of(field, number)
            keys |= {(f"~fine:{field}", fine), (f"~coarse:{field}", coarse)}
        for field, value in keys | {(LIVE, ""), (LATEST, "")}:
            self.discard(field, value, row)

    def discard(self, field: str, value: str, row: int) -> None:
        """Take a row that was flushed from one term, if it is there."""
        found = self._find(self._field(field), value)
        if found is None:
            return
        term, total, inline = found
        if inline is None:
            removed = self._discard_from_block(term, row)
        else:
            kept = array("I", (n for n in array("I", inline) if n != row))
            removed, inline = len(kept) < total, kept.tobytes()
        if total == removed:
            self._db.execute("DELETE FROM term WHERE id=?", (term,))
        else:
            self._db.execute(
                "UPDATE term SET count=?, rows=? WHERE id=?", (total - removed, inline, term)
            )

    def _find(self, field: int, value: str) -> tuple[int, int, bytes | None] | None:
        found: tuple[int, int, bytes | None] | None = self._db.execute(
            "SELECT id, count, rows FROM term WHERE field=? AND fold=?", (field, value)
        ).fetchone()
        return found

    def _field(self, name: str) -> int:
        known = self._fields.get(name)
        if known is None:
            known = self._fields[name] = len(self._fields) + 1
            self._db.execute("INSERT INTO field VALUES(?,?)", (known, name))
        return known

    def _write(self, gained: dict[_Key, Gain]) -> None:
        fields = {name: self._field(name) for name in {name for name, _ in gained}}
        (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM term").fetchone()
        made: list[tuple[int, int, str, str, int, bytes | None]] = []
        grown: list[tuple[int, bytes | None, int]] = []
        for (name, value), gain in sorted(gained.items(), key=lambda item: item[0]):
            field = fields[name]
            found = self._find(field, value) if last else None
            term, total, inline = found or (last + len(made) + 1, 0, b"")
            total += len(gain.rows)
            inline = self._kept(term, total, inline, gain)
            if found is None:
                made.append((term, field, value, gain.shown, total, inline))
            else:
                grown.append((total, inline, term))
        self._db.executemany("INSERT INTO term VALUES(?,?,?,?,?,?)", made)
        self._db.executemany("UPDATE term SET count=?, rows=? WHERE id=?", grown)

    def _kept(self, term: int, total: int, inline: bytes | None, gain: Gain) -> bytes | None:
        """Return what the term itself holds, or None after the blocks have taken it."""
        if inline is None:
            self._spill(term, gain.rows, gain.values)
            return None
        both = inline + array("I", gain.rows).tobytes()
        if total <= INLINE and gain.values is None:
            return both
        self._spill(term, sorted(array("I", both)), gain.values)
        return None

    def _spill(self, term: int, rows: list[int], values: list[float] | None) -> None:
        start = 0
        while start < len(rows):
            block = rows[start] >> bits.BLOCK_BITS
            base = block << bits.BLOCK_BITS
            end = bisect_left(rows, base + bits.BLOCK, lo=start)
            place = term << bits.BLOCK_BITS | block
            positions = [row - base for row in rows[start:end]]
            self._merge(place, positions)
            if values is not None:
                self._append_values(place, positions, values[start:end])
            start = end

    def _merge(self, place: int, positions: list[int]) -> None:
        found = self._db.execute("SELECT body FROM posting WHERE id=?", (place,)).fetchone()
        body = bits.pack(positions) if found is None else bits.added(found[0], positions)
        self._put(_POSTING, place, body)

    def _append_values(self, place: int, positions: list[int], values: list[float]) -> None:
        found = self._db.execute("SELECT body FROM sample WHERE id=?", (place,)).fetchone()
        if found is not None:
            before = bits.unpack_sample(found[0])
            positions, values = [*before[0], *positions], [*before[1], *values]
        self._put(_SAMPLE, place, bits.pack_sample(positions, values))

    def _discard_from_block(self, term: int, row: int) -> bool:
        place = term << bits.BLOCK_BITS | row >> bits.BLOCK_BITS
        found = self._db.execute("SELECT body FROM posting WHERE id=?", (place,)).fetchone()
        if found is None:
            return False
        position = row & (bits.BLOCK - 1)
        body = bits.without(found[0], position)
        self._put(_POSTING, place, body)
        sample = self._db.execute("SELECT body FROM sample WHERE id=?", (place,)).fetchone()
        if sample is not None:
            pairs = zip(*bits.unpack_sample(sample[0]), strict=True)
            kept = [(at, value) for at, value in pairs if at != position]
            listed, values = zip(*kept, strict=True) if kept else ((), ())
            self._put(_SAMPLE, place, bits.pack_sample(listed, values))
        return bool(body != found[0])

    def _put(self, statements: tuple[str, str], place: int, body: bytes) -> None:
        replace, delete = statements
        if body:
            self._db.execute(replace, (place, body))
        else:
            self._db.execute(delete, (place,))


def _levels(words: str) -> Iterator[tuple[str, int]]:
    """Yield each word of an entry with its level of impact."""
    listed = words.split()
    once = impact_levels(1, len(listed))
    for word, times in Counter(listed).items():
        yield word, once if times == 1 else impact_levels(times, len(listed))


def _both(gain: Gain, rows: Iterable[int]) -> Gain:
    return gain._replace(rows=sorted({*gain.rows, *rows}))


def _binned(field: str, pairs: list[tuple[int, float]]) -> Iterator[tuple[_Key, Gain]]:
    fines: defaultdict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    coarses: defaultdict[str, list[int]] = defaultdict(list)
    for row, value in pairs:
        fine, coarse = bin_of(field, value)
        rows, values = fines[fine]
        rows.append(row)
        values.append(value)
        coarses[coarse].append(row)
    for fine, (rows, values) in fines.items():
        yield (f"~fine:{field}", fine), Gain(rows, values)
    for coarse, rows in coarses.items():
        yield (f"~coarse:{field}", coarse), Gain(rows)
