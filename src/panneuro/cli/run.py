"""``panneuro run``: a step on what a search finds."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

import click

from panneuro.cli.answers import Answers
from panneuro.cli.computing import (
    conclude,
    executing,
    items_of,
    limiting,
    parameters_of,
    parameters_option,
    plan_document,
    plan_table,
    ran_table,
    tell_plan,
)
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import table
from panneuro.compute.planning import Given
from panneuro.compute.running import Limits, carry_out, plan
from panneuro.compute.step import GROUP, find_step
from panneuro.core import plugins
from panneuro.core.errors import PanneuroError
from panneuro.lake.lake import open_lake


@click.command(short_help="Run a step on what a search finds.")
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--on", metavar="QUERY", default="", help="What to run it on: a search.")
@parameters_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of random numbers.")
@click.option(
    "--take", "takes", multiple=True, metavar="NAME=SIGNAL", help="Which signal a step is to take."
)
@click.option("--as", "label", metavar="NAME", default="", help="Name what is made so.")
@limiting
@executing
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    step: str | None,
    on: str,
    assignments: tuple[str, ...],
    seed: int,
    takes: tuple[str, ...],
    label: str,
    max_bytes: int | None,
    max_memory: int | None,
    max_cost: float | None,
    executor: str | None,
    workers: int | None,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Run a step on what a search finds.

    STEP is one that is installed, or path/to/file.py:function; without it, those installed are
    listed. Each asset gives a new one, committed wholly or not at all, with a record of what was
    run. The same is never run twice: after an interruption, the same line goes on.

    \b
    panneuro run my_steps.py:rates --on 'species=mouse has:units' -p window_s=0.5
    panneuro run my_steps.py:rates --on has:units --executor processes --workers 8 --dry-run
    """
    if step is None:
        _list(answers)
        return
    takes_ = {name: str(signal) for name, signal in parameters_of(takes).items()}
    opened, given = open_lake(lake), Given(parameters_of(assignments), seed, takes_, label)
    planned = plan(opened, step, on, given)
    tell_plan(answers, planned)
    if dry_run:
        answers.give(plan_document(planned), plan_table(planned))
        return
    Limits(max_bytes, max_memory, max_cost).hold(planned)
    with watched(answers, planned.step.name) as progress, redirect_stdout(sys.stderr):
        ran = carry_out(opened, planned, executor=executor, workers=workers, progress=progress)
    answers.give_all("runs", items_of(ran), ran_table(ran), step=planned.step.name)
    conclude(answers, [ran])


def _list(answers: Answers) -> None:
    rows: list[dict[str, Any]] = []
    for name in plugins.names(GROUP):
        try:
            step = find_step(name)
        except PanneuroError as error:
            rows.append({"step": name, "takes": [], "gives": [], "about": error.hint})
            continue
        about = (step.__doc__ or "").strip().partition("\n")[0]
        rows.append({"step": name, "takes": [*step.takes], "gives": [*step.gives], "about": about})
    cells = [[r["step"], ", ".join(r["takes"]), ", ".join(r["gives"]), r["about"]] for r in rows]
    text = table(("step", "takes", "gives", "about"), cells) if rows else None
    answers.give_all("steps", rows, text)
    if not rows:
        answers.say("no steps are installed; panneuro run path/to/file.py:function runs your own")
