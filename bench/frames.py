"""Images over time: the best Zarr codec beside prediction in space and time.

    python bench/frames.py --data ../shared/data
    python bench/frames.py STACK.tif MOVIE.h5 FOLDER …

The second form takes any recordings that panneuro reads. Each movie is cut as ``lake.add`` cuts it,
and every coder gives each chunk back to the bit, or the run stops. There are four families:

zarr
    What any `zarr.json` may name today: the codings that ``lake.add`` tries, and stronger ones.
prediction
    Each pixel less what earlier pixels of its frame and of frames before foretell, by weights
    fitted to the chunk (least squares, or less moved by the bright few) or by a fixed rule; the
    rest goes to pcodec. The weights are counted.
contexts
    The prediction also chooses one of 16 histograms, for the rest or for the pixel itself.
images
    JPEG-LS and JPEG XL, frame by frame. No Zarr v3 codec; they show what the field has.

A recording counts once in the medians, however many planes and channels it has. Frames that are
decoded from a video have lost what a camera saw already, and are told apart.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import imagecodecs
import numpy as np

from panneuro.codecs.choice import candidates
from panneuro.codecs.lattice import find
from panneuro.core.errors import PanneuroError
from panneuro.formats.readers import read
from panneuro.signals.frames import Frames
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import cut
from prediction import Array, Coder, Parts, predicting_coders

PATTERNS = ("imaging/*.h5", "imaging/ScanImage/*.tif*", "imaging/ScanImage/vol*")
VIDEOS = ("video/*/*.mp4",)
VIDEO_FRAMES = 30

CHUNKS = 8
FAMILIES = ("zarr", "prediction", "contexts", "images")


# Zarr


def zarr_coders(dtype: np.dtype[Any]) -> Iterator[Coder]:
    """Yield what a ``zarr.json`` may name for movies of a type."""
    for name, codecs in {**candidates(3, dtype), **_further(dtype)}.items():
        yield Coder("zarr", name, partial(_zarr_encode, codecs), partial(_zarr_decode, codecs))


def _further(dtype: np.dtype[Any]) -> dict[str, Sequence[Mapping[str, Any]]]:
    wide = {"endian": "little"} if dtype.itemsize > 1 else {}
    plain = {"name": "bytes", "configuration": wide}
    turned = {"name": "transpose", "configuration": {"order": [1, 2, 0]}}
    found: dict[str, Sequence[Mapping[str, Any]]] = {
        f"blosc-9-{shuffle}": (plain, _blosc(shuffle, dtype)) for shuffle in _SHUFFLES
    }
    zstd = {"name": "zstd", "configuration": {"level": 19, "checksum": False}}
    found |= {"zstd-19": (plain, zstd), "zstd-19-time": (turned, plain, zstd)}
    if dtype.itemsize > 1:
        found |= {
            "pcodec-plain": (_pcodec("none", None),),
            "pcodec-time": (turned, _pcodec("try_consecutive", 1)),
            "pcodec-time-2": (turned, _pcodec("try_consecutive", 2)),
        }
    return found


_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")


def _blosc(shuffle: str, dtype: np.dtype[Any]) -> Mapping[str, Any]:
    settings = {"cname": "zstd", "clevel": 9, "shuffle": shuffle, "blocksize": 0}
    return {"name": "blosc", "configuration": {**settings, "typesize": dtype.itemsize}}


def _pcodec(delta: str, order: int | None) -> Mapping[str, Any]:
    settings = {"level": 9, "mode_spec": "classic", "delta_spec": delta}
    return {
        "name": "numcodecs.pcodec",
        "configuration": {**settings, "delta_encoding_order": order},
    }


def _zarr_encode(codecs: Sequence[Mapping[str, Any]], chunk: Array) -> Parts:
    return [ChunkCoder(chunk.shape, chunk.dtype, codecs).encode(chunk)]


def _zarr_decode(
    codecs: Sequence[Mapping[str, Any]], parts: Parts, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    return ChunkCoder(shape, dtype, codecs).decode(parts[0])


# Image codecs


def image_coders() -> Iterator[Coder]:
    """Yield JPEG-LS and JPEG XL."""
    jxl = partial(imagecodecs.jpegxl_encode, lossless=True, effort=7, numthreads=1)
    pairs: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "jpeg-ls": (imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
        "jpeg-xl": (jxl, imagecodecs.jpegxl_decode),
    }
    for name, (encode, decode) in pairs.items():
        yield Coder("images", name, partial(_image_encode, encode), partial(_image_decode, decode))


def _image_encode(encode: Callable[..., Any], chunk: Array) -> Parts:
    least = int(chunk.min())
    positive = (chunk.astype(np.int64) - least).astype(f"u{chunk.itemsize}")
    return [least.to_bytes(4, "little", signed=True), *(bytes(encode(frame)) for frame in positive)]


def _image_decode(
    decode: Callable[..., Any], parts: Parts, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    least = int.from_bytes(parts[0], "little", signed=True)
    found = np.stack([decode(part) for part in parts[1:]]).astype(np.int64) + least
    return found.reshape(shape).astype(dtype)


# Movies


def movies(paths: list[Path]) -> Iterator[tuple[str, str, Array]]:
    """Yield recording, movie and frames, of integers of at most 16 bits, in native order."""
    for path in paths:
        try:
            found = read(path).signals
        except PanneuroError as error:
            print(f"-- {path.name}: {error}")
            continue
        for signal in found:
            if isinstance(signal, Frames) and signal.data is not None:
                values = np.asarray(signal.data[:])
                if values.ndim == 3 and values.dtype.kind in "iu" and values.itemsize <= 2:
                    native = values.astype(values.dtype.newbyteorder("="))
                    yield path.name, signal.name, native


def video(path: Path) -> Array:
    """Return the first frames of a video, grey."""
    with av.open(str(path)) as found:
        frames = itertools.islice(found.decode(video=0), VIDEO_FRAMES)
        return np.stack([frame.to_ndarray(format="gray") for frame in frames])


def chunks(movie: Array) -> list[Array]:
    """Return a movie cut as adding cuts it; of a long one some, spread evenly."""
    rows = cut(movie.shape, movie.dtype)[0][0]
    starts = np.arange(0, len(movie), rows)
    some = np.unique(np.linspace(0, len(starts) - 1, CHUNKS).astype(int))
    return [np.ascontiguousarray(movie[at : at + rows]) for at in starts[some]]


def lattice(movie: Array) -> str:
    """Say whether all pixels leave out numbers, as scaled counts do."""
    table = movie.astype(np.int32).reshape(-1, movie.shape[2])
    found, _ = find(np.ascontiguousarray(table))
    used = np.count_nonzero(found.modes) * 2 > len(found.modes)
    return f"lattice of {found.step / (1 << 20):.6g}" if used else "no lattice"


def measure(movie: Array) -> dict[Coder, int]:
    """Return the bytes that each coder makes of a movie; stop where a sample is lost."""
    parts, sizes = chunks(movie), {}
    for coder in (*zarr_coders(movie.dtype), *predicting_coders(), *image_coders()):
        sizes[coder] = 0
        for part in parts:
            coded = coder.encode(part)
            if not np.array_equal(coder.decode(coded, part.shape, part.dtype), part):
                raise SystemExit(f"{coder.name} lost samples")
            sizes[coder] += sum(map(len, coded))
    return sizes


def best(sizes: dict[Coder, int]) -> dict[str, Coder]:
    """Return the best coder of each family."""
    return {
        family: min((c for c in sizes if c.family == family), key=lambda c: sizes[c])
        for family in FAMILIES
    }


def show(name: str, movie: Array, sizes: dict[Coder, int], every: bool) -> None:
    """Print a movie's lines."""
    raw = sum(part.nbytes for part in chunks(movie))
    shape = " × ".join(map(str, movie.shape))
    print(f"\n{name}: {shape} {movie.dtype}, {lattice(movie)}")
    first = best(sizes)
    least = sizes[first["zarr"]]
    for coder in sorted(sizes, key=lambda c: sizes[c]) if every else first.values():
        gain = f"{100 * (least / sizes[coder] - 1):+6.1f} %"
        print(f"  {coder.family:10} {coder.name:20} {raw / sizes[coder]:7.3f} {gain}")


