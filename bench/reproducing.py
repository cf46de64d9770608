"""Reproducing a result: what it costs beyond the run itself, and what building its packages takes.

Usage: ``python bench/reproducing.py [--pip]``. Needs uv and a registry. What is timed finds its
packages in uv's cache, as people do the second time. With ``--pip``, the same pins are installed by
``python -m venv`` and pip too, which may take minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import panneuro
from panneuro.compute.environments import build
from panneuro.compute.obtaining import Recipe
from panneuro.compute.reproducing import reproduce
from panneuro.testing.sessions import make_session

STEP = """
import pandas as pd
import panneuro

@panneuro.step(takes="units", gives="counts")
def counts(units) -> pd.DataFrame:
    return pd.DataFrame({"unit": units.ids, "n": units.counts})
"""


def timed(act):
    began = time.perf_counter()
    result = act()
    return result, time.perf_counter() - began


def by_pip(environment, folder):
    pins = folder / "pins.txt"
    pins.write_text(environment.text)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "-r", pins], check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = panneuro.open(folder / "lake", create=True)
        said = {
            "description": {"lab": "l", "institution": "i", "licence": "CC-BY-4.0"},
            "acquisition": {"timezone": "UTC"},
            "subject": {"id": "m1", "species": "mouse"},
        }
        session = make_session(folder / "rig", seconds=5, n_channels=8, n_units=6, seed=0)
        lake.add(session.sorted, said=said, name="ecephys_m1_sorted")
        (folder / "step.py").write_text(STEP)
        ran, running_s = timed(lambda: panneuro.run(lake, f"{folder}/step.py:counts"))
        (made,) = ran.outputs
        environment = Recipe(lake, ran.done[0]).environment
        os.environ["XDG_CACHE_HOME"] = str(folder / "warm")
        build(environment)
        os.environ["XDG_CACHE_HOME"] = str(folder / "timed")
        _, ours_s = timed(lambda: build(environment))
        _, peer_s = timed(lambda: by_pip(environment, folder)) if "--pip" in sys.argv else (0, 0.0)
        here, here_s = timed(lambda: reproduce(lake, made, here=True))
        apart, apart_s = timed(lambda: reproduce(lake, made))
        assert here.outcome == apart.outcome == "identical"
        start = [sys.executable, "-c", "import panneuro.compute.work, pynwb"]
        _, start_s = timed(lambda: subprocess.run(start, check=True))
    packages = len(environment.pins)
    print(f"building {packages} packages, all in the cache: {ours_s:.1f} s")
    if peer_s:
        print(f"  venv and pip, the same pins:  {peer_s:.1f} s, {peer_s / ours_s:.1f} x as long")
    print(f"running the step:               {running_s:.1f} s")
    print(f"reproducing it here:            {here_s:.1f} s")
    print(f"reproducing it apart, built:    {apart_s:.1f} s")
    print(f"starting a Python with panneuro: {start_s:.1f} s of each")


if __name__ == "__main__":
    main()
