"""Query: what is searched for. A value that reads and writes itself as one line of text."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from panneuro.core.conditions import (
    OPERATORS,
    AnyOf,
    Condition,
    Match,
    Pattern,
    Words,
    check_size,
    condition_from_json,
)
from panneuro.core.entry import Entry
from panneuro.core.errors import QueryError
from panneuro.core.fields import ALIASES, FIELDS, is_extension
from panneuro.core.grouping import Word, grouped

Scalar = str | float | int | bool | date
"""What the value of a keyword of `parse` may be, or be a list of."""

_OPERATOR_CHARS = frozenset("=<>!")
_SLIPS: Mapping[str, str] = {"==": "=", "=>": ">=", "=<": "<=", "<>": "!=", "!": "!=", "=!": "!="}
_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_ONE_CONDITION = re.compile(r"-?[A-Za-z][\w.-]*(!=|>=|<=|=|>|<|:)[^=<>!:\"]*", re.ASCII)
_GROUP = re.compile(r"-?\(|\|$")
_GROUPING = frozenset("()|")
_MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: conditions that must all be met. The empty query finds everything.

    Parameters
    ----------
    conditions : tuple of Words, Match or AnyOf
        In any order; the same one twice counts once.

    Raises
    ------
    QueryError
        If they are too many, or lie too deep in alternatives.

    Examples
    --------
    >>> query = parse("CA1 ripples units>100") & parse(species="mouse")
    >>> print(query)
    ca1 ripples units>100 species=mouse
    >>> parse(str(query)) == query
    True
    >>> print(parse("species=mouse") & (parse("project=retina") | ~parse("lab=Smith")))
    species=mouse (project=retina | -(lab=Smith))
    """

    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", tuple(dict.fromkeys(self.conditions)))
        check_size(self.conditions)

    @property
    def words(self) -> tuple[Words, ...]:
        """The words that must be there, by which results are ranked."""
        return tuple(c for c in self.conditions if isinstance(c, Words) and not c.negated)

    @property
    def is_nothing(self) -> bool:
        """Whether it says itself that it finds nothing, whatever there is.

        Examples
        --------
        >>> (parse("species=mouse") & NOTHING).is_nothing, EVERYTHING.is_nothing
        (True, False)
        """
        return NOTHING.conditions[0] in self.conditions

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry is found: the meaning that every catalog must give the query."""
        return all(condition.matches(entry) for condition in self.conditions)

    def __and__(self, other: Query) -> Query:
        return Query(self.conditions + other.conditions)

    def __or__(self, other: Query) -> Query:
        return any_of((self, other))

    def __invert__(self) -> Query:
        return Query((AnyOf((self.conditions,), negated=True),))

    def __str__(self) -> str:
        return " ".join(str(condition) for condition in self.conditions)

    def to_json(self) -> str:
        """Return the query as JSON text."""
        return json.dumps([condition.to_json() for condition in self.conditions])

    @classmethod
    def from_json(cls, text: str | bytes) -> Query:
        """Return the query that `to_json` wrote.

        Raises
        ------
        QueryError
            If the text is not that of a query.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"cannot read a query from {text[:80]!r}: {error}") from error
        if not isinstance(values, list):
            raise QueryError(f"cannot read a query from {text[:80]!r}: it is not a list")
        return cls(tuple(condition_from_json(value) for value in values))


def any_of(queries: Iterable[Query]) -> Query:
    """Return what finds all that one of some queries finds; of none, what finds nothing.

    Examples
    --------
    >>> print(any_of([parse("CA1 units>100"), parse("lab=Smith")]))
    (ca1 units>100 | lab=Smith)
    """
    return Query((AnyOf(tuple(query.conditions for query in queries)),))


EVERYTHING = Query()
"""What finds everything."""

NOTHING = any_of(())
"""What finds nothing."""


