"""Parentheses and bars: groups where they stand alone, letters where they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.conditions import AnyOf, Words
from panneuro.core.errors import QueryError
from panneuro.core.grouping import grouped


def word_of(word):
    text = "".join(char for char, _ in word)
    return [] if text == "*" else [Words((text,))]


def read(text):
    return grouped(([(char, False) for char in word] for word in text.split()), word_of)


@pytest.mark.parametrize("text", ["(a | b)", "( a | b )", "a | b", "(a |b)", "( a|b | c )"])
def test_white_space_around_parentheses_does_not_matter(text):
    (group,) = read(text)
    assert isinstance(group, AnyOf)
    assert len(group.alternatives) == (1 if text == "(a |b)" else 2)


def test_parentheses_that_a_word_opens_are_letters():
    assert read("Tg(Thy1)") == tuple(word_of([("Tg(Thy1)", False)]))
    assert str(read("(Tg(Thy1) | x)")[0]) == '("tg thy1" | x)'
    assert str(read("((a | Tg(b))) c")[0]) == '((a | "tg b"))'


@given(st.recursive(st.sampled_from("abc"), lambda inner: st.lists(inner, min_size=1, max_size=3)))
def test_what_is_nested_is_read_as_it_nests(tree):
    def text(node):
        return node if isinstance(node, str) else f"({' | '.join(map(text, node))})"

    def condition(node):
        if isinstance(node, str):
            return Words((node,))
        return AnyOf(tuple((condition(one),) for one in node))

    try:
        expected = condition(tree)
    except QueryError:
        with pytest.raises(QueryError):
            read(text(tree))
    else:
        assert read(text(tree)) == (expected,)
