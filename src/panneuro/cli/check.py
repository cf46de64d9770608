"""``panneuro check``: is every byte there, and what it was?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import assets
from panneuro.cli.failures import failure_of
from panneuro.cli.options import answering, dry_run_option, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.texts import counted, in_bytes
from panneuro.core.errors import CorruptionError, StoreError
from panneuro.lake.lake import open_lake
from panneuro.lake.problems import STEP
from panneuro.lake.runs import Attempt

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake
    from panneuro.lake.problems import Problem, Report


@click.command(short_help="Verify that every byte is what it was.")
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=assets)
@click.option("--quick", is_flag=True, help="Compare sizes only; read nothing.")
@click.option("--repair", is_flag=True, help="Put right the index, and what follows from others.")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True),
    metavar="RECORDING",
    help="With --repair of one NAME: what it was added from.",
)
@click.option("--sweep", is_flag=True, help="Delete what was left unfinished over a day ago.")
@lake_option
@dry_run_option
@answering(items=True)
def command(
    answers: Answers,
    names: tuple[str, ...],
    quick: bool,
    repair: bool,
    source: Path | None,
    sweep: bool,
    lake: str | None,
    dry_run: bool,
) -> None:
    """Verify assets, or the whole lake.

    Every object is there, has its size and its digest, belongs to an asset, and the index says of
    it what its asset.json says. Of the whole lake also: the index is sound, records of runs are
    what they were and name what is there, and every edition of a view can be read.

    \b
    panneuro check
    panneuro check NAME --quick
    panneuro check --repair --sweep
    panneuro check NAME --repair --source session_g0     where samples are damaged
    """
    if source and not (repair and len(names) == 1):
        raise click.UsageError("--source RECORDING goes with --repair and one NAME")
    opened = open_lake(lake)
    began = Attempt.at(STEP, {"quick": quick, "at": datetime.now(UTC).isoformat()}, {})
    with watched(answers, "listing") as progress:
        report = opened.check(
            *names,
            quick=quick,
            repair=repair and not dry_run,
            sweep=sweep and not dry_run,
            source=None if dry_run else source,
            progress=progress,
        )
    answers.give_all(
        "problems",
        map(asdict, report.problems),
        "\n".join(map(_told, report.problems)) or None,
        ok=report.ok,
        checked_assets=report.checked_assets,
        checked_files=report.checked_files,
        checked_bytes=report.checked_bytes,
        checked_runs=report.checked_runs,
        checked_editions=report.checked_editions,
        denied=report.denied and report.denied.message,
    )
    if not names and not dry_run:
        _record(opened, began, report)
    _conclude(answers, report, names if not repair or dry_run else None)


def _told(problem: Problem) -> str:
    """Return a problem whole, on any terminal: where it is, and below what it is."""
    done = ", repaired" if problem.repaired else ""
    named = problem.asset.partition("@")[0]
    of = "" if named in problem.key else f" of {problem.asset}"
    return f"{problem.kind}{done}: {problem.key}{of}\n  {problem.message}"


def _record(lake: Lake, began: Attempt, report: Report) -> None:
    """Put it on record that everything was checked, where store and index can be written."""
    status = "done" if report.ok else "failed"
    with suppress(StoreError, CorruptionError):
        lake.learn([began.record(lake.store, status=status, log=_summary(report))])


def _summary(report: Report) -> str:
    verified = f"{counted(report.checked_files, 'file')}, {in_bytes(report.checked_bytes)}"
    runs = counted(report.checked_runs, "run")
    beside = f"{runs}, {counted(report.checked_editions, 'edition')} of views"
    number = sum(not problem.repaired for problem in report.problems)
    left = counted(number, "problem") if number else "no problems"
    return f"{counted(report.checked_assets, 'asset')}, {verified}, {beside}: {left} left"


def _conclude(answers: Answers, report: Report, names: tuple[str, ...] | None) -> None:
    """Say what is left, and what to do about it; `names` where repairing was not tried yet."""
    left = [problem for problem in report.problems if not problem.repaired]
    answers.say(_summary(report))
    if report.denied and left:
        answers.fail(failure_of(report.denied))
        raise click.exceptions.Exit(report.denied.exit_code)
    lost = next((problem.asset for problem in left if "--source" in problem.message), "")
    if names is not None and any("--repair" in problem.message for problem in left):
        answers.suggest("check", *names, "--repair")
    elif lost:
        answers.suggest("check", lost.partition("@")[0], "--repair", "--source", "RECORDING")
    if not report.ok:
        raise click.exceptions.Exit(5)
