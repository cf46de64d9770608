"""Ten milliseconds of ten channels out of an hour: requests, bytes and time.

    python bench/glimpse.py [--data FOLDER] [--minutes 60] [--channels 32]

A surrogate flat recording is added, and small ranges at random times are read from the lake in a
folder by panneuro, through zarr-python from the same asset, and from the flat file itself mapped
into memory, which nothing that compresses can beat. Needs as much disk as the recording (6.9 GB)
and what is stored of it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr

import panneuro

RATE_HZ = 30_000
ROWS, COLUMNS = 300, 10
READS = 200
SAID = {
    "subject": {"id": "m1", "species": "mouse"},
    "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
    "description": {
        "title": "Surrogate",
        "institution": "None",
        "lab": "None",
        "licence": "CC0-1.0",
        "modalities": ["ecephys"],
    },
}


def write(folder: Path, minutes: float, channels: int) -> Path:
    """Write smoothed noise, ten seconds of it again and again from another channel on."""
    rng = np.random.default_rng(0)
    white = rng.normal(0, 9, (10 * RATE_HZ, channels)).astype(np.float32)
    white[1:] += 0.8 * white[:-1]
    block = np.rint(white).astype(np.int16)
    path = folder / "hour.bin"
    with path.open("wb") as file:
        for at in range(round(minutes * 6)):
            file.write(np.roll(block, at, axis=1).tobytes())
    (folder / "hour.yaml").write_text(f"rate_hz: {RATE_HZ}\ndtype: int16\nn_channels: {channels}\n")
    return path


def timed(read: Callable[[int], Any], starts: list[int]) -> float:
    """Return the median of the milliseconds that a read takes."""
    took = []
    for start in starts:
        begin = time.perf_counter()
        read(start)
        took.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="folder for the recording and the lake")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--channels", type=int, default=32)
    said = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=said.data))
    try:
        path = write(root, said.minutes, said.channels)
        flat = np.memmap(path, np.int16, "r").reshape(-1, said.channels)
        name = panneuro.open(root / "lake", create=True).add(path, said=SAID).manifest.name
        report(root / "lake", name, flat)
    finally:
        shutil.rmtree(root)


def report(place: Path, name: str, flat: np.ndarray[Any, np.dtype[Any]]) -> None:
    rng = np.random.default_rng(1)
    starts = rng.integers(0, len(flat) - ROWS, READS).tolist()
    lake = panneuro.open(place)
    asset, store = lake[name], lake.store
    signal: Any = asset["hour"]
    before = store.usage.snapshot()
    begin = time.perf_counter()
    first = signal.data[starts[0] : starts[0] + ROWS, :COLUMNS]
    cold = 1e3 * (time.perf_counter() - begin)
    spent = store.usage.snapshot() - before
    assert np.array_equal(first, flat[starts[0] : starts[0] + ROWS, :COLUMNS])
    stored = zarr.open_group(asset.zarr_store, mode="r")[signal.data.array.path]
    readers: dict[str, Callable[[int], Any]] = {
        "panneuro": lambda at: signal.data[at : at + ROWS, :COLUMNS],
        "zarr on the same": lambda at: stored[at : at + ROWS, :COLUMNS],
        "flat file, mapped": lambda at: np.array(flat[at : at + ROWS, :COLUMNS]),
    }
    print(f"{flat.shape} of {flat.dtype}, {flat.nbytes:,} bytes; {ROWS} × {COLUMNS} of them")
    chunk = np.prod(stored.chunks)
    print(f"first: {spent.requests} requests, {spent.bytes_read:,} bytes, {cold:.1f} ms")
    print(f"an inner chunk holds {chunk:,} samples, {2 * chunk:,} bytes raw")
    for reader, read in readers.items():
        print(f"{reader:18} median of {READS}: {timed(read, starts):6.2f} ms")


if __name__ == "__main__":
    main()
