"""Decoders beside their peers: the same arrays, the same answers, one thread, processor seconds.

    python bench/decoding.py
    python bench/decoding.py --peer PEER_PYTHON

The second form also runs NeMoS and replay_trajectory_classification, in an environment of their
own: ``python -m venv peer`` and ``peer/bin/pip install nemos replay_trajectory_classification``.
Data are made up, of the size of real sessions: costs do not depend on that, accuracies do. Peers
that would take long are run on a part and scaled, and marked ``~``. Answers of classifiers and of
regressions are compared with the peer's, or the run stops; those of position are in the tests.
Limits are the products of matrices that cannot be left out, measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pynapple as nap
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import PoissonRegressor, RidgeClassifier
from sklearn.model_selection import PredefinedSplit, cross_val_score
from threadpoolctl import threadpool_limits

from panneuro.analysis.clusterless import decode_clusterless
from panneuro.analysis.decoding import decode
from panneuro.analysis.fields import tuning_fields
from panneuro.analysis.glm import fit_poisson
from panneuro.analysis.history import history_features, raised_cosines
from panneuro.analysis.linear_classifiers import LDA, Ridge
from panneuro.analysis.permutations import permute
from panneuro.analysis.permuted_classifiers import permuted_accuracies
from panneuro.analysis.place import decode_position

NEMOS = """
import sys, time, numpy as np, nemos
d = np.load(sys.argv[1]); f, c = d["features"], d["counts"]
for _ in range(2):
    began = time.perf_counter()
    g = nemos.glm.PopulationGLM(regularizer="Ridge", regularizer_strength=1e-3, solver_name="LBFGS")
    g.fit(f, c); seconds = time.perf_counter() - began
