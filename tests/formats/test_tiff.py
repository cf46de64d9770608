"""Movies out of TIFF, against tifffile's own reading."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panneuro.core.errors import FormatError, LimitError
from panneuro.formats import tiff
from panneuro.formats.source import Source
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording

tifffile = pytest.importorskip("tifffile")

MOVIE = np.arange(12 * 6 * 5, dtype=np.uint16).reshape(12, 6, 5)


def frames(recording: Recording, name: str) -> Frames:
    found = recording[name]
    assert isinstance(found, Frames)
    return found


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_are_read_as_they_were_written(
    tmp_path: Path, compression: str | None, big: bool, order: str
) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(
        path, MOVIE, compression=compression, bigtiff=big, byteorder=order, metadata=None
    )
    found = frames(tiff.read(Source(path)), "m")
    np.testing.assert_array_equal(found.data[:], MOVIE)  # type: ignore[index]
    np.testing.assert_array_equal(found.data[3:5], MOVIE[3:5])  # type: ignore[index]
    assert (found.shape, len(found)) == ((6, 5), 12)


def test_a_rate_can_be_described(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, MOVIE)
    recording = tiff.read(Source(path))
    assert any("frame rate" in note for note in recording.notes)
    (tmp_path / "m.yaml").write_text("rate_hz: 4")
    found = frames(tiff.read(Source(path)), "m")
    np.testing.assert_array_equal(found.times[:], np.arange(12) / 4)


def test_imagej_channels_and_planes_become_movies(tmp_path: Path) -> None:
    path = tmp_path / "j.tif"
    values = np.arange(3 * 2 * 2 * 4 * 4, dtype=np.uint16).reshape(3, 2, 2, 4, 4)
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": "TZCYX", "finterval": 0.5})
    recording = tiff.read(Source(path))
    assert len(recording.signals) == 4
    for channel in range(2):
        for plane in range(2):
            found = frames(recording, f"j_channel_{channel}_plane_{plane}")
            np.testing.assert_array_equal(found.data[:], values[:, plane, channel])  # type: ignore[index]
            np.testing.assert_allclose(found.times[:], [0.0, 0.5, 1.0])


def test_ome_reads_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "o.ome.tif"
    tifffile.imwrite(path, MOVIE.reshape(6, 2, 6, 5), metadata={"axes": "TCYX"})
    text = path.read_bytes()
    recording = tiff.read(Source(path))
    np.testing.assert_array_equal(
        frames(recording, "o_ome_channel_1").data[:],
        MOVIE[1::2],  # type: ignore[index]
    )
    assert text == path.read_bytes()


def test_files_of_a_folder_follow_each_other(tmp_path: Path) -> None:
    place = tmp_path / "session"
    place.mkdir()
    for part in range(3):
        tifffile.imwrite(
            place / f"p_{part}.tif", MOVIE[4 * part : 4 * part + 4], photometric="minisblack"
        )
    found = frames(tiff.read(Source(place)), "session")
    np.testing.assert_array_equal(found.data[2:11], MOVIE[2:11])  # type: ignore[index]
    tifffile.imwrite(place / "p_3.tif", MOVIE[:, :3])
    with pytest.raises(FormatError, match="not one acquisition"):
        tiff.read(Source(place))


@pytest.mark.parametrize("cut", [6, 100, 400])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_truncated_stacks_are_told(tmp_path: Path, cut: int, compression: str | None) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, MOVIE, compression=compression, metadata=None)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match=r"m\.tif"):
        tiff.read(Source(path))


def test_enormous_pages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, MOVIE)
    monkeypatch.setattr(tiff, "MAX_PAGE_BYTES", 10)
    with pytest.raises(LimitError, match="too large"):
        tiff.read(Source(path))


def test_what_tifffile_complains_of_is_not_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, MOVIE)
    examine = tiff._examine

    def complain(*given: Any) -> Any:
        logging.getLogger("tifffile").warning("odd tag")
        return examine(*given)

    monkeypatch.setattr(tiff, "_examine", complain)
    assert "x.tif: odd tag" in tiff.read(Source(path)).notes
    assert not caplog.records


def test_it_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, MOVIE)
    assert tiff.sniff(Source(path)).score == 0.9
    path.write_bytes(b"not a tiff")
    assert tiff.sniff(Source(path)).score == 0


REAL: list[Any] = [
    ("sample_scanimage_version_3_8.tiff", 1, 1, 3.9),
    ("scanimage_20220923_noroi.tif", 2, 2, None),
    ("volumetric_single_channel_single_file_no_flyback", 1, 9, 79.8033 / 9),
]


@pytest.mark.parametrize(("name", "n_channels", "n_planes", "rate"), REAL)
def test_real_stacks(
    sample_data: Path, name: str, n_channels: int, n_planes: int, rate: float | None
) -> None:
    path = sample_data / "imaging/ScanImage" / name
    recording = tiff.read(Source(path))
    assert len(recording.signals) == n_channels * n_planes
    file = path if path.is_file() else next(path.glob("*.tif"))
    with tifffile.TiffFile(file) as tif:
        whole = tif.asarray(key=slice(None))
    per_slice = 2 if n_channels == 2 else 1
    volumes = whole.reshape(-1, n_planes, per_slice, n_channels, *whole.shape[1:])
    for number, found in enumerate(recording.signals):
        assert isinstance(found, Frames)
        channel, plane = divmod(number, n_planes)
        wanted = volumes[:, plane, :, channel].reshape(-1, *whole.shape[1:])
        np.testing.assert_array_equal(found.data[:], wanted)  # type: ignore[index]
        if rate is not None:
            assert found.rate_hz == pytest.approx(rate, rel=1e-2) or found.rate_hz is None
        assert np.all(np.diff(found.times[:]) > 0)
