"""Work cut into blocks: their ranges, the memory a result may take, threads that fill it."""

from __future__ import annotations

import math
import reprlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import batched
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.streams import spread
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

MAX_BYTES = 4_000_000_000
"""What a result may take in memory unless more is allowed."""

_AHEAD = 32
_MOST = 10**12


def ranges(n: int, size: int) -> Iterator[slice]:
    """Yield slices that cover `n` rows in order, `size` at a time.

    Examples
    --------
    >>> list(ranges(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(first, min(n, first + size)) for first in range(0, n, size))


def check_bytes(
    shape: Iterable[int], dtype: npt.DTypeLike, max_bytes: int, doing: str, hint: str
) -> None:
    """Refuse a result that would take more memory than is allowed, before anything is computed.

    Parameters
    ----------
    shape : iterable of int
        Of the result.
    dtype : dtype
        Of its elements.
    max_bytes : int
        What is allowed.
    doing : str
        What is being done, to begin the error message: ``"counting spikes"``.
    hint : str
        What to do instead.

    Raises
    ------
    InputError
        If it would take more.

    Examples
    --------
    >>> check_bytes((10, 10), "f8", 1000, "counting spikes", "choose fewer units")
    """
    if not is_real(max_bytes) and max_bytes != math.inf:
        raise InputError(f"max_bytes is {max_bytes!r}, no number", hint=f"max_bytes={MAX_BYTES}")
    lengths = tuple(map(int, shape))
    size = math.prod(lengths) * np.dtype(dtype).itemsize
    if not size <= max_bytes:
        raise InputError(
            f"{doing} gives {' × '.join(map(str, lengths))} values of {np.dtype(dtype)}, "
            f"{size / 1e9:.3g} GB, and max_bytes allows {max_bytes / 1e9:.3g} GB",
            hint=hint,
        )


def check_number(what: str, number: int, least: int = 1) -> None:
    """Refuse a number of things that is not whole, or too small.

    Parameters
    ----------
    what : str
        The things, for the error message: ``"permutations"``.
    number : int
        How many were asked for.
    least : int
        How many there must be.

    Raises
    ------
    InputError
        If it is not a whole number, less, or more than a computer can count to.

    Examples
    --------
    >>> check_number("permutations", 1000)
    """
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not whole or not least <= number <= _MOST:
        raise InputError(
            f"{reprlib.repr(number)} {what} were asked for",
            hint=f"ask for a whole number of {what}, at least {least} and at most {_MOST}",
        )


def fill(
    task: Callable[[slice], Any], parts: Iterable[slice], executor: ThreadPoolExecutor | None
) -> None:
    """Do a task that writes into memory for each part, here or in threads.

    Raises
    ------
    InputError
        If the executor does not share this process's memory.
    """
    check_threads(executor)
    deque(executor.map(task, parts) if executor else map(task, parts), maxlen=0)


def check_threads(executor: Executor | None) -> None:
    """Refuse an executor that does not share this process's memory.

    Raises
    ------
    InputError
        If it is none of threads.
    """
    if executor is not None and not isinstance(executor, ThreadPoolExecutor):
        raise InputError(
            f"results are written in place, which {type(executor).__name__} cannot",
            hint="use a concurrent.futures.ThreadPoolExecutor",
        )


def in_order[T, R](
    task: Callable[[T], R], items: Iterable[T], executor: Executor | None
) -> Iterator[R]:
    """Yield the result of each item in order; no more than a few wait in memory.

    Like :func:`~panneuro.analysis.streams.spread`, for results that are large.

    Examples
    --------
    >>> list(in_order(abs, [-1, 2], None))
    [1, 2]
    """
    for some in batched(items, _AHEAD):
        yield from spread(task, some, executor)
