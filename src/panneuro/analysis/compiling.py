"""Loops compiled to machine code, that let go of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from panneuro.core.extras import need

_numba = need("numba", "analysis", "Analysis")


def compiled[F: Callable[..., Any]](function: F) -> F:
    """Compile a function of arrays and numbers with numba when it is first called.

    The machine code is kept on disk, and runs without the interpreter's lock: threads run at once.

    Examples
    --------
    >>> @compiled
    ... def total(values):
    ...     found = 0
    ...     for value in values:
    ...         found += value
    ...     return found
    >>> import numpy as np
    >>> total(np.arange(4))
    6
    """
    cache = not function.__code__.co_filename.startswith("<")
    return cast(F, _numba.njit(cache=cache, nogil=True)(function))
