"""``panneuro audit``: who did what."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice

import click

from panneuro.cli.answers import Answers
from panneuro.cli.options import answering, lake_option
from panneuro.cli.texts import in_bytes, table
from panneuro.core.fields import FIELDS
from panneuro.core.quantities import range_of
from panneuro.lake.auditing import Event, history
from panneuro.lake.lake import open_lake

_COLUMNS = ("at", "who", "what", "on", "bytes", "times", "about")
_PAGE = 1000


@click.command(short_help="Show who did what: grants, sign-ins, refusals, downloads.")
@click.option("--since", metavar="DATE", default="", help="From this day, month or year on.")
@click.option("--until", metavar="DATE", default="", help="Up to this day, month or year.")
@click.option("--who", metavar="NAME", default="", help="Only of these; * stands for anything.")
@click.option(
    "--what",
    metavar="WORD",
    default="",
    help="Only such: grant, revocation, key, sign-in, refused, download, ….",
)
@click.option("--on", metavar="NAME", default="", help="Only about these; * stands for anything.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"At most so many, the first ones.  [default: {_PAGE} in a table and in --json]",
)
@lake_option
@answering(items=True)
def command(
    answers: Answers,
    since: str,
    until: str,
    who: str,
    what: str,
    on: str,
    limit: int | None,
    lake: str | None,
) -> None:
    """Show who did what: every grant, sign-in, refused request and download, the oldest first.

    \b
    panneuro audit --since 2026-05
    panneuro audit --what refused --who everyone
    panneuro audit --on 'ecephys_m1*' --jsonl
    """
    first, last = day_of(since, 0), day_of(until, 1)
    events = history(open_lake(lake), first, last, who=who, what=what, on=on)
    if answers.form != "jsonl":
        limit = limit or _PAGE
    shown = islice(events, limit)
    if answers.form == "jsonl":
        for event in shown:
            answers.line(event.to_json())
        return
    listed = list(shown)
    text = table(_COLUMNS, map(_row, listed), ("bytes", "times")) if listed else None
    answers.give_all("events", (event.to_json() for event in listed), text)
    if next(events, None) is not None:
        answers.say(f"the first {len(listed):,}; --limit shows more")


def day_of(text: str, end: int) -> date | None:
    """Return the first or last day of what a date on the command line means; None for none."""
    if not text:
        return None
    span = range_of(FIELDS["date"], "=", text, text)
    moment = span.low if end == 0 else span.high - 1e-6 * span.high_open
    return datetime.fromtimestamp(moment, UTC).date()


def _row(event: Event) -> list[object]:
    about = ", ".join(f"{name}: {text}" for name, text in event.about.items())
    size = in_bytes(event.n_bytes) if event.n_bytes else None
    times = event.times if event.times > 1 else None
    return [event.at[:19], event.who, event.what, event.on, size, times, about]
