"""The codec ``panneuro.lattice-lpc`` beside others: bytes, speed, distance to the bound.

    python bench/neurocodec.py --data ../shared/data
    python bench/neurocodec.py --dat RECORDING.dat --channels 385 --dtype int16

The second form takes any long flat recording, so that the figures can be checked on one's own.

Every recording of the first form is real and all of it is used; Neuropixels ones are short (0.17 s
at most). Surrogates are labelled so, and their bound is the entropy they are made with. All coders
get the same samples and give them back to the bit, or the run stops. Ours is cut and coded as
``lake.add`` does it (at most 2 MiB a chunk; the model of the first of a tile of channels serves the
others where it can); the others get half a second or so of all channels, which is better for them.
Speeds are raw bytes over the CPU time of the thread, best of several rounds; two threads are
compared with one by wall time, and so is pure arithmetic, which tells what the machine had to give.
WavPack: ``pip install wavpack-numcodecs``.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import Blosc, blosc
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, PagingSpec, standalone
from wavpack_numcodecs.wavpack import WavPack

from codec import recordings
from panneuro.codecs import entropy, lattice_lpc
from panneuro.codecs.fitter import Fitter
from panneuro.codecs.fitting import fit
from panneuro.codecs.lattice import apply, find
from panneuro.codecs.native import kernels
from panneuro.codecs.predictor import predict, restore
from panneuro.storage.layout import cut
from surrogates import make

Array = np.ndarray[Any, np.dtype[Any]]
Encode = Callable[[Array, int], bytes]
"""Given a piece and which tile of channels it is of."""

Decode = Callable[[bytes, Array], Array]

PIECE_ROWS = 15_000
ROUNDS = 3
SURROGATE_ROWS = 60_000


@dataclass(frozen=True)
class Coder:
    """How some coder codes and decodes one piece; `begin` makes an encoder for one recording."""

    name: str
    begin: Callable[[], Encode]
    decode: Decode
    cut_small: bool = False


@dataclass(frozen=True)
class Result:
    """What a coder made of a recording; speeds in MB/s."""

    coded_bytes: int
    encode: float
    decode: float


def coders() -> list[Coder]:
    """Return ours first, then the others."""
    ours = Coder(
        "lattice-lpc",
        _ours,
        lambda data, piece: lattice_lpc.decode(data, piece.shape, piece.dtype),
        cut_small=True,
    )
    return [ours, *map(_wavpack, (1, 2, 4)), _blosc(), _pcodec()]


def _ours() -> Encode:
    fitters: defaultdict[int, Fitter] = defaultdict(Fitter)
    return lambda piece, tile: lattice_lpc.encode(piece, fitters[tile])


def _stateless(encode: Callable[[Array], bytes]) -> Callable[[], Encode]:
    return lambda: lambda piece, _: encode(piece)


def _wavpack(level: int) -> Coder:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It tells that it has no threads; one is what is measured.
        codec = WavPack(level=level)
    return Coder(
        f"wavpack-{level}",
        _stateless(lambda piece: bytes(codec.encode(piece))),
        lambda data, piece: np.frombuffer(codec.decode(data), piece.dtype).reshape(piece.shape),
    )


def _blosc() -> Coder:
    codec = Blosc("zstd", 9, Blosc.BITSHUFFLE)

    def encode(piece: Array) -> bytes:
        return bytes(codec.encode(np.diff(piece, axis=0, prepend=piece[:1] * 0)))

    def decode(data: bytes, piece: Array) -> Array:
        steps = np.frombuffer(codec.decode(data), piece.dtype).reshape(piece.shape)
        return np.cumsum(steps, axis=0, dtype=piece.dtype)

    return Coder("blosc-9", _stateless(encode), decode)


def _pcodec() -> Coder:
    def encode(piece: Array) -> bytes:
        config = ChunkConfig(
            compression_level=8,
            mode_spec=ModeSpec.classic(),
            delta_spec=DeltaSpec.try_consecutive(1),
            paging_spec=PagingSpec.equal_pages_up_to(max(1, len(piece))),
        )
        return standalone.simple_compress(np.ascontiguousarray(piece.T).reshape(-1), config)

    def decode(data: bytes, piece: Array) -> Array:
        turned = standalone.simple_decompress(data).reshape(piece.shape[::-1])
        return np.ascontiguousarray(turned.T)

    return Coder("pcodec", _stateless(encode), decode)


def pieces(samples: Array, coder: Coder) -> list[Array]:
    """Return a recording as a coder gets it."""
    if not coder.cut_small:
        return np.array_split(samples, max(1, round(len(samples) / PIECE_ROWS)))
    rows, channels = cut(samples.shape, samples.dtype)[0]
    return [
        np.ascontiguousarray(samples[t : t + rows, c : c + channels])
        for t in range(0, len(samples), rows)
        for c in range(0, samples.shape[1], channels)
    ]


def n_tiles(samples: Array) -> int:
    """Return in how many tiles of channels the lake cuts a recording."""
    return -(-samples.shape[1] // cut(samples.shape, samples.dtype)[0][1])


def measure(samples: Array, coder: Coder, rounds: int = ROUNDS) -> Result:
    """Code and decode a recording several times; stop where a sample is lost."""
    parts, tiles = pieces(np.ascontiguousarray(samples), coder), n_tiles(samples)
    encode_s = decode_s = float("inf")
    for _ in range(rounds):
        begin = time.thread_time()
        encode = coder.begin()
        coded = [encode(part, at % tiles) for at, part in enumerate(parts)]
        middle = time.thread_time()
        back = [coder.decode(data, part) for data, part in zip(coded, parts, strict=True)]
        end = time.thread_time()
        encode_s, decode_s = min(encode_s, middle - begin), min(decode_s, end - middle)
    for part, found in zip(parts, back, strict=True):
        if found.dtype != part.dtype or not np.array_equal(found, part):
            raise SystemExit(f"{coder.name} lost samples")
    speed = samples.nbytes / 1e6
    return Result(sum(map(len, coded)), speed / encode_s, speed / decode_s)


def compare(name: str, samples: Array, bound: float | None = None) -> dict[str, Result]:
    """Print a recording's lines, and return its results by coder."""
    signed = _signed(samples)
    found = {coder.name: measure(signed, coder) for coder in coders()}
    ratios = {coder: samples.nbytes / result.coded_bytes for coder, result in found.items()}
    ours = ratios["lattice-lpc"]
    print(f"\n{name}: {samples.shape[0]} × {samples.shape[1]} {samples.dtype}")
    for coder, result in found.items():
        gain = (
            ""
            if coder == "lattice-lpc"
            else f"   ours is {100 * (ours / ratios[coder] - 1):+.1f} %"
        )
        print(
            f"  {coder:12s} ratio {ratios[coder]:6.3f}   encode {result.encode:6.0f} MB/s   "
            f"decode {result.decode:6.0f} MB/s{gain}"
        )
    if bound:
        whole = sum(len(lattice_lpc.encode(part)) for part in np.array_split(samples, 2))
        for what, coded in (
            ("chunks of the lake", found["lattice-lpc"].coded_bytes),
            ("chunks of 30,000 × 384", whole),
        ):
            spent = 8 * coded / samples.size
            print(
                f"  bound {bound:.3f} bit, {what} {spent:.3f}: {100 * (spent / bound - 1):+.2f} %"
            )
    return found


