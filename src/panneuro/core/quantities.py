"""Numbers and dates as people write them in a search: ``10min``, ``100..500``, ``2024-05``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from panneuro.core.errors import QueryError
from panneuro.core.fields import Field

_DAY = 86_400.0
_UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "": {},
        "s": {"ms": 1e-3, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": _DAY},
        "days": {"d": 1, "days": 1, "w": 7, "weeks": 7, "months": 30.4375, "y": 365.25},
        "bytes": {
            "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
            "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50,
        },
    }
)  # fmt: skip
_NUMBER = re.compile(
    r"([+-]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)", re.ASCII | re.I
)
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d?))?", re.ASCII)
_MAX_TEXT = 80


class Range(NamedTuple):
    """All numbers from low to high; an open end is left out."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, float):
            return False
        above = self.low < value if self.low_open else self.low <= value
        below = value < self.high if self.high_open else value <= self.high
        return above and below


def range_of(field: Field, operator: str, text: str, word: str) -> Range:
    """Return the numbers that an operator and a text stand for.

    Parameters
    ----------
    field : Field
        A number, a date (then in seconds since 1970) or a lab's own field.
    operator : {"=", "!=", ">", ">=", "<", "<="}
        ``!=`` gives the range that is to be left out.
    text : str
        A number with or without a unit, a date, a range ``a..b`` open on either side, or ``*``.
    word : str
        The whole word, for the error.

    Raises
    ------
    QueryError
        If the text is not of that kind.
    """
    if operator in {"=", "!="}:
        if text == "*":
            return Range()
        if ".." in text:
            return _between(field, text, word)
        return _span(field, text, word)
    span = _span(field, text, word)
    match operator:
        case ">":
            return Range(low=span.high, low_open=not span.high_open)
        case ">=":
            return Range(low=span.low)
        case "<":
            return Range(high=span.low, high_open=True)
        case _:
            return Range(high=span.high, high_open=span.high_open)


def _between(field: Field, text: str, word: str) -> Range:
    low, _, high = text.partition("..")
    if not low and not high:
        raise QueryError(f"cannot understand {word!r}: the range has no end", hint="write 100..500")
    first = _span(field, low, word) if low else Range()
    last = _span(field, high, word) if high else Range()
    if first.low > last.high:
        raise QueryError(
            f"cannot understand {word!r}: the range is empty", hint=f"did you mean {high}..{low}?"
        )
    return Range(low=first.low, high=last.high, high_open=last.high_open)


def _span(field: Field, text: str, word: str) -> Range:
    if field.kind == "date":
        return _period(text.strip(), word)
    value = _number(field, text.strip(), word)
    return Range(value, value)


def _number(field: Field, text: str, word: str) -> float:
    found = _NUMBER.fullmatch(text) if len(text) <= _MAX_TEXT else None
    factors = _UNITS[field.unit]
    if found is None:
        raise QueryError(
            f"cannot understand {word!r}: {text[:_MAX_TEXT]!r} is not a number",
            hint=f"{field.name} is {field.about}: write {field.name}>100 or {field.name}=100..500",
        )
    digits, unit = found.groups()
    factor = factors.get(unit.lower()) if unit else 1.0
    if factor is None:
        known = ", ".join(factors) or "none"
        raise QueryError(
            f"cannot understand {word!r}: unknown unit {unit!r}",
            hint=f"units for {field.name}: {known}",
        )
    return float(digits.replace("_", "")) * factor


def _period(text: str, word: str) -> Range:
    try:
        found = _PERIOD.fullmatch(text)
        if found:
            return _month_or_year(int(found[1]), int(found[2]) if found[2] else None)
        start = datetime.fromisoformat(text)
        return _from(start if start.tzinfo else start.replace(tzinfo=UTC), _length(text, start))
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"cannot understand {word!r}: {text[:_MAX_TEXT]!r} is not a date",
            hint="write 2024, 2024-05, 2024-05-01 or 2024-05-01T10:00",
        ) from error


def _month_or_year(year: int, month: int | None) -> Range:
    start = datetime(year, month or 1, 1, tzinfo=UTC)
    last = month in {None, 12}
    if last and year == 9999:
        return Range(start.timestamp())
    end = datetime(year + last, 1 if last else (month or 1) + 1, 1, tzinfo=UTC)
    return Range(start.timestamp(), end.timestamp(), high_open=True)


def _length(text: str, start: datetime) -> timedelta:
    clock = text.partition("T")[2] or text.partition(" ")[2]
    if not clock:
        return timedelta(days=1)
    if start.microsecond or "." in clock:
        return timedelta(0)
    return timedelta(seconds=1) if clock.count(":") > 1 else timedelta(minutes=1)


def _from(start: datetime, length: timedelta) -> Range:
    first = start.timestamp()
    return Range(first, first + length.total_seconds(), high_open=bool(length))