r = np.exp(f @ np.asarray(g.coef_) + np.asarray(g.intercept_))
print(seconds, np.mean(r - c * np.log(r)))
"""

WALK = """
import sys, time, warnings, numpy as np
warnings.simplefilter("ignore")
from replay_trajectory_classification import Environment, RandomWalk, SortedSpikesDecoder
d = np.load(sys.argv[1]); position, spikes = d["position"], d["counts"]
place = Environment(place_bin_size=1.0)
decoder = SortedSpikesDecoder(environment=place, transition_type=RandomWalk(movement_var=4.0))
decoder.fit(position[:9000, None], spikes[:9000])
decoder.predict(spikes[:500], time=np.arange(500) * 0.02)
began = time.process_time()
found = decoder.predict(spikes, time=np.arange(len(spikes)) * 0.02).acausal_posterior
seconds = time.process_time() - began
at = found.position.values[found.values.argmax(axis=1)]
print(seconds, np.median(np.abs(at - position)))
"""

MARKED = """
import sys, time, warnings, numpy as np
warnings.simplefilter("ignore")
from replay_trajectory_classification.likelihoods import multiunit_likelihood as peer
d = np.load(sys.argv[1]); position, marks = d["position"][:, None], d["marks"]
half, middles = len(position) // 2, np.arange(1, 100, 2.0)[:, None]
began = time.process_time()
known = peer.fit_multiunit_likelihood(position[:half], marks[:half], middles, 20.0, 4.0)
logs = peer.estimate_multiunit_likelihood(
    marks[half:], place_bin_centers=middles, disable_progress_bar=True, **known
)
seconds = time.process_time() - began
found = middles[logs.argmax(axis=1), 0]
print(seconds, np.median(np.abs(found - position[half:, 0])))
"""


def aside(python: str, code: str, **arrays: Any) -> tuple[float, float]:
    """Run a peer in an environment of its own; return its seconds and a value to compare."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **arrays)
        alone = os.environ | {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        done = subprocess.run(
            [python, "-c", code, str(path)], capture_output=True, text=True, check=True, env=alone
        )
    seconds, value = map(float, done.stdout.split()[-2:])
    return seconds, value


def timed(work: Callable[[], Any], rounds: int = 1) -> tuple[float, Any]:
    """Return the least seconds of the processor of several rounds, and the answer."""
    least = np.inf
    for _ in range(rounds):
        began = time.process_time()
        answer = work()
        least = min(least, time.process_time() - began)
    return float(least), answer


def tell(what: str, ours: float, peer: float, name: str, limit: float | None = None) -> None:
    """Print one comparison."""
    bound = f"{ours / limit:5.1f} × its limit" if limit else ""
    print(f"{what:46} {ours:8.2f} s  {name:34} {peer:9.1f} s  {peer / ours:7.0f} ×  {bound}")


def same(mine: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """Stop where answers differ."""
    np.testing.assert_allclose(mine, theirs, atol=tolerance)


def images(n_permutations: int) -> None:
    """118 images, 5,950 presentations, 600 units, five folds."""
    random = np.random.default_rng(0)
    labels = np.arange(5950) % 118
    tuning = 3 + 0.3 * random.gamma(1, 1, (118, 600))
    counts = random.poisson(tuning[labels]).astype(np.float32)
    folds, model = np.arange(5950) // 118 % 5, LDA(0.1)
    splits, theirs = PredefinedSplit(folds), LinearDiscriminantAnalysis("lsqr", shrinkage=0.1)
    ours, found = timed(lambda: decode(counts, labels, folds, model=model), 3)
    wide = counts.astype(float)
    peer, score = timed(lambda: cross_val_score(theirs, wide, labels, cv=splits).mean())
    same(found.accuracy, score, 1e-3)
    tell("LDA, 118 images", ours, peer, "scikit-learn LDA")
    permuted = permute(labels, n_permutations, 0)
    permuted_accuracies(counts[:590], labels[None, :590], folds[:590], model)
    ours, null = timed(lambda: permuted_accuracies(counts, permuted, folds, model))
    peer, score = timed(lambda: cross_val_score(theirs, wide, permuted[0], cv=splits).mean())
    same(null[0], score, 1e-3)
    test, weights = np.ones((1190, 600), np.float32), np.ones((600, 4 * 118), np.float32)
    limit, _ = timed(lambda: [test @ weights for _ in range(5)], 3)
    limit *= n_permutations / 4
    what = f"LDA, 118 images, {n_permutations} permutations"
    tell(what, ours, peer * n_permutations, "~scikit-learn permutation_test_score", limit)


def choices() -> None:
    """Two choices, 800 trials, 600 units, five folds, 1,000 permutations."""
    random = np.random.default_rng(1)
    labels = np.arange(800) % 2
    counts = random.poisson(3 + 0.4 * labels[:, None] * random.random(600)).astype(float)
    folds = np.arange(800) // 2 % 5
    permuted, splits = permute(labels, 1000, 0), PredefinedSplit(folds)
    hat, signs = np.ones((160, 640)), np.ones((640, 1000))
    limit, _ = timed(lambda: [hat @ signs for _ in range(5)], 10)
    for model, theirs in (
        (Ridge(100.0), RidgeClassifier(100.0)),
        (LDA(0.1), LinearDiscriminantAnalysis("lsqr", shrinkage=0.1)),
    ):
        ours, null = timed(
            lambda model=model: permuted_accuracies(counts, permuted, folds, model), 8
        )
        peer, score = timed(
            lambda theirs=theirs: [
                cross_val_score(theirs, counts, one, cv=splits).mean() for one in permuted[:5]
            ]
        )
        same(null[:5], score)
        name = f"~scikit-learn {type(theirs).__name__[:15]}"
        tell(
            f"{type(model).__name__}, 2 choices, 1,000 permutations", ours, peer * 200, name, limit
        )


def place(peer_python: str | None) -> None:
    """Half an hour at 20 ms, 80 cells, 100 places."""
    random, n_times, bin_s = np.random.default_rng(2), 90_000, 0.02
    times = (np.arange(n_times) + 0.5) * bin_s
    position = 100 - np.abs(np.arange(n_times) * 0.4 % 200 - 100)
    rates = 0.3 + 15 * np.exp(-((position[:, None] - random.uniform(0, 100, 80)) ** 2) / 50)
    counts, edges = random.poisson(rates * bin_s), np.linspace(0, 100, 101)
    folds = np.arange(n_times) // 3000 % 5

    def mine(step: float | None = None) -> Any:
        options: dict[str, Any] = {"smoothing_bins": 2, "step": step}
        return decode_position(counts, position, edges, bin_s, folds, **options)

    mine(2.0)
    ours, found = timed(mine, 3)
    walk, walked = timed(lambda: mine(2.0))
    part = 9000
    support = nap.IntervalSet(0, part * bin_s)
    frame = nap.TsdFrame(t=times[:part], d=counts[:part].astype(float), time_support=support)
    curves = tuning_fields(counts, position, edges, bin_s, smoothing_bins=2).rates_hz
    named = xr.DataArray(
        curves,
        dims=("unit", "0"),
        coords={"unit": np.arange(80), "0": (edges[:-1] + edges[1:]) / 2},
        attrs={"occupancy": np.ones(100), "bin_edges": [edges]},
    )
    peer, _ = timed(lambda: nap.decode_bayes(named, frame, support, bin_size=bin_s))
    spikes, logs = counts.astype(np.float32), np.ones((80, 100), np.float32)
    limit, _ = timed(lambda: np.exp(spikes @ logs * 0), 3)
    tell(
        "position, 90 k bins, cross-validated",
        ours,
        peer * 10,
        "~pynapple decode_bayes, not cv",
        limit,
    )
    tell("the same along a walk", walk, peer * 10, "~pynapple decode_bayes, no walk", limit)
    if peer_python:
        seconds, error = aside(peer_python, WALK, position=position, counts=counts)
        tell("the same along a walk", walk, seconds, "replay_trajectory_classif., not cv", limit)
        print(f"{'':46} its median error {error:.1f} cm")
    errors = np.median(found.error), np.median(walked.error)
    print(f"{'':46} median error {errors[0]:.1f} cm, along a walk {errors[1]:.1f} cm")


def clusterless(peer_python: str | None) -> None:
    """Five minutes at 20 ms, the spikes of eight tetrodes with ten cells each; no walk."""
    random, n_times, bin_s = np.random.default_rng(4), 15_000, 0.02
    position = np.floor((100 - np.abs(np.arange(n_times) * 0.4 % 200 - 100)) / 2.001) * 2 + 1
    marks, tetrodes = np.full((n_times, 4, 8), np.nan), []
    for number in range(8):
        rates = 0.3 + 15 * np.exp(-((position[:, None] - random.uniform(0, 100, 10)) ** 2) / 50)
        fired = random.poisson(rates * bin_s) > 0
        bins = np.flatnonzero(fired.any(axis=1))  # The peer has one spike a bin and tetrode.
        cells = fired[bins].argmax(axis=1)
        of = random.uniform(60, 300, (10, 4))[cells] + random.normal(0, 15, (len(bins), 4))
        marks[bins, :, number] = of
        tetrodes.append(((bins + 0.5) * bin_s, of))
    folds, edges = np.arange(n_times) * 2 // n_times, np.arange(0, 101, 2.0)
    options: dict[str, Any] = {"mark_sd": 20.0, "smoothing_bins": 2.0}
    ours, found = timed(
        lambda: decode_clusterless(tetrodes, position, edges, bin_s, folds, **options), 2
    )
    later = float(np.median(found.error[n_times // 2 :]))
    print(
        f"{'clusterless, both halves':46} {ours:8.2f} s  median error of the later {later:.1f} cm"
    )
    if peer_python:
        seconds, error = aside(peer_python, MARKED, position=position, marks=marks)
        name = "~replay_trajectory_classification"
        tell("clusterless, 15,000 bins, 8 tetrodes", ours, 2 * seconds, name)
        print(f"{'':46} its median error {error:.1f} cm")


def glm(peer_python: str | None) -> None:
    """80 cells: 90,000 bins of 27 features of behaviour, and 20,000 of 320 of coupling."""
    random, n_times = np.random.default_rng(3), 90_000
    position = 100 - np.abs(np.arange(n_times) * 0.4 % 200 - 100)
    bumps = np.maximum(0, 1 - np.abs(position[:, None] - np.linspace(0, 100, 24)[1:]) / 4.5)
    features = np.hstack([bumps, random.normal(size=(n_times, 4))])
    weights = np.vstack([random.normal(0, 0.7, (23, 80)), random.normal(0, 0.2, (4, 80))])
    counts = random.poisson(np.exp(features @ weights - 3))
    regress("Poisson GLM of behaviour, 80 cells", features, counts, peer_python)
    shared = np.sin(random.normal(size=(20_000, 3)).cumsum(axis=0) / 40)
    rates = np.exp(random.normal(-2.5, 0.8, 80) + shared @ random.normal(0, 0.5, (3, 80)))
    counts = random.poisson(np.minimum(rates, 3))
    features = history_features(counts, raised_cosines(4, 0.1, 0.02))
    regress("Poisson GLM with coupling, 80 cells", features, counts, None)
    # Of all 80 cells, NeMoS takes longer than anyone waits.
    few = history_features(counts[:, :20], raised_cosines(4, 0.1, 0.02))
    regress("Poisson GLM with coupling, 20 cells", few, counts[:, :20], peer_python)


def regress(what: str, features: Any, counts: Any, peer_python: str | None) -> None:
    """Fit all cells, and two of them with each peer."""
    ours, found = timed(lambda: fit_poisson(features, counts))
    given, rates = found.weights, np.empty(counts.shape)
    limit, _ = timed(lambda: [features.T @ np.exp(features @ given, out=rates) for _ in "ab"], 2)
    limit *= found.steps / 2
    for solver in ("lbfgs", "newton-cholesky"):
        model = PoissonRegressor(alpha=1e-3, solver=solver, tol=1e-5, max_iter=500)
        peer, fits = timed(
            lambda model=model: [model.fit(features, counts[:, one]).coef_.copy() for one in (0, 1)]
        )
        same(found.weights[:, :2].T, fits, 5e-3)
        tell(what, ours, peer * counts.shape[1] / 2, f"~scikit-learn {solver}", limit)
    if peer_python:
        rates = found.predict(features)
        mine = np.mean(rates - counts * np.log(rates))
        seconds, loss = aside(peer_python, NEMOS, features=features, counts=counts.astype(float))
        same(mine, loss, 1e-4)
        tell(what, ours, seconds, "NeMoS LBFGS, compiled before", limit)


def main() -> None:
    """Run all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--permutations", type=int, default=200, help="of 118 images")
    parser.add_argument("--only", choices=("images", "choices", "place", "clusterless", "glm"))
    chosen = parser.parse_args()
    topics: dict[str, Callable[[], None]] = {
        "images": lambda: images(chosen.permutations),
        "choices": choices,
        "place": lambda: place(chosen.peer),
        "clusterless": lambda: clusterless(chosen.peer),
        "glm": lambda: glm(chosen.peer),
    }
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        for name, measure in topics.items():
            if chosen.only in (None, name):
                measure()


if __name__ == "__main__":
    main()