def parse(text: str | Iterable[str] = "", /, **fields: Scalar | Iterable[Scalar]) -> Query:
    """Read a search.

    Parameters
    ----------
    text : str or iterable of str
        Words that must all be found (``"two words"`` for a phrase, ``-word`` for one that must
        be absent, ``ripp*`` for a beginning) and conditions: ``field=value``, ``field!=value``,
        ``units>100``, ``units=100..500``, ``date=2024-05``, ``duration>10min``, ``size>2GB``,
        ``has:lfp``, ``species=mouse,rat`` for any of them, ``subject=625*``; alternatives stand in
        parentheses: ``(lab=Smith | units>100 has:lfp)``, ``-(…)`` for their opposite. A list is
        taken as the words that a shell has cut already.
    **fields
        The same by field: ``units=">100"``, ``area=["CA1", "CA3"]``. In a name with dots the dots
        become two underscores: ``extensions__smith__rig=5``.

    Returns
    -------
    Query

    Raises
    ------
    QueryError
        If a word cannot be understood; it names the word and suggests what was meant.

    Examples
    --------
    >>> print(parse('"sharp wave" -noise duration>10min', area=["CA1", "CA3"]))
    "sharp wave" -noise duration_s>10min area=CA1,CA3
    """
    words = _lexed(text, cut=True) if isinstance(text, str) else _shell_words(text)
    conditions = grouped(words, _condition)
    return Query(conditions + tuple(_keyword(name, value) for name, value in fields.items()))


def _shell_words(words: Iterable[str]) -> Iterable[Word]:
    for word in words:
        if not isinstance(word, str):
            raise QueryError(f"cannot understand {word!r}: a search is made of strings")
        if _ONE_CONDITION.fullmatch(word):
            yield from (
                [(c, q or c in _GROUPING) for c, q in one] for one in _lexed(word, cut=False)
            )
        elif _GROUP.match(word):
            yield from _lexed(word, cut=True)
        elif _OPERATOR_CHARS.isdisjoint(word) and '"' not in word and " " in word.strip():
            negated = word.startswith("-")
            yield [("-", False)] * negated + [(c, True) for c in word[negated:]]
        else:
            yield from _lexed(word, cut=True)


def _lexed(text: str, *, cut: bool) -> list[Word]:
    """Cut a text into words at unquoted white space; a doubled quote in quotes is a quote."""
    if len(text) > _MAX_TEXT:
        raise QueryError(f"cannot understand a search of {len(text)} characters")
    words: list[Word] = [[]]
    quoted, at = False, 0
    while at < len(text):
        char = text[at]
        if char == '"':
            if quoted and text[at + 1 : at + 2] == '"':
                words[-1].append(('"', True))
                at += 1
            else:
                quoted = not quoted
                words[-1].append(("", True))
        elif cut and not quoted and char.isspace():
            words.append([])
        else:
            words[-1].append((char, quoted))
        at += 1
    if quoted:
        raise QueryError(
            f"cannot understand {_plain(words[-1])!r}: the quote is not closed", hint='add a "'
        )
    return [word for word in words if word]


def _condition(word: Word) -> list[Condition]:
    negated = len(word) > 1 and word[0] == ("-", False)
    body = word[negated:]
    at = _operator_at(body)
    if at is None:
        return _words(body, negated)
    operator = _operator(body, at, _plain(word))
    name = _plain(body[:at])
    if not _NAME.fullmatch(name):
        raise QueryError(
            f"cannot understand {_plain(word)!r}: no field stands before {operator!r}",
            hint="write field=value, or put the whole word in quotes to search for it as text",
        )
    values = _values(body[at + len(operator) :], _plain(word))
    operator = "=" if operator == ":" else operator
    if negated:
        operator = _opposite(operator, _plain(word))
    return [_match(name, operator, values)]


