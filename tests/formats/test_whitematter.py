from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source

NAME = "HSW_2024_12_12__10_28_23__1min_0sec__hsamp_4ch_25000sps.bin"
VALUES = np.arange(40, dtype="<i2").reshape(10, 4)


def test_the_name_describes_the_samples(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(bytes(8) + VALUES.tobytes())
    assert choose(Source(tmp_path))[0] == "whitematter"
    found = read(tmp_path)
    np.testing.assert_array_equal(found["raw"].data[:], VALUES)
    assert found["raw"].rate_hz == 25000
    assert found["raw"].gain == 6.25e-3 / 32768
    assert found.documents["acquisition"]["session_start"] == "2024-12-12T10:28:23"


@pytest.mark.parametrize("content", [b"", bytes(8), bytes(15)])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(FormatError, match="do not fit"):
        read(tmp_path)


def test_impossible_dates_and_counts(tmp_path: Path) -> None:
    name = NAME.replace("2024_12_12", "2024_99_12")
    (tmp_path / name).write_bytes(bytes(8) + VALUES.tobytes())
    assert "session_start" not in read(tmp_path).documents["acquisition"]
    (tmp_path / NAME.replace("4ch", "0ch")).write_bytes(bytes(16))
    with pytest.raises(FormatError, match="holds 2 recordings"):
        read(tmp_path)


def test_the_real_recording(sample_data: Path) -> None:
    folder = sample_data / "raw" / "whitematter"
    found = read(folder)["raw"]
    (place,) = folder.glob("*.bin")
    expected = np.fromfile(place, "<i2", offset=8).reshape(-1, 64)
    np.testing.assert_array_equal(found.data[:], expected)
    assert found.data.shape == (25000, 64)
