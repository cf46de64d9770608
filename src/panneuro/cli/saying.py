"""What the person at the command line says about a recording: flags, files, prompts."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from panneuro.cli.completing import settings
from panneuro.cli.texts import printable
from panneuro.core.errors import DocumentError, InputError
from panneuro.documents import Documents, Finding, load_overrides, set_field, validate
from panneuro.documents.profiles import REQUIREMENTS

Said = dict[str, Any]

_PLAIN = ("missing", "contradicts-recording")
"""Codes of findings that need no more words than their own."""

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
        If a flag is not ``SLOT.FIELD=VALUE``, there is no such field, or it cannot hold the value.
    """
    result: Said = dict(said or {})
    for assignment in assignments:
        path, found, value = assignment.partition("=")
        if not found or "." not in path:
            raise InputError(
                f"--set {assignment!r} says nothing of a field",
                hint="--set SLOT.FIELD=VALUE, as in --set subject.species=mouse",
            )
        with typed():
            result = set_field(result, path.strip(), value)
    return result


@contextmanager
def typed() -> Iterator[None]:
    """Take a field or value that was typed, and is none, for a wrong line: no document is wrong."""
    try:
        yield
    except DocumentError as error:
        raise InputError(error.message, hint=error.hint) from error


def from_file(path: Path | None, names: Iterable[str], subject: Callable[[], str | None]) -> Said:
    """Return what a file says of a session.

    Parameters
    ----------
    path : Path, optional
        The file.
    names : iterable of str
        What the session is called: its file, its folder, its asset.
    subject : callable
        Returns its subject, where the file tells sessions by that alone.
    """
    if path is None:
        return {}
    overrides = load_overrides(path)
    return overrides.for_session(names, subject() if overrides.needs_subject else None)


@contextmanager
def remembering(*, always: bool = False) -> Iterator[list[str]]:
    """Give a list for answers as flags, and tell them where what they were given for fails.

    Nobody is asked twice: the flags are typed at the end of the line.

    Parameters
    ----------
    always : bool
        Tell them also where nothing fails: what was asked for was only tried.
    """
    flags: list[str] = []
    try:
        yield flags
    except BaseException:
        always = True
        raise
    finally:
        if always and flags:
            click.echo("to give the same answers again, end the line with", err=True)
            click.echo(f"  {printable(shlex.join(flags))}", err=True)


def ask(
    documents: Documents,
    said: Mapping[str, Any],
    flags: list[str],
    severities: Container[str] = ("error",),
) -> Said:
    """Ask a person for what is missing, and for the zone of a time that has none.

    Parameters
    ----------
    documents : Documents
        What is known.
    said : mapping
        What was said before; answers are added to it.
    flags : list of str
        Each answer is added to it as a flag.
    severities : container of str
        How much what is missing must matter to be asked for; what is no error may be left empty.
    """
    result: Said = dict(said)
    for finding in validate(documents):
        asked = _asked(finding)
        if asked and finding.severity in severities:
            path, what, example = asked
            question = f"{path}: {what} (as in {example!r})"
            optional = finding.severity != "error"
            result = _ask_one(result, path, question, flags, optional=optional)
    return result


def _asked(finding: Finding) -> tuple[str, str, str] | None:
    """Return the field that settles a finding, what it is and an example, if it can be asked."""
    if finding.code == "missing":
        examples = {requirement.paths[0]: requirement.example for requirement in REQUIREMENTS}
        return finding.path, finding.message.removeprefix("missing: "), examples[finding.path]
    if (finding.path, finding.code) == ("acquisition.session_start", "no-time-zone"):
        what = f"the zone of the rig's clock, which said {finding.found} at the start"
        return "acquisition.timezone", what, "Europe/Paris"
    return None


def _ask_one(said: Said, path: str, question: str, flags: list[str], *, optional: bool) -> Said:
    default = "" if optional else None
    while True:
        try:
            answer = click.prompt(question, default=default, show_default=False, err=True)
        except click.Abort:
            click.echo(err=True)
            raise
        if not answer:
            return said
        try:
            result = set_field(said, path, answer)
        except DocumentError as error:
            click.echo(f"  {printable(error.message)}", err=True)
        else:
            flags += ["--set", f"{path}={answer}"]
            return result


def tell_findings(findings: Iterable[Finding], say: Callable[[str], None]) -> None:
    """Say briefly what else could be said: every *should* and unknown word, how many other tips."""
    tips = 0
    for finding in findings:
        if finding.severity == "should" and finding.code in _PLAIN:
            say(f"  should: {finding.path}: {finding.message.removeprefix('missing: ')}")
        elif finding.severity == "should" or finding.code == "unknown-word":
            say(f"  {finding.severity}: {finding.told}")
        else:
            tips += finding.severity == "tip"
    if tips:
        say(f"  and {tips} tip{'s' * (tips > 1)}: panneuro describe --profile publish NAME")


def is_attended(no_input: bool) -> bool:
    """Say whether questions may be asked."""
    return not no_input and sys.stdin.isatty() and sys.stderr.isatty()
