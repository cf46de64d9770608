"""`Context.map`: work inside one run, spread over threads, processes or the workers of Dask."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.util import Finalize
from typing import Any

from panneuro.compute.executors import DASK, PROCESSES, processes
from panneuro.compute.here import found, limited
from panneuro.core.run import Run
from panneuro.core.store import Counts, Store
from panneuro.storage.stores import open_store

_STORE = "the lake's store"
_MOST_BYTES = 64 << 20
"""A function that carries more with it is dearer to send than to call here."""


@dataclass(frozen=True)
class Order:
    """A function, as it is sent to where pieces of a run are done.

    Parameters
    ----------
    place : str
        Of the lake.
    reference, code, environment : str
        Of the step, in whose file the function may be.
    cores : int
        That libraries may use, as in the run itself.
    function : bytes
        Pickled.
    """

    place: str
    reference: str
    code: str
    environment: str
    cores: int
    function: bytes


@dataclass(frozen=True)
class Piece:
    """What came of one call.

    Parameters
    ----------
    value : bytes, optional
        Pickled; None if it cannot be.
    core_seconds : float
        That it took.
    usage : Counts
        Of the store.
    """

    value: bytes | None
    core_seconds: float
    usage: Counts


class Spread:
    """Calls a function on many things for one run, where that run's executor has room.

    Processes are the run's own, as many as it has cores; on Dask all workers are, and the run
    leaves its place to others while it waits. What cannot be pickled is called in threads here.

    Parameters
    ----------
    run : Run
        Which.
    store : Store
        The lake's, that what is lazy reads from.
    place : str
        Of the lake, for others to open.
    on : {"inline", "processes", "dask"}
        Where the run is.

    Attributes
    ----------
    cores : int
        That the run may use.
    core_seconds : float
        What was spent elsewhere so far.
    """

    def __init__(self, run: Run, store: Store, place: str, on: str) -> None:
        self.cores = 1
        self.core_seconds = 0.0
        self._run = run
        self._store = store
        self._place = place
        self._on = on

    def map(self, function: Callable[..., Any], /, *iterables: Iterable[Any]) -> Iterator[Any]:
        """Yield what a function returns for each thing, in their order.

        Parameters
        ----------
        function : callable
            Of as many arguments as there are iterables.
        *iterables
            The arguments; the shortest ends it.
        """
        calls: Iterable[tuple[Any, ...]] = zip(*iterables, strict=False)
        if not (self._on == DASK or (self._on == PROCESSES and self.cores > 1)):
            yield from self._in_threads(function, calls)
            return
        calls = list(calls)
        try:
            order, sent = self._ordered(function, calls)
        except _NotSent:
            yield from self._in_threads(function, calls)
            return
        with _on_dask() if self._on == DASK else _in_processes(self.cores) as apply:
            pieces = apply(order, sent)
            for call in calls:
                idle = time.process_time()
                piece = next(pieces)
                self.core_seconds += piece.core_seconds - (time.process_time() - idle)
                self._store.usage.add(**asdict(piece.usage))
                yield function(*call) if piece.value is None else _loaded(piece.value, self._store)

    def _in_threads(self, function: Callable[..., Any], calls: Iterable[Any]) -> Iterator[Any]:
        if self.cores == 1:
            yield from (function(*call) for call in calls)
            return
        with ThreadPoolExecutor(self.cores, "panneuro-step") as threads:
            yield from threads.map(lambda call: function(*call), calls)

    def _ordered(
        self, function: Callable[..., Any], calls: Sequence[Any]
    ) -> tuple[Order, list[bytes]]:
        packed, run = _dumped(function, self._store), self._run
        order = Order(self._place, run.reference, run.code, run.environment, self.cores, packed)
        return order, [_dumped(call, self._store) for call in calls]


class _NotSent(Exception):  # noqa: N818
    """Something is not sent, for it cannot be, or had better not be."""


def perform(order: Order, call: bytes) -> Piece:
    """Do a piece of a run that is elsewhere.

    Parameters
    ----------
    order : Order
        What is called.
    call : bytes
        Its arguments, pickled.
    """
    found(order.reference, order.code, order.environment)  # Its file is a module from here on.
    store, began = _opened(order.place), time.process_time()
    before = store.usage.snapshot()
    with limited(order.reference, order.cores):
        value = _loaded(order.function, store)(*_loaded(call, store))
    try:
        told = _dumped(value, store)
    except _NotSent:
        told = None
    return Piece(told, time.process_time() - began, store.usage.snapshot() - before)


Apply = Callable[[Order, list[bytes]], Iterator[Piece]]


@contextmanager
def _in_processes(cores: int) -> Iterator[Apply]:
    try:
        yield lambda order, sent: _pool(cores).map(partial(perform, order), sent)
    except BrokenExecutor:
        _pool.cache_clear()
        raise


@lru_cache(maxsize=1)
def _pool(cores: int) -> Executor:
    """Return processes of this one, for its runs one after the other."""
    pool = processes(cores)
    # At its end a process waits for those that it started, and these would wait for work.
    Finalize(None, pool.shutdown, exitpriority=100)
    return pool


@contextmanager
def _on_dask() -> Iterator[Apply]:
    """Leave this worker's place to others, or all would wait for each other."""
    from distributed import worker_client

    with worker_client() as client:

        def apply(order: Order, sent: list[bytes]) -> Iterator[Piece]:
            once = client.scatter(order, hash=False)
            futures = client.map(perform, [once] * len(sent), sent, pure=False, priority=1)
            return (future.result() for future in futures)

        yield apply


@lru_cache(maxsize=4)
def _opened(place: str) -> Store:
    return open_store(place)


def _dumped(value: Any, store: Store) -> bytes:
    """Pickle a value; where it has the store, only that it has."""
    sink = io.BytesIO()
    pickler = _pickler()(sink)
    pickler.store = store
    try:
        pickler.dump(value)
    except Exception as error:
        raise _NotSent from error
    if sink.tell() > _MOST_BYTES:
        raise _NotSent
    return sink.getvalue()


@lru_cache(maxsize=1)
def _pickler() -> Any:
    """Return what pickles most of what there is: functions inside functions too."""
    known = find_spec("cloudpickle") is not None
    kind: Any = import_module("cloudpickle").Pickler if known else pickle.Pickler

    class Pickler(kind):  # type: ignore[misc]
        store: Store

        def persistent_id(self, one: Any) -> str | None:
            return _STORE if one is self.store else None

    return Pickler


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, store: Store) -> None:
        super().__init__(io.BytesIO(data))
        self._store = store

    def persistent_load(self, mark: Any) -> Store:
        if mark != _STORE:
            raise pickle.UnpicklingError(f"nothing is known of {mark!r}")
        return self._store


def _loaded(data: bytes, store: Store) -> Any:
    return _Unpickler(data, store).load()
