"""Dask: clusters made or joined, what their workers have, and what a step asks of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import distributed
from distributed.system import MEMORY_LIMIT
from tornado.ioloop import PeriodicCallback

from panneuro.compute.needs import Need
from panneuro.core.errors import InputError, LimitError
from panneuro.core.extras import need

CORES, MEMORY, GPUS = "cores", "memory", "GPU"
"""Names of what workers have, as Dask schedules by it; GPU is what Dask's own guide calls it."""

Has = Mapping[str, float]

_ASK_EVERY_S = 5.0
_TOLD_AFTER_S = 15.0
_NOBODY_AFTER_S = 60.0
_LOOK_EVERY_S = 0.1
_LOG = logging.getLogger(__name__)


class Declare(distributed.WorkerPlugin):
    """Lets the scheduler know a worker's cores and memory, where the worker was not told them.

    GPUs are never guessed: of several workers on a machine each would see them all.
    """

    name = "panneuro"
    idempotent = True

    async def setup(self, worker: distributed.Worker) -> None:
        """Declare what is not declared."""
        memory = worker.memory_manager.memory_limit or MEMORY_LIMIT
        found = {CORES: worker.state.nthreads, MEMORY: memory}
        own = worker.state.total_resources
        # What waits for such a worker is looked at when one begins to work, not when it declares.
        worker.status = distributed.Status.paused
        await worker.set_resources(**{name: n for name, n in found.items() if name not in own})
        worker.status = distributed.Status.running


@contextmanager
def client_of(
    settings: Mapping[str, Any], workers: int, needs: Iterable[Need]
) -> Iterator[distributed.Client]:
    """Give a client of the scheduler that is named, or of a cluster made for the while.

    Parameters
    ----------
    settings : mapping
        ``[compute]`` of the lake.
    workers : int
        How many, where a cluster is made.
    needs : iterable of Need
        What will be run there.
    """
    with ExitStack() as stack:
        where = settings.get("scheduler") or stack.enter_context(_made(settings, workers, needs))
        try:
            client = distributed.Client(where)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise InputError(
                f"the Dask scheduler at {where!r} does not answer: {error}",
                hint='scheduler = "tcp://host:8786" in [compute] of lake.toml'
                if settings.get("scheduler")
                else "its address is said in [compute.options]: proxy_address, of a gateway",
            ) from error
        yield stack.enter_context(client)


def _made(settings: Mapping[str, Any], workers: int, needs: Iterable[Need]) -> Any:
    """Return a new cluster: of the class that is named, or on this machine."""
    named, options = settings.get("cluster"), dict(settings.get("options", {}))
    here: dict[str, Any] = {
        "n_workers": workers,
        "threads_per_worker": max((one.cores for one in needs), default=1),
        "dashboard_address": "127.0.0.1:0",
    }
    make: Any = _class(str(named)) if named else partial(distributed.LocalCluster, **here)
    try:
        made = make(**options)
    except Exception as error:  # Of whatever class: the cluster's is anybody's.
        raise InputError(
            f"reading lake.toml: no {named or 'cluster here'} can be made: {error}",
            hint="[compute.options] are those of its class",
        ) from error
    if named:
        _keep(made, workers)
    return made


def _keep(cluster: Any, workers: int) -> None:
    """Ask for workers, and again for those that are lost: at their wall time, with their node.

    Kubernetes and gateways ask again by themselves.
    """
    cluster.scale(workers)
    if not issubclass(type(cluster), distributed.SpecCluster):
        return

    def ask() -> None:
        if cluster.status == distributed.Status.running:
            cluster.scale(workers)

    again = PeriodicCallback(ask, 1000 * _ASK_EVERY_S)
    cluster.periodic_callbacks["panneuro"] = again
    cluster.loop.add_callback(again.start)


def _class(path: str) -> Any:
    """Return a cluster's class by its name, as in ``dask_jobqueue.SLURMCluster``."""
    module, _, name = path.rpartition(".")
    package = module.partition(".")[0]
    if package == "dask_jobqueue":
        need(package, "slurm", f"A {name}")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"reading lake.toml: there is no cluster class {path!r}: {error}",
            hint=f"pip install {package.replace('_', '-')}"
            if isinstance(error, ImportError)
            else 'cluster = "dask_jobqueue.SLURMCluster"',
        ) from error


