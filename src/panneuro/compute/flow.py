"""Bringing pipelines up to date: what is due is run, and then what is due because of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from panneuro.compute.crew import crew_of
from panneuro.compute.pipelines import Pipeline, Stage
from panneuro.compute.planning import (
    Plan,
    Planner,
    Skipped,
    Source,
    derived_name,
)
from panneuro.compute.running import Limits, Ran
from panneuro.compute.running import entries as found_by
from panneuro.compute.spending import hold_budgets
from panneuro.compute.work import Task
from panneuro.core.progress import Progress, Silence
from panneuro.core.run import Run
from panneuro.documents.names import slug

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

Node = tuple[int, str]
"""A stage, and the asset that the pipeline began with: empty where it runs once for all."""


@dataclass
class _State:
    """Where a stage is."""

    planner: Planner
    there: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


class Flow:
    """A pipeline over the assets of a lake, as far as it has come.

    Parameters
    ----------
    lake : Lake
        Which.
    pipeline : Pipeline
        Which.
    without : collection of str
        Keys of runs that are to be left alone.
    """

    def __init__(self, lake: Lake, pipeline: Pipeline, without: Collection[str] = ()) -> None:
        self.lake = lake
        self.pipeline = pipeline
        self._without = without
        self._states = [_State(Planner(lake, one.step, one.given)) for one in pipeline.stages]
        self._sources = {one.name: one for one in self._begin()}
        self._results: dict[Node, Source | None] = {}
        self._of_run: dict[str, list[Node]] = defaultdict(list)
        self._after = self._followers()
        self._waiting = self._counts()

    def _begin(self) -> Iterator[Source]:
        """Yield the assets that the pipeline begins with: none that it made itself."""
        own: set[str] = set()
        for one in self.pipeline.stages:
            own |= self.lake.runs.made_by(one.step.name)
        for entry in found_by(self.lake, self.pipeline.on):
            if entry.name not in own:
                yield Source.of(entry)

    def _providers(self, at: int) -> set[int]:
        takes = self.pipeline.stages[at].takes.values()
        found = {self.pipeline.provider(at, signal) for signal in takes}
        return {provider for provider in found if provider is not None}

    def _followers(self) -> Mapping[int, list[int]]:
        """Return, by stage, the stages that take of it."""
        after: dict[int, list[int]] = defaultdict(list)
        for at in range(len(self.pipeline.stages)):
            for provider in self._providers(at):
                after[provider].append(at)
        return after

    def _nodes(self, at: int) -> list[Node]:
        return [(at, "")] if self.pipeline.once(at) else [(at, name) for name in self._sources]

    def _counts(self) -> dict[Node, int]:
        """Return how many results each node still waits for."""
        return {
            node: sum(
                1 if node[1] or self.pipeline.once(provider) else len(self._sources)
                for provider in self._providers(at)
            )
            for at in range(len(self.pipeline.stages))
            for node in self._nodes(at)
        }

    def __len__(self) -> int:
        """Return how many runs are due, or may be because of others."""
        return len(self._of_run) + sum(count > 0 for count in self._waiting.values())

    def start(self) -> list[Task]:
        """Return the runs that are due and wait for nothing."""
        return self._proceed([node for node, count in self._waiting.items() if not count])

    def note(self, run: Run) -> list[Task]:
        """Take notice of a run that ended, and return those that are due because of it."""
        ready: list[Node] = []
        for node in self._of_run.pop(run.key, ()):
            self._states[node[0]].runs.append(run)
            ready += self._settle(node, run.outputs)
        return self._proceed(ready)

    def _proceed(self, ready: list[Node]) -> list[Task]:
        tasks = []
        while ready:
            node = ready.pop()
            state = self._states[node[0]]
            task = self._task(node)
            if isinstance(task, Task) and task.run.key in self._without:
                task = Skipped(node[1] or self.pipeline.name, "it failed before")
            made = state.planner.made(task) if isinstance(task, Task) else {}
            if isinstance(task, Skipped):
                state.skipped.append(task)
                ready += self._settle(node, {})
            elif made is not None:
                state.there |= made
                ready += self._settle(node, made)
            else:
                if task.run.key not in self._of_run:
                    state.tasks.append(task)
                    tasks.append(task)
                self._of_run[task.run.key].append(node)
        return tasks

    def _settle(self, node: Node, made: Mapping[str, str]) -> list[Node]:
        """Note what a node made, if anything, and return the nodes that wait no more."""
        gives = self.pipeline.stages[node[0]].step.gives
        self._results[node] = next((Source(*pair, gives) for pair in made.items()), None)
        ready = []
        for at in self._after[node[0]]:
            follower = (at, "" if self.pipeline.once(at) else node[1])
            self._waiting[follower] -= 1
            if not self._waiting[follower]:
                ready.append(follower)
        return ready

    def _task(self, node: Node) -> Task | Skipped:
        at, origin = node
        one, planner = self.pipeline.stages[at], self._states[at].planner
        sources: dict[str, dict[str, Source]] = {}
        for slot, signal in one.takes.items():
            provider = self.pipeline.provider(at, signal)
            found = self._found(provider, origin)
            if not origin:
                found = [source for source in found if source.meant(signal)]
            if not found:
                before = self.pipeline.stages[provider].label if provider is not None else "nothing"
                return Skipped(origin or self.pipeline.name, f"{before} gave it no {signal!r}")
            sources[slot] = {source.name: source for source in found}
        return planner.task(self._name(one, origin, sources), sources)

    def _found(self, provider: int | None, origin: str) -> list[Source]:
        """Return what a stage gave, or the asset itself: for one asset, or for all."""
        if provider is None:
            return [self._sources[origin]] if origin else list(self._sources.values())
        origins = [""] if self.pipeline.once(provider) else [origin] if origin else self._sources
        found = [self._results[provider, one] for one in origins]
        return [one for one in found if one is not None]

    def _name(self, one: Stage, origin: str, sources: Mapping[str, Mapping[str, Source]]) -> str:
        if not origin:
            return slug(f"{self.pipeline.name}.{one.label}")
        first = next(iter(sources.values()))
        return derived_name(next(iter(first)), one.label)

    def plans(self) -> list[Plan]:
        """Return, by stage, what is there, what is due, and what cannot be taken."""
        return [
            state.planner.planned(state.tasks, state.there, state.skipped) for state in self._states
        ]

    def ran(self) -> list[Ran]:
        """Return, by stage, what was run."""
        pairs = zip(self.plans(), self._states, strict=True)
        return [Ran(plan, tuple(state.runs)) for plan, state in pairs]

    def waiting_for(self) -> dict[str, int]:
        """Return, by stage, how many runs cannot be known before others are done."""
        counts: dict[str, int] = defaultdict(int)
        for (at, _), count in self._waiting.items():
            counts[self.pipeline.stages[at].label] += count > 0
        return {label: count for label, count in counts.items() if count}


def up(
    lake: Lake,
    pipelines: Pipeline | Iterable[Pipeline],
    *,
    executor: str | None = None,
    workers: int | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    without: Collection[str] = (),
) -> dict[str, list[Ran]]:
    """Bring pipelines up to date: run what is missing or stale, and nothing else.

    Parameters
    ----------
    lake : Lake
        Where.
    pipelines : Pipeline or iterable of Pipeline
        Which.
    executor, workers, limits, progress
        As for `panneuro.compute.running.run`; limits hold for what is due at the start.
    without : collection of str
        Keys of runs that are to be left alone: they failed before.

    Returns
    -------
    dict of str to list of Ran
        By pipeline, what each of its stages did.
    """
    chosen = [pipelines] if isinstance(pipelines, Pipeline) else list(pipelines)
    ran = {}
    for pipeline in chosen:
        flow = Flow(lake, pipeline, without)
        due = flow.start()
        for plan in flow.plans():
            (limits or Limits()).hold(plan)
        hold_budgets(lake, flow.plans())
        _carry_out(lake, flow, due, executor, workers, progress or Silence())
        ran[pipeline.name] = flow.ran()
    return ran


def _carry_out(
    lake: Lake,
    flow: Flow,
    due: list[Task],
    executor: str | None,
    workers: int | None,
    progress: Progress,
) -> None:
    if not due:
        return
    steps = [one.step for one in flow.pipeline.stages]
    with crew_of(lake, steps, executor, workers) as crew:
        progress.start(flow.pipeline.name, len(flow), "runs")
        crew.add(due)
        for run in crew.results():
            progress.advance(1)
            crew.add(flow.note(run))
