"""The compiled kernels (``kernels.c``), where the package was built with a compiler."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

REVISION = 7
"""Of the kernels that this code calls; those of another are as good as none."""


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
