"""``panneuro view``: a table that keeps itself up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from panneuro.cli.answers import Answers
from panneuro.cli.computing import executing, parameters_of, parameters_option
from panneuro.cli.options import answering, lake_option
from panneuro.cli.progress import watched
from panneuro.cli.refreshing import changes_of
from panneuro.cli.texts import table
from panneuro.core.edition import Edition
from panneuro.core.errors import InputError
from panneuro.lake.lake import Lake, open_lake
from panneuro.views.keeping import Keeper
from panneuro.views.view import find_view
from panneuro.views.viewed import Viewed, known, view_of

_MOST_ROWS = 50
_EDITIONS = ("edition", "at", "assets", "rows", "made", "failed", "gone")


def _views(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    lake = open_lake(ctx.params.get("lake"))
    return [CompletionItem(name) for name in known(lake) if name.startswith(incomplete)]


@click.command(short_help="Show a table that keeps itself up to date.")
@click.argument("view", metavar="[VIEW]", required=False, shell_complete=_views)
@parameters_option
@click.option("--no-refresh", is_flag=True, help="Take the newest edition as it is.")
@click.option("--again", is_flag=True, help="Try again what failed.")
@click.option("--edition", type=click.IntRange(min=1), help="As it was: see --history.")
@click.option("--history", is_flag=True, help="Every edition, oldest first.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the whole table: .parquet, .csv or .json.",
)
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw it: .png, .svg or .pdf.",
)
@executing
@lake_option
@answering(items=True)
def command(
    answers: Answers,
    view: str | None,
    assignments: tuple[str, ...],
    no_refresh: bool,
    again: bool,
    edition: int | None,
    history: bool,
    output: Path | None,
    figure: Path | None,
    executor: str | None,
    workers: int | None,
    lake: str | None,
) -> None:
    """Show a table that keeps itself up to date.

    VIEW is one that is installed, one that lake.toml names, or path/to/file.py:function; without
    it, all that are known are listed. Only what changed since the last time is computed.

    \b
    panneuro view unit-yield
    panneuro view session-overview -o sessions.parquet
    panneuro view training-progress --figure progress.png
    """
    opened = open_lake(lake)
    if view is None:
        _list(answers, opened)
        return
    with watched(answers, view) as progress:
        viewed = view_of(
            opened,
            known(opened).get(view, view),
            refresh=not (no_refresh or edition or history),
            again=again,
            executor=executor or "",
            workers=workers,
            progress=progress,
            **parameters_of(assignments),
        )
    if history:
        _history(answers, viewed)
        return
    viewed = viewed.at(edition) if edition else viewed
    if figure:
        viewed.figure().savefig(figure, dpi=150)
        answers.say(f"drawn: {figure}")
    if output:
        _write(viewed, output)
        answers.say(f"written: {output}")
    if not (figure or output) or not answers.is_text:
        _show(answers, viewed)
    _conclude(answers, viewed)


def _list(answers: Answers, lake: Lake) -> None:
    items = []
    for name, where in known(lake).items():
        found = find_view(where)
        newest = Keeper(lake, found, {}).editions.newest()
        about = (found.__doc__ or "").strip().partition("\n")[0]
        over = "runs" if found.of_runs else str(found.over)
        items.append(
            {"view": name, "over": over, "at": newest.at if newest else "", "about": about}
        )
    rows = [list(item.values()) for item in items]
    answers.give_all("views", items, table(("view", "over", "as of", "about"), rows))


def _show(answers: Answers, viewed: Viewed) -> None:
    rows = viewed.df.astype(object).where(viewed.df.notna(), None)
    shown = rows.head(_MOST_ROWS).drop(columns="version")
    numbers = [str(name) for name in viewed.df if viewed.df[name].dtype.kind in "iuf"]
    cells = ([_cell(value) for value in row] for row in shown.itertuples(index=False))
    text = table([*shown.columns], cells, numbers) if len(shown) else None
    items = ({str(name): value for name, value in row.items()} for row in rows.to_dict("records"))
    about = {"view": viewed.view.name, "edition": viewed.edition.number, "at": viewed.edition.at}
    answers.give_all("rows", items, text, **about)


def _cell(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e4 else value


def _conclude(answers: Answers, viewed: Viewed) -> None:
    told = changes_of(viewed.edition)
    more = f"; {_MOST_ROWS} shown, -o writes all" if len(viewed) > _MOST_ROWS else ""
    answers.say(f"{len(viewed):,} rows, edition {viewed.edition.number} ({told}){more}")
    for _, row in viewed.failed.head(_MOST_ROWS).iterrows():
        answers.say(f"failed: {row['asset']}: {row['error']}")
    if len(viewed.failed):
        answers.suggest("view", viewed.view.name, "--again")


def _history(answers: Answers, viewed: Viewed) -> None:
    items = [_edition(edition) for edition in viewed.history]
    rows = [list(item.values()) for item in items]
    answers.give_all("editions", items, table(_EDITIONS, rows, _EDITIONS[2:]))


def _edition(edition: Edition) -> dict[str, Any]:
    return {
        "edition": edition.number,
        "at": edition.at,
        "assets": sum(part.assets for part in edition.parts),
        "rows": sum(part.rows for part in edition.parts),
        **{what: edition.changes.get(what, 0) for what in ("made", "failed", "gone")},
    }


def _write(viewed: Viewed, path: Path) -> None:
    writers: dict[str, Callable[[Path], Any]] = {
        ".parquet": viewed.to_parquet,
        ".csv": lambda to: viewed.df.to_csv(to, index=False),
        ".json": lambda to: viewed.df.to_json(to, orient="records"),
    }
    if path.suffix not in writers:
        raise InputError(
            f"writing a view to {str(path)!r}: no such kind of file",
            hint=f"use one of: {', '.join(writers)}",
        )
    writers[path.suffix](path)
