"""Movies out of plain HDF5."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats import movie
from panneuro.formats.source import Source
from panneuro.signals.frames import Frames


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "m.h5"
    with h5py.File(place, "w") as handle:
        handle["data"] = np.arange(60, dtype="i2").reshape(5, 4, 3)
        handle["mask"] = np.ones((4, 3))
    return place


def test_frames_are_read_lazily(path: Path) -> None:
    assert movie.sniff(Source(path)).score == 0.5
    recording = movie.read(Source(path))
    assert any("frame rate" in note for note in recording.notes)
    (path.parent / "m.yaml").write_text("rate_hz: 10")
    (found,) = movie.read(Source(path)).signals
    assert isinstance(found, Frames)
    np.testing.assert_array_equal(found.read(0.1, 0.3), np.arange(12, 36).reshape(2, 4, 3))
    assert (found.shape, found.rate_hz) == ((4, 3), 10.0)


def test_what_is_no_movie_is_told(path: Path) -> None:
    with h5py.File(path, "r+") as handle:
        del handle["data"]
        handle["data"] = np.arange(4)
    assert movie.sniff(Source(path)).score == 0
    with pytest.raises(FormatError, match="no dataset"):
        movie.read(Source(path))
    with h5py.File(path, "r+") as handle:
        handle["out"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(FormatError, match="link into"):
        movie.read(Source(path))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FormatError, match="not a whole HDF5"):
        movie.read(Source(path))


def test_a_real_movie(sample_data: Path) -> None:
    path = sample_data / "imaging/792757260_test_data.h5"
    (found,) = movie.read(Source(path)).signals
    assert isinstance(found, Frames)
    assert (len(found), found.shape) == (100, (100, 100))
    with h5py.File(path) as handle:
        np.testing.assert_array_equal(found.data[3:6], handle["input_frames"][3:6])  # type: ignore[index]
