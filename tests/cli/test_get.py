from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import panneuro


@pytest.fixture
def asset(filled: str, name: str) -> panneuro.Asset:
    return panneuro.open(filled)[name]


def test_an_array_to_a_file(run, filled: str, asset, tmp_path: Path):
    target = tmp_path / "ap.npy"
    words = ["--start", "0.2", "--stop", "0.3", "--channels", "1:3", "-o", target]
    result = run("get", asset.name, "ap", *words, "--lake", filled)
    assert result.exit_code == 0, result.output
    expected = asset["ap"].read(0.2, 0.3, slice(1, 3))
    np.testing.assert_array_equal(np.load(target), expected)
    assert expected.dtype == np.load(target).dtype == np.int16
    assert sorted(tmp_path.iterdir()) == [target]


def test_physical_values(run, filled: str, asset):
    result = run("get", asset.name, "ap", "--scaled", "--format", "npy", "--lake", filled)
    found = np.load(io.BytesIO(result.stdout_bytes))
    np.testing.assert_array_equal(found, asset["ap"].read(scaled=True))


@pytest.mark.parametrize(("text", "columns"), [("3,0", [3, 0]), (":2", [0, 1]), ("-1:", [3])])
def test_channels(run, filled: str, asset, text: str, columns: list[int]):
    words = ["--stop", "0.01", "--format", "csv", "--channels", text]
    result = run("get", asset.name, "ap", *words, "--lake", filled)
    frame = pd.read_csv(io.StringIO(result.stdout))
    assert list(frame.columns) == ["time", *map(str, columns)]
    np.testing.assert_array_equal(
        frame.to_numpy()[:, 1:], asset["ap"].read(0, 0.01)[:, columns].astype(float)
    )


