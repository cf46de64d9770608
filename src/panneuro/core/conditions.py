"""What a query is made of: words, conditions on fields, and alternatives of these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from panneuro.core.entry import Entry, fold, tokens, well_formed
from panneuro.core.errors import QueryError
from panneuro.core.fields import Field, asked_field
from panneuro.core.quantities import Range, range_of

Pattern = tuple[str, ...]
"""A value, cut where it has wildcards: one part is an exact value, ``("625", "")`` is ``625*``."""

OPERATORS = ("!=", ">=", "<=", "=", ">", "<")
"""Every operator, longer ones first."""

DEEPEST = 8
"""So deep alternatives lie within alternatives, at most."""

MOST = 20_000
"""So many conditions a query has, at most, alternatives and all."""

_QUOTED = re.compile(r'[\s"=<>!,*:()|]')


@dataclass(frozen=True, slots=True)
class Words:
    """Words that follow one another somewhere in the text, the name or a keyword of an asset.

    Parameters
    ----------
    tokens : tuple of str
        One word, or several for a phrase; they are folded.
    prefix : bool
        Whether the last one is only the beginning of a word.
    negated : bool
        Whether they must not be there.

    Raises
    ------
    QueryError
        If there is no letter and no digit in them.
    """

    tokens: tuple[str, ...]
    prefix: bool = False
    negated: bool = False

    def __post_init__(self) -> None:
        words = tuple(tokens(" ".join(self.tokens)))
        if not words:
            raise QueryError(
                f"cannot search for {' '.join(self.tokens)!r}: it has no letters and no digits"
            )
        object.__setattr__(self, "tokens", words)

    @property
    def run(self) -> str:
        """The words as they stand in `Entry.words`."""
        return f" {' '.join(self.tokens)}{'' if self.prefix else ' '}"

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry has these words, or lacks them where negated."""
        return (self.run in entry.words()) != self.negated

    def __str__(self) -> str:
        text = " ".join(self.tokens)
        shown = f'"{text}"' if len(self.tokens) > 1 else text
        return f"{'-' if self.negated else ''}{shown}{'*' if self.prefix else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return the condition as a JSON object."""
        return {"words": list(self.tokens), "prefix": self.prefix, "negated": self.negated}


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on one field.

    Keywords are compared whole, without regard to letter case, and may have wildcards; numbers
    and dates as 64-bit floats. ``!=`` is the exact opposite of ``=``: it also holds for what
    lacks the field.

    Parameters
    ----------
    field : str
        The field; an alias becomes the field's own name.
    operator : {"=", "!=", ">", ">=", "<", "<="}
        How it is compared.
    values : tuple of tuple of str
        Any of these; see `Pattern`.

    Raises
    ------
    QueryError
        If the field is unknown, or the operator or a value does not suit its kind.

    Examples
    --------
    >>> str(Match("duration", ">", (("10min",),)))
    'duration_s>10min'
    """

    field: str
    operator: str
    values: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        values = tuple(tuple(well_formed(part) for part in value) for value in self.values)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "field", asked_field(self.field, self._shown()).name)
        _check_operator(self)
        _ranges(self)

    @property
    def kind(self) -> str:
        """The kind of the field."""
        return self._field().kind

    @property
    def negated(self) -> bool:
        """Whether the condition is the opposite of its values."""
        return self.operator == "!="

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The values as folded keyword patterns; empty where only numbers can match."""
        if self.kind in {"number", "date"} or self.operator not in {"=", "!="}:
            return ()
        return tuple(tuple(fold(part) for part in value) for value in self.values)

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The values as ranges of numbers; empty where only keywords can match."""
        return _ranges(self)

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry meets the condition."""
        return self._found(entry) != self.negated

    def _found(self, entry: Entry) -> bool:
        patterns = self.patterns
        if patterns and any(
            fits(pattern, fold(value))
            for value in entry.strings(self.field)
            for pattern in patterns
        ):
            return True
        number = entry.number(self.field)
        return number is not None and any(number in one for one in self.ranges)

    def _field(self) -> Field:
        return asked_field(self.field, self.field)

    def _shown(self) -> str:
        shown = ("*".join(_quoted(part, value) for part in value) for value in self.values)
        return f"{self.field}{self.operator}{','.join(shown)}"

    def __str__(self) -> str:
        return self._shown()

    def to_json(self) -> dict[str, Any]:
        """Return the condition as a JSON object."""
        values = [list(value) for value in self.values]
        return {"field": self.field, "operator": self.operator, "values": values}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Alternatives, one of which at least must be met: each is met where all its conditions are.

    An alternative without conditions is always met. Where there are no alternatives none is met:
    that is the same as the opposite of what is always met, and is kept as that.

    Parameters
    ----------
    alternatives : tuple of tuple of Words, Match or AnyOf
        In any order; the same one twice counts once.
    negated : bool
        Whether none must be met.

    Raises
    ------
    QueryError
        If they lie deeper than `DEEPEST`, or are more than `MOST`.

    Examples
    --------
    >>> mice = Match("species", "=", (("mouse",),))
    >>> print(AnyOf(((mice,), (Words(("CA1",)), Words(("ripples",))))))
    (species=mouse | ca1 ripples)
    >>> print(AnyOf(()))
    -(*)
    """

    alternatives: tuple[tuple[Condition, ...], ...]
    negated: bool = False

    def __post_init__(self) -> None:
        distinct = dict.fromkeys(tuple(dict.fromkeys(one)) for one in self.alternatives)
        if not distinct:
            distinct = {(): None}
            object.__setattr__(self, "negated", not self.negated)
        object.__setattr__(self, "alternatives", tuple(distinct))
        check_size((self,))

    def _inner(self) -> Iterator[Condition]:
        return (condition for one in self.alternatives for condition in one)

    @property
    def depth(self) -> int:
        """How deep alternatives lie within alternatives, these being the first."""
        return 1 + depth(self._inner())

    @property
    def total(self) -> int:
        """How many conditions and alternatives there are inside."""
        return len(self.alternatives) + size(self._inner())

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry meets one of the alternatives, or none where negated."""
        met = any(all(one.matches(entry) for one in every) for every in self.alternatives)
        return met != self.negated

    def __str__(self) -> str:
        shown = (" ".join(map(str, every)) or "*" for every in self.alternatives)
        return f"{'-' if self.negated else ''}({' | '.join(shown)})"

    def to_json(self) -> dict[str, Any]:
        """Return the condition as a JSON object."""
        alternatives = [[one.to_json() for one in every] for every in self.alternatives]
        return {"any_of": alternatives, "negated": self.negated}


