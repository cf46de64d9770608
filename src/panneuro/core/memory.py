"""Memory that is used again: to be given fresh memory takes longer than most work on it."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_KEPT = 8 << 20
"""Bytes of a piece of memory that a thread keeps: as chunks of 2 MiB need it, not larger ones."""

LINE = 64
"""Bytes of a line of a cache: what crosses one takes two."""

_kept = threading.local()


def scratch(use: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return memory to work in; the next call in this thread for the same use gives it again.

    Parameters
    ----------
    use : str
        What for: at any time, a thread needs it for one thing of that name.
    shape, dtype
        Of the array.

    Returns
    -------
    ndarray
        In C order, holding anything.

    Examples
    --------
    >>> first = scratch("an example", (2, 3), "int16")
    >>> second = scratch("an example", (3,), "int32")
    >>> bool(np.shares_memory(first, second)), second.dtype.name
    (True, 'int32')
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > MOST_KEPT:
        return np.empty(shape, dtype)
    held = vars(_kept)
    if use not in held or held[use].nbytes < size:
        memory = np.empty(size + LINE, np.uint8)
        held[use] = memory[-memory.ctypes.data % LINE :][:size]
    found: npt.NDArray[Any] = held[use][:size].view(dtype).reshape(shape)
    return found


class Pile:
    """Bytes laid end to end, in memory that is used again when the pile is cleared.

    Parameters
    ----------
    expected : int
        Bytes that there is room for at first.

    Examples
    --------
    >>> pile = Pile(4)
    >>> pile.add(b"one"), pile.add(b"two"), bytes(pile.held)
    (0, 3, b'onetwo')
    >>> pile.clear()
    >>> pile.add(b"three"), bytes(pile.held)
    (0, b'three')
    """

    def __init__(self, expected: int) -> None:
        self._memory = np.empty(expected, np.uint8)
        self._size = 0

    def clear(self) -> None:
        """Forget what was laid down; what was given as `held` will be written over."""
        self._size = 0

    def add(self, piece: bytes) -> int:
        """Lay some bytes down, and return where they begin."""
        start, end = self._size, self._size + len(piece)
        if end > len(self._memory):
            longer = np.empty(end + end // 2, np.uint8)
            longer[:start] = self._memory[:start]
            self._memory = longer
        self._memory[start:end] = np.frombuffer(piece, np.uint8)
        self._size = end
        return start

    @property
    def held(self) -> memoryview:
        """All of it, until the pile is cleared."""
        return self._memory[: self._size].data
