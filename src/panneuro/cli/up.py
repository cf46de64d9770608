"""``panneuro up``: pipelines, brought up to date."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import click

from panneuro.cli.answers import Answers
from panneuro.cli.computing import (
    conclude,
    executing,
    items_of,
    limiting,
    plan_document,
    plan_table,
    ran_table,
    tell_plan,
)
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.refreshing import foresee_stale, refresh_stale
from panneuro.compute.flow import Flow, up
from panneuro.compute.pipelines import Pipeline, find_pipelines
from panneuro.compute.running import Limits
from panneuro.core.errors import NotFoundError
from panneuro.lake.lake import Lake, open_lake


@click.command(short_help="Compute what is missing or stale.")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]…")
@click.option("--on", metavar="QUERY", default="", help="Begin with what this search finds.")
@click.option("--views", is_flag=True, help="Then refresh the views that are stale.")
@limiting
@executing
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    pipelines: tuple[str, ...],
    on: str,
    views: bool,
    max_bytes: int | None,
    max_memory: int | None,
    max_cost: float | None,
    executor: str | None,
    workers: int | None,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Compute what is missing or stale.

    A PIPELINE is one of lake.toml, one that is installed, or path/to/file.py; without any, all of
    lake.toml are meant. The lake alone tells what is there: nothing is run twice, and a change of
    code, package, parameter or input re-runs exactly what it affects. With --views, what was looked
    at once by panneuro view is brought up to date as well.

    \b
    panneuro up
    panneuro up tuning.py --on subject=mouse-7 --dry-run
    """
    opened = open_lake(lake)
    chosen = pipelines_of(opened, pipelines, on)
    if dry_run:
        _foresee(answers, opened, chosen)
        if views:
            foresee_stale(answers, opened)
        return
    limits = Limits(max_bytes, max_memory, max_cost)
    with watched(answers, "planning") as progress, redirect_stdout(sys.stderr):
        ran = up(
            opened, chosen, executor=executor, workers=workers, limits=limits, progress=progress
        )
    stages = [one for found in ran.values() for one in found]
    for one in stages:
        tell_plan(answers, one.plan)
    tables = filter(None, map(ran_table, stages))
    items = [item | {"step": one.plan.step.name} for one in stages for item in items_of(one)]
    answers.give_all("runs", items, "\n\n".join(tables) or None)
    if views:
        opened.refresh()
        refresh_stale(answers, opened, executor, workers)
    conclude(answers, stages)


def pipelines_of(lake: Lake, names: tuple[str, ...], on: str) -> list[Pipeline]:
    """Return the pipelines that a line names; some there must be."""
    found = find_pipelines(lake, names, on)
    if not found:
        raise NotFoundError(
            "lake.toml has no pipelines",
            hint='[pipelines.NAME] with on = "has:units" and steps = ["path/to/file.py:function"]',
        )
    return found


def _foresee(answers: Answers, lake: Lake, pipelines: list[Pipeline]) -> None:
    """Say what would be run now, and how much may follow."""
    documents, texts = [], []
    for pipeline in pipelines:
        flow = Flow(lake, pipeline)
        flow.start()
        for plan in flow.plans():
            tell_plan(answers, plan)
            documents.append(plan_document(plan))
            texts += [plan_table(plan)] if plan.tasks or plan.skipped else []
        for label, count in flow.waiting_for().items():
            answers.say(f"{label}: up to {count:,} more, after these")
    answers.give_all("steps", documents, "\n\n".join(texts) or None)
