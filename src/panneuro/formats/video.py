"""Videos: kept as they are, with the time of every frame and a few pictures to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, PanneuroError
from panneuro.core.extras import need
from panneuro.formats.readers import NO, Match
from panneuro.formats.source import Source
from panneuro.formats.streams import slug
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording

N_THUMBNAILS = 8
"""How many pictures are taken from a video, evenly spread."""

THUMBNAIL_PIXELS = 160
"""The longer side of such a picture."""

MAX_PIXELS = 100_000_000
"""No picture is taken from a video with more pixels a frame."""

_MISSING_S = 1.0


def container(head: bytes) -> str:
    """Return FFmpeg's name of a video's container by its first bytes, or nothing.

    The container is never guessed from the rest: playlists would make FFmpeg open other files.

    Examples
    --------
    >>> container(bytes(4) + b"ftypisom")
    'mov'
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    starts = {
        b"\x1aE\xdf\xa3": "matroska",
        b"FLV\x01": "flv",
        b"0&\xb2u": "asf",
        b"\x00\x00\x01\xba": "mpeg",
    }
    return starts.get(head[:4], "")


def _videos(source: Source) -> list[Path]:
    return [path for path in source.files if container(source.head(path, 12))]


def sniff(source: Source) -> Match:
    """Recognise videos by their first bytes."""
    videos = _videos(source)
    if not videos:
        return NO
    told = f"{videos[0].name} begins as a video ({container(source.head(videos[0], 12))})"
    return Match(0.9 if len(videos) == len(source.files) else 0.25, told)


def read(source: Source) -> Recording:
    """Read the frame times of every video in a source; the videos themselves are kept verbatim.

    Times are seconds since the first frame.

    Raises
    ------
    FormatError
        If a video is truncated or damaged.
    MissingExtraError
        If PyAV is not installed.
    """
    videos = _videos(source)
    if not videos:
        raise FormatError(f"reading {str(source.path)!r}: there is no video in it")
    notes: list[str] = []
    frames = tuple(_frames(source, path, notes) for path in videos)
    files = [source.file(path) for path in source.files]
    documents = {"description": {"modalities": ["behavior-videos"]}}
    return Recording("video", frames, tuple(files), documents, tuple(notes))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    av = need("av", "video", "Reading video")
    with path.open("rb") as stream:
        kind = container(stream.read(12))
        stream.seek(0)
        try:
            with av.open(stream, format=kind, mode="r") as found:
                yield found
        except PanneuroError:
            raise
        except Exception as error:  # FFmpeg, fed with what we are given
            raise FormatError(
                f"reading {path.name!r}: it is not a whole video: {error}",
                hint="copy it again from where it was recorded",
            ) from error


@dataclass(frozen=True)
class _Index:
    """Where the frames of a video are in time."""

    times: npt.NDArray[np.float64]
    shape: tuple[int, int]
    rate_hz: float | None
    attributes: dict[str, Any]


def _frames(source: Source, path: Path, notes: list[str]) -> Frames:
    index = _index(path)
    return Frames(
        slug(path.stem),
        index.times,
        file=source.name(path),
        shape=index.shape,
        rate_hz=index.rate_hz,
        description=f"video {path.name}",
        attributes=index.attributes,
        thumbnails=_thumbnails(path, index, notes),
    )


def _index(path: Path) -> _Index:
    """Read the time of every frame from the packets, decoding none."""
    with _opened(path) as found:
        if not found.streams.video:
            raise FormatError(f"reading {path.name!r}: there is no picture in it")
        stream = found.streams.video[0]
        stamps, damaged = [], 0
        for packet in found.demux(stream):
            if packet.size:
                stamps.append(packet.pts if packet.pts is not None else packet.dts)
                damaged += bool(packet.is_corrupt)
        _check_whole(path, found, stamps, damaged)
        rate = float(stream.average_rate) if stream.average_rate else None
        return _Index(
            _seconds(path, stamps, float(stream.time_base or 0), rate),
            (int(stream.height), int(stream.width)),
            rate,
            {
                "codec": str(stream.codec_context.name),
                "container": str(found.format.name),
                "pixel_format": str(stream.codec_context.pix_fmt),
                "bit_rate": int(found.bit_rate or 0),
            },
        )


def _check_whole(path: Path, found: Any, stamps: list[int | None], damaged: int) -> None:
    """Compare the frames that are there with what the container declares.

    MP4 declares their number; the others how long they last.
    """
    stream = found.streams.video[0]
    counted = "mov" in found.format.name
    short = counted and len(stamps) < stream.frames
    there = [stamp for stamp in stamps if stamp is not None]
    if there and not counted:
        lasts = float((max(there) - min(there)) * stream.time_base)
        short = _declared_s(found) - lasts > _MISSING_S
    if damaged or short or not stamps:
        raise FormatError(
            f"reading {path.name!r}: it is truncated or damaged: {len(stamps) - damaged:,} frames "
            "are whole, fewer than it declares",
            hint="copy it again from where it was recorded",
        )


def _declared_s(found: Any) -> float:
    """Return how long the pictures should last; 0 if that is not told apart from the sound."""
    stream = found.streams.video[0]
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return float((found.duration or 0) * 1e-6) if len(found.streams) == 1 else 0.0


def _seconds(
    path: Path, stamps: list[int | None], base: float, rate: float | None
) -> npt.NDArray[np.float64]:
    if None in stamps or base <= 0:
        if not rate:
            raise FormatError(f"reading {path.name!r}: its frames have no times and no rate")
        return np.arange(len(stamps)) / rate
    ticks = np.sort(np.asarray(stamps, dtype=np.int64))
    times: npt.NDArray[np.float64] = (ticks - ticks[0]) * base
    return times


def _thumbnails(path: Path, index: _Index, notes: list[str]) -> npt.NDArray[np.uint8] | None:
    """Decode a few frames, each found by seeking."""
    height, width = index.shape
    if min(index.shape) < 1 or height * width > MAX_PIXELS:
        notes.append(f"no pictures were taken from {path.name}: {width} × {height} pixels")
        return None
    scale = min(1.0, THUMBNAIL_PIXELS / max(index.shape))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    wanted = index.times[np.linspace(0, len(index.times) - 1, N_THUMBNAILS).astype(int)]
    try:
        with _opened(path) as found:
            pictures = [_picture(found, float(time), size) for time in np.unique(wanted)]
    except FormatError as error:
        notes.append(f"no pictures were taken from {path.name}: {error.message}")
        return None
    return np.stack(pictures)


def _picture(found: Any, time: float, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    stream = found.streams.video[0]
    first = stream.start_time or 0
    found.seek(first + int(time / float(stream.time_base)), stream=stream)
    frame = next(found.decode(stream))
    picture: npt.NDArray[np.uint8] = frame.reformat(*size, format="rgb24").to_ndarray()
    return picture
