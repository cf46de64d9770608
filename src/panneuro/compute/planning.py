"""What a step would do to a lake: what is there, what is to be run and why, at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from panneuro.access.prices import PriceBook
from panneuro.compute.needs import LEARNT_FROM
from panneuro.compute.reasons import differences
from panneuro.compute.step import ASSET, SEED, Step
from panneuro.compute.work import Task
from panneuro.core.digests import digest_json
from panneuro.core.entry import Entry
from panneuro.core.errors import InputError
from panneuro.core.run import Run, run_key
from panneuro.documents.names import parse_name, slug

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Skipped:
    """An asset that a step cannot take.

    Parameters
    ----------
    name : str
        Of the asset.
    why : str
        In words.
    """

    name: str
    why: str


@dataclass(frozen=True)
class Projection:
    """What runs would need, as far as past runs of the step tell.

    Parameters
    ----------
    runs : int
        How many.
    learnt_from : int
        Of how many past runs; 0 where nothing is known but what the step declares.
    input_bytes : int
        Size of the inputs.
    memory_bytes : int, optional
        The most that one run would hold.
    written_bytes : int, optional
        What all would put into the store.
    core_seconds : float, optional
        Of all.
    cost : Decimal, optional
        Of these and of GPUs, in `currency`.
    """

    runs: int
    learnt_from: int
    input_bytes: int
    memory_bytes: int | None = None
    written_bytes: int | None = None
    core_seconds: float | None = None
    cost: Decimal | None = None
    currency: str = "USD"


@dataclass(frozen=True)
class Plan:
    """What a step would do.

    Parameters
    ----------
    step : Step
        Which.
    tasks : tuple of Task
        Runs that are to be done.
    reasons : mapping
        By the name of an asset that would be made, why: empty if it is new.
    there : mapping
        By name, the version of each asset that is there already.
    skipped : tuple of Skipped
        What cannot be taken.
    projected : Projection
        What it would need.
    """

    step: Step
    tasks: tuple[Task, ...]
    reasons: Mapping[str, tuple[str, ...]]
    there: Mapping[str, str]
    skipped: tuple[Skipped, ...]
    projected: Projection = field(default_factory=lambda: Projection(0, 0, 0))

    def __repr__(self) -> str:
        return (
            f"<Plan {self.step.name}: {len(self.tasks)} to run, {len(self.there)} there, "
            f"{len(self.skipped)} skipped>"
        )


@dataclass(frozen=True)
class Given:
    """What a person says of a run.

    Parameters
    ----------
    parameters : mapping
        Of the step.
    seed : int
        Of random numbers, where the step asks for one.
    takes : mapping
        By parameter, the signal to take instead of what the step says.
    label : str
        Names what is made, instead of the step's name.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    takes: Mapping[str, str] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """An asset that a step may take.

    Parameters
    ----------
    name, version : str
        Of the asset.
    has : tuple of str
        Names of what can be taken from it, and words for it.
    size_bytes : int
        How much that is.
    words : mapping of str to list of str
        By such a word, the names of what it stands for: ``lfp`` for a probe's low band.
    """

    name: str
    version: str
    has: tuple[str, ...]
    size_bytes: int = 0
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Entry) -> Source:
        """Return what the index knows of an asset."""
        has, size = entry.fields.get("has", ()), entry.fields.get("size_bytes", 0)
        return cls(
            entry.name,
            entry.version,
            has if isinstance(has, tuple) else (),
            int(size) if isinstance(size, int | float) else 0,
            (entry.doc or {}).get("words", {}),
        )

    def meant(self, wanted: str) -> Sequence[str]:
        """Return the names that are meant by one, by a pattern, or else by a word.

        Examples
        --------
        >>> probe = Source("a", "1", ("ap", "lf", "lfp"), words={"lfp": ["lf"]})
        >>> probe.meant("lfp"), probe.meant("l*"), probe.meant("eeg")
        (['lf'], ['lf'], [])
        """
        if wanted in self.words:
            return self.words[wanted]
        if wanted in self.has:
            return [wanted]
        return matching([name for name in self.has if name not in self.words], wanted)


Sources = Mapping[str, Mapping[str, Source]]
"""For one run: by slot, the assets it takes, by name."""


class Planner:
    """Plans the runs of one step with one set of parameters.

    Parameters
    ----------
    lake : Lake
        Where.
    step : Step
        Which.
    given : Given
        With what.
    """

    def __init__(self, lake: Lake, step: Step, given: Given) -> None:
        unknown = set(given.takes) - set(step.takes)
        if unknown:
            raise InputError(
                f"step {step.name!r} takes no {sorted(unknown)[0]!r}",
                hint=f"it takes: {', '.join(step.takes)}",
            )
        self.lake = lake
        self.step = step
        self.label = given.label or step.name
        self.environment = digest_json(step.packages)
        self.parameters = step.validated(given.parameters).model_dump(mode="json")
        self.seed = given.seed if SEED in step.asks else None
        self._takes = step.takes | dict(given.takes)
        self._prices = PriceBook.from_table(lake.settings.prices)
        self._outputs = lake.runs.outputs(step.name)

    def plan(self, work: Iterable[tuple[str, Sources]]) -> Plan:
        """Return what is to be done.

        Parameters
        ----------
        work : iterable of str and mapping
            For each run, the name of what it makes and its sources by slot.
        """
        tasks: list[Task] = []
        there: dict[str, str] = {}
        skipped: list[Skipped] = []
        for name, sources in work:
            found = self.task(name, sources)
            if isinstance(found, Skipped):
                skipped.append(found)
            elif (made := self.made(found)) is not None:
                there |= made
            else:
                tasks.append(found)
        return self.planned(tasks, there, skipped)

    def planned(
        self, tasks: Sequence[Task], there: Mapping[str, str], skipped: Sequence[Skipped]
    ) -> Plan:
        """Return a plan of runs that are known to be due, with why and what they would need."""
        reasons = {task.name: self.why(task) for task in tasks}
        projected = self._project(tasks)
        return Plan(self.step, tuple(tasks), reasons, there, tuple(skipped), projected)

    def made(self, task: Task) -> Mapping[str, str] | None:
        """Return what a run made, if it was done before and the lake still has it."""
        made = self._outputs.get(task.run.key)
        held = made is not None and all(self.lake.index.get(*one) for one in made.items())
        return made if held else None

    def why(self, task: Task) -> tuple[str, ...]:
        """Return why a run is due although an asset of its name is there; empty if none is."""
        before = self._latest.get(task.name)
        return differences(before, task.run) if before else ()

    @cached_property
    def _latest(self) -> Mapping[str, Run]:
        return self.lake.runs.latest(self.step.name)

    def task(self, name: str, sources: Sources) -> Task | Skipped:
        """Return the run that makes an asset of some sources, or why there is none."""
        takes = {}
        for slot, ones in sources.items():
            for one in ones.values():
                found = _signal(one, self._takes[slot])
                if isinstance(found, Skipped):
                    return found
                takes[slot] = found
        inputs = {slot: {e.name: e.version for e in one.values()} for slot, one in sources.items()}
        sizes = {e.name: e.size_bytes for one in sources.values() for e in one.values()}
        run = self._run(takes, inputs, sum(sizes.values()))
        return Task(self.lake.store.url, run, name, self.lake.settings.prices)

    def _run(
        self, takes: Mapping[str, str], inputs: Mapping[str, Mapping[str, str]], size: int
    ) -> Run:
        step = self.step
        key = run_key(
            step.name,
            code=step.code.digest,
            environment=self.environment,
            parameters=self.parameters,
            seed=self.seed,
            takes=takes,
            inputs=inputs,
        )
        return Run(
            key=key,
            step=step.name,
            parameters=self.parameters,
            inputs=inputs,
            reference=step.reference,
            code=step.code.digest,
            environment=self.environment,
            packages=step.packages,
            seed=self.seed,
            takes=takes,
            tolerance=step.tolerance,
            gpus=step.resources.gpus,
            input_bytes=size,
        )

    def _project(self, tasks: Sequence[Task]) -> Projection:
        size = sum(task.run.input_bytes for task in tasks)
        past = self.lake.runs.find(step=self.step.name, status="done", limit=LEARNT_FROM)
        declared = self.step.resources.memory_bytes
        if not (past and tasks):
            return Projection(len(tasks), 0, size, declared, currency=self._prices.currency)
        seen = sum(run.input_bytes for run in past)
        # What grows with the inputs is scaled by them, where their sizes are known.
        scale = size / seen if seen else len(tasks) / len(past)
        core_seconds = scale * sum(run.core_seconds for run in past)
        gpu_seconds = scale * sum(run.gpu_seconds for run in past)
        return Projection(
            runs=len(tasks),
            learnt_from=len(past),
            input_bytes=size,
            memory_bytes=max([declared or 0, *(run.peak_memory_bytes for run in past)]),
            written_bytes=round(scale * sum(run.bytes_written for run in past)),
            core_seconds=core_seconds,
            cost=self._prices.cost_of_computing(core_seconds, gpu_seconds),
            currency=self._prices.currency,
        )


def each(
    lake: Lake, step: Step, entries: Iterable[Entry], label: str
) -> Iterator[tuple[str, Sources]]:
    """Yield the runs of a step over assets: one for each, or one for all if it gathers.

    What the step itself made is passed over.
    """
    own = lake.runs.made_by(step.name)
    taken = [Source.of(entry) for entry in entries if entry.name not in own]
    if not step.gathers:
        for one in taken:
            yield derived_name(one.name, label), {slot: {one.name: one} for slot in step.takes}
        return
    able = [one for one in taken if all(_has(one, signal) for signal in step.takes.values())]
    if able:
        named = {one.name: one for one in able}
        yield slug(label), dict.fromkeys(step.takes, named)


def derived_name(source: str, process: str) -> str:
    """Return the name of what a process makes of an asset.

    The same inputs give the same name, whenever: what tells two makings apart is their version.

    Examples
    --------
    >>> derived_name("ecephys_m1_2026-03-02_09-30-00", "sort")
    'ecephys_m1_2026-03-02_09-30-00_sort'
    >>> derived_name("ecephys_m1_2026-03-02_09-30-00_sort", "tune")
    'ecephys_m1_2026-03-02_09-30-00_sort.tune'
    """
    joint = "." if parse_name(source).process else "_"
    name = f"{source}{joint}{slug(process)}"
    return (
        name if len(name) <= _LONGEST_NAME else f"{source[:150]}_{slug(name)[-6:]}.{slug(process)}"
    )


def _has(source: Source, signal: str) -> bool:
    return not isinstance(_signal(source, signal), Skipped)


def _signal(source: Source, wanted: str) -> str | Skipped:
    """Return the one signal of an asset that is meant."""
    if wanted == ASSET:
        return wanted
    found = source.meant(wanted)
    if len(found) == 1:
        return found[0]
    if found:
        told = f"{len(found)} signals match {wanted!r}: {', '.join(found)}"
        return Skipped(source.name, f"{told}; --take chooses one")
    return Skipped(source.name, f"it has no {wanted!r}")


def matching(names: Iterable[str], wanted: str) -> list[str]:
    """Return the names that are meant by one, which may be a pattern."""
    return [name for name in names if name == wanted or fnmatchcase(name, wanted)]
