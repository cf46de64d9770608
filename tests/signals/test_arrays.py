from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panneuro.signals.arrays import LazyArray, Sliced, n_bytes

WHOLE = np.arange(60).reshape(10, 3, 2)
BOUNDS = st.none() | st.integers(-12, 12)
ROWS = (
    st.builds(slice, BOUNDS, BOUNDS, st.sampled_from([None, 1, 2, 3, -1, -2]))
    | st.integers(-10, 9)
    | st.lists(st.integers(-10, 9), max_size=5).map(lambda rows: np.asarray(rows, dtype=int))
)


@given(ROWS, st.sampled_from([(), (slice(1, 3),), (slice(None), 1), (2,), (slice(None, None, 2),)]))
def test_computed_arrays_are_indexed_as_numpy_arrays_are(rows, rest):
    computed = Sliced(WHOLE.shape, WHOLE.dtype, lambda start, stop: WHOLE[start:stop])
    key = (rows, *rest) if rest else rows
    assert np.array_equal(computed[key], WHOLE[key])


def test_only_the_rows_between_are_computed():
    asked = []

    def read(start, stop):
        asked.append((start, stop))
        return WHOLE[start:stop]

    computed = Sliced(WHOLE.shape, WHOLE.dtype, read)
    _ = computed[2:4], computed[[5, 3]], computed[7]
    assert asked == [(2, 4), (3, 6), (7, 8)]
    assert isinstance(computed, LazyArray)
    assert n_bytes(computed) == WHOLE.nbytes
