from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import panneuro


@pytest.fixture
def lake(filled: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "lake"))


def test_all_is_well(run, filled: str, name: str):
    result = run("check", "--lake", filled)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no problems left" in result.stderr
    said = json.loads(run("check", name, "--quick", "--json", "--lake", filled).stdout)
    assert said["ok"]
    assert said["checked_files"] > 1
    assert said["problems"] == []
    assert run("check", "nobody", "--lake", filled).exit_code == 3


def test_a_byte_that_changed(run, lake: Path):
    (chunk,) = lake.glob("assets/*/*/acquisition/ap/data/c/0/0")
    data = bytearray(chunk.read_bytes())
    data[100] ^= 1
    chunk.write_bytes(data)
    assert run("check", "--quick", "--lake", lake).exit_code == 0
    result = run("check", "--lake", lake)
    assert result.exit_code == 5
    where, what = result.stdout.splitlines()
    assert where == f"corrupt: {chunk.relative_to(lake).as_posix()}"
    assert "--repair" in what
    chunk.unlink()
    lines = run("check", "--quick", "--jsonl", "--lake", lake).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["missing"]


def test_an_index_out_of_step(run, lake: Path, name: str):
    panneuro.open(lake).catalog.clear()
    panneuro.open(lake).catalog.close()
    result = run("check", "--lake", lake)
    assert result.exit_code == 5
    assert "not-indexed" in result.stdout
    assert "panneuro check --repair" in result.stderr
    assert run("check", "--repair", "--dry-run", "--lake", lake).exit_code == 5
    assert run("check", "--repair", "--lake", lake).exit_code == 0
    assert run("check", "--lake", lake).exit_code == 0
    assert name in run("find", "--lake", lake).stdout


def test_damaged_samples_are_made_again_from_the_recording(
    run, lake: Path, name: str, recording: Path
):
    (chunk,) = lake.glob("assets/*/*/acquisition/ap/data/c/0/0")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-1])
    result = run("check", "--repair", "--lake", lake)
    assert f"next: panneuro check {name} --repair --source RECORDING" in result.stderr
    words = ("--repair", "--source", recording, "--lake", lake)
    assert run("check", *words).exit_code == 2
    assert run("check", name, *words, "--dry-run").exit_code == 5
    result = run("check", name, *words)
    assert result.exit_code == 0, result.output
    assert "made again from the recording" in result.stdout
    assert chunk.read_bytes() == whole
