"""A lake of which steps are run by its visitors, and the steps that its keeper installed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from provider import CLIENT, SECRET, IdentityProvider

import panneuro
from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.serving import address_of, bound
from panneuro.portal.signing import Provider

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


class Workshop:
    """A lake with grants, served with sign-in, in which people run steps."""

    def __init__(self, lake: Lake, gate: Path, provider: IdentityProvider, origin: str) -> None:
        self.lake = lake
        self.gate = gate
        self.provider = provider
        self.origin = origin
        self.stack = ExitStack()

    def visitor(self, **fields: Any) -> httpx.Client:
        """Return a client of nobody in particular."""
        said = {"base_url": self.origin, "timeout": 60, **fields}
        return self.stack.enter_context(httpx.Client(**said))

    def person(self, address: str, *groups: str) -> httpx.Client:
        """Return a client of who signed in, whose requests come from the server's own pages."""
        self.provider.claims = {"email": address, "email_verified": True, "groups": list(groups)}
        visitor = self.visitor(headers={"sec-fetch-site": "same-origin"})
        assert visitor.get("/sign-in", follow_redirects=True).status_code == 200
        return visitor

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
def opened(source: Lake, folder: Path, running: Any) -> Iterator[Workshop]:
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
    provider = IdentityProvider()
    with ExitStack() as stack:
        provider.issuer = stack.enter_context(running(provider.app()))
        listening = stack.enter_context(bound("127.0.0.1", 0))
        public = address_of(listening)
        known = Provider(provider.issuer, CLIENT, SECRET)
        app = make_app(lake, Hosting(public_url=public, provider=known))
        stack.enter_context(running(app, listening, lifespan="on"))
        made = Workshop(lake, gate, provider, public)
        stack.enter_context(made.stack)
        yield made
