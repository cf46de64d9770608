"""What goes wrong, in words: message, hint, the next line to type, and an exit code."""

from __future__ import annotations

import errno
import json
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import click

from panneuro.cli.texts import printable
from panneuro.cli.verbs import VERBS
from panneuro.core.errors import PanneuroError

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done",
        1: "failed",
        2: "usage: the line cannot be understood",
        3: "not found",
        4: "not allowed",
        5: "invalid data: a file, a document or an object is not what it should be",
        6: "partly done: run the same line again to resume",
        7: "over a limit: say --yes, or ask for less",
        130: "interrupted: run the same line again to resume",
    }
)
"""Every status that the command ends with, and what it means."""

SAME_LINE = "run the same line again to resume"

_HELP = "panneuro {verb} --help"
_NEXT = {2: _HELP, 3: "panneuro find", 5: _HELP, 7: _HELP}
_ENOUGH = ("panneuro ", SAME_LINE, "--", "known: ", "name one of: ")
"""What a hint that is the next line to type already holds."""
_SCHEMA = "panneuro/cli/error/1.0"


@dataclass(frozen=True)
class Failure:
    """Something that went wrong, as it is told.

    Parameters
    ----------
    code : str
        Stable name, documented in the reference of errors.
    message : str
        What was being done and what was found.
    hint : str
        What to do next.
    exit_code : int
        One of `EXIT_CODES`.
    """

    code: str
    message: str
    hint: str = ""
    exit_code: int = 1

    def to_json(self) -> dict[str, object]:
        """Return the failure as JSON values."""
        return {"schema": _SCHEMA, **asdict(self)}


def is_debugging() -> bool:
    """Say whether the user wants to see where unexpected things come from."""
    return os.environ.get("PANNEURO_DEBUG", "") not in ("", "0")


def failure_of(error: BaseException) -> Failure:
    """Return what there is to say of an error."""
    match error:
        case PanneuroError():
            return Failure(error.code, error.message, error.hint, error.exit_code)
        case click.UsageError():
            return Failure("usage/invalid", error.format_message(), exit_code=2)
        case click.ClickException():
            return Failure("panneuro/error", error.format_message())
        case click.Abort() | KeyboardInterrupt():
            return Failure("interrupted", "interrupted", SAME_LINE, 130)
        case MemoryError():
            return Failure(
                "limit/memory", "there is not enough memory", "ask for less at once", exit_code=7
            )
        case OSError():
            return _of_system(error)
    return Failure(
        "panneuro/unexpected",
        f"something unexpected went wrong: {type(error).__name__}: {error}",
        "PANNEURO_DEBUG=1 in front of the line shows where; please report it",
    )


def _of_system(error: OSError) -> Failure:
    what = error.strerror or str(error) or type(error).__name__
    where = f"{os.fsdecode(error.filename)!r}: " if isinstance(error.filename, str | bytes) else ""
    message = f"{where}{what[:1].lower()}{what[1:]}"
    if isinstance(error, PermissionError):
        return Failure("access/denied", message, "ask the owner, or name another place", 4)
    if isinstance(error, FileNotFoundError):
        return Failure("file/not-found", message, "name a file that is there", 3)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("store/full", message, f"make room, then {SAME_LINE}")
    return Failure("system/failed", message)


def exit_code_of(code: str) -> int:
    """Return the exit code of an error of ours by its name, 1 for any other.

    Examples
    --------
    >>> exit_code_of("store/denied"), exit_code_of("step/failed")
    (4, 1)
    """
    return next((kind.exit_code for kind in _kinds(PanneuroError) if kind.code == code), 1)


def _kinds(kind: type[PanneuroError]) -> Iterator[type[PanneuroError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def status_of(failures: Iterable[Failure], *, some_done: bool) -> int:
    """Return the exit status where some of many things failed.

    Parameters
    ----------
    failures : iterable of Failure
        At least one.
    some_done : bool
        Whether anything went well.
    """
    codes = {failure.exit_code for failure in failures}
    return 6 if some_done else codes.pop() if len(codes) == 1 else 1


def next_line(failure: Failure, verb: str) -> str:
    """Return the next line to type after a failure, empty where the hint has it already."""
    if any(one in failure.hint for one in _ENOUGH):
        return ""
    status = 2 if failure.exit_code == 3 and verb == "add" else failure.exit_code
    line = _NEXT.get(status, "panneuro doctor").format(verb=verb)
    return " ".join(line.split())


def report(error: BaseException, words: Sequence[str]) -> int:
    """Tell of an error the way the command line asks for, and return the exit status.

    Parameters
    ----------
    error : BaseException
        What ended the command.
    words : sequence of str
        The command line.
    """
    if is_debugging():
        click.echo("".join(traceback.format_exception(error)), err=True)
    failure = failure_of(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    elif wants_json(words):
        click.echo(json.dumps(failure.to_json(), ensure_ascii=False))
    else:
        tell(failure, verb_of(words))
    return failure.exit_code


def tell(failure: Failure, verb: str) -> None:
    """Say a failure on stderr: what, why, and what to type next."""
    lines = [f"{click.style('error:', fg='red', bold=True)} {printable(failure.message)}"]
    lines += [f"  {printable(line)}" for line in failure.hint.splitlines()]
    following = next_line(failure, verb)
    lines += [f"  {following}"] if following else []
    colour = False if os.environ.get("NO_COLOR") else None
    click.echo("\n".join(lines), err=True, color=colour)


def wants_json(words: Sequence[str]) -> bool:
    """Say whether a command line asks for a JSON answer."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options or "--jsonl" in options


def wants_quiet(words: Sequence[str]) -> bool:
    """Say whether a command line asks for an answer without talk."""
    return "--quiet" in words or "-q" in words


def verb_of(words: Sequence[str]) -> str:
    """Return the verb of a command line, empty if it has none."""
    first = next((word for word in words if not word.startswith("-")), "")
    return first if first in VERBS else ""
