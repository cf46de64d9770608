"""Blocks of levels hold what the arrays hold, and are read once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.portal.levels import levels_of
from panneuro.portal.shelves import Shelf


def shelf():
    return Shelf(1 << 26, lambda value: value.nbytes)


@settings(max_examples=40)
@given(
    depth=st.integers(0, 1),
    first=st.integers(0, 2800),
    length=st.integers(1, 100_000),
    channels=st.lists(st.integers(0, 15), unique=True, min_size=1),
)
def test_rows_are_those_of_the_array(lake, name, depth, first, length, channels):
    found = levels_of(lake[name], "ap", shelf())
    array = found.arrays[depth]
    last = min(first + length, array.shape[0])
    expected = np.asarray(array[first:last])[:, channels].reshape(last - first, len(channels), -1)
    assert np.array_equal(found.read(depth, first, last, channels), expected)


def test_neighbours_are_read_from_what_is_kept(lake, name, monkeypatch):
    held, everything = shelf(), list(range(16))
    found = levels_of(lake[name], "ap", held)
    before = found.read(0, 0, 100, everything)
    kept = len(held)
    monkeypatch.setattr(type(found.arrays[0]), "__getitem__", None)
    assert np.array_equal(found.read(0, 50, 100, everything), before[50:])
    assert len(held) == kept


def test_blocks_beside_one_another_are_read_at_once(lake, name):
    found, everything = levels_of(lake[name], "ap", shelf()), list(range(16))
    found.read(0, 40_000, 40_010, everything)
    before = lake.store.usage.snapshot()
    rows = found.read(0, 0, 150_000, everything)
    assert (lake.store.usage.snapshot() - before).requests <= 2
    assert np.array_equal(rows[..., 0], np.asarray(found.arrays[0][:150_000]))


def test_one_channel_of_many_is_read_alone(lake, name):
    held = shelf()
    found = levels_of(lake[name], "ap", held)
    found.read(0, 0, 100, [3])
    assert len(held) == 1


def test_a_series_is_opened_once(lake, name):
    held = shelf()
    assert levels_of(lake[name], "ap", held) is levels_of(lake[name], "ap", held)


def test_the_level_is_the_coarsest_that_has_every_bin(lake, name):
    found = levels_of(lake[name], "ap", shelf())
    assert found.depth(64 * 100 - 1, 100) == 0
    assert found.depth(64 * 100, 100) == 1
    assert found.depth(10**12, 1) == len(found.arrays) - 1
