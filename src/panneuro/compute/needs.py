"""What a run of a step needs: as the step declares it, and as past runs tell."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from panneuro.core.cores import cores_here
from panneuro.core.errors import LimitError

if TYPE_CHECKING:
    from panneuro.compute.step import Step
    from panneuro.lake.lake import Lake

LEARNT_FROM = 50
"""The newest runs of a step that are looked at."""


@dataclass(frozen=True)
class Need:
    """What a run of a step needs.

    Parameters
    ----------
    step, reference : str
        Its name, and where it is found.
    cores, gpus : int
        As it declares them.
    declared_bytes : int
        Of memory; 0 where it declares none.
    memory_bytes : int
        The most that is declared or that a past run held; 0 where nothing is known.
    """

    step: str
    reference: str
    cores: int = 1
    gpus: int = 0
    declared_bytes: int = 0
    memory_bytes: int = 0


def need_of(lake: Lake, step: Step) -> Need:
    """Return what a run of a step needs, by what it declares and by its newest runs in a lake."""
    past = lake.runs.find(step=step.name, status="done", limit=LEARNT_FROM)
    said = step.resources
    declared = said.memory_bytes or 0
    most = max([declared, *(run.peak_memory_bytes for run in past)])
    return Need(step.name, step.reference, max(1, said.cores), said.gpus, declared, most)


def at_once(needs: Iterable[Need]) -> int:
    """Return how many runs this machine carries side by side, the greediest among them.

    Examples
    --------
    >>> at_once([Need("sort", "", cores=10**6)])
    1
    """
    cores, memory, gpus = cores_here(), _memory_here(), gpus_here()
    room = [cores]
    for one in needs:
        room.append(cores // one.cores)
        room += [memory // one.memory_bytes] if one.memory_bytes else []
        room += [gpus // one.gpus] if one.gpus else []
    return max(1, min(room))


def gpus_here() -> int:
    """Return how many GPUs this process may use: ``CUDA_VISIBLE_DEVICES`` tells, else the system.

    Examples
    --------
    >>> os.environ["CUDA_VISIBLE_DEVICES"] = "0,1"
    >>> gpus_here()
    2
    >>> del os.environ["CUDA_VISIBLE_DEVICES"]
    """
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return len([one for one in told.split(",") if one.strip() not in ("", "-1")])
    return len([*Path("/dev").glob("nvidia[0-9]*")])


def refuse_what_is_not_here(needs: Iterable[Need]) -> None:
    """Refuse steps that need more GPUs than are here, or declare more memory.

    Raises
    ------
    LimitError
        Naming the step.
    """
    for one in needs:
        if one.gpus > (here := gpus_here()):
            raise LimitError(
                f"step {one.step!r} needs {one.gpus} GPUs, and {here} are here",
                hint="--executor dask, with workers that have one; "
                "or CUDA_VISIBLE_DEVICES=0 where it cannot be seen",
            )
        if one.declared_bytes > (memory := _memory_here()):
            raise LimitError(
                f"step {one.step!r} declares {one.declared_bytes:,} bytes of memory, "
                f"and {memory:,} are here",
                hint="--executor dask, with workers that have them; or less in its Resources",
            )


def _memory_here() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
