"""Steps whose repetition comes out as its name says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import six
import strangers

import panneuro
from panneuro.compute.step import Context
from panneuro.signals.events import Events

SIX = """\
six==1.16.0 \\
    --hash=sha256:1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926 \\
    --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254
"""


@panneuro.step(takes="units", gives=("counts", "packages", "draws"))
def faithful(units: Events, seed: int) -> tuple[pd.DataFrame, str, np.ndarray]:
    """Tell what was computed and with which package."""
    counts = pd.DataFrame({"unit": units.ids, "n": units.counts})
    return counts, six.__version__, np.random.default_rng(seed).normal(size=4)


@panneuro.step(takes="units", gives="noise", tolerance=1e-6)
def noisy(units: Events) -> pd.DataFrame:
    """Differ a little each time."""
    return pd.DataFrame({"value": 1.0 + 1e-9 * np.frombuffer(os.urandom(8), np.uint8)})


@panneuro.step(takes="units", gives=("when", "rows"))
def forgetful(units: Events) -> tuple[int, int]:
    """Depend on the clock."""
    return time.time_ns(), len(units)


@panneuro.step(takes="units", gives="text")
def leaning(units: Events, path: str) -> str:
    """Read what the lake does not hold."""
    return Path(path).read_text()


@panneuro.step(takes="units", gives="answer", environment=SIX)
def apart(units: Events, context: Context) -> list[str]:
    """Call another version of a package."""
    return [six.__version__, *context.call(strangers.use_six)]
