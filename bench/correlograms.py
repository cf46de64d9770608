"""Correlograms of all pairs of units beside SpikeInterface's: time, counts that differ, the limit.

    python -m venv peers
    peers/bin/pip install spikeinterface numba scipy scikit-learn pandas xarray threadpoolctl
    PYTHONPATH=src peers/bin/python bench/correlograms.py [--seconds 9000] [--peer-seconds 300]

The session is generated: 600 units with log-normal rates, 4,440 spikes a second, lags to 50 ms in
bins of 1 ms. SpikeInterface counts a slice of it, ours the slice and all; its time grows with the
number of pairs, and is scaled to all. Counts are compared where both define them alike, from lag
zero up. The limit of counting is adding one to random cells
of a table as large as that of a unit, as often as there are pairs; of jitter, its products of
matrices. One thread unless said; times are of the process, and wall times where threads are two.
"""

from __future__ import annotations

import argparse
import gc
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from spikeinterface.core import NumpySorting
from spikeinterface.postprocessing.correlograms import _compute_correlograms_on_sorting
from threadpoolctl import threadpool_limits

from panneuro.analysis.compiling import compiled
from panneuro.analysis.correlograms import correlograms
from panneuro.analysis.expected_correlograms import jitter_expectation
from panneuro.signals.events import Events

RATE_HZ = 30_000
N_UNITS = 600
SPIKES_PER_S = 4440
WINDOW = {"max_lag_s": 0.05, "bin_s": 0.001, "rate_hz": RATE_HZ, "centred": False}


def session(seconds: float) -> Events:
    random = np.random.default_rng(0)
    rates = random.lognormal(0, 1, N_UNITS)
    rates *= SPIKES_PER_S / rates.sum()
    last = int(seconds * RATE_HZ)
    trains = [np.sort(random.integers(0, last, random.poisson(rate * seconds))) for rate in rates]
    ends = np.cumsum([len(train) for train in trains])
    return Events("units", np.concatenate(trains) / RATE_HZ, ends, np.arange(N_UNITS))


def measured(name: str, task: Callable[[], Any], rounds: int = 1) -> tuple[Any, float, float]:
    """Return what a task returns, and the least of its times of the process and of the clock."""
    best_cpu = best_wall = np.inf
    for _ in range(rounds):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        found = task()
        best_cpu = min(best_cpu, time.process_time() - cpu)
        best_wall = min(best_wall, time.perf_counter() - wall)
    print(f"{name:58} {best_cpu:9.2f} s of one core {best_wall:9.2f} s wall", flush=True)
    return found, best_cpu, best_wall


def theirs(units: Events, fast: bool) -> Callable[[], Any]:
    samples = np.rint(units.times * RATE_HZ).astype(np.int64)
    labels = np.repeat(units.ids, units.counts)
    order = np.argsort(samples, kind="stable")
    sorting = NumpySorting.from_samples_and_labels([samples[order]], [labels[order]], RATE_HZ)
    return lambda: _compute_correlograms_on_sorting(
        sorting, 100.0, 1.0, method="numba", fast_mode=fast
    )[0]


@compiled
def increments(table: np.ndarray[Any, Any], cells: np.ndarray[Any, Any], n: int) -> None:
    done = 0
    while done < n:
        for cell in cells:
            table[np.uint64(cell)] += 1
        done += cells.size


def products(seconds: float, jitter_s: float = 0.025) -> None:
    # Of a matrix with itself, NumPy would compute half.
    first, second = np.ones((2, 8192, N_UNITS), dtype=np.float32)
    with threadpool_limits(1):
        for _ in range(round(4 * seconds / jitter_s / len(first))):
            first.T @ second


def compare(units: Events) -> float:
    """Return the peer's time."""
    ours, cpu, _ = measured("ours", lambda: correlograms(units, **WINDOW), 2)
    peer, peer_cpu, _ = measured("SpikeInterface, numba, exact", theirs(units, False))
    # Its lag is from the second unit to the first.
    upward = ours.values[..., 50:] != peer.transpose(1, 0, 2)[..., 50:]
    off = ~np.eye(N_UNITS, dtype=bool)
    print(f"  {peer_cpu / cpu:.1f} times as fast; {np.count_nonzero(upward[off])} of "
          f"{upward[off].size} counts from lag zero up differ")  # fmt: skip
    with ThreadPoolExecutor(2) as executor:
        spread, _, wall = measured(
            "ours, two threads", lambda: correlograms(units, **WINDOW, executor=executor), 2
        )
    racing, _, peer_wall = measured("SpikeInterface, fast mode, all cores", theirs(units, True))
    print(f"  {peer_wall / wall:.1f} times as fast by the clock; cells that threads change: "
          f"ours {np.count_nonzero(spread.values != ours.values)}, "
          f"theirs {np.count_nonzero(racing != peer)}")  # fmt: skip
    return peer_cpu


def alone(units: Events, seconds: float, peer_cpu: float) -> None:
    found, cpu, _ = measured("ours, all spikes", lambda: correlograms(units, **WINDOW))
    print(f"  {peer_cpu / cpu:.1f} times as fast as SpikeInterface, exact, scaled")
    n_pairs = int(found.values.sum()) // 2
    del found
    cells = np.random.default_rng(1).integers(0, N_UNITS * 51, 2**16).astype(np.uint32)
    table = np.zeros(N_UNITS * 51, dtype=np.int64)
    _, limit, _ = measured("  limit: as many increments", lambda: increments(table, cells, n_pairs))
    print(
        f"  {n_pairs:.3g} pairs, {cpu / n_pairs * 1e9:.2f} ns each, {cpu / limit:.1f} x the limit"
    )
    _, cpu, _ = measured("jitter expectation (25 ms)", lambda: jitter_expectation(units, **WINDOW))
    _, limit, _ = measured("  limit: its products of matrices", lambda: products(seconds))
    print(f"  {cpu / limit:.1f} x the limit; a surrogate that is drawn costs the counts above")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory of the process: {peak:.1f} GB, peers' included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--peer-seconds", type=float, default=300)
    given = parser.parse_args()
    small = session(1)
    correlograms(small, **WINDOW)
    jitter_expectation(small, **WINDOW)
    theirs(small, False)()
    theirs(small, True)()
    increments(np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.uint32), 9)
    units = session(given.peer_seconds)
    print(f"slice of {given.peer_seconds:g} s, {units.times.size:,} spikes")
    peer_cpu = compare(units) * given.seconds / given.peer_seconds
    units = session(given.seconds)
    print(f"session of {given.seconds:g} s, {units.times.size:,} spikes")
    alone(units, given.seconds, peer_cpu)


if __name__ == "__main__":
    main()
