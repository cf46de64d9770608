"""Numbers and tables as people read them."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_GAP = "  "
_NARROWEST = 10


def printable(text: object) -> str:
    """Return text without what would steer a terminal; line breaks stay.

    Examples
    --------
    >>> printable("\\x1b[31mred")
    '�[31mred'
    """
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "�"
        for c in str(text)
    )


def in_bytes(count: float) -> str:
    """Return a number of bytes in the unit that suits it, powers of 1000.

    Examples
    --------
    >>> in_bytes(1_234_567), in_bytes(12)
    ('1.23 MB', '12 bytes')
    """
    power = 0
    while abs(count) >= 999.5 and power < len(_UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.3g} {_UNITS[power]}" if power else f"{count:.0f} bytes"


def counted(count: int, noun: str) -> str:
    """Return a number of things, in words that agree with it.

    Examples
    --------
    >>> counted(1, "version"), counted(1200, "version")
    ('1 version', '1,200 versions')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def in_time(seconds: float) -> str:
    """Return a length of time.

    Examples
    --------
    >>> in_time(3725), in_time(2.25)
    ('1:02:05', '2.25 s')
    """
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[str] = ()) -> str:
    """Return an aligned table; columns that are empty throughout are left out.

    On a terminal, columns but the first are cut so that a row fits on a line.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Cells; None is empty.
    right : iterable of str
        Columns that are aligned to the right.

    Examples
    --------
    >>> print(table(["name", "units"], [["a", 7], ["bcd", 120]], right=["units"]))
    name  units
    a         7
    bcd     120
    """
    cells = [["" if cell is None else _one_line(cell) for cell in row] for row in rows]
    kept = [
        at for at in range(len(header)) if at == 0 or not cells or any(row[at] for row in cells)
    ]
    lines = [[header[at] for at in kept], *([row[at] for at in kept] for row in cells)]
    widths = _fitted([max(map(_width, column)) for column in zip(*lines, strict=True)])
    aligned = {at for at, column in enumerate(kept) if header[column] in set(right)}
    return "\n".join(_line(line, widths, aligned) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: set[int]) -> str:
    shown = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        text = _cut(cell, width)
        padding = " " * (width - _width(text))
        shown.append(padding + text if at in right else text + padding)
    return _GAP.join(shown).rstrip()


def _fitted(widths: list[int]) -> list[int]:
    """Take from the columns but the first, the last one first, until a line fits the terminal."""
    if not sys.stdout.isatty():
        return widths
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
    for at in reversed(range(1, len(widths))):
        taken = max(0, min(over, widths[at] - _NARROWEST))
        widths[at] -= taken
        over -= taken
    return widths


def _one_line(cell: object) -> str:
    return printable(" ".join(str(cell).split()))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…"
