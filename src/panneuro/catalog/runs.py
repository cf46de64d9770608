"""The index over runs: one SQLite file beside that of the assets."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import batched, groupby
from math import isfinite
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from panneuro.catalog.kept import Sum, month_at
from panneuro.catalog.layout import reported, transaction
from panneuro.core.digests import PREFIX
from panneuro.core.entry import seconds
from panneuro.core.errors import InputError
from panneuro.core.run import Run

LAYOUT = 2
"""Number of the layout; an index of another one is emptied and filled again, never migrated."""

_WAIT_S = 60.0
_BATCH = 10_000
_MOST = (1 << 53) - 1
_TABLES = """
DROP TABLE IF EXISTS run;
DROP TABLE IF EXISTS link;
DROP TABLE IF EXISTS spent;
CREATE TABLE run(
    n INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE, key TEXT NOT NULL, step TEXT NOT NULL,
    status TEXT NOT NULL, ended TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX run_key ON run(key);
CREATE INDEX run_step ON run(step, status, ended);
CREATE INDEX run_ended ON run(ended);
CREATE TABLE link(
    kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY(kind, name, version, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_n ON link(n, kind);
CREATE TABLE spent(
    month INTEGER NOT NULL, n INTEGER NOT NULL, second INTEGER NOT NULL, remaining INTEGER NOT NULL,
    key TEXT NOT NULL, step TEXT NOT NULL, user TEXT NOT NULL, core_us INTEGER NOT NULL,
    gpu_us INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(month, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_n ON spent(n);
"""
_INPUT, _OUTPUT, _PACKAGE = "input", "output", "package"


class Maker(NamedTuple):
    """The run that made something, its step, and who asked for it."""

    run: str
    step: str
    person: str


class Spent(NamedTuple):
    """What a run computed, or all of one step and person in a month.

    Parameters
    ----------
    month : int
        In which it ended: ``12 * year + month - 1``.
    run, step, person : str
        Which, and whose; no run where they are several.
    core_us, gpu_us : int
        Microseconds of processors, and of GPUs.
    names : tuple of str
        Of what it made, or, where it made nothing, of what it took; empty where they are several.
    made : bool
        Whether it made anything.
    """

    month: int
    run: str
    step: str
    person: str
    core_us: int
    gpu_us: int
    names: tuple[str, ...] = ()
    made: bool = False


class SqliteRuns:
    """A `panneuro.core.run.RunIndex` in one SQLite file.

    Parameters
    ----------
    path : Path or str, optional
        The file, made where it is missing; without it the index lives in memory.

    Raises
    ------
    StoreError
        If the file cannot be used.
    CorruptionError
        If the file is no database.

    Examples
    --------
    >>> runs = SqliteRuns()
    >>> runs.add([("runs/2026-03/0a.json", Run("0a", "tune", {}, {}, {"m1_tune": "1"}))])
    1
    >>> runs.outputs("tune")
    {'0a': {'m1_tune': '1'}}
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._lock = RLock()
        with reported(self._path):
            self._db = sqlite3.connect(
                self._path or ":memory:",
                isolation_level=None,
                timeout=_WAIT_S,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        # A commit lost with the power is found again in the store.
        self._db.execute("PRAGMA synchronous=NORMAL")
        if self._layout() == LAYOUT:
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        with transaction(self._db, write=True):
            if self._layout() != LAYOUT:
                self._make_tables()

    def _layout(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _make_tables(self) -> None:
        for statement in _TABLES.split(";")[:-1]:
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version={LAYOUT}")

    def add(self, records: Iterable[tuple[str, Run]]) -> int:
        """Note runs, each with the key of its record in the store, and return how many are new."""
        new = 0
        for chunk in batched(records, _BATCH):
            with self._lock, reported(self._path), transaction(self._db, write=True):
                new += sum(self._add(record, run) for record, run in chunk)
        return new

    def _add(self, record: str, run: Run) -> bool:
        body = run.encode()
        row = (record, run.key, run.step, run.status, run.ended, body.decode())
        done = self._db.execute(
            "INSERT OR IGNORE INTO run(record, key, step, status, ended, body)"
            " VALUES(?, ?, ?, ?, ?, ?)",
            row,
        )
        if not done.rowcount:
            return False
        inputs = [pair for slot in run.inputs.values() for pair in slot.items()]
        links = {(_INPUT, *pair) for pair in inputs}
        links |= {(_OUTPUT, *pair) for pair in run.outputs.items()}
        links |= {(_PACKAGE, *pair) for pair in run.packages.items()}
        self._db.executemany(
            "INSERT INTO link VALUES(?, ?, ?, ?)", [(*link, done.lastrowid) for link in links]
        )
        self._note_spent(int(done.lastrowid or 0), run, len(body))
        return True

    def _note_spent(self, number: int, run: Run, n_bytes: int) -> None:
        """Note what a run computed; what a record without a moment did is put down to no month."""
        with suppress(InputError):
            second = int(seconds(run.ended) // 1)
            month, remaining = month_at(second)
            used = _microseconds(run.core_seconds), _microseconds(run.gpu_seconds)
            self._db.execute(
                "INSERT INTO spent VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    month,
                    number,
                    second,
                    remaining,
                    run.key,
                    run.step,
                    str(run.user),
                    *used,
                    n_bytes,
                ),
            )

    def records(self) -> set[str]:
        """Return the keys of the records that are known."""
        return {record for (record,) in self._all("SELECT record FROM run")}

    def record(self, record: str) -> Run | None:
        """Return the run whose record has a key, or None."""
        found = self._runs("WHERE record=?", (record,))
        return found[0] if found else None

    def get(self, key: str) -> Run | None:
        """Return the run of a key that ended well, or None."""
        found = self._runs("WHERE key=? AND status='done' ORDER BY ended DESC LIMIT 1", (key,))
        return found[0] if found else None

    def outputs(self, step: str) -> Mapping[str, Mapping[str, str]]:
        """Return the outputs of every run of a step that ended well, by the run's key."""
        found: dict[str, dict[str, str]] = {
            key: {}
            for (key,) in self._all("SELECT key FROM run WHERE step=? AND status='done'", (step,))
        }
        for key, name, version in self._all(
            "SELECT key, name, version FROM run JOIN link USING(n)"
            " WHERE step=? AND status='done' AND kind='output'",
            (step,),
        ):
            found[key][name] = version
        return found

    def made_by(self, step: str) -> set[str]:
        """Return the names of all that a step made."""
        found = self._all(
            "SELECT DISTINCT name FROM run JOIN link USING(n)"
            " WHERE step=? AND status='done' AND kind='output'",
            (step,),
        )
        return {name for (name,) in found}

    def latest(self, step: str) -> Mapping[str, Run]:
        """Return, by the name of each asset that a step made, the run that made it last."""
        found = self._all(
            "SELECT name, body, max(ended) FROM run JOIN link USING(n)"
            " WHERE step=? AND status='done' AND kind='output' GROUP BY name",
            (step,),
        )
        return {name: Run.decode(body) for name, body, _ in found}

    def making(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that made an asset, or one version of it, the latest first."""
        return self._linked(_OUTPUT, name, version)

    def using(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that took an asset, or one version of it, the latest first."""
        return self._linked(_INPUT, name, version)

    def with_package(self, name: str, version: str = "") -> Sequence[Run]:
        """Return the runs that reached a package, or one version of it, the latest first."""
        return self._linked(_PACKAGE, name, version)

    def find(
        self, *, step: str = "", status: str = "", limit: int | None = None, offset: int = 0
    ) -> Sequence[Run]:
        """Return runs by step and status, the latest first."""
        wanted = {"step": step, "status": status}
        chosen = {column: value for column, value in wanted.items() if value}
        where = " AND ".join(f"{column}=?" for column in chosen)
        return self._runs(
            f"{where and 'WHERE ' + where} ORDER BY ended DESC, n DESC LIMIT ? OFFSET ?",
            (*chosen.values(), -1 if limit is None else limit, offset),
        )

    def touching(self, is_hidden: Callable[[str], bool]) -> set[str]:
        """Return the keys of the runs that took or made an asset of which something is so."""
        found = self._all(
            "SELECT name, key FROM link JOIN spent USING(n)"
            " WHERE kind='output' OR kind='input' AND substr(version, 1, ?)<>?",
            (len(PREFIX), PREFIX),
        )
        return {key for name, key in found if is_hidden(name)}

    def makers(self) -> Mapping[tuple[str, str], Maker]:
        """Return the run that made each version last, by name and version."""
        found = self._all(
            "SELECT name, version, key, step, user, max(second) FROM link JOIN spent USING(n)"
            " WHERE kind='output' GROUP BY name, version"
        )
        return {(name, version): Maker(*said) for name, version, *said, _ in found}

    def spent(self, since: int, until: int, *, each: bool) -> list[Spent]:
        """Return what runs computed that ended between two moments.

        Parameters
        ----------
        since, until : int
            From when until before when, in seconds since 1970.
        each : bool
            Whether each run is told alone, with what it made or took; else those of a month, of
            one step and person, are one.
        """
        if not each:
            found = self._all(
                "SELECT month, '', step, user, sum(core_us), sum(gpu_us) FROM spent"
                " WHERE second>=? AND second<? GROUP BY month, step, user",
                (since, until),
            )
            return [Spent(*row) for row in found]
        found = self._all(
            "SELECT n, month, spent.key, spent.step, user, core_us, gpu_us, kind, name FROM spent"
            " LEFT JOIN link USING(n) WHERE second>=? AND second<? ORDER BY month, n",
            (since, until),
        )
        return [
            _together(said, [*rows]) for (_, *said), rows in groupby(found, lambda row: row[:7])
        ]

    def kept(self, since: int, until: int) -> list[Sum]:
        """Return what the records of runs keep, by the month in which these ended."""
        found = self._all(
            "SELECT month, sum(bytes), sum(bytes * (second < :since)),"
            " sum(bytes * remaining * (second >= :since))"
            " FROM spent WHERE second<:until GROUP BY month",
            {"since": since, "until": until},
        )
        return [Sum("", "", "", month, total, 0, before, 0, rest)
                for month, total, before, rest in found]  # fmt: skip

    def _linked(self, kind: str, name: str, version: str) -> Sequence[Run]:
        return self._runs(
            "WHERE n IN (SELECT n FROM link WHERE kind=? AND name=? AND (?='' OR version=?))"
            " ORDER BY ended DESC, n DESC",
            (kind, name, version, version),
        )

    def _runs(self, rest: str, values: tuple[Any, ...]) -> list[Run]:
        found = self._all(f"SELECT body FROM run {rest}", values)  # noqa: S608
        return [Run.decode(body) for (body,) in found]

    def _all(
        self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        with self._lock, reported(self._path):
            return self._db.execute(statement, values).fetchall()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, reported(self._path), transaction(self._db, write=True):
            self._make_tables()

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        with self._lock:
            self._db.close()


def _together(said: Sequence[Any], rows: Iterable[tuple[Any, ...]]) -> Spent:
    """Return what a run spent, from its rows: one for each version that it took or made."""
    made, took = (
        tuple(sorted({name for *_, kind, name in rows if kind == wanted}))
        for wanted in (_OUTPUT, _INPUT)
    )
    return Spent._make((*said, made or took, bool(made)))


def _microseconds(spent: float) -> int:
    is_number = isinstance(spent, int | float) and isfinite(spent)
    return min(round(spent * 1e6), _MOST) if is_number and spent > 0 else 0
