"""What happens, as it happens: server-sent events about the runs that one may see."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator

import anyio
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from panneuro.core.errors import LimitError, NotFoundError
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.doors import Door, Visit
from panneuro.portal.seeing import is_visible
from panneuro.portal.supervising import Orders
from panneuro.portal.telling import is_shown, latest, order_given

_PERIOD_S = 2.0
_SOONER_S = 0.5
_OTHERS_S = 10.0
_LONGEST_S = 600.0
_MOST_LISTENERS = 100
_LOOKED_AT = 20


class HappeningAsked(BaseModel):
    """What one wants to be told of."""

    model_config = ConfigDict(extra="ignore")

    order: str = Field("", max_length=40, description="one order, instead of all that is run")


class Happenings:
    """Tells pages that something happened.

    Parameters
    ----------
    lake : Lake
        Where.
    orders : Orders
        What is carried out.
    """

    def __init__(self, lake: Lake, orders: Orders) -> None:
        self._lake = lake
        self._orders = orders
        self._listening = 0

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/events", self.events, HappeningAsked, squeezed=False, listed=False)]

    def events(self, visit: Visit, asked: HappeningAsked) -> Response:
        """Tell when a run ends or gets on, for ten minutes; a page then asks again.

        An event says that what one may see has changed, and nothing of anything else.
        """
        if asked.order and not is_shown(visit.seen, self._lake, *self._orders.get(asked.order)):
            raise NotFoundError(f"there is no order {asked.order!r}", hint="/runs")
        if self._listening >= _MOST_LISTENERS:
            raise LimitError("too many pages listen already", hint="reload to see what is new")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._told(visit.seen, asked), headers=headers, media_type="text/event-stream"
        )

    async def _told(self, seen: LakeFor, asked: HappeningAsked) -> AsyncIterator[str]:
        self._listening += 1
        try:
            revision, looked = self._orders.revision, time.monotonic()
            orders = await run_in_threadpool(self._of_orders, seen, asked)
            last = await run_in_threadpool(self._newest, seen, asked), orders
            yield f"retry: 5000\nevent: hello\ndata: {json.dumps(last)}\n\n"
            with anyio.move_on_after(_LONGEST_S):
                while True:
                    await self._pause(revision)
                    is_late = time.monotonic() - looked > _OTHERS_S
                    if is_late or self._orders.revision != revision:
                        revision, looked = self._orders.revision, time.monotonic()
                        orders = await run_in_threadpool(self._of_orders, seen, asked)
                    now = await run_in_threadpool(self._newest, seen, asked), orders
                    if now != last:
                        last = now
                        yield f"event: run\ndata: {json.dumps(last)}\n\n"
        finally:
            self._listening -= 1

    async def _pause(self, revision: tuple[int, ...]) -> None:
        """Wait for the period; less where an order gets on meanwhile."""
        waited = 0.0
        while waited < _PERIOD_S:
            step = min(_SOONER_S, _PERIOD_S)
            await anyio.sleep(step)
            waited += step
            if self._orders.revision != revision:
                return

    def _newest(self, seen: LakeFor, asked: HappeningAsked) -> str:
        """Return the key of the last run that an actor may see, with when it ended."""
        if asked.order:
            return ""
        runs = self._lake.runs.find(limit=_LOOKED_AT)
        newest = next((run for run in runs if is_visible(seen, run)), None)
        return f"{newest.key} {newest.ended}" if newest else ""

    def _of_orders(self, seen: LakeFor, asked: HappeningAsked) -> str:
        """Return what changes whenever what an actor may see of orders does, and tells nothing."""
        if asked.order:
            found = self._orders.get(asked.order)
            shown = is_shown(seen, self._lake, *found)
            orders = [order_given(seen, self._lake, *found)] if shown else []
        else:
            orders = latest(seen, self._lake, self._orders)
        said = "\n".join(one.model_dump_json() for one in orders)
        return hashlib.sha256(said.encode()).hexdigest()[:16]
