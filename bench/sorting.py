"""Whether a spike sorting comes out again: the same recording, sorted many times, each time anew.

Usage: ``python bench/sorting.py [--times 30] [--sorter NAME]… [--at PATH]``. Needs uv and a
registry. Sorts a generated session of ten seconds and eight units, one of 32 channels dead, or the
recording at PATH; each time in a process of its own, as `panneuro reproduce` does, and compares
what is made. Takes about half a minute each time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import panneuro
from panneuro.compute.flow import up
from panneuro.compute.reproducing import reproduce
from panneuro.pipelines.extracellular import extracellular_of
from panneuro.testing.sessions import make_session

SAID = {
    "description": {"title": "made up", "lab": "l", "institution": "i", "licence": "CC-BY-4.0"},
    "acquisition": {"timezone": "UTC", "session_start": "2024-05-01T10:00:00+00:00"},
    "subject": {"id": "m1", "species": "mouse"},
}


def generated(folder: Path) -> Path:
    session = make_session(folder, seconds=10, n_channels=32, n_units=8)
    (file,) = session.probe.glob("*.bin")
    samples = np.memmap(file, np.int16, "r+").reshape(-1, 33)
    samples[:, 13] = 0
    samples.flush()
    return session.probe


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=30)
    asked.add_argument("--sorter", action="append")
    asked.add_argument("--at", type=Path)
    asked.add_argument("--signal", default="*[aA][pP]")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = panneuro.open(folder / "lake", create=True)
        lake.add(given.at or generated(folder / "rig"), template=SAID)
        for sorter in given.sorter or ["spykingcircus2"]:
            stages = up(lake, extracellular_of(given.signal, name=sorter, sorter=sorter))[sorter]
            (units,) = stages[2].outputs
            events = lake[units].units
            outcomes: Counter[str] = Counter()
            for _ in range(given.times):
                outcomes[reproduce(lake, units, here=True).outcome] += 1
            told = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.items())
            print(
                f"{sorter}: {len(events)} units, {int(events.counts.sum())} spikes; again: {told}"
            )


if __name__ == "__main__":
    main()
