"""Memory that is used again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.memory import LINE, MOST_KEPT, Pile, scratch


@given(st.lists(st.lists(st.binary(max_size=40), max_size=8), max_size=4), st.integers(0, 50))
def test_a_pile_holds_what_was_laid_down_since_it_was_cleared(rounds, expected):
    pile = Pile(expected)
    for pieces in rounds:
        pile.clear()
        starts = [pile.add(piece) for piece in pieces]
        held = bytes(pile.held)
        assert held == b"".join(pieces)
        for start, piece in zip(starts, pieces, strict=True):
            assert held[start : start + len(piece)] == piece


def test_scratch_begins_a_line_and_is_given_again():
    first = scratch("a test", (30, 5), np.int16)
    second = scratch("a test", (7,), np.float64)
    assert np.shares_memory(first, second)
    assert second.ctypes.data % LINE == 0
    assert not np.shares_memory(second, scratch("another test", (7,), np.float64))


def test_much_memory_is_not_kept():
    shape = (MOST_KEPT + 1,)
    first, second = (scratch("a large test", shape, np.uint8) for _ in range(2))
    assert not np.shares_memory(first, second)
