"""The coding chosen by trial beside WavPack level 2: ratio, and megabytes a second of one thread.

    python bench/codec.py --data ../shared/data

Every recording of electrodes with two or more channels below the folder is read through panneuro's
own readers; integer samples in flat files without a header are listed in `FLAT`. Ours is cut, tried
and coded as ``lake.add`` does it; WavPack gets a second of all channels at a time, as it does from
SpikeInterface. Both decode to the very samples, or the run stops. Speeds are raw bytes over the CPU
time of the process, best of several rounds. WavPack: ``pip install wavpack-numcodecs``.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from wavpack_numcodecs.wavpack import WavPack

from panneuro.core.errors import PanneuroError
from panneuro.formats.readers import read
from panneuro.lake.coding import chooser
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.layout import Layout, cut

Array = np.ndarray[Any, np.dtype[Any]]

FOLDERS = (
    "raw/spikeglx/*",
    "raw/openephys_binary/*",
    "raw/openephys_legacy/*",
    "raw/neuralynx/*/original_data",
    "raw/intan/*",
    "raw/blackrock/*",
    "raw/plexon/*.plx",
    "raw/biocam/*.brw",
    "raw/whitematter/*.bin",
    "raw/spike2/*.smr",
)
FLAT = {
    "raw/locust_tetrode/*.raw": (4, "int16", 15_000.0),
    "raw/neuropixels/np1_openephys_spikewrap/*.dat": (385, "int16", 30_000.0),
    "raw/neuropixels/np2_openephys_aind/*.dat": (384, "int16", 30_000.0),
    "raw/neuropixels/onix_amplifier_aind/*.bin": (384, "uint16", 30_000.0),
}
ROUND_S = 0.15
ROUNDS = 3


@dataclass(frozen=True)
class Coded:
    """What a coder made of a recording."""

    name: str
    ratio: float
    encode: float
    decode: float


def recordings(data: Path) -> Iterator[tuple[str, Array, float]]:
    """Yield name, samples and rate of each multichannel recording; the same samples once."""
    seen = set()
    for name, values, rate in itertools.chain(_read(data), _flat(data)):
        digest = hashlib.sha256(np.ascontiguousarray(values)).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield name, values, rate


def _read(data: Path) -> Iterator[tuple[str, Array, float]]:
    for path in sorted(path for pattern in FOLDERS for path in data.glob(pattern)):
        try:
            found = read(path)
        except PanneuroError as error:
            print(f"-- {path.relative_to(data)}: {error}")
            continue
        for signal in found.signals:
            if _wanted(signal):
                rate = signal.rate_hz or 30_000.0
                yield f"{path.name[:24]}:{signal.name}", np.asarray(signal.data[:]), rate


def _wanted(signal: Any) -> bool:
    return (
        isinstance(signal, TimeSeries)
        and signal.neurodata_type == "ElectricalSeries"
        and signal.n_channels > 1
        and np.dtype(signal.data.dtype).kind in "iu"
    )


def _flat(data: Path) -> Iterator[tuple[str, Array, float]]:
    for pattern, (channels, dtype, rate) in FLAT.items():
        for path in sorted(data.glob(pattern)):
            yield path.name[:32], np.fromfile(path, dtype).reshape(-1, channels), rate


def ours(values: Array) -> Coded:
    """Cut, choose and code as adding does."""
    chunk, shard = cut(values.shape, values.dtype)
    choice = chooser()(values, chunk)
    layout = Layout(values.shape, values.dtype, chunk, shard, choice.codecs)
    pieces = [values[corner] for corner in _corners(values.shape, chunk)]
    coder, tiles = layout.coder, math.prod(layout.chunks_per_shard[1:])

    def encode(pieces: list[Array]) -> list[bytes]:
        coders = [layout.coder for _ in range(tiles)]
        return [coders[at % tiles].encode(piece) for at, piece in enumerate(pieces)]

    def decode(data: bytes, piece: Array) -> Array:
        return coder.decode(data)[tuple(map(slice, piece.shape))]

    return _timed(choice.name, pieces, encode, decode)


def wavpack(values: Array, rate: float) -> Coded:
    """Code about a second of all channels at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It tells that it has no threads; one is what is measured.
        codec = WavPack(level=2)
    pieces = np.array_split(_signed(values), max(1, round(len(values) / rate)))

    def decode(data: bytes, piece: Array) -> Array:
        return np.frombuffer(codec.decode(data), piece.dtype).reshape(piece.shape)

    return _timed("wavpack-2", pieces, lambda pieces: list(map(codec.encode, pieces)), decode)


def _signed(values: Array) -> Array:
    """Return the same samples as WavPack takes them."""
    if values.dtype != np.uint16:
        return values
    return (values ^ np.uint16(1 << 15 if values.max() >= 1 << 15 else 0)).view(np.int16)


def _corners(shape: tuple[int, ...], chunk: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    starts = [range(0, length, step) for length, step in zip(shape, chunk, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(slice(at, at + step) for at, step in zip(corner, chunk, strict=True))


def _timed(
    name: str,
    pieces: list[Array],
    encode: Callable[[list[Array]], list[bytes]],
    decode: Callable[[bytes, Array], Array],
) -> Coded:
    pieces = [np.ascontiguousarray(piece) for piece in pieces]
    coded = [bytes(data) for data in encode(pieces)]
    for data, piece in zip(coded, pieces, strict=True):
        if not np.array_equal(decode(data, piece), piece):
            raise SystemExit(f"{name} does not give back what it was given")
    raw = sum(piece.nbytes for piece in pieces)
    encoding = _cpu(lambda: encode(pieces))
    decoding = _cpu(lambda: [decode(d, p) for d, p in zip(coded, pieces, strict=True)])
    ratio = raw / sum(map(len, coded))
    return Coded(name, ratio, raw / encoding / 1e6, raw / decoding / 1e6)


def _cpu(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of a call, over rounds of several calls."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        calls, began = 0, time.process_time()
        while (spent := time.process_time() - began) < ROUND_S:
            work()
            calls += 1
        best = min(best, spent / calls)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    print(f"{'recording':44} {'shape':>15} {'ours':>14} {'WavPack 2: ratio':>17} ", end="")
    print("ratio÷  encode MB/s      ×    decode MB/s      ×")
    rows = []
    for name, values, rate in recordings(data):
        mine, theirs = ours(values), wavpack(values, rate)
        row = (mine.ratio / theirs.ratio, mine.encode / theirs.encode, mine.decode / theirs.decode)
        rows.append((len(values) >= 0.99 * rate, mine.ratio, theirs.ratio, *row))
        print(
            f"{name:44} {'×'.join(map(str, values.shape)):>15} {mine.name:>9} {mine.ratio:5.2f} "
            f"{theirs.ratio:16.2f} {row[0]:7.3f} {mine.encode:6.0f} {theirs.encode:6.0f} "
            f"{row[1]:6.1f} {mine.decode:7.0f} {theirs.decode:6.0f} {row[2]:6.1f}"
        )
    for what, chosen in (("all", rows), ("those of a second or more", [r for r in rows if r[0]])):
        ratio, other, gain, encode, decode = map(
            statistics.median, list(zip(*chosen, strict=True))[1:]
        )
        print(
            f"medians over {what} ({len(chosen)}): ratio {ratio:.2f}, WavPack's {other:.2f}, "
            f"ratio ÷ WavPack's {gain:.3f}, encode {encode:.1f} ×, decode {decode:.1f} ×"
        )


if __name__ == "__main__":
    main()
