"""The orders of a server: each carried out by a process of its own, watched, stopped, recorded."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from threading import Event, Lock, Thread
from typing import Any

from panneuro.access.actors import Actor
from panneuro.core.errors import (
    ConflictError,
    InputError,
    LimitError,
    NotFoundError,
    ObjectExistsError,
    PanneuroError,
    StoreError,
)
from panneuro.core.run import Run
from panneuro.lake.lake import Lake
from panneuro.portal.beside import Beside
from panneuro.portal.orders import (
    DONE,
    FAILED,
    INTERRUPTED,
    STOPPED,
    TOLD_EVERY_S,
    Order,
    Progressed,
    actor_to_json,
    keep,
    keep_end,
    keep_going,
    keep_stop,
    kept,
    kept_ids,
)
from panneuro.portal.shelves import Shelf

MOST_AT_ONCE = 4
"""Orders that a server carries out at the same time."""

_LOG = logging.getLogger("panneuro.portal")
_KEPT_LOG = 20_000
_REMEMBERED = 100
_FRESH_S = 5.0


class Watched:
    """An order that is being carried out.

    Parameters
    ----------
    lake : Lake
        Where; it learns of each run.
    order : Order
        Which.
    actor : Actor
        For whom.
    left : int
        How many runs it is about, as far as they are known.
    """

    def __init__(self, lake: Lake, order: Order, actor: Actor, left: int) -> None:
        self.order = order
        self.progressed = Progressed(left=left)
        self.revision = 0
        self._lake = lake
        self._ending = ""
        self._over = Event()
        self._telling = Thread(target=self._tell_others, daemon=True)
        self._telling.start()
        self.beside = Beside(
            "panneuro.portal.supervisor",
            {"order": asdict(order), "place": lake.store.url, "actor": actor_to_json(actor)},
            note=self._note,
            hear=self._hear,
            conclude=self._conclude,
        )

    def _tell_others(self) -> None:
        """Tell other servers how far it is, and hear from them whether it is to be stopped."""
        while True:
            try:
                if keep_going(self._lake.store, self.order, self.progressed):
                    self.end(STOPPED)
            except StoreError as error:
                _LOG.warning("telling how far order %s is: %s", self.order.id, error)
            if self._over.wait(TOLD_EVERY_S):
                return

    def end(self, status: str) -> None:
        """Interrupt it."""
        if not self._ending:
            self._ending = status
            self.beside.end()

    def _hear(self, line: str) -> None:
        self.progressed.log = (self.progressed.log + line)[-_KEPT_LOG:]
        self.revision += 1

    def _note(self, said: dict[str, Any]) -> None:
        progressed, what = self.progressed, said.pop("what")
        if what == "run":
            run = Run.decode(json.dumps(said["run"]))
            self._learn(run)
            progressed.note(run, said["name"])
            progressed.left = said["left"]
        elif what == "refused":
            progressed.refused.append(said)
        elif what == "error":
            progressed.error = said
        else:
            for name, value in said.items():
                setattr(progressed, name, value)
        self.revision += 1

    def _learn(self, run: Run) -> None:
        try:
            self._lake.learn([run])
        except PanneuroError as error:
            _LOG.warning("learning what order %s did: %s", self.order.id, error)

    def _conclude(self, code: int) -> None:
        progressed = self.progressed
        ended_well = code == 0 and not progressed.failed
        status = DONE if ended_well else (code != 0 and self._ending) or FAILED
        if status == FAILED and code and not progressed.error:
            progressed.error = {
                "code": "panneuro/unexpected",
                "message": f"the process that ran it ended unexpectedly, with {code}",
                "hint": "did it take more memory than there is? retry goes on where it was",
            }
        progressed.end(status)
        self._over.set()
        self._telling.join()
        try:
            keep_end(self._lake.store, self.order, progressed)
        except (StoreError, ObjectExistsError) as error:
            _LOG.warning("recording the end of order %s: %s", self.order.id, error)
        self.revision += 1


class Orders:
    """The orders of a lake, of which some are carried out here.

    Nothing that computes is kept waiting: each order brings its own workers, and they end with it.

    Parameters
    ----------
    lake : Lake
        Where.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = Lock()
        self._watched: dict[str, Watched] = {}
        self._ended = Shelf(_REMEMBERED)
        self._looked = Shelf(_REMEMBERED)

    @property
    def revision(self) -> tuple[int, ...]:
        """Changes whenever anything happens to an order that is carried out here."""
        return tuple(one.revision for one in self._all())

    def _all(self) -> list[Watched]:
        with self._lock:
            return list(self._watched.values())

    def start(self, order: Order, actor: Actor, left: int = 0) -> Order:
        """Begin to carry out an order; the very same that runs already for them is returned.

        Raises
        ------
        InputError
            If the lake cannot be reached from another process.
        LimitError
            If too many are carried out.
        """
        if self._lake.store.url.startswith("memory://"):
            raise InputError(
                f"running {order.name!r}: this lake is in the memory of the server alone",
                hint="panneuro.run(lake, …) in Python",
            )
        with self._lock:
            going = [one for one in self._watched.values() if one.progressed.is_running]
            for one in going:
                if _is_same(one.order, order):
                    return one.order
            if len(going) >= MOST_AT_ONCE:
                raise LimitError(
                    f"running {order.name!r}: this server runs {MOST_AT_ONCE} orders already",
                    hint="try again when one has ended",
                )
            self._forget()
            keep(self._lake.store, order)
            self._watched[order.id] = Watched(self._lake, order, actor, left)
        return order

    def _forget(self) -> None:
        """Leave to the store what ended long ago."""
        ended = [one for one in self._watched.values() if not one.progressed.is_running]
        for one in ended[:-_REMEMBERED]:
            del self._watched[one.order.id]

    def get(self, id_: str) -> tuple[Order, Progressed]:
        """Return an order, and how far it is.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        watched = self._watched.get(id_)
        if watched:
            return watched.order, watched.progressed
        if id_ not in self._ended:
            found: tuple[Order, Progressed] = self._looked.take(
                (id_, _moment()), lambda: self._kept(id_)
            )
            if not found[1].ended:
                return found
        return self._ended.take(id_, lambda: self._kept(id_))

    def _kept(self, id_: str) -> tuple[Order, Progressed]:
        found = kept(self._lake.store, id_)
        if found is None:
            raise NotFoundError(f"there is no order {id_[:80]!r}", hint="/runs")
        return found

    def newest(self) -> Iterator[tuple[Order, Progressed]]:
        """Yield the latest orders, the newest first."""
        ids: Sequence[str] = self._looked.take(
            ("", _moment()), lambda: kept_ids(self._lake.store)[:_REMEMBERED]
        )
        for id_ in sorted({*ids, *(one.order.id for one in self._all())}, reverse=True):
            yield self.get(id_)

    def stop(self, id_: str) -> None:
        """Stop an order: what was committed stays. What another server runs, that one stops soon.

        Raises
        ------
        ConflictError
            If it does not run.
        """
        if not self.get(id_)[1].is_running:
            raise ConflictError(f"order {id_[:80]!r} does not run", hint="/runs")
        watched = self._watched.get(id_)
        if watched:
            watched.end(STOPPED)
        else:
            keep_stop(self._lake.store, id_)

    def close(self) -> None:
        """Interrupt all that runs, and return when it has ended; a retry goes on with it."""
        going = [one for one in self._all() if one.progressed.is_running]
        for one in going:
            one.end(INTERRUPTED)
        for one in going:
            one.beside.wait()


def _moment() -> int:
    """Return a number that changes every few seconds: so long is what was read believed."""
    return int(time.monotonic() / _FRESH_S)


def _is_same(one: Order, other: Order) -> bool:
    """Tell whether two orders are one that was given twice."""
    return (one.kind, one.name, one.plan, one.by) == (other.kind, other.name, other.plan, other.by)
