"""The record of what happened: for now, of every add, description and export."""

from __future__ import annotations

import getpass
import json
import os
import platform
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from panneuro.core.digests import canonical_json, digest_json
from panneuro.core.errors import ObjectExistsError
from panneuro.core.store import Store

FOLDER = "runs"


@dataclass
class Run:
    """One happening, from its beginning to its record.

    Parameters
    ----------
    step : str
        What was done: ``"panneuro.add"``.
    parameters : mapping
        With which settings.
    inputs : mapping
        Digest of each input by name.
    """

    step: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    bytes_read: int = 0
    bytes_written: int = 0
    _began: float = field(default_factory=time.time)
    _cpu: float = field(default_factory=time.process_time)

    @property
    def key(self) -> str:
        """The digest of step, code, parameters and inputs: the same work has the same key."""
        return digest_json(
            {
                "step": self.step,
                "code": _code(),
                "parameters": self.parameters,
                "inputs": self.inputs,
            }
        ).partition(":")[2]

    def record(self, store: Store) -> str:
        """Write the record, unless the same run is recorded already, and return its key."""
        now = datetime.now(UTC)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        said = {
            "schema": "panneuro/run/1.0",
            "key": self.key,
            "step": self.step,
            "code": _code(),
            "parameters": self.parameters,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "user": _user(),
            "host": platform.node(),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "began": datetime.fromtimestamp(self._began, UTC).isoformat(),
            "ended": now.isoformat(),
            "core_seconds": round(time.process_time() - self._cpu, 3),
            "peak_memory_bytes": usage.ru_maxrss * 1024,
            "bytes_read": self.bytes_read,
            "bytes_written": self.bytes_written,
        }
        with suppress(ObjectExistsError):
            store.put(f"{FOLDER}/{now:%Y-%m}/{self.key}.json", canonical_json(said), create=True)
        return self.key


def _user() -> str:
    """Return who we are; in a container the number may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _code() -> dict[str, str]:
    return {"panneuro": version("panneuro")}


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
