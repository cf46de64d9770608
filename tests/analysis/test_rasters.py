"""A raster holds every spike of the windows, and no other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.psth import count_windows
from panneuro.analysis.rasters import raster

milliseconds = st.lists(st.integers(0, 3000), max_size=60)


@given(st.lists(milliseconds, min_size=1, max_size=4), milliseconds)
def test_raster_counts_what_windows_count(trains, onsets):
    units = {unit: np.array(train) / 1000 for unit, train in enumerate(trains)}
    at = np.array(onsets, float) / 1000
    found = raster(units, at, (-0.1, 0.3))
    counts = np.zeros((len(onsets), len(trains)), int)
    np.add.at(counts, (found.presentation, found.unit), 1)
    np.testing.assert_array_equal(counts, count_windows(units, at - 0.1, at + 0.3))
    assert np.all((found.time_s >= -0.1) & (found.time_s < 0.3))
    absolute = at[found.presentation] + found.time_s
    assert all(
        np.isclose(units[unit], time, atol=1e-8).any()
        for unit, time in zip(found.unit, absolute, strict=True)
    )
    key = found.presentation * len(trains) + found.unit
    assert np.all(np.diff(key) >= 0)


def test_raster_of_one_unit():
    found = raster({"a": [0.1], "b": [0.2, 1.1]}, [0.0, 1.0], (0.0, 0.5))
    rows, times = found.of_unit(1)
    assert rows.tolist() == [0, 1]
    np.testing.assert_allclose(times, [0.2, 0.1])
    assert found.n_presentations == 2