def asked(client: distributed.Client, needs: Iterable[Need]) -> dict[str, dict[str, Any]]:
    """Return what each step asks of a worker, once a worker is there that has it.

    What a step declares is asked as it is. What past runs held is asked too, but no more than
    the largest worker has: it is a guess, and refuses nobody.

    Parameters
    ----------
    client : distributed.Client
        Of the workers.
    needs : iterable of Need
        Of steps.

    Returns
    -------
    dict
        By the reference of a step, further arguments of `distributed.Client.submit`.

    Raises
    ------
    LimitError
        If no worker has what a step declares.
    InputError
        If workers cannot import panneuro, or none comes.
    """
    try:
        client.register_plugin(Declare())
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the workers of {_address(client)} cannot run panneuro: {error}",
            hint="give all workers the same environment",
        ) from error
    workers = _first_workers(client)
    most = max(has[MEMORY] for has in workers)
    return {one.reference: {"resources": _asked(one, workers, most)} for one in needs}


def _asked(one: Need, workers: list[Has], most: float) -> dict[str, float]:
    declared = {CORES: one.cores, MEMORY: one.declared_bytes, GPUS: one.gpus}
    wanted = {name: float(amount) for name, amount in declared.items() if amount}
    if not any(_suffices(has, wanted) for has in workers):
        lacking = (
            name
            for name in wanted
            if not any(_suffices(has, {name: wanted[name]}) for has in workers)
        )
        raise LimitError(
            f"step {one.step!r} needs {_told(wanted)}, and no worker has that: "
            f"the largest of {len(workers)} has {_told(max(workers, key=_size))}",
            hint=_HINTS.get(next(lacking, ""), "one worker must have all of it"),
        )
    learnt = {MEMORY: min(float(one.memory_bytes), most)} if one.memory_bytes else {}
    return wanted | learnt


def _suffices(has: Has, wanted: Has) -> bool:
    return all(has.get(name, 0) >= amount for name, amount in wanted.items())


def _size(has: Has) -> tuple[float, ...]:
    return tuple(has.get(name, 0) for name in (GPUS, CORES, MEMORY))


def _told(has: Has) -> str:
    parts = [(f"{has.get(CORES, 0):g} cores", True), (f"{has.get(GPUS, 0):g} GPUs", GPUS in has)]
    parts.append((f"{has.get(MEMORY, 0) / 1e9:.2f} GB of memory", MEMORY in has))
    return ", ".join(text for text, known in parts if known)


_HINTS = {
    GPUS: "say which workers have one: dask worker … --resources GPU=1; see run-on-a-cluster",
    CORES: "threads_per_worker in [compute.options], or fewer processes in each job",
    MEMORY: "memory_limit in [compute.options], or more memory for each job",
}


def _first_workers(client: distributed.Client) -> list[Has]:
    """Return what workers have, once the first is there and has declared it."""
    began, told = time.monotonic(), False
    while True:
        found = client.scheduler_info(n_workers=-1)["workers"].values()
        declared = [one["resources"] for one in found if CORES in one["resources"]]
        if declared:
            return declared
        _hold_jobs(client.cluster)
        waited = time.monotonic() - began
        if client.cluster is None and waited > _NOBODY_AFTER_S:
            raise InputError(
                f"the scheduler at {_address(client)} has no workers",
                hint=f"dask worker {_address(client)}",
            )
        if waited > _TOLD_AFTER_S and not told:
            _LOG.warning("no worker has come yet: is the queue full? Ctrl-C gives up")
            told = True
        time.sleep(_LOOK_EVERY_S)


def _hold_jobs(cluster: Any) -> None:
    """Submit once more the jobs that a queue refused; Dask would wait for them for ever.

    Raises
    ------
    InputError
        If it refuses again, with what it says.
    """
    for job in list(getattr(cluster, "workers", {}).values()):
        if getattr(job, "status", None) == distributed.Status.created:
            try:
                cluster.sync(job.start)
            except (OSError, RuntimeError) as error:
                job.status = distributed.Status.failed  # Else it cannot be closed.
                raise InputError(
                    f"asking for a worker: {' '.join(str(error).split())}",
                    hint="mend [compute.options] in lake.toml",
                ) from error


def _address(client: distributed.Client) -> str:
    return str(client.scheduler_info(n_workers=0)["address"])
