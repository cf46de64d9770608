"""Repeating a run: where its packages are installed, with the panneuro that ran then.

Run as a module by `panneuro.compute.reproducing`. What it reads and what it answers are kept the
same from version to version, for the panneuro that asks may be years younger.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from panneuro.compute.environments import Environment
from panneuro.compute.step import find_step
from panneuro.compute.work import Task, execute
from panneuro.core.digests import digest_json
from panneuro.core.errors import PanneuroError
from panneuro.core.run import Run
from panneuro.core.store import ObjectInfo, Store, Usage
from panneuro.storage.stores import open_store


@dataclass(frozen=True, eq=False)
class Overlay:
    """A store in which some objects are another's: all else is read and written here.

    Parameters
    ----------
    below : Store
        That is only read.
    here : Store
        That is written.
    keys : frozenset of str
        Of the objects that lie below; no others of it are seen.
    """

    below: Store
    here: Store
    keys: frozenset[str]

    def _of(self, key: str) -> Store:
        return self.below if key in self.keys else self.here

    @property
    def url(self) -> str:
        """Of what is written."""
        return self.here.url

    @property
    def usage(self) -> Usage:
        """Of what is read."""
        return self.below.usage

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        return self._of(key).get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from `start`."""
        return self._of(key).get_range(key, start, length)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return many ranges, in the order asked."""
        return self._of(key).get_ranges(key, ranges)

    async def get_range_async(self, key: str, start: int, length: int) -> bytes:
        """Return what :meth:`get_range` returns."""
        return await self._of(key).get_range_async(key, start, length)

    async def get_async(self, key: str) -> bytes:
        """Return what :meth:`get` returns."""
        return await self._of(key).get_async(key)

    def put(self, key: str, data: bytes | memoryview, *, create: bool = False) -> None:
        """Write an object whole or not at all."""
        self.here.put(key, data, create=create)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file of any size, whole or not at all."""
        self.here.put_file(key, path)

    def info(self, key: str) -> ObjectInfo:
        """Return what is known of an object without reading it."""
        return self._of(key).info(key)

    def folders(self, prefix: str = "") -> list[str]:
        """Return the folders directly below a folder of what was written."""
        return self.here.folders(prefix)

    def delete(self, key: str) -> None:
        """Delete what was written."""
        self.here.delete(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield what was written below a folder."""
        return self.here.list(prefix)


def repeat(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out a recorded run once more, away from its lake.

    Parameters
    ----------
    order : dict
        ``lake`` and ``scratch``: places; ``keys``: of the objects that it may read; ``run``: the
        record; ``name``: of what it made; ``reference``: where the step is found now; ``lock``:
        the text of its own environment, or None.

    Returns
    -------
    dict
        ``run``: the record of the repetition; ``code`` and ``packages``: whether these are the
        recorded ones.
    """
    run = Run.decode(json.dumps(order["run"]))
    store = Overlay(
        open_store(order["lake"]), open_store(order["scratch"]), frozenset(order["keys"])
    )
    step = find_step(order["reference"])
    if order["lock"] is not None:
        step.locked = Environment.parse(order["lock"])
    told = {
        "code": step.code.digest == run.code,
        "packages": digest_json(step.packages) == run.environment,
    }
    task = Task(order["scratch"], replace(run, reference=order["reference"]), order["name"], {})
    return {**told, "run": execute(task, step, store).to_json()}


def main(order: Path) -> None:
    """Do what a file orders, and write the answer beside it."""
    try:
        answer = repeat(json.loads(order.read_text(encoding="utf-8")))
    except PanneuroError as error:
        answer = {"error": error.message}
    order.with_name("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
