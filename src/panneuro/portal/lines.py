"""The lines that fetch what is on the screen: in Python, on the command line, with curl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from panneuro.core.query import Query

Wanted = tuple[str, str, object]
"""An asset with its version, and the signal and the unit in it, if any."""


@dataclass(frozen=True)
class Lines:
    """The same thing, three ways.

    Parameters
    ----------
    python, command, curl : str
        Ready to be pasted; empty where there is no such way.
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
    found = f"lake.find({literal(text)})" if words else "lake.find()"
    return Lines(
        f"{opened(origin)}\n{found}.df",
        f"{shlex.join(['panneuro', 'find', *words])} --lake {origin}/store",
        _curl(f"{origin}/assets", [("q", text)] if words else []),
    )


def lines_of_asset(origin: str, reference: str, signal: str = "", unit: object = None) -> Lines:
    """Return the lines that open an asset, one of its signals, or one of its units.

    Parameters
    ----------
    origin : str
        ``https://lake.example``.
    reference : str
        ``NAME@VERSION``.
    signal : str
        Its name; empty for the asset alone.
    unit : object, optional
        Id of a unit of the signal.

    Examples
    --------
    >>> print(lines_of_asset("https://lake.example", "m1@0a", "units", 7).python)
    import panneuro
    lake = panneuro.open("https://lake.example/store")
    asset = lake["m1@0a"]
    asset["units"][7]
    """
    command = ["panneuro", "get" if signal else "show", reference, *([signal] if signal else [])]
    command += ["--unit", str(unit)] if unit is not None else []
    path = _address(origin, reference, signal, unit)
    return Lines(
        f"{opened(origin)}\nasset = lake[{literal(reference)}]" + _inside("asset", signal, unit),
        f"{shlex.join(command)} --lake {origin}/store",
        _curl(path, [("format", "json")]),
    )


def lines_of_several(origin: str, wanted: Sequence[Wanted]) -> Lines:
    """Return the lines that open several assets or units, and what tells them apart.

    Parameters
    ----------
    origin : str
        ``https://lake.example``.
    wanted : sequence of (str, str, object)
        ``NAME@VERSION`` with the signal and unit; empty and None for whole assets.
    """
    units = any(signal for _, signal, _ in wanted)
    items = [
        f"    lake[{literal(reference)}]{_inside('', signal, unit).strip()},"
        for reference, signal, unit in wanted
    ]
    names = "trains" if units else "assets"
    commands = [
        lines_of_asset(origin, reference, signal, unit).command
        for reference, signal, unit in wanted
    ]
    fields = [
        ("unit", f"{reference}/{signal}/{unit}") if signal else ("asset", reference)
        for reference, signal, unit in wanted
    ]
    return Lines(
        "\n".join([opened(origin), f"{names} = [", *items, "]"]),
        "\n".join(commands),
        _curl(f"{origin}/compare", [*fields, ("format", "json")]),
    )


def lines_of_table(origin: str, path: str, form: str = "parquet", **fields: str) -> Lines:
    """Return the lines that fetch a table; on the command line that takes curl, too.

    Parameters
    ----------
    origin : str
        ``https://lake.example``.
    path : str
        ``/cost``.
    form : {"parquet", "csv"}
        In which it is fetched.
    **fields : str
        What is asked there.

    Examples
    --------
    >>> print(lines_of_table("https://lake.example", "/cost", "csv", by="asset").python)
    import pandas as pd
    pd.read_csv("https://lake.example/cost?by=asset&format=csv")
    """
    place = f"{origin}{path}?{urlencode({**fields, 'format': form})}"
    return Lines(
        f"import pandas as pd\npd.read_{form}({literal(place)})",
        "",
        _curl(f"{origin}{path}", [*fields.items(), ("format", "json")]),
    )


def _inside(name: str, signal: str, unit: object) -> str:
    if not signal:
        return ""
    return f"\n{name}[{literal(signal)}]" + ("" if unit is None else f"[{literal(unit)}]")


def _address(origin: str, reference: str, signal: str, unit: object) -> str:
    path = f"{origin}/assets/{quote(reference, safe='@')}"
    path += f"/signals/{quote(signal, safe='')}" if signal else ""
    return path if unit is None else f"{path}/units/{quote(str(unit), safe='')}"


def literal(value: object) -> str:
    """Return a text or a number as Python has it."""
    return json.dumps(value, ensure_ascii=False)


def opened(origin: str) -> str:
    """Return the lines that open a served lake."""
    return f"import panneuro\nlake = panneuro.open({literal(origin + '/store')})"


def _curl(address: str, fields: list[tuple[str, str]]) -> str:
    said = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in fields]
    return " ".join(["curl -G", *said, shlex.quote(address)])
