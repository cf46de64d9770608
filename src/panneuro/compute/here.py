"""What a step finds where it runs: its code, its packages, and the threads it declares."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from panneuro.compute.step import Step, find_step
from panneuro.core.digests import digest_json
from panneuro.core.errors import InputError


@lru_cache(maxsize=64)
def found(reference: str, code: str, environment: str) -> Step:
    """Find a step that must be the very one that was planned.

    Parameters
    ----------
    reference : str
        Where it is found.
    code, environment : str
        Digests of what it executes and of the packages that it reaches.

    Raises
    ------
    InputError
        If it is another here.
    """
    step = find_step(reference)
    if step.code.digest != code:
        raise InputError(
            f"the code of step {step.name!r} on this worker is not the code that was planned",
            hint="give all workers the same files and the same version of panneuro",
        )
    if digest_json(step.packages) != environment:
        raise InputError(
            f"step {step.name!r} would run with other packages on this worker: {step.packages}",
            hint="give all workers the same environment",
        )
    return step


def limited(reference: str, cores: int) -> AbstractContextManager[Any]:
    """Give linear algebra as many threads on a laptop as on a cluster: sums depend on it."""
    pools = _pools(reference)
    return pools.limit(limits=cores) if pools else nullcontext()


@lru_cache(maxsize=64)
def _pools(reference: str) -> Any:  # noqa: ARG001
    """Return the thread pools of the libraries that a step has loaded; looked for once."""
    if find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
