"""Runs in the lake: measured while they happen, recorded in the store, found by an index."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from panneuro.core.digests import digest_json
from panneuro.core.entry import well_formed
from panneuro.core.errors import CorruptionError, ObjectExistsError
from panneuro.core.run import Run, RunIndex, run_key
from panneuro.core.store import Store
from panneuro.storage.durability import make_durable

FOLDER = "runs"
_MONTH = re.compile(r"\d{4}-\d{2}")
_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")
_AT_ONCE = 16
_LONGEST = 300


def _core_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _child_faults() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


@dataclass(frozen=True)
class Start:
    """When something began, and what was used until then.

    Parameters
    ----------
    at : float
        Seconds since 1970.
    core_seconds : float
        Of this process and of its children that have ended.
    child_faults : int
        Tells whether a child has ended since.
    """

    at: float = field(default_factory=time.time)
    core_seconds: float = field(default_factory=_core_seconds)
    child_faults: int = field(default_factory=_child_faults)

    @classmethod
    def now(cls) -> Start:
        """Begin; the peak of memory is measured anew."""
        forget_peak()
        return cls()


@dataclass
class Attempt:
    """One attempt at a run, from its beginning to its record.

    Parameters
    ----------
    said : Run
        What is known of it beforehand.
    outputs : dict
        Version of each asset made, by name.
    bytes_read, bytes_written : int
        What was moved.
    start : Start
        When it began.
    """

    said: Run
    outputs: dict[str, str] = field(default_factory=dict)
    bytes_read: int = 0
    bytes_written: int = 0
    start: Start = field(default_factory=Start)

    @classmethod
    def at(
        cls,
        step: str,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, str],
        start: Start | None = None,
    ) -> Attempt:
        """Begin what panneuro itself does: an add, a description, an export.

        Parameters
        ----------
        step : str
            What is done: ``"panneuro.add"``.
        parameters : mapping
            With which settings.
        inputs : mapping
            Digest of each file, or version of each asset, by name.
        start : Start, optional
            When it began, if not now.
        """
        packages = {"panneuro": version("panneuro")}
        environment, slots = digest_json(packages), {"source": dict(inputs)}
        key = run_key(step, environment=environment, parameters=parameters, inputs=slots)
        said = Run(key, step, dict(parameters), slots, environment=environment, packages=packages)
        return cls(said, start=start or Start.now())

    @property
    def key(self) -> str:
        """Of the run."""
        return self.said.key

    def record(self, store: Store, **more: Any) -> Run:
        """Write the record, unless the same run is recorded already, and return it.

        A failed run gets a record of its own each time; it never stands in the way of another.

        Parameters
        ----------
        store : Store
            The lake's.
        **more
            Further fields of `panneuro.core.run.Run`: ``status``, ``log``, ``error``, ….
        """
        now = datetime.now(UTC)
        run = replace(
            self.said,
            **{
                "outputs": dict(self.outputs),
                "user": self.said.user or user(),
                "host": platform.node(),
                "platform": platform.platform(),
                "python": platform.python_version(),
                "image": well_formed(os.environ.get("PANNEURO_IMAGE", ""))[:_LONGEST],
                "began": datetime.fromtimestamp(self.start.at, UTC).isoformat(),
                "ended": now.isoformat(),
                "core_seconds": self.core_seconds,
                "gpu_seconds": self.gpu_seconds,
                "peak_memory_bytes": max(peak_memory_bytes(), self._childrens_peak()),
                "bytes_read": self.bytes_read,
                "bytes_written": self.bytes_written,
                **more,
            },
        )
        key = record_key(run)
        with suppress(ObjectExistsError):
            store.put(key, run.encode(), create=True)
        make_durable(store, [key])
        return run

    def _childrens_peak(self) -> int:
        """Return the largest size of a child process so far, if any ended since it began."""
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        return _in_bytes(now.ru_maxrss) if now.ru_minflt > self.start.child_faults else 0

    @property
    def core_seconds(self) -> float:
        """Seconds of processors since it began."""
        return round(_core_seconds() - self.start.core_seconds, 3)

    @property
    def gpu_seconds(self) -> float:
        """Seconds of the GPUs that it has to itself, since it began."""
        return round(self.said.gpus * (time.time() - self.start.at), 3)


def record_key(run: Run) -> str:
    """Return where the record of a run lies; each failed attempt has a place of its own."""
    mark = digest_json([run.began, run.ended, run.host, run.log]).partition(":")[2][:8]
    suffix = "" if run.is_done else f".failed-{mark}"
    return f"{FOLDER}/{run.ended[:7]}/{run.key}{suffix}.json"


def forget_peak() -> None:
    """Begin to measure the peak of memory anew, where the system can."""
    with suppress(OSError):
        _FORGET_PEAK.write_text("5")


def peak_memory_bytes() -> int:
    """Return the largest resident size of this process since `forget_peak`."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    return _in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _in_bytes(maxrss: int) -> int:
    """Return a resident size as the system tells it in bytes."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def user() -> str:
    """Return who we are; in a container the number may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def outputs_since(store: Store, since: datetime) -> Iterator[tuple[str, str]]:
    """Yield the name and version of what runs made since a time, in no particular order."""
    now = datetime.now(UTC)
    for month in _months(since, now):
        for found in store.list(f"{FOLDER}/{month}"):
            if found.modified >= since:
                yield from json.loads(store.get(found.key)).get("outputs", {}).items()


def _months(since: datetime, until: datetime) -> list[str]:
    first, last = (moment.year * 12 + moment.month - 1 for moment in (since, until))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1)]


def recorded(store: Store) -> list[str]:
    """Return the key of every record in the store, in order of their months."""
    return _records(store, _months_in(store))


def _months_in(store: Store) -> list[str]:
    return sorted(filter(is_month, store.folders(FOLDER)))


def _records(store: Store, months: Iterable[str]) -> list[str]:
    return [found.key for month in months for found in store.list(month)]


def synchronise(store: Store, index: RunIndex) -> list[Run]:
    """Note in an index the runs that others recorded, and return them.

    The month before the newest known is listed again: clocks differ, and turn in between.

    Parameters
    ----------
    store : Store
        The lake's.
    index : RunIndex
        Over its runs.
    """
    known = index.records()
    months = _months_in(store)
    newest = max(known, default="").rpartition("/")[0]
    first = max(0, months.index(newest) - 1) if newest in months else 0
    missing = [key for key in _records(store, months[first:]) if key not in known]
    with ThreadPoolExecutor(_AT_ONCE, "panneuro-runs") as threads:
        read = list(threads.map(lambda key: _read(store, key), missing))
    found = [(key, run) for key, run in zip(missing, read, strict=True) if run]
    index.add(found)
    return [run for _, run in found]


def is_month(folder: str) -> bool:
    """Tell whether a folder holds the records of a month."""
    return _MONTH.fullmatch(folder.rpartition("/")[2]) is not None


def _read(store: Store, key: str) -> Run | None:
    """Return the run recorded at a key, None if its record is damaged; a check tells of it."""
    with suppress(CorruptionError):
        return Run.decode(store.get(key))
    return None
