"""The audit: who signed in, was refused, or downloaded; append-only, a folder a day."""

from __future__ import annotations

import heapq
import json
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from panneuro.access.actors import Actor
from panneuro.access.statements import Statement
from panneuro.core.conditions import fits
from panneuro.core.digests import canonical_json, digest_bytes
from panneuro.core.entry import fold, well_formed
from panneuro.core.errors import CorruptionError, ObjectExistsError, StoreError
from panneuro.core.store import Store

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

FOLDER = "audit"
_PERIOD_S = 5.0
_MOST = 5_000
_LONGEST = 300
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AT_ONCE = 16


@dataclass(frozen=True)
class Event:
    """Something that somebody did, or tried to.

    Parameters
    ----------
    at : str
        When, ISO 8601 in UTC.
    who : str
        The principal.
    what : str
        ``sign-in``, ``refused``, ``download``; ``grant``, ``revocation``, … for statements.
    on : str
        The asset, or the query.
    via : str
        The id of the token or link that they came with.
    n_bytes : int
        Served.
    times : int
        How often, the very same within a few seconds.
    about : mapping
        Further words.
    """

    at: str
    who: str
    what: str
    on: str = ""
    via: str = ""
    n_bytes: int = 0
    times: int = 1
    about: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values."""
        return asdict(self)


class Asked(TypedDict, total=False):
    """What an event must have; ``*`` stands for anything."""

    who: str
    what: str
    on: str


class Audit:
    """The audit of a lake.

    Events are gathered and put as one object every few seconds: should a server be killed, what it
    gathered since is lost. Statements about access are no events; each is put at once.

    Parameters
    ----------
    store : Store
        The lake's.

    Examples
    --------
    >>> from panneuro.storage.stores import open_store
    >>> audit = Audit(open_store("memory://example-audit"))
    >>> audit.record("download", Actor("ada@uni.edu"), "ecephys_m1", n_bytes=1000)
    >>> audit.flush()
    >>> [(event.who, event.what, event.n_bytes) for event in audit.search()]
    [('person:ada@uni.edu', 'download', 1000)]
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gathered = _Gathered(store)
        weakref.finalize(self, self._gathered.flush_quietly)

    def record(
        self, what: str, actor: Actor, on: str = "", n_bytes: int = 0, **about: object
    ) -> None:
        """Note that something was done.

        Parameters
        ----------
        what : str
            A word: ``"download"``.
        actor : Actor
            By whom.
        on : str
            Name of the asset, or what else it was about; as long as it is, 300 characters are kept.
        n_bytes : int
            Served.
        **about
            Further words.
        """
        said = {_short(name): _short(value) for name, value in [*about.items()][:10]}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._gathered.add(
            Event(now, actor.principal, _short(what), _short(on), actor.via, n_bytes, 1, said)
        )

    def flush(self) -> None:
        """Put what was gathered into the store.

        Raises
        ------
        StoreError
            If that fails; what was gathered stays.
        """
        self._gathered.flush()

    def search(
        self,
        since: date | None = None,
        until: date | None = None,
        **asked: Unpack[Asked],
    ) -> Iterator[Event]:
        """Yield events, day by day, in the order of their times.

        Parameters
        ----------
        since, until : date, optional
            The first day and the last, in UTC.
        **asked
            What the event must have as ``who``, ``what`` and ``on``: see `Asked`.

        Raises
        ------
        CorruptionError
            If a file of the audit is damaged.
        """
        parts = _parts(asked)
        for day in sorted(self._store.folders(FOLDER)):
            said = day.rpartition("/")[2]
            if _DAY.fullmatch(said) and _is_between(said, since, until):
                yield from (event for event in self._day(day) if _meets(event, parts))

    def _day(self, folder: str) -> list[Event]:
        keys = [found.key for found in self._store.list(folder) if found.key.endswith(".jsonl")]
        with ThreadPoolExecutor(_AT_ONCE, "panneuro-audit") as threads:
            read = threads.map(lambda key: _decode(self._store.get(key), key), keys)
            return sorted((one for events in read for one in events), key=lambda one: one.at)


