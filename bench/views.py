"""Bringing a view over many assets up to date after one more, beside computing all of it anew.

    python bench/views.py [--assets 100000]

The assets are small (an ``asset.json`` each, in memory); the view reads each of them. The peer is
what one does without views: compute the table from scratch, here by the same function.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import panneuro
from panneuro.core.manifest import KEY, Manifest
from panneuro.lake.entries import entry_of
from panneuro.lake.lake import Lake
from panneuro.views.keeping import Keeper
from panneuro.views.view import find_view

VIEW = "storage-and-cost"
ROUNDS = 3


def manifests(first: int, count: int) -> Iterator[Manifest]:
    for number in range(first, first + count):
        name = f"ecephys_m{number:06d}_2026-03-02_09-30-00"
        documents = {"description": {"name": name, "kind": "raw"}, "subject": {"id": f"m{number}"}}
        yield Manifest(
            name,
            f"{number:012x}",
            "2026-03-02T10:00:00+00:00",
            "",
            "made-up",
            documents,
            (),
            (),
            (),
        )


def commit(lake: Lake, made: Iterator[Manifest]) -> None:
    entries = []
    for manifest in made:
        lake.store.put(f"{manifest.prefix}/{KEY}", manifest.encode())
        entries.append(entry_of(manifest))
    lake.catalog.index(entries)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--assets", type=int, default=100_000)
    count = arguments.parse_args().assets
    lake = panneuro.open("memory://views", create=True)
    commit(lake, manifests(0, count))
    began = time.perf_counter()
    panneuro.view(lake, VIEW)
    whole = time.perf_counter() - began
    print(f"{count:,} assets, computed from nothing: {whole:.1f} s")
    one_more, reads = [], []
    for number in range(ROUNDS):
        commit(lake, manifests(count + number, 1))
        before, began = lake.store.usage.snapshot(), time.perf_counter()
        Keeper(lake, find_view(VIEW), {}).refresh()
        one_more.append(time.perf_counter() - began)
        reads.append(lake.store.usage.snapshot() - before)
    used = reads[one_more.index(min(one_more))]
    began = time.perf_counter()
    assert Keeper(lake, find_view(VIEW), {}).state().is_fresh
    fresh = time.perf_counter() - began
    began = time.perf_counter()
    rows = len(panneuro.view(lake, VIEW, refresh=False).df)
    read = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"after one more: {min(one_more):.3f} s ({whole / min(one_more):.0f} x), "
        f"{used.requests} requests, {used.bytes_read:,} bytes read, {used.bytes_written:,} written"
    )
    print(f"finding that nothing is to be done: {fresh:.3f} s")
    print(f"reading all {rows:,} rows: {read:.3f} s; peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
