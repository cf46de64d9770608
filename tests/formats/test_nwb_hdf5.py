"""HDF5 that is odd, damaged or hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import movie, nwb, nwb_tree
from panneuro.formats.nwb_hdf5 import read_tree
from panneuro.formats.nwb_structure import build_structure
from panneuro.formats.source import Source
from panneuro.signals.timeseries import TimeSeries


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "odd.nwb"


@pytest.fixture
def handle(path: Path) -> Any:
    with h5py.File(path, "w") as made:
        made.attrs["nwb_version"] = "2.7.0"
        made.attrs["neurodata_type"] = "NWBFile"
        yield made


def series(handle: h5py.File, name: str, data: Any, **fields: Any) -> h5py.Group:
    group = handle.create_group(f"acquisition/{name}")
    group.attrs["neurodata_type"] = "TimeSeries"
    group["data"] = data
    group["data"].attrs["unit"] = "V"
    group["data"].attrs.update({k: v for k, v in fields.items() if k in ("conversion", "offset")})
    if "timestamps" in fields:
        group["timestamps"] = fields["timestamps"]
    else:
        group["starting_time"] = fields.get("start", 0.0)
        group["starting_time"].attrs["rate"] = fields.get("rate", 10.0)
    return group


def test_soft_links_into_nothing_and_into_themselves_are_left_out(path: Path, handle: Any) -> None:
    handle["a"] = h5py.SoftLink("/b")
    handle["b"] = h5py.SoftLink("/a")
    handle["c"] = h5py.SoftLink("/nowhere")
    handle.close()
    tree = read_tree(path)
    assert tree.root.links == {}
    assert len(tree.notes) == 3


def test_links_are_told_by_the_name_of_what_they_reach(path: Path, handle: Any) -> None:
    series(handle, "one", np.arange(3.0))
    handle["stimulus"] = h5py.SoftLink("/acquisition")
    handle["stamps"] = h5py.SoftLink("/stimulus/one/data")
    handle["acquisition/two"] = handle["acquisition/one"]
    handle["acquisition/up"] = handle["/acquisition"]
    handle.close()
    tree = read_tree(path)
    assert tree.root.links == {"stimulus": "/acquisition", "stamps": "/acquisition/one/data"}
    assert tree.root.groups["acquisition"].links == {
        "two": "/acquisition/one", "up": "/acquisition",
    }  # fmt: skip


def test_other_files_are_not_reached(path: Path, handle: Any, tmp_path: Path) -> None:
    handle["out"] = h5py.ExternalLink("/etc/passwd", "/")
    handle.close()
    with pytest.raises(FormatError, match="a link into another file"):
        read_tree(path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x00" * 80)
    with h5py.File(path, "w") as made:
        made.create_dataset("x", (10,), "f8", external=[(str(secret), 0, 80)])
    with pytest.raises(FormatError, match="lie in other files"):
        read_tree(path)
    with h5py.File(path, "w") as made:
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        made.create_virtual_dataset("x", layout)
    with pytest.raises(FormatError, match="lie in other files"):
        read_tree(path)


def test_unknown_filters_are_named(path: Path, handle: Any) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4,))
    plist.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(handle.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, plist)
    handle.close()
    with pytest.raises(FormatError, match=r"32008 \(bitshuffle\)"):
        read_tree(path)


def test_too_many_objects_are_refused(
    path: Path, handle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nwb_tree, "MAX_OBJECTS", 5)
    for number in range(6):
        handle.create_group(f"g{number}")
    handle.close()
    with pytest.raises(LimitError, match="more than 5 objects"):
        read_tree(path)


def test_nesting_is_bounded(path: Path, handle: Any) -> None:
    handle.create_group("/".join("x" * 80))
    handle.close()
    with pytest.raises(FormatError, match="nested"):
        read_tree(path)


def test_enormous_shapes_cost_nothing(path: Path, handle: Any) -> None:
    handle.create_dataset("big", (1 << 40, 384), "i2", chunks=(1000, 384))
    handle.create_dataset("words", (1 << 30,), h5py.string_dtype(), chunks=(1000,))
    handle.close()
    structure = build_structure(read_tree(path))
    assert set(structure.bulk) == {"big", "words"}
    assert structure.bulk["big"][5:7].shape == (2, 384)
    told = json.loads(structure.nodes["big/zarr.json"])
    assert (told["shape"], told["data_type"]) == ([1 << 40, 384], "int16")
    assert told["dimension_names"] == ["big_0", "big_1"]


def test_odd_types_are_kept(path: Path, handle: Any) -> None:
    handle.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
    handle["lists"][0] = [1, 2]
    handle["fixed"] = np.array([b"caf\xc3\xa9", b"caf\xe9"])
    handle["none"] = h5py.Empty("f8")
    handle["long"] = np.arange(2, dtype=np.longdouble)
    handle["nested"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f8", (2,))])
    handle["flags"] = np.array([True, False])
    handle["big_endian"] = np.arange(3, dtype=">i4")
    handle.attrs["nothing"] = h5py.Empty("S1")
    handle.attrs["matrix"] = np.eye(2)
    handle.close()
    tree = read_tree(path)
    assert tree.root.arrays["lists"].strings() == ["[1, 2]", "[]"]
    assert tree.root.arrays["fixed"].strings() == ["café", "café"]
    assert tree.root.arrays["flags"].data.dtype == bool
    assert tree.root.arrays["big_endian"].data.dtype.isnative
    assert tree.root.arrays["big_endian"].data[:].tolist() == [0, 1, 2]
    assert "none" not in tree.root.arrays
    assert tree.root.attributes["matrix"] == [[1.0, 0.0], [0.0, 1.0]]
    assert tree.root.attributes["nothing"] == ""
    assert tree.root.arrays["nested"].strings() == ["[0, [0.0, 0.0]]"] * 2
    assert len(tree.notes) == 4
    nodes = build_structure(tree).nodes
    assert json.loads(nodes["big_endian/zarr.json"])["data_type"] == "int32"


def test_series_that_cannot_be_are_told_and_kept(path: Path, handle: Any) -> None:
    series(handle, "fine", np.arange(4.0))
    series(handle, "empty", np.empty(0), timestamps=np.empty(0))
    series(handle, "no_rate", np.arange(4.0), rate=np.nan)
    series(handle, "zero_rate", np.arange(4.0), rate=0.0)
    series(handle, "no_gain", np.arange(4.0), conversion=np.nan)
    series(handle, "short", np.arange(4.0), timestamps=np.arange(3.0))
    series(handle, "back", np.arange(3.0), timestamps=[0.0, 2.0, 1.0])
    handle.close()
    found = nwb.read(Source(path))
    assert {signal.name for signal in found.signals} == {"fine", "empty", "back"}
    assert len([note for note in found.notes if "but no signal" in note]) == 4
    assert any("go back" in note for note in found.notes)
    assert found.structure is not None
    assert "acquisition/no_rate/data/zarr.json" in found.structure.nodes
    empty = found["empty"]
    assert isinstance(empty, TimeSeries)
    assert len(empty.read()) == 0


def test_tables_with_lying_indexes_are_told(path: Path, handle: Any) -> None:
    table = handle.create_group("intervals/trials")
    table.attrs["colnames"] = ["start_time", "stop_time", "licks", "gone", "short"]
    table.attrs["neurodata_type"] = "TimeIntervals"
    for name, values in {
        "id": [0, 1], "start_time": [0.0, 1.0], "stop_time": [1.0, 2.0], "short": [1.0],
        "licks": [0.5], "licks_index": [1, 9],
    }.items():  # fmt: skip
        table[name] = values
    handle.close()
    found = nwb.read(Source(path))
    assert any("'gone'" in note for note in found.notes)
    assert any("'short'" in note for note in found.notes)
    with pytest.raises(FormatError, match="index of 'licks' is damaged"):
        _ = found["trials"].df  # type: ignore[union-attr]


def test_values_are_read_when_asked_for(path: Path, handle: Any) -> None:
    series(handle, "raw", np.arange(1_000_000).reshape(-1, 4))
    handle.close()
    found = nwb.read(Source(path))
    raw = found["raw"]
    assert isinstance(raw, TimeSeries)
    del found
    np.testing.assert_array_equal(raw.read(1.0, 1.2), [[40, 41, 42, 43], [44, 45, 46, 47]])


def test_damaged_chunks_are_told(path: Path, handle: Any) -> None:
    rng = np.random.default_rng(1)
    data = handle.create_dataset(
        "x", data=rng.integers(0, 9, 1_000_000), chunks=(10_000,), compression="gzip"
    )
    place = data.id.get_chunk_info(3).byte_offset
    handle.close()
    damaged = bytearray(path.read_bytes())
    damaged[place : place + 64] = b"\xff" * 64
    path.write_bytes(bytes(damaged))
    structure = build_structure(read_tree(path))
    assert len(structure.bulk["x"][:10_000]) == 10_000
    with pytest.raises(FormatError, match="damaged"):
        structure.bulk["x"][30_000:40_000]


@pytest.mark.parametrize("block", [b"HEAP", b"TREE", b"SNOD"])
@pytest.mark.parametrize("reader", [nwb, movie])
def test_damaged_blocks_of_the_file_itself_are_told(
    path: Path, handle: Any, block: bytes, reader: Any
) -> None:
    series(handle, "lick", np.zeros(10))
    del handle.attrs["nwb_version"]
    handle.close()
    path.write_bytes(path.read_bytes().replace(block, b"xxxx"))
    reader.sniff(Source(path))
    with pytest.raises(FormatError, match="damaged"):
        reader.read(Source(path))
