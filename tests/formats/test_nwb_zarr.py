"""Zarr v3 stores that are odd, damaged or hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from panneuro.core.errors import FormatError
from panneuro.formats import nwb
from panneuro.formats.nwb_structure import build_structure
from panneuro.formats.nwb_zarr import read_zarr
from panneuro.formats.source import Source


@pytest.fixture
def store(tmp_path: Path) -> Path:
    place = tmp_path / "s.nwb.zarr"
    root = zarr.create_group(place, zarr_format=3, attributes={"nwb_version": "2.8.0"})
    series = root.create_group(
        "acquisition/v", attributes={"neurodata_type": "TimeSeries", "description": "a trace"}
    )
    data = series.create_array("data", shape=(400_000,), chunks=(50_000,), dtype="f4")
    data.attrs.update({"unit": "volts", "conversion": 0.5, "_DTYPE": "float32"})
    data[:] = np.arange(400_000) + 1
    start = series.create_array("starting_time", shape=(), dtype="f8")
    start.attrs.update({"rate": 100.0, "_DTYPE": "float64"})
    return place


def edit(store: Path, name: str, **changes: Any) -> None:
    path = store / name / "zarr.json"
    told = json.loads(path.read_text())
    told["attributes"].update(changes)
    path.write_text(json.dumps(told))


def test_series_are_read_lazily_and_nodes_are_copied(store: Path) -> None:
    assert nwb.sniff(Source(store)).score == 1
    found = nwb.read(Source(store))
    assert found.structure is not None
    assert set(found.structure.bulk) == {"acquisition/v/data"}
    assert found["v"].read(1.0, 1.02, scaled=True).tolist() == [50.5, 51.0]  # type: ignore[union-attr, call-arg]
    told = json.loads(found.structure.nodes["acquisition/v/data/zarr.json"])
    assert told["dimension_names"] == ["time"]
    assert told["attributes"]["_DTYPE"] == "float32"


def test_missing_chunks_are_told(store: Path) -> None:
    (store / "acquisition/v/data/c/3").unlink()
    notes = nwb.read(Source(store)).notes
    assert any("7 of 8 chunks" in note for note in notes)


def test_damaged_chunks_are_told(store: Path) -> None:
    (store / "acquisition/v/data/c/3").write_bytes(b"rubbish")
    bulk = build_structure(read_zarr(store)).bulk
    with pytest.raises(FormatError, match="cannot be decoded"):
        bulk["acquisition/v/data"][150_000:150_010]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"zarr_format": 9}'])
def test_damaged_metadata_is_told(store: Path, content: bytes) -> None:
    (store / "acquisition/v/data/zarr.json").write_bytes(content)
    with pytest.raises(FormatError, match="damaged"):
        read_zarr(store)


def test_other_files_are_not_reached(store: Path, tmp_path: Path) -> None:
    edit(store, "acquisition", _LINKS=[{"name": "x", "source": "../other", "path": "/a"}])
    with pytest.raises(FormatError, match="link into another file"):
        read_zarr(store)
    edit(store, "acquisition", _LINKS=[{"name": "x", "source": ".", "path": "/acquisition/v"}])
    assert read_zarr(store).root.groups["acquisition"].links == {"x": "/acquisition/v"}
    (store / "stimulus").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="leads out"):
        read_zarr(store)


def test_links_in_circles_end(store: Path) -> None:
    links = [{"name": "a", "source": ".", "path": "/b"}, {"name": "b", "source": ".", "path": "/a"}]
    edit(store, "", _LINKS=links)
    assert read_zarr(store).find("/a/x") is None
