"""Counts of spikes around presentations, beside pynapple and NumPy.

    python bench/psth.py
    python bench/psth.py --units 100 --spikes 4e6 --presentations 6000
    python3.10 -m venv allen && allen/bin/pip install allensdk
    python bench/psth.py --allensdk allen/bin/python

A session is drawn with a known seed: units with log-normal rates, presentations of 0.25 s one after
the other. All answers are compared, or the run stops. Times are CPU seconds of one thread, best of
several rounds; the wall time of two threads is given too. The limit is writing an array of the same
size to fresh memory, measured in the same run. pynapple's ``build_tensor`` gets a tenth of the
units and presentations, and its time is scaled up in proportion, which is said. AllenSDK needs a
Python of its own; its kernel ``build_spike_histogram``, which is what its sessions'
``presentationwise_spike_counts`` spends its time in, is timed there by itself on a tenth of the
units, and scaled up. ``histogram per unit`` is the best that NumPy does: one search of each unit
for all edges.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pynapple

from panneuro.analysis.psth import count_windows, psth_blocks, psth_by_condition, psth_tensor
from panneuro.analysis.trains import Trains
from panneuro.signals.events import Events

Array = np.ndarray[Any, np.dtype[Any]]

WINDOW_S = (0.0, 0.25)
BIN_S = 1e-3
SHARE = 10
ROUNDS = 7


def session(n_units: int, n_spikes: int, n_presentations: int) -> tuple[dict[int, Array], Array]:
    """Draw spikes at 30 kHz and onsets, all within the same time."""
    random = np.random.default_rng(0)
    seconds = n_presentations * WINDOW_S[1]
    rates = random.lognormal(sigma=1.0, size=n_units)
    counts = random.multinomial(n_spikes, rates / rates.sum())
    last = int(seconds * 30_000)
    trains = {
        unit: np.unique(random.integers(0, last, count)) / 30_000
        for unit, count in enumerate(counts)
    }
    return trains, np.arange(n_presentations) * WINDOW_S[1]


def timed(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float, Any]:
    """Return the best CPU and wall seconds, and the answer."""
    cpu = wall = float("inf")
    for _ in range(rounds):
        answer = None
        begun_cpu, begun_wall = time.process_time(), time.perf_counter()
        answer = work()
        cpu = min(cpu, time.process_time() - begun_cpu)
        wall = min(wall, time.perf_counter() - begun_wall)
    return cpu, wall, answer


def peak_mb(work: Callable[[], Any]) -> float:
    """Return the most that NumPy held at once."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def say(name: str, cpu: float, wall: float, ours: float | None = None, note: str = "") -> None:
    """Print a line."""
    ratio = "" if ours is None else f"{cpu / ours:8.1f} ×"
    print(f"  {name:36s} {cpu:9.3f} s CPU {wall:9.3f} s wall {ratio:>10s}  {note}")


def histograms(trains: dict[int, Array], onsets: Array, n_bins: int) -> Array:
    """Return counts, unit after unit, by a histogram over the edges of every presentation."""
    out = np.empty((len(onsets), len(trains), n_bins), np.uint8)
    edges = onsets[:, None] + WINDOW_S[1] * np.arange(n_bins + 1) / n_bins - 1e-9
    for row, train in enumerate(trains.values()):
        out[:, row] = np.diff(np.searchsorted(train, edges.reshape(-1)).reshape(edges.shape))
    return out


