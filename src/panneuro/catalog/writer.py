"""Writing to the index: which entry is new, which the latest of its name, and which must go."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from panneuro.catalog import kept
from panneuro.catalog.layout import entry_in
from panneuro.catalog.postings import LATEST, LIVE, Postings
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import ConflictError


class _Old(NamedTuple):
    row: int
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
        self._postings = Postings(connection)
        self._superseded: list[int] = []
        (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM asset").fetchone()
        self._next = int(last) + 1

    def add(self, entry: Entry, *, replace: bool) -> bool:
        """Add an entry and tell whether it was new.

        Raises
        ------
        ConflictError
            If its name and version are there with another digest, and not ``replace``.
        """
        folded = fold(entry.name)
        olds = self._olds(folded, entry.name)
        same = next((old for old in olds if old.version == entry.version), None)
        if same is not None:
            if not replace:
                _check_same(entry, same)
                return False
            self._erase(same)
            olds.remove(same)
        self._insert(folded, entry, self._settle_latest(entry, olds))
        return same is None

    def remove(self, name: str) -> int:
        """Forget every version of a name and return how many there were."""
        olds = self._olds(fold(name), name)
        for old in olds:
            self._erase(old)
        return len(olds)

    def flush(self) -> None:
        """Write what has gathered."""
        self._postings.flush()
        for row in self._superseded:
            self._postings.discard(LATEST, "", row)
        self._superseded.clear()

    def _olds(self, folded: str, name: str) -> list[_Old]:
        found = self._db.execute(
            "SELECT n, name, version, latest, digest, body FROM asset WHERE fold=?", (folded,)
        )
        return [old for old in map(_Old._make, found) if old.name == name]

    def _settle_latest(self, entry: Entry, olds: list[_Old]) -> bool:
        """Mark the latest among the old versions and a new entry; tell whether it is the entry."""
        ages = [(entry_in(old.body).age_key, old.row) for old in olds]
        winner = max([*ages, (entry.age_key, self._next)])[1]
        for old in olds:
            if old.latest == (old.row == winner):
                continue
            if old.latest:
                self._superseded.append(old.row)
            else:
                self._postings.mark(LATEST, old.row)
            self._db.execute("UPDATE asset SET latest=1-latest WHERE n=?", (old.row,))
        return winner == self._next

    def _insert(self, folded: str, entry: Entry, latest: bool) -> None:
        row, words, numbers = self._next, entry.words(), dict(entry.numbers())
        self._next += 1
        times = (numbers["created"], numbers.get("date"))
        self._db.execute(
            "INSERT INTO asset VALUES(?,?,?,?,?,?,?,?,?,?)",
            (row, folded, entry.name, entry.version, latest, *times, entry.digest, words,
             entry.to_json()),
        )  # fmt: skip
        self._db.execute("INSERT INTO kept VALUES(?,?,?,?,?,?,?,?,?,?)", kept.row_of(row, entry))
        self._postings.mark(LIVE, row)
        if latest:
            self._postings.mark(LATEST, row)
        self._postings.add(row, entry, words, numbers)

    def _erase(self, old: _Old) -> None:
        self.flush()
        entry = entry_in(old.body)
        self._postings.erase(old.row, entry, entry.words())
        self._db.execute("DELETE FROM asset WHERE n=?", (old.row,))
        key = kept.row_of(old.row, entry)[:3]
        self._db.execute("DELETE FROM kept WHERE project=? AND month=? AND n=?", key)


def _check_same(entry: Entry, old: _Old) -> None:
    if old.digest != entry.digest:
        raise ConflictError(
            f"cannot index {entry.name!r} version {entry.version!r}: found the digest "
            f"{old.digest!r} there, not {entry.digest!r}",
            hint="a correction is a new version; after repairing a store run: panneuro reindex",
        )
