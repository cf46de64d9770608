"""``panneuro find``: assets by what is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from panneuro.cli.answers import Answers
from panneuro.cli.completing import search_fields, search_words
from panneuro.cli.options import answering, lake_option
from panneuro.cli.texts import in_bytes, in_time, table
from panneuro.core.conditions import Match
from panneuro.core.entry import Entry
from panneuro.core.fields import FIELDS
from panneuro.lake.finding import Found
from panneuro.lake.lake import open_lake

_PAGE = 50
_BATCH = 1000
_COLUMNS = ("name", "date", "subject", "modality", "duration", "channels", "units", "size", "title")
_NUMBERS = ("duration", "channels", "units", "size")


@click.command(
    short_help="Find assets by what is in them.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("words", nargs=-1, metavar="[WORD|CONDITION]…", shell_complete=search_words)
@click.option(
    "--facet",
    "facets",
    multiple=True,
    metavar="FIELD",
    shell_complete=search_fields,
    help="Count the values of a field among what is found; may be given again.",
)
@click.option(
    "--sort",
    metavar="FIELD",
    shell_complete=search_fields,
    help="name, rank (best match first), date, units, …; -FIELD sorts down.  "
    "[default: rank where words are given, else -date]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="At most so many.  [default: 50 in a table and in --json, else all]",
)
@click.option(
    "--offset", type=click.IntRange(min=0), default=0, help="Leave out the first so many."
)
@click.option("--names", "style", flag_value="names", help="Answer with a name a line.")
@click.option("--csv", "style", flag_value="csv", help="Answer with a CSV table of all fields.")
@lake_option
@answering(items=True, short=False)
def command(
    answers: Answers,
    words: tuple[str, ...],
    facets: tuple[str, ...],
    sort: str | None,
    limit: int | None,
    offset: int,
    style: str | None,
    lake: str | None,
) -> None:
    """Find assets by what is in them.

    Words must all be there: ripples, "sharp wave", -noise, ripp*. Conditions are field=value,
    field!=value, units'>'100, date=2024-05, duration'>'10min, has:lfp, species=mouse,rat. An area
    finds what lies in it: area=VISp finds its layers.

    \b
    panneuro find CA1 ripples 'units>100'
    panneuro find species=mouse date=2024 --facet modality
    panneuro find has:lfp --names
    """
    _refuse_options(words)
    if style and not answers.is_text:
        raise click.UsageError(f"--{style} does not go with --{answers.form}")
    found = open_lake(lake).find(words)
    order = sort or ("rank" if found.query.words else "-date")
    if facets:
        _count(answers, found, facets)
    elif style or answers.form == "jsonl":
        _stream(answers, _entries(found, order, limit, offset), style)
    else:
        _page(answers, found, order, limit or _PAGE, offset)


def _refuse_options(words: tuple[str, ...]) -> None:
    """A word may begin with one dash, to leave it out; with two it is a mistyped option."""
    for word in words:
        if word.startswith("--"):
            ctx = click.get_current_context()
            known = [name for option in ctx.command.params for name in option.opts]
            close = [name for name in known if name.startswith(word[:4])]
            raise click.NoSuchOption(word, possibilities=close, ctx=ctx)


def _entries(found: Found, order: str, limit: int | None, offset: int) -> Iterator[Entry]:
    def everything() -> Iterator[Entry]:
        following: int | None = offset
        while following is not None:
            page = found.page(_BATCH, following, order)
            yield from page.entries
            following = page.following

    return islice(everything(), limit)


def _page(answers: Answers, found: Found, order: str, limit: int, offset: int) -> None:
    page = found.page(limit, offset, order)
    text = table(_COLUMNS, map(_row, page.entries), _NUMBERS) if page.entries else None
    answers.give_all(
        "assets",
        map(_item, page.entries),
        text,
        query=str(found.query),
        total=page.total,
        exact=page.exact,
        following=page.following,
    )
    _conclude(answers, found, len(page.entries), page.total, page.following)


def _conclude(
    answers: Answers, found: Found, shown: int, total: int, following: int | None
) -> None:
    if not shown:
        _say_nothing(answers, found)
    elif following is not None:
        answers.say(f"{shown:,} of {total:,}; --offset {following} goes on")
    elif answers.is_text:
        answers.say(f"{total:,} found")


def _say_nothing(answers: Answers, found: Found) -> None:
    """Say that nothing was found and, of a field that holds words, the line that lists them."""
    answers.say(f"nothing found for {str(found.query)!r}" if str(found.query) else "it is empty")
    for condition in found.query.conditions:
        if isinstance(condition, Match) and condition.operator == "=":
            field = FIELDS.get(condition.field)
            if field and field.kind.startswith("keyword") and field.name not in ("name", "version"):
                answers.suggest("find", "--facet", field.name)
                break


def _stream(answers: Answers, entries: Iterator[Entry], style: str | None) -> None:
    if style == "csv":
        columns = [name for name in FIELDS if name not in ("name", "version", "created", "text")]
        click.echo(_csv(["name", "version", "created", *columns, "title"]))
    for entry in entries:
        if style == "names":
            answers.give({}, entry.name)
        elif style == "csv":
            fixed = [entry.name, entry.version, entry.created]
            values = [_cell(entry.fields.get(name)) for name in columns]
            click.echo(_csv([*fixed, *values, (entry.doc or {}).get("title")]))
        else:
            answers.line(_item(entry))


def _csv(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    return ";".join(value) if isinstance(value, tuple) else value


def _item(entry: Entry) -> dict[str, Any]:
    known = {"name": entry.name, "version": entry.version, "created": entry.created}
    return {**known, "fields": dict(entry.fields), **(entry.doc or {})}


def _row(entry: Entry) -> list[Any]:
    fields: dict[str, Any] = dict(entry.fields)
    return [
        entry.name,
        str(fields.get("date", ""))[:10],
        fields.get("subject"),
        ", ".join(fields.get("modality", ())),
        in_time(fields["duration_s"]) if "duration_s" in fields else None,
        fields.get("channels"),
        fields.get("units"),
        in_bytes(fields["size_bytes"]) if "size_bytes" in fields else None,
        (entry.doc or {}).get("title"),
    ]


def _count(answers: Answers, found: Found, fields: tuple[str, ...]) -> None:
    counted = found.facets(*fields)
    items = [
        {"field": field, "value": value, "count": count}
        for field, values in counted.items()
        for value, count in values
    ]
    rows = [list(item.values()) for item in items]
    text = table(("field", "value", "assets"), rows, ("assets",))
    answers.give_all("facets", items, text, query=str(found.query))
