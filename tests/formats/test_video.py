"""Videos are kept; their frames are told in time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats import video
from panneuro.formats.source import Source
from panneuro.signals.frames import Frames

av = pytest.importorskip("av")


def write(path: Path, stamps: list[int], base: Fraction = Fraction(1, 1000)) -> Path:
    """Write a frame of growing brightness at each stamp."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 160, "yuv420p"
        stream.codec_context.time_base = base
        for number, stamp in enumerate(stamps):
            level = np.full((160, 320, 3), number * 2, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(level, format="rgb24")
            frame.pts, frame.time_base = stamp, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def frames(path: Path) -> Frames:
    (found,) = video.read(Source(path)).signals
    assert isinstance(found, Frames)
    return found


def test_uneven_frame_times_are_kept(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 200, 240, 500]
    found = frames(write(tmp_path / "Face cam.mp4", stamps))
    np.testing.assert_allclose(found.times[:], np.array(stamps) / 1000, atol=1e-6)
    assert (found.file, found.shape) == ("Face cam.mp4", (160, 320))
    assert found.attributes["codec"] == "mpeg4"


def test_thumbnails_are_small_and_spread(tmp_path: Path) -> None:
    found = frames(write(tmp_path / "v.mp4", list(range(0, 1200, 40))))
    assert found.thumbnails is not None
    assert found.thumbnails.shape == (8, 80, 160, 3)
    assert found.thumbnails[-1].mean() >= found.thumbnails[0].mean()


def test_the_video_is_kept_verbatim(tmp_path: Path) -> None:
    path = write(tmp_path / "v.avi", list(range(0, 400, 40)), Fraction(1, 1000))
    (file,) = video.read(Source(path)).files
    assert (file.name, file.kept) == ("v.avi", True)


def test_folders_of_videos(tmp_path: Path) -> None:
    for name in ("body.mp4", "face.mkv"):
        write(tmp_path / name, [0, 40, 80])
    assert video.sniff(Source(tmp_path)).score == 0.9
    (tmp_path / "notes.txt").write_text("hello")
    assert 0 < video.sniff(Source(tmp_path)).score < 0.5
    found = video.read(Source(tmp_path))
    assert [signal.name for signal in found.signals] == ["body", "face"]
    assert all(file.kept for file in found.files)


@pytest.mark.parametrize("cut", [20, 300, 2000])
@pytest.mark.parametrize("kind", ["mp4", "avi", "mkv"])
def test_truncated_videos_are_told(tmp_path: Path, cut: int, kind: str) -> None:
    path = write(tmp_path / f"v.{kind}", list(range(0, 2400, 40)))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match=rf"v\.{kind}"):
        video.read(Source(path))


def test_playlists_are_not_videos(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    assert video.sniff(Source(path)).score == 0
    with pytest.raises(FormatError, match="no video"):
        video.read(Source(path))


def test_a_real_video(sample_data: Path) -> None:
    found = frames(sample_data / "video/openfield/m3v1mp4.mp4")
    assert len(found) == 2330
    assert found.shape == (480, 640)
    assert found.rate_hz == pytest.approx(30, rel=1e-4)
    np.testing.assert_allclose(np.diff(found.times[:]), 1 / 30, atol=1e-6)
    assert found.thumbnails is not None
    assert found.thumbnails.shape == (8, 120, 160, 3)
    assert found.thumbnails.std() > 10
