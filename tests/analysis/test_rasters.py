"""A raster holds every spike of the windows, and no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.psth import count_windows
from panneuro.analysis.rasters import raster
from panneuro.core.errors import InputError

milliseconds = st.lists(st.integers(0, 3000), max_size=60)


@given(st.lists(milliseconds, min_size=1, max_size=4), milliseconds)
def test_raster_counts_what_windows_count(trains, onsets):
    units = {unit: np.array(train) / 1000 for unit, train in enumerate(trains)}
    at = np.array(onsets, float) / 1000
    found = raster(units, at, (-0.1, 0.3))
    counts = np.zeros((len(onsets), len(trains)), int)
    np.add.at(counts, (found.row.values, found.unit.values), 1)
    np.testing.assert_array_equal(counts, count_windows(units, at - 0.1, at + 0.3))
    assert np.all((found.time >= -0.1) & (found.time < 0.3))
    absolute = at[found.row.values] + found.time.values
    assert all(
        np.isclose(units[unit], time, atol=1e-8).any()
        for unit, time in zip(found.unit.values, absolute, strict=True)
    )
    key = found.row.values * len(trains) + found.unit.values
    assert np.all(np.diff(key) >= 0)


def test_raster_of_one_unit_and_its_conditions():
    asked = ({"a": [0.1], "b": [0.2, 1.1]}, [0.0, 1.0, 2.0], (0.0, 0.5))
    found = raster(*asked, conditions=["left", "right", "left"])
    one = found.isel(spike=found.unit == "b")
    assert one.row.values.tolist() == [0, 1]
    np.testing.assert_allclose(one.time, [0.2, 0.1])
    assert one.sizes["presentation"] == 3
    assert one.condition.values.tolist() == ["left", "right", "left"]


def test_what_does_not_fit_is_refused():
    asked = ({0: np.arange(100) / 1000}, [0.0], (0.0, 0.5))
    with pytest.raises(InputError, match="collecting spikes gives 100"):
        raster(*asked, max_bytes=1000)
    with pytest.raises(InputError, match="conditions of shape"):
        raster(*asked, conditions=["a", "b"])
