"""What the disk is asked for, and what is said when it refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from panneuro.core.errors import StoreError
from panneuro.storage.durability import make_durable
from panneuro.storage.stores import open_store


@pytest.fixture
def synced(monkeypatch):
    """Return the paths that the disk was asked for."""
    asked, fsync = [], os.fsync

    def note(opened):
        asked.append(Path(f"/proc/self/fd/{opened}").readlink())
        fsync(opened)

    monkeypatch.setattr(os, "fsync", note)
    return asked


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see what is opened")
def test_objects_and_every_folder_above_them(tmp_path, synced):
    store = open_store(tmp_path / "lake")
    store.put("a/b/c", b"1")
    store.put("a/d", b"2")
    make_durable(store, ["a/b/c", "a/d"])
    root = store.root
    assert sorted(synced) == sorted([root, root / "a", root / "a/b", root / "a/b/c", root / "a/d"])


def test_what_is_no_folder_is_durable_or_never_will_be():
    make_durable(open_store("memory://durable"), ["not/there"])


def test_a_disk_that_does_not_take_it_is_told(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.put("a", b"1")

    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="is on the disk: Input/output error"):
        make_durable(store, ["a"])


def test_a_file_system_that_cannot_for_folders_is_enough(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.put("a", b"1")
    fsync = os.fsync

    def only_files(opened):
        if Path(f"/proc/self/fd/{opened}").is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(opened)

    monkeypatch.setattr(os, "fsync", only_files)
    make_durable(store, ["a"])


def test_an_object_that_is_gone_is_told(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        make_durable(open_store(tmp_path), ["gone"])
