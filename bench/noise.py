"""The estimated noise floor beside the entropy that is known, and beside what is spent.

    python bench/noise.py --data ../shared/data

Surrogates are made with a known entropy rate. Of real recordings nobody knows it; there, what
``panneuro.lattice-lpc`` spends in the chunks of the lake stands beside the estimate.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from codec import recordings
from panneuro.codecs.lattice_lpc import encode
from panneuro.lake.noise import floor_bits, suits
from panneuro.storage.layout import cut
from surrogates import make

Array = np.ndarray[Any, np.dtype[Any]]

ROWS = 30_000


def floor(samples: Array) -> float | None:
    """Return the estimate from a chunk of rows at the beginning, in the middle and at the end."""
    rows, tile = cut(samples.shape, samples.dtype)[0]
    starts = np.unique(np.linspace(0, len(samples) - rows, 3).astype(int))
    return floor_bits([samples[start : start + rows] for start in starts], tile)


def spent(samples: Array) -> float:
    """Return the bits that a sample takes, coded chunk by chunk."""
    rows, tile = cut(samples.shape, samples.dtype)[0]
    chunks = (
        samples[row : row + rows, channel : channel + tile]
        for row in range(0, samples.shape[0], rows)
        for channel in range(0, samples.shape[1], tile)
    )
    return 8 * sum(len(encode(np.ascontiguousarray(chunk))) for chunk in chunks) / samples.size


def main() -> None:
    """Print a table of surrogates and one of real recordings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    print(f"{'surrogate':<44}{'known':>8}{'estimate':>10}{'off by':>9}")
    for kind in ("np1", "onix"):
        for scaled in (False, True):
            made = make(data, kind, ROWS, scaled=scaled)
            found = floor(made.samples) or 0.0
            print(f"{made.name:<44}{made.bits:>8.3f}{found:>10.3f}{found / made.bits - 1:>9.1%}")
    print(f"\n{'real recording':<44}{'spent':>8}{'estimate':>10}{'above':>9}")
    for name, samples, _ in recordings(data):
        table = samples.reshape(len(samples), -1)
        found = floor(table) if suits(table.shape, table.dtype) else None
        if found:
            bits = spent(table)
            print(f"{name:<44}{bits:>8.3f}{found:>10.3f}{bits / found - 1:>9.1%}")


if __name__ == "__main__":
    main()
