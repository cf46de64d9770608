from __future__ import annotations

import threading
import warnings

import numpy as np
import pandas as pd
import pynwb
import pytest
import xarray as xr
import zarr
from hdmf_zarr.nwb import NWBZarrIO

from panneuro.core.errors import DocumentError, FormatError
from panneuro.documents import read
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.compose import compose

DOCUMENTS = {
    "description": {"title": "t", "experimenters": ["Ada Lovelace", "Curie, Marie"]},
    "subject": {"id": "m1", "species": "mouse", "sex": "female", "weight_g": 25.5},
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
}


@pytest.fixture(scope="module")
def nwb(zoo, open_head):
    with NWBZarrIO(open_head(zoo.store), mode="r", load_namespaces=True) as io:
        yield io.read()


def found(nwb, signal, placed):
    """Find a signal where NWB has it."""
    path = next(one.path for one in placed if one.name == signal.name)
    room, *rest = path.split("/")
    if room == "processing":
        return nwb.processing[rest[0]][rest[1]]
    if room == "acquisition":
        return nwb.acquisition[rest[0]]
    return nwb.stimulus[rest[1]]


SERIES = [
    "ap",
    "uneven",
    "bare",
    "single",
    "wheel",
    "big-endian",
    "flags",
    "bytes",
    "words",
    "empty",
    "none",
    "clamp",
    "posición",
]


@pytest.mark.parametrize("name", SERIES)
def test_pynwb_reads_series_equal(nwb, zoo, name):
    signal = zoo.signals[name]
    there = found(nwb, signal, zoo.placed)
    assert np.array_equal(there.data[:], signal.data)
    if signal.rate_hz is None:
        assert np.array_equal(there.timestamps[:], np.asarray(signal.timestamps, "f8"))
        assert there.timestamps.dtype == np.float64
    else:
        assert (there.rate, there.starting_time) == (signal.rate_hz, signal.start_s)
    if name not in ("wheel", "words"):
        channel = getattr(there, "channel_conversion", None)
        gains = there.conversion * (np.ones(1) if channel is None else channel[:])
        physical = there.data[:].T * gains.reshape(-1, *[1] * (there.data.ndim - 1))
        assert np.allclose(physical.T + there.offset, signal.read(scaled=True), rtol=1e-12)


def test_factors_that_nwb_has_no_field_for_are_not_applied_wrongly(nwb):
    wheel = nwb.processing["behavior"]["wheel"]
    assert (wheel.conversion, wheel.offset, wheel.unit) == (1.0, 0.0, "stored values")
    assert '"gain": [1.0, 2.0]' in wheel.comments


def test_each_channel_is_an_electrode(nwb):
    assert nwb.acquisition["ap"].electrodes.data[:].tolist() == [0, 1, 2, 3]
    assert nwb.acquisition["uneven"].electrodes.data[:].tolist() == [3, 2, 1, 0]
    table = nwb.electrodes.to_dataframe()
    assert table["location"].tolist()[:4] == ["CA1", "unknown", "CA3", "CA1"]
    bare = nwb.acquisition["bare"].electrodes.data[:].tolist()
    assert table["channel_name"].iloc[bare].tolist() == ["a", "b"]
    assert nwb.electrode_groups["probe-A"].device.name == "probe-A"


def test_units_and_events(nwb):
    assert nwb.units.id[:].tolist() == [4, 9, 2]
    assert [nwb.units["spike_times"][row].tolist() for row in range(3)] == [[0.1, 0.5], [], [0.3]]
    assert nwb.units["quality"][:].tolist() == ["good", "", "mua"]
    assert nwb.units["waveform"][0].tolist() == [0, 1, 2]
    licks = nwb.processing["events"]["licks"]
    assert licks["label"][:].tolist() == ["left", "right"]
    assert licks["event_times"][0].tolist() == [0.2, 0.4]
    assert len(nwb.processing["events"]["nothing"]) == 0


def test_trials_and_tables(nwb):
    trials = nwb.trials.to_dataframe()
    assert trials.index.tolist() == [7, 8, 9]
    assert trials["start_time"].tolist() == [0.0, 1.0, 2.0]
    assert trials["choice"].tolist() == ["left", "", "rechts: Zürich"]
    assert [row.tolist() for row in trials["licks"]] == [[0.1, 0.2], [], [2.1]]
    assert trials["tags_"].tolist() == ["a", "b", "c"]
    assert nwb.intervals["spontaneous"].to_dataframe()["stop_time"].iloc[2] == 2.5
    assert nwb.processing["tables"]["rois"].to_dataframe()["a_b"].tolist() == [1.0, 2.0]


def test_images(nwb, zoo):
    assert np.array_equal(nwb.acquisition["stack"].data[:], zoo.signals["stack"].data)
    face = nwb.acquisition["face"]
    assert face.external_file[:].tolist() == ["original/face.mp4"]
    assert face.timestamps[:].tolist() == list(range(7))


