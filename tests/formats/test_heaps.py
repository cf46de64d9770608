from __future__ import annotations

import os
from pathlib import Path

import h5py
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats import heaps
from panneuro.formats.hdf5 import open_hdf5
from panneuro.formats.heaps import endless_heap


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file whose attributes and texts lie in heaps."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for at in range(300):
            file.attrs[f"said {at}"] = f"{at} " * (at % 40)
        file["texts"] = [f"text {at}" for at in range(3_000)]
    return tmp_path / "s.h5"


def damaged(path: Path, skipped: int = 40) -> int:
    """Zero some of a heap's objects; return where the heap begins."""
    data = bytearray(path.read_bytes())
    place = data.index(b"GCOL")
    data[place + skipped : place + 400] = bytes(400 - skipped)
    path.write_bytes(data)
    return place


def test_whole_files_are_opened(path: Path) -> None:
    assert path.read_bytes().count(b"GCOL") > 2
    assert endless_heap(path) is None
    with open_hdf5(path) as file:
        assert len(file.attrs) == 300


def test_what_libhdf5_would_read_for_ever_is_refused(path: Path) -> None:
    place = damaged(path)
    assert endless_heap(path) == place
    with pytest.raises(FormatError, match=f"what lies at its byte {place:,} was overwritten"):
        open_hdf5(path)


def test_a_file_that_was_mended_is_looked_at_again(path: Path) -> None:
    whole = path.read_bytes()
    damaged(path)
    assert endless_heap(path) is not None
    path.write_bytes(whole)
    os.utime(path, ns=(0, 0))
    assert endless_heap(path) is None


@pytest.mark.parametrize("cut", [8, 12, 16, 24, 40])
def test_heaps_that_are_cut_or_lie_across_pieces(
    path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = path.read_bytes()
    (path.parent / "cut.h5").write_bytes(data[: data.rindex(b"GCOL") + cut])
    assert endless_heap(path.parent / "cut.h5") is None
    place = damaged(path)
    monkeypatch.setattr(heaps, "_PIECE", place + 3)
    with path.open("rb") as file:
        assert next(heaps._heaps(file, path.stat().st_size)) == place


def test_a_bomb_of_heaps_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heaps, "_MOST_OBJECTS", 1_000)
    heap = b"GCOL\x01\0\0\0" + (1 << 40).to_bytes(8, "little") + b"\1\0\0\0\0\0\0\0" + bytes(8)
    (tmp_path / "bomb.h5").write_bytes(heap * 10_000)
    assert endless_heap(tmp_path / "bomb.h5") is None
