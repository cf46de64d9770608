"""The driver's side of running: tasks sent to an executor, and those that a dead worker lost."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from contextlib import contextmanager
from typing import Any

from panneuro.compute.executors import (
    INLINE,
    PROCESSES,
    Asked,
    end_processes,
    kind_of,
    opened,
    workers_of,
)
from panneuro.compute.needs import need_of
from panneuro.compute.step import Step
from panneuro.compute.texts import keep_texts
from panneuro.compute.work import TRIES, Task, execute
from panneuro.core.errors import InputError, PanneuroError
from panneuro.core.run import Run
from panneuro.core.store import Store
from panneuro.lake.lake import Lake
from panneuro.lake.runs import Attempt
from panneuro.storage.stores import probe

_SUSPECT = 2
_AHEAD = 2
_AHEAD_ON_DASK = 500
_LEARN_AT, _LEARN_EVERY_S = 64, 2.0


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
    steps : mapping, optional
        Where the work is done in this process: the steps at hand, by their references.
    asked : mapping, optional
        What the executor is asked for a step, by its reference.
    on : {"inline", "processes", "dask"}
        Of what kind the executors are.
    """

    def __init__(
        self,
        store: Store,
        make: Callable[[], Executor],
        ahead: int,
        steps: Mapping[str, Step] | None = None,
        asked: Asked | None = None,
        on: str = INLINE,
    ) -> None:
        self._store = store
        self._make = make
        self._ahead = ahead
        self._steps = steps
        self._asked = asked or {}
        self._on = on
        self._executor = make()
        self._waiting: deque[Task] = deque()
        self._pending: dict[Future[Run], Task] = {}
        self._deaths: Counter[str] = Counter()
        self._deaths_alone: Counter[str] = Counter()

    def add(self, tasks: Iterable[Task]) -> None:
        """Line up work; also while results are being taken."""
        self._waiting.extend(tasks)

    def results(self) -> Iterator[Run]:
        """Yield runs as they end, until nothing is left to do."""
        while self._waiting or self._pending:
            while self._waiting and len(self._pending) < self._room(self._waiting[0]):
                self._send(self._waiting.popleft())
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
                yield from self._send_again(lost, alone=alone)

    def _room(self, following: Task) -> int:
        suspects = [following, *self._pending.values()]
        alone = any(self._deaths[task.run.key] >= _SUSPECT for task in suspects)
        return 1 if alone else self._ahead

    def _send(self, task: Task) -> None:
        try:
            reference = task.run.reference
            at_hand = (self._steps[reference], self._store) if self._steps else ()
            asked: dict[str, Any] = {"on": self._on, **self._asked.get(reference, {})}
            future = self._executor.submit(execute, task, *at_hand, **asked)
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

    def _send_again(self, lost: list[Task], *, alone: bool) -> Iterator[Run]:
        """Put lost tasks back, but for one that died often enough with nobody else to blame."""
        for task in lost:
            self._deaths[task.run.key] += 1
            self._deaths_alone[task.run.key] += alone
            if self._deaths_alone[task.run.key] < TRIES:
                self._waiting.appendleft(task)
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


@contextmanager
def crew_of(
    lake: Lake, steps: Iterable[Step], executor: str | None, workers: int | None
) -> Iterator[LearningCrew]:
    """Give workers for some steps, and let the lake learn what they do.

    Parameters
    ----------
    lake : Lake
        Where.
    steps : iterable of Step
        Which may be asked for.
    executor, workers
        What is asked for; ``lake.toml`` says otherwise.

    Raises
    ------
    InputError
        If the steps or the lake cannot be reached from other processes.
    UnsafeStoreError
        If what is committed there could be lost.
    LimitError
        If no worker has what a step needs.
    """
    settings, known = lake.settings.compute, {step.reference: step for step in steps}
    needs = [need_of(lake, step) for step in known.values()]
    kind, count = kind_of(settings, executor), workers_of(settings, workers, needs)
    probe(lake.store)
    for step in known.values():
        _refuse_what_cannot_travel(lake, step, kind)
        keep_texts(lake.store, step)
    with opened(kind, settings, count, needs) as (make, asked):
        many = max(_AHEAD_ON_DASK, _AHEAD * count)
        ahead = {INLINE: 1, PROCESSES: _AHEAD * count}.get(kind, many)
        crew = Crew(lake.store, make, ahead, known if kind == INLINE else None, asked, kind)
        learning = LearningCrew(crew, lake)
        try:
            yield learning
        finally:
            crew.close()
            learning.finish()


def _refuse_what_cannot_travel(lake: Lake, step: Step, kind: str) -> None:
    if kind == INLINE:
        return
    if lake.store.url.startswith("memory://"):
        raise InputError(
            f"the lake at {lake.store.url!r} is in the memory of this process alone",
            hint="--executor inline",
        )
    if not step.is_found:
        raise InputError(
            f"step {step.name!r} is written where other processes cannot find it",
            hint="write it in a file, and name it path/to/file.py:function",
        )


class LearningCrew:
    """A crew of whose runs the lake's indexes are told, many at a time.

    Parameters
    ----------
    crew : Crew
        That does the work.
    lake : Lake
        That learns.
    """

    def __init__(self, crew: Crew, lake: Lake) -> None:
        self._crew = crew
        self._lake = lake
        self._runs: list[Run] = []
        self._last = time.monotonic()

    def add(self, tasks: Iterable[Task]) -> None:
        """Line up work; also while results are being taken."""
        self._crew.add(tasks)

    def results(self) -> Iterator[Run]:
        """Yield runs as they end, until nothing is left to do."""
        for run in self._crew.results():
            self._runs.append(run)
            now = time.monotonic()
            if len(self._runs) >= _LEARN_AT or now - self._last > _LEARN_EVERY_S:
                self._tell()
                self._last = now
            yield run

    def _tell(self) -> None:
        self._lake.learn(self._runs)
        self._runs = []

    def finish(self) -> None:
        """Tell the rest, and let others know by a snapshot."""
        self._tell()
        self._lake.publish()