def test_long_signals_are_read_in_blocks(run, filled: str, asset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("panneuro.lake.parts._BLOCK_BYTES", 1000)
    monkeypatch.setattr("panneuro.cli.get._GLANCE_BYTES", 0)
    result = run("get", asset.name, "ap", "--start", "0.001", "--lake", filled)
    np.testing.assert_array_equal(
        np.load(io.BytesIO(result.stdout_bytes)), asset["ap"].read(start_s=0.001)
    )
    result = run("get", asset.name, "ap", "--format", "csv", "--lake", filled)
    frame = pd.read_csv(io.StringIO(result.stdout))
    np.testing.assert_array_equal(frame["time"], asset["ap"].times())
    np.testing.assert_array_equal(frame.to_numpy()[:, 1:], asset["ap"].read())


def test_one_unit(run, filled: str, asset):
    result = run("get", asset.name, "units", "--unit", "1", "--lake", filled)
    np.testing.assert_array_equal(np.load(io.BytesIO(result.stdout_bytes)), asset.units[1])
    words = ["--unit", "1", "--start", "0.3", "--stop", "0.6", "--format", "csv"]
    result = run("get", asset.name, "units", *words, "--lake", filled)
    times = pd.read_csv(io.StringIO(result.stdout))["time"]
    np.testing.assert_array_equal(times, asset.units.read(1, 0.3, 0.6))


def test_all_units(run, filled: str, asset):
    result = run("get", asset.name, "units", "--start", "0.5", "--lake", filled)
    frame = pd.read_csv(io.StringIO(result.stdout))
    expected = asset.units.df
    np.testing.assert_array_equal(frame["time"], expected["time"][expected["time"] >= 0.5])


def test_tables(run, filled: str, asset, tmp_path: Path):
    target = tmp_path / "electrodes.parquet"
    assert run("get", asset.name, "electrodes", "-o", target, "--lake", filled).exit_code == 0
    assert list(pd.read_parquet(target)["y"]) == [0, 20, 40, 60]
    result = run("get", asset.name, "trials", "--start", "0.45", "--lake", filled)
    assert list(pd.read_csv(io.StringIO(result.stdout))["start_time"]) == [0.5]


def test_values_in_the_document(run, filled: str, asset):
    result = run("get", asset.name, "ap", "--stop", "0.002", "--json", "--lake", filled)
    said = json.loads(result.stdout)
    assert said["schema"] == "panneuro/cli/get/1.0"
    assert said["shape"] == [2, 4]
    assert said["values"] == asset["ap"].read(stop_s=0.002).tolist()
    said = json.loads(run("get", asset.name, "trials", "--json", "--lake", filled).stdout)
    assert said["values"]["stop_time"] == [0.4, 0.9]


def test_a_file_of_the_asset(run, filled: str, asset):
    result = run("get", asset.name, "_lake/head", "--lake", filled)
    assert result.stdout_bytes == asset.read_file("_lake/head")
    assert run("get", asset.name, "../../lake.toml", "--lake", filled).exit_code == 3


def test_nothing_big_is_read_silently(run, filled: str, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("panneuro.cli.get.LIMIT_BYTES", 1000)
    refused = run("get", name, "ap", "--lake", filled)
    assert refused.exit_code == 7
    assert "--yes" in refused.stderr
    assert run("get", name, "ap", "--stop", "0.01", "--lake", filled).exit_code == 0
    assert run("get", name, "ap", "--yes", "--lake", filled).exit_code == 0
    monkeypatch.setattr("panneuro.cli.get.on_terminal", lambda: True)
    assert run("get", name, "ap", "--lake", filled, input="n\n").exit_code == 7
    assert run("get", name, "ap", "--lake", filled, input="y\n").exit_code == 0


def test_a_dry_run_reads_and_writes_nothing(run, filled: str, name: str, tmp_path: Path):
    target = tmp_path / "ap.npy"
    result = run("get", name, "ap", "-o", target, "--dry-run", "--lake", filled)
    assert "8 kB" in result.stdout
    assert not target.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nothing"], 3),
        (["ap", "--unit", "1"], 2),
        (["ap", "--channels", "9"], 2),
        (["ap", "--channels", "A,B"], 2),
        (["ap", "--channels", ","], 2),
        (["ap", "--start", "nan"], 2),
        (["ap", "--start", "0.5", "--stop", "0.4"], 2),
        (["trials", "--start", "0.5", "--stop", "0.4"], 2),
        (["ap", "-o", "ap.mat"], 2),
        (["trials", "-o", "trials.npy"], 2),
        (["original/nothing"], 3),
        (["ap", "--format", "parquet"], 0),
        (["units", "--unit", "99"], 3),
        (["units", "--channels", "1"], 2),
        (["trials", "--format", "npy"], 2),
        (["trials", "--scaled"], 2),
        (["electrodes", "--start", "1"], 2),
        (["ap", "-o", "/nowhere/at/all.npy"], 3),
    ],
    ids=str,
)
def test_what_a_signal_does_not_have(run, filled: str, name: str, words: list[str], code: int):
    result = run("get", name, *words, "--lake", filled)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_a_name_that_says_another_format_is_refused(run, filled: str, name: str, tmp_path: Path):
    result = run("get", name, "ap", "-o", tmp_path / "ap.mat", "--lake", filled)
    assert "cannot be written as 'mat'" in result.stderr
    words = ("-o", tmp_path / "ap.dat", "--format", "npy")
    assert run("get", name, "ap", *words, "--lake", filled).exit_code == 0
    assert np.load(tmp_path / "ap.dat").shape == (1000, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["ap.dat"]


def test_a_folder_that_is_not_there_is_told(run, filled: str, name: str, tmp_path: Path):
    result = run("get", name, "ap", "-o", tmp_path / "none" / "ap.npy", "--lake", filled)
    assert f"there is no folder '{tmp_path / 'none'}'" in result.stderr
    assert "partial" not in result.stderr


def test_a_time_in_which_nothing_was_recorded_is_told(run, filled: str, asset):
    result = run("get", asset.name, "ap", "--start", "5", "--format", "csv", "--lake", filled)
    assert result.exit_code == 0
    assert "nothing was recorded then, but from 0 s to 1 s" in result.stderr
