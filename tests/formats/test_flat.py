"""Rows of plain files are read when asked for, and told where the file does not have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats import flat as room
from panneuro.formats.flat import Flat
from panneuro.formats.rawio import chunks, open_raw

VALUES = np.random.default_rng(0).integers(-999, 999, (300, 7)).astype("<i2")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Flat:
    path = tmp_path_factory.mktemp("flat") / "Zürich.dat"
    path.write_bytes(b"header" + VALUES.tobytes())
    return Flat(path, VALUES.dtype, 6, 7)


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


def test_a_file_that_shrinks_is_told_and_kills_nobody(tmp_path: Path) -> None:
    path = tmp_path / "probe.raw"
    path.write_bytes(VALUES.tobytes())
    array = Flat(path, VALUES.dtype, 0, 7).array(300)
    np.testing.assert_array_equal(array[290:300, 3], VALUES[290:, 3])
    with path.open("r+b") as stream:
        stream.truncate(200 * 14)
    np.testing.assert_array_equal(array[190:200], VALUES[190:200])
    with pytest.raises(FormatError, match="190 to 210 were asked for and 10 found"):
        array[190:210]


def test_streams_that_lie_row_after_row_are_read_past_neo(tmp_path: Path) -> None:
    path = tmp_path / "probe.raw"
    path.write_bytes(VALUES.tobytes())
    keywords = {"dtype": "int16", "sampling_rate": 1000.0, "nb_channel": 7}
    raw = open_raw("RawBinarySignalRawIO", str(path), [], filename=str(path), **keywords)
    array = chunks(raw, (0, 0, 0), np.arange(7), 300, "int16")
    with path.open("r+b") as stream:
        stream.truncate(200 * 14)
    np.testing.assert_array_equal(array[50:60, 2:5], VALUES[50:60, 2:5])
    with pytest.raises(FormatError, match="190 to 210"):
        array[190:210]