def tensor(trains: dict[int, Array], onsets: Array, allensdk: str | None) -> None:
    """Compare the tensors of a block of a tenth of the presentations."""
    part = onsets[len(onsets) // 2 :][: len(onsets) // SHARE]
    ready = Trains.of(trains)
    n_bins = round(WINDOW_S[1] / BIN_S)
    print(f"\nPSTH tensor: {len(part)} × {len(trains)} × {n_bins}")
    cpu, wall, ours = timed(lambda: psth_tensor(ready, part, WINDOW_S, BIN_S))
    say(
        "ours",
        cpu,
        wall,
        note=f"peak {peak_mb(lambda: psth_tensor(ready, part, WINDOW_S, BIN_S)):.0f} MB",
    )
    with ThreadPoolExecutor(2) as pool:
        two = timed(lambda: psth_tensor(ready, part, WINDOW_S, BIN_S, executor=pool))
    stop_if_different(two[2].values, ours.values)
    say("ours, two threads", *two[:2])
    events = Events.from_trains("units", trains)
    say("making Trains, once for all calls", *timed(lambda: Trains.of(events))[:2])
    fill = timed(lambda: np.empty(ours.shape, ours.dtype).fill(0))
    say("limit: filling fresh memory", *fill[:2], note=f"ours is {cpu / fill[0]:.1f} × of it")
    counted = timed(lambda: histograms(trains, part, n_bins), rounds=1)
    stop_if_different(counted[2], ours.values)
    say("NumPy, histogram per unit", *counted[:2], cpu)
    compare_pynapple(trains, part, ours.values, cpu)
    if allensdk is not None:
        *theirs, note = compare_allensdk(allensdk, trains, part, ours.values)
        say("AllenSDK build_spike_histogram", *theirs, cpu, note)


def compare_pynapple(trains: dict[int, Array], onsets: Array, ours: Array, cpu: float) -> None:
    """Time ``build_tensor`` of a tenth of the units."""
    few = {unit: pynapple.Ts(train) for unit, train in list(trains.items())[: len(trains) // SHARE]}
    shift = 1e-6  # Its epochs are closed; the spikes lie on a grid of 33 µs, bins end off it.
    group = pynapple.TsGroup(few)
    epochs = pynapple.IntervalSet(onsets - shift, onsets + WINDOW_S[1] - 2 * shift)
    each = timed(lambda: pynapple.build_tensor(group, epochs, bin_size=BIN_S), rounds=1)
    theirs = np.nan_to_num(each[2]).transpose(1, 0, 2)
    mine = ours[:, : len(few), : theirs.shape[2]]
    apart = int(np.abs(theirs - mine).sum())
    scale = len(trains) / len(few)
    note = (
        f"{len(few)} units × {scale:.0f}; {apart} of {int(mine.sum())} spikes in another bin; "
        f"answer of {scale * each[2].nbytes / 1e6:.0f} MB"
    )
    say("pynapple build_tensor", scale * each[0], scale * each[1], cpu, note)


ALLENSDK = """
import json, sys, time
import numpy as np
from allensdk import __version__
from allensdk.brain_observatory.ecephys.ecephys_session import build_spike_histogram
given = np.load(sys.argv[1])
trains = np.split(given["times"], given["ends"][:-1])
domain = given["onsets"][:, None] + given["edges"]
cpu, wall = time.process_time(), time.perf_counter()
found = build_spike_histogram(domain, dict(enumerate(trains)), np.arange(len(trains)))
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps([__version__, cpu, wall, int(found.sum()), found.nbytes]))
"""


def compare_allensdk(python: str, trains: dict[int, Array], onsets: Array, ours: Array) -> Any:
    """Time the kernel of AllenSDK in a process of its own; return what it took at full size."""
    few = list(trains.values())[: len(trains) // SHARE]
    # Its bins are closed; the spikes lie on a grid of 33 µs, and these edges off it.
    edges = np.arange(round(WINDOW_S[1] / BIN_S) + 1) * BIN_S - 1e-6
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given.npz"
        ends = np.cumsum([len(train) for train in few])
        np.savez(given, times=np.concatenate(few), ends=ends, onsets=onsets, edges=edges)
        command = [python, "-W", "ignore", "-c", ALLENSDK, str(given)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    version, cpu, wall, total, size = json.loads(done.stdout.splitlines()[-1])
    mine = int(ours[:, : len(few)].sum())
    scale = len(trains) / len(few)
    note = (
        f"{version}; {len(few)} units × {scale:.0f}; {abs(total - mine)} of {mine} spikes in "
        f"another bin; answer of {scale * size / 1e6:.0f} MB"
    )
    return scale * cpu, scale * wall, note


def stop_if_different(theirs: Array, ours: Array) -> None:
    """End the run where two answers differ."""
    if not np.array_equal(theirs, ours):
        raise SystemExit("answers differ")


def streamed(trains: dict[int, Array], onsets: Array) -> None:
    """Count all presentations a block at a time, and by condition."""
    ready = Trains.of(trains)

    def walk() -> int:
        return sum(
            rows.stop - rows.start for rows, _ in psth_blocks(ready, onsets, WINDOW_S, BIN_S)
        )

    n_bins = round(WINDOW_S[1] / BIN_S)
    size = len(onsets) * len(trains) * n_bins
    print(f"\nAll {len(onsets)} presentations × {len(trains)} × {n_bins}: {size / 1e9:.1f} GB")
    cpu, wall, _ = timed(walk, rounds=2)
    say("ours, streamed", cpu, wall, note=f"peak {peak_mb(walk):.0f} MB")
    buffer = np.empty(64_000_000, np.uint8)
    rounds = -(-size // len(buffer))
    fill = timed(lambda: [buffer.fill(0) for _ in range(rounds)], rounds=2)
    say(
        "limit: filling as much, in a buffer",
        *fill[:2],
        note=f"ours is {cpu / fill[0]:.1f} × of it",
    )
    conditions = np.arange(len(onsets)) % 118

    def averaged() -> Any:
        return psth_by_condition(ready, onsets, conditions, WINDOW_S, 10 * BIN_S)

    took = timed(averaged, rounds=2)[:2]
    note = f"10 ms bins, peak {peak_mb(averaged):.0f} MB"
    say("ours, mean and error by condition", *took, note=note)


def windows(trains: dict[int, Array], onsets: Array) -> None:
    """Compare counts of whole presentations."""
    ready = Trains.of(trains)
    stops = onsets + WINDOW_S[1]
    print(f"\nCounts: {len(onsets)} × {len(trains)}")
    cpu, wall, ours = timed(lambda: count_windows(ready, onsets, stops))
    peak = peak_mb(lambda: count_windows(ready, onsets, stops))
    say("ours", cpu, wall, note=f"peak {peak:.0f} MB")

    def searched() -> Array:
        return np.stack(list(_searched(trains, onsets, stops)), axis=1)

    counted = timed(searched, rounds=1)
    stop_if_different(counted[2], ours.values)
    say("NumPy searchsorted", *counted[:2], cpu)
    group = pynapple.TsGroup({unit: pynapple.Ts(train) for unit, train in trains.items()})
    epochs = pynapple.IntervalSet(onsets - 1e-6, stops - 2e-6)
    say("pynapple count", *timed(lambda: group.count(ep=epochs), rounds=1)[:2], cpu)


def _searched(trains: dict[int, Array], starts: Array, stops: Array) -> Iterator[Array]:
    for train in trains.values():
        yield np.searchsorted(train, stops - 1e-9) - np.searchsorted(train, starts - 1e-9)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=600)
    parser.add_argument("--spikes", type=float, default=40e6)
    parser.add_argument("--presentations", type=int, default=60_000)
    parser.add_argument("--allensdk", help="a Python that has it")
    asked = parser.parse_args()
    trains, onsets = session(asked.units, int(asked.spikes), asked.presentations)
    print(
        f"{sum(map(len, trains.values()))} spikes of {asked.units} units; "
        f"pynapple {pynapple.__version__}"
    )
    psth_tensor(dict(list(trains.items())[:1]), onsets[:2], WINDOW_S, BIN_S)  # Compiles.
    tensor(trains, onsets, asked.allensdk)
    streamed(trains, onsets)
    windows(trains, onsets)


if __name__ == "__main__":
    main()
