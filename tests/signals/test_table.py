from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals, Table


def test_rows_are_read_once_and_only_when_asked_for():
    calls = []

    def load():
        calls.append(1)
        return pa.table({"x": [1.0, 2.0], "area": ["CA1", None]})

    table = Table("electrodes", load, ("x", "area"), 2)
    assert (len(table), repr(table)) == (2, "<Table 'electrodes' 2 rows: x, area>")
    assert not calls
    assert table["x"].tolist() == [1.0, 2.0]
    assert table.arrow.column_names == ["x", "area"]
    assert table.df["area"].isna().tolist() == [False, True]
    assert len(calls) == 1


def test_frames_become_arrow_and_numbered_columns_become_names():
    table = Table.from_frame("t", pd.DataFrame({0: [1, 2], "b": ["x", "y"]}))
    assert table.columns == ("0", "b")
    assert table["0"].tolist() == [1, 2]
    assert table.arrow.to_pydict() == {"0": [1, 2], "b": ["x", "y"]}


def test_columns_of_the_same_name_are_all_kept():
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", "a_2", 7])
    table = Table.from_frame("t", frame)
    assert table.columns == ("a", "a_2", "a_2_2", "7")
    assert table["a_2"].tolist() == [2]


def test_columns_that_there_are_not():
    with pytest.raises(InputError, match="no column 'c'"):
        Table.from_frame("t", pd.DataFrame({"a": [1]}))["c"]


def test_rows_that_are_chosen_are_of_the_same_kind_and_order():
    frame = pd.DataFrame({"start_time": [0.0, 1.0, 2.0], "stop_time": [0.5, 1.5, 2.5]})
    trials = Intervals.from_frame("trials", frame, descriptions={"start_time": "seconds"})
    late = trials.where(trials["start_time"] > 0)
    assert isinstance(late, Intervals)
    assert (len(late), late.span_s, late.descriptions) == (2, (1.0, 2.5), trials.descriptions)
    assert late.arrow.column_names == ["start_time", "stop_time"]
    assert len(trials) == 3
    assert len(late.where([False, False])) == 0


@pytest.mark.parametrize("chosen", [[True], [0, 1, 1], "yes", [[True] * 3], [[1], [1, 2]]])
def test_rows_are_chosen_by_yes_or_no(chosen):
    frame = pd.DataFrame({"x_um": [0, 16, 32]})
    with pytest.raises(InputError, match="one bool for each of 3"):
        Table.from_frame("electrodes", frame).where(chosen)


def test_intervals_need_both_ends():
    with pytest.raises(InputError, match="no column 'stop_time'"):
        Intervals.from_frame("trials", pd.DataFrame({"start_time": [0.0]}))


def test_durations_and_pynapple():
    pytest.importorskip("pynapple")
    frame = pd.DataFrame({"start_time": [3.0, 0.0, 9.0], "stop_time": [4.0, 2.0, 9.0]})
    trials = Intervals.from_frame("trials", frame)
    assert trials.durations_s.tolist() == [1.0, 2.0, 0.0]
    spans = trials.to_pynapple()
    assert np.asarray(spans.start).tolist() == [0.0, 3.0]
    assert np.asarray(spans.end).tolist() == [2.0, 4.0]
