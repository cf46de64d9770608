"""What each stage of ``panneuro.lattice-lpc`` takes out of real recordings, in bits a sample.

    python bench/stages.py --data ../shared/data --figure docs/images/where-the-bits-go.png

Bits are the entropy of each channel's values by themselves, averaged: of the samples, of what
prediction from the channel's own past leaves, and of what prediction from the past and from
neighbours leaves; then what the stream takes, with all that it says of itself. The lattice does not
show, since entropy does not mind which numbers values are; whatever predicts does. The entropy of
few samples of many values is too low: recordings of less than 1,000 rows are left out. The figure
also shows which numbers a scaled recording uses.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from codec import recordings
from neurocodec import coders, pieces
from panneuro.codecs import lattice_lpc
from panneuro.codecs.fitting import fit
from panneuro.codecs.lattice import find
from panneuro.codecs.predictor import Model, predict

Array = np.ndarray[Any, np.dtype[Any]]

STAGES = ("samples", "less own past", "less neighbours", "stream")
COLOURS = ("#c7c7c7", "#56b4e9", "#009e73", "#0b3c49")
FEWEST_ROWS = 1000
LABELS = {
    "biocam": "BioCAM, 36 ch",
    "intan": "Intan bench test, 64 ch",
    "original_data:csc_2": "Neuralynx, 2 ch",
    "original_data:csc": "Neuralynx, 2 ch, longer",
    "OpenEphys": "Open Ephys, 2 ch",
    "NP2": "Neuropixels 2.0, 384 ch",
    "Noise4Sam": "Neuropixels noise test, 384 ch",
    "np_ultra": "Neuropixels Ultra, 384 ch",
    "HSW": "White Matter, 64 ch",
    "locust": "locust tetrode, 4 ch",
    "continuous": "Neuropixels 1.0, 385 ch",
}


def entropy(values: Array) -> float:
    """Return the mean entropy of columns, in bits."""
    found = []
    for column in values.T:
        shares = np.unique_counts(column).counts / len(column)
        found.append(-(shares * np.log2(shares)).sum())
    return float(np.mean(found))


def bits(samples: Array) -> list[float]:
    """Return bits a sample after each stage, over the chunks that the lake would make."""
    parts = pieces(samples, coders()[0])
    sums = np.zeros(len(STAGES))
    for part in parts:
        _, codes = find(part)
        model = fit(codes)
        alone = fit_alone(codes, model)
        left = predict(codes, alone).T, predict(codes, model).T
        told = [entropy(values) for values in (codes, *left)]
        told.append(8 * len(lattice_lpc.encode(part)) / part.size)
        sums += np.array(told) * part.size
    return list(sums / sum(part.size for part in parts))


def fit_alone(codes: Array, model: Model) -> Model:
    """Return a model that knows only each channel's own past."""
    columns = [fit(np.ascontiguousarray(column[:, None])) for column in codes.T]
    taps = tuple(dict.fromkeys(tap for column in columns for tap in column.taps))
    weights = np.zeros((len(taps), len(columns)), np.int32)
    most = max(column.bits for column in columns)
    for channel, column in enumerate(columns):
        for tap, weight in zip(column.taps, column.weights[:, 0], strict=True):
            weights[taps.index(tap), channel] = weight << (most - column.bits)
    return replace(model, taps=taps, weights=weights, bits=most)


def label(name: str) -> str:
    """Return what to call a recording in the figure."""
    return next((said for begin, said in LABELS.items() if name.startswith(begin)), name)


def draw(found: dict[str, list[float]], scaled: Array, path: Path) -> None:
    """Draw bits by stage, and the numbers that a scaled recording uses."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 0.6 + 0.42 * len(found)), width_ratios=(3, 2), layout="constrained"
    )
    names = list(found)
    table = np.array([found[name] for name in names])
    height = 0.8 / len(STAGES)
    for at, (stage, colour) in enumerate(zip(STAGES, COLOURS, strict=True)):
        places = np.arange(len(names)) + (at - 1.5) * height
        left.barh(places, table[:, at], height, color=colour, label=stage)
    left.set_yticks(range(len(names)), list(map(label, names)))
    left.invert_yaxis()
    left.set_xlabel("bits a sample (stored in 16)")
    left.legend(frameon=False, loc="lower right", fontsize=8)
    values, counts = np.unique_counts(scaled)
    near = np.abs(values - np.median(scaled)) <= 60
    right.vlines(values[near], 0, counts[near], color=COLOURS[-1], lw=1.5)
    right.set_xlabel("stored number")
    right.set_ylabel("samples")
    right.set_title("one channel, scaled by 12.019 and rounded", fontsize=9)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--figure", type=Path)
    asked = parser.parse_args()
    found, scaled = {}, None
    print(f"{'recording':45}" + "".join(f"{stage:>12}" for stage in STAGES))
    for name, samples, _ in recordings(asked.data):
        if len(samples) < FEWEST_ROWS:
            continue
        if name.startswith("continuous_1000x385"):
            scaled = samples[:, 100]
        signed = samples.view(np.int16) if samples.dtype == np.uint16 else samples
        found[name] = bits(signed)
        print(f"{name[:44]:45}" + "".join(f"{value:12.2f}" for value in found[name]))
    if asked.figure and scaled is not None:
        draw(found, scaled, asked.figure)


if __name__ == "__main__":
    main()
