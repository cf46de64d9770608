"""Alternatives in the text of a search: ``species=mouse (lab=Smith | -tag=pilot)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from panneuro.core.conditions import DEEPEST, AnyOf, Condition
from panneuro.core.errors import QueryError

Char = tuple[str, bool]
"""A character, and whether it stood in quotes."""

Word = list[Char]
"""What stands between white space."""

_OPEN, _CLOSE, _OR = ("(", False), (")", False), ("|", False)
_MINUS = ("-", False)
_QUOTES = 'put it in quotes to search for it as text: "…"'


def grouped(
    words: Iterable[Word], conditions_of: Callable[[Word], list[Condition]]
) -> tuple[Condition, ...]:
    """Return the conditions that a sequence of words says, parentheses and bars understood.

    A parenthesis opens a group at the beginning of a word, also after ``-``, and closes it at the
    end of one; ``|`` stands alone. Elsewhere they are letters like others, so that
    ``genotype=Tg(Thy1)`` needs no quotes.

    Parameters
    ----------
    words : iterable of Word
        The text, cut at white space.
    conditions_of : callable
        Returns the conditions of one word.

    Raises
    ------
    QueryError
        If a group is not opened, not closed or empty, or they lie too deep.
    """
    groups = _Groups(conditions_of)
    for word in words:
        groups.take(word)
    return groups.end()


class _Group:
    """A group that is being read."""

    def __init__(self, *, negated: bool) -> None:
        self.negated = negated
        self.alternatives: list[list[Condition]] = [[]]
        self.is_empty = True

    def add(self, conditions: Iterable[Condition]) -> None:
        self.alternatives[-1].extend(conditions)
        self.is_empty = False

    def divide(self) -> None:
        self.check()
        self.alternatives.append([])
        self.is_empty = True

    def check(self) -> None:
        if self.is_empty:
            raise QueryError(
                "cannot understand the search: there is nothing on one side of | or in ()",
                hint="* stands for everything",
            )

    def condition(self) -> AnyOf:
        self.check()
        return AnyOf(tuple(map(tuple, self.alternatives)), self.negated)


class _Groups:
    """The groups that are open, the outermost first."""

    def __init__(self, conditions_of: Callable[[Word], list[Condition]]) -> None:
        self._conditions_of = conditions_of
        self._open = [_Group(negated=False)]

    def take(self, word: Word) -> None:
        if word == [_OR]:
            self._open[-1].divide()
            return
        start = 0
        while skipped := _opening(word[start : start + 2]):
            self._begin(negated=skipped == 2)
            start += skipped
        end = len(word) - _closing(word[start:])
        if start < end:
            self._open[-1].add(self._conditions_of(word[start:end]))
        for _ in range(len(word) - end):
            self._close()

    def end(self) -> tuple[Condition, ...]:
        if len(self._open) > 1:
            raise QueryError("cannot understand the search: a ( is not closed", hint=_QUOTES)
        (whole,) = self._open
        if len(whole.alternatives) > 1:
            return (whole.condition(),)
        return tuple(whole.alternatives[0])

    def _begin(self, *, negated: bool) -> None:
        if len(self._open) > DEEPEST:
            raise QueryError(f"cannot search for alternatives within alternatives {DEEPEST} deep")
        self._open.append(_Group(negated=negated))

    def _close(self) -> None:
        if len(self._open) == 1:
            raise QueryError("cannot understand the search: no ( stands before )", hint=_QUOTES)
        closed = self._open.pop()
        self._open[-1].add((closed.condition(),))


def _opening(start: Word) -> int:
    """Return how many characters open a group, by the first two of a word."""
    if start[:1] == [_OPEN]:
        return 1
    return 2 if start == [_MINUS, _OPEN] else 0


def _closing(word: Word) -> int:
    """Return how many parentheses at the end of a word close groups that it does not open."""
    trailing = 0
    while trailing < len(word) and word[-1 - trailing] == _CLOSE:
        trailing += 1
    return max(0, min(trailing, word.count(_CLOSE) - word.count(_OPEN)))