class _Gathered:
    """Events that are not in the store yet; many that say the same are counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._events: dict[tuple[object, ...], Event] = {}
        self._timer: Timer | None = None

    def add(self, event: Event) -> None:
        key: tuple[object, ...] = (event.who, event.what, event.on, event.via, *event.about.items())
        with self._lock:
            if key not in self._events and len(self._events) >= _MOST:
                key = (event.who, event.what)
                event = replace(event, on="", about={"left_out": "the names of too many"})
            same = self._events.get(key)
            self._events[key] = _together(same, event) if same else event
            if self._timer is None:
                self._timer = Timer(_PERIOD_S, self.flush_quietly)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            days: dict[str, list[Event]] = {}
            for event in self._events.values():
                days.setdefault(event.at[:10], []).append(event)
            for day, events in days.items():
                self._put(day, events)
            self._events.clear()

    def _put(self, day: str, events: Iterable[Event]) -> None:
        data = b"\n".join(canonical_json(event.to_json()) for event in events)
        now, digest = datetime.now(UTC), digest_bytes(data).partition(":")[2]
        with suppress(ObjectExistsError):
            key = f"{FOLDER}/{day}/{now:%H%M%S.%f}-{digest[:16]}.jsonl"
            self._store.put(key, data, create=True)

    def flush_quietly(self) -> None:
        """Flush where nobody could be told: what could not be put waits for the next time."""
        with suppress(StoreError, OSError):
            self.flush()


def history(
    lake: Lake,
    since: date | None = None,
    until: date | None = None,
    *,
    said_to: Callable[[Statement], bool] = lambda _: True,
    done_for: Callable[[Event], bool] = lambda _: True,
    **asked: Unpack[Asked],
) -> Iterator[Event]:
    """Yield what was done and what was said about access, in the order of their times.

    Parameters
    ----------
    lake : Lake
        Whose.
    since, until, **asked
        As in `Audit.search`.
    said_to, done_for : callable, optional
        Say which statements, and which events, may be told.
    """
    parts = _parts(asked)
    said = [
        event
        for one in filter(said_to, lake.access.policy().statements)
        if _is_between((event := event_of(one)).at[:10], since, until) and _meets(event, parts)
    ]
    events = filter(done_for, lake.audit.search(since, until, **asked))
    return heapq.merge(sorted(said, key=lambda one: one.at), events, key=lambda one: one.at)


def event_of(statement: Statement) -> Event:
    """Return a statement about access as the event that it was."""
    said = {field.name: str(getattr(statement, field.name)) for field in fields(statement)}
    at, by, on = (said.pop(name, "") for name in ("at", "by", "on"))
    about = {name: _short(text) for name, text in said.items() if text and name != "digest"}
    return Event(
        at, by, statement.kind, on or said.get("of", ""), about={"id": statement.id, **about}
    )


def _together(one: Event, other: Event) -> Event:
    return replace(one, n_bytes=one.n_bytes + other.n_bytes, times=one.times + other.times)


def _short(text: object) -> str:
    return well_formed(str(text)[:_LONGEST])


def _parts(asked: Asked) -> list[tuple[str, list[str]]]:
    said = ((name, str(text)) for name, text in asked.items())
    return [(name, fold(text).split("*")) for name, text in said if text]


def _is_between(day: str, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since.isoformat()) and (
        until is None or day <= until.isoformat()
    )


def _meets(event: Event, asked: Iterable[tuple[str, list[str]]]) -> bool:
    return all(fits(tuple(parts), fold(getattr(event, name))) for name, parts in asked)


def _decode(data: bytes, key: str) -> list[Event]:
    try:
        return [Event(**json.loads(line)) for line in data.splitlines()]
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptionError(
            f"the file {key!r} of the audit cannot be read: {error!r}",
            hint="look at it, and move it away if it is not ours",
        ) from error
