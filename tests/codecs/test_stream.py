"""Streams are written in order and read within their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.codecs.stream import CODED, MAGIC, VERSION, Coding, Header, Reader, Writer
from panneuro.core.errors import CorruptionError

HEADER = Header(CODED, 7, "uint16", 5, 3, 99)
CODING = Coding(8, ((0, -1), (3, 2)), 2, 48, 128, 3, 11, -5)


def stream() -> bytes:
    writer = Writer(HEADER)
    writer.coding(CODING)
    writer.numbers(np.arange(50, dtype=np.int32))
    writer.numbers(np.zeros(0, np.int32))
    writer.raw(b"end")
    return writer.finished()


def test_what_was_written_is_read() -> None:
    reader = Reader(stream())
    assert reader.header == HEADER
    assert reader.coding() == CODING
    np.testing.assert_array_equal(reader.numbers(50, np.int32), np.arange(50))
    assert reader.numbers(0, np.int32).size == 0
    assert reader.raw(3) == b"end"
    reader.finish()


def test_a_stream_begins_with_its_name_and_version() -> None:
    assert stream()[:5] == MAGIC + bytes([VERSION])


def test_left_over_bytes_are_refused() -> None:
    with pytest.raises(CorruptionError, match="bytes are left over"):
        Reader(stream()).finish()


def test_no_more_is_read_than_there_is() -> None:
    reader = Reader(stream())
    with pytest.raises(CorruptionError, match="bytes are wanted"):
        reader.raw(1 << 30)


@pytest.mark.parametrize(("count", "dtype"), [(49, np.int32), (51, np.int32), (50, np.int16)])
def test_other_numbers_than_expected_are_refused(count: int, dtype: type) -> None:
    reader = Reader(stream())
    reader.coding()
    with pytest.raises(CorruptionError):
        reader.numbers(count, dtype)
