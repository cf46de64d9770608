"""Writing to the index: rows gather in memory and reach the file a batch at a time."""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from panneuro.catalog import rows as bits
from panneuro.catalog.bins import bin_of
from panneuro.catalog.rank import impact_levels
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import ConflictError

LATEST, LIVE = "~latest", "~live"
"""Fields of our own: which rows are the latest of their name, and which there are."""

WORD_FIELDS = ("~word", "~strong", "~top")
"""Fields of our own: rows with a word; those where it weighs more; those where it weighs most."""

INLINE = 64
"""Up to so many rows are kept in the term itself."""

_POSTING = ("REPLACE INTO posting VALUES(?,?)", "DELETE FROM posting WHERE id=?")
_SAMPLE = ("REPLACE INTO sample VALUES(?,?)", "DELETE FROM sample WHERE id=?")

_Key = tuple[int, str]


class _Old(NamedTuple):
    n: int
    name: str
    version: str
    latest: int
    digest: str
    body: str


class Batch:
    """Changes to the index inside one transaction of the caller.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a write transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._fields: dict[str, int] = dict(connection.execute("SELECT name, id FROM field"))
        self._added: defaultdict[_Key, list[int]] = defaultdict(list)
        self._values: defaultdict[_Key, list[float]] = defaultdict(list)
        self._shown: dict[_Key, str] = {}
        self._stale: list[int] = []
        (last,) = connection.execute("SELECT max(n) FROM asset").fetchone()
        self._next = 1 if last is None else last + 1

    def add(self, entry: Entry, *, replace: bool) -> bool:
        """Add an entry and tell whether it was new."""
        folded = fold(entry.name)
        olds = self._olds(folded, entry.name)
        same = next((old for old in olds if old.version == entry.version), None)
        if same is not None and not replace:
            _check_same(entry, same)
            return False
        if same is not None:
            self.flush()
            self._erase([(same.n, same.body)])
            olds.remove(same)
        number = self._next
        self._next += 1
        latest = self._settle_latest(number, entry, olds)
        self._insert(number, folded, entry, latest)
        return same is None

    def remove(self, name: str) -> int:
        """Forget every version of a name and return how many there were."""
        self.flush()
        olds = self._olds(fold(name), name)
        self._erase([(old.n, old.body) for old in olds])
        return len(olds)

    def flush(self) -> None:
        """Write what has gathered."""
        for key in sorted(self._added):
            self._append(key, sorted(self._added[key]), self._values.get(key))
        self._added.clear()
        self._values.clear()
        self._shown.clear()
        for number in self._stale:
            self._discard((self._field(LATEST), ""), number)
        self._stale.clear()

    def _olds(self, folded: str, name: str) -> list[_Old]:
        found = self._db.execute(
            "SELECT n, name, version, latest, digest, body FROM asset WHERE fold=?", (folded,)
        )
        return [old for old in map(_Old._make, found) if old.name == name]

    def _settle_latest(self, number: int, entry: Entry, olds: list[_Old]) -> bool:
        keys = [(Entry.from_json(old.body).age_key, old.n) for old in olds]
        winner = max([*keys, (entry.age_key, number)])[1]
        latest = self._added[(self._field(LATEST), "")]
        for old in olds:
            if old.latest == (old.n == winner):
                continue
            (self._stale if old.latest else latest).append(old.n)
            self._db.execute("UPDATE asset SET latest=1-latest WHERE n=?", (old.n,))
        if winner == number:
            latest.append(number)
        return winner == number

    def _insert(self, number: int, folded: str, entry: Entry, latest: bool) -> None:
        words = entry.words()
        dates = dict(entry.numbers())
        self._db.execute(
            "INSERT INTO asset VALUES(?,?,?,?,?,?,?,?,?,?)",
            (
                number,
                folded,
                entry.name,
                entry.version,
                int(latest),
                dates["created"],
                dates.get("date"),
                entry.digest,
                words,
                entry.to_json(),
            ),
        )
        for field, value, shown in _keys(entry, words):
            key = (self._field(field), value)
            listed = self._added[key]
            if not listed:
                self._shown[key] = shown
            if not listed or listed[-1] != number:
                listed.append(number)
        for field, number_value in dates.items():
            fine = bin_of(field, number_value).fine
            self._values[(self._field(f"~fine:{field}"), fine)].append(number_value)

    def _field(self, name: str) -> int:
        known = self._fields.get(name)
        if known is None:
            known = self._fields[name] = len(self._fields) + 1
            self._db.execute("INSERT INTO field VALUES(?,?)", (known, name))
        return known

    def _append(self, key: _Key, numbers: list[int], values: list[float] | None) -> None:
        found = self._db.execute(
            "SELECT id, count, rows FROM term WHERE field=? AND fold=?", key
        ).fetchone()
        term, count, inline = found or (None, 0, b"")
        total = count + len(numbers)
        spill = inline is None or values is not None or total > INLINE
        inline_now = None if spill else _joined(inline, numbers)
        if term is None:
            self._db.execute(
                "INSERT INTO term(field, fold, shown, count, rows) VALUES(?,?,?,?,?)",
                (*key, self._shown.get(key, ""), total, inline_now),
            )
            term = self._db.execute("SELECT last_insert_rowid()").fetchone()[0]
        else:
            self._db.execute(
                "UPDATE term SET count=?, rows=? WHERE id=?", (total, inline_now, term)
            )
        if spill:
            if inline:
                numbers = sorted([*array("I", inline), *numbers])
            self._spill(term, numbers, values)

    def _spill(self, term: int, numbers: list[int], values: list[float] | None) -> None:
        start = 0
        for block, group in groupby(numbers, lambda number: number >> bits.BLOCK_BITS):
            positions = [number & (bits.BLOCK - 1) for number in group]
            place = term << bits.BLOCK_BITS | block
            self._merge(place, positions)
            if values is not None:
                part = values[start : start + len(positions)]
                self._append_values(place, part)
            start += len(positions)

    def _merge(self, place: int, positions: list[int]) -> None:
        found = self._db.execute("SELECT body FROM posting WHERE id=?", (place,)).fetchone()
        if found is not None:
            positions = sorted({*bits.unpack(found[0]), *positions})
        self._db.execute("REPLACE INTO posting VALUES(?,?)", (place, bits.pack(positions)))

    def _append_values(self, place: int, values: list[float]) -> None:
        found = self._db.execute("SELECT body FROM sample WHERE id=?", (place,)).fetchone()
        body = (found[0] if found else b"") + array("d", values).tobytes()
        self._db.execute("REPLACE INTO sample VALUES(?,?)", (place, body))

    def _erase(self, doomed: Iterable[tuple[int, str]]) -> None:
        for number, body in doomed:
            entry = Entry.from_json(body)
            keys = {(self._field(f), value) for f, value, _ in _keys(entry, entry.words())}
            for key in keys | {(self._field(LATEST), "")}:
                self._discard(key, number)
            self._db.execute("DELETE FROM asset WHERE n=?", (number,))

    def _discard(self, key: _Key, number: int) -> None:
        found = self._db.execute(
            "SELECT id, count, rows FROM term WHERE field=? AND fold=?", key
        ).fetchone()
        if found is None:
            return
        term, count, inline = found
        if inline is None:
            removed = self._discard_from_block(term, number)
        else:
            kept = [n for n in array("I", inline) if n != number]
            removed = len(kept) < count
            inline = _joined(b"", kept)
        if count - removed:
            self._db.execute(
                "UPDATE term SET count=?, rows=? WHERE id=?", (count - removed, inline, term)
            )
        else:
            self._db.execute("DELETE FROM term WHERE id=?", (term,))

    def _discard_from_block(self, term: int, number: int) -> bool:
        place = term << bits.BLOCK_BITS | number >> bits.BLOCK_BITS
        found = self._db.execute("SELECT body FROM posting WHERE id=?", (place,)).fetchone()
        positions = bits.unpack(found[0]) if found else []
        try:
            at = positions.index(number & (bits.BLOCK - 1))
        except ValueError:
            return False
        del positions[at]
        self._put(_POSTING, place, bits.pack(positions))
        sample = self._db.execute("SELECT body FROM sample WHERE id=?", (place,)).fetchone()
        if sample is not None:
            values = array("d", sample[0])
            del values[at]
            self._put(_SAMPLE, place, values.tobytes())
        return True

    def _put(self, statements: tuple[str, str], place: int, body: bytes) -> None:
        replace, delete = statements
        if body:
            self._db.execute(replace, (place, body))
        else:
            self._db.execute(delete, (place,))


def _keys(entry: Entry, words: str) -> Iterator[tuple[str, str, str]]:
    """Yield (field, folded value, value as given) of everything an entry is found by."""
    yield LIVE, "", ""
    for field, shown in entry.keywords():
        yield field, fold(shown), shown
    for field, value in entry.numbers():
        fine, coarse = bin_of(field, value)
        yield f"~fine:{field}", fine, ""
        yield f"~coarse:{field}", coarse, ""
    listed = words.split()
    for word, times in Counter(listed).items():
        for field in WORD_FIELDS[: impact_levels(times, len(listed))]:
            yield field, word, ""


def _joined(inline: bytes, numbers: Iterable[int]) -> bytes:
    return inline + array("I", numbers).tobytes()


def _check_same(entry: Entry, old: _Old) -> None:
    if old.digest != entry.digest:
        raise ConflictError(
            f"cannot index {entry.name!r} version {entry.version!r}: found the digest "
            f"{old.digest!r} there, not {entry.digest!r}",
            hint="a correction is a new version; after repairing a store run: panneuro reindex",
        )
