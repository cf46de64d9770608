"""The process that carries out one order, apart from the server that it was given to.

What was committed stays when it is interrupted, and nothing is half visible.
"""

from __future__ import annotations

import json
import sys
import time
from threading import Thread
from typing import Any

from panneuro.compute.crew import crew_of
from panneuro.compute.work import Task
from panneuro.lake.lake import open_lake
from panneuro.portal.attending import Say, attend
from panneuro.portal.offers import find_offer
from panneuro.portal.orders import Order, actor_from_json, decode
from panneuro.portal.runnable import Admission, RunnableLake, Work, hold, named, person_of

_TOLD_EVERY_S = 0.5


def _carry_out(said: dict[str, Any], say: Say) -> None:
    order = decode(Order, json.dumps(said["order"]))
    whole = open_lake(said["place"])
    seen = whole.as_(actor_from_json(said["actor"]))
    lake, admission = RunnableLake(seen, whole), Admission(seen, whole)
    offer = find_offer(whole, order.kind, order.name)
    work = Work(lake, offer, named(order.names), order.given)
    hold(lake, work.plans, order.limits, person_of(seen))
    Thread(target=_tell_of_bytes, args=(lake, say), daemon=True).start()
    names: dict[str, str] = {}

    def admitted(tasks: list[Task]) -> list[Task]:
        found, refused = admission.judged(tasks)
        names.update((task.run.key, task.name) for task in found)
        for one in refused:
            say("refused", name=one.name, why=one.why)
        return found

    say("begun", left=len(work), there=sum(len(plan.there) for plan in work.plans))
    with crew_of(lake, [stage.step for stage in offer.stages], None, None) as crew:
        crew.add(admitted(work.due))
        for run in crew.results():
            admission.note(run)
            crew.add(admitted(work.follow(run)))
            say("run", run=run.to_json(), name=names[run.key], left=len(work))
    _tell_bytes(lake, say)


def _tell_of_bytes(lake: RunnableLake, say: Say) -> None:
    while True:
        time.sleep(_TOLD_EVERY_S)
        _tell_bytes(lake, say)


def _tell_bytes(lake: RunnableLake, say: Say) -> None:
    used = lake.store.usage.snapshot()
    say("moved", bytes_read=used.bytes_read, bytes_written=used.bytes_written)


if __name__ == "__main__":
    sys.exit(attend(_carry_out))
