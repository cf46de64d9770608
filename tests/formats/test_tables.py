"""Tables that are small on disk and huge in memory, and texts in whatever encoding."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import tables
from panneuro.formats.tables import read_frames


def frames(path: Path) -> dict[str, pd.DataFrame]:
    return dict(read_frames(path, []))


def bomb_matlab(path: Path, *, order: str) -> None:
    """Write a MATLAB 5 file with a variable that claims 3 GB."""
    packed = zlib.compress(struct.pack(f"{order}2I", 14, 3_000_000_000) + bytes(4096))
    version = struct.pack(f"{order}H", 0x100) + (b"IM" if order == "<" else b"MI")
    tag = struct.pack(f"{order}2I", 15, len(packed))
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + version + tag + packed)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_variable_that_claims_gigabytes_is_refused(tmp_path: Path, order: str) -> None:
    pytest.importorskip("pymatreader")
    bomb_matlab(tmp_path / "x.mat", order=order)
    with pytest.raises(LimitError, match="unpacks to 3,000,000,000 bytes"):
        frames(tmp_path / "x.mat")


def test_a_dataset_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pymatreader")
    with h5py.File(tmp_path / "x.mat", "w") as handle:
        handle.create_dataset("a", shape=(10**6, 10**6), dtype="u1", chunks=(1000, 1000))
    with pytest.raises(LimitError, match="unpacks to 1,000,000,000,000 bytes"):
        frames(tmp_path / "x.mat")


def test_a_value_repeated_for_ever_is_refused(tmp_path: Path) -> None:
    one = pa.array(np.zeros(2_000_000, "i1")).dictionary_encode()
    column = pa.chunked_array([one] * 100)
    pq.write_table(pa.table({"a": column}), tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").stat().st_size < 1 << 20
    with pytest.raises(LimitError, match="unpacks to 1,600,000,000 bytes"):
        frames(tmp_path / "x.parquet")


def test_a_matrix_that_is_no_table_is_not_copied_into_objects() -> None:
    notes: list[str] = []
    found = {"a": np.zeros((2, 1_000_000), "u1"), "b": np.arange(3.0)}
    tracemalloc.start()
    try:
        ((_, frame),) = tables._tables("x", found, notes)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(frame) == ["b"]
    assert notes == ["'a' of 'x' is no column of a table; left out"]
    assert most < 2_000_000


def test_a_text_wider_than_any_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",".join("abc") + "," * tables.MAX_CSV_COLUMNS + "\n1,2,3\n")
    with pytest.raises(LimitError, match="more than 10,000 columns"):
        frames(tmp_path / "x.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_letters_come_back_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, ending: str
) -> None:
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 7)
    text = "ort,n\nZürich,1\nMünchen,2\n"
    if ending == "jsonl":
        text = '{"ort": "Zürich", "n": 1}\n{"ort": "München", "n": 2}\n'
    (tmp_path / f"x.{ending}").write_bytes(text.encode(encoding))
    (frame,) = frames(tmp_path / f"x.{ending}").values()
    assert frame["ort"].tolist() == ["Zürich", "München"]


def test_binary_data_after_the_beginning_are_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 8)
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n3,4\n5,\x00\n")
    with pytest.raises(FormatError, match="binary data"):
        frames(tmp_path / "x.csv")


def test_poses_of_deeplabcut_are_named_by_body_part(tmp_path: Path) -> None:
    heads = "scorer,net,net,net\nbodyparts,nose,nose,tail\ncoords,x,likelihood,x\n"
    path = tmp_path / "pose.csv"
    path.write_text(heads + "0,1.5,0.9,7\n1,2.5,0.8,8\n")
    (found,) = frames(path).values()
    assert found.to_dict("list") == {
        "frame": [0, 1],
        "nose_x": [1.5, 2.5],
        "nose_likelihood": [0.9, 0.8],
        "tail_x": [7, 8],
    }
    path.write_text(heads.replace("bodyparts", "individuals,a,a,b\nbodyparts") + "0,1,2,3\n")
    assert list(frames(path)["pose"].columns) == [
        "frame",
        "a_nose_x",
        "a_nose_likelihood",
        "b_tail_x",
    ]
    path.write_text("scorer,n,n\nindividuals,a,a_b\nbodyparts,b_c,c\ncoords,x,x\n0,1,2\n")
    with pytest.raises(FormatError, match="two of its columns would be called 'a_b_c_x'"):
        frames(path)


def test_labels_of_deeplabcut_are_named_by_image(sample_data: Path) -> None:
    path = sample_data / "video/openfield/labeled-data/m4s1/CollectedData_Pranav.csv"
    (found,) = frames(path).values()
    wanted = np.genfromtxt(path, delimiter=",", skip_header=3)[:, 1:]
    assert list(found.columns[:3]) == ["image", "snout_x", "snout_y"]
    np.testing.assert_array_equal(found.iloc[:, 1:], wanted)
