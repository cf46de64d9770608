"""What the platform adds to a run: inline, in processes, on Dask; and planning 10,000 assets.

Usage: ``python bench/compute.py [--runs 200] [--assets 10000]``

The step does nothing, so all that is measured is opening the input, committing an asset, recording
the run and indexing both. Beside it, what joblib's cache and Dask alone take for the same call.
Seconds are of the wall; in brackets, where all is done in this process, of processors.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import joblib
import pandas as pd

import panneuro
from panneuro.compute.planning import Given
from panneuro.compute.running import plan, run
from panneuro.core.entry import Entry
from panneuro.documents import read
from panneuro.lake.deriving import Derived, derive
from panneuro.lake.lake import Lake
from panneuro.signals.table import Table

STEP = f"{Path(__file__).resolve()}:nothing"


@panneuro.step(takes="units", gives="nothing")
def nothing(units: Table, n: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"n": [n + 0 * len(units)]})


def filled(place: str, count: int) -> Lake:
    """Return a lake of tiny assets with a table each."""
    lake = panneuro.open(place, create=True)
    table = Table.from_frame("units", pd.DataFrame({"quality": ["good"]}))
    for number in range(count):
        said = {
            "description": {"name": f"tiny_m{number:05d}"},
            "subject": {"id": f"m{number}"},
            "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
        }
        derive(lake.store, Derived(read(said), str(number), (table,)))
    lake.reindex()
    return lake


class Spent(NamedTuple):
    """Seconds of the wall, and of the processors of this process."""

    wall: float
    cores: float

    def each(self, count: int) -> str:
        return f"{1000 * self.wall / count:8.1f} ({1000 * self.cores / count:.1f})"


def timed(act: Callable[[], object]) -> Spent:
    began, cores = time.perf_counter(), time.process_time()
    act()
    return Spent(time.perf_counter() - began, time.process_time() - cores)


def inline(lake: Lake, n: int) -> Spent:
    return timed(lambda: run(lake, STEP, on="has:units", n=n))


class Ticks:
    """Notes when each run ends."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def start(self, phase: str, total: int, unit: str = "bytes") -> None:
        """Begin."""

    def advance(self, amount: int) -> None:
        """Note a run."""
        self.times += [time.perf_counter()] * amount

    @property
    def each(self) -> float:
        """Seconds from one run to the next, over the later half: the first start the workers."""
        late = self.times[len(self.times) // 2 :]
        return (late[-1] - late[0]) / (len(late) - 1)


def elsewhere(lake: Lake, n: int, kind: str, workers: int) -> float:
    ticks = Ticks()
    run(lake, STEP, on="has:units", executor=kind, workers=workers, n=n, progress=ticks)
    return ticks.each


def with_joblib(folder: Path, count: int) -> Spent:
    memory = joblib.Memory(folder, verbose=0)
    cached = memory.cache(lambda number: pd.DataFrame({"n": [number]}), ignore=[])
    return timed(lambda: [cached(number) for number in range(count)])


def with_dask(count: int, workers: int) -> float:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        client.submit(abs, -1).result()
        return timed(lambda: client.gather(client.map(abs, range(-count, 0)))).wall


def planned(lake: Lake, count: int) -> tuple[float, int]:
    """Return seconds to plan assets that are all up to date, and how many were found there."""
    entries = [
        Entry(
            f"many_m{n:06d}",
            "0" * 12,
            "2026-03-02T09:30:00+00:00",
            "sha256:0",
            {"has": ("units", "many")},
        )
        for n in range(count)
    ]
    lake.catalog.index(entries)
    ended = "2026-03-02T09:30:00+00:00"
    due = plan(lake, STEP, "has:many", Given({"n": 99})).tasks
    done = [replace(task.run, outputs={task.name: "1" * 12}, ended=ended) for task in due]
    made = (Entry(task.name, "1" * 12, ended, "sha256:0", {"kind": "derived"}) for task in due)
    lake.catalog.index(made)
    lake.runs.add((f"runs/2026-03/{one.key}.json", one) for one in done)
    again = panneuro.open(lake.store.url)
    began = time.perf_counter()
    found = plan(again, STEP, "has:many", Given({"n": 99}))
    return time.perf_counter() - began, len(found.there)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    count, workers = options.runs, options.workers
    with tempfile.TemporaryDirectory() as folder:
        lake = filled(str(Path(folder) / "lake"), count)
        run(lake, STEP, on="name=tiny_m00000", n=0)
        print(f"{count} runs of a step that does nothing, {os.cpu_count()} cores; ms per run")
        print(f"  inline                {inline(lake, 1).each(count)}   (goal: 30)")
        for n, kind in enumerate(("processes", "dask"), start=2):
            each = 1000 * elsewhere(lake, n, kind, workers)
            goal = "   (goal: 100)" if kind == "dask" else ""
            print(f"  {kind:10} {workers} workers  {each:8.1f}{goal}")
        print(f"  joblib's cache alone  {with_joblib(Path(folder) / 'joblib', count).each(count)}")
        print(f"  dask alone            {1000 * with_dask(count, workers) / count:8.1f}")
        seconds, there = planned(lake, options.assets)
        print(f"planning {there:,} assets that are up to date: {seconds:.2f} s   (goal: 2)")


if __name__ == "__main__":
    main()
