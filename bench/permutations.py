"""Permutation statistics, noise correlations and information beside the usual libraries.

    python -m venv peers
    peers/bin/pip install mne frites flox numba scipy scikit-learn pandas xarray threadpoolctl
    PYTHONPATH=src peers/bin/python bench/permutations.py [--only statistics]

Sizes are those of a session: 216,000 tests (channels, frequencies, times) of 200 trials; 60,000
presentations of 8 kinds and 2,351 conditions of 600 units; 5,950 presentations of 118 images.
Peers do a part of the work, and their time is scaled to all of it, as each line says. One thread;
times are of the process. Values are compared in the tests, and here where a line says so. The limit
of each is the product of matrices, or the counting, that it comes down to; sums that are looked up
take less than the product.
"""

from __future__ import annotations

import argparse
import gc
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import mne
import numpy as np
import pandas as pd
import xarray as xr
from flox.xarray import xarray_reduce
from frites.estimator import GCMIEstimator
from scipy import stats
from sklearn.metrics import mutual_info_score
from threadpoolctl import threadpool_limits

from panneuro.analysis.clusters import cluster_f_test
from panneuro.analysis.compiling import compiled
from panneuro.analysis.copula_information import gaussian_copula_information
from panneuro.analysis.correlation_tests import noise_correlation_test
from panneuro.analysis.correlations import noise_correlations
from panneuro.analysis.information import mutual_information
from panneuro.analysis.permutation_tests import f_test
from panneuro.analysis.spatial_information import spatial_information

RANDOM = np.random.default_rng(0)
PERMUTATIONS = 1000
ROUNDS, LONG_S = 3, 5.0


def measured(name: str, task: Callable[[], Any], times: float = 1.0) -> tuple[Any, float]:
    """Return what a task returns and its time of the process, scaled to all of the work.

    Short ones are run again, and the fastest counts.
    """
    took = math.inf
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        found = task()
        took = min(took, time.process_time() - began)
        if took > LONG_S:
            break
    scaled = f"  (1 of {times:g} parts, scaled)" if times > 1 else ""
    print(f"{name:62} {took * times:9.2f} s{scaled}", flush=True)
    return found, took * times


def told(ours: float, limit: float, *peers: float) -> None:
    ratios = ", ".join(f"{peer / ours:,.0f}" for peer in peers)
    print(f"  {ratios} times as fast; {ours / limit:.1f} x the limit\n", flush=True)


def largest_statistic() -> None:
    print("216,000 tests of 200 trials, 1,000 permutations, largest statistic")
    samples = RANDOM.normal(size=(200, 216_000)).astype(np.float32)
    labels = np.arange(200) % 2
    one, two = samples[labels == 0], samples[labels == 1]
    found, ours = measured("f_test", lambda: f_test(samples, labels, n_permutations=PERMUTATIONS))
    highest = 0.999 * float(found.statistic.max())  # Without a cluster, MNE permutes nothing.
    _, theirs = measured(
        "MNE permutation_cluster_test, one cluster",
        lambda: mne.stats.permutation_cluster_test(
            [one, two],
            n_permutations=20,
            threshold=highest,
            out_type="indices",
            seed=0,
            verbose="ERROR",
        ),
        PERMUTATIONS / 20,
    )
    _, scipys = measured("SciPy ttest_ind", lambda: stats.ttest_ind(one, two), PERMUTATIONS)
    weights = RANDOM.random((PERMUTATIONS + 1, 200)).astype(np.float32)
    _, limit = measured(
        "  limit: the product",
        lambda: [samples[:, at : at + 256].T @ weights.T for at in range(0, 216_000, 256)],
    )
    told(ours, limit, theirs, scipys)
    grid, largest = samples.reshape(200, 90, 40, 60), ours
    found, ours = measured(
        "cluster_f_test, F > 6",
        lambda: cluster_f_test(grid, labels, 6.0, n_permutations=PERMUTATIONS),
    )
    edges = mne.stats.combine_adjacency(90, 40, 60)
    peer, theirs = measured(
        "MNE permutation_cluster_test, F > 6",
        lambda: mne.stats.permutation_cluster_test(
            [grid[labels == 0], grid[labels == 1]],
            n_permutations=4,
            threshold=6.0,
            adjacency=edges,
            out_type="mask",
            seed=0,
            verbose="ERROR",
        ),
        PERMUTATIONS / 4,
    )
    print(f"  {len(found.mass)} clusters, theirs {len(peer[1])}")
    print(f"  f_test is {theirs / largest:,.0f} times as fast as theirs with clusters")
    told(ours, limit, theirs)


