"""What the commands that compute share: their options, and how they tell plans and runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from panneuro.cli.answers import Answers
from panneuro.cli.failures import SAME_LINE, Failure, exit_code_of, status_of
from panneuro.cli.options import Command
from panneuro.cli.texts import in_bytes, in_time, table
from panneuro.compute.executors import KINDS
from panneuro.compute.planning import Plan, Projection
from panneuro.compute.running import Ran
from panneuro.core.run import Run

_COLUMNS = ("name", "version", "status", "core time", "memory", "written", "cost", "why")
_NUMBERS = ("core time", "memory", "written", "cost")
_MOST_ROWS = 50


def executing(function: Command) -> Command:
    """Give a command ``--executor`` and ``--workers``."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="How many.  [default: lake.toml, or cores]",
        ),
        click.option(
            "--executor",
            type=click.Choice(KINDS),
            help="Where to run.  [default: lake.toml, or inline]",
        ),
    )
    for option in options:
        function = option(function)
    return function


def limiting(function: Command) -> Command:
    """Give a command ``--max-bytes``, ``--max-memory`` and ``--max-cost``."""
    some = click.IntRange(min=0)
    options: tuple[Callable[[Command], Command], ...] = (
        click.option("--max-cost", type=click.FloatRange(min=0), help="Refuse to spend more."),
        click.option("--max-memory", type=some, help="Refuse runs that hold more bytes."),
        click.option("--max-bytes", type=some, help="Refuse to read and write more."),
    )
    for option in options:
        function = option(function)
    return function


parameters_option = click.option(
    "-p",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter; may be given again.",
)