def test_documents(nwb):
    assert nwb.subject.subject_id == "m1"
    assert nwb.subject.weight == "0.0255 kg"
    assert nwb.lab == "Smith lab"
    assert list(nwb.experimenter) == ["Lovelace, Ada"]
    assert nwb.session_start_time.isoformat() == "2026-03-02T09:30:00+00:00"


def test_the_standard_has_no_objection(zoo, open_head):
    with NWBZarrIO(open_head(zoo.store), mode="r", load_namespaces=True) as io:
        assert [str(error) for error in pynwb.validate(io=io)] == []


def test_xarray_opens_every_group(zoo, open_head):
    store = open_head(zoo.store)
    root = zarr.open_group(store, mode="r")
    paths = [path for path, node in root.members(max_depth=None) if isinstance(node, zarr.Group)]
    assert len(paths) > 20
    for path in paths:
        with xr.open_zarr(store, group=path, consolidated=False, chunks=None) as opened:
            assert opened is not None


def test_the_same_recording_is_laid_out_the_same(zoo, write):
    other = zoo.store.url.replace("zoo", "zoo-again")
    from panneuro.storage.stores import open_store

    again = write(open_store(other), zoo.signals.values())
    assert again.content.files == zoo.content.files
    assert again.content.signals == zoo.content.signals


@pytest.mark.parametrize(
    ("signal", "told"),
    [
        (TimeSeries("a/b", np.zeros(3), rate_hz=1.0), "'a/b' cannot be used"),
        (TimeSeries("a:b", np.zeros(3), rate_hz=1.0), "'a:b' cannot be used"),
        (TimeSeries("", np.zeros(3), rate_hz=1.0), "'' cannot be used"),
        (TimeSeries("..", np.zeros(3), rate_hz=1.0), "'..' cannot be used"),
        (TimeSeries("zarr.json", np.zeros(3), rate_hz=1.0), "'zarr.json' cannot be used"),
        (TimeSeries("x\0", np.zeros(3), rate_hz=1.0), "cannot be used"),
        (TimeSeries("x" * 300, np.zeros(3), rate_hz=1.0), "cannot be used"),
        (TimeSeries("x", np.zeros((3, 0)), rate_hz=1.0), "no channels"),
        (TimeSeries("x", np.zeros(3), rate_hz=1.0, role="elsewhere"), "a role that NWB"),
        (TimeSeries("x", np.zeros(3), rate_hz=1.0, role="processing/a/b"), "a role that NWB"),
        (
            TimeSeries(
                "x",
                np.zeros((3, 2)),
                "volts",
                rate_hz=1.0,
                neurodata_type="ElectricalSeries",
                electrodes=(5, 6),
            ),
            "2 channels on 2 electrodes",
        ),
        (TimeSeries("x", np.zeros(3, "c16"), rate_hz=1.0), "complex128"),
    ],
)
def test_signals_that_nwb_cannot_have(signal, told):
    with pytest.raises(FormatError, match=told):
        compose([signal], read(DOCUMENTS))


def test_a_session_without_a_start():
    bare = {**DOCUMENTS, "acquisition": {}}
    with pytest.raises(DocumentError, match="no start time"):
        compose([], read(bare))


ODD = [
    "id",
    "name",
    "description",
    "colnames",
    "columns",
    "tags",
    "timeseries",
    "a/b",
    "a_b",
    "",
    "x_index",
    "x",
    "spike_times",
    "electrodes",
    "électrode",
    "parent",
    "zarr.json",
    "c",
    "..",
]


@pytest.mark.parametrize("kind", [Table, Intervals, Events])
def test_columns_of_any_name_stay_apart(kind, write):
    from panneuro.storage.stores import open_store

    frame = pd.DataFrame({name: [f"{name}-0", f"{name}-1"] for name in ODD})
    if kind is Events:
        signal = Events.from_trains("units", {1: [0.5], 2: []}, Table.from_frame("units", frame))
    else:
        frame["start_time"] = frame["stop_time"] = [1.0, 2.0]
        signal = kind.from_frame("odd", frame)
    written = write(open_store(f"memory://odd-{kind.__name__}"), [signal])
    path = written.placed[0].path
    named = {node.partition(f"{path}/")[2] for node in written.structure.nodes}
    columns = {name.partition("/")[0] for name in named if name.endswith("/zarr.json")}
    assert len(columns) >= len(ODD)


def test_warnings_stay_as_they_were_whatever_threads_do():
    def one():
        compose([TimeSeries("x", np.zeros(3), rate_hz=1.0)], read(DOCUMENTS))

    before = list(warnings.filters)
    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_videos_need_no_array():
    structure, placed = compose(
        [Frames("face", np.arange(3.0), file="a.mp4", shape=(4, 4))], read(DOCUMENTS)
    )
    assert list(structure.bulk) == ["acquisition/face/timestamps"]
    assert placed[0].path == "acquisition/face"
