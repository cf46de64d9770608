"""Which codec each array gets: the codecs that there are, tried on samples of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.choice import Codecs, Trial, choose
from panneuro.core.errors import CorruptionError
from panneuro.lake import noise
from panneuro.signals.arrays import LazyArray, n_bytes
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.layout import cut
from panneuro.storage.writing import Choice, Choose

_SAMPLES = 3

HOPELESS = 1.1
"""A coding that makes so many times as much of one sample as the best is tried on no other."""

_LEAST_BYTES = 1 << 20
"""Arrays smaller than this are chosen for when they are written."""

_AHEAD = 2
"""Arrays that are chosen for before they are written: each has a few blocks in memory."""


def chooser(names: Iterable[str] | None = None) -> Choose:
    """Return what chooses a coding by trial.

    Parameters
    ----------
    names : iterable of str, optional
        Only these codings.
    """
    allowed = None if names is None else tuple(names)

    def chosen(data: LazyArray, chunk: tuple[int, ...]) -> Choice:
        dtype = np.dtype(data.dtype)
        blocks = _blocks(data, chunk[0])
        tile = tuple(slice(0, width) for width in chunk[1:])
        # Brought together once: what is mapped from a file lies far apart.
        samples = [np.ascontiguousarray(block[(slice(None), *tile)]) for block in blocks]

        raw, least = sum(sample.nbytes for sample in samples), [0] * len(samples)

        def measure(name: str, codecs: Codecs) -> Trial | None:
            sizes = _sizes(ChunkCoder(chunk, dtype, codecs), samples, least)
            if sizes and (not any(least) or sum(sizes) < sum(least)):
                least[:] = sizes
            return Trial(name, codecs, raw, sum(sizes)) if sizes else None

        best, trials = choose(len(chunk), dtype, measure, allowed)
        why = ", ".join(f"{trial.name} {trial.ratio:.2f}" for trial in trials)
        floor = noise.floor_bits(blocks, chunk[1]) if noise.suits(chunk, dtype) else None
        return Choice(best.codecs, best.name, f"ratios on samples: {why}", floor)

    return chosen


def ahead(choose: Choose, arrays: Mapping[str, LazyArray], executor: Executor) -> Choose:
    """Begin to choose for the first large arrays, and return what knows, when asked.

    Parameters
    ----------
    choose : callable
        Chooses.
    arrays : mapping of str to array-like
        By path, what will be asked for.
    executor : Executor
        Where it is chosen meanwhile.
    """
    known = [data for path, data in arrays.items() if path.endswith("/data")]
    begun = {}
    for data in itertools.islice(filter(_is_long, known), _AHEAD):
        chunk, _ = cut(tuple(map(int, data.shape)), np.dtype(data.dtype))
        begun[id(data)] = chunk, executor.submit(choose, data, chunk)

    def chosen(data: LazyArray, chunk: tuple[int, ...]) -> Choice:
        wanted, future = begun.get(id(data), (None, None))
        return future.result() if future and wanted == chunk else choose(data, chunk)

    return chosen


def _is_long(data: LazyArray) -> bool:
    return n_bytes(data) >= _LEAST_BYTES and np.dtype(data.dtype).kind in "iuf"


def _blocks(data: LazyArray, rows: int) -> list[npt.NDArray[Any]]:
    """Return rows of whole chunks from the beginning, the middle and the end of an array."""
    starts = np.unique(np.linspace(0, max(0, int(data.shape[0]) - rows), _SAMPLES).astype(int))
    return [np.asarray(data[start : start + rows]) for start in starts]


def _sizes(
    coder: ChunkCoder, samples: list[npt.NDArray[Any]], least: list[int]
) -> list[int] | None:
    """Return the coded size of each sample, None where one cannot be coded.

    That of which the best coding so far makes the most comes first. Where this one makes far more
    of it, the others are taken to be as much larger.
    """
    telling, *others = sorted(range(len(samples)), key=least.__getitem__, reverse=True)
    sizes = [0] * len(samples)
    try:
        sizes[telling] = len(coder.encode_verified(samples[telling]))
        if any(least) and sizes[telling] > HOPELESS * least[telling]:
            return [size * sizes[telling] // least[telling] for size in least]
        for at in others:
            sizes[at] = len(coder.encode_verified(samples[at]))
    except (TypeError, ValueError, RuntimeError, CorruptionError):
        return None
    return sizes
