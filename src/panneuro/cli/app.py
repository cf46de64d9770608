"""The command ``panneuro``: finds the verb, loads it, and turns what goes wrong into words."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import Any, NoReturn, cast

import click
from click.shell_completion import CompletionItem

from panneuro.cli import failures
from panneuro.cli.verbs import CALLED_ELSEWHERE, VERBS


class Verbs(click.Group):
    """The group of all commands, each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, in the order in which people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        if cmd_name not in VERBS:
            return None
        return cast(click.Command, import_module(f"panneuro.cli.{cmd_name}").command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; of another word, say what it is like."""
        word = args[0]
        if word not in VERBS and not word.startswith("-") and not ctx.resilient_parsing:
            near = CALLED_ELSEWHERE.get(word) or next(iter(get_close_matches(word, VERBS, 1)), "")
            meant = f"; did you mean {near!r}?" if near else ""
            raise click.UsageError(f"there is no command {word!r}{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(k, help=v) for k, v in VERBS.items() if k.startswith(incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and find out now whether somebody still reads its answer."""
        status = super().invoke(ctx)
        sys.stdout.flush()
        return status

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002
        **extra: Any,
    ) -> NoReturn:
        """Run the command line and exit with one of `failures.EXIT_CODES`."""
        words = sys.argv[1:] if args is None else list(args)
        if "_PANNEURO_COMPLETE" in os.environ:
            import_module("panneuro.cli.shells")
        with warnings.catch_warnings():
            warnings.showwarning = _ignore if failures.wants_quiet(words) else _tell
            try:
                status = super().main(
                    words, prog_name or "panneuro", complete_var, standalone_mode=False, **extra
                )
                code = status if isinstance(status, int) else 0
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
                code = failures.report(error, words)
        sys.exit(code)


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Show a library's warning in one line; where it came from only to who looks for it."""
    where = f" ({category.__name__}, {filename}:{lineno})" if failures.is_debugging() else ""
    click.echo(f"note: {' '.join(str(message).split())}{where}", err=True)


def _ignore(*_: Any, **__: Any) -> None:
    """Keep a library's warning to ourselves."""


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"panneuro {version('panneuro')}")
        ctx.exit()


@click.group("panneuro", cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
def main() -> None:
    """An open data lake for neurophysiology.

    \b
    panneuro add RECORDING --lake FOLDER      describe, compress, verify and keep a recording
    panneuro find CA1 'units>100'             search by content
    panneuro get NAME lfp --start 60 --stop 61 -o lfp.npy

    A lake is a folder, s3://bucket/prefix, gs://… or az://…; PANNEURO_LAKE names it once for all
    commands. The answer goes to stdout and the talk to stderr; --json gives the answer as one JSON
    document.
    """
