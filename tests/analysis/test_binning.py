"""The compiled loops agree with exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.binning import bin_of, find_firsts


@given(st.data())
def test_bins_have_edges_rounded_to_the_nearest_tick(data):
    span = data.draw(st.integers(1, 10**12))
    n_bins = data.draw(st.integers(1, min(span, 10**5)))
    tick = data.draw(st.integers(0, span - 1))
    found = bin_of(tick, span, n_bins)
    assert 0 <= found < n_bins
    edge, following = (Fraction(k * span, n_bins) for k in (found, found + 1))
    assert edge - Fraction(1, 2) <= tick < following - Fraction(1, 2) + Fraction(1, 10**15)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=4), st.integers(-5, 55))
def test_first_spikes_are_searched_for(trains, tick):
    ordered = [np.sort(np.array(train, np.int64)) for train in trains]
    ends = np.cumsum([len(train) for train in ordered], dtype=np.int64)
    starts = ends - [len(train) for train in ordered]
    ticks = np.concatenate([*ordered, np.empty(0, np.int64)])
    expected = [
        start + np.searchsorted(train, tick) for start, train in zip(starts, ordered, strict=True)
    ]
    assert find_firsts(ticks, starts.astype(np.int64), ends, tick).tolist() == expected
