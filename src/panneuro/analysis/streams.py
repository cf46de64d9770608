"""Random numbers that do not depend on how work is spread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import cache, partial

import numpy as np

from panneuro.analysis.threads import one_thread
from panneuro.core.errors import InputError

type Seed = int | np.random.SeedSequence | np.random.Generator
"""What makes randomness repeatable; a generator gives the next numbers it has."""

_CHUNKS = 64
"""So often at most is a task sent to processes, with what it holds."""


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
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(
            f"random numbers cannot begin from the seed {seed!r}",
            hint="a whole number from 0, a SeedSequence or a Generator",
        )
    return np.random.SeedSequence(int(seed))


def child(seed: Seed, index: int) -> np.random.SeedSequence:
    """Return the seed of task number `index`, the same whoever asks and in whatever order.

    Unlike ``SeedSequence.spawn``, it leaves `seed` as it was, unless that is a generator.

    Examples
    --------
    >>> child(7, 2).spawn_key
    (2,)
    """
    parent = root(seed)
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, index))


def stream(seed: Seed, index: int) -> np.random.Generator:
    """Return the generator of task number `index`, seeded by its :func:`child`.

    Examples
    --------
    >>> stream(7, 2).integers(100) == stream(7, 2).integers(100)
    np.True_
    """
    return np.random.Generator(np.random.PCG64(child(seed, index)))


def spread[T, R](
    task: Callable[[T], R], items: Iterable[T], executor: Executor | None = None
) -> Iterator[R]:
    """Do a task for each item, here or in an executor; results come in the order of the items.

    BLAS has one thread meanwhile, so that sums are rounded alike wherever they are computed.

    Parameters
    ----------
    task : callable
        Of one item; an executor of processes needs one that can be pickled.
    items : iterable
    executor : concurrent.futures.Executor, optional
        Threads, processes, or the workers of a cluster.

    Examples
    --------
    >>> list(spread(abs, [-1, 2]))
    [1, 2]
    """
    with one_thread():
        if executor is None:
            yield from map(task, items)
            return
        waiting = list(items)
        chunk = -(-len(waiting) // _CHUNKS) or 1
        yield from executor.map(partial(_pinned, os.getpid(), task), waiting, chunksize=chunk)


def _pinned[T, R](caller: int, task: Callable[[T], R], item: T) -> R:
    if os.getpid() != caller:
        _pin(os.getpid())
    return task(item)


@cache
def _pin(process: int) -> None:
    """Give BLAS one thread in a process that does nothing else."""
    del process
    one_thread().__enter__()
