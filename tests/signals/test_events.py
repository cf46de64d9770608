from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.table import Table

TIMES = st.lists(st.floats(-1e4, 1e4), max_size=8)
TRAINS = st.dictionaries(st.integers(0, 99), TIMES, max_size=6)


@given(TRAINS, st.none() | st.floats(-1e4, 1e4), st.none() | st.floats(-1e4, 1e4))
def test_the_times_of_each_unit_come_back(trains, start, stop):
    units = Events.from_trains("units", trains)
    assert list(units) == list(trains)
    assert units.counts.tolist() == [len(train) for train in trains.values()]
    everything = units.trains()
    for unit, train in trains.items():
        inside = [
            time
            for time in sorted(train)
            if (start is None or time >= start) and (stop is None or time < stop)
        ]
        assert units.read(unit, start, stop).tolist() == inside
        assert everything[unit].tolist() == units[unit].tolist() == sorted(train)


@given(TRAINS)
def test_every_event_is_a_row_in_order_of_time(trains):
    frame = Events.from_trains("licks", trains).df
    expected = sorted((time, unit) for unit, train in trains.items() for time in train)
    assert sorted(zip(frame["time"], frame["unit"], strict=True)) == expected
    assert frame["time"].is_monotonic_increasing


def test_units_with_names():
    units = Events.from_trains("units", {"a1": [1.0], "b2": [0.5, 2.0]})
    assert units["b2"].tolist() == [0.5, 2.0]
    with pytest.raises(InputError, match="no unit 'c'"):
        units.read("c")
    with pytest.raises(InputError, match="no unit 7"):
        units.read(7)


def test_units_that_share_an_id_are_not_mixed_up():
    units = Events("units", np.arange(3.0), np.array([1, 3]), np.array([5, 5]))
    for ask in (lambda: units[5], units.trains):
        with pytest.raises(InputError, match="id"):
            ask()
    assert len(units.df) == 3


@pytest.mark.parametrize(
    ("ends", "ids"), [([1, 2], [1]), ([2, 1], [1, 2]), ([1, 4], [1, 2]), ([-1, 3], [1, 2])]
)
def test_ends_that_do_not_partition_the_times(ends, ids):
    with pytest.raises(InputError, match="units"):
        Events("units", np.arange(3.0), np.array(ends), np.array(ids))


def test_unsigned_ends_are_checked_too():
    with pytest.raises(InputError, match="partition"):
        Events("units", np.arange(3.0), np.array([3, 1, 3], "uint8"), np.arange(3))


def test_as_pynapple_with_what_is_known_of_the_units():
    pytest.importorskip("pynapple")
    known = Table.from_frame("units", pd.DataFrame({"area": ["CA1", "CA3"], "depth": [1.0, 2.0]}))
    group = Events.from_trains("units", {3: [0.1, 0.2], 8: [0.4]}, known).to_pynapple()
    assert list(group.keys()) == [3, 8]
    assert group["area"].tolist() == ["CA1", "CA3"]
    assert group[3].times().tolist() == [0.1, 0.2]
    named = Events.from_trains("units", {"a": [0.1, 0.2], "b": [0.4]}).to_pynapple()
    assert named["unit"].tolist() == ["a", "b"]


@pytest.mark.parametrize("time", [np.nan, "a", True, [1.0, 2.0]])
def test_times_that_are_no_times(time):
    with pytest.raises(InputError, match="finite number of seconds"):
        Events.from_trains("units", {0: np.array([1.0, 2.0])}).read(0, time)


def test_any_one_number_is_a_time():
    units = Events.from_trains("units", {0: np.array([1.0, 2.0])})
    for time in (2, np.float32(2), np.array(2.0), xarray.DataArray(2.0)):
        assert units.read(0, -np.inf, time).tolist() == [1.0]
