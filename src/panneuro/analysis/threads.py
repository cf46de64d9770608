"""Threads of linear algebra: one, so that what is spread is spread by us."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Give BLAS one thread meanwhile.

    Sums are then rounded alike however many cores there are, and threads or processes that work is
    spread over do not each ask for all of them.

    Examples
    --------
    >>> from threadpoolctl import threadpool_info
    >>> with one_thread():
    ...     {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    {1}
    """
    limits: AbstractContextManager[Any] = _pools(len(sys.modules)).limit(limits=1, user_api="blas")
    return limits


@lru_cache(maxsize=1)
def _pools(n_modules: int) -> ThreadpoolController:
    """Find the libraries that are loaded, which takes milliseconds: again once there are more."""
    del n_modules
    return ThreadpoolController()
