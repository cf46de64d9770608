"""What workers gain on the extracellular pipeline: two against one, and a simulated thousand.

    python bench/pipelines.py [--sessions 2] [--seconds 5] [--channels 16]

First, generated sessions are sorted by one worker and by two, each in a new lake. Then the graph of
tasks that was recorded, with what each took of a core and moved to and from the store, is replayed
on simulated workers. They share one driver, whose time per run is measured here on a step that
does nothing, and one store, of so many gigabytes a second. Where either is busy all the time, more
workers gain nothing.
"""

from __future__ import annotations

import argparse
import heapq
import os
import tempfile
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import panneuro
from compute import filled, nothing
from panneuro.compute.environments import build
from panneuro.compute.flow import up
from panneuro.compute.pipelines import Pipeline
from panneuro.core.run import Run
from panneuro.lake.lake import Lake
from panneuro.pipelines.extracellular import extracellular, sort_spikes
from panneuro.testing.sessions import make_session

SAID = {
    "description": {
        "title": "generated",
        "lab": "panneuro",
        "institution": "nowhere",
        "licence": "CC-BY-4.0",
        "modalities": ["ecephys"],
    },
    "acquisition": {"timezone": "UTC"},
}
AFTER = {"extract-lfp": "check-channels", "sort-spikes": "check-channels",
         "judge-units": "sort-spikes"}  # fmt: skip
SPREAD = 0.3
HOUR_BYTES = 384 * 30_000 * 2 * 3600
"""Of an hour of 384 channels, before it is compressed."""


@dataclass(frozen=True)
class Work:
    """What a stage takes: seconds of a core, and bytes to and from the store."""

    seconds: float
    moved_bytes: float


def added(place: Path, sessions: int, seconds: float, channels: int) -> Lake:
    """Return a lake of generated sessions."""
    lake = panneuro.open(str(place), create=True)
    for number in range(sessions):
        rig = place.with_name(f"{place.name}-rig-{number}")
        made = make_session(rig, seconds=seconds, n_channels=channels, n_units=4, seed=number)
        lake.add(made.probe, template=SAID | {"subject": {"id": f"m{number}", "species": "mouse"}})
    return lake


def sorted_by(lake: Lake, workers: int) -> tuple[float, list[Run]]:
    began = time.perf_counter()
    stages = up(lake, extracellular, executor="processes", workers=workers)["extracellular"]
    spent = time.perf_counter() - began
    failed = [run.error for ran in stages for run in ran.failed]
    if failed:
        raise SystemExit(f"a run failed: {failed[0]}")
    return spent, [run for ran in stages for run in ran.done]


def driver_seconds(folder: Path, count: int) -> float:
    """Return the seconds of this process's core for a run that workers carry out."""
    lake = filled(str(folder / "tiny"), count)
    pipeline = Pipeline("nothing", on="has:units", steps=[nothing])
    began = time.process_time()
    up(lake, pipeline, executor="processes", workers=2)
    return (time.process_time() - began) / count


def recorded(runs: list[Run]) -> dict[str, list[Work]]:
    found = defaultdict(list)
    for run in runs:
        found[run.step].append(Work(run.core_seconds, run.bytes_read + run.bytes_written))
    return dict(found)


