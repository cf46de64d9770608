"""Steps that the tests run, in a file that is in no package."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import panneuro
from panneuro.signals.events import Events
from panneuro.signals.table import Intervals

SCALE = 1.0


@panneuro.step(takes=("units", "trials"), gives="rates")
def rates(units: Events, trials: Intervals, window_s: float = 0.25) -> pd.DataFrame:
    """Count spikes in a window after the start of each trial."""
    starts = trials["start_time"]
    rows = []
    for unit, train in zip(units.ids, trains(units), strict=True):
        counts = [np.sum((train >= start) & (train < start + window_s)) for start in starts]
        rows.append({"unit": int(unit), "rate_hz": SCALE * float(np.mean(counts)) / window_s})
    return pd.DataFrame(rows)


def trains(units):
    ends = np.asarray(units.ends)
    return np.split(np.asarray(units.times[:]), ends[:-1])


@panneuro.step(takes="rates", gives=("best", "summary"))
def best(rates: pd.DataFrame, above_hz: float = 0.0):
    """Pick the unit that fires most."""
    chosen = rates[rates.rate_hz > above_hz].sort_values("rate_hz").tail(1)
    return chosen, {"units": len(rates), "seen": bool(len(chosen))}


@panneuro.step(takes={"tables": "rates"}, gives="mean", gathers=True)
def average(tables: pd.DataFrame):
    """Average over sessions."""
    return {name: float(table.rate_hz.mean()) for name, table in sorted(tables.items())}


@panneuro.step(takes="units", gives="noise")
def noise(units: Events, seed: int, n: int = 3) -> np.ndarray:
    """Draw numbers from the seed alone."""
    return np.random.default_rng(seed).normal(size=n)


@panneuro.step(takes="asset", gives="count")
def fails_on_m1(asset) -> int:
    """Fail where the subject is m1."""
    sys.stdout.write(f"looking at {asset.name}\n")
    if asset.documents.subject.id == "m1":
        raise ValueError("not this one")
    return len(asset.signals)


@panneuro.step(takes="units", gives="count")
def dies_once(units: Events, folder: str) -> int:
    """Kill the worker the first time each asset is met."""
    mark = Path(folder) / f"{int(np.asarray(units.times[:]).sum() * 1e6)}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return len(units)


@panneuro.step(takes="asset", gives="count")
def kills(asset) -> int:
    """Kill the worker wherever the subject is m1."""
    if asset.documents.subject.id == "m1":
        os.kill(os.getpid(), signal.SIGKILL)
    return len(asset.signals)
