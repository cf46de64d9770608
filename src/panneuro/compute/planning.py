"""What a step would do to a lake: what is there, what is to be run and why, at what cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from panneuro.access.prices import PriceBook
from panneuro.compute.packages import everything, reached
from panneuro.compute.step import ASSET, SEED, Step
from panneuro.compute.work import Task
from panneuro.core.digests import canonical_json, digest_json
from panneuro.core.entry import Entry
from panneuro.core.errors import InputError, ObjectExistsError, ObjectNotFoundError
from panneuro.core.run import Run, run_key
from panneuro.core.store import Store
from panneuro.documents.names import parse_name, slug

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake

CODE, ENVIRONMENTS = "runs/code", "runs/environments"
"""Where the texts and the packages of runs lie, by digest."""

_LONGEST_NAME = 200
_LEARNT_FROM = 50


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
        Of these, in `currency`.
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


Sources = Mapping[str, Mapping[str, Entry]]
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
        self.packages = reached(step.code.imports)
        self.environment = digest_json(self.packages)
        self.parameters = step.validated(given.parameters).model_dump(mode="json")
        self.seed = given.seed if SEED in step.asks else None
        self._takes = step.takes | dict(given.takes)
        self._prices = PriceBook.from_table(lake.settings.prices)
        self._outputs = lake.runs.outputs(step.name)

    def plan(self, work: Iterable[tuple[str, Sources]], skipped: Sequence[Skipped] = ()) -> Plan:
        """Return what is to be done.

        Parameters
        ----------
        work : iterable of str and mapping
            For each run, the name of what it makes and its sources by slot.
        skipped : sequence of Skipped
            What was left out before.
        """
        tasks: list[Task] = []
        there: dict[str, str] = {}
        left_out = list(skipped)
        for name, sources in work:
            found = self._task(name, sources)
            if isinstance(found, Skipped):
                left_out.append(found)
            elif found.run.key in self._outputs:
                there |= self._outputs[found.run.key]
            else:
                tasks.append(found)
        before = self.lake.runs.latest(self.step.name) if tasks else {}
        reasons = {
            task.name: differences(before[task.name], task.run) if task.name in before else ()
            for task in tasks
        }
        return Plan(self.step, tuple(tasks), reasons, there, tuple(left_out), self._project(tasks))

    def _task(self, name: str, sources: Sources) -> Task | Skipped:
        takes = {}
        for slot, entries in sources.items():
            for entry in entries.values():
                found = _signal(entry, self._takes[slot])
                if isinstance(found, Skipped):
                    return found
                takes[slot] = found
        inputs = {slot: {e.name: e.version for e in one.values()} for slot, one in sources.items()}
        sizes = {e.name: _size(e) for one in sources.values() for e in one.values()}
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
            packages=self.packages,
            seed=self.seed,
            takes=takes,
            tolerance=step.tolerance,
            input_bytes=size,
        )

    def _project(self, tasks: Sequence[Task]) -> Projection:
        size = sum(task.run.input_bytes for task in tasks)
        past = self.lake.runs.find(step=self.step.name, status="done", limit=_LEARNT_FROM)
        declared = self.step.resources.memory_bytes
        if not (past and tasks):
            return Projection(len(tasks), 0, size, declared, currency=self._prices.currency)
        seen = sum(run.input_bytes for run in past)
        # What grows with the inputs is scaled by them, where their sizes are known.
        scale = size / seen if seen else len(tasks) / len(past)
        core_seconds = scale * sum(run.core_seconds for run in past)
        return Projection(
            runs=len(tasks),
            learnt_from=len(past),
            input_bytes=size,
            memory_bytes=max([declared or 0, *(run.peak_memory_bytes for run in past)]),
            written_bytes=round(scale * sum(run.bytes_written for run in past)),
            core_seconds=core_seconds,
            cost=self._prices.cost_of_cores(core_seconds),
            currency=self._prices.currency,
        )


def keep_texts(store: Store, step: Step) -> None:
    """Put a step's code and environment into the lake, where a repetition finds them."""
    code, packages = step.code, reached(step.code.imports)
    _put_once(store, code_key(code.digest), lambda: {"sources": code.sources})
    key = environment_key(digest_json(packages))
    _put_once(store, key, lambda: {"reached": packages, **everything()})


def code_key(digest: str) -> str:
    """Return where the texts of a code lie in the lake."""
    return f"{CODE}/{digest.partition(':')[2]}.json"


def environment_key(digest: str) -> str:
    """Return where it is told what an environment was in full, the first time it was met."""
    return f"{ENVIRONMENTS}/{digest.partition(':')[2]}.json"


def _put_once(store: Store, key: str, said: Callable[[], Mapping[str, Any]]) -> None:
    try:
        store.info(key)
    except ObjectNotFoundError:
        with suppress(ObjectExistsError):
            store.put(key, canonical_json(said()), create=True)


def each(
    lake: Lake, step: Step, entries: Iterable[Entry], label: str
) -> Iterator[tuple[str, Sources]]:
    """Yield the runs of a step over assets: one for each, or one for all if it gathers.

    What the step itself made is passed over.
    """
    own = set(lake.runs.latest(step.name))
    taken = [entry for entry in entries if entry.name not in own]
    if not step.gathers:
        for entry in taken:
            yield (
                derived_name(entry.name, label),
                {slot: {entry.name: entry} for slot in step.takes},
            )
    elif taken:
        able = [e for e in taken if all(_has(e, signal) for signal in step.takes.values())]
        named = {entry.name: entry for entry in able}
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


def differences(before: Run, now: Run) -> tuple[str, ...]:
    """Return in words what differs between what was run and what would be.

    Examples
    --------
    >>> before = Run("0a", "tune", {"window_s": 0.25}, {"units": {"m1": "1"}})
    >>> differences(before, Run("0b", "tune", {"window_s": 0.5}, {"units": {"m1": "1"}}))
    ('parameter window_s 0.25 → 0.5',)
    """
    found = [
        *_changes("parameter ", before.parameters, now.parameters),
        *_changes("", {"seed": before.seed}, {"seed": now.seed}),
        *_changes("signal for ", before.takes, now.takes),
        *_changes("package ", before.packages, now.packages),
    ]
    old = {name: version for slot in before.inputs.values() for name, version in slot.items()}
    new = {name: version for slot in now.inputs.values() for name, version in slot.items()}
    found += _changes("input ", old, new)
    if before.code != now.code:
        found.append(f"code of {now.step}")
    return tuple(found)


def _changes(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{kind}{name} {_shown(before.get(name))} → {_shown(now.get(name))}"


def _shown(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else repr(value)


def _has(entry: Entry, signal: str) -> bool:
    return not isinstance(_signal(entry, signal), Skipped)


def _signal(entry: Entry, wanted: str) -> str | Skipped:
    """Return the one signal of an asset that is meant."""
    names = _names(entry)
    if wanted == ASSET or wanted in names:
        return wanted
    if re.search(r"[*?\[]", wanted):
        found = [name for name in names if fnmatchcase(name, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            return Skipped(entry.name, f"{len(found)} signals match {wanted!r}: {', '.join(found)}")
    return Skipped(entry.name, f"it has no {wanted!r}")


def _names(entry: Entry) -> tuple[str, ...]:
    has = entry.fields.get("has", ())
    return has if isinstance(has, tuple) else ()


def _size(entry: Entry) -> int:
    size = entry.fields.get("size_bytes", 0)
    return int(size) if isinstance(size, int | float) else 0
