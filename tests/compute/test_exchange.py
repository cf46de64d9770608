from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from panneuro.compute.exchange import hand_over, take_back
from panneuro.core.errors import FormatError, InputError
from panneuro.signals.events import Events
from panneuro.signals.frames import Frames
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries


def test_samples_go_as_they_are_stored(tmp_path):
    data = np.arange(20, dtype=np.int16).reshape(10, 2)
    hand_over(tmp_path, "lfp", TimeSeries("x", data, "volts", rate_hz=50.0, gain=1e-6))
    assert (np.load(tmp_path / "lfp.npy") == data).all()
    said = json.loads((tmp_path / "lfp.json").read_text())
    assert (said["rate_hz"], said["gain"], said["unit"]) == (50.0, 1e-6, "volts")
    stamped = TimeSeries("x", data[:0], timestamps=np.empty(0))
    hand_over(tmp_path, "none", stamped)
    assert np.load(tmp_path / "none.npy").shape == (0, 2)
    assert (tmp_path / "none_timestamps.npy").exists()


def test_rows_go_as_csv(tmp_path):
    hand_over(tmp_path, "units", Events.from_trains("units", {"a": [0.1, 0.4], "b": [0.2]}))
    found = pd.read_csv(tmp_path / "units.csv")
    assert found.unit.tolist() == ["a", "a", "b"]
    assert found.time_s.tolist() == [0.1, 0.4, 0.2]
    frame = pd.DataFrame({"start_time": [0.0], "stop_time": [1.0]})
    hand_over(tmp_path, "trials", Intervals.from_frame("trials", frame))
    hand_over(tmp_path, "frame", frame)
    assert (tmp_path / "trials.csv").read_text() == (tmp_path / "frame.csv").read_text()
    hand_over(tmp_path, "value", {"n": 3})
    assert take_back(tmp_path, "value") == {"n": 3}


def test_frames_go_unless_they_are_a_video(tmp_path):
    images = np.zeros((3, 4, 5), np.uint8)
    hand_over(tmp_path, "imaging", Frames("imaging", np.arange(3.0), images))
    assert np.load(tmp_path / "imaging.npy").shape == (3, 4, 5)
    assert np.load(tmp_path / "imaging_timestamps.npy").tolist() == [0, 1, 2]


def test_an_asset_goes_as_nwb(lake, tmp_path):
    hand_over(tmp_path, "asset", lake["ecephys_m0_2026-03-02_09-30-00"])
    units = take_back(tmp_path, "asset.nwb") if (tmp_path / "asset.nwb").is_dir() else None
    assert units is None
    with pytest.raises(FormatError, match="holds several signals"):
        take_back(tmp_path, "asset")


def test_what_is_left_is_read_by_its_ending(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.tsv").write_text("x\ty\n1\t2\n")
    np.save(tmp_path / "c.npy", np.arange(3))
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "d.parquet")
    (tmp_path / "e.weights").write_bytes(b"\x00\x01")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "part.bin").write_bytes(b"x")
    assert take_back(tmp_path, "a").equals(take_back(tmp_path, "b"))
    assert take_back(tmp_path, "c").tolist() == [0, 1, 2]
    assert take_back(tmp_path, "d").x.tolist() == [1]
    assert take_back(tmp_path, "e") == tmp_path / "e.weights"
    assert take_back(tmp_path, "f") == tmp_path / "f"
    assert take_back(tmp_path, "nothing") is None


def test_what_is_left_is_not_trusted(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FormatError, match="cannot be read"):
        take_back(tmp_path, "a")
    np.save(tmp_path / "b.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match="cannot be read"):
        take_back(tmp_path, "b")
    (tmp_path / "c.csv").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="as a link"):
        take_back(tmp_path, "c")
    (tmp_path / "d.csv").touch()
    (tmp_path / "d.json").touch()
    with pytest.raises(InputError, match="left 2 times"):
        take_back(tmp_path, "d")
