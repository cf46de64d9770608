from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
import zarr


def test_nwb(run, filled: str, name: str, tmp_path: Path):
    result = run("export", name, "nwb", "--to", tmp_path, "--json", "--lake", filled)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    with h5py.File(said["file"]) as file:
        assert file["acquisition/ap/data"].shape == (1000, 4)
    assert said["bytes"] == Path(said["file"]).stat().st_size
    again = run("export", name, "nwb", "--to", said["file"], "--lake", filled)
    assert again.exit_code == 2


def test_zarr(run, filled: str, name: str, tmp_path: Path):
    target = tmp_path / "out.nwb.zarr"
    assert run("export", name, "zarr", "--to", target, "--lake", filled).exit_code == 0
    assert zarr.open_group(target, mode="r")["acquisition/ap/data"].shape == (1000, 4)


@pytest.mark.parametrize("kind", ["nwb", "zarr", "original"])
def test_a_dry_run_writes_nothing(run, filled: str, name: str, tmp_path: Path, kind: str):
    result = run("export", name, kind, "--to", tmp_path / "x", "--dry-run", "--lake", filled)
    assert result.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(run, filled: str, name: str, tmp_path: Path):
    assert run("export", name, "pdf", "--lake", filled).exit_code == 2
    assert run("export", "nobody", "nwb", "--lake", filled).exit_code == 3


def test_portable(run, filled: str, name: str, tmp_path: Path):
    line = ("export", name, "zarr", "--portable", "--json", "--lake", filled)
    said = json.loads(run(*line, "--to", tmp_path).stdout)
    assert said["portable"] is True
    codecs = Path(said["file"], "acquisition/ap/data/zarr.json").read_text()
    assert "pcodec" not in codecs
    assert "panneuro" not in codecs
    refused = run("export", name, "nwb", "--portable", "--lake", filled)
    assert refused.exit_code == 2
    assert "--portable is for zarr" in refused.stderr
