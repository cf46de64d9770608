"""TIFF stacks: plain, OME, ImageJ and ScanImage, as movies of one channel and plane each."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.core.errors import FormatError, LimitError, PanneuroError
from panneuro.core.extras import need
from panneuro.formats.described import of
from panneuro.formats.flat import Flat
from panneuro.formats.rawio import logged
from panneuro.formats.readers import NO, Match
from panneuro.formats.scanimage import Layout, parse_layout, parse_stamp
from panneuro.formats.source import Source
from panneuro.formats.streams import slug
from panneuro.signals.arrays import Sliced
from panneuro.signals.frames import Frames
from panneuro.signals.recording import Recording

MAX_PAGE_BYTES = 1 << 30
"""A page that unpacks to more than this is refused."""

STAMPED_PAGES = 20_000
"""In longer stacks the pages' own times are not looked up; the rate is used."""

_RATE_TOLERANCE = 0.05
_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_ENDINGS = ("*.tif", "*.tiff", "*.btf")


def _stacks(source: Source) -> list[Path]:
    return [p for p in source.matching(*_ENDINGS) if source.head(p, 4) in _STARTS]


def sniff(source: Source) -> Match:
    """Recognise files that are TIFF by their name and first bytes."""
    stacks = _stacks(source)
    if not stacks:
        return NO
    alone = len(stacks) == len(source.files)
    return Match(0.9 if alone else 0.3, f"{stacks[0].name} begins as TIFF")


def read(source: Source) -> Recording:
    """Read the movies in TIFF files, lazily.

    Files of a folder are parts of one acquisition if their pages are alike; they follow each other
    by name.

    Raises
    ------
    FormatError
        If a file is damaged or truncated, or the files are not alike.
    MissingExtraError
        If tifffile is not installed.
    """
    need("tifffile", "imaging", "Reading TIFF")
    stacks = _stacks(source)
    if not stacks:
        raise FormatError(f"reading {str(source.path)!r}: there is no TIFF in it")
    notes: list[str] = []
    pages = _Pages([_stack(path, notes) for path in stacks])
    frames = _movies(slug(source.path.stem), pages, notes)
    files = [source.file(path, kept=None if path in stacks else True) for path in source.files]
    documents = {"description": {"modalities": ["ophys"]}} if pages.stacks[0].layout else {}
    return Recording("tiff", tuple(frames), tuple(files), documents, tuple(notes))


@dataclass(frozen=True)
class _Stack:
    """A TIFF file: where its pages are."""

    path: Path
    n_pages: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[tuple[str, int], ...]
    offsets: npt.NDArray[np.int64] | None
    layout: Layout | None
    stamps: npt.NDArray[np.float64] | None
    rate_hz: float | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def _stack(path: Path, notes: list[str]) -> _Stack:
    tifffile = need("tifffile", "imaging", "Reading TIFF")
    try:
        # Without _multifile, OME metadata could name any other file to read.
        with logged("tifffile") as told, tifffile.TiffFile(path, _multifile=False) as tif:
            stack = _examine(path, tif)
        notes.extend(f"{path.name}: {text}" for text in dict.fromkeys(told))
        return stack
    except PanneuroError:
        raise
    except Exception as error:  # tifffile, fed with what we are given
        raise FormatError(
            f"reading {path.name!r}: the TIFF is damaged: {error}",
            hint="copy it again from where it was recorded",
        ) from error


def _examine(path: Path, tif: Any) -> _Stack:
    if not tif.pages or not tif.series:
        raise FormatError(f"reading {path.name!r}: there is no picture in it")
    _check_chain(path, tif)
    series, first = tif.series[0], tif.pages[0]
    shape, dtype = tuple(int(n) for n in first.shape), np.dtype(first.dtype)
    n_bytes = prod(shape) * dtype.itemsize
    if not 0 < n_bytes <= MAX_PAGE_BYTES:
        raise LimitError(f"reading {path.name!r}: a page of {shape} {dtype} is too large")
    n_pages = prod(map(int, series.shape)) * dtype.itemsize // n_bytes
    layout = parse_layout(tif.scanimage_metadata or {}, str(first.description or ""))
    leading = len(series.shape) - len(shape)
    axes = tuple(zip(series.axes[:leading], series.shape[:leading], strict=True))
    order = first.dtype.newbyteorder(tif.byteorder)
    return _Stack(
        path,
        n_pages,
        shape,
        order,
        tuple((str(letter), int(count)) for letter, count in axes),
        _offsets(path, tif, n_pages, n_bytes),
        layout,
        _stamps(tif, n_pages) if layout else None,
        layout.rate_hz if layout else _imagej_rate(tif),
        dict(layout.attributes) if layout else {},
    )


