"""Killed at any moment, an add leaves nothing that looks whole and is not.

A hundred times, or as often as ``PANNEURO_KILLS`` says.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest

import panneuro
from panneuro.core.manifest import KEY
from panneuro.lake.adding import Options
from panneuro.lake.committing import FIRST
from panneuro.lake.lake import Lake
from panneuro.testing.faults import FaultyStore

KILLS = int(os.environ.get("PANNEURO_KILLS", "100"))
PRELOADED = [
    "panneuro.lake.adding",
    "panneuro.lake.describing",
    "panneuro.catalog.sqlite",
    "panneuro.catalog.snapshot",
    "panneuro.formats.arrays",
    "panneuro.storage.stores",
]


def _add(place, source, said, ready):
    lake = panneuro.open(place, create=True)
    ready.set()
    lake.add(source, said=said, format="arrays")


def _killed_after(context, place, source, said, delay_s):
    """Run an add in a process and kill it; return how long it took if it was done before."""
    ready = context.Event()
    process = context.Process(target=_add, args=(str(place), str(source), said, ready))
    process.start()
    ready.wait(60)
    began = time.monotonic()
    process.join(delay_s)
    if process.exitcode is None:
        process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return time.monotonic() - began if process.exitcode == 0 else None


def _objects(place):
    """Return every object of the lake's assets but commits, whose times differ."""
    store = panneuro.open(place).store
    found = {found.key for found in store.list("assets") if not found.key.endswith((KEY, FIRST))}
    return {key: store.get(key) for key in found}


class Noting(FaultyStore):
    """A store that notes what is put."""

    def __init__(self, store):
        super().__init__(store, {})
        self.noted = set()

    def put(self, key, data, *, create=False):
        self.noted.add(key)
        super().put(key, data, create=create)

    def put_file(self, key, path):
        self.noted.add(key)
        super().put_file(key, path)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    samples = np.random.default_rng(0).normal(0, 200, (300_000, 16)).astype("i2")
    np.save(folder / "raw.npy", samples)
    (folder / "raw.yaml").write_text("rate_hz: 30000\nunit: volts\ngain: 1.0e-6\n")
    return folder


@pytest.mark.slow
def test_killed_again_and_again_nothing_is_lost(source, said, session, tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    _killed_after(context, tmp_path / "truth", source, said, 600)
    truth = _objects(tmp_path / "truth")
    took = _killed_after(context, tmp_path / "timed", source, said, 600)
    seed, place = tmp_path / "seed", tmp_path / "lake"
    panneuro.open(seed, create=True).add(session.behaviour, said=said, name="seed")
    _anew(seed, place)
    before = _objects(seed)
    truth |= before
    chance, killed, begun = random.Random(7), 0, 0
    while killed < KILLS or begun <= 5:
        done = _killed_after(context, place, source, said, chance.uniform(0, took))
        killed += done is None
        lake = panneuro.open(place, create=True)
        report = lake.check(quick=True)
        assert report.ok
        assert {problem.kind for problem in report.problems} <= {"unfinished"}
        there = _objects(place)
        assert all(truth[key] == data for key, data in there.items())
        begun += len(before) < len(there) < len(truth)
        if len(lake) > 1:
            assert there == truth
            _anew(seed, place)
    _resumes(context, seed, place, source, said, truth, took)


def _anew(seed, place):
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(seed, place)


def _resumes(context, seed, place, source, said, truth, took):
    """Leave an add half done, and let the same add finish it."""
    share, before = 0.5, len(_objects(seed))
    while not before < len(there := _objects(place)) < len(truth):
        _anew(seed, place)
        _killed_after(context, place, source, said, share * took)
        share = share + 0.03 if len(_objects(place)) == before else share - 0.01
    lake = panneuro.open(place)
    noting = Noting(lake.store)
    plan = lake.plan(source, Options(said=said, format="arrays"))
    assert Lake(noting, lake.settings).carry_out(plan, Options()).is_new
    assert noting.noted.isdisjoint(there)
    assert _objects(place) == truth
    assert panneuro.open(place).check(sweep=True).problems == []
    assert len(panneuro.open(place)) == 2
