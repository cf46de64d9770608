from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import npz
from panneuro.signals.arrays import LazyArray

SAVE = {"stored": np.savez, "deflated": np.savez_compressed}
LARGE = np.arange(3_000_000, dtype="<f4").reshape(-1, 3)


def whole(array: LazyArray) -> np.ndarray:
    return array[:] if array.shape else np.asarray(array)


@pytest.fixture(params=SAVE)
def save(request: pytest.FixtureRequest, tmp_path: Path):
    """Return what saves arrays as an archive, packed or not."""

    def saved(**arrays: object) -> Path:
        SAVE[request.param](tmp_path / "x.npz", **arrays)
        return tmp_path / "x.npz"

    return saved


@pytest.mark.parametrize(
    "array",
    [
        LARGE,
        np.asfortranarray(LARGE),
        LARGE.astype(">i2"),
        LARGE[:2],
        np.empty((0, 3)),
        np.array(500.0),
        np.array("volts"),
        np.zeros(3, [("a", "i4"), ("b", "f8")]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_are_what_numpy_reads(save, array: np.ndarray) -> None:
    path = save(first=array, second=LARGE)
    with np.load(path) as wanted:
        found = npz.load(path)
        assert set(found) == {"first", "second"}
        for name, one in found.items():
            assert one.dtype == wanted[name].dtype
            assert np.array_equal(whole(one), wanted[name])


def test_little_of_it_is_in_memory(save) -> None:
    path = save(**{f"part_{at}": np.zeros(4_000_000) for at in range(4)})
    tracemalloc.start()
    found = npz.load(path)
    total = sum(float(one[at : at + 1000].sum()) for one in found.values() for at in (0, 3_999_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 0
    assert peak < 16 << 20


def test_a_byte_that_changed_is_found(save) -> None:
    path = save(a=LARGE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(FormatError, match="not the array it claims to be"):
        npz.load(path)


def test_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", allow_pickle=True, a=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FormatError, match="an array of Python objects"):
        npz.load(tmp_path / "x.npz")


def test_a_shape_that_lies_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(100))
    header = (tmp_path / "a.npy").read_bytes().replace(b"(100,)", b"(101,)")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", header)
    with pytest.raises(FormatError, match="has 800 bytes, not 808"):
        npz.load(tmp_path / "x.npz")


def test_what_is_not_packed_may_be_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_INFLATED_BYTES", 1 << 20)
    np.savez(tmp_path / "x.npz", a=LARGE)
    assert np.array_equal(npz.load(tmp_path / "x.npz")["a"][:], LARGE)
    np.savez_compressed(tmp_path / "x.npz", a=LARGE)
    with pytest.raises(LimitError, match="unpacks to 1 arrays and 12,0"):
        npz.load(tmp_path / "x.npz")
