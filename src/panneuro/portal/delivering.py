"""Adding recordings from elsewhere: what is missing is sent in parts, and resumed, then added."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from panneuro.core.errors import (
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    PanneuroError,
)
from panneuro.core.places import user_cache
from panneuro.lake.lake import Lake
from panneuro.portal.beside import Beside
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.orders import actor_to_json
from panneuro.portal.staging import PART_BYTES, Delivery, DeliveryAsked, Staging, id_of

MISSING, ADDING, ADDED, FAILED = "missing", "adding", "added", "failed"

_QUIET_S = 3600.0
_MOST_AT_ONCE = 2
_MOST_ASKED = 8 << 20
_REMEMBERED = 1_000
_NOT_KEPT = {"cache-control": "no-store"}
_LOG = logging.getLogger("panneuro.portal")


class PartAsked(BaseModel):
    """Where a part begins."""

    model_config = ConfigDict(extra="ignore")

    offset: int = Field(0, ge=0, description="bytes of the file that were sent before")


class PartGiven(BaseModel):
    """How much of a file is there."""

    offset: int


class DeliveryGiven(BaseModel):
    """How far a recording is on its way."""

    model_config = ConfigDict(extra="allow")

    id: str
    state: str = Field(description="missing, adding, added or failed")
    missing: list[dict[str, Any]] = Field(description="digest, size and offset of what is to come")
    part_bytes: int = Field(description="the most that is taken at a time")
    error: dict[str, str] = Field(description="what kept it from being added")
    added: dict[str, Any] = Field(description="name and version, and what could be said of it")


@dataclass
class _State:
    """What became of a delivery that was whole."""

    owner: str
    state: str = ADDING
    phase: dict[str, Any] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] = field(default_factory=dict)


class Deliveries:
    """Takes recordings, and has them added by processes of their own.

    Parameters
    ----------
    lake : Lake
        Into which.
    folder : Path, optional
        Where they are kept until they are whole; in the user's cache where not given.
    """

    def __init__(self, lake: Lake, folder: Path | None = None) -> None:
        self._lake = lake
        self._staging = Staging(folder or user_cache() / lake.settings.id / "deliveries")
        self._lock = Lock()
        self._states: dict[str, _State] = {}
        self._running: dict[str, Beside] = {}

    def doors(self) -> list[Door]:
        """Return the doors."""
        given: dict[str, type[BaseModel] | None] = {"json": DeliveryGiven}
        place = "/deliveries/{delivery}"
        return [
            Door(
                "/assets",
                self.deliver,
                DeliveryAsked,
                given,
                method="POST",
                status=202,
                most_bytes=_MOST_ASKED,
            ),
            Door(place, self.delivery, gives=given),
            Door(
                f"{place}/{{digest}}",
                self.part,
                PartAsked,
                {"json": PartGiven},
                method="PUT",
                status=200,
                most_bytes=PART_BYTES,
            ),
        ]

    def close(self) -> None:
        """Interrupt what is being added; asked for again, it is begun again."""
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.end()
        for one in running:
            one.wait()

    def deliver(self, visit: Visit, asked: DeliveryAsked) -> Response:
        """Add a recording: say which of its files are missing, or add it where none is.

        It takes who may add something. Ask, send what is missing, and ask the same again: what was
        interrupted goes on where it was. What was added is added once.
        """
        actor = visit.seen.actor
        if visit.seen.allowed("add").is_nothing:
            self._lake.audit.record("refused", actor, asked.name or "", verb="add")
            raise NotAllowedError(
                f"{actor} may not add recordings", hint="ask an owner of the lake"
            )
        if self._lake.store.url.startswith("memory://"):
            raise InputError(
                "adding: this lake is in the memory of the server alone", hint="lake.add(…)"
            )
        id_, delivery = id_of(asked, actor.principal), None
        state = self._states.get(id_)
        if state and state.state == ADDED:
            state.added |= {"is_new": False, "sent_bytes": 0}
        else:
            delivery = self._staging.begin(asked, actor.principal)
            if not delivery.missing():
                self._begin(visit, delivery)
        return JSONResponse(self._given(id_, delivery).model_dump(), 202, _NOT_KEPT)

    def delivery(self, visit: Visit, _: Nothing) -> Response:
        """Tell how far a recording is on its way: to who sends it."""
        id_ = visit.part("delivery")
        found = self._staging.get(id_)
        self._need_owner(visit, found.owner if found else self._owner(id_))
        return JSONResponse(self._given(id_, found).model_dump(), headers=_NOT_KEPT)

    def part(self, visit: Visit, asked: PartAsked) -> Response:
        """Take a part of a file, from where the last one ended."""
        found = self._staging.get(visit.part("delivery"))
        self._need_owner(visit, found.owner if found else "")
        if found is None:
            raise NotFoundError("there is no such delivery")
        now = found.put(visit.part("digest"), asked.offset, visit.request.state.body)
        return JSONResponse(PartGiven(offset=now).model_dump(), headers=_NOT_KEPT)

    def _owner(self, id_: str) -> str:
        state = self._states.get(id_)
        return state.owner if state else ""

    def _need_owner(self, visit: Visit, owner: str) -> None:
        if owner != visit.seen.actor.principal:
            raise NotFoundError(f"there is no delivery {visit.part('delivery')[:80]!r}")

    def _given(self, id_: str, delivery: Delivery | None) -> DeliveryGiven:
        state = self._states.get(id_)
        missing = delivery.missing() if delivery else []
        return DeliveryGiven(
            id=id_,
            state=state.state if state and not missing else MISSING,
            missing=[asdict(one) for one in missing],
            part_bytes=PART_BYTES,
            error=state.error if state else {},
            added=state.added if state else {},
            **(state.phase if state else {}),
        )

    def _begin(self, visit: Visit, delivery: Delivery) -> None:
        with self._lock:
            before = self._states.get(delivery.id)
            if before and before.state == ADDING:
                return
            if len(self._running) >= _MOST_AT_ONCE:
                raise LimitError(
                    f"adding: this server adds {_MOST_AT_ONCE} recordings already",
                    hint="all of it has arrived; the same line again adds it",
                )
            for id_ in list(self._states)[:-_REMEMBERED]:
                del self._states[id_]
            state = self._states[delivery.id] = _State(delivery.owner)
            said = {"place": self._lake.store.url, "folder": str(delivery.folder)}
            self._running[delivery.id] = Beside(
                "panneuro.portal.receiver",
                {**said, "actor": actor_to_json(visit.seen.actor)},
                note=lambda told: _note(state, told),
                hear=lambda line: _LOG.info("%s", line.rstrip()),
                conclude=lambda code: self._conclude(delivery, state, code),
                quiet_s=_QUIET_S,
            )

    def _conclude(self, delivery: Delivery, state: _State, code: int) -> None:
        if state.added:
            try:
                self._lake.refresh()
            except PanneuroError as error:
                _LOG.warning("learning what was added: %s", error.message)
            self._staging.drop(delivery)
        elif not state.error:
            message = f"adding: the process that did it ended unexpectedly, with {code}"
            state.error = {"code": "panneuro/unexpected", "message": message, "hint": "try again"}
        state.state = ADDED if state.added else FAILED
        with self._lock:
            self._running.pop(delivery.id, None)


def _note(state: _State, told: dict[str, Any]) -> None:
    what = told.pop("what")
    if what == "phase":
        state.phase = told
    elif what == "added":
        state.added = told
    else:
        state.error = told
