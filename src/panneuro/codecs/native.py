"""The compiled kernels (``kernels.c``), where the package was built with a compiler."""

from __future__ import annotations

import ctypes
import math
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

REVISION = 7
"""Of the kernels that this code calls; those of another are as good as none."""

MOST_KEPT = 8 << 20
"""Bytes of a piece of memory that a thread keeps: as chunks of 2 MiB need it, not larger ones."""

LINE = 64
"""Bytes of a line of a cache: what crosses one takes two."""

_kept = threading.local()


@cache
def kernels() -> ctypes.CDLL | None:
    """Return the compiled kernels, or None where there are none: NumPy does the same, slowly."""
    for suffix in (".so", ".dylib", ".dll"):
        path = Path(__file__).with_name(f"kernels{suffix}")
        if path.exists():
            try:
                library = ctypes.CDLL(str(path))
                return library if call(library, "revision") == REVISION else None
            except (OSError, AttributeError):
                return None
    return None


def scratch(use: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return memory to work in; the next call in this thread for the same use gives it again.

    To be given a page of fresh memory takes longer than most kernels work on it.

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


def call(library: ctypes.CDLL, name: str, *arguments: Any) -> int:
    """Call a kernel; the interpreter is released meanwhile.

    Parameters
    ----------
    library : CDLL
        As `kernels` returned it.
    name : str
        Of the kernel.
    *arguments
        Arrays in C order, passed by address; whole numbers, passed in 64 bits; `ctypes` values, as
        they are.

    Returns
    -------
    int
        What it returned; means nothing where it returns nothing.
    """
    return int(_function(library, name)(*map(_passed, arguments)))


@cache
def _function(library: ctypes.CDLL, name: str) -> Any:
    function = getattr(library, name)
    function.restype = ctypes.c_int64
    return function


def _passed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.__array_interface__["data"][0])
    return ctypes.c_int64(int(value)) if isinstance(value, int | np.integer) else value
