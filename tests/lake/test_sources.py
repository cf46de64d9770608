from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import SourceChangedError
from panneuro.core.progress import Silence
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
