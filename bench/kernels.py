"""The inverse prediction of one chunk: compiled kernels, plain NumPy, numba; and what lanes cost.

    python bench/kernels.py --data ../shared/data

The machine's limits come last: the rate of 16-bit products that add up (pairs, in registers and in
a first cache), and of copying. Prediction needs one product for each tap of each sample.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

from panneuro.codecs.fitting import fit
from panneuro.codecs.native import call, kernels
from panneuro.codecs.predictor import LANES, Model, predict, restore
from surrogates import make

Array = np.ndarray[Any, np.dtype[Any]]

ROWS, CHANNELS = 3776, 96
ROUNDS = 15


def speed(raw_bytes: int, work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return MB/s by the CPU time of this thread, best of several rounds."""
    times = []
    for _ in range(rounds):
        begin = time.thread_time()
        work()
        times.append(time.thread_time() - begin)
    return raw_bytes / 1e6 / min(times)


@numba.njit(nogil=True)
def undo(
    planes: Array, offsets: Array, weights: Array, taps: Array, bits: int, history: Array
) -> Array:
    channels, rows = planes.shape
    depth, reach = history.shape[0], (history.shape[1] - channels) // 2
    samples = np.empty((rows, channels), np.int16)
    for row in range(rows):
        for channel in range(channels):
            total = np.int32(1 << (bits - 1))
            for k in range(len(taps)):
                source = history[(row - taps[k, 0]) % depth, reach + channel + taps[k, 1]]
                total = np.int32(total + weights[channel, k] * source)
            code = np.int16(planes[channel, row] + (total >> bits) + offsets[channel])
            samples[row, channel] = code
            history[row % depth, reach + channel] = np.int32(code) - offsets[channel]
    return samples


def by_numba(planes: Array, model: Model) -> Array:
    """Undo the prediction of one lane as one would write it down for numba."""
    taps = np.array(model.taps)
    depth, reach = taps[:, 0].max() + 1, np.abs(taps[:, 1]).max()
    history = np.zeros((depth, len(planes) + 2 * reach), np.int32)
    classes = np.arange(len(planes)) % model.weights.shape[1]
    weights = np.ascontiguousarray(model.weights.T[classes])
    return undo(planes, model.offsets, weights, taps, model.bits, history)


def limits(samples: Array, model: Model) -> None:
    """Print what the machine could do at most."""
    library = kernels()
    if library is None:
        return
    n_taps, run, runs = 32, 512, 4
    strips = np.ones((CHANNELS + 8, runs, run), np.int16)
    starts = np.zeros(n_taps, np.int64)
    sums = np.empty((CHANNELS, n_taps, n_taps), np.int64)
    products = CHANNELS * n_taps * (n_taps + 1) // 2 * runs * run
    rate = speed(
        products,
        lambda: call(library, "moments", strips, CHANNELS, runs, 0, run, n_taps, starts, sums),
    )
    needed = samples.size * len(model.taps)
    print(f"products     {rate / 1e3:7.1f} 10⁹/s; the {len(model.taps)} taps of this chunk at that")
    print(f"             rate: {samples.nbytes / (needed / rate):7.0f} MB/s")
    into = np.empty_like(samples)
    print(f"copy         {speed(samples.nbytes, lambda: np.copyto(into, samples)):7.0f} MB/s")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    made = make(parser.parse_args().data, "np1", ROWS).samples
    samples = np.ascontiguousarray(made[:, :CHANNELS])
    model = fit(samples)
    planes = predict(samples, model)
    raw = samples.nbytes
    print(f"kernels: {'compiled' if kernels() else 'none'}")
    print(f"predict      {speed(raw, lambda: predict(samples, model)):7.0f} MB/s")
    print(f"restore      {speed(raw, lambda: restore(planes, model)):7.0f} MB/s")
    plain = speed(raw, lambda: predict(samples, model, compiled=False), 3)
    print(f"predict, NumPy {plain:5.0f} MB/s")
    plain = speed(raw, lambda: restore(planes, model, compiled=False), 1)
    print(f"restore, NumPy {plain:7.1f} MB/s")
    single = replace(model, lanes=1)
    alone = predict(samples, single)
    begin = time.perf_counter()
    if not np.array_equal(by_numba(alone, single), samples):
        raise SystemExit("numba lost samples")
    print(f"numba's first call {time.perf_counter() - begin:.1f} s")
    print(f"restore, numba {speed(raw, lambda: by_numba(alone, single), 5):5.0f} MB/s")
    limits(samples, model)
    config = ChunkConfig(9, mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.no_op())
    for lanes in LANES:
        left = predict(samples, replace(model, lanes=lanes)).reshape(-1)
        print(f"{lanes} lanes: {len(standalone.simple_compress(left, config))} bytes")


if __name__ == "__main__":
    main()
