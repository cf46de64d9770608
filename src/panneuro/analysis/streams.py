"""Random numbers that do not depend on how work is spread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor

import numpy as np

type Seed = int | np.random.SeedSequence | np.random.Generator
"""What makes randomness repeatable; a generator gives the next numbers it has."""


def root(seed: Seed) -> np.random.SeedSequence:
    """Return the sequence that all streams of `seed` descend from.

    Examples
    --------
    >>> root(7).entropy
    7
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, np.random.Generator):
        return np.random.SeedSequence(seed.integers(2**32, size=4).tolist())
    return np.random.SeedSequence(seed)


def stream(seed: Seed, index: int) -> np.random.Generator:
    """Return the generator of task number `index`, the same whoever asks and in whatever order.

    Unlike ``SeedSequence.spawn``, it leaves `seed` as it was, unless that is a generator.

    Examples
    --------
    >>> stream(7, 2).integers(100) == stream(7, 2).integers(100)
    np.True_
    """
    parent = root(seed)
    child = np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, index))
    return np.random.Generator(np.random.PCG64(child))


def spread[T, R](
    task: Callable[[T], R], items: Iterable[T], executor: Executor | None = None
) -> Iterable[R]:
    """Do a task for each item, here or in an executor; results come in the order of the items.

    Examples
    --------
    >>> list(spread(abs, [-1, 2]))
    [1, 2]
    """
    return executor.map(task, items) if executor else map(task, items)
