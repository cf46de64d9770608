"""What a visitor may have run, on what: planned with what they see, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from panneuro.compute.flow import Flow
from panneuro.compute.pipelines import Pipeline
from panneuro.compute.planning import Given, Plan, Skipped
from panneuro.compute.running import Limits, plan
from panneuro.compute.spending import hold_budgets
from panneuro.compute.work import Task
from panneuro.core.conditions import Match
from panneuro.core.digests import digest_json
from panneuro.core.errors import LimitError
from panneuro.core.manifest import Manifest
from panneuro.core.query import EVERYTHING, NOTHING, Query
from panneuro.core.run import Run
from panneuro.documents.slots import RunReference
from panneuro.lake.acting import LakeFor
from panneuro.lake.asset import Asset
from panneuro.lake.deriving import inherited
from panneuro.lake.entries import entry_of
from panneuro.lake.lake import Lake
from panneuro.lake.runs import user
from panneuro.lake.scoping import Within
from panneuro.portal.offers import STEP, Offer
from panneuro.portal.seeing import is_visible

MOST_INPUTS = 1_000
"""Assets that one request may run on; more are for the command line."""

_AT_ONCE = 16
_NOT_THEIRS = "you may not run steps on it"


class RunnableLake(Lake):
    """A lake in which somebody's runs are planned: it finds what they may run steps on.

    Parameters
    ----------
    seen : LakeFor
        The lake as they see it.
    whole : Lake
        All of it.
    """

    def __init__(self, seen: LakeFor, whole: Lake) -> None:
        super().__init__(whole.store, whole.settings)
        self.index = Within(whole.index, lambda: seen.allowed("find") & seen.allowed("run"))
        self.catalog = whole.catalog
        self.ledger = whole.ledger
        self.runs = cast(Any, _SeenRuns(whole.runs, seen))


class _SeenRuns:
    """Runs, of which nothing is learnt but from those that somebody may see."""

    def __init__(self, whole: Any, seen: LakeFor) -> None:
        self._whole = whole
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def find(self, **asked: Any) -> list[Run]:
        return [run for run in self._whole.find(**asked) if is_visible(self._seen, run)]


class Work:
    """What is due of a step or a pipeline, and what becomes due as runs end.

    Parameters
    ----------
    lake : Lake
        Where.
    offer : Offer
        The step or the pipeline.
    on : Query
        What to run it on.
    given : Given
        Parameters, seed, signals and label; of a pipeline its own hold.

    Attributes
    ----------
    plans : list of Plan
        What would be done, by stage.
    due : list of Task
        What waits for nothing.
    """

    def __init__(self, lake: Lake, offer: Offer, on: Query, given: Given) -> None:
        self._flow: Flow | None = None
        if offer.kind == STEP:
            planned = plan(lake, offer.stages[0].step, on, given)
            self.plans, self.due = [planned], list(planned.tasks)
        else:
            self._flow = Flow(lake, Pipeline(offer.name, on=on, steps=offer.stages))
            self.due = self._flow.start()
            self.plans = self._flow.plans()
        self._left = len(self.due)

    def __len__(self) -> int:
        """Return how many runs are left to do, as far as they are known."""
        return self._left if self._flow is None else len(self._flow)

    @property
    def waiting(self) -> Mapping[str, int]:
        """By stage, how many runs cannot be known before others are done."""
        return self._flow.waiting_for() if self._flow else {}

    def follow(self, run: Run) -> list[Task]:
        """Return what is due because of a run that ended."""
        self._left -= 1
        return self._flow.note(run) if self._flow else []


@dataclass(frozen=True)
class Chosen:
    """What somebody asks to be run, found and planned with what they may see.

    Parameters
    ----------
    offer : Offer
        The step or the pipeline.
    names : tuple of str
        Of the assets that it would be run on, sorted.
    not_theirs : tuple of str
        Of those that they see, and may not run steps on.
    work : Work
        What would be done.
    admitted : tuple of Task
        Runs that would be done now.
    refused : tuple of Skipped
        Runs that would not, and why.
    """

    offer: Offer
    names: tuple[str, ...]
    not_theirs: tuple[str, ...]
    work: Work
    admitted: tuple[Task, ...]
    refused: tuple[Skipped, ...]

    @property
    def digest(self) -> str:
        """Changes whenever what would be run does."""
        return digest_json([self.offer.name, sorted(task.run.key for task in self.admitted)])


def choose(seen: LakeFor, whole: Lake, offer: Offer, on: Query, given: Given) -> Chosen:
    """Find and plan what somebody asks for.

    Raises
    ------
    LimitError
        If the search finds too much for one request.
    """
    page = seen.index.find(on, limit=MOST_INPUTS + 1, sort="name")
    visible = [entry.name for entry in page.entries]
    if len(visible) > MOST_INPUTS:
        raise LimitError(
            f"running {offer.name!r}: the search finds more than {MOST_INPUTS:,} assets",
            hint="a narrower search, or panneuro run on the command line",
        )
    lake = RunnableLake(seen, whole)
    names = tuple(name for name in visible if lake.index.get(name) is not None)
    work = Work(lake, offer, named(names), given)
    admitted, refused = Admission(seen, whole).judged(work.due)
    theirs = set(names)
    not_theirs = tuple(name for name in visible if name not in theirs)
    return Chosen(offer, names, not_theirs, work, tuple(admitted), tuple(refused))


def named(names: Iterable[str]) -> Query:
    """Return the query that finds the assets of some names; of none, nothing."""
    values = tuple((name,) for name in names)
    return Query((Match("name", "=", values),)) if values else NOTHING


def may_all(seen: LakeFor, whole: Lake, verb: str, names: Sequence[str]) -> bool:
    """Tell whether somebody may do something with every one of some assets."""
    names = sorted(set(names))
    scope = seen.allowed("find") & seen.allowed(verb)
    return not names or whole.index.count(named(names) & scope) == len(names)


def hold(lake: Lake, plans: Iterable[Plan], limits: Limits, person: str) -> None:
    """Refuse plans that pass a limit, or for which a budget has no money.

    Raises
    ------
    LimitError, BudgetExceededError
        Saying which, by how much.
    """
    plans = list(plans)
    for one in plans:
        limits.hold(one)
    hold_budgets(lake, plans, person)


class Admission:
    """Tells which runs are to be done for somebody: asked again for each, when it is due.

    Parameters
    ----------
    seen : LakeFor
        The lake as they see it.
    whole : Lake
        All of it.
    """

    def __init__(self, seen: LakeFor, whole: Lake) -> None:
        self._seen = seen
        self._whole = whole
        self._made: set[str] = set()

    def note(self, run: Run) -> None:
        """Take notice of what was made here, which later runs may take."""
        self._made |= run.outputs.keys()

    def judged(self, tasks: Sequence[Task]) -> tuple[list[Task], list[Skipped]]:
        """Return the runs that are to be done, in the name of who asks, and those that are not."""
        with ThreadPoolExecutor(_AT_ONCE, "panneuro-admission") as threads:
            verdicts = list(zip(tasks, threads.map(self._why_not, tasks), strict=True))
        user = person_of(self._seen)
        admitted = [
            replace(one, run=replace(one.run, user=user)) for one, why in verdicts if not why
        ]
        return admitted, [Skipped(one.name, why) for one, why in verdicts if why]

    def _why_not(self, task: Task) -> str:
        """Return why a run is not to be done; empty where it is."""
        if self._seen.actor.is_local:
            return ""
        inputs = {name for name in task.run.input_names if name not in self._made}
        if not may_all(self._seen, self._whole, "run", sorted(inputs)):
            return _NOT_THEIRS
        taken = self._whole.index.count(named([task.name]))
        if taken and task.name not in self._made and not self._seen.may("edit", task.name):
            return "that name is taken"
        scope = self._seen.allowed("add")
        if scope != EVERYTHING and not scope.matches(entry_of(self._draft(task))):
            return "you may not add what it would make"
        return ""

    def _draft(self, task: Task) -> Manifest:
        """Return what a run would commit, as far as it follows from what it takes."""
        run, store = task.run, self._whole.store
        parents = {
            name: Asset.open(store, name, version).documents
            for slot in run.inputs.values()
            for name, version in slot.items()
        }
        reference = RunReference(
            key=run.key, step=run.step, code=run.code, parameters=dict(run.parameters)
        )
        return Manifest(
            name=task.name,
            version=run.key[:12],
            created=datetime.now(UTC).isoformat(),
            parent="",
            format="",
            documents=inherited(task.name, parents, reference).to_dict(),
            signals=(),
            files=(),
            sources=(),
        )


def person_of(seen: LakeFor) -> str:
    """Return by which name a run tells who asked for it."""
    actor = seen.actor
    return user() if actor.is_local else actor.principal.partition(":")[2] or actor.principal
