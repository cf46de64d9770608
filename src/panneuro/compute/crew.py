"""The driver's side of running: tasks sent to an executor, and those that a dead worker lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)

from panneuro.compute.executors import end_processes
from panneuro.compute.step import Step
from panneuro.compute.work import TRIES, Task, execute
from panneuro.core.errors import PanneuroError
from panneuro.core.run import Run
from panneuro.core.store import Store
from panneuro.lake.runs import Attempt

_SUSPECT = 2


class Crew:
    """Sends tasks to workers, and sends again what was lost with one that died.

    A pool breaks for all that is in flight, whoever's worker died. What was in flight twice is sent
    again alone, one after the other: then it is told who is the culprit.

    Parameters
    ----------
    store : Store
        The lake's.
    make : callable
        Makes an executor; called again when one breaks.
    ahead : int
        How many tasks are sent before the first of them ends.
    step : Step, optional
        Where the work is done in this process: the step, at hand.
    """

    def __init__(
        self, store: Store, make: Callable[[], Executor], ahead: int, step: Step | None = None
    ) -> None:
        self._store = store
        self._make = make
        self._ahead = ahead
        self._at_hand = (step, store) if step else ()
        self._executor = make()
        self._pending: dict[Future[Run], Task] = {}
        self._deaths: Counter[str] = Counter()
        self._deaths_alone: Counter[str] = Counter()

    def results(self, tasks: Iterable[Task]) -> Iterator[Run]:
        """Yield runs as they end."""
        waiting = deque(tasks)
        while waiting or self._pending:
            while waiting and len(self._pending) < self._room(waiting[0]):
                self._send(waiting.popleft())
            alone = len(self._pending) == 1
            ended, _ = wait(self._pending, return_when=FIRST_COMPLETED)
            lost = []
            for future in ended:
                task = self._pending.pop(future)
                try:
                    yield future.result()
                except (BrokenExecutor, CancelledError):
                    lost.append(task)
                except Exception as error:  # noqa: BLE001
                    yield self._failed(task, error)
            if lost:
                lost += self._start_anew()
                yield from self._send_again(lost, waiting, alone=alone)

    def _room(self, following: Task) -> int:
        suspects = [following, *self._pending.values()]
        alone = any(self._deaths[task.run.key] >= _SUSPECT for task in suspects)
        return 1 if alone else self._ahead

    def _send(self, task: Task) -> None:
        try:
            future = self._executor.submit(execute, task, *self._at_hand)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._pending[future] = task

    def _start_anew(self) -> list[Task]:
        """Replace a broken executor, and return all that was in flight."""
        lost = list(self._pending.values())
        self._pending.clear()
        self._executor.shutdown(wait=True)
        self._executor = self._make()
        return lost

    def _send_again(self, lost: list[Task], waiting: deque[Task], *, alone: bool) -> Iterator[Run]:
        """Put lost tasks back, but for one that died often enough with nobody else to blame."""
        for task in lost:
            self._deaths[task.run.key] += 1
            self._deaths_alone[task.run.key] += alone
            if self._deaths_alone[task.run.key] < TRIES:
                waiting.appendleft(task)
            else:
                yield self._failed(task, _died(task))

    def _failed(self, task: Task, error: Exception) -> Run:
        known = (
            error
            if isinstance(error, PanneuroError)
            else PanneuroError(f"{type(error).__name__}: {error}")
        )
        told = {"code": known.code, "message": known.message, "hint": known.hint}
        return Attempt(task.run).record(self._store, status="failed", error=told)

    def close(self) -> None:
        """Give up what is in flight; what was done is done."""
        interrupted = bool(self._pending)
        for future in self._pending:
            future.cancel()
        self._executor.shutdown(wait=not interrupted)
        if interrupted:
            end_processes()


def _died(task: Task) -> PanneuroError:
    return PanneuroError(
        f"the worker died {TRIES} times while running {task.run.step!r} for {task.name!r} alone",
        hint="did it take more memory than there is? fewer --workers leave more to each",
    )