def _signed(samples: Array) -> Array:
    """Return the same samples as WavPack takes them."""
    if samples.dtype.kind != "u":
        return samples
    middle = 1 << (8 * samples.itemsize - 1)
    shift = middle if samples.max() >= middle else 0
    return (samples ^ samples.dtype.type(shift)).view(f"i{samples.itemsize}")


def threads(samples: Array) -> None:
    """Print how two threads do beside one."""
    ours = coders()[0]
    parts = pieces(samples, ours)
    tiles = [at % n_tiles(samples) for at in range(len(parts))]
    streams = list(map(ours.begin(), parts, tiles))
    models = [fit(part) for part in parts]
    work: dict[str, Callable[[ThreadPoolExecutor], object]] = {
        "encode": lambda pool: list(pool.map(ours.begin(), parts, tiles)),
        "decode": lambda pool: list(pool.map(ours.decode, streams, parts)),
        "arithmetic alone": lambda pool: list(pool.map(predict, parts, models)),
    }
    for verb, done in work.items():
        best = {1: float("inf"), 2: float("inf")}
        for _ in range(2 * ROUNDS):
            for count in (1, 2):
                with ThreadPoolExecutor(count) as pool:
                    begin = time.perf_counter()
                    done(pool)
                    best[count] = min(best[count], time.perf_counter() - begin)
        one, two = (samples.nbytes / 1e6 / took for took in best.values())
        print(f"  {verb}: one thread {one:.0f} MB/s, two {two:.0f} MB/s: {two / one:.2f} ×")


