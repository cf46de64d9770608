from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.core.errors import InputError
from panneuro.pipelines.columns import areas_of_channels, areas_of_units, shown
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries


def trials(**columns):
    count = len(next(iter(columns.values())))
    starts = np.arange(count, dtype=float)[::-1]
    frame = pd.DataFrame({"start_time": starts, "stop_time": starts + 0.5, **columns})
    return Intervals.from_frame("trials", frame)


def test_the_likeliest_column_is_taken():
    found = shown(trials(type=["a", "b"], stimulus=["grey", "grating"]))
    assert found.start_time.tolist() == [0.0, 1.0]
    assert found.condition.tolist() == ["grating", "grey"]
    assert shown(trials(type=["a", "b"], side=["L", "R"]), "side").condition.tolist() == ["R", "L"]


def test_what_was_not_said_is_left_out():
    assert shown(trials(stimulus=["grey", None, "grating"])).condition.tolist() == [
        "grating",
        "grey",
    ]
    with pytest.raises(InputError, match="says nothing"):
        shown(trials(stimulus=[None, None]))


def test_a_column_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no column ''") as caught:
        shown(trials(side=["L", "R"]))
    assert "condition=side" in caught.value.hint
    with pytest.raises(InputError, match="no column 'stimulus'"):
        shown(trials(side=["L", "R"]), "stimulus")


def test_areas_of_units():
    table = Table.from_frame("units", pd.DataFrame({"area": ["CA1", "VISp"]}))
    known = Events.from_trains("units", {3: [0.1], 4: [0.2]}, table)
    assert areas_of_units(known).tolist() == ["CA1", "VISp"]
    unknown = Events.from_trains("units", {3: [0.1], 4: [0.2]})
    assert areas_of_units(unknown).tolist() == ["all", "all"]
    for units in (known, unknown):
        with pytest.raises(InputError, match="where"):
            areas_of_units(units, "where")


def test_areas_of_channels_follow_their_electrodes():
    electrodes = Table.from_frame("electrodes", pd.DataFrame({"location": ["CA1", "VISp", "LP"]}))
    lfp = TimeSeries("lfp", np.zeros((4, 2)), "volts", rate_hz=1.0, electrodes=(2, 0))
    assert areas_of_channels(lfp, electrodes).tolist() == ["LP", "CA1"]
    assert areas_of_channels(lfp, None).tolist() == ["all", "all"]
    fewer = Table.from_frame("electrodes", pd.DataFrame({"location": ["CA1"]}))
    assert areas_of_channels(lfp, fewer).tolist() == ["all", "all"]
