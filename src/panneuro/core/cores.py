"""How much of the machine is ours."""

from __future__ import annotations

import os


def cores_here() -> int:
    """Return how many cores this process may use, at least one.

    Of all cores, a batch system may have left us a few; only Linux says which.

    Examples
    --------
    >>> cores_here() >= 1
    True
    """
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
