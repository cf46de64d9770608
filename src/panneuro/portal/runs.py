"""Runs and lineage: what happened; a run that touches anything hidden is not there."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from panneuro.compute.step import GROUP
from panneuro.core import plugins
from panneuro.core.errors import NotFoundError
from panneuro.core.run import Run
from panneuro.lake.acting import LakeFor
from panneuro.lake.lake import Lake
from panneuro.portal.asking import as_text
from panneuro.portal.doors import ASK_AGAIN, Door, Nothing, Visit
from panneuro.portal.pages import Pages, address
from panneuro.portal.runnable import may_all, named
from panneuro.portal.seeing import inputs_of, is_visible
from panneuro.portal.supervising import Orders
from panneuro.portal.telling import OrderGiven, latest, shown_error

_ON_A_PAGE = 50
_AT_ONCE = 200
_LOOKED_THROUGH = 5_000
_MOST_RUNS = 500
_INNER = ("user", "host", "log", "cost", "currency", "platform", "image")
"""What only they are told who may edit the assets."""

_HEADERS = {"cache-control": ASK_AGAIN, "vary": "Accept, Cookie, Authorization"}


class RunsAsked(BaseModel):
    """Which runs."""

    model_config = ConfigDict(extra="ignore")

    step: str = Field("", max_length=200, description="name of a step")
    status: str = Field("", pattern="^(|done|failed)$", description="how they ended")
    offset: int = Field(0, ge=0, le=1_000_000, description="runs to pass over")


class RunGiven(BaseModel):
    """What happened."""

    model_config = ConfigDict(extra="allow")

    key: str
    step: str
    status: str
    inputs: dict[str, dict[str, str]]
    outputs: dict[str, str]


class RunsGiven(BaseModel):
    """Some runs, the latest first; with the first of them, what was asked to be run lately."""

    runs: list[RunGiven]
    orders: list[OrderGiven]
    following: str | None = None


class LineageGiven(BaseModel):
    """The runs that an asset came from, and those that took it, as far as one may see."""

    name: str
    version: str
    made_by: list[RunGiven]
    used_by: list[RunGiven]


@dataclass(frozen=True)
class Around:
    """The runs next to an asset.

    Parameters
    ----------
    made_by, used_by : tuple of Run
        The latest first.
    """

    made_by: tuple[Run, ...]
    used_by: tuple[Run, ...]


class Runs:
    """Answers about runs.

    Parameters
    ----------
    pages : Pages
        Where people look.
    lake : Lake
        Whose runs.
    orders : Orders
        What was asked to be run.
    """

    def __init__(self, pages: Pages, lake: Lake, orders: Orders) -> None:
        self._pages = pages
        self._lake = lake
        self._orders = orders

    def doors(self) -> list[Door]:
        """Return the doors."""
        return [
            Door("/runs", self.runs, RunsAsked, {"json": RunsGiven, "html": None}),
            Door("/runs/{key}", self.run, gives={"json": RunGiven, "html": None}),
            Door("/assets/{name}/lineage", self.lineage, gives={"json": LineageGiven}),
        ]

    def around(self, seen: LakeFor, name: str, version: str) -> Around:
        """Return the visible runs next to an asset."""
        return Around(
            tuple(_visible(seen, self._lake.runs.making(name, version))),
            tuple(islice(_visible(seen, self._lake.runs.using(name, version)), _ON_A_PAGE)),
        )

    def runs(self, visit: Visit, asked: RunsAsked) -> Response:
        """List runs, the latest first."""
        found = list(islice(self._found(visit.seen, asked), _ON_A_PAGE))
        at = found[-1][0] + 1 if len(found) == _ON_A_PAGE else None
        said = {"step": asked.step, "status": asked.status, "offset": at}
        following = None if at is None else address("/runs", said)
        runs = [_given(visit.seen, run) for _, run in found]
        is_whole = not (asked.step or asked.status or asked.offset)
        orders = latest(visit.seen, self._lake, self._orders) if is_whole else []
        if visit.form("json", "html") == "json":
            place = following and f"{visit.origin}{following}"
            given = RunsGiven(runs=runs, orders=orders, following=place)
            return JSONResponse(given.model_dump(), headers=_HEADERS)
        return self._pages.page(
            visit.request,
            "runs",
            runs=runs,
            orders=[one.model_dump() for one in orders],
            asked=asked,
            following=following,
        )

    def _found(self, seen: LakeFor, asked: RunsAsked) -> Iterator[tuple[int, Run]]:
        """Yield runs with where they stand, looking through so many at most."""
        last = asked.offset + _LOOKED_THROUGH
        for first in range(asked.offset, last, _AT_ONCE):
            runs = self._lake.runs.find(
                step=asked.step, status=asked.status, limit=_AT_ONCE, offset=first
            )
            for at, run in enumerate(runs, first):
                if is_visible(seen, run):
                    yield at, run
            if len(runs) < _AT_ONCE:
                return

    def run(self, visit: Visit, _: Nothing) -> Response:
        """Show a run: its inputs and outputs, how it ended, and how to repeat it."""
        run = self._of(visit.part("key"))
        if run is None or not is_visible(visit.seen, run):
            raise NotFoundError(f"there is no run {visit.part('key')[:80]!r}", hint="/runs")
        given = _given(visit.seen, run)
        if visit.form("json", "html") == "json":
            return JSONResponse(given.model_dump(), headers=_HEADERS)
        made = next(iter(run.outputs), "") if run.reference else ""
        repeat = f"panneuro reproduce {shlex.quote(made)}" if made else ""
        said, again = given.model_dump(), self._again(visit.seen, run)
        return self._pages.page(
            visit.request, "run", run=given, said=said, repeat=repeat, again=again
        )

    def _again(self, seen: LakeFor, run: Run) -> str:
        """Return where a run that failed may be planned again; empty where it may not."""
        names = [name for name, _ in inputs_of(run)]
        is_theirs = names and may_all(seen, self._lake, "run", names)
        if run.is_done or not is_theirs or run.step not in plugins.names(GROUP):
            return ""
        said = {f"p.{name}": as_text(value) for name, value in run.parameters.items()}
        said |= {"step": run.step, "seed": as_text(run.seed), "on": str(named(names))}
        return address("/runs/plan", said)

    def _of(self, key: str) -> Run | None:
        failed = self._lake.runs.find(status="failed", limit=_MOST_RUNS)
        return self._lake.runs.get(key) or next((run for run in failed if run.key == key), None)

    def lineage(self, visit: Visit, _: Nothing) -> Response:
        """Tell which runs an asset came from, all the way, and which took it.

        The walk ends where something is not for who asks.
        """
        asset, runs, seen = visit.asset(), self._lake.runs, visit.seen
        root = [(asset.name, asset.version)]
        up = _walk(seen, root, runs.making, inputs_of)
        down = _walk(seen, root, runs.using, lambda run: list(run.outputs.items()))
        given = LineageGiven(
            name=asset.name,
            version=asset.version,
            made_by=[_given(seen, run) for run in up],
            used_by=[_given(seen, run) for run in down],
        )
        return JSONResponse(given.model_dump(), headers=_HEADERS)


def _visible(seen: LakeFor, runs: Iterable[Run]) -> Iterator[Run]:
    return (run for run in runs if is_visible(seen, run))


def _walk(
    seen: LakeFor,
    roots: list[tuple[str, str]],
    runs_of: Callable[[str, str], Sequence[Run]],
    onward: Callable[[Run], list[tuple[str, str]]],
) -> list[Run]:
    met: dict[str, Run] = {}
    known, todo = set(roots), list(roots)
    while todo and len(met) < _MOST_RUNS:
        for run in _visible(seen, runs_of(*todo.pop(0))):
            if run.is_done and run.key not in met:
                met[run.key] = run
                todo += [one for one in onward(run) if one not in known]
                known.update(onward(run))
    return list(met.values())


def _given(seen: LakeFor, run: Run) -> RunGiven:
    """Return what an actor is told of a run."""
    said: dict[str, Any] = run.to_json()
    names = dict.fromkeys((*run.outputs, *(name for name, _ in inputs_of(run))))
    if not (seen.actor.is_local or any(seen.may("edit", name) for name in names)):
        said = {name: value for name, value in said.items() if name not in _INNER}
        said["error"] = shown_error(run.error)
    return RunGiven.model_validate(said)
