"""What happens, as it happens: server-sent events about the runs that one may see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import islice

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from panneuro.core.errors import LimitError
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.runs import is_visible

_PERIOD_S = 2.0
_LONGEST_S = 600.0
_MOST_LISTENERS = 100
_LOOKED_AT = 20


class Happenings:
    """Tells pages that something happened.

    Parameters
    ----------
    lake : Lake
        Where.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._listening = 0

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/events", self.events, squeezed=False, listed=False)]

    def events(self, visit: Visit, _: Nothing) -> Response:
        """Tell of each run that ends, for ten minutes; a page then asks again.

        An event says which run was the last that one may see, and nothing of any other.
        """
        if self._listening >= _MOST_LISTENERS:
            raise LimitError("too many pages listen already", hint="reload to see what is new")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._told(visit.seen), headers=headers, media_type="text/event-stream"
        )

    async def _told(self, seen: LakeFor) -> AsyncIterator[str]:
        self._listening += 1
        try:
            last = await run_in_threadpool(self._newest, seen)
            yield f"retry: 5000\nevent: hello\ndata: {json.dumps(last)}\n\n"
            with anyio.move_on_after(_LONGEST_S):
                while True:
                    await anyio.sleep(_PERIOD_S)
                    newest = await run_in_threadpool(self._newest, seen)
                    if newest != last:
                        last = newest
                        yield f"event: run\ndata: {json.dumps(last)}\n\n"
        finally:
            self._listening -= 1

    def _newest(self, seen: LakeFor) -> str:
        """Return the key of the last run that an actor may see, with how it ended."""
        runs = (run for run in self._lake.runs.find(limit=_LOOKED_AT) if is_visible(seen, run))
        return next((f"{run.key} {run.ended}" for run in islice(runs, 1)), "")
