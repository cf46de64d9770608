"""Running a step over assets: planned, refused above a limit, carried out, learnt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from panneuro.compute.crew import crew_of
from panneuro.compute.planning import Given, Plan, Planner, Skipped, each
from panneuro.compute.spending import hold_budgets
from panneuro.compute.step import Step, find_step
from panneuro.core.errors import LimitError
from panneuro.core.progress import Progress, Silence
from panneuro.core.query import Query
from panneuro.core.run import Run
from panneuro.lake.asset import Asset
from panneuro.lake.entries import entry_of
from panneuro.lake.finding import Found
from panneuro.lake.lake import Lake

if TYPE_CHECKING:
    from panneuro.core.entry import Entry

On = str | Query | Found | Asset | Iterable[str]
"""What a step is run on: a search, what one found, or an asset."""


@dataclass(frozen=True)
class Limits:
    """What runs may not pass, together or, for memory, each.

    Parameters
    ----------
    max_bytes : int, optional
        Read and written.
    max_memory : int, optional
        Bytes held by one run.
    max_cost : float, optional
        Money, in the price book's currency.
    """

    max_bytes: int | None = None
    max_memory: int | None = None
    max_cost: float | None = None

    def hold(self, plan: Plan) -> None:
        """Refuse a plan that passes a limit.

        Raises
        ------
        LimitError
            Saying which, by how much.
        """
        projected = plan.projected
        moved = projected.input_bytes + (projected.written_bytes or 0)
        for what, found, most, unit in (
            ("bytes", moved, self.max_bytes, "bytes to move"),
            ("memory", projected.memory_bytes, self.max_memory, "bytes of memory each"),
            ("cost", projected.cost, self.max_cost, projected.currency),
        ):
            if most is not None and found is not None and found > most:
                raise LimitError(
                    f"running {plan.step.name!r} on {projected.runs:,} inputs: projected {what} "
                    f"over the limit: {found:,} {unit}, and {most:,} are allowed",
                    hint=f"--max-{what} {found}   or a narrower --on",
                )


@dataclass(frozen=True)
class Ran:
    """What was run.

    Parameters
    ----------
    plan : Plan
        What was to be done.
    runs : tuple of Run
        What was done, in the order in which it ended.
    """

    plan: Plan
    runs: tuple[Run, ...] = field(default=())

    @property
    def done(self) -> tuple[Run, ...]:
        """The runs that ended well."""
        return tuple(run for run in self.runs if run.is_done)

    @property
    def failed(self) -> tuple[Run, ...]:
        """The runs that did not."""
        return tuple(run for run in self.runs if not run.is_done)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What the step could not take."""
        return self.plan.skipped

    @property
    def outputs(self) -> dict[str, str]:
        """The version of each asset that is there now, by name, made now or before."""
        made = {name: version for run in self.done for name, version in run.outputs.items()}
        return {**self.plan.there, **made}

    def __repr__(self) -> str:
        return (
            f"<Ran {self.plan.step.name}: {len(self.done)} done, {len(self.failed)} failed, "
            f"{len(self.plan.there)} there before, {len(self.skipped)} skipped>"
        )


def run(
    lake: Lake,
    step: str | Step,
    on: On = "",
    *,
    seed: int = 0,
    takes: Mapping[str, str] | None = None,
    label: str = "",
    executor: str | None = None,
    workers: int | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> Ran:
    """Run a step on the assets that a search finds; what is there already is not run again.

    Parameters
    ----------
    lake : Lake
        Where.
    step : str or Step
        A step, its name, or ``path/to/file.py:function``.
    on : str, Query, Found or Asset
        What to run it on; everything by default.
    seed : int
        Of random numbers, where the step asks for one.
    takes : mapping, optional
        By parameter, the signal to take instead of what the step says.
    label : str
        Names what is made, instead of the step's name: results beside each other.
    executor : {"inline", "processes", "dask"}, optional
        What ``lake.toml`` says where not given.
    workers : int, optional
        How many processes.
    limits : Limits, optional
        Refuse what would pass them.
    progress : Progress, optional
        Told of runs as they end.
    **parameters
        Of the step.

    Returns
    -------
    Ran
        With the runs that failed among others: one never stops another.

    Raises
    ------
    InputError
        If the step cannot be run so.
    LimitError
        If a limit would be passed; nothing is run.

    Examples
    --------
    >>> import panneuro
    >>> lake = panneuro.open("memory://example-lake", create=True)
    >>> @panneuro.step(takes="units", gives="count")
    ... def count(units) -> int:
    ...     return len(units)
    >>> run(lake, count, on="has:units")
    <Ran count: 0 done, 0 failed, 0 there before, 0 skipped>
    """
    planned = plan(lake, step, on, Given(parameters, seed, takes or {}, label))
    (limits or Limits()).hold(planned)
    return carry_out(lake, planned, executor=executor, workers=workers, progress=progress)


def plan(lake: Lake, step: str | Step, on: On = "", given: Given | None = None) -> Plan:
    """Return what running a step would do; nothing is done.

    Parameters
    ----------
    lake : Lake
        Where.
    step : str or Step
        As for `run`.
    on : str, Query, Found or Asset
        As for `run`.
    given : Given, optional
        Parameters, seed, signals and label.
    """
    step, given = find_step(step), given or Given()
    planner = Planner(lake, step, given)
    return planner.plan(each(lake, step, entries(lake, on), planner.label))


def entries(lake: Lake, on: On) -> Iterable[Entry]:
    """Return what the index says of the assets that are meant."""
    if isinstance(on, Asset):
        return [entry_of(on.manifest)]
    if isinstance(on, Query):
        return Found(lake.index, on)
    return on if isinstance(on, Found) else lake.find(on)


def carry_out(
    lake: Lake,
    planned: Plan,
    *,
    executor: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Ran:
    """Do what `plan` said; interrupted, what was done stays done and the rest is left to do.

    Parameters
    ----------
    lake : Lake
        Where.
    planned : Plan
        What.
    executor, workers, progress
        As for `run`.

    Raises
    ------
    BudgetExceededError
        If a budget of the lake has no money for it; nothing is run.
    """
    progress, ended = progress or Silence(), []
    if not planned.tasks:
        return Ran(planned)
    hold_budgets(lake, [planned])
    with crew_of(lake, [planned.step], executor, workers) as crew:
        progress.start(planned.step.name, len(planned.tasks), "runs")
        crew.add(planned.tasks)
        for one in crew.results():
            ended.append(one)
            progress.advance(1)
    return Ran(planned, tuple(ended))
