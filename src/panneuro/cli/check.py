"""``panneuro check``: is every byte there, and what it was?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import in_bytes, table
from panneuro.lake.lake import open_lake

if TYPE_CHECKING:
    from panneuro.lake.problems import Report

_INDEX = {"not-indexed", "index-only"}


@click.command(short_help="Verify that every byte is what it was.")
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=assets)
@click.option("--quick", is_flag=True, help="Compare sizes only; read nothing.")
@click.option("--repair", is_flag=True, help="Put right the index, and what follows from others.")
@click.option("--sweep", is_flag=True, help="Delete what was left unfinished over a day ago.")
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    names: tuple[str, ...],
    quick: bool,
    repair: bool,
    sweep: bool,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Verify assets, or the whole lake.

    Every object is there, has its size and its digest, belongs to an asset, and is in the index.
    Of the whole lake also: records of runs are what they were and name what is there, and every
    edition of a view can be read.

    \b
    panneuro check
    panneuro check NAME --quick
    panneuro check --repair --sweep
    """
    opened = open_lake(lake)
    with watched(answers, "listing") as progress:
        report = opened.check(
            *names,
            quick=quick,
            repair=repair and not dry_run,
            sweep=sweep and not dry_run,
            progress=progress,
        )
    problems = [asdict(problem) for problem in report.problems]
    rows = [
        [p.kind, p.asset, p.message, "repaired" if p.repaired else "", p.key]
        for p in report.problems
    ]
    answers.give_all(
        "problems",
        problems,
        table(("problem", "of", "what to do", "done", "object"), rows) if rows else None,
        ok=report.ok,
        checked_assets=report.checked_assets,
        checked_files=report.checked_files,
        checked_bytes=report.checked_bytes,
        checked_runs=report.checked_runs,
        checked_editions=report.checked_editions,
    )
    _conclude(answers, report)


def _left(number: int) -> str:
    return "1 problem left" if number == 1 else f"{number or 'no'} problems left"


def _conclude(answers: Answers, report: Report) -> None:
    verified = f"{report.checked_files:,} files, {in_bytes(report.checked_bytes)}"
    left = [problem for problem in report.problems if not problem.repaired]
    beside = f"{report.checked_runs:,} runs, {report.checked_editions:,} editions of views"
    answers.say(f"{report.checked_assets:,} assets, {verified}, {beside}: {_left(len(left))}")
    if any(problem.kind in _INDEX for problem in left):
        answers.suggest("check", "--repair")
    if not report.ok:
        raise click.exceptions.Exit(5)
