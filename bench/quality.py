"""Quality metrics beside SpikeInterface: values side by side, and times.

    python -m venv peers && peers/bin/pip install "spikeinterface[full]==0.105.3" xarray
    PYTHONPATH=src peers/bin/python bench/quality.py

Spikes, amplitudes and features are drawn with a known seed; both sides get the same. Times are CPU
time of the whole process, best of three. The threshold of violations lies off the grid of samples:
on it, SpikeInterface compares seconds as floating-point numbers, and an interval of just 1.5 ms
falls on either side; here it is a whole number of nanoseconds and no violation.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import spikeinterface
from spikeinterface.metrics.quality import misc_metrics as theirs
from spikeinterface.metrics.quality import pca_metrics

from panneuro.analysis.isolation import isolation
from panneuro.analysis.quality import amplitude_cutoff, presence_ratio
from panneuro.analysis.refractory import isi_violations_ratio, rp_contamination

RATE_HZ = 30_000
DURATION_S = 3600.0
THRESHOLD_S = 1.51e-3
ROUNDS = 3


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the best CPU seconds, and the answer."""
    best, answer = float("inf"), work()
    for _ in range(ROUNDS):
        begun = time.process_time()
        answer = work()
        best = min(best, time.process_time() - begun)
    return best, answer


def compare(name: str, ours: Callable[[], float], peer: Callable[[], float]) -> None:
    """Print a line: both values, how far apart, both times."""
    (mine_s, mine), (peer_s, other) = timed(ours), timed(peer)
    apart = abs(mine - other) / max(abs(other), 1e-300)
    print(
        f"  {name:22s} ours {mine:.12g}   theirs {other:.12g}   apart {apart:.1e}   "
        f"{1e3 * mine_s:8.2f} ms {1e3 * peer_s:8.2f} ms"
    )


def measured(name: str, features: Any, labels: Any, unit: int) -> float:
    """Return one of our metrics of isolation."""
    return float(getattr(isolation(features, labels, unit), name))


def main() -> None:
    """Print all metrics of one unit of 100,000 spikes, and of clouds of 10,000."""
    random = np.random.default_rng(0)
    samples = np.unique(random.integers(0, int(DURATION_S * RATE_HZ), 100_000))
    times = samples / RATE_HZ
    few = (np.diff(samples, prepend=-99) > 60) | (random.random(len(samples)) < 0.02)
    sizes = random.normal(80, 15, 100_000)
    sizes = sizes[sizes > 60]
    edges = np.arange(0, DURATION_S * RATE_HZ + 1, 60 * RATE_HZ)
    print(f"spikeinterface {spikeinterface.__version__}")
    compare(
        "presence_ratio",
        lambda: presence_ratio(times[:90], 0.0, DURATION_S),
        lambda: theirs.presence_ratio(samples[:90], bin_edges=edges),
    )
    compare(
        "isi_violations_ratio",
        lambda: isi_violations_ratio(times, DURATION_S, threshold_s=THRESHOLD_S),
        lambda: theirs.isi_violations([times], DURATION_S, THRESHOLD_S)[0],
    )
    compare(
        "rp_contamination",
        lambda: rp_contamination(times[few], DURATION_S),
        lambda: theirs._compute_rp_contamination_one_unit(
            theirs._compute_rp_violations_numba(samples[few], 0, 30),
            int(few.sum()),
            int(DURATION_S * RATE_HZ),
            0,
            30,
        ),
    )
    compare(
        "amplitude_cutoff",
        lambda: amplitude_cutoff(sizes),
        lambda: theirs.amplitude_cutoff(sizes),
    )
    features = random.normal(size=(10_000, 12))
    features[:3000] += 1.5
    labels = np.repeat([1, 2], [3000, 7000])
    asked = (features, labels, 1)
    near = (*asked, 10_000, 5)
    peers: dict[str, Callable[[], float]] = {
        "isolation_distance": lambda: pca_metrics.mahalanobis_metrics(*asked)[0],
        "l_ratio": lambda: pca_metrics.mahalanobis_metrics(*asked)[1],
        "nn_hit_rate": lambda: pca_metrics.nearest_neighbors_metrics(*near)[0],
        "nn_miss_rate": lambda: pca_metrics.nearest_neighbors_metrics(*near)[1],
        "d_prime": lambda: pca_metrics.d_prime_metric(*asked),
    }
    print("  of ours, all five at once:")
    for name, peer in peers.items():
        compare(name, partial(measured, name, *asked), peer)


if __name__ == "__main__":
    main()
