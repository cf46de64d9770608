"""Who is signed in: kept by the server, so that signing out ends it."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from panneuro.access.actors import Actor
from panneuro.access.policy import digest_of

IDLE_S = 8 * 3600.0
"""A session that nobody uses ends."""

LONGEST_S = 24 * 3600.0
"""A session ends, used or not."""

_MOST = 20_000


@dataclass(frozen=True)
class Session:
    """Somebody who signed in.

    Parameters
    ----------
    actor : Actor
        Who.
    began, used : float
        Seconds, on the clock of `Sessions`.
    """

    actor: Actor
    began: float
    used: float


class Sessions:
    """Sessions by their secrets, of which only digests are kept.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.

    Examples
    --------
    >>> sessions = Sessions()
    >>> secret = sessions.begin(Actor.person("ada@uni.edu"))
    >>> str(sessions.actor(secret))
    'person:ada@uni.edu'
    >>> sessions.end(secret)
    >>> sessions.actor(secret) is None
    True
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._held: OrderedDict[str, Session] = OrderedDict()

    def begin(self, actor: Actor) -> str:
        """Begin a session and return its secret, a new one each time."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._held[digest_of(secret)] = Session(actor, now, now)
            while len(self._held) > _MOST:
                self._held.popitem(last=False)
        return secret

    def actor(self, secret: str) -> Actor | None:
        """Return who holds a secret; None if the session ended, or never was."""
        key, now = digest_of(secret), self._clock()
        with self._lock:
            session = self._held.get(key)
            if session is None:
                return None
            if now - session.used > IDLE_S or now - session.began > LONGEST_S:
                del self._held[key]
                return None
            self._held[key] = replace(session, used=now)
            self._held.move_to_end(key)
        return session.actor

    def end(self, secret: str) -> None:
        """End a session; that it ended before is no error."""
        with self._lock:
            self._held.pop(digest_of(secret), None)
