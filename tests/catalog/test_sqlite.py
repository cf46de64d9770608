"""The embedded catalog passes the suite, keeps its file whole, and shares it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from panneuro.catalog import SqliteCatalog, layout
from panneuro.core.entry import Entry
from panneuro.core.errors import CorruptionError, StoreError
from panneuro.core.query import Query, parse
from panneuro.testing.catalog import CatalogConformance, Reference


class TestFile(CatalogConformance):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[SqliteCatalog]:
        with SqliteCatalog(tmp_path / "catalog.sqlite") as catalog:
            yield catalog


class TestMemory(CatalogConformance):
    @pytest.fixture
    def catalog(self) -> Iterator[SqliteCatalog]:
        with SqliteCatalog() as catalog:
            yield catalog


def entry(name: str, **fields: str | float) -> Entry:
    return Entry(name, "1", "2024-01-01T00:00:00Z", f"sha256:{name}", fields)


def read_all_of(path: Path) -> None:
    with SqliteCatalog(path) as catalog:
        catalog.find(parse("units>3"))
        catalog.facets(Query(), ["version"])


def test_what_was_indexed_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with SqliteCatalog(path) as catalog:
        assert catalog.empty
        catalog.index([entry("a", units=7)])
    with SqliteCatalog(path) as again:
        assert not again.empty
        assert list(again.names(parse("units=7"))) == ["a"]


def test_an_index_of_another_layout_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with SqliteCatalog(path) as catalog:
        catalog.index([entry("a")])
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=99")
    raw.close()
    with SqliteCatalog(path) as again:
        assert again.empty
        assert again.count(Query()) == 0
        assert again.index([entry("b")]) == 1


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE precious(x)")
    theirs.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteCatalog(path)
    with sqlite3.connect(path) as theirs:
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    theirs.close()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database" * 500)
    with pytest.raises(CorruptionError, match="reindex"):
        SqliteCatalog(path)


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with SqliteCatalog(path) as catalog:
        catalog.index([entry(f"a{at}", units=at) for at in range(500)])
    damaged = bytearray(path.read_bytes())
    damaged[8192 * 3 :] = b"\xff" * (len(damaged) - 8192 * 3)
    path.write_bytes(damaged)
    with pytest.raises((CorruptionError, StoreError)):
        read_all_of(path)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot use the index"):
        SqliteCatalog(tmp_path / "missing" / "catalog.sqlite")


def test_a_writer_that_is_killed_leaves_a_usable_index(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    code = """
import os, sys
from panneuro.catalog import SqliteCatalog
from panneuro.core.entry import Entry
catalog = SqliteCatalog(sys.argv[1])
catalog.index([Entry("kept", "1", "2024-01-01", "d")])
def dying():
    yield Entry("lost", "1", "2024-01-01", "d")
    os.kill(os.getpid(), 9)
from panneuro.catalog.layout import transaction
from panneuro.catalog.writer import Batch
with transaction(catalog._db, write=True):
    batch = Batch(catalog._db)
    for entry in dying():
        batch.add(entry, replace=False)
        batch.flush()
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    with SqliteCatalog(path) as catalog:
        assert list(catalog.names(Query())) == ["kept"]
        assert catalog.index([entry("next")]) == 1


def test_several_writers_and_readers_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    SqliteCatalog(path).close()
    torn = []

    def write(who: int) -> None:
        with SqliteCatalog(path) as catalog:
            for at in range(15):
                catalog.index([entry(f"{who}_{at}", species="mouse")])
                page = catalog.find(parse("species=mouse"), 1_000)
                if len(page.entries) != page.total:
                    torn.append(page)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with SqliteCatalog(path) as catalog:
        assert catalog.facets(Query(), ["species"]) == {"species": [("mouse", 60)]}
    assert not torn