Condition = Words | Match | AnyOf


def depth(conditions: Iterable[Condition]) -> int:
    """Return how deep alternatives lie within alternatives."""
    return max((one.depth for one in conditions if isinstance(one, AnyOf)), default=0)


def size(conditions: Iterable[Condition]) -> int:
    """Return how many conditions there are, and in alternatives."""
    return sum(1 + (one.total if isinstance(one, AnyOf) else 0) for one in conditions)


def check_size(conditions: Iterable[Condition]) -> None:
    """Refuse what would take too long to answer.

    Raises
    ------
    QueryError
        If alternatives lie deeper than `DEEPEST`, or there are more than `MOST` conditions.
    """
    listed = tuple(conditions)
    if depth(listed) > DEEPEST:
        raise QueryError(f"cannot search for alternatives within alternatives {DEEPEST} deep")
    if size(listed) > MOST:
        raise QueryError(f"cannot search with more than {MOST} conditions")


def condition_from_json(value: Any, level: int = 0) -> Condition:
    """Return the condition that ``to_json`` wrote.

    Parameters
    ----------
    value : mapping
        As JSON has it.
    level : int
        How deep it lies within alternatives.

    Raises
    ------
    QueryError
        If the value is not that of a condition, or lies too deep.
    """
    match value:
        case {"any_of": [*alternatives], "negated": bool(negated)} if level < DEEPEST and all(
            isinstance(every, list) for every in alternatives
        ):
            return AnyOf(
                tuple(
                    tuple(condition_from_json(one, level + 1) for one in every)
                    for every in alternatives
                ),
                negated,
            )
        case {"words": [*words], "prefix": bool(prefix), "negated": bool(negated)} if all(
            isinstance(word, str) for word in words
        ):
            return Words(tuple(words), prefix, negated)
        case {"field": str(field), "operator": str(operator), "values": [*values]} if all(
            _is_pattern(one) for one in values
        ):
            return Match(field, operator, tuple(tuple(one) for one in values))
        case _:
            raise QueryError(f"cannot read a condition from {str(value)[:80]!r}")


def _is_pattern(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(p, str) for p in value)


def fits(pattern: Pattern, text: str) -> bool:
    """Tell whether a folded text is what a folded pattern describes.

    Examples
    --------
    >>> fits(("625", ""), "625463"), fits(("625",), "625463")
    (True, False)
    """
    if len(pattern) == 1:
        return pattern[0] == text
    first, *middle, last = pattern
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _check_operator(match: Match) -> None:
    word = str(match)
    if match.operator not in OPERATORS:
        raise QueryError(
            f"cannot understand {word!r}: no operator {match.operator!r}",
            hint=f"operators: {' '.join(OPERATORS)}",
        )
    if not match.values or not all(match.values):
        raise QueryError(f"cannot understand {word!r}: it has no value")
    if match.operator in {"=", "!="}:
        return
    if match.kind not in {"number", "date", "any"}:
        raise QueryError(
            f"cannot understand {word!r}: {match.field!r} is not a number or a date",
            hint=f"compare it with = or !=: {match.field}=…",
        )
    if len(match.values) > 1:
        raise QueryError(
            f"cannot understand {word!r}: {match.operator} takes one value",
            hint="several values, any of which may match, go with = or !=",
        )


@lru_cache(maxsize=1024)
def _ranges(match: Match) -> tuple[Range, ...]:
    field = asked_field(match.field, match.field)
    if field.kind not in {"number", "date", "any"}:
        return ()
    found = []
    for value in match.values:
        try:
            found.append(range_of(field, match.operator, "*".join(value), str(match)))
        except QueryError:
            if field.kind != "any" or match.operator not in {"=", "!="}:
                raise
    return tuple(found)


def _quoted(part: str, value: Pattern) -> str:
    if (part == "" and len(value) == 1) or _QUOTED.search(part):
        return '"' + part.replace('"', '""') + '"'
    return part