def stages(samples: Array) -> None:
    """Print what each stage takes of one chunk."""
    chunk = pieces(samples, coders()[0])[0]
    lattice, codes = find(chunk)
    fitter = Fitter()
    model, planes = fitter.predict(codes)
    coded = entropy.encode(planes)
    shape = planes.shape[0], planes.shape[1]
    stream = lattice_lpc.encode(chunk)
    timed: dict[str, Callable[[], object]] = {
        "encode: lattice": lambda: find(chunk),
        "encode: fit": lambda: fit(codes),
        "encode: predict": lambda: fitter.predict(codes),
        "encode: entropy": lambda: entropy.encode(planes),
        "encode: all but fit": lambda: lattice_lpc.encode(chunk, fitter),
        "decode: entropy": lambda: entropy.decode(coded, shape, planes.dtype),
        "decode: restore": lambda: restore(planes, model),
        "decode: lattice": lambda: apply(codes, lattice),
        "decode: all": lambda: lattice_lpc.decode(stream, chunk.shape, chunk.dtype),
    }
    for name, stage in timed.items():
        times = []
        for _ in range(8 * ROUNDS):
            begin = time.thread_time()
            stage()
            times.append(time.thread_time() - begin)
        took = max(1e-9, min(times))
        print(f"  {name:20s} {1e3 * took:6.2f} ms   {chunk.nbytes / 1e6 / took:7.0f} MB/s")


def summarise(found: list[dict[str, Result]]) -> None:
    """Print ours against each other coder over all recordings."""
    for other in found[0]:
        if other != "lattice-lpc":
            gains = [
                100 * (results[other].coded_bytes / results["lattice-lpc"].coded_bytes - 1)
                for results in found
            ]
            smaller = sum(gain > 0 for gain in gains)
            print(
                f"  ours against {other:10s} median {statistics.median(gains):+.1f} %, "
                f"least {min(gains):+.1f} %, smaller on {smaller} of {len(gains)}"
            )


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--dat", type=Path, help="a flat recording, time × channel")
    parser.add_argument("--channels", type=int, default=385)
    parser.add_argument("--dtype", default="int16")
    parser.add_argument("--rows", type=int, default=300_000, help="of the flat recording")
    asked = parser.parse_args()
    blosc.use_threads = False
    print(f"kernels: {'compiled' if kernels() else 'none, NumPy'}")
    if asked.dat:
        samples = np.memmap(asked.dat, asked.dtype, "r")
        rows = min(asked.rows, samples.size // asked.channels)
        compare(asked.dat.name, np.array(samples[: rows * asked.channels]).reshape(rows, -1))
        return
    print("\nReal recordings")
    real = [compare(name, values) for name, values, _ in recordings(asked.data)]
    print("\nAll real recordings")
    summarise(real)
    print("\nSurrogates")
    for kind in ("np1", "onix"):
        for scaled in (False, True):
            made = make(asked.data, kind, SURROGATE_ROWS, scaled=scaled)
            compare(made.name, made.samples, made.bits)
            threads(made.samples)
            stages(made.samples)


if __name__ == "__main__":
    main()
