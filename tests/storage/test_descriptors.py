from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import CorruptionError
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage import tables
from panneuro.storage.descriptors import describe, restore

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def restored(zoo, open_head):
    store = open_head(zoo.store)

    def array(path):
        return zarr.open_array(store, path=path, mode="r")

    def rows(name):
        where = f"{store.prefix}/{tables.FOLDER}/{name}.parquet"
        return tables.decode(zoo.store.get(where))

    said = json.loads(json.dumps(zoo.content.signals, allow_nan=False))
    return {one["name"]: restore(one, array, rows) for one in said}


def test_every_signal_comes_back(restored, zoo):
    assert list(restored) == list(zoo.signals)
    for name, signal in zoo.signals.items():
        assert type(restored[name]) is type(signal)
        shown = repr(signal).replace(">i4", "int32").replace("object", "StringDType()")
        assert repr(restored[name]) == shown


def test_series_come_back(restored, zoo):
    for name, signal in zoo.signals.items():
        if isinstance(signal, TimeSeries):
            back = restored[name]
            assert np.array_equal(back.data[:], signal.data)
            assert np.allclose(back.times(), signal.times())
            for field in ("unit", "rate_hz", "channels", "electrodes", "neurodata_type", "role"):
                assert getattr(back, field) == getattr(signal, field)
            assert np.array_equal(back.gain, signal.gain)
            assert np.array_equal(back.offset, signal.offset)


def test_events_come_back_with_what_is_known_of_the_units(restored, zoo):
    for name, signal in zoo.signals.items():
        if isinstance(signal, Events):
            back = restored[name]
            assert {k: v.tolist() for k, v in back.trains().items()} == {
                k: v.tolist() for k, v in signal.trains().items()
            }
            assert (back.table is None) == (signal.table is None)
    assert restored["units"].table.columns == ("quality", "depth", "waveform")
    assert restored["units"].table.df["quality"].fillna("-").tolist() == ["good", "-", "mua"]


def test_tables_come_back(restored, zoo):
    for name, signal in zoo.signals.items():
        if isinstance(signal, Table):
            back = restored[name]
            assert back.columns == signal.columns
            assert back.arrow.num_rows == len(signal) == len(back)
    assert restored["trials"]["licks"][0].tolist() == [0.1, 0.2]
    assert restored["electrodes"].df["x"].isna().tolist() == [False, False, True, False]


def test_frames_come_back_with_their_thumbnails(restored, zoo):
    for name, signal in zoo.signals.items():
        if isinstance(signal, Frames):
            assert np.array_equal(restored[name].times[:], signal.times)
    assert np.array_equal(restored["stack"].read(2.0, 4.0), zoo.signals["stack"].data[2:4])
    assert restored["face"].file == "face.mp4"
    assert np.array_equal(restored["face"].thumbnails[:], zoo.signals["face"].thumbnails)


def test_describing_what_was_restored_says_the_same(restored, zoo):
    derived = ("codec", "codec_why", "raw_bytes", "stored_bytes", "pyramid", "thumbnails")
    exists = {path for path, _ in _arrays(zoo)}.__contains__
    for said in zoo.content.signals:
        plain = {key: value for key, value in said.items() if key not in derived}
        again = describe(restored[said["name"]], exists)
        assert {**again, "dtype": None} == {**plain, "dtype": None}


def _arrays(zoo):
    from panneuro.storage.nodes import Hierarchy

    return Hierarchy(zoo.structure.nodes).arrays()


@given(
    JSON.filter(lambda value: isinstance(value, dict)),
    st.sampled_from(["timeseries", "events", "table", "intervals", "frames", "what"]),
    st.integers(0, 20),
    JSON,
)
def test_descriptors_that_are_none_are_refused(zoo, odd, kind, number, value):
    said = dict(zoo.content.signals[number])
    keys = list(said)
    said = {**odd, **said, "kind": kind, keys[number % len(keys)]: value}
    rows = tables.decode(tables.encode(zoo.signals["trials"].df))
    with suppress(CorruptionError):
        assert restore(said, lambda _: np.zeros(5), lambda _: rows).name == said["name"]


def test_numbers_that_json_does_not_have():
    said = describe(
        TimeSeries(
            "x",
            np.zeros(2),
            timestamps=np.array([0.0, np.nan]),
            attributes={"gain": np.float64("nan"), "when": {1: {2}}, "n": np.int8(3)},
        ),
        lambda _: True,
    )
    assert json.loads(json.dumps(said, allow_nan=False))["attributes"]["n"] == 3


def test_what_is_no_signal():
    with pytest.raises(AttributeError):
        describe("a text", lambda _: True)
