"""Write docs/reference/cli.md anew from the commands themselves.

Usage: ``python scripts/cli_reference.py``. A test keeps the page in step.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from panneuro.cli import main
from panneuro.cli.failures import EXIT_CODES
from panneuro.cli.verbs import VERBS

PAGE = Path(__file__).parents[1] / "docs/reference/cli.md"

INTRODUCTION = """\
# Command line

One command, `panneuro`, with a verb. This page is written by `scripts/cli_reference.py`.

- The answer goes to stdout, the talk to stderr; `--quiet` leaves out the talk.
- `--json` gives the answer as one JSON document, `--jsonl` as a line for each thing. `schema` in it
  says what it looks like: `panneuro/cli/find/1.0`. An error is a document too, with `code`,
  `message`, `hint` and `exit_code`; [errors](errors.md) lists the codes.
- `--dry-run` says what would be done and does nothing. Nothing is asked off a terminal.
- What was interrupted resumes when the same line is run again.
- Progress is in bytes of a known total: a bar on a terminal, elsewhere a line every ten seconds.
"""

ENVIRONMENT = (
    ("`PANNEURO_LAKE`", "the lake, where no `--lake` names one"),
    ("`PANNEURO_TOKENS`", "tokens for served lakes: `lake.example=pnr_…`, by spaces apart"),
    ("`PANNEURO_IMAGE`", "the container that a run is carried out in, which is noted with it"),
    ("`PANNEURO_OIDC_SECRET`", "the secret by which an identity provider knows `serve`"),
    ("`NO_COLOR`", "no colours, where it is not empty"),
    ("`PANNEURO_DEBUG`", "`1` shows where an error comes from, as a traceback"),
)


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def text(command: click.Command) -> Iterator[str]:
    """Yield a command's help, its examples as code."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            yield f"```text\n{paragraph.removeprefix('\b').strip()}\n```\n"
        else:
            yield f"{paragraph}\n"


def options(command: click.Command) -> Iterator[str]:
    """Yield a table of a command's options."""
    rows = []
    for option in command.params:
        if isinstance(option, click.Option):
            names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
            with click.Context(command) as ctx:
                metavar = option.make_metavar(ctx)
            takes = "" if option.is_flag or isinstance(option.flag_value, str) else metavar
            takes = metavar if option.name == "schema" else takes
            rows.append(
                (names, f"`{takes}`" if takes else "", " ".join((option.help or "").split()))
            )
    yield from table(("option", "takes", "meaning"), rows)


def verb(name: str) -> Iterator[str]:
    """Yield the section of one command."""
    with click.Context(main) as ctx:
        command = main.get_command(ctx, name)
    assert command is not None
    with click.Context(command, info_name=f"panneuro {name}") as ctx:
        usage = " ".join(command.collect_usage_pieces(ctx))
    yield f"## {name}\n"
    yield f"`panneuro {name} {usage}`\n"
    yield from text(command)
    yield from options(command)


def page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION]
    lines += table(("variable", "meaning"), list(ENVIRONMENT))
    lines += ["## Exit codes\n"]
    lines += table(("code", "meaning"), [(str(k), v) for k, v in EXIT_CODES.items()])
    for name in VERBS:
        lines += verb(name)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
