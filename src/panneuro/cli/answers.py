"""How a command answers: the answer on stdout in the form asked for, the talk on stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import click

from panneuro.cli.failures import Failure, tell
from panneuro.cli.texts import printable

Form = Literal["text", "json", "jsonl"]


@dataclass(frozen=True)
class Answers:
    """The voice of one command.

    Parameters
    ----------
    verb : str
        The command.
    form : {"text", "json", "jsonl"}
        Of the answer.
    quiet : bool
        Whether to answer without talk.
    lake : str
        The lake that the line names; empty where the environment names it.
    """

    verb: str
    form: Form = "text"
    quiet: bool = False
    lake: str = ""

    @property
    def schema(self) -> str:
        """Name and version of what the JSON answer looks like."""
        return f"panneuro/cli/{self.verb}/1.0"

    @property
    def is_text(self) -> bool:
        """Whether people read the answer."""
        return self.form == "text"

    def say(self, text: str) -> None:
        """Talk."""
        if not self.quiet:
            click.echo(printable(text), err=True)

    def fail(self, failure: Failure) -> None:
        """Tell that one of several things failed."""
        if self.is_text:
            tell(failure, self.verb)

    def suggest(self, *words: str) -> None:
        """Say which line could be typed next."""
        named = ("--lake", self.lake) if self.lake else ()
        self.say(f"next: {shlex.join(['panneuro', *words, *named])}")

    def give(self, document: Mapping[str, Any], text: str | None = None) -> None:
        """Answer with one thing: a JSON document, or text for people."""
        if self.form == "text":
            if text is not None:
                click.echo(printable(text))
        else:
            click.echo(_json({"schema": self.schema, **document}))

    def line(self, item: Mapping[str, Any]) -> None:
        """Answer with one of many things, where lines are asked for."""
        if self.form == "jsonl":
            click.echo(_json({"schema": self.schema, **item}))

    def give_all(
        self,
        key: str,
        items: Iterable[Mapping[str, Any]],
        text: str | None = None,
        **about: Any,
    ) -> None:
        """Answer with many things: one JSON document, a line each, or text for people.

        Parameters
        ----------
        key : str
            What the things are called in the document.
        items : iterable of mapping
            The things.
        text : str, optional
            The same for people.
        **about
            What else the document says.
        """
        if self.form == "jsonl":
            for item in items:
                self.line(item)
        elif self.form == "json":
            self.give({**about, key: list(items)})
        elif text is not None:
            self.give({}, text)


def on_terminal() -> bool:
    """Say whether a person is there to answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """Return a NumPy value, a set or a time as JSON has it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return list(value) if isinstance(value, set | frozenset | tuple) else str(value)
