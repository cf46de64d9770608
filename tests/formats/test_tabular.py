"""Trials, traces, spikes and plain rows out of tables of all kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import tables, tabular
from panneuro.formats.source import Source
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording
from panneuro.signals.table import Intervals, Table
from panneuro.signals.timeseries import TimeSeries

TRIALS = pd.DataFrame(
    {"intervals_0": [0.5, 2.0], "intervals_1": [1.5, 3.0], "choice": [1, -1], "note": ["a", "ü"]}
)


def read(path: Path, content: str | bytes | None = None) -> Recording:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tabular.read(Source(path))


def write(path: Path, frame: pd.DataFrame) -> Path:
    kind = path.suffix
    if kind == ".parquet":
        frame.to_parquet(path)
    elif kind == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif kind == ".mat":
        scipy = pytest.importorskip("scipy.io")
        scipy.savemat(path, {name: frame[name].to_numpy(object if name == "note" else None)
                             for name in frame})  # fmt: skip
    else:
        frame.to_csv(path, sep="\t" if kind == ".tsv" else ",")
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".jsonl", ".mat"])
def test_trials_of_every_kind_are_intervals(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"_ibl_trials.table{ending}", TRIALS)
    assert tabular.sniff(Source(path)).score >= 0.4
    trials = read(path)["trials"]
    assert isinstance(trials, Intervals)
    assert trials.df[["start_time", "stop_time"]].to_numpy().tolist() == [[0.5, 1.5], [2.0, 3.0]]
    assert trials["choice"].tolist() == [1, -1]
    assert trials["note"].tolist() == ["a", "ü"]


def test_a_description_names_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "session.csv"
    (tmp_path / "session.yaml").write_text(
        "start: go\nstop: done\ntime_unit: 0.001\nname: presentations\n"
    )
    found = read(path, "go,done,x\n1000,2500,7\n")["presentations"]
    assert isinstance(found, Intervals)
    assert found.df.iloc[0].tolist() == [1.0, 2.5, 1000, 2500, 7]
    (tmp_path / "session.yaml").write_text("start: went\nstop: done")
    with pytest.raises(FormatError, match="'went'") as caught:
        read(path)
    assert "go, done, x" in caught.value.hint


def test_columns_beside_time_are_series(tmp_path: Path) -> None:
    rows = "\n".join(f"{n / 50},{n * 2},{n % 3},w{n}" for n in range(100))
    found = read(tmp_path / "wheel.csv", f"time,speed [cm/s],lick (V),word\n{rows}\n")
    speed, lick, words = (found[name] for name in ("speed", "lick", "wheel"))
    assert isinstance(speed, TimeSeries)
    assert isinstance(lick, TimeSeries)
    assert isinstance(words, Table)
    assert (speed.unit, lick.unit) == ("cm/s", "V")
    assert speed.rate_hz == pytest.approx(50)
    assert speed.read(0.2, 0.24).tolist() == [20, 22]
    assert words.columns == ("time", "word")


def test_uneven_times_stay_stamps(tmp_path: Path) -> None:
    found = read(tmp_path / "x.csv", "t_ms,v\n0,1\n10,2\n35,3\n")["v"]
    assert isinstance(found, TimeSeries)
    np.testing.assert_allclose(found.times(), [0, 0.01, 0.035])
    back = read(tmp_path / "x.csv", "t,v\n0,1\n2,2\n1,3\n")
    assert isinstance(back["x"], Table)
    assert "does not ascend" in back.notes[0]


def test_cells_are_never_evaluated(tmp_path: Path) -> None:
    bad = "__import__('os').system('touch /tmp/x')"
    found = read(tmp_path / "x.csv", f'a,b\n"{bad}","[1, 2]"\n')["x"]
    assert isinstance(found, Table)
    assert found.df.iloc[0].tolist() == [bad, "[1, 2]"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("näme;wert\nä;1,5\nö;2,25\n".encode("latin-1"), [1.5, 2.25]),
        ("\ufeffname,wert\na,1.5\nb,2.25\n".encode(), [1.5, 2.25]),
        ("name\twert\na\t1.5\nb\t2.25\n".encode("utf-16"), [1.5, 2.25]),
    ],
)
def test_encodings_and_separators(tmp_path: Path, content: bytes, told: list[float]) -> None:
    found = read(tmp_path / "x.csv", content)["x"]
    assert isinstance(found, Table)
    assert found["wert"].tolist() == told


def test_spikes_in_cells_are_units(tmp_path: Path) -> None:
    scipy = pytest.importorskip("scipy.io")
    cells = np.empty(3, dtype=object)
    cells[:] = [np.array([0.1, 0.4]), np.array([]), np.array([0.2, 0.3, 0.5])]
    path = tmp_path / "cells.mat"
    scipy.savemat(path, {"raw_spike_time_s": cells, "depth": np.array([10.0, 20, 30])})
    units = read(path)["units"]
    assert isinstance(units, Events)
    assert units.table is not None
    assert units.counts.tolist() == [2, 0, 3]
    assert units.table["depth"].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b""),
        ("x.csv", b"a,b\n1,2,3,4\n1\n1,2,3,4,5\n"),
        ("x.csv", b"a\x00b\n\x00"),
        ("x.parquet", b"PAR1rubbishPAR1"),
        ("x.jsonl", b'{"a": 1}\n{"a": '),
        ("x.jsonl", b"[1]\n"),
        ("x.jsonl", b'{"a":' + b"[" * 100_000),
        ("x.mat", b"MATLAB 5.0 MAT-file" + b"\x00" * 50),
        ("x.mat", b"\x89HDF\r\n\x1a\n damaged"),
    ],
)
def test_damage_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    pytest.importorskip("pymatreader")
    path = tmp_path / name
    with pytest.raises(FormatError, match=r"x\."):
        read(path, content)


def test_matlab_in_hdf5_reaches_no_other_file(tmp_path: Path) -> None:
    pytest.importorskip("pymatreader")
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as handle:
        handle["a"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(FormatError, match="link into"):
        read(path)


def test_large_texts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_TEXT_BYTES", 4)
    with pytest.raises(LimitError, match="more than 4"):
        read(tmp_path / "x.csv", "a,b\n1,2\n")


NUMBERS = st.lists(st.tuples(st.integers(-99, 99), st.floats(-1e6, 1e6)), min_size=1, max_size=9)


@settings(deadline=None, max_examples=30)
@given(NUMBERS)
def test_any_numbers_come_back(tmp_path_factory: Any, rows: list[tuple[int, float]]) -> None:
    place = tmp_path_factory.mktemp("any")
    frame = pd.DataFrame(rows, columns=["n", "v"])
    (place / "x.jsonl").write_text("\n".join(json.dumps(dict(r)) for _, r in frame.iterrows()))
    frame.to_csv(place / "y.csv", index=False)
    for name in ("x.jsonl", "y.csv"):
        found = read(place / name)[name[0]]
        assert isinstance(found, Table)
        np.testing.assert_allclose(found.df.to_numpy(float), frame.to_numpy(float), rtol=1e-12)


def test_real_trials(sample_data: Path) -> None:
    path = sample_data / "behaviour/ibl/trials_df_test.csv"
    found = read(path)["trials_df_test"]
    assert isinstance(found, Table)
    pd.testing.assert_frame_equal(found.df, pd.read_csv(path, index_col=0), check_names=False)


def test_a_real_table_of_cells(sample_data: Path) -> None:
    (path,) = (sample_data / "patch/glif_reference").glob("*.csv")
    (found,) = read(path).signals
    assert isinstance(found, Table)
    assert (len(found), len(found.columns)) == (645, 19)
    assert found["R_input"].dtype == np.float64


def test_clusters_that_were_never_used_are_no_units(tmp_path: Path) -> None:
    pytest.importorskip("pymatreader")
    scipy = pytest.importorskip("scipy.io")
    tetrodes = np.empty(2, object)
    for number, sorted_times in enumerate(([[0.5, 1.5], []], [[1.0], [2.0, 2.5]])):
        tetrodes[number] = np.empty(2, object)
        for cluster, times in enumerate(sorted_times):
            tetrodes[number][cluster] = {"time": np.array(times), "meanrate": len(times) / 3}
    scipy.savemat(tmp_path / "spikes.mat", {"spikes": tetrodes})
    recording = read(tmp_path / "spikes.mat")
    units = recording["units"]
    assert isinstance(units, Events)
    assert units.counts.tolist() == [2, 1, 2]
    assert units.table is not None
    assert units.table.df[["cell_0", "cell_1"]].to_numpy().tolist() == [[0, 0], [1, 0], [1, 1]]
    assert recording.notes == ("1 of 4 clusters in 'spikes' hold no spikes: they are no units",)


@pytest.mark.parametrize(
    ("name", "n_units", "n_spikes"),
    [
        ("nelpy/linear-track/spikes.mat", 31, 28_829),
        ("nelpy/w-maze/spikes.mat", 25, 518_352),
        ("chronic_neuropixels/K265_2019_05_24_600s_Cells.mat", None, 412_915),
    ],
)
def test_real_spikes(sample_data: Path, name: str, n_units: int | None, n_spikes: int) -> None:
    pytest.importorskip("pymatreader")
    units = read(sample_data / "spikes" / name)["units"]
    assert isinstance(units, Events)
    assert units.counts.sum() == n_spikes
    assert n_units in (None, len(units))