def _check_chain(path: Path, tif: Any) -> None:
    """Refuse a chain of pages that does not end where the last page says so."""
    form = tif.tiff
    with path.open("rb") as stream:
        stream.seek(tif.pages[-1].offset)
        (count,) = struct.unpack(form.tagnoformat, stream.read(form.tagnosize))
        stream.seek(count * form.tagsize, 1)
        (following,) = struct.unpack(form.offsetformat, stream.read(form.offsetsize))
    if following:
        raise FormatError(
            f"reading {path.name!r}: it is truncated: after {len(tif.pages):,} pages it goes on at "
            f"byte {following:,} of {path.stat().st_size:,}",
            hint="copy it again from where it was recorded",
        )


def _imagej_rate(tif: Any) -> float | None:
    told = tif.imagej_metadata or {}
    interval = told.get("finterval")
    if isinstance(interval, int | float) and interval > 0:
        return 1 / float(interval)
    return float(told["fps"]) if isinstance(told.get("fps"), int | float) else None


def _offsets(path: Path, tif: Any, n_pages: int, n_bytes: int) -> npt.NDArray[np.int64] | None:
    """Return where each page begins, if pages are not compressed; nothing if they are."""
    series = tif.series[0]
    size = path.stat().st_size
    if series.dataoffset is not None:
        offsets: npt.NDArray[np.int64] = int(series.dataoffset) + n_bytes * np.arange(n_pages)
    elif len(series.pages) == n_pages and all(page.is_contiguous for page in series.pages):
        offsets = np.array([page.dataoffsets[0] for page in series.pages], dtype=np.int64)
    else:
        ends = [o + n for page in tif.pages for o, n in _pieces(page)]
        _check_size(path, max(ends, default=0), size)
        return None
    _check_size(path, int(offsets.max()) + n_bytes, size)
    return offsets


def _pieces(page: Any) -> zip[tuple[int, int]]:
    return zip(page.dataoffsets, page.databytecounts, strict=True)


def _check_size(path: Path, wanted: int, size: int) -> None:
    if wanted > size:
        raise FormatError(
            f"reading {path.name!r}: it is truncated: its pages end at byte {wanted:,} of {size:,}",
            hint="copy it again from where it was recorded",
        )


def _stamps(tif: Any, n_pages: int) -> npt.NDArray[np.float64] | None:
    if n_pages > STAMPED_PAGES or len(tif.pages) != n_pages:
        return None
    found = [parse_stamp(str(page.aspage().description or "")) for page in tif.pages]
    if any(stamp is None for stamp in found):
        return None
    return np.asarray(found, dtype=np.float64)


class _Pages:
    """The pages of stacks that follow each other."""

    def __init__(self, stacks: list[_Stack]) -> None:
        self.stacks = stacks
        first = stacks[0]
        odd = [s for s in stacks if (s.shape, s.dtype) != (first.shape, first.dtype)]
        if odd:
            raise FormatError(
                f"reading {odd[0].path.name!r}: its pages are {odd[0].shape} {odd[0].dtype}, "
                f"those of {first.path.name!r} {first.shape} {first.dtype}",
                hint="add the files one by one: they are not one acquisition",
            )
        self.starts = np.cumsum([0, *(stack.n_pages for stack in stacks)])
        self.count = int(self.starts[-1])
        self.shape, self.dtype = first.shape, first.dtype

    def read(self, numbers: npt.NDArray[np.int64], start: int, stop: int) -> npt.NDArray[Any]:
        """Read some of the numbered pages."""
        wanted = numbers[start:stop]
        out = np.empty((len(wanted), *self.shape), self.dtype.newbyteorder("="))
        for which, stack in enumerate(self.stacks):
            inside = (wanted >= self.starts[which]) & (wanted < self.starts[which + 1])
            if inside.any():
                out[inside] = _read(stack, wanted[inside] - self.starts[which])
        return out


