"""What it costs that a commit survives a loss of power: the same work with and without.

    python bench/durability.py --place FOLDER

Adds of a generated session, derived assets of four objects and records of runs, in turns with and
without waiting for the disk, into a folder on the disk that is to be measured.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pandas as pd

import panneuro
from panneuro.documents import Documents
from panneuro.lake.deriving import Derived, derive
from panneuro.lake.lake import Lake
from panneuro.lake.runs import Attempt
from panneuro.signals.table import Table
from panneuro.testing.sessions import make_session

SAID = {
    "description": {
        "licence": "CC-BY-4.0",
        "title": "a session",
        "lab": "a lab",
        "institution": "somewhere",
    },
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
    "subject": {"id": "m1", "species": "mouse"},
}
ROWS = Table.from_frame("rates", pd.DataFrame({"rate": [1.0, 2.0]}))


def add(lake: Lake, source: Path, number: int) -> None:
    """Add a session under a name of its own."""
    lake.add(source, said=SAID, name=f"{source.stem}-{number}")


def make(lake: Lake, number: int) -> None:
    """Commit what a run would have made."""
    described = Documents().description.model_copy(update={"name": f"derived-{number}"})
    documents = Documents().replacing(description=described)
    derive(lake.store, Derived(documents, f"{number:064x}", (ROWS,), {"values/n.json": b"1"}))


def record(lake: Lake, number: int) -> None:
    """Record a run."""
    Attempt.at("bench", {"n": number}, {}).record(lake.store)


def seconds(work: Callable[[int], None], times: int) -> tuple[float, float]:
    """Return the median time of some work with and without waiting for the disk."""
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * times):
        with ExitStack() as stack:
            if number % 2:
                for room in ("committing", "runs"):
                    stack.enter_context(patch(f"panneuro.lake.{room}.make_durable"))
            began = time.perf_counter()
            work(number)
            spent[number % 2].append(time.perf_counter() - began)
    return statistics.median(spent[0]), statistics.median(spent[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, default=None, help="a folder on the disk to measure")
    parser.add_argument("--times", type=int, default=8)
    times = parser.parse_args().times
    folder = Path(tempfile.mkdtemp(dir=parser.parse_args().place))
    try:
        lake = panneuro.open(folder / "lake", create=True)
        session = make_session(folder / "session", seconds=5.0, n_channels=32, n_units=8)
        works = {
            "add raw (32 ch × 5 s)": (lambda number: add(lake, session.probe, number), times),
            "add sorted NWB": (lambda number: add(lake, session.sorted, number), times),
            "derive": (lambda number: make(lake, number), 10 * times),
            "record": (lambda number: record(lake, number), 10 * times),
        }
        print(f"{'ms':24}{'durable':>10}{'not':>10}{'cost':>10}")
        for name, (work, count) in works.items():
            on, off = (1e3 * taken for taken in seconds(work, count))
            print(f"{name:24}{on:10.1f}{off:10.1f}{on - off:10.1f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
