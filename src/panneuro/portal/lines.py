"""The lines that fetch what is on the screen: in Python, on the command line, with curl."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from panneuro.core.query import Query


@dataclass(frozen=True)
class Lines:
    """The same thing, three ways.

    Parameters
    ----------
    python, command, curl : str
        Ready to be pasted.
    """

    python: str
    command: str
    curl: str


def lines_of_search(origin: str, query: Query) -> Lines:
    """Return the lines that find what a search finds.

    Examples
    --------
    >>> from panneuro.core.query import parse
    >>> print(lines_of_search("https://lake.example", parse("CA1 units>100")).command)
    panneuro find ca1 'units>100' --lake https://lake.example/store
    """
    words, text = [str(condition) for condition in query.conditions], str(query)
    found = f"lake.find({_literal(text)})" if words else "lake.find()"
    return Lines(
        f"{_opened(origin)}\n{found}.df",
        f"{shlex.join(['panneuro', 'find', *words])} --lake {origin}/store",
        _curl(f"{origin}/assets", [("q", text)] if words else []),
    )


def lines_of_asset(origin: str, reference: str, signal: str = "") -> Lines:
    """Return the lines that open an asset, and one of its signals.

    Parameters
    ----------
    origin : str
        ``https://lake.example``.
    reference : str
        ``NAME@VERSION``.
    signal : str
        Its name; empty for the asset alone.
    """
    opened = f"{_opened(origin)}\nasset = lake[{_literal(reference)}]"
    inside = f"\nasset[{_literal(signal)}]" if signal else ""
    command = ["panneuro", "get" if signal else "show", reference, *([signal] if signal else [])]
    path = f"{origin}/assets/{reference}" + (f"/signals/{signal}" if signal else "")
    return Lines(
        opened + inside,
        f"{shlex.join(command)} --lake {origin}/store",
        _curl(path, [("format", "json")]),
    )


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _opened(origin: str) -> str:
    return f"import panneuro\nlake = panneuro.open({_literal(origin + '/store')})"


def _curl(address: str, fields: list[tuple[str, str]]) -> str:
    said = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in fields]
    return " ".join(["curl -G", *said, shlex.quote(address)])