def _read(stack: _Stack, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    if stack.offsets is not None:
        size = prod(stack.shape) * stack.dtype.itemsize
        spans = [(first, first + size) for first in stack.offsets[numbers].tolist()]
        whole = Flat(stack.path, np.dtype(np.uint8), 0, (stack.path.stat().st_size,))
        return whole.runs(spans).view(stack.dtype).reshape(-1, *stack.shape)
    tifffile = need("tifffile", "imaging", "Reading TIFF")
    try:
        with tifffile.TiffFile(stack.path, _multifile=False) as tif:
            return np.stack([tif.pages[int(number)].asarray() for number in numbers])
    except Exception as error:  # codecs of all kinds, fed with what we are given
        raise FormatError(f"reading {stack.path.name!r}: a page is damaged: {error}") from error


def _movies(name: str, pages: _Pages, notes: list[str]) -> list[Frames]:
    """Return one movie for each channel and plane."""
    layout = pages.stacks[0].layout
    grid = _scanimage_grid(pages, layout, notes) if layout else _plain_grid(pages, notes)
    times, rate = _times(pages, notes)
    movies: list[Frames] = []
    for channel, planes in enumerate(grid):
        for plane, numbers in enumerate(planes):
            parts = [name]
            parts += [f"channel_{channel}"] if len(grid) > 1 else []
            parts += [f"plane_{plane}"] if len(planes) > 1 else []
            movies.append(_movie("_".join(parts), pages, numbers, times, rate, len(planes)))
    return movies


def _movie(
    name: str,
    pages: _Pages,
    numbers: npt.NDArray[np.int64],
    times: npt.NDArray[np.float64],
    rate: float | None,
    n_planes: int,
) -> Frames:
    first = pages.stacks[0]
    dtype = pages.dtype.newbyteorder("=")
    data = Sliced((len(numbers), *pages.shape), dtype, partial(pages.read, numbers))
    even = first.layout is None or first.layout.frames_per_slice == 1
    return Frames(
        name,
        times[numbers],
        data,
        shape=pages.shape[:2],
        rate_hz=rate / n_planes if rate and even else None,
        neurodata_type="TwoPhotonSeries" if first.layout else "ImageSeries",
        attributes=dict(first.attributes),
    )


def _scanimage_grid(
    pages: _Pages, layout: Layout, notes: list[str]
) -> list[list[npt.NDArray[np.int64]]]:
    """Return the pages of each channel and plane; of each channel if planes are a single stack."""
    numbers = np.arange(pages.count, dtype=np.int64)
    per_volume = layout.n_channels * layout.n_slices * layout.frames_per_slice
    n_volumes = pages.count // per_volume
    whole = per_volume if layout.n_slices > 1 else layout.n_channels
    if pages.count % whole:
        notes.append(f"the last volume is not whole: {pages.count} pages, {whole} a volume")
    channels = [numbers[c :: layout.n_channels] for c in range(layout.n_channels)]
    if n_volumes < 2 or layout.n_slices == 1:
        return [[channel] for channel in channels]
    if layout.n_flyback:
        notes.append(f"{layout.n_flyback} planes of each volume are flyback; left out")
    planes = range(layout.n_slices - layout.n_flyback)
    return [
        [c[(np.arange(len(c)) // layout.frames_per_slice) % layout.n_slices == p] for p in planes]
        for c in channels
    ]


def _plain_grid(pages: _Pages, notes: list[str]) -> list[list[npt.NDArray[np.int64]]]:
    """Return the pages of each channel and plane as the axes of the file tell."""
    letters = {letter for stack in pages.stacks for letter, _ in stack.axes}
    by_plane = "Z" in letters and letters & {"T", "I"}
    parts: dict[tuple[int, int], list[npt.NDArray[np.int64]]] = {}
    for start, stack in zip(pages.starts, pages.stacks, strict=False):
        sizes = [count for _, count in stack.axes] or [stack.n_pages]
        names = [letter for letter, _ in stack.axes] or ["I"]
        places = dict(zip(names, np.indices(sizes).reshape(len(sizes), -1), strict=True))
        zeros = np.zeros(stack.n_pages, dtype=np.int64)
        channel, plane = places.get("C", zeros), places["Z"] if by_plane else zeros
        for key in sorted(set(zip(channel.tolist(), plane.tolist(), strict=True))):
            inside = (channel == key[0]) & (plane == key[1])
            parts.setdefault(key, []).append(start + np.flatnonzero(inside))
    if letters - set("TICZYXSQR"):
        notes.append(f"axes {''.join(sorted(letters))!r} are read as time where they are no other")
    n_channels = 1 + max(channel for channel, _ in parts)
    return [
        [np.concatenate(found) for (c, _), found in sorted(parts.items()) if c == channel]
        for channel in range(n_channels)
    ]


def _times(pages: _Pages, notes: list[str]) -> tuple[npt.NDArray[np.float64], float | None]:
    """Return the time of each page, and the rate of pages of one channel."""
    first = pages.stacks[0]
    stamps = [stack.stamps for stack in pages.stacks if stack.stamps is not None]
    described = of(first.path)
    rate = first.rate_hz if described is None else described.number("rate_hz", first.rate_hz)
    if len(stamps) == len(pages.stacks):
        times = np.concatenate(stamps)
        _compare(np.unique(times), rate, notes)
        return times, rate
    together = first.layout.n_channels if first.layout else _together(first)
    if rate is None or rate <= 0:
        notes.append("nothing tells the frame rate: frames are counted as if one a second")
    order = np.arange(pages.count) // together
    return order / (rate if rate and rate > 0 else 1.0), rate


def _compare(times: npt.NDArray[np.float64], rate: float | None, notes: list[str]) -> None:
    """Tell if the pages' own times are far from the rate that the header declares."""
    if rate is None or len(times) < 2:
        return
    measured = 1 / float(np.median(np.diff(times)))
    if abs(measured / rate - 1) > _RATE_TOLERANCE:
        told = f"by their own times, which are taken, and {rate:.4g} by the header"
        notes.append(f"pages are {measured:.4g} a second {told}")


def _together(stack: _Stack) -> int:
    """Return how many pages share a time: those of the axes inside that of time."""
    count = 1
    for letter, length in reversed(stack.axes):
        if letter in "TI":
            return count
        count *= length
    return 1
