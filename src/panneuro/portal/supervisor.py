"""The process that carries out one order, apart from the server that it was given to.

It reads one line of JSON and says in lines of JSON how far it is; what steps print goes to its
standard error. When its standard input ends, or it is interrupted, it ends: what was committed
stays, and nothing is half visible.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, NoReturn

from panneuro.compute.crew import crew_of
from panneuro.compute.work import Task
from panneuro.core.errors import PanneuroError
from panneuro.lake.lake import open_lake
from panneuro.portal.offers import find_offer
from panneuro.portal.orders import Order, actor_from_json
from panneuro.portal.runnable import Admission, RunnableLake, Work, hold, named, person_of

GRACE_S = 15.0
"""So long a run may take to clean up after it was interrupted."""

INTERRUPTED = 130
_TOLD_EVERY_S = 0.5

Say = Callable[..., None]


def main() -> int:
    """Carry out the order that standard input holds, and return the exit status."""
    say = _voice()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("panneuro").setLevel(logging.INFO)
    signal.signal(signal.SIGINT, _interrupted)
    try:
        said = json.loads(sys.stdin.readline())
        Thread(target=_end_with_server, daemon=True).start()
        _carry_out(said, say)
    except KeyboardInterrupt:
        return INTERRUPTED
    except PanneuroError as error:
        say("error", code=error.code, message=error.message, hint=error.hint)
        return 1
    return 0


def _voice() -> Say:
    """Return what speaks to the server, and let all that is printed go elsewhere."""
    onward = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    lock = Lock()

    def say(what: str, **more: Any) -> None:
        with lock:
            onward.write(json.dumps({"what": what, **more}) + "\n")

    return say


def _interrupted(*_: object) -> NoReturn:
    """End once: cleaning up is not interrupted again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_server() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_S)
    os._exit(1)


def _carry_out(said: dict[str, Any], say: Say) -> None:
    order = Order.decode(json.dumps(said["order"]))
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
    sys.exit(main())