def parameters_of(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` as people type it: JSON where it is JSON, else text.

    Examples
    --------
    >>> parameters_of(["window_s=0.5", "band=[4, 8]", "area=CA1"])
    {'window_s': 0.5, 'band': [4, 8], 'area': 'CA1'}
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not (name and equals):
            raise click.UsageError(f"-p {assignment}: write it as name=value")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def tell_plan(answers: Answers, plan: Plan) -> None:
    """Say what would be run, what is there, and what it would need."""
    answers.say(f"{plan.step.name}: {_counts_text(plan)}")
    for why, count in _counted(one.why for one in plan.skipped):
        answers.say(f"  cannot be taken: {why}" + (f" ({count:,}×)" if count > 1 else ""))
    for reason, count in _counted(reason for one in plan.reasons.values() for reason in one):
        answers.say(f"  stale because: {reason}" + (f" ({count:,}×)" if count > 1 else ""))
    if plan.tasks:
        answers.say(f"  {projection_text(plan.projected)}")


def _counts_text(plan: Plan) -> str:
    parts = [f"{len(plan.tasks):,} to run" if plan.tasks else "nothing to run"]
    if plan.there and plan.tasks:
        parts.append(f"{len(plan.there):,} there already")
    elif plan.there:
        parts.append(f"{len(plan.there):,} there already and up to date")
    parts += [f"{len(plan.skipped):,} cannot be taken"] if plan.skipped else []
    return ", ".join(parts)


def _counted(reasons: Iterable[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])[:10]


def projection_text(projected: Projection) -> str:
    """Return in words what runs would need."""
    parts = []
    if projected.input_bytes:
        parts.append(f"reads up to {in_bytes(projected.input_bytes)}")
    if projected.written_bytes is not None:
        parts.append(f"writes {in_bytes(projected.written_bytes)}")
    if projected.memory_bytes is not None:
        parts.append(f"{in_bytes(projected.memory_bytes)} of memory each")
    if projected.core_seconds is not None:
        parts.append(f"{in_time(projected.core_seconds)} of one core")
    if projected.cost is not None:
        parts.append(f"{projected.cost:.4f} {projected.currency}")
    count = projected.learnt_from
    known = f"from {count:,} past run{'s' * (count > 1)}" if count else "a first time"
    return f"{', '.join(parts) or 'what it needs is not known'} ({known})"


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values."""
    projected = plan.projected
    return {
        "step": plan.step.name,
        "would_run": [
            {"name": task.name, "key": task.run.key, "why": list(plan.reasons[task.name])}
            for task in plan.tasks
        ],
        "there": [{"name": name, "version": version} for name, version in plan.there.items()],
        "skipped": [{"name": one.name, "why": one.why} for one in plan.skipped],
        "projected": {
            "runs": projected.runs,
            "learnt_from": projected.learnt_from,
            "input_bytes": projected.input_bytes,
            "memory_bytes": projected.memory_bytes,
            "written_bytes": projected.written_bytes,
            "core_seconds": projected.core_seconds,
            "cost": None if projected.cost is None else str(projected.cost),
            "currency": projected.currency,
        },
    }


def plan_table(plan: Plan) -> str:
    """Return a plan as a table."""
    rows = [
        [task.name, "would run", "; ".join(plan.reasons[task.name]) or "new"]
        for task in plan.tasks[:_MOST_ROWS]
    ]
    rows += [[one.name, "skipped", one.why] for one in plan.skipped[:_MOST_ROWS]]
    return table(("name", "status", "why"), rows)


def items_of(ran: Ran) -> list[dict[str, Any]]:
    """Return what was run, was there and was skipped as JSON values."""
    there = [
        {"name": name, "version": version, "status": "there already"}
        for name, version in ran.plan.there.items()
    ]
    skipped = [{"name": one.name, "status": "skipped", "why": one.why} for one in ran.skipped]
    return [*map(_item, ran.runs), *there, *skipped]


def _item(run: Run) -> dict[str, Any]:
    name, version = next(iter(run.outputs.items()), (", ".join(run.input_names), None))
    return {
        "name": name,
        "version": version,
        "status": run.status,
        "key": run.key,
        "core_seconds": run.core_seconds,
        "peak_memory_bytes": run.peak_memory_bytes,
        "bytes_read": run.bytes_read,
        "bytes_written": run.bytes_written,
        "cost": run.cost,
        "error": dict(run.error) or None,
    }


def ran_table(ran: Ran) -> str | None:
    """Return what was run as a table; of many runs, those that failed."""
    shown = ran.runs if len(ran.runs) <= _MOST_ROWS else ran.failed
    rows = [
        [
            item["name"],
            item["version"],
            item["status"],
            in_time(run.core_seconds),
            in_bytes(run.peak_memory_bytes),
            in_bytes(run.bytes_written),
            f"{float(run.cost):.4f} {run.currency}" if run.cost else None,
            run.error.get("message"),
        ]
        for run in shown
        for item in [_item(run)]
    ]
    return table(_COLUMNS, rows, _NUMBERS) if rows else None


def conclude(answers: Answers, ran: Iterable[Ran]) -> None:
    """Say how it ended; where something failed, end with a status that tells."""
    ran = list(ran)
    done, failed = (sum(len(part) for part in parts) for parts in _parts(ran))
    there = sum(len(one.plan.there) for one in ran)
    answers.say(f"{done:,} run, {there:,} there already, {failed:,} failed")
    failures = [_failure(run) for one in ran for run in one.failed]
    for failure in failures[:_MOST_ROWS]:
        answers.fail(failure)
    if failures:
        answers.say(f"when it is mended, {SAME_LINE}")
        raise click.exceptions.Exit(status_of(failures, some_done=done + there > 0))


def _failure(run: Run) -> Failure:
    code = run.error.get("code", "step/failed")
    text = f"{', '.join(run.input_names[:3])}: {run.error.get('message', '')}"
    return Failure(code, text, run.error.get("hint", ""), exit_code_of(code))


def _parts(ran: list[Ran]) -> tuple[list[tuple[Run, ...]], list[tuple[Run, ...]]]:
    return [one.done for one in ran], [one.failed for one in ran]