def gains(found: list[dict[Coder, int]]) -> dict[str, float]:
    """Return how much smaller each family is than Zarr's best, over the movies of a recording."""
    firsts = [(sizes, best(sizes)) for sizes in found]
    total = {family: sum(sizes[b[family]] for sizes, b in firsts) for family in FAMILIES}
    return {family: 100 * (total["zarr"] / total[family] - 1) for family in FAMILIES}


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recordings", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--every", action="store_true", help="print every coder, not the best")
    asked = parser.parse_args()
    logging.disable()  # Readers of TIFF warn of tags that do not matter here.
    given = asked.recordings
    paths = given or sorted(path for pattern in PATTERNS for path in asked.data.glob(pattern))
    found: dict[str, list[dict[Coder, int]]] = {}
    for recording, name, movie in movies(paths):
        if movie.min() == movie.max():
            print(f"\n{name}: all {movie.min()}, left out")
            continue
        sizes = measure(movie)
        show(name, movie, sizes, asked.every)
        found.setdefault(recording, []).append(sizes)
    print("\nBytes of the best Zarr codec over those of the best of each family")
    by_recording = {recording: gains(sizes) for recording, sizes in found.items()}
    for recording, gain in by_recording.items():
        told = ", ".join(f"{family} {gain[family]:+.1f} %" for family in FAMILIES[1:])
        print(f"  {recording}: {told}")
    for family in FAMILIES[1:]:
        middle = statistics.median(gain[family] for gain in by_recording.values())
        print(f"  median of {len(by_recording)} recordings, {family}: {middle:+.1f} %")
    for path in () if given else sorted(p for pattern in VIDEOS for p in asked.data.glob(pattern)):
        movie = video(path)
        show(
            f"{path.name}, decoded ({path.stat().st_size} bytes in all)",
            movie,
            measure(movie),
            asked.every,
        )


if __name__ == "__main__":
    main()
