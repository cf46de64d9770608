"""One run, carried out where it was sent: read, compute, commit, record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from panneuro.access.prices import PriceBook
from panneuro.compute.executors import INLINE
from panneuro.compute.here import found, limited
from panneuro.compute.listening import Listener
from panneuro.compute.products import Products, product, sorted_out
from panneuro.compute.spreading import Spread
from panneuro.compute.step import ASSET, CONTEXT, SEED, Context, Step
from panneuro.compute.texts import keep_installed
from panneuro.core.errors import (
    ConflictError,
    ObjectExistsError,
    ObjectNotFoundError,
    PanneuroError,
    StoreDeniedError,
    StoreError,
    UnsafeStoreError,
)
from panneuro.core.run import Run
from panneuro.core.store import Store
from panneuro.documents.slots import RunReference
from panneuro.lake.asset import Asset
from panneuro.lake.deriving import Derived, derive, find_derived, inherited
from panneuro.lake.runs import Attempt, forget_peak
from panneuro.signals.table import Table
from panneuro.storage.stores import open_store

TRIES = 3
"""How often a run is tried where what went wrong may pass."""
_FIRST_PAUSE_S = 0.5
_LOG_OF_DONE = 2_000
_PASSING = (StoreError, ConflictError, ConnectionError, TimeoutError, BrokenExecutor)
_FINAL = (ObjectExistsError, ObjectNotFoundError, StoreDeniedError, UnsafeStoreError)


@dataclass(frozen=True)
class Task:
    """A run that is to be done, as it is sent to a worker.

    Parameters
    ----------
    place : str
        Of the lake.
    run : Run
        All that is known beforehand.
    name : str
        Of the asset that is to be made.
    prices : mapping
        ``[prices]`` of the lake.
    """

    place: str
    run: Run
    name: str
    prices: Mapping[str, Any]


def execute(
    task: Task, step: Step | None = None, store: Store | None = None, on: str = INLINE
) -> Run:
    """Carry out a run and record it, whether it ends well or not.

    Parameters
    ----------
    task : Task
        What is to be done.
    step : Step, optional
        Where it is in this process already; found by its reference otherwise.
    store : Store, optional
        The lake's, where it is open already.
    on : {"inline", "processes", "dask"}
        Where this is: there the step may spread its work.

    Returns
    -------
    Run
        As recorded: ``status`` tells how it ended, ``error`` why it failed.

    Raises
    ------
    StoreError
        If not even the record can be written.
    """
    store = store or open_store(task.place)
    attempt, before = Attempt(task.run), store.usage.snapshot()
    forget_peak()
    error: Mapping[str, str] = {}
    spread = Spread(task.run, store, task.place, on)
    installed = _with_patience(lambda: keep_installed(store))
    with Listener() as listener:
        try:
            attempt.outputs = _with_patience(lambda: _outputs(task, step, store, spread))
        except Exception as caught:  # noqa: BLE001
            error = _told(caught)
            listener.note_traceback(caught)
    used = store.usage.snapshot() - before
    attempt.bytes_read, attempt.bytes_written = used.bytes_read, used.bytes_written
    prices = PriceBook.from_table(task.prices)
    core_seconds = round(attempt.core_seconds + spread.core_seconds, 3)
    cost = prices.cost_of_computing(core_seconds, attempt.gpu_seconds)
    return attempt.record(
        store,
        core_seconds=core_seconds,
        status="failed" if error else "done",
        installed=installed,
        error=error,
        log=listener.text if error else listener.text[-_LOG_OF_DONE:],
        cost="" if cost is None else str(cost),
        currency=prices.currency,
    )


def _with_patience[T](act: Callable[[], T]) -> T:
    """Try again what may pass: a store that fails, a helper that dies, another who commits."""
    for attempt in range(1, TRIES):
        try:
            return act()
        except _PASSING as error:
            if isinstance(error, _FINAL):
                raise
            time.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
    return act()


def _told(error: Exception) -> dict[str, str]:
    if isinstance(error, PanneuroError):
        return {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, MemoryError):
        return {"code": "limit/memory", "message": "there was not enough memory", "hint": ""}
    return {
        "code": "step/failed",
        "message": f"{type(error).__name__}: {error}",
        "hint": f"{_where(error)}mended, run the same line again to resume",
    }


def _where(error: Exception) -> str:
    """Return the line that an error was raised at."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}; " if frames else ""


def _outputs(task: Task, step: Step | None, store: Store, spread: Spread) -> dict[str, str]:
    """Return the version of the asset made; where a killed attempt had committed it, that one."""
    made, run = find_derived(store, task.run.key, task.name), task.run
    if made is None:
        step = step or found(run.reference, run.code, run.environment)
        with _ready(step, spread) as context:
            made = _computed(task, step, context, store)
    return {made.name: made.version}


@contextmanager
def _ready(step: Step, spread: Spread) -> Iterator[Context]:
    """Give what a step may use, and libraries as many threads as it declares."""
    cores = max(1, step.resources.cores)
    spread.cores = cores
    with TemporaryDirectory(prefix="panneuro-") as folder, limited(step.reference, cores):
        yield Context(spread.map, cores, Path(folder), step.environment)


def _computed(task: Task, step: Step, context: Context, store: Store) -> Any:
    run = task.run
    assets = {
        (slot, name): Asset.open(store, name, version)
        for slot, versions in run.inputs.items()
        for name, version in versions.items()
    }
    values = {
        slot: _value(step, slot, signal, {n: one for (s, n), one in assets.items() if s == slot})
        for slot, signal in run.takes.items()
    }
    asked = {SEED: run.seed, CONTEXT: context}
    values |= {name: asked[name] for name in step.asks}
    parameters = step.validated(run.parameters)
    values |= {name: getattr(parameters, name) for name in type(parameters).model_fields}
    products = sorted_out(step.gives, step.function(**values))
    parents = {name: asset.documents for (_, name), asset in assets.items()}
    return derive(store, _derived(task, products, parents))[0]


def _value(step: Step, slot: str, signal: str, assets: Mapping[str, Asset]) -> Any:
    """Return what a function is given for one of its parameters."""
    found = {
        name: asset if signal == ASSET else product(asset, signal) for name, asset in assets.items()
    }
    if step.annotations.get(slot) is pd.DataFrame:
        found = {name: one.df if isinstance(one, Table) else one for name, one in found.items()}
    return found if step.gathers else next(iter(found.values()))


def _derived(task: Task, products: Products, parents: Mapping[str, Any]) -> Derived:
    run = task.run
    reference = RunReference(
        key=run.key, step=run.step, code=run.code, parameters=dict(run.parameters)
    )
    return Derived(
        documents=inherited(task.name, parents, reference, products.documents),
        run=run.key,
        signals=tuple(products.signals),
        files=products.files,
        products=products.said,
    )
