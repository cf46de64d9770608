"""Calling a function in an environment of its own, with arrays and plain values both ways.

What is called is written in one file that knows nothing of panneuro, for it is not installed
there. Nothing is pickled: arrays travel as ``.npy`` files that are mapped, not read, and all else
as JSON.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from panneuro.compute import inside
from panneuro.core.errors import InputError, PanneuroError
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.signals.timeseries import TimeSeries

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger("panneuro.apart")
_LOG.setLevel(logging.INFO)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_OF_SERIES = (
    "name", "data", "unit", "rate_hz", "start_s", "timestamps", "gain", "offset", "channels",
    "electrodes",
)  # fmt: skip


class ApartError(PanneuroError):
    """A function failed in its own environment."""

    code = "step/failed"


def call(
    python: Path, function: Callable[..., Any], folder: Path, cores: int = 1, /, **inputs: Any
) -> Any:
    """Call a function with another interpreter.

    Parameters
    ----------
    python : Path
        The interpreter; see `panneuro.compute.environments.build`.
    function : callable
        At the top of a file that imports nothing but what that environment has. A parameter named
        ``folder`` gets a folder to work in.
    folder : Path
        Where what travels is put: what is returned lies there, and is gone with it.
    cores : int
        Threads that libraries may use there.
    **inputs
        Arrays, series, events, tables, paths and plain values. Series arrive as dicts with
        ``data`` (as recorded, mapped), ``rate_hz``, ``start_s``, ``timestamps``, ``gain``,
        ``offset``, ``channels``, …; events with ``times``, ``ends``, ``ids``, ``table``; tables as
        dicts of columns, in which a text that is missing is empty.

    Returns
    -------
    Any
        Arrays, paths and plain values, and lists and dicts of them.

    Raises
    ------
    InputError
        If the function or an input cannot travel.
    ApartError
        If the function fails, or its process dies.

    Examples
    --------
    >>> import sys, tempfile
    >>> from panneuro.compute.inventory import normalised
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     call(Path(sys.executable), normalised, Path(folder), name="Scikit_Learn")
    'scikit-learn'
    """
    work = Path(mkdtemp(prefix="apart-", dir=folder))
    file = inspect.getsourcefile(function)
    if file is None or "." in function.__qualname__ or function.__name__ == "<lambda>":
        raise InputError(
            f"{function.__qualname__!r} cannot be called in another environment",
            hint="def it at the top of a file of its own",
        )
    try:
        packed = {
            name: inside.packed(_plain(one), work, f"in.{number}")
            for number, (name, one) in enumerate(inputs.items())
        }
    except TypeError as error:
        raise InputError(
            f"calling {function.__name__!r} in its environment: {error}",
            hint="pass signals, tables, arrays, paths and plain values",
        ) from error
    order = {"file": str(Path(file).absolute()), "function": function.__name__, "inputs": packed}
    (work / "order.json").write_text(json.dumps(order), encoding="utf-8")
    status = _ran(python, work, cores)
    return _answer(function.__name__, work, status)


def _plain(value: Any) -> Any:
    """Return signals as the dicts that the other side sees."""
    if isinstance(value, TimeSeries):
        return {name: _plain(getattr(value, name)) for name in _OF_SERIES}
    if isinstance(value, Events):
        times = {"name": value.name, "times": value.times, "ends": value.ends, "ids": value.ids}
        return {**times, "table": None if value.table is None else _plain(value.table)}
    if isinstance(value, Table):
        return _plain(value.df)
    if type(value).__name__ == "DataFrame":
        return {str(name): _column(value[name]) for name in value.columns}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _column(values: pd.Series[Any]) -> Any:
    array = values.to_numpy()
    if array.dtype.kind in "biufcMm":
        return array
    missing = values.isna()
    return np.asarray(["" if no else str(one) for one, no in zip(values, missing, strict=True)])


def _ran(python: Path, work: Path, cores: int) -> int:
    """Run the other side, pass on what it says, and leave none of its processes behind."""
    process = subprocess.Popen(
        [str(python), "-I", inside.__file__, str(work / "order.json")],
        cwd=work,
        env=os.environ | dict.fromkeys(_THREADS, str(cores)),
        # It ends when this pipe does: with us, however we end.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            _LOG.info("%s", line.rstrip())
        return process.wait()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _answer(name: str, work: Path, status: int) -> Any:
    try:
        said = json.loads((work / "answer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended {status}"
        raise ApartError(
            f"{name!r}, in its own environment, {how} before it answered",
            hint="did it take more memory than there is?" if status == -signal.SIGKILL else "",
        ) from error
    if "error" in said:
        _LOG.error("%s", said["traceback"])
        raise ApartError(f"{name!r}, in its own environment: {said['error']}")
    return inside.unpacked(said["answer"], work)
