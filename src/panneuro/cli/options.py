"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from panneuro.cli.answers import Answers, Form

Command = Callable[..., Any]


def _places(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


lake_option = click.option(
    "--lake",
    metavar="PLACE",
    envvar="PANNEURO_LAKE",
    show_envvar=True,
    shell_complete=_places,
    help="The lake: a folder, s3://bucket/prefix, ….",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and do nothing."
)
yes_option = click.option(
    "--yes", "-y", is_flag=True, help="Go on beyond the size at which the command stops to ask."
)


def answering(*, items: bool = False, short: bool = True) -> Callable[[Command], Command]:
    """Give a command ``--json``, ``--jsonl``, ``--quiet``, and its `Answers` as first argument.

    Parameters
    ----------
    items : bool
        Whether it answers with many things, each of which is a line of ``--jsonl``.
    short : bool
        Whether there is ``-q`` too.
    """
    quietly = ("--quiet", "-q") if short else ("--quiet",)

    def decorate(function: Command) -> Command:
        @wraps(function)
        def command(as_json: bool, as_jsonl: bool, quiet: bool, **given: Any) -> Any:
            if as_json and as_jsonl:
                raise click.UsageError("--json and --jsonl do not go together")
            form: Form = "json" if as_json else "jsonl" if as_jsonl else "text"
            ctx = click.get_current_context()
            return function(Answers(ctx.info_name or "", form, quiet, _named_lake(ctx)), **given)

        wrapped: Command = click.option(*quietly, is_flag=True, help="Answer without talk.")(
            command
        )
        each = "a line of JSON each" if items else "one line of JSON"
        wrapped = click.option("--jsonl", "as_jsonl", is_flag=True, help=f"Answer with {each}.")(
            wrapped
        )
        return click.option(
            "--json", "as_json", is_flag=True, help="Answer with one JSON document."
        )(wrapped)

    return decorate


def _named_lake(ctx: click.Context) -> str:
    if ctx.get_parameter_source("lake") is not ParameterSource.COMMANDLINE:
        return ""
    return str(ctx.params.get("lake") or "")
