"""Opening and reading an asset beside pynwb on the same content in HDF5: requests, bytes, time.

    python bench/reading.py [--data FOLDER] [--latency-ms 20]

A session (`recordings.write_nwb`: 384 channels of raw, 96 of LFP, 2,000 units with 27 columns,
4,000 trials) is written as HDF5 and added to a lake, through the same doors as any other. Each line
begins cold: new handles, nothing cached, libraries imported. Requests and bytes are exact, counted
by a proxy before an S3 server on this machine (Ceph's gateway if installed, else moto) that
delays every request; in a folder, by the store and by the file that h5py reads. pynwb reads HDF5
over HTTP in two ways: as its documentation shows, with a caching file system of fsspec, and in
blocks of 1 MiB, each fetched once, with the same client as ours, which is faster than any of those.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import fsspec
import h5py
import numpy as np
from fsspec.implementations.cached import CachingFileSystem
from pynwb import NWBHDF5IO

import panneuro
from panneuro.core.store import Store
from panneuro.lake.asset import Asset
from panneuro.storage.stores import open_store
from panneuro.testing.proxy import counting_proxy
from panneuro.testing.servers import moto_server, radosgw_missing, radosgw_server
from recordings import write_nwb

SECOND = (1.0, 2.0)
BLOCK = 1 << 20
KEY = "session.nwb"
SAID = {"description": {"title": "Surrogate", "licence": "CC0-1.0"}}
DOORS = ("open", "first table", "one second of raw", "one unit's spikes")


@dataclass(frozen=True)
class Cost:
    """What one line cost, in all, from nothing."""

    requests: int
    n_bytes: int
    wall_s: float
    cpu_s: float


class Blocks(io.RawIOBase):
    """An object as a file: fetched in blocks, each once."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._size = store.info(key).size
        self._at = 0
        self._held: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = min(self._at + len(buffer), self._size)
        first, last = self._at // BLOCK, -(-stop // BLOCK)
        missing = [number for number in range(first, last) if number not in self._held]
        ranges = [(n * BLOCK, min(BLOCK, self._size - n * BLOCK)) for n in missing]
        found = self._store.get_ranges(self._key, ranges) if missing else []
        self._held |= dict(zip(missing, found, strict=True))
        data = b"".join(self._held[number] for number in range(first, last))
        piece = data[self._at - first * BLOCK : stop - first * BLOCK]
        buffer[: len(piece)] = piece
        self._at = stop
        return len(piece)


class Counted(io.FileIO):
    """A local file that counts what is read of it."""

    requests = 0
    n_bytes = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        self.requests, self.n_bytes = self.requests + 1, self.n_bytes + count
        return count


def ours(asset: Asset, door: str) -> Any:
    """Go through one of `DOORS` of an asset that has just been opened."""
    if door == "first table":
        return asset.trials.df
    if door == "one second of raw":
        return asset["ap"].read(*SECOND)
    return asset.units.read(1000) if door == "one unit's spikes" else asset.signals


def theirs(handle: Any, door: str) -> Any:
    """Go through the same door of an open HDF5 file with pynwb."""
    with NWBHDF5IO(file=handle, mode="r", load_namespaces=True) as reader:
        nwb = reader.read()
        if door == "first table":
            return nwb.trials.to_dataframe()
        if door == "one second of raw":
            rows = slice(*(round(second * 30_000) for second in SECOND))
            return nwb.acquisition["ap"].data[rows]
        return nwb.units.get_unit_spike_times(1000) if "unit" in door else list(nwb.acquisition)


def fastest(rounds: int, once: Callable[[], tuple[int, int]]) -> Cost:
    """Return what a call costs at best: others' work on the machine only ever adds to it."""
    walls, cpus, counts = [], [], set()
    once()
    for _ in range(rounds):
        gc.collect()
        began, spent = time.perf_counter(), time.process_time()
        counts.add(once())
        walls.append(time.perf_counter() - began)
        cpus.append(time.process_time() - spent)
    requests, n_bytes = min(counts)
    return Cost(requests, n_bytes, min(walls), min(cpus))


def local(lake: Path, file: Path, name: str, version: str, rounds: int) -> None:
    """Compare on a folder."""

    def mine(door: str) -> tuple[int, int]:
        store = open_store(lake)
        ours(Asset.open(store, name, version), door)
        return store.usage.requests, store.usage.bytes_read

    def peer(door: str) -> tuple[int, int]:
        with Counted(file) as raw, h5py.File(raw) as handle:
            theirs(handle, door)
            return raw.requests, raw.n_bytes

    def plain(door: str) -> tuple[int, int]:
        with h5py.File(file) as handle:
            theirs(handle, door)
        return 0, 0

    print(f"\nin a folder, in all from nothing (fastest of {rounds})")
    for door in DOORS:
        counted = fastest(1, partial(peer, door))
        timed = fastest(rounds, partial(plain, door))
        both = replace(timed, requests=counted.requests, n_bytes=counted.n_bytes)
        line(door, fastest(rounds, partial(mine, door)), pynwb=both)


