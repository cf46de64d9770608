"""Where runs are carried out: here, in processes, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from panneuro.compute.needs import Need, at_once, refuse_what_is_not_here
from panneuro.core.errors import InputError
from panneuro.core.extras import need

INLINE, PROCESSES, DASK = "inline", "processes", "dask"
KINDS = (INLINE, PROCESSES, DASK)

Asked = Mapping[str, Mapping[str, Any]]
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


def workers_of(
    settings: Mapping[str, Any], workers: int | None = None, needs: Iterable[Need] = ()
) -> int:
    """Return how many workers are asked for; by default as many as this machine carries.

    Raises
    ------
    InputError
        If it is no number from 1 up.
    """
    count = settings.get("workers", at_once(needs)) if workers is None else workers
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"cannot run on {count!r} workers", hint="workers = 4")
    return count


@contextmanager
def opened(
    kind: str, settings: Mapping[str, Any], workers: int, needs: Iterable[Need] = ()
) -> Iterator[tuple[Callable[[], Executor], Asked]]:
    """Give what makes executors, and what they are to be asked for each step.

    Parameters
    ----------
    kind : {"inline", "processes", "dask"}
        Of executor.
    settings : mapping
        ``[compute]`` of the lake.
    workers : int
        How many.
    needs : iterable of Need
        Of the steps that will be run there.

    Yields
    ------
    make : callable
        Makes an executor; another one is asked for when one breaks.
    asked : mapping
        By the reference of a step, further arguments of ``submit``.

    Raises
    ------
    LimitError
        If no worker has what a step needs.
    """
    needs = list(needs)
    if kind == DASK:
        need("distributed", "dask", "Running on Dask")
        from panneuro.compute.cluster import asked, client_of

        with client_of(settings, workers, needs) as client:
            found = asked(client, needs) if needs else {}
            yield partial(client.get_executor, pure=False), found
        return
    refuse_what_is_not_here(needs)
    yield (InlineExecutor if kind == INLINE else partial(processes, workers)), {}


def processes(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes that end with this one."""
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
