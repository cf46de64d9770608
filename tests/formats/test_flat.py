"""Arrays in plain files are read when asked for, and told where the file does not have them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats import flat as room
from panneuro.formats.flat import Flat
from panneuro.formats.rawio import chunks, open_raw
from panneuro.formats.readers import read
from panneuro.signals.recording import Recording

from .test_edf import write_edf

VALUES = np.random.default_rng(0).integers(-999, 999, (300, 7)).astype("<i2")
CUBE = VALUES[:, :6].reshape(300, 3, 2)


def written(folder: Path, values: np.ndarray = VALUES, *, in_columns: bool = False) -> Flat:
    path = folder / "Zürich.dat"
    path.write_bytes(b"header" + values.tobytes("F" if in_columns else "C"))
    return Flat(path, values.dtype, 6, values.shape, in_columns)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Flat:
    return written(tmp_path_factory.mktemp("flat"))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted),
    st.lists(st.integers(0, 6), min_size=1, unique=True) | st.slices(7),
    st.integers(1, 999),
)
def test_every_part_is_what_lies_there(file, rows, columns, piece):
    room._PIECE_BYTES, before = piece, room._PIECE_BYTES
    try:
        found = file.part(*rows, columns)
    finally:
        room._PIECE_BYTES = before
    np.testing.assert_array_equal(found, VALUES[slice(*rows)][:, columns])


@pytest.mark.parametrize("in_columns", [False, True])
@pytest.mark.parametrize("values", [VALUES[:, 0].astype(">f8"), VALUES, CUBE, CUBE[:0]])
def test_both_orders_and_any_number_of_axes(
    tmp_path: Path, values: np.ndarray, in_columns: bool
) -> None:
    array = written(tmp_path, values, in_columns=in_columns)
    keys = (slice(None), slice(20, 50), slice(None, None, 7), (slice(5), ..., 0))
    for key in keys[: 4 if values.ndim > 1 else 3]:
        np.testing.assert_array_equal(array[key], values[key])
        np.testing.assert_array_equal(array.transposed.transposed[key], values[key])
    np.testing.assert_array_equal(array.transposed[:], values.T)
    assert array.transposed.shape == values.T.shape
    if len(values):
        np.testing.assert_array_equal(array[-1], values[-1])
        np.testing.assert_array_equal(array[[250, 3]], values[[250, 3]])


def test_runs_from_several_places_follow_each_other(file: Flat) -> None:
    flat = VALUES.ravel()
    found = file.runs([(100, 103), (0, 0), (7, 9)])
    np.testing.assert_array_equal(found, flat[[100, 101, 102, 7, 8]])


def test_a_file_that_shrinks_is_told_and_kills_nobody(tmp_path: Path) -> None:
    array = written(tmp_path)
    np.testing.assert_array_equal(array[290:300, 3], VALUES[290:, 3])
    os.truncate(array.path, 6 + 200 * 14)
    np.testing.assert_array_equal(array[190:200], VALUES[190:200])
    with pytest.raises(FormatError, match="280 bytes were asked for from its byte 2,666 on, and "):
        array[190:210]


def test_streams_that_lie_row_after_row_are_read_past_neo(tmp_path: Path) -> None:
    path = tmp_path / "probe.raw"
    path.write_bytes(VALUES.tobytes())
    keywords = {"dtype": "int16", "sampling_rate": 1000.0, "nb_channel": 7}
    raw = open_raw("RawBinarySignalRawIO", str(path), [], filename=str(path), **keywords)
    array = chunks(raw, (0, 0, 0), np.arange(7), 300, "int16")
    os.truncate(path, 200 * 14)
    np.testing.assert_array_equal(array[50:60, 2:5], VALUES[50:60, 2:5])
    with pytest.raises(FormatError, match="280 bytes were asked for"):
        array[190:210]


def described(folder: Path) -> None:
    (folder / "description.yaml").write_text("rate_hz: 100\nunit: volts\n")


def npy(folder: Path) -> Path:
    described(folder)
    np.save(folder / "x.npy", np.asfortranarray(VALUES))
    return folder / "x.npy"


def npz(folder: Path) -> Path:
    described(folder)
    with zipfile.ZipFile(folder / "x.npz", "w") as archive:
        np.save(folder / "x.npy", np.tile(VALUES, (300, 1)))
        archive.write(folder / "x.npy", "x.npy")
    (folder / "x.npy").unlink()
    return folder / "x.npz"


def abf(folder: Path) -> Path:
    pyabf = pytest.importorskip("pyabf")
    sweeps = np.linspace(-70, 30, 4_000).reshape(2, -1)
    pyabf.abfWriter.writeABF1(sweeps, str(folder / "x.abf"), 20_000, units="mV")
    return folder / "x.abf"


def edf(folder: Path) -> Path:
    write_edf(folder / "x.edf")
    return folder / "x.edf"


def tif(folder: Path) -> Path:
    pytest.importorskip("tifffile").imwrite(folder / "x.tif", np.zeros((5, 60, 70)), metadata=None)
    return folder / "x.tif"


def suite2p(folder: Path) -> Path:
    for name in ("F", "Fneu", "spks"):
        np.save(folder / f"{name}.npy", VALUES.astype("f4"))
    np.save(folder / "iscell.npy", np.ones((300, 2)))
    np.save(folder / "ops.npy", np.array({"fs": 7.5}, dtype=object), allow_pickle=True)
    return folder / "F.npy"


def all_of(recording: Recording) -> list[np.ndarray]:
    return [one.data[:] for one in recording.signals if getattr(one, "data", None) is not None]


@pytest.mark.parametrize("write", [npy, npz, abf, edf, tif, suite2p])
def test_formats_tell_of_a_file_that_is_cut_off_while_it_is_read(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    source = path.parent if write is suite2p else path
    assert all_of(read(source))
    found = read(source)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(FormatError, match=r"bytes were asked for.*found"):
        all_of(found)