def test_a_new_file_is_made_once_by_many_who_open_it(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    code = """
import sys
from panneuro.catalog import SqliteCatalog
from panneuro.core.entry import Entry
sys.stdin.read()
with SqliteCatalog(sys.argv[1]) as catalog:
    catalog.index([Entry(sys.argv[2], "1", "2024-01-01", "d")])
"""
    line = [sys.executable, "-c", code, str(path)]
    openers = [subprocess.Popen([*line, f"a{at}"], stdin=subprocess.PIPE) for at in range(5)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.close()
    assert [opener.wait() for opener in openers] == [0] * 5
    with SqliteCatalog(path) as catalog:
        assert catalog.count(Query()) == 5


def test_large_sets_take_the_paths_of_large_sets() -> None:
    many = [
        Entry(
            f"n{at:05d}", "1", f"2024-01-{1 + at % 28:02d}", "d",
            {"units": at % 700, "lab": f"lab {at % 97}", "date": f"20{10 + at % 14}-03-01"},
            "theta " * (1 + at % 3) + "rhythm",
        )
        for at in range(6_000)
    ]  # fmt: skip
    with SqliteCatalog() as catalog:
        catalog.index(many)
        newest = catalog.find(parse("units>=1"), 5, sort="-date")
        assert {one.fields["date"] for one in newest.entries} == {"2023-03-01"}
        assert newest.total == sum(at % 700 >= 1 for at in range(6_000))
        least = catalog.find(Query(), 3, sort="units")
        assert [one.number("units") for one in least.entries] == [0.0, 0.0, 0.0]
        assert catalog.find(Query(), 1, sort="-name").entries[0].name == "n05999"
        best = catalog.find(parse("theta rhythm"), 5, sort="rank")
        assert {one.text.count("theta") for one in best.entries} == {3}
        assert best.total == 6_000
        pages = [catalog.find(parse("theta rhythm"), 300, at, "rank") for at in (0, 300, 600)]
        assert len({one.name for page in pages for one in page.entries}) == 900
        labs = catalog.facets(parse("units<350"), ["lab"], 100)["lab"]
        assert sum(number for _, number in labs) == sum(at % 700 < 350 for at in range(6_000))
        assert catalog.remove(["n00001"]) == 1
        assert catalog.count(parse('"theta rhythm"')) == 5_999


def test_the_number_of_the_layout_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    SqliteCatalog(path).close()
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone() == (layout.LAYOUT,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_a_facet_is_complete_although_it_stops_early(limit: int) -> None:
    many = [
        Entry(
            f"n{at}", "1", "2024-01-01", "d", {"lab": f"lab {at % 13 * (at % 7)}", "units": at % 5}
        )
        for at in range(2_000)
    ]
    with SqliteCatalog() as catalog:
        catalog.index(many)
        for text in ("", "units<2", "units=4"):
            found = catalog.facets(parse(text), ["lab"], limit)["lab"]
            assert found == Reference(many).facet(parse(text), "lab", limit)


def test_a_search_that_is_asked_again_sees_what_changed_meanwhile(tmp_path):
    here, there = (SqliteCatalog(tmp_path / "index.sqlite") for _ in range(2))
    mice = parse("species=mouse")

    def told(catalog):
        return (
            catalog.count(mice),
            len(catalog.find(mice).entries),
            catalog.facets(mice, ["species"]),
        )

    for at, catalog in enumerate((here, there, here, here)):
        catalog.index([Entry(f"s{at}", "1", "2026-01-01", f"sha256:{at}", {"species": "mouse"})])
        for one in (here, there, here):
            count, found, facets = told(one)
            assert count == found == at + 1
            assert list(facets["species"]) == [("mouse", at + 1)]
    there.remove(["s0"])
    assert here.count(mice) == there.count(mice) == 3
    there.clear()
    assert here.count(mice) == there.count(mice) == 0


def test_a_sound_index_verifies_whatever_was_done_to_it() -> None:
    with SqliteCatalog() as catalog:
        catalog.verify()
        catalog.index(entry(f"a{at}", units=at, species="mouse") for at in range(2_000))
        catalog.index([Entry(f"a{at}", "2", "2025-01-01", "e") for at in range(0, 2_000, 3)])
        catalog.verify()
        catalog.remove(f"a{at}" for at in range(2_000) if at % 5)
        catalog.index([entry("a5", units=1)], replace=True)
        catalog.verify()


def test_any_bit_that_flips_is_told_or_stays_within_one_row(tmp_path: Path) -> None:
    path, spoilt = tmp_path / "catalog.sqlite", tmp_path / "spoilt.sqlite"
    known = [entry(f"a{at}", units=at, species="mouse") for at in range(300)]
    with SqliteCatalog(path) as catalog:
        catalog.index(known)
    data, rng, told = path.read_bytes(), random.Random(7), 0
    for _ in range(100):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        spoilt.write_bytes(flipped)
        try:
            with SqliteCatalog(spoilt) as catalog:
                catalog.verify()
                assert catalog.empty or catalog.count(parse("species=mouse units>=100")) == 200
        except (CorruptionError, StoreError):
            told += 1
    assert told
