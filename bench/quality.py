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
import spikeinterface.full
from spikeinterface.metrics.quality import misc_metrics as theirs
from spikeinterface.metrics.quality import pca_metrics

from panneuro.analysis.isolation import isolation
from panneuro.analysis.quality import amplitude_cutoff, drift, presence_ratio, snr
from panneuro.analysis.refractory import (
    isi_violations_ratio,
    rp_contamination,
    sliding_rp_violation,
)

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


def made() -> Any:
    """Return SpikeInterface's analyzer of a recording that it made up, with all metrics."""
    seconds, parts = 130.0, ["random_spikes", "templates", "noise_levels"]
    made = spikeinterface.full.generate_ground_truth_recording([seconds], num_units=2, seed=0)
    analyzer = spikeinterface.create_sorting_analyzer(made[1], made[0])
    analyzer.compute(parts)
    analyzer.compute("spike_locations", method="center_of_mass")
    asked = {"drift": {"interval_s": 30, "min_spikes_per_interval": 10}}
    analyzer.compute("quality_metrics", metric_names=["drift", "snr"], metric_params=asked)
    return analyzer


def compare_made() -> None:
    """Print drift and signal-to-noise of one unit of a whole recording."""
    analyzer = made()
    unit = analyzer.unit_ids[0]
    metrics = analyzer.get_extension("quality_metrics").get_data().loc[unit]
    places = analyzer.get_extension("spike_locations").get_data(outputs="by_unit")[0][unit]["y"]
    times = analyzer.sorting.get_unit_spike_train(unit) / analyzer.sampling_frequency
    template = analyzer.get_extension("templates").get_unit_template(unit)
    channel = int(np.abs(template).max(axis=0).argmax())
    noise = float(analyzer.get_extension("noise_levels").get_data()[channel])
    moved = drift(times, places, 0.0, 130.0, interval_s=30, min_spikes=10)
    compare("drift_ptp", lambda: moved.ptp, lambda: metrics["drift_ptp"])
    compare("drift_std", lambda: moved.sd, lambda: metrics["drift_std"])
    compare("drift_mad", lambda: moved.mad, lambda: metrics["drift_mad"])
    compare("snr", lambda: snr(template[:, channel], noise), lambda: metrics["snr"])


def main() -> None:
    """Print all metrics of one unit of 100,000 spikes, of clouds of 10,000, and of a recording."""
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
        lambda: isi_violations_ratio(times, DURATION_S, refractory_s=THRESHOLD_S),
        lambda: theirs.isi_violations([times], DURATION_S, THRESHOLD_S)[0],
    )
    compare(
        "the same, on the grid",
        lambda: isi_violations_ratio(times, DURATION_S),
        lambda: theirs.isi_violations([times], DURATION_S)[0],
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
    sorting = spikeinterface.NumpySorting.from_unit_dict([{0: samples[few]}], RATE_HZ)
    compare(
        "sliding_rp_violation",
        lambda: sliding_rp_violation(times[few], DURATION_S, bin_s=8 / RATE_HZ),
        lambda: theirs.slidingRP_violations(sorting, DURATION_S),
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
    print("  of a recording that SpikeInterface made up:")
    compare_made()


if __name__ == "__main__":
    main()
