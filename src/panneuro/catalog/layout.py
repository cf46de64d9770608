"""The index file: its tables, how it is opened, and what happens to one of another layout.

``asset`` holds a row per asset version. ``term`` holds every value of every field, every word and
every bin, with the rows that have it: inline while they are few, else in ``posting``, one container
per block of 65,536 rows. ``sample`` holds the exact numbers of a fine bin beside their positions.
``kept`` holds what each version keeps, in the order in which it is summed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panneuro.core.entry import Entry
from panneuro.core.errors import CorruptionError, InputError, StoreDeniedError, StoreError

LAYOUT = 5
"""Number of the layout; an index of another one is emptied and filled again, never migrated."""

_APPLICATION = 0x70616E6E
_WAIT_S = 60.0

_TABLES = """
CREATE TABLE asset(
    n INTEGER PRIMARY KEY, fold TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    latest INTEGER NOT NULL, created REAL NOT NULL, date REAL, digest TEXT NOT NULL,
    words TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX asset_name ON asset(fold, version);
CREATE INDEX asset_latest ON asset(latest, name, version);
CREATE TABLE field(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE term(
    id INTEGER PRIMARY KEY, field INTEGER NOT NULL, fold TEXT NOT NULL, shown TEXT NOT NULL,
    count INTEGER NOT NULL, rows BLOB
) STRICT;
CREATE UNIQUE INDEX term_value ON term(field, fold);
CREATE INDEX term_count ON term(field, count) WHERE rows IS NULL;
CREATE TABLE posting(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE sample(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE kept(
    project TEXT NOT NULL, month INTEGER NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, second INTEGER NOT NULL, remaining INTEGER NOT NULL,
    bytes INTEGER NOT NULL, objects INTEGER NOT NULL, source INTEGER NOT NULL,
    PRIMARY KEY(project, month, n)
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path | None) -> tuple[sqlite3.Connection, bool]:
    """Open an index file, or one in memory.

    Parameters
    ----------
    path : Path, optional
        The file, made where it is missing; None for memory.

    Returns
    -------
    connection : sqlite3.Connection
        In autocommit mode: transactions are explicit.
    empty : bool
        Whether the index was made or emptied, and waits to be filled.

    Raises
    ------
    StoreDeniedError
        If we may not write the file.
    StoreError
        If it cannot be opened, or is another program's database.
    CorruptionError
        If the file is no database.
    """
    with reported(path):
        connection = sqlite3.connect(
            ":memory:" if path is None else path,
            isolation_level=None,
            timeout=_WAIT_S,
            check_same_thread=False,
        )
    try:
        with reported(path):
            return connection, _prepare(connection, path)
    except BaseException:
        connection.close()
        raise


@contextmanager
def reported(path: Path | None) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        # Python itself reports text that is not UTF-8, and gives no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_CORRUPT:
            raise _damage(path, error) from error
        if code == sqlite3.SQLITE_READONLY or _is_shut(path):
            raise StoreDeniedError(
                f"cannot use the index {_shown(path)}: {error}",
                hint="the folder's permissions forbid it: check its owner and mode",
            ) from error
        raise StoreError(
            f"cannot use the index {_shown(path)}: {error}",
            hint="is another process writing, or the disk full?",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damage(path, error) from error


def _damage(path: Path | None, error: Exception) -> CorruptionError:
    return CorruptionError(
        f"cannot read the index {_shown(path)}: {error}", hint="panneuro reindex"
    )


def entry_in(body: str) -> Entry:
    """Return the entry that a row holds.

    Raises
    ------
    CorruptionError
        If it holds none.
    """
    try:
        return Entry.from_json(body)
    except InputError as error:
        raise CorruptionError(
            f"the index is damaged: {error.message}", hint="panneuro check --repair"
        ) from error


@contextmanager
def transaction(connection: sqlite3.Connection, *, write: bool = False) -> Iterator[None]:
    """See or change the index as of one moment."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def make_tables(connection: sqlite3.Connection) -> None:
    """Drop what the file holds and make the tables, inside the caller's transaction."""
    made = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
    for (name,) in connection.execute(made).fetchall():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP TABLE "{quoted}"')
    for statement in _TABLES.split(";")[:-1]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={_APPLICATION}")
    connection.execute(f"PRAGMA user_version={LAYOUT}")


def _prepare(connection: sqlite3.Connection, path: Path | None) -> bool:
    connection.execute("PRAGMA mmap_size=4294967296")
    connection.execute("PRAGMA cache_size=-65536")
    if _is_current(connection):
        connection.execute("PRAGMA synchronous=NORMAL")
        return False
    connection.execute("PRAGMA page_size=8192")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    with transaction(connection, write=True):
        if _is_current(connection):
            return False
        _refuse_foreign(connection, path)
        make_tables(connection)
    return True


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _is_current(connection: sqlite3.Connection) -> bool:
    ours = _pragma(connection, "application_id") == _APPLICATION
    return ours and _pragma(connection, "user_version") == LAYOUT


def _refuse_foreign(connection: sqlite3.Connection, path: Path | None) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and _pragma(connection, "application_id") != _APPLICATION:
        raise StoreError(
            f"cannot use {_shown(path)} as an index: it is another program's database",
            hint="name another file",
        )


def _is_shut(path: Path | None) -> bool:
    """Say whether the folder of an index cannot be entered or written to."""
    return path is not None and not os.access(path.parent, os.W_OK | os.X_OK)


def _shown(path: Path | None) -> str:
    return "in memory" if path is None else repr(str(path))
