"""Who is signed in: kept in the lake, so that every server of it knows, and signing out ends it."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock

from panneuro.access.actors import Actor
from panneuro.access.policy import digest_of
from panneuro.core.digests import canonical_json
from panneuro.core.errors import InputError, ObjectExistsError, ObjectNotFoundError
from panneuro.core.store import Store

FOLDER = "sessions"

IDLE_S = 8 * 3600.0
"""A session that nobody uses ends."""

LONGEST_S = 24 * 3600.0
"""A session ends, used or not."""

_FRESH_S = 2.0
"""So long it is believed that nobody signed out at another server."""

_NOTED_S = 600.0
"""Every so often it is noted that a session is used."""

_BEGAN = "began.json"
_USED = re.compile(r"used-(\d{1,12})")
_MOST = 20_000


@dataclass(frozen=True)
class Session:
    """Somebody who signed in.

    Parameters
    ----------
    actor : Actor
        Who.
    began, used, looked : float
        When it began, was used last, and was looked up: seconds, on the clock of `Sessions`.
    """

    actor: Actor
    began: float
    used: float
    looked: float


class Sessions:
    """Sessions by their secrets, of which only digests are kept.

    A session is a folder of objects that never change: who it is of, and when it was used. Signing
    out removes it; other servers notice within two seconds.

    Parameters
    ----------
    store : Store
        The lake's.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> from panneuro.storage.stores import open_store
    >>> sessions = Sessions(open_store("memory://example-sessions"))
    >>> secret = sessions.begin(Actor.person("ada@uni.edu"))
    >>> str(sessions.actor(secret))
    'person:ada@uni.edu'
    >>> sessions.end(secret)
    >>> sessions.actor(secret) is None
    True
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[str, Session] = OrderedDict()

    def begin(self, actor: Actor) -> str:
        """Begin a session and return its secret, a new one each time."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        name = actor.principal.removeprefix("person:")
        said = {"person": name, "memberships": sorted(actor.memberships), "began": now}
        self._sweep(now)
        self._store.put(f"{_folder(secret)}/{_BEGAN}", canonical_json(said), create=True)
        return secret

    def actor(self, secret: str) -> Actor | None:
        """Return who holds a secret; None if the session ended, or never was."""
        folder, now = _folder(secret), self._clock()
        with self._lock:
            session = self._known.get(folder)
        if session is None or not 0 <= now - session.looked < _FRESH_S:
            session = self._looked_up(folder, session, now)
        if session and (now - session.used > IDLE_S or now - session.began > LONGEST_S):
            self.end(secret)
            session = None
        with self._lock:
            if session is None:
                self._known.pop(folder, None)
                return None
            self._known[folder] = replace(session, used=now)
            self._known.move_to_end(folder)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return session.actor

    def end(self, secret: str) -> None:
        """End a session; that it ended before is no error."""
        folder = _folder(secret)
        with self._lock:
            self._known.pop(folder, None)
        for key in sorted(found.key for found in self._store.list(folder)):
            self._store.delete(key)

    def _looked_up(self, folder: str, known: Session | None, now: float) -> Session | None:
        """Return a session as the lake has it; that it is used is noted now and then."""
        names = {found.key.rpartition("/")[2] for found in self._store.list(folder)}
        if _BEGAN not in names:
            return None
        with suppress(ObjectNotFoundError, ValueError, LookupError, TypeError, InputError):
            session = known or _read(self._store.get(f"{folder}/{_BEGAN}"))
            noted = max((int(used[1]) for name in names if (used := _USED.fullmatch(name))),
                        default=session.began)  # fmt: skip
            if _NOTED_S < now - noted <= IDLE_S:
                with suppress(ObjectExistsError):
                    self._store.put(f"{folder}/used-{int(now)}", b"", create=True)
            return replace(session, used=max(session.used, noted), looked=now)
        return None

    def _sweep(self, now: float) -> None:
        """Remove what is left of sessions that ended long ago."""
        last: dict[str, float] = defaultdict(float)
        found = list(self._store.list(FOLDER))
        for one in found:
            folder = one.key.rpartition("/")[0]
            last[folder] = max(last[folder], one.modified.timestamp())
        for one in found:
            if now - last[one.key.rpartition("/")[0]] > 2 * LONGEST_S:
                self._store.delete(one.key)


def _folder(secret: str) -> str:
    return f"{FOLDER}/{digest_of(secret)}"


def _read(data: bytes) -> Session:
    said = json.loads(data)
    actor = Actor.person(said["person"], said["memberships"])
    return Session(actor, float(said["began"]), float(said["began"]), 0.0)
