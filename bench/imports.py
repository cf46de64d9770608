"""Time to import panneuro and to run its commands, beside the libraries of the field.

    python bench/imports.py [--data LAKE] [--rounds 7]

Every line is a fresh interpreter with its files in the page cache; the bare interpreter is shown so
that it can be taken off. Wall and CPU time are the least of several rounds: others' work on the
machine only ever adds to them. ``find`` searches the lake given, else an empty one.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import panneuro

LIBRARIES = ("zarr", "pandas", "pynwb", "neo", "spikeinterface")


def fastest(command: list[str], rounds: int) -> tuple[float, float]:
    """Return the least wall and CPU seconds of a command."""
    walls, cpus = [], []
    for _ in range(rounds):
        spent, began = children_s(), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        walls.append(time.perf_counter() - began)
        cpus.append(children_s() - spent)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return min(walls), min(cpus)


def children_s() -> float:
    """Return the CPU seconds of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="a lake to search")
    parser.add_argument("--rounds", type=int, default=7)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = said.data or Path(folder) / "lake"
        len(panneuro.open(place, create=said.data is None))
        cli = str(Path(sys.executable).parent / "panneuro")
        lines = {
            "the bare interpreter": [sys.executable, "-c", ""],
            "import panneuro": [sys.executable, "-c", "import panneuro"],
            "panneuro --help": [cli, "--help"],
            "panneuro find": [cli, "find", "CA1", "--lake", str(place)],
        }
        for name in LIBRARIES:
            if importlib.util.find_spec(name):
                lines[f"import {name}"] = [sys.executable, "-c", f"import {name}"]
        for name, command in lines.items():
            wall, cpu = fastest(command, said.rounds)
            print(f"{name:22} {1e3 * wall:7.0f} ms wall {1e3 * cpu:7.0f} ms CPU")


if __name__ == "__main__":
    main()
