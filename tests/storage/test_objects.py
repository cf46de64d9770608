from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import ObjectNotFoundError, StoreError
from panneuro.storage.objects import MERGE_GAP, merge_ranges
from panneuro.storage.stores import open_store

RANGES = st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 500_000)))


@given(RANGES)
def test_merged_ranges_hold_every_range_and_lie_apart(ranges):
    merged = merge_ranges(ranges)
    for start, length in ranges:
        assert any(at <= start and start + length <= at + size for at, size in merged)
    for (at, size), (following, _) in pairwise(merged):
        assert following > at + size + MERGE_GAP
    edges = {start for start, _ in ranges}, {start + length for start, length in ranges}
    assert all(at in edges[0] and at + size in edges[1] for at, size in merged)


@pytest.fixture
def lake(tmp_path):
    root = tmp_path / "lake"
    root.mkdir()
    return root


def test_links_out_of_the_root_are_not_followed(lake, tmp_path):
    (tmp_path / "secret").write_text("outside")
    (lake / "file").symlink_to(tmp_path / "secret")
    (lake / "folder").symlink_to(tmp_path, target_is_directory=True)
    store = open_store(lake)
    for key in ("file", "folder/secret"):
        for call in (store.get, store.info, store.delete, lambda key: store.put(key, b"1")):
            with pytest.raises(StoreError, match="symbolic link"):
                call(key)
    assert (tmp_path / "secret").read_text() == "outside"
    assert list(store.list()) == store.folders() == []
    with pytest.raises(StoreError, match="symbolic link"):
        list(store.list("folder"))
    with pytest.raises(StoreError, match="symbolic link"):
        store.folders("folder")


def test_circles_of_links_do_no_harm(lake):
    store = open_store(lake)
    store.put("a/b", b"1")
    (lake / "a" / "loop").symlink_to(lake, target_is_directory=True)
    (lake / "self").symlink_to(lake / "self")
    (lake / "dangling").symlink_to(lake / "nowhere")
    assert [found.key for found in store.list()] == ["a/b"]
    for key in ("self", "dangling", "a/loop/a/b"):
        with pytest.raises(StoreError, match="symbolic link"):
            store.get(key)


def test_the_root_itself_may_be_a_link(lake, tmp_path):
    (tmp_path / "link").symlink_to(lake, target_is_directory=True)
    open_store(tmp_path / "link").put("a/b", b"1")
    assert open_store(lake).get("a/b") == b"1"


def test_special_files_are_not_objects(lake):
    os.mkfifo(lake / "pipe")
    store = open_store(lake)
    assert list(store.list()) == []
    with pytest.raises(ObjectNotFoundError):
        store.get("pipe")


def test_names_that_are_no_keys_are_passed_over(lake):
    for name in ("half#12", "new\nline", "e\u0301", os.fsdecode(b"\xff"), "back\\slash"):
        (lake / name).write_text("1")
        (lake / f"{name}-folder#1").mkdir()
    open_store(lake).put("a", b"1")
    assert [found.key for found in open_store(lake).list()] == ["a"]
    assert open_store(lake).folders() == []


WRITE_FOR_EVER = """
import sys
from panneuro.storage.stores import open_store
store = open_store(sys.argv[1])
while True:
    store.put("a/big", bytes(50_000_000))
    store.delete("a/big")
"""


def test_a_killed_writer_leaves_no_half_object(lake):
    writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(lake)])
    try:
        while not list(lake.glob("a/big#*")):
            assert writer.poll() is None
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    store = open_store(lake)
    assert all(found.key == "a/big" and found.size == 50_000_000 for found in store.list())
    store.put("a/big", b"whole")
    assert store.get("a/big") == b"whole"
    assert [found.key for found in store.list()] == ["a/big"]


@pytest.fixture
def full_disk(tmp_path, need):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    allowed = os.geteuid() == 0 and not subprocess.run(mount, check=False).returncode
    need("mount", allowed, "mounting a small disk is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("size", [2_000_000, 40_000_000])
def test_a_full_disk_is_told_and_leaves_no_half_object(full_disk, create, size):
    store = open_store(full_disk)
    with pytest.raises(StoreError, match="No space left") as caught:
        store.put("a/big", bytes(size), create=create)
    assert "free some space" in caught.value.hint
    assert list(store.list()) == []
    for _ in range(100):  # the parts of what failed are deleted a moment later
        with suppress(StoreError):
            store.put("a/small", b"1", create=True)
            break
        time.sleep(0.1)
    assert store.get("a/small") == b"1"


TRY_TO_WRITE = """
import os, sys
from panneuro.core.errors import StoreError
from panneuro.storage.stores import open_store
if os.geteuid() == 0:
    os.setuid(65534)
store = open_store(sys.argv[1])
try:
    store.put(sys.argv[2], b"1")
except StoreError as error:
    sys.exit(f"{error}")
"""


@pytest.mark.parametrize("key", ["a", "new/folder/a"])
def test_a_forbidden_folder_is_told(lake, key):
    for folder in lake.parents:
        if folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o755)
    lake.chmod(0o555)
    command = [sys.executable, "-c", TRY_TO_WRITE, str(lake), key]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lake.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert f"cannot write '{key}'" in done.stderr
    assert "permissions" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_gives_out_no_links(lake):
    assert open_store(lake).link("a", 60) is None


def test_a_link_is_read_with_no_credentials(s3, monkeypatch):
    store = open_store(f"{s3}/deep")
    store.put("a b/c", b"spikes")
    link = store.link("a b/c", 60)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "spikes" in urllib.request.urlopen(link).read().decode()