def simulated(
    graph: dict[str, list[Work]],
    sessions: int,
    workers: int,
    driver_s: float,
    store_bytes_s: float,
) -> tuple[float, float, float]:
    """Return the makespan in seconds, and the shares of it that driver and store are busy.

    A task waits for a worker, for the driver to send it, for the store to move its bytes, and for
    its own work, whose duration varies by a third from one to the next; the driver then takes note
    of it and of what is due after it. As in `panneuro.compute.crew`, what was due first is sent
    first.
    """
    random = np.random.default_rng(0)
    followers = defaultdict(list)
    for stage, before in AFTER.items():
        followers[before].append(stage)
    ready = deque((stage, n) for n in range(sessions) for stage in graph if stage not in AFTER)
    running: list[tuple[float, int, str, int]] = []
    free, sent, now, driver_at, store_at, store_busy = workers, 0, 0.0, 0.0, 0.0, 0.0
    while ready or running:
        while ready and free:
            stage, session = ready.popleft()
            works = graph[stage]
            work = works[session % len(works)]
            moved = work.moved_bytes / store_bytes_s
            driver_at = max(driver_at, now) + driver_s / 2
            store_at = max(store_at, driver_at) + moved
            store_busy, free, sent = store_busy + moved, free - 1, sent + 1
            ends = store_at + work.seconds * random.lognormal(-(SPREAD**2) / 2, SPREAD)
            heapq.heappush(running, (ends, sent, stage, session))
        now, _, stage, session = heapq.heappop(running)
        driver_at = max(driver_at, now) + driver_s / 2
        free += 1
        ready += [(following, session) for following in followers[stage]]
    end = max(now, driver_at)
    return end, sent * driver_s / end, store_busy / end


def replayed(graph: dict[str, list[Work]], sessions: int, driver_s: float, store: float) -> None:
    alone, _, _ = simulated(graph, sessions, 1, driver_s, store)
    print("   workers      hours  speed-up  efficiency  driver  store")
    for workers in (1, 2, 10, 30, 100, 300, 1000, 3000):
        end, driver, stored = simulated(graph, sessions, workers, driver_s, store)
        gain = alone / end
        print(
            f"  {workers:8,} {end / 3600:10.2f} {gain:9.1f} {gain / workers:11.0%} "
            f"{driver:7.0%} {stored:6.0%}"
        )


def an_hour(graph: dict[str, list[Work]], ratio: float) -> dict[str, list[Work]]:
    """Return the graph for an hour of 384 channels that is sorted as fast as it was recorded.

    Each stage keeps its share of all time; those that read the raw signal read all of it.
    """
    mean = {stage: np.mean([one.seconds for one in works]) for stage, works in graph.items()}
    scale = 3600 / sum(mean.values())
    reads = dict.fromkeys(("extract-lfp", "sort-spikes"), HOUR_BYTES / ratio)
    few = HOUR_BYTES / ratio / 360  # twenty snippets of half a second
    return {
        stage: [Work(one.seconds * scale, reads.get(stage, few)) for one in works]
        for stage, works in graph.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--simulated", type=int, default=10_000, help="sessions on many workers")
    parser.add_argument("--store", type=float, default=10.0, help="gigabytes a second")
    parser.add_argument("--ratio", type=float, default=2.0, help="of compression")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shape = (options.sessions, options.seconds, options.channels)
        build(sort_spikes.environment)
        load = os.getloadavg()[0]
        spent = {}
        for workers in (1, 2):
            spent[workers], runs = sorted_by(added(home / f"by-{workers}", *shape), workers)
        print(f"{options.sessions} sessions of {options.seconds:g} s, {options.channels} channels;")
        print(f"{os.cpu_count()} cores, load of {load:.1f} when it began")
        print(f"  one worker  {spent[1]:7.1f} s")
        print(
            f"  two workers {spent[2]:7.1f} s   {spent[1] / spent[2]:.2f} times as fast (goal: 1.8)"
        )
        graph = recorded(runs)
        for stage, works in graph.items():
            seconds, moved = (np.mean([getattr(one, name) for one in works])
                              for name in ("seconds", "moved_bytes"))  # fmt: skip
            print(f"  {stage:15} {seconds:7.2f} s of a core, {moved / 1e6:6.1f} MB moved")
        driver_s = driver_seconds(home, 60)
    print(f"the driver takes {1000 * driver_s:.1f} ms of a core a run")
    store = options.store * 1e9
    print(f"{options.simulated:,} such sessions, a store of {options.store:g} GB/s:")
    replayed(graph, options.simulated, driver_s, store)
    print("as many hours of 384 channels, sorted as fast as they were recorded:")
    replayed(an_hour(graph, options.ratio), options.simulated, driver_s, store)


if __name__ == "__main__":
    main()
