"""Orders: what visitors asked to be run, kept in the lake, so that what was begun is known."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from panneuro.access.actors import Actor
from panneuro.compute.planning import Given
from panneuro.compute.running import Limits
from panneuro.core.digests import canonical_json
from panneuro.core.errors import CorruptionError, ObjectNotFoundError
from panneuro.core.query import Query
from panneuro.core.run import Run
from panneuro.core.store import Store

FOLDER = "runs/orders"
RUNNING, DONE, FAILED, STOPPED, INTERRUPTED = "running", "done", "failed", "stopped", "interrupted"

TOLD_EVERY_S = 10.0
"""So often a server tells the others how far its orders are."""

SILENT_S = 45.0
"""A server of which nothing was heard for so long has ended."""

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_KEPT_OF_RUN = ("key", "step", "status", "core_seconds", "bytes_read", "bytes_written", "cost")


def _now() -> datetime:
    return datetime.now(UTC)


def _said_now() -> str:
    return _now().isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody asked to be run.

    Parameters
    ----------
    kind, name : str
        Of the step or the pipeline.
    on : str
        The search, as it was said.
    names : tuple of str
        Of the assets that it found.
    parameters : mapping
        Those that were said.
    seed : int
        Of random numbers.
    takes : mapping
        By parameter, the signal to take instead of what the step says.
    label : str
        Names what is made.
    limits : Limits
        What the runs may not pass.
    plan : str
        Digest of what was to be run.
    by : str
        Who asked: a principal.
    again : str
        The order that this one repeats.
    at, id : str
        When, ISO 8601 in UTC; and what it is called.
    """

    kind: str
    name: str
    on: str
    names: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    takes: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    limits: Limits = field(default_factory=Limits)
    plan: str = ""
    by: str = ""
    again: str = ""
    at: str = field(default_factory=_said_now)
    id: str = field(default_factory=lambda: f"{_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}")

    @property
    def given(self) -> Given:
        """What was said of the runs."""
        return Given(self.parameters, self.seed, self.takes, self.label)


@dataclass
class Progressed:
    """How far an order is, or how it ended.

    Parameters
    ----------
    status : {"running", "done", "failed", "stopped", "interrupted"}
        ``failed`` if any run failed; ``interrupted`` if its server ended first.
    left : int
        Runs that are still to be done, as far as they are known.
    runs : list of mapping
        Those that ended, in that order, each with the asset that it made.
    refused : list of mapping
        Assets that were not made for who asked, and why.
    there : int
        How many were there before.
    bytes_read, bytes_written : int
        Moved from and to the store.
    error : mapping
        What kept it from being done as a whole.
    log : str
        The end of what was said.
    ended : str
        When, ISO 8601 in UTC.
    told : float
        When the server that runs it said so, where that is another one; seconds since 1970.
    """

    status: str = RUNNING
    left: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    there: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    error: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    ended: str = ""
    told: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.status == RUNNING

    @property
    def is_silent(self) -> bool:
        """Whether the server that runs it was last heard of too long ago."""
        return abs(time.time() - self.told) > SILENT_S

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return sum(run["status"] == FAILED for run in self.runs)

    @property
    def outputs(self) -> dict[str, str]:
        """The version of each asset that was made, by name."""
        return {run["name"]: run["version"] for run in self.runs if run["status"] == DONE}

    def note(self, run: Run, name: str) -> None:
        """Take notice of a run that ended; `name` is what it was to make."""
        made = next(iter(run.outputs.items()), (name, ""))
        said = {name: getattr(run, name) for name in _KEPT_OF_RUN}
        said |= {"name": made[0], "version": made[1], "error": dict(run.error)}
        self.runs.append({**said, "currency": run.currency})

    def end(self, status: str) -> None:
        """Note that it ended."""
        self.status, self.ended = status, _said_now()


def decode[Record: (Order, Progressed)](kind: type[Record], data: bytes | str) -> Record:
    """Read an order, or how far it is, from its JSON text.

    Raises
    ------
    CorruptionError
        If it is something else.
    """
    try:
        return TypeAdapter(kind).validate_json(data)
    except ValueError as error:
        raise CorruptionError(f"an order cannot be read: {error}") from error


def keep(store: Store, order: Order) -> None:
    """Put an order into the store."""
    store.put(_key(order.id), canonical_json(asdict(order)), create=True)


def keep_going(store: Store, order: Order, progressed: Progressed) -> bool:
    """Put into the store how far an order is now, and return whether it is to be stopped."""
    store.put(
        _key(order.id, "going."), canonical_json(asdict(replace(progressed, told=time.time())))
    )
    return _is_there(store, _key(order.id, "stop."))


def keep_end(store: Store, order: Order, progressed: Progressed) -> None:
    """Put into the store how an order ended, instead of how far it was."""
    store.put(_key(order.id, "ended."), canonical_json(asdict(progressed)), create=True)
    for key in (_key(order.id, "going."), _key(order.id, "stop.")):
        with suppress(ObjectNotFoundError):
            store.delete(key)


def keep_stop(store: Store, id_: str) -> None:
    """Put into the store that an order is to be stopped, for the server that runs it."""
    store.put(_key(id_, "stop."), b"{}")


def kept(store: Store, id_: str) -> tuple[Order, Progressed] | None:
    """Return an order and how far it is, or how it ended.

    One of which no end is recorded, and whose server has been silent for long, was interrupted.
    """
    if not _ID.fullmatch(id_):
        return None
    order = _found(Order, store, _key(id_))
    if order is None:
        return None
    ended = _found(Progressed, store, _key(id_, "ended."))
    going = None if ended else _found(Progressed, store, _key(id_, "going."))
    if going and not going.is_silent:
        return order, going
    return order, ended or replace(going or Progressed(), status=INTERRUPTED)


def kept_ids(store: Store) -> Sequence[str]:
    """Return what the orders in the store are called, the latest first."""
    names = (found.key.rpartition("/")[2].removesuffix(".json") for found in store.list(FOLDER))
    return sorted(filter(_ID.fullmatch, names), reverse=True)


def _key(id_: str, what: Literal["", "ended.", "going.", "stop."] = "") -> str:
    return f"{FOLDER}/{id_}.{what}json"


def _found[Record: (Order, Progressed)](
    kind: type[Record], store: Store, key: str
) -> Record | None:
    try:
        data = store.get(key)
    except ObjectNotFoundError:
        return None
    return decode(kind, data)


def _is_there(store: Store, key: str) -> bool:
    try:
        store.info(key)
    except ObjectNotFoundError:
        return False
    return True


def actor_to_json(actor: Actor) -> dict[str, Any]:
    """Return who asks, and how far what they hold lets them, as JSON values."""
    return {
        "principal": actor.principal,
        "memberships": sorted(actor.memberships),
        "within": actor.within.to_json(),
        "verbs": None if actor.verbs is None else sorted(actor.verbs),
        "via": actor.via,
    }


def actor_from_json(said: Mapping[str, Any]) -> Actor:
    """Return what `actor_to_json` was given.

    Examples
    --------
    >>> ada = Actor.person("ada@uni.edu", ["lab:smith"])
    >>> actor_from_json(actor_to_json(ada)) == ada
    True
    """
    return Actor(
        said["principal"],
        frozenset(said["memberships"]),
        Query.from_json(said["within"]),
        None if said["verbs"] is None else frozenset(said["verbs"]),
        said["via"],
    )
