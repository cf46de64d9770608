"""A pipeline that takes long enough to be killed in the middle."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import panneuro


@panneuro.step(takes="units", gives=("trains", "counts"))
def slow(units, pause_s: float = 0.05):
    """Pass spikes on, slowly."""
    time.sleep(pause_s)
    return units, pd.DataFrame({"n": np.diff(np.asarray(units.ends), prepend=0)})


@panneuro.step(takes="counts", gives="total")
def total(counts: pd.DataFrame, pause_s: float = 0.05) -> int:
    """Add up, slowly."""
    time.sleep(pause_s)
    return int(counts.n.sum())


@panneuro.step(takes={"totals": "total"}, gives="all", gathers=True)
def everything(totals) -> dict:
    """List the totals."""
    return dict(sorted(totals.items()))


pipeline = panneuro.Pipeline("killed", on="kind=raw has:units", steps=[slow, total, everything])
