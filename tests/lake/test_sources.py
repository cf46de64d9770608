from __future__ import annotations

import os
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

import pytest

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import SourceChangedError
from panneuro.core.progress import Silence
from panneuro.lake import adding, sources
from panneuro.lake.adding import Options
from panneuro.lake.sources import Snapshot
from panneuro.signals.recording import SourceFile


@pytest.fixture
def snapshot(tmp_path):
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    files = [SourceFile(tmp_path / name, name, name == "a") for name in "ba"]
    with ThreadPoolExecutor(2) as executor:
        return Snapshot.take(files, executor, Silence())


def test_what_is_said_of_the_sources(snapshot):
    assert snapshot.to_json() == [
        {"path": "a", "size": 3, "digest": digest_bytes(b"one"), "kept": True},
        {"path": "b", "size": 3, "digest": digest_bytes(b"two"), "kept": False},
    ]
    snapshot.check()


def test_any_change_is_noticed(snapshot, tmp_path):
    os.utime(tmp_path / "a", ns=(1, 1))
    with pytest.raises(SourceChangedError, match="'a' changed"):
        snapshot.check()
    (tmp_path / "a").unlink()
    with pytest.raises(SourceChangedError, match="'a' changed"):
        snapshot.check()


def test_a_file_that_vanishes_before_it_is_read_is_told(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    held = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(held.wait, 60)
        snapshot = Snapshot.take([SourceFile(tmp_path / "a", "a", kept=False)], executor, Silence())
        (tmp_path / "a").unlink()
        held.set()
        with pytest.raises(SourceChangedError, match="'a' changed"):
            snapshot.to_json()


BLOCK = 4 << 20


class Held(Silence):
    """Holds who tells of the first block that is read, until it is let go."""

    def __init__(self):
        self.reached, self.released = threading.Event(), threading.Event()
        self.heard = []

    def advance(self, amount):
        self.heard.append(amount)
        self.reached.set()
        assert self.released.wait(60)


@pytest.fixture
def held(tmp_path):
    """Return the snapshot of two files of three blocks, and what holds the reading of one."""
    for name in "ab":
        with (tmp_path / name).open("wb") as file:
            file.truncate(3 * BLOCK)
    files = [SourceFile(tmp_path / name, name, kept=False) for name in "ab"]
    held = Held()
    with ThreadPoolExecutor(1) as executor:
        snapshot = Snapshot.take(files, executor, held)
        assert held.reached.wait(60)
        yield snapshot, held
        held.released.set()


def test_who_closes_it_stops_the_reading(held):
    snapshot, holder = held
    snapshot.close()
    holder.released.set()
    wait(snapshot.digesting.values(), timeout=60)
    assert snapshot.digesting["b"].cancelled()
    assert isinstance(snapshot.digesting["a"].exception(60), CancelledError)
    assert holder.heard == [BLOCK]


class Told(Silence):
    """Keeps what it is told."""

    def __init__(self):
        self.heard = []

    def start(self, phase, total, unit="bytes"):
        self.heard.append((phase, total, unit))

    def advance(self, amount):
        self.heard.append(amount)


def test_who_comes_later_is_told_of_what_is_left(held):
    snapshot, holder = held
    later = Told()
    snapshot.reading.show(later)
    holder.released.set()
    wait(snapshot.digesting.values(), timeout=60)
    assert later.heard == [("hashing the rest", 5 * BLOCK, "bytes"), *[BLOCK] * 5]
    after = Told()
    snapshot.reading.show(after)
    assert after.heard == []


def test_an_interruption_of_who_waits_stops_the_reading(held, monkeypatch):
    snapshot, holder = held

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        snapshot.to_json()
    holder.released.set()
    assert isinstance(snapshot.digesting["a"].exception(60), CancelledError)
    assert snapshot.digesting["b"].cancelled()
    assert holder.heard == [BLOCK]


def test_a_file_that_cannot_be_read_stops_the_reading_of_the_others(tmp_path):
    with (tmp_path / "b").open("wb") as file:
        file.truncate(3 * BLOCK)
    (tmp_path / "a").mkdir()
    held, names = Held(), "ba"
    files = [SourceFile(tmp_path / name, name, kept=False) for name in names]
    with ThreadPoolExecutor(2) as executor:
        snapshot = Snapshot.take(files, executor, held)
        assert held.reached.wait(60)
        with pytest.raises(IsADirectoryError):
            snapshot.to_json()
        held.released.set()
    assert isinstance(snapshot.digesting["b"].exception(60), CancelledError)
    assert held.heard == [BLOCK]


def test_an_interrupted_add_stops_the_reading(lake, made_up, said, tmp_path, monkeypatch):
    with (tmp_path / "a").open("wb") as file:
        file.truncate(3 * BLOCK)
    holder, source = Held(), made_up.use(files=(SourceFile(tmp_path / "a", "a", kept=False),))
    plan = lake.plan(source, Options(said=said), holder)
    assert holder.reached.wait(60)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(adding, "compose", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lake.carry_out(plan, Options())
    holder.released.set()
    assert isinstance(plan.snapshot.digesting["a"].exception(60), CancelledError)
    assert holder.heard == [BLOCK]
    assert list(lake.store.list("assets")) == []
