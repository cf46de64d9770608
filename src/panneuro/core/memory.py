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
