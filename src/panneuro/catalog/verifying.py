"""Whether an index is sound: found by what its entries say, by all of that and by nothing else.

What follows from the entries is gathered as it is when they are indexed, 65,536 rows at a time. It
is compared by fingerprints, one a block: sums of digests, so that neither what is expected nor what
is there is held whole, or sorted.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby

from panneuro.catalog import kept
from panneuro.catalog import rows as bits
from panneuro.catalog.layout import entry_in
from panneuro.catalog.postings import LATEST, LIVE, Postings
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import CorruptionError

_ALL = (1 << 64) - 1
_COLUMNS = "n, fold, name, version, created, date, digest, words, body, latest"


Prints = defaultdict[int, int]
"""By block of rows, a number that tells by what they are found."""


def verify(connection: sqlite3.Connection) -> None:
    """Verify an index: its pages, its rows, and everything by which they are found.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.

    Raises
    ------
    CorruptionError
        If the index is not what its own entries make it.
    """
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        raise _damage(" ".join(told.split()))
    if _expected(connection) != _found(connection):
        raise _damage("what assets are found by is not what is said of them")


def _count_in(
    prints: Prints, field: str, value: str, block: int, container: bytes, sample: bytes
) -> None:
    """Count in the rows of a block that have a value of a field, and their exact numbers."""
    digest = blake2b(digest_size=8)
    for part in (field.encode(), value.encode(), container, sample):
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    prints[block] = prints[block] + int.from_bytes(digest.digest(), "little") & _ALL


def _damage(what: str) -> CorruptionError:
    return CorruptionError(f"the index is damaged: {what}", hint="panneuro check --repair")


def _expected(connection: sqlite3.Connection) -> Prints:
    """Verify every row, and return what they are to be found by."""
    prints, newest = Prints(int), _newest(connection)
    total = 0
    rows = connection.execute(f"SELECT {_COLUMNS} FROM asset ORDER BY n")  # noqa: S608
    for block, found in groupby(rows, lambda row: row[0] >> bits.BLOCK_BITS):
        postings = Postings(connection)
        for number, *said, latest in found:
            entry = entry_in(said[-1])
            _verify_row(connection, number, entry, said)
            if latest != (number in newest):
                raise _damage(f"which version of {entry.name!r} is the latest")
            for state in (LIVE, LATEST)[: 1 + latest]:
                postings.mark(state, number)
            postings.add(number, entry, said[-2], dict(entry.numbers()))
            total += 1
        base = block << bits.BLOCK_BITS
        for (field, value), gain in postings.gathered().items():
            places = [row - base for row in gain.rows]
            sample = b"" if gain.values is None else bits.pack_sample(places, gain.values)
            _count_in(prints, field, value, block, bits.pack(places), sample)
    if connection.execute("SELECT count(*) FROM kept").fetchone() != (total,):
        raise _damage("it sums up what no version keeps")
    return prints


def _newest(connection: sqlite3.Connection) -> set[int]:
    """Return the row of the newest version of each name."""
    rows = connection.execute("SELECT fold, name, n, body FROM asset ORDER BY fold, name")
    newest: set[int] = set()
    for _, versions in groupby(rows, lambda row: row[:2]):
        ages = [(number, body) for *_, number, body in versions]
        if len(ages) > 1:
            ages.sort(key=lambda one: (entry_in(one[1]).age_key, one[0]))
        newest.add(ages[-1][0])
    return newest


def _verify_row(
    connection: sqlite3.Connection, number: int, entry: Entry, said: list[object]
) -> None:
    """Raise `CorruptionError` if columns do not say what the entry says that they are made from."""
    numbers = dict(entry.numbers())
    made = [fold(entry.name), entry.name, entry.version, numbers["created"], numbers.get("date"),
            entry.digest, entry.words(), entry.to_json()]  # fmt: skip
    row = kept.row_of(number, entry)
    keeps = connection.execute("SELECT * FROM kept WHERE project=? AND month=? AND n=?", row[:3])
    if said != made or keeps.fetchone() != row:
        raise _damage(f"the row of {entry.name!r}, version {entry.version!r}")


def _found(connection: sqlite3.Connection) -> Prints:
    """Return what assets are found by, as the index has it."""
    prints = Prints(int)
    terms = connection.execute(
        "SELECT name, fold, shown, count, rows, term.id FROM term JOIN field ON field.id=field"
    )
    held = sampled = 0
    for field, value, shown, count, inline, term in terms:
        containers = [*(_posted(connection, term) if inline is None else _inlined(inline))]
        held += len(containers) if inline is None else 0
        sampled += sum(bool(sample) for *_, sample in containers)
        if sum(size for _, size, *_ in containers) != count or (shown and fold(shown) != value):
            raise _damage(f"the value {shown or value!r} of {field!r}")
        for block, _, container, sample in containers:
            _count_in(prints, field, value, block, container, sample)
    stored = "SELECT (SELECT count(*) FROM posting), (SELECT count(*) FROM sample)"
    if connection.execute(stored).fetchone() != (held, sampled):
        raise _damage("it has rows of values that it does not have")
    return prints


_Container = tuple[int, int, bytes, bytes]
"""A block, how many of its rows, which they are, and their exact numbers."""


def _inlined(rows: bytes) -> Iterator[_Container]:
    for block, numbers in groupby(sorted(array("I", rows)), lambda row: row >> bits.BLOCK_BITS):
        places = [number & (bits.BLOCK - 1) for number in numbers]
        yield block, len(places), bits.pack(places), b""


def _posted(connection: sqlite3.Connection, term: int) -> Iterator[_Container]:
    first = term << bits.BLOCK_BITS
    found = connection.execute(
        "SELECT posting.id, posting.body, sample.body FROM posting LEFT JOIN sample USING(id)"
        " WHERE posting.id BETWEEN ? AND ?",
        (first, first + bits.BLOCK - 1),
    )
    for place, body, sample in found:
        listed = bits.sparse(body)
        size = int.from_bytes(body, "little").bit_count() if listed is None else len(listed)
        # Where rows went, a bitmap may hold as few as a list would.
        container = (
            body if listed is None and size > bits.SPARSE else bits.pack(bits.positions(body))
        )
        yield place - first, size, container, sample or b""