def remote(place: str, address: str, proxy: Any, name: str, version: str, rounds: int) -> None:
    """Compare on a bucket behind a proxy."""

    def seen() -> tuple[int, int]:
        return proxy.count(), proxy.bytes_received

    def mine(door: str) -> tuple[int, int]:
        proxy.reset()
        ours(Asset.open(open_store(place), name, version), door)
        return seen()

    def peer(door: str) -> tuple[int, int]:
        proxy.reset()
        with Blocks(open_store(place), KEY) as raw, h5py.File(raw) as handle:
            theirs(handle, door)
        return seen()

    def documented(door: str) -> tuple[int, int]:
        proxy.reset()
        web = fsspec.filesystem("http", skip_instance_cache=True)
        with (
            tempfile.TemporaryDirectory() as cache,
            CachingFileSystem(fs=web, cache_storage=cache, skip_instance_cache=True).open(
                address, "rb"
            ) as raw,
            h5py.File(raw) as handle,
        ):
            theirs(handle, door)
        return seen()

    print(f"\nover HTTP, each request {1e3 * proxy.latency_s:g} ms later (fastest of {rounds})")
    for door in DOORS:
        ways = {"blocks": fastest(rounds, partial(peer, door))}
        ways["fsspec"] = fastest(rounds, partial(documented, door))
        line(door, fastest(rounds, partial(mine, door)), **ways)


def line(door: str, mine: Cost, **peers: Cost) -> None:
    """Print what a line cost us and each of some ways of pynwb, and the quotients."""
    for label, who, cost in ((door, "ours", mine), *(("", *peer) for peer in peers.items())):
        print(
            f"{label:18} {who:6} {cost.requests:4} req {cost.n_bytes:12,} B "
            f"{1e3 * cost.wall_s:8.1f} ms wall {1e3 * cost.cpu_s:8.1f} ms CPU"
        )
    for who, peer in peers.items():
        print(
            f"{'':18} {who} ÷ ours: {peer.wall_s / mine.wall_s:.1f} time, "
            f"{peer.cpu_s / mine.cpu_s:.1f} CPU, {peer.n_bytes / mine.n_bytes:.1f} bytes"
        )


def units(lake: Path, name: str, version: str) -> None:
    """Compare the bytes read for each of 200 units with the bytes of its spikes."""
    store = open_store(lake)
    found = Asset.open(store, name, version).units
    found.read(found.ids[0])
    factors, read, held = [], 0, 0
    for unit in found.ids[:: len(found) // 200]:
        before = store.usage.snapshot()
        spikes = found.read(unit)
        spent = store.usage.snapshot() - before
        factors.append(spent.bytes_read / spikes.nbytes)
        read, held = read + spent.bytes_read, held + spikes.nbytes
    least, most = np.quantile(factors, (0.05, 0.95))
    print(
        f"\none unit's spikes of {len(found):,} units, the table read: "
        f"{read / held:.2f} × the bytes of the spikes; "
        f"by unit, median {statistics.median(factors):.2f} ×, 5 to 95 % {least:.2f} to {most:.2f}"
    )


def seconds(lake: Path, name: str, version: str) -> None:
    """Count requests for a second of raw wherever it lies, from nothing."""
    counts = []
    for start in range(20):
        store = open_store(lake)
        Asset.open(store, name, version)["ap"].read(start, start + 1)
        counts.append(store.usage.requests)
    print(f"requests for one second of raw, by the second: {' '.join(map(str, counts))}")


@contextmanager
def bucket(latency_s: float) -> Iterator[tuple[str, Any, Callable[[], str]]]:
    """Run an S3 server behind a proxy; give an address in it, and what signs that of the file."""
    start = moto_server if radosgw_missing() else radosgw_server
    with start() as server, counting_proxy(server.port, latency_s) as proxy:
        os.environ |= {**server.environment(), "AWS_ENDPOINT_URL": proxy.endpoint}
        name = server.make_bucket()
        client = boto3.client("s3", endpoint_url=proxy.endpoint)
        wanted = {"Bucket": name, "Key": f"lake/{KEY}"}
        yield f"s3://{name}", proxy, partial(client.generate_presigned_url, "get_object", wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="folder to keep the session and the lake in")
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    said = parser.parse_args()
    with ExitStack() as stack:
        root = said.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root.mkdir(parents=True, exist_ok=True)
        file, folder = root / KEY, root / "lake"
        if not file.exists():
            write_nwb(file)
        added = panneuro.open(folder, create=True).add(file, said=SAID).manifest
        print(f"HDF5 {file.stat().st_size:,} bytes, lake {added.stored_bytes:,} bytes")
        named = (added.name, added.version)
        local(folder, file, *named, said.rounds)
        place, proxy, signed = stack.enter_context(bucket(0))
        upload(root, place)
        proxy.latency_s = said.latency_ms / 1e3
        remote(f"{place}/lake", signed(), proxy, *named, said.rounds)
        units(folder, *named)
        seconds(folder, *named)


def upload(root: Path, place: str) -> None:
    """Copy the lake as it is, and the HDF5 file into the lake's own folder."""
    store = open_store(place)
    for path in sorted(path for path in (root / "lake").rglob("*") if path.is_file()):
        store.put_file(path.relative_to(root).as_posix(), path)
    store.put_file(f"lake/{KEY}", root / KEY)


if __name__ == "__main__":
    main()
