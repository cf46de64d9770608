"""Where runs are carried out: here, in processes, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from panneuro.core.errors import InputError
from panneuro.core.extras import need

INLINE, PROCESSES, DASK = "inline", "processes", "dask"
KINDS = (INLINE, PROCESSES, DASK)

_KNOWN = ("executor", "workers", "scheduler", "cluster", "options")


class InlineExecutor(Executor):
    """Does at once, in this thread, what is submitted.

    Examples
    --------
    >>> with InlineExecutor() as executor:
    ...     executor.submit(max, 2, 3).result()
    3
    """

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function and return what came of it."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


def kind_of(settings: Mapping[str, Any], kind: str | None = None) -> str:
    """Return which executor is meant: the one asked for, else the lake's, else inline.

    Raises
    ------
    InputError
        If there is none of that name, or ``[compute]`` says something that is not known.
    """
    unknown = sorted(set(settings) - set(_KNOWN))
    if unknown:
        raise InputError(
            f"reading lake.toml: [compute] has {unknown[0]!r}", hint=f"known: {', '.join(_KNOWN)}"
        )
    chosen = kind or settings.get("executor", INLINE)
    if chosen not in KINDS:
        raise InputError(f"there is no executor {chosen!r}", hint=f"use one of: {', '.join(KINDS)}")
    return str(chosen)


def workers_of(settings: Mapping[str, Any], workers: int | None = None) -> int:
    """Return how many workers are asked for; as many as there are cores by default.

    Raises
    ------
    InputError
        If it is no number from 1 up.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    count = settings.get("workers", cores) if workers is None else workers
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"cannot run on {count!r} workers", hint="workers = 4")
    return count


@contextmanager
def opened(
    kind: str, settings: Mapping[str, Any], workers: int
) -> Iterator[Callable[[], Executor]]:
    """Give what makes executors: another one is asked for when one breaks.

    Parameters
    ----------
    kind : {"inline", "processes", "dask"}
        Of executor.
    settings : mapping
        ``[compute]`` of the lake.
    workers : int
        How many.
    """
    if kind == INLINE:
        yield InlineExecutor
    elif kind == PROCESSES:
        yield lambda: _processes(workers)
    else:
        with _client(settings, workers) as client:
            yield lambda: client.get_executor(pure=False)


def _processes(workers: int) -> ProcessPoolExecutor:
    # Spawned, for forks inherit the locks of threads.
    spawning = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, spawning, initializer=_follow_driver)


def _follow_driver() -> None:
    """Leave Ctrl-C for the driver to hear, and end when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    driver = multiprocessing.parent_process()
    if driver is not None:
        threading.Thread(target=_end_after, args=(driver,), daemon=True).start()


def _end_after(driver: multiprocessing.process.BaseProcess) -> None:
    driver.join()
    os._exit(1)


def end_processes() -> None:
    """End the processes of pools that are given up, without waiting for what they do."""
    for child in multiprocessing.active_children():
        child.terminate()


@contextmanager
def _client(settings: Mapping[str, Any], workers: int) -> Iterator[Any]:
    """Give a client of the scheduler that is named, or of a cluster made for the while."""
    distributed = need("distributed", "dask", "Running on Dask")
    address, cluster = settings.get("scheduler"), settings.get("cluster")
    if address:
        with distributed.Client(address) as client:
            yield client
        return
    options = dict(settings.get("options", {}))
    if cluster:
        with _class(str(cluster))(**options) as made:
            made.scale(workers)
            with distributed.Client(made) as client:
                yield client
        return
    here: dict[str, Any] = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",
    }
    with distributed.LocalCluster(**(here | options)) as made, distributed.Client(made) as client:
        yield client


def _class(path: str) -> Any:
    """Return a cluster's class by its name, as in ``dask_jobqueue.SLURMCluster``."""
    module, _, name = path.rpartition(".")
    extra = "slurm" if module == "dask_jobqueue" else "dask"
    try:
        return getattr(need(module, extra, f"A {name}"), name)
    except (AttributeError, ValueError) as error:
        raise InputError(
            f"reading lake.toml: there is no cluster class {path!r}",
            hint='cluster = "dask_jobqueue.SLURMCluster"',
        ) from error
