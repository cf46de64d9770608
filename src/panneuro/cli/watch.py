"""``panneuro watch``: pipelines and views, kept up to date as assets arrive."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout

import click

from panneuro.cli.answers import Answers
from panneuro.cli.computing import executing, items_of, tell_plan
from panneuro.cli.options import answering, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.refreshing import refresh_stale
from panneuro.compute.flow import up
from panneuro.compute.pipelines import Pipeline, find_pipelines
from panneuro.core.errors import StoreError
from panneuro.lake.lake import Lake, open_lake


@click.command(short_help="Keep pipelines and views up to date.")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]…")
@click.option("--on", metavar="QUERY", default="", help="Begin with what this search finds.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Stop after looking so often.")
@executing
@lake_option
@answering(items=True)
def command(
    answers: Answers,
    pipelines: tuple[str, ...],
    on: str,
    every: float,
    rounds: int | None,
    executor: str | None,
    workers: int | None,
    lake: str | None,
) -> None:
    """Keep pipelines and views up to date as assets arrive.

    Looks at the lake every so often, runs what is missing or stale, and refreshes the views that
    were looked at once. Without a PIPELINE all of lake.toml are meant. It keeps nothing to itself:
    stop it, start it elsewhere, or run panneuro up in between, and nothing is run twice. What
    failed is tried again when something it depends on changes.

    \b
    panneuro watch tuning --every 60
    """
    opened = open_lake(lake)
    chosen = find_pipelines(opened, pipelines, on)
    failed: set[str] = set()
    lost: set[str] = set()
    looked = 0
    while True:
        try:
            _look(answers, opened, chosen, failed, executor, workers)
            refresh_stale(answers, opened, executor, workers, lost)
        except StoreError as error:
            answers.say(f"the lake cannot be reached: {error.message}; trying again")
        looked += 1
        if rounds and looked >= rounds:
            return
        time.sleep(every)
        opened.refresh()


def _look(
    answers: Answers,
    lake: Lake,
    pipelines: list[Pipeline],
    failed: set[str],
    executor: str | None,
    workers: int | None,
) -> None:
    """Run what is due, but for what failed as it is."""
    with watched(answers, "looking") as progress, redirect_stdout(sys.stderr):
        ran = up(
            lake, pipelines, executor=executor, workers=workers, progress=progress, without=failed
        )
    for one in (stage for stages in ran.values() for stage in stages if stage.runs):
        failed |= {run.key for run in one.failed}
        tell_plan(answers, one.plan)
        for item in items_of(one):
            if item["status"] in ("done", "failed"):
                answers.line(item)
                why = f": {item['error']['message']}" if item["error"] else ""
                answers.say(f"  {item['status']}: {item['name']}{why}")
