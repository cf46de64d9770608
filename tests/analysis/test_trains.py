"""Seconds become nanoseconds, or a clear error."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.trains import Trains, to_ticks
from panneuro.core.errors import InputError
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries


def test_units_keep_their_spikes():
    trains = Trains.of(Events.from_trains("units", {"a": [0.2, 0.1], "b": [], "c": [5.0]}))
    assert [trains.of_unit(row).tolist() for row in range(3)] == [
        [100_000_000, 200_000_000],
        [],
        [5_000_000_000],
    ]
    assert trains.ids.tolist() == ["a", "b", "c"]


def test_samples_of_a_long_session_stay_apart():
    samples = np.arange(3_000_000_000, 3_000_001_000)
    ticks = to_ticks(samples / 30_000, "times")
    assert set(np.diff(ticks).tolist()) <= {33_333, 33_334}


def test_times_that_do_not_ascend_are_refused():
    events = Events("units", np.array([0.1, 0.3, 0.2, 0.1]), np.array([3, 4]), np.array([0, 1]))
    with pytest.raises(InputError, match=r"do not ascend after 0\.3 s"):
        Trains.of(events)
    descending_between_units = Events(
        "units", np.array([0.1, 0.3, 0.2]), np.array([2, 3]), np.array([0, 1])
    )
    assert len(Trains.of(descending_between_units)) == 2


def test_what_are_no_times_is_refused():
    with pytest.raises(InputError, match="not finite"):
        to_ticks([0.0, np.inf], "onsets")
    with pytest.raises(InputError, match="no real numbers"):
        to_ticks(["soon"], "onsets")
    with pytest.raises(InputError, match="one row"):
        to_ticks([[0.0]], "onsets")
    with pytest.raises(InputError, match="seconds"):
        to_ticks([1.7e18], "onsets")


def test_stamped_samples_are_events():
    licks = TimeSeries("licks", np.ones(3), timestamps=np.array([0.5, 1.0, 2.5]))
    alone = Trains.of(licks)
    assert alone.ids.tolist() == ["licks"]
    assert alone.of_unit(0).tolist() == [500_000_000, 1_000_000_000, 2_500_000_000]
    both = Trains.of({"left": licks, "right": [0.1]})
    assert both.ids.tolist() == ["left", "right"]
    np.testing.assert_array_equal(both.of_unit(0), alone.of_unit(0))
    with pytest.raises(InputError, match="'lfp' is sampled at 1000 Hz"):
        Trains.of({"left": TimeSeries("lfp", np.ones(3), rate_hz=1000.0)})
