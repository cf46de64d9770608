from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import CorruptionError
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.tables import decode, encode, frame_of

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(0, 5) | st.text(max_size=2), max_size=3),
    st.just(np.arange(3)),
    st.just({"a": 1}),
    st.just({}),
    st.just(pd.Timestamp("2024-05-01", tz="UTC")),
    st.just(pd.NaT),
    st.just(pd.NA),
    st.just(decimal.Decimal("1.5")),
    st.just(1 + 2j),
    st.just(dt.timedelta(seconds=3)),
)


@settings(max_examples=200)
@given(st.lists(CELLS, max_size=5), st.text(max_size=5))
def test_any_column_can_be_written_and_keeps_its_rows(cells, name):
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object)})
    table = decode(encode(frame))
    assert table.num_rows == len(cells)
    assert table.column_names == [name]


COLUMNS = {
    "ints": np.array([1, 2, 3], "i2"),
    "floats": np.array([1.0, np.nan, -0.0]),
    "halves": np.array([1.0, 2.0, 3.0], "f2"),
    "flags": np.array([True, False, True]),
    "words": ["CA1", None, "Zürich"],
    "nullable": pd.array([1, None, 3], dtype="Int64"),
    "kinds": pd.Categorical(["a", "b", "a"]),
    "moments": pd.to_datetime(["2024-05-01", None, "2024-05-03"], utc=True),
    "lists": [[1.0, 2.0], [], [3.0]],
    "arrays": [np.arange(2.0), np.arange(0.0), np.arange(1.0)],
    "pictures": [np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2))],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back(name):
    frame = pd.DataFrame({name: COLUMNS[name]})
    back = decode(encode(frame)).to_pandas()[name]
    for left, right in zip(frame[name], back, strict=True):
        if isinstance(left, (list, np.ndarray)):
            assert np.array_equal(np.asarray(left), np.array(list(map(np.asarray, right))))
        else:
            assert (pd.isna(left) and pd.isna(right)) or left == right


def test_missing_numbers_stay_numbers():
    table = decode(encode(pd.DataFrame({"depth": pd.Series([1.0, None, 3], dtype=object)})))
    assert table.schema.field("depth").type == pa.float64()
    assert table.column("depth").null_count == 1


def test_kinds_that_do_not_mix_become_text():
    table = decode(encode(pd.DataFrame({"x": [1, "a", None]})))
    assert table.column("x").to_pylist() == ["1", "a", None]


def test_tables_without_rows_or_columns():
    assert decode(encode(pd.DataFrame({"a": []}))).num_rows == 0
    assert decode(encode(pd.DataFrame())).num_columns == 0


def test_rows_of_events_tell_where_their_times_are():
    known = Table.from_frame("units", pd.DataFrame({"area": ["CA1", "CA3"], "id": [9, 9]}))
    frame = frame_of(Events.from_trains("units", {4: [0.1, 0.2], 7: []}, known))
    assert frame.to_dict("list") == {
        "id": [4, 7],
        "spike_start": [0, 2],
        "spike_stop": [2, 2],
        "area": ["CA1", "CA3"],
    }
    assert frame_of(TimeSeries("x", np.zeros(3), rate_hz=1.0)) is None


@given(st.binary(max_size=60))
def test_bytes_that_are_no_table_are_refused(data):
    with pytest.raises(CorruptionError, match="table"):
        decode(data)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_table_is_refused_or_read(data):
    whole = bytearray(encode(pd.DataFrame({"a": range(20), "b": list("abcdefghijklmnopqrst")})))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        table = decode(bytes(whole))
    except CorruptionError:
        return
    assert table.num_columns <= 2
