"""A lake of which steps are run by its visitors, and the steps that its keeper installed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from hosted import Hosted, hosted

import panneuro
from panneuro.lake.lake import Lake

STEPS = '''
"""Steps that the tests run."""

import time
from pathlib import Path
from typing import Literal

import pandas as pd
import panneuro
from panneuro.signals.table import Intervals


@panneuro.step(takes=("trials",), gives="spans")
def spans(trials: Intervals) -> pd.DataFrame:
    """Measure trials."""
    print("measuring", len(trials.durations_s), "trials", flush=True)
    return pd.DataFrame({"span": trials.durations_s})


@panneuro.step(takes=("spans",), gives="longest")
def longest(spans: pd.DataFrame) -> float:
    """Find the longest trial, when it is let."""
    print("waiting", flush=True)
    while Path(GATE).exists():
        time.sleep(0.02)
    return float(spans["span"].max())


@panneuro.step(takes=("trials",), gives="nothing")
def breaks(trials: Intervals) -> float:
    """Fail."""
    raise ValueError("it breaks <b>here</b>")


@panneuro.step(takes={"tables": "trials"}, gives="all", gathers=True)
def gathered(tables: Intervals) -> list:
    """Take all sessions at once."""
    return sorted(tables)
'''
PIPELINES = """
[pipelines.longest]
on = "has:trials"
steps = ["steps.py:spans", "steps.py:longest"]

[pipelines.breaks]
on = "has:trials"
steps = ["steps.py:breaks"]

[pipelines.gathered]
on = "has:trials"
steps = ["steps.py:gathered"]
"""
ENDED = ("done", "failed", "stopped", "interrupted")


@dataclass
class Workshop(Hosted):
    """A lake with grants, served with sign-in, in which people run steps."""

    gate: Path = field(kw_only=True)

    def ended(self, visitor: httpx.Client, place: str) -> dict[str, Any]:
        """Wait until an order has ended, and return what is told of it."""
        return self.until(visitor, place, lambda told: told["status"] in ENDED)

    def until(self, visitor: httpx.Client, place: str, holds: Any) -> dict[str, Any]:
        """Wait until something holds of an order, and return what is told of it."""
        for _ in range(1_200):
            told = visitor.get(place).json()
            if holds(told):
                return told
            time.sleep(0.05)
        raise AssertionError(f"it never held: {told}")


@contextmanager
def opened(source: Lake, folder: Path) -> Iterator[Workshop]:
    """Serve a copy of a lake with steps of its own, some of it for some people."""
    gate = folder / "gate"
    copied = folder / "lake"
    shutil.copytree(urlsplit(source.store.url).path, copied)
    (copied / "steps.py").write_text(STEPS.replace("GATE", repr(str(gate))))
    with (copied / "lake.toml").open("a") as settings:
        settings.write(PIPELINES)
    lake = panneuro.open(copied)
    lake.access.grant("everyone", "reader", "project=gratings")
    lake.access.grant("owner@uni.edu", "owner", "")
    lake.access.grant("ada@uni.edu", "editor", "project=gratings")
    lake.access.grant("reader@uni.edu", "reader", "project=gratings")
    with hosted(lake, lifespan="on", headers={"sec-fetch-site": "same-origin"}) as made:
        yield Workshop(**vars(made), gate=gate)
