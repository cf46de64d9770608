from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import InputError
from panneuro.core.store import Counts, Prefixed, Usage, check_key, check_prefix
from panneuro.storage.stores import open_store
from panneuro.testing.store import HOSTILE_KEYS

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
SEGMENTS = st.text(LETTERS, min_size=1, max_size=20)


@given(st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join))
def test_an_accepted_key_stays_below_its_root(key):
    try:
        check_key(key)
    except InputError:
        return
    assert not key.startswith("/")
    assert {"", ".", ".."}.isdisjoint(key.split("/"))
    assert unicodedata.is_normalized("NFC", key)
    assert key.isprintable() or " " in key or any(unicodedata.category(c)[0] in "ZC" for c in key)


@given(st.lists(st.text("abzAZ09_-.ßé日", min_size=3, max_size=20), min_size=1).map("/".join))
def test_plain_keys_are_accepted(key):
    if len(key.encode()) <= 1024 and not any(set(part) == {"."} for part in key.split("/")):
        assert check_key(key) == key


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_hostile_keys_are_refused_with_a_hint(key):
    with pytest.raises(InputError) as caught:
        check_key(key)
    assert repr(key) in caught.value.message
    assert "relative path" in caught.value.hint


@pytest.mark.parametrize("key", ["a#b", "#1/a", "a#1b", "x" * 255, "...", "a..b"])
def test_keys_that_only_look_odd_are_accepted(key):
    assert check_key(key) == key


def test_a_prefix_may_be_the_root_or_end_in_a_slash():
    assert check_prefix("") == ""
    assert check_prefix("a/b/") == check_prefix("a/b") == "a/b"
    with pytest.raises(InputError):
        check_prefix("a//")


def test_usage_loses_nothing_between_threads():
    usage = Usage()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [usage.add(1, 2, 3) for _ in range(1000)], range(8)))
    assert usage.snapshot() == Counts(8000, 16000, 24000)
    assert (usage.requests, usage.bytes_read, usage.bytes_written) == (8000, 16000, 24000)
    assert "8000" in repr(usage)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("memory://prefixed", "memory://prefixed/a%20b/c"),
        ("s3://bucket?region=eu-west-1", "s3://bucket/a%20b/c?region=eu-west-1"),
        ("s3://bucket/x/", "s3://bucket/x/a%20b/c"),
    ],
)
def test_a_folder_of_a_store_has_a_place_of_its_own(place, url):
    assert Prefixed(open_store(place), "a b/c/").url == url


def test_a_folder_of_a_store_is_the_same_opened_by_its_place(tmp_path):
    folder = Prefixed(open_store(tmp_path), "ä b/c")
    folder.put("d", b"1")
    assert open_store(folder.url).get("d") == b"1"
    assert folder == Prefixed(folder.store, "ä b/c")
    assert [found.key for found in Prefixed(folder.store, "").list()] == ["ä b/c/d"]


def test_a_folder_of_a_store_cannot_climb_out(tmp_path):
    with pytest.raises(InputError):
        Prefixed(open_store(tmp_path), "../outside")
