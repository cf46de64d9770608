"""What the person at the command line says about a recording: flags, files, prompts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from panneuro.cli.completing import settings
from panneuro.core.errors import DocumentError, InputError
from panneuro.documents import Documents, Finding, load_overrides, set_field, validate
from panneuro.documents.profiles import REQUIREMENTS

Said = dict[str, Any]

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="SLOT.FIELD=VALUE",
    shell_complete=settings,
    help="Say one thing: subject.species=mouse; may be given again.",
)
describe_option = click.option(
    "--describe",
    "described",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Say what a YAML, JSON or CSV file says.",
)
no_input_option = click.option("--no-input", is_flag=True, help="Ask nothing, even on a terminal.")


def from_flags(assignments: Iterable[str], said: Mapping[str, Any] | None = None) -> Said:
    """Return what ``--set`` flags say, over what was said before.

    Raises
    ------
    InputError
        If a flag is not ``SLOT.FIELD=VALUE``.
    DocumentError
        If there is no such field, or it cannot hold the value.
    """
    result: Said = dict(said or {})
    for assignment in assignments:
        path, found, value = assignment.partition("=")
        if not found or "." not in path:
            raise InputError(
                f"--set {assignment!r} says nothing of a field",
                hint="--set SLOT.FIELD=VALUE, as in --set subject.species=mouse",
            )
        result = set_field(result, path.strip(), value)
    return result


def from_file(path: Path | None, session: str | None = None) -> Said:
    """Return what a file says of a session."""
    return load_overrides(path).for_session(session) if path else {}


def gaps(documents: Documents, profile: str = "lake") -> list[Finding]:
    """Return what must be said and is not."""
    return [
        finding
        for finding in validate(documents, profile)
        if finding.severity == "error" and finding.code == "missing"
    ]


def ask(documents: Documents, said: Mapping[str, Any]) -> Said:
    """Ask a person for everything that must be said and is not.

    Parameters
    ----------
    documents : Documents
        What is known.
    said : mapping
        What was said before; answers are added to it.
    """
    examples = {requirement.paths[0]: requirement.example for requirement in REQUIREMENTS}
    result: Said = dict(said)
    for finding in gaps(documents):
        what = finding.message.removeprefix("missing: ")
        result = _ask_one(result, finding.path, f"{what} (as in {examples[finding.path]!r})")
    return result


def _ask_one(said: Said, path: str, question: str) -> Said:
    while True:
        answer = click.prompt(f"{path}: {question}", err=True, type=str)
        try:
            return set_field(said, path, answer)
        except DocumentError as error:
            click.echo(f"  {error.message}", err=True)


def tell_findings(findings: Iterable[Finding], say: Callable[[str], None]) -> None:
    """Say briefly what else could be said: every *should*, and how many tips there are."""
    tips = 0
    for finding in findings:
        if finding.severity == "should":
            say(f"  should: {finding.path}: {finding.message.removeprefix('missing: ')}")
        tips += finding.severity == "tip"
    if tips:
        say(f"  and {tips} tip{'s' * (tips > 1)}: panneuro describe --profile publish NAME")


def is_attended(no_input: bool) -> bool:
    """Say whether questions may be asked."""
    return not no_input and sys.stdin.isatty() and sys.stderr.isatty()