def _match(name: str, operator: str, values: tuple[Pattern, ...]) -> Condition:
    if name.lower() != "text":
        return Match(name, operator, values)
    if operator not in {"=", "!="} or len(values) != 1:
        raise QueryError(f"cannot understand the search in {name!r}", hint="write text=word")
    return _words_of(values[0], negated=operator == "!=")


def _operator_at(body: Word) -> int | None:
    for at, (char, quoted) in enumerate(body):
        if not quoted and (char in _OPERATOR_CHARS or (char == ":" and _is_field(body[:at]))):
            return at
    return None


def _is_field(chars: Word) -> bool:
    name = _plain(chars)
    return ALIASES.get(name.lower(), name.lower()) in FIELDS or is_extension(name)


def _operator(body: Word, at: int, word: str) -> str:
    if body[at] == (":", False):
        return ":"
    end = at
    while end < len(body) and not body[end][1] and body[end][0] in _OPERATOR_CHARS:
        end += 1
    found = _plain(body[at:end])
    if found in OPERATORS:
        return found
    meant = _SLIPS.get(found) or next(iter(difflib.get_close_matches(found, OPERATORS, n=1)), "=")
    raise QueryError(
        f"cannot understand {word!r}: no operator {found!r}", hint=f"did you mean {meant!r}?"
    )


def _opposite(operator: str, word: str) -> str:
    if operator in {"=", "!="}:
        return "!=" if operator == "=" else "="
    turned = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}[operator]
    raise QueryError(
        f"cannot understand {word!r}: - goes with words and =, not with {operator!r}",
        hint=f"did you mean {word[1:].replace(operator, turned, 1)!r}?",
    )


def _values(chars: Word, word: str) -> tuple[Pattern, ...]:
    values: list[Word] = [[]]
    for char in chars:
        if char == (",", False):
            values.append([])
        else:
            values[-1].append(char)
    if not all(values):
        raise QueryError(
            f"cannot understand {word!r}: a value is missing",
            hint='write field="" for an empty one',
        )
    return tuple(_pattern(value) for value in values)


def _pattern(chars: Word) -> Pattern:
    parts = [""]
    for char in chars:
        if char == ("*", False):
            parts.append("")
        else:
            parts[-1] += char[0]
    return tuple(parts)


def _words(body: Word, negated: bool) -> list[Condition]:
    pattern = _pattern(body)
    if not negated and len(pattern) > 1 and not any(pattern):
        return []
    return [_words_of(pattern, negated=negated)]


def _words_of(pattern: Pattern, *, negated: bool) -> Words:
    if len(pattern) > 2 or (len(pattern) == 2 and pattern[1]):
        raise QueryError(
            f"cannot search for {'*'.join(pattern)!r}: a word can only end with *",
            hint="wildcards elsewhere go with a field: subject=625*a",
        )
    return Words((pattern[0],), len(pattern) == 2, negated)


def _keyword(name: str, value: object) -> Condition:
    name = name.replace("__", ".")
    if isinstance(value, str):
        return _keyword_text(name, value)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        items = [_scalar(name, item) for item in value]
        return _match(name, "=", tuple(_pattern([(c, c != "*") for c in item]) for item in items))
    return _match(name, "=", ((_scalar(name, value),),))


def _keyword_text(name: str, value: str) -> Condition:
    chars = [char for word in _lexed(value, cut=False) for char in word]
    operator = "="
    if chars and not chars[0][1] and chars[0][0] in _OPERATOR_CHARS:
        operator = _operator(chars, 0, f"{name}{value}")
        chars = chars[len(operator) :]
    return _match(name, operator, _values(chars, f"{name}={value}"))


def _scalar(name: str, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime() | date():
            return value.isoformat()
        case str() | int() | float():
            return str(value)
        case _:
            raise QueryError(
                f"cannot understand {name}={value!r}: found a {type(value).__name__}",
                hint="give a string, a number, a date, or a list of them",
            )


def _plain(chars: Word) -> str:
    return "".join(char for char, _ in chars)
