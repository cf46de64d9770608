"""What every store must do, as tests: subclass :class:`StoreConformance` in a test module."""

# The names of tests say what they show.
# ruff: noqa: D102, S101

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from panneuro.core.errors import (
    ConflictError,
    InputError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreError,
)
from panneuro.core.store import Prefixed, Store
from panneuro.storage.stores import probe, put_new
from panneuro.testing.faults import Fault, FaultyStore

HOSTILE_KEYS = (
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside",
    "a/../../outside",
    "a/./b",
    "a//b",
    "a/",
    "a\\..\\b",
    "a\x00b",
    "a\nb",
    "a\u202eb",
    "e\u0301",
    "\ud800",
    "half-written#1",
    "x" * 256,
    "/".join(["x" * 200] * 6),
)
"""Keys that every store refuses, for each of its methods."""

WRITERS = 16
ROUNDS = 10
MANY = 1_050


class StoreConformance:
    """The conformance suite of the Store seam.

    Give it a fixture ``store`` that returns an empty :class:`~panneuro.core.store.Store`. For a
    store that cannot be pickled, set ``test_opens_again_elsewhere = None``.

    Examples
    --------
    >>> class TestMyStore(StoreConformance):
    ...     @pytest.fixture
    ...     def store(self):
    ...         return MyStore()
    """

    def test_returns_what_was_put(self, store: Store) -> None:
        for data in (b"", b"spikes", bytes(range(256)) * 1000):
            store.put("a/b.bin", data)
            assert store.get("a/b.bin") == data
            assert store.info("a/b.bin").size == len(data)

    def test_takes_views_of_memory(self, store: Store) -> None:
        store.put("view", memoryview(b"0123456789")[2:5])
        assert store.get("view") == b"234"

    def test_returns_an_object_of_many_parts(self, store: Store) -> None:
        data = bytes(range(256)) * (80 * 1024)
        store.put("large", data)
        assert store.info("large").size == len(data)
        assert store.get_range("large", len(data) - 3, 3) == data[-3:]
        assert store.get("large") == data

    @pytest.mark.parametrize("size", [0, 1_000, 20_000_000])
    def test_takes_a_file(self, store: Store, tmp_path: Path, size: int) -> None:
        source = tmp_path / "source.bin"
        source.write_bytes(bytes(range(250)) * (size // 250))
        store.put_file("a/file", source)
        assert store.info("a/file").size == size
        assert store.get("a/file") == source.read_bytes()

    def test_tells_a_file_that_is_not_there(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="absent"):
            store.put_file("a", tmp_path / "absent")
        with pytest.raises(StoreError):
            store.put_file("a", tmp_path)
        assert list(store.list()) == []

    def test_returns_exact_ranges(self, store: Store) -> None:
        data = bytes(range(256)) * 40
        store.put("a", data)
        assert store.get_range("a", 0, 1) == data[:1]
        assert store.get_range("a", 300, 500) == data[300:800]
        assert store.get_range("a", 10, 0) == b""
        assert store.get_range("a", 0, len(data)) == data

    def test_returns_many_ranges_in_the_order_asked(self, store: Store) -> None:
        data = bytes(range(256)) * 8192
        store.put("a", data)
        ranges = [(2_000_000, 7), (5, 10), (0, 6), (5, 10), (9, 0), (1_000_000, 1)]
        assert store.get_ranges("a", ranges) == [data[at : at + n] for at, n in ranges]
        assert store.get_ranges("a", []) == []

    def test_reads_near_ranges_in_one_request(self, store: Store) -> None:
        store.put("a", bytes(10_000))
        before = store.usage.snapshot()
        store.get_ranges("a", [(0, 10), (5_000, 10), (9_000, 10)])
        asked = store.usage.snapshot() - before
        assert asked.requests == 1
        assert asked.bytes_read == 9_010

    @pytest.mark.parametrize("wanted", [(0, 11), (5, 6), (10, 1), (1_000, 1)])
    def test_never_returns_less_than_asked(self, store: Store, wanted: tuple[int, int]) -> None:
        store.put("a", b"0123456789")
        with pytest.raises(StoreError):
            store.get_range("a", *wanted)
        with pytest.raises(StoreError):
            store.get_ranges("a", [(0, 2), wanted])
        with pytest.raises(StoreError):
            asyncio.run(store.get_range_async("a", *wanted))

    @pytest.mark.parametrize("wanted", [(-1, 2), (0, -1)])
    def test_refuses_negative_ranges(self, store: Store, wanted: tuple[int, int]) -> None:
        store.put("a", b"0123456789")
        with pytest.raises(InputError):
            store.get_range("a", *wanted)
        with pytest.raises(InputError):
            store.get_ranges("a", [wanted])

    def test_reads_asynchronously(self, store: Store) -> None:
        store.put("a", b"0123456789")

        async def read() -> list[bytes]:
            return await asyncio.gather(
                store.get_async("a"), *(store.get_range_async("a", at, 2) for at in range(5))
            )

        assert asyncio.run(read()) == [b"0123456789", b"01", b"12", b"23", b"34", b"45"]

    def test_says_what_is_not_there(self, store: Store) -> None:
        store.put("a/b", b"1")
        for key in ("nothing", "a", "a/b/c", "a/bb"):
            with pytest.raises(ObjectNotFoundError, match=key):
                store.get(key)
            with pytest.raises(ObjectNotFoundError):
                store.get_range(key, 0, 1)
            with pytest.raises(ObjectNotFoundError):
                store.get_ranges(key, [(0, 1)])
            with pytest.raises(ObjectNotFoundError):
                store.info(key)
            with pytest.raises(ObjectNotFoundError):
                asyncio.run(store.get_async(key))

    def test_tells_size_time_and_mark(self, store: Store) -> None:
        store.put("a", b"one")
        first = store.info("a")
        assert (first.key, first.size) == ("a", 3)
        assert abs(first.modified - datetime.now(UTC)) < timedelta(minutes=5)
        assert first.etag
        assert '"' not in first.etag
        (listed,) = store.list()
        assert (listed.key, listed.size, listed.etag) == ("a", 3, first.etag)
        assert abs(listed.modified - first.modified) <= timedelta(seconds=1)
        store.put("a", b"two!")
        assert store.info("a").etag != first.etag

    @pytest.mark.parametrize(
        "key", ["a b+c%20&=?#~[x]!'()*.txt", "Größe/日本語/🧠.bin", ".hidden/.file", "a@b:c;d,e$"]
    )
    def test_keeps_unusual_keys(self, store: Store, key: str) -> None:
        store.put(key, b"1")
        assert store.get(key) == b"1"
        assert [found.key for found in store.list()] == [key]
        folder = key.rpartition("/")[0]
        assert [found.key for found in store.list(folder)] == [key]

    @pytest.mark.parametrize("key", HOSTILE_KEYS)
    def test_refuses_hostile_keys(self, store: Store, key: str) -> None:
        for call in (store.get, store.info, store.delete, Prefixed(store, "x").get):
            with pytest.raises(InputError):
                call(key)
        with pytest.raises(InputError):
            store.put(key, b"1")
        with pytest.raises(InputError):
            store.put_file(key, Path(__file__))
        with pytest.raises(InputError):
            store.get_range(key, 0, 1)
        with pytest.raises(InputError):
            store.get_ranges(key, [(0, 1)])
        with pytest.raises(InputError):
            asyncio.run(store.get_async(key))

    @pytest.mark.parametrize("prefix", ["..", "/", "a/../..", "a//"])
    def test_refuses_hostile_prefixes(self, store: Store, prefix: str) -> None:
        with pytest.raises(InputError):
            list(store.list(prefix))
        with pytest.raises(InputError):
            store.folders(prefix)

    def test_lists_folders_in_whole_segments(self, store: Store) -> None:
        for key in ("a/b/c", "a/b/d", "a/bb/e", "ab/f", "g"):
            store.put(key, b"1")
        assert {found.key for found in store.list()} == {"a/b/c", "a/b/d", "a/bb/e", "ab/f", "g"}
        assert {found.key for found in store.list("a/b")} == {"a/b/c", "a/b/d"}
        assert {found.key for found in store.list("a/b/")} == {"a/b/c", "a/b/d"}
        assert list(store.list("nowhere")) == []
        assert store.folders() == ["a", "ab"]
        assert store.folders("a") == ["a/b", "a/bb"]
        assert store.folders("nowhere") == []

    def test_lists_more_than_a_page(self, store: Store) -> None:
        keys = {f"many/{number:05d}/x" for number in range(MANY)}
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda key: store.put(key, b"1"), keys))
        assert {found.key for found in store.list("many")} == keys
        assert store.folders("many") == sorted(key.removesuffix("/x") for key in keys)

    def test_deletes_again_and_again(self, store: Store) -> None:
        store.put("a/b", b"1")
        store.delete("a/b")
        store.delete("a/b")
        store.delete("never/there")
        assert list(store.list()) == []
        assert store.folders() == []

    def test_creates_only_where_nothing_is(self, store: Store) -> None:
        store.put("a", b"first", create=True)
        with pytest.raises(ObjectExistsError, match="a'"):
            store.put("a", b"second", create=True)
        assert store.get("a") == b"first"
        store.delete("a")
        store.put("a", b"third", create=True)
        assert store.get("a") == b"third"

    def test_lets_one_of_many_writers_create(self, store: Store) -> None:
        def create(place: tuple[int, int]) -> bool:
            number, writer = place
            try:
                store.put(f"race/{number}", b"%d" % writer, create=True)
            except ObjectExistsError:
                return False
            return True

        with ThreadPoolExecutor(WRITERS) as pool:
            for number in range(ROUNDS):
                won = list(pool.map(create, [(number, writer) for writer in range(WRITERS)]))
                assert sum(won) == 1
                assert store.get(f"race/{number}") == b"%d" % won.index(True)

    def test_never_shows_half_an_object(self, store: Store) -> None:
        contents = [bytes([letter]) * 300_000 for letter in b"ab"]
        store.put("a", contents[0])

        def write(number: int) -> None:
            store.put("a", contents[number % 2])

        with ThreadPoolExecutor(4) as pool:
            writes = pool.map(write, range(12))
            reads = [store.get("a") in contents for _ in range(20)]
            list(writes)
        assert all(reads)
        assert [found.key for found in store.list()] == ["a"]

    def test_settles_a_race_for_one_commit(self, store: Store) -> None:
        with ThreadPoolExecutor(WRITERS) as pool:
            same = list(pool.map(lambda _: put_new(store, "same", b"{}"), range(WRITERS)))
        assert sum(same) == 1

        def commit(writer: int) -> bool | None:
            try:
                return put_new(store, "other", b"%d" % writer)
            except ConflictError:
                return None

        with ThreadPoolExecutor(WRITERS) as pool:
            other = list(pool.map(commit, range(WRITERS)))
        assert sorted(other, key=str) == [None] * (WRITERS - 1) + [True]
        assert store.get("other") == b"%d" % other.index(True)

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.REFUSED])
    def test_commits_in_spite_of_a_lost_answer(self, store: Store, fault: Fault) -> None:
        assert put_new(FaultyStore(store, {1: fault}, only="put"), "a", b"{}") in {True, False}
        assert store.get("a") == b"{}"
        assert put_new(store, "a", b"{}") is False

    def test_tells_a_conflict_in_spite_of_a_lost_answer(self, store: Store) -> None:
        store.put("a", b"theirs")
        with pytest.raises(ConflictError, match="a'"):
            put_new(FaultyStore(store, {1: Fault.REFUSED}, only="put"), "a", b"ours")
        assert store.get("a") == b"theirs"

    def test_gives_up_in_the_end(self, store: Store) -> None:
        broken = FaultyStore(store, dict.fromkeys(range(1, 100), Fault.REFUSED), only="put")
        with pytest.raises(StoreError, match="refused"):
            put_new(broken, "a", b"{}")
        assert list(store.list()) == []

    def test_passes_the_probe_and_leaves_nothing(self, store: Store) -> None:
        probe(store)
        assert list(store.list()) == []

    def test_counts_requests_and_bytes(self, store: Store) -> None:
        before = store.usage.snapshot()
        store.put("a", b"0123456789")
        store.get("a")
        store.get_range("a", 0, 4)
        store.info("a")
        used = store.usage.snapshot() - before
        assert (used.requests, used.bytes_read, used.bytes_written) == (4, 14, 10)

    def test_is_seen_from_a_folder(self, store: Store) -> None:
        inner = Prefixed(store, "x/y")
        inner.put("a/b", b"1", create=True)
        assert store.get("x/y/a/b") == inner.get("a/b") == b"1"
        assert [found.key for found in inner.list()] == ["a/b"]
        assert inner.folders() == ["a"]
        assert inner.info("a/b").key == "a/b"

    def test_opens_again_elsewhere(self, store: Store) -> None:
        store.put("a", b"1")
        again = pickle.loads(pickle.dumps(store))  # noqa: S301
        assert again.url == store.url
        assert again.get("a") == b"1"