def correlations() -> None:
    print("noise correlations of 600 units, 60,000 trials, 8 kinds of stimulus")
    n_trials, n_units = 60_000, 600
    conditions = RANDOM.integers(0, 2351, n_trials)
    kinds = conditions % 8
    counts = RANDOM.poisson(2.0, (n_trials, n_units)).astype(np.uint16)
    found, ours = measured(
        "noise_correlations", lambda: noise_correlations(counts, conditions, types=kinds)
    )

    def of_pandas() -> Any:
        chosen = kinds == 0
        frame = pd.DataFrame(counts[chosen].astype(float))
        means = frame.groupby(conditions[chosen]).transform("mean")
        return (frame - means).corr()

    def of_numpy() -> Any:
        chosen = kinds == 0
        rest, shown = counts[chosen].astype(float), conditions[chosen]
        for condition in np.unique(shown):
            rest[shown == condition] -= rest[shown == condition].mean(axis=0)
        return np.corrcoef(rest.T)

    def of_flox() -> Any:
        rows = xr.DataArray(counts.astype(np.float32), dims=("trial", "unit"))
        rest = rows - xarray_reduce(rows, shown_all, func="mean").sel(condition=shown_all)
        return [np.corrcoef(rest.values[kinds == kind].T) for kind in range(8)]

    shown_all = xr.DataArray(conditions, dims="trial", name="condition")
    _, flox = measured("xarray and flox, and corrcoef", of_flox)
    peer, pandas = measured("pandas, groupby and corr", of_pandas, 8)
    _, numpy = measured("NumPy, a loop over conditions and corrcoef", of_numpy, 8)
    print(f"  largest difference {np.abs(found[0].values - peer.to_numpy()).max():.1e}")
    single = counts.astype(np.float32)
    _, limit = measured("  limit: one product", lambda: single.T @ single)
    told(ours, limit, flox, pandas, numpy)
    areas, some = np.arange(n_units) % 8, kinds == 0
    _, ours = measured(
        "1,000 shuffles of 7,500 trials, means of 8 x 8 areas",
        lambda: noise_correlation_test(counts[some], conditions[some], areas, n_permutations=50),
        20,
    )
    values = counts[some].astype(np.float32).T.copy()
    _, drawn = measured("NumPy permuted and corrcoef", lambda: _shuffled(values), PERMUTATIONS)
    print(f"  {drawn / ours:,.0f} times as fast\n", flush=True)


def _shuffled(values: np.ndarray[Any, Any]) -> Any:
    return np.corrcoef(RANDOM.permuted(values, axis=1))


@compiled
def count(cells: np.ndarray[Any, Any], table: np.ndarray[Any, Any], n: int) -> None:
    for _ in range(n):
        for cell in cells:
            table[np.uint64(cell)] += 1


def information() -> None:
    print("information of 600 units about 118 images, 5,950 trials, 1,000 permutations")
    labels = np.arange(5950) % 118
    counts = np.minimum(RANDOM.poisson(3.0, (5950, 600)), 15)
    mutual_information(counts[:, :2], labels, n_permutations=2)
    few = counts[:, :60]
    found, ours = measured(
        "mutual_information",
        lambda: mutual_information(few, labels, correction="none", n_permutations=PERMUTATIONS),
        10,
    )
    peer, theirs = measured(
        "scikit-learn mutual_info_score",
        lambda: [mutual_info_score(labels, column) / np.log(2) for column in few.T],
        10 * (PERMUTATIONS + 1),
    )
    print(f"  largest difference {np.abs(found.information.values - peer).max():.1e} bit")
    cells = (labels * 16 + counts[:, 0]).astype(np.uint32)
    table = np.zeros(118 * 16, dtype=np.int32)
    count(cells, table, 1)
    _, limit = measured("  limit: counting", lambda: count(cells, table, 60 * PERMUTATIONS), 10)
    told(ours, limit, theirs)
    gaussian_copula_information(few, labels, n_permutations=2)
    measured(
        "gaussian_copula_information",
        lambda: gaussian_copula_information(counts, labels, n_permutations=PERMUTATIONS),
    )
    rates = RANDOM.normal(size=(5950, 600))
    found, ours = measured(
        "the same of responses without ties",
        lambda: gaussian_copula_information(rates, labels, n_permutations=PERMUTATIONS),
    )
    estimator = GCMIEstimator(mi_type="cd", verbose=False)
    tensor = rates[:, :60].T[:, None, :]
    for _ in range(2):  # The first time, it is still warming up.
        peer, theirs = measured(
            "frites GCMIEstimator",
            lambda: estimator.estimate(tensor, labels),
            10 * (PERMUTATIONS + 1),
        )
    apart = found.information.values[:60] - peer.ravel()
    print(f"  the difference is a constant: {apart.mean():.4f}, sd {apart.std():.1e} bit")
    _, limit = measured("  limit: reading", lambda: [rates.sum(axis=0) for _ in range(100)], 10)
    told(ours, limit, theirs)
    places = ((np.arange(90_000) / 40) % 50).astype(int)
    spikes = RANDOM.poisson(0.03, (90_000, 80))
    measured(
        "spatial_information, 80 cells, all 90,000 shifts",
        lambda: spatial_information(spikes, places),
    )


def main() -> None:
    warnings.simplefilter("ignore")
    small = RANDOM.normal(size=(8, 4)).astype(np.float32)
    f_test(small, np.arange(8) % 2, n_permutations=2)
    cluster_f_test(small, np.arange(8) % 2, 1.0, n_permutations=2)
    varied = RANDOM.integers(0, 99, (40, 4))
    noise_correlation_test(varied, np.arange(40) // 20, np.arange(4) % 2, n_permutations=2)
    noise_correlations(varied, np.arange(40) // 20)
    topics = {
        "statistics": largest_statistic,
        "correlations": correlations,
        "information": information,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=topics)
    chosen = parser.parse_args().only
    with threadpool_limits(1):
        for name, topic in topics.items():
            if chosen in (None, name):
                topic()


if __name__ == "__main__":
    main()
