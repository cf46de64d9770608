from __future__ import annotations

import io
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

import panneuro
from panneuro.core.errors import CorruptionError, NotFoundError, StoreError
from panneuro.core.query import Query
from panneuro.lake import indexing
from panneuro.lake.committing import NEXT, decision_key


@pytest.fixture
def added(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said)


def kinds(report):
    return [(problem.kind, problem.key) for problem in report.problems]


def test_a_sound_lake_has_no_problems(lake, added):
    report = lake.check()
    assert report.ok
    assert report.problems == []
    assert report.checked_assets == 1
    assert report.checked_files == len(added.manifest.files)
    assert report.checked_bytes == added.manifest.stored_bytes


def test_any_object_that_is_gone_is_found(lake, added):
    for file in added.manifest.files:
        key = added.manifest.key_of(file)
        data = lake.store.get(key)
        lake.store.delete(key)
        assert kinds(lake.check(quick=True)) == [("missing", key)]
        lake.store.put(key, data)
    assert lake.check().ok


def test_any_bit_that_flipped_is_found(lake, added):
    for file in added.manifest.files:
        key = added.manifest.key_of(file)
        data = lake.store.get(key)
        spoilt = bytearray(data)
        spoilt[len(data) // 3] ^= 8
        lake.store.put(key, bytes(spoilt))
        assert lake.check(quick=True).ok
        assert kinds(lake.check()) == [("corrupt", key)]
        assert not lake.check().ok
        lake.store.put(key, data)


def test_objects_that_were_cut_are_found_by_a_quick_look(lake, added):
    key = added.manifest.key_of(added.manifest.files[0])
    lake.store.put(key, lake.store.get(key)[:-1])
    assert kinds(lake.check(quick=True)) == [("corrupt", key)]


def test_what_is_corrupt_is_never_read_as_if_it_were_not(lake, added, made_up):
    raw = made_up.signals()[0].data
    for file in added.manifest.files:
        key = added.manifest.key_of(file)
        data = lake.store.get(key)
        spoilt = bytearray(data)
        spoilt[len(data) // 3] ^= 8
        lake.store.put(key, bytes(spoilt))
        asset = lake[added.manifest.name]
        with suppress(CorruptionError, StoreError):
            assert np.array_equal(asset["ap"].read(), raw)
            assert asset.units["a"].tolist() == [0.1, 0.4]
            assert asset.trials["stop_time"].tolist() == [0.5, 1.5]
        lake.store.put(key, data)


def test_objects_of_nobody_are_found(lake, added):
    key = f"{added.manifest.prefix}/acquisition/stray"
    lake.store.put(key, b"who put this here?")
    report = lake.check()
    assert kinds(report) == [("orphan", key)]
    assert not report.ok


def test_a_commit_that_cannot_be_read_is_found_and_hides_no_other(lake, added, made_up, said):
    other = lake.add(made_up.use(), said=said, name="other")
    key = f"{added.manifest.prefix}/_lake/asset.json"
    for spoilt in (
        b"{",
        lake.store.get(f"{other.manifest.prefix}/_lake/asset.json"),
        lake.store.get(key).replace(b"Smith lab", b"Jones lab"),
        b"[" * 100_000,
    ):
        lake.store.put(key, spoilt)
        assert kinds(lake.check(quick=True))[0] == ("unreadable", key)
        with pytest.warns(UserWarning, match="panneuro check --repair"):
            assert lake.reindex() == 1
        assert list(lake) == ["other"]
        with pytest.raises((CorruptionError, NotFoundError)):
            lake[added.manifest.name]


@pytest.fixture
def described(lake, added):
    """Return the manifests of two versions of one asset."""
    newer = lake.describe(added.manifest.name, {"subject": {"sex": "female"}}).manifest
    return added.manifest, newer


@pytest.mark.parametrize("which", [0, 1])
def test_a_commit_that_cannot_be_read_is_written_again(lake, described, which):
    damaged = described[which]
    key = f"{damaged.prefix}/_lake/asset.json"
    whole = lake.store.get(key)
    lake.store.put(key, whole[:-50])
    (problem,) = [one for one in lake.check(damaged.name).problems if one.kind == "unreadable"]
    assert "--repair writes it again" in problem.message
    report = lake.check(repair=True)
    assert report.ok
    assert ("unreadable", key) in kinds(report)
    assert lake.store.get(key) == whole
    assert lake.check().problems == []
    assert lake[damaged.name].version == described[1].version


@pytest.mark.parametrize("which", [0, 1])
def test_a_decision_that_cannot_be_read_is_written_again(lake, described, which):
    key = decision_key(described[which])
    whole = lake.store.get(key)
    lake.store.put(key, b"{")
    assert kinds(lake.check(repair=True)) == [("unreadable", key)]
    assert lake.store.get(key) == whole
    assert lake.check().problems == []


def test_what_is_lost_for_good_stays_found_as_damaged(lake, described):
    old, new = described
    for manifest in described:
        lake.store.put(decision_key(manifest), b"{")
    lake.store.put(f"{new.prefix}/_lake/asset.json", b"{")
    assert not lake.check(repair=True).ok
    assert lake[old.name].version == old.version, "an older version that is whole stands in"
    lake.store.put(f"{old.prefix}/_lake/asset.json", b"{")
    lake.store.put(decision_key(old), b"{")
    (told, *_) = lake.check(repair=True).problems
    assert "restore it from a copy" in told.message
    assert lake.find().names == [old.name]
    with pytest.raises(CorruptionError):
        lake[old.name]


def test_a_half_written_add_is_no_wrong_and_is_swept_after_a_day(lake, added):
    lake.store.put("assets/half/0123456789ab/_lake/head", b"half")
    report = lake.check(sweep=True)
    assert report.ok
    assert kinds(report) == [("unfinished", "assets/half/0123456789ab")]
    assert lake.check(sweep=True, grace=timedelta(0)).problems[0].repaired
    assert lake.check().problems == []
    assert lake[added.manifest.name]


def test_an_index_that_is_behind_or_ahead_is_put_right(lake, added, made_up, said):
    gone = lake.add(made_up.use(), said=said, name="gone").manifest
    lake.catalog.remove([added.manifest.name])
    for found in list(lake.store.list("assets/gone")):
        lake.store.delete(found.key)
    behind = [("not-indexed", added.manifest.prefix), ("index-only", gone.prefix)]
    left = [("gone", gone.prefix)]
    assert kinds(lake.check()) == behind + left
    lake.catalog.remove([added.manifest.name])
    report = lake.check(repair=True)
    assert kinds(report) == behind + left
    assert report.ok
    assert kinds(lake.check()) == left
    assert list(lake) == [added.manifest.name]


@pytest.mark.parametrize("damage", ["page", "end", "gone", "other", "nonsense"])
def test_a_damaged_snapshot_of_the_index_is_made_again(lake, added, damage):
    store, key = lake.store, lake.store.get(indexing.NEWEST).decode()
    whole = store.get(key)
    if damage == "page":
        column = pq.read_metadata(io.BytesIO(whole)).row_group(0).column(0)
        last = column.dictionary_page_offset + column.total_compressed_size - 1
        store.put(key, whole[:last] + bytes([whole[last] ^ 1]) + whole[last + 1 :])
    elif damage == "end":
        store.put(key, whole[:-1])
    elif damage == "gone":
        store.delete(indexing.NEWEST)
    else:
        named = added.manifest.prefix if damage == "other" else "\ud800\0"
        store.put(indexing.NEWEST, named.encode("utf-8", "surrogatepass"))
    assert kinds(lake.check(quick=True)) == []
    assert kinds(lake.check()) == [("unreadable", indexing.NEWEST)]
    assert lake.check(repair=True).ok
    assert kinds(lake.check()) == []
    assert store.get(key) == whole
    assert list(indexing.newest_snapshot(store).names(Query())) == [added.manifest.name]


def test_one_version_that_is_gone_leaves_the_others(lake, added):
    name = added.manifest.name
    newer = lake.describe(name, {"subject": {"sex": "female"}}).manifest
    for found in list(lake.store.list(newer.prefix)):
        lake.store.delete(found.key)
    assert kinds(lake.check()) == [
        ("unfinished", f"{added.manifest.prefix}/{NEXT}"),
        ("index-only", newer.prefix),
        ("gone", newer.prefix),
    ]
    assert lake.check(repair=True).ok
    assert lake[name].version == added.manifest.version


def test_reindexing_is_the_same_as_having_indexed(lake, added, made_up, said):
    lake.add(made_up.use(), said=said, name="other")
    lake.describe("other", {"subject": {"sex": "female"}})
    before = sorted(entry.to_json() for entry in lake.catalog.entries())
    assert lake.reindex() == 3
    assert sorted(entry.to_json() for entry in lake.catalog.entries()) == before
    assert lake.index.count(Query()) == 2


def test_only_what_is_asked_for_is_checked(lake, added, made_up, said):
    other = lake.add(made_up.use(), said=said, name="other").manifest
    lake.store.delete(other.key_of(other.files[0]))
    assert lake.check(added.manifest.name).ok
    assert lake.check(f"other@{other.version}").problems[0].kind == "missing"
    with pytest.raises(NotFoundError, match="no nothing"):
        lake.check("nothing")


def test_progress_ends_at_its_total(lake, added):
    told = {"done": 0}

    class Told:
        def start(self, phase, total, unit="bytes"):
            told["total"] = total

        def advance(self, amount):
            told["done"] += amount

    lake.check(progress=Told())
    assert told["done"] == told["total"] == added.manifest.stored_bytes


def test_a_lake_with_nothing_in_it():
    lake = panneuro.open("memory://nothing-in-it", create=True)
    assert lake.check().problems == []
    assert lake.reindex() == 0


@pytest.fixture
def place(tmp_path):
    """Return a folder with a lake."""
    return tmp_path / "lake"


@pytest.fixture
def kept(place, made_up, said):
    """Return a lake in that folder, with two assets in its index."""
    lake = panneuro.open(place, create=True)
    for name in ("first", "second"):
        lake.add(made_up.use(), said=said, name=name)
    return lake


def closed(lake):
    """Let go of a lake, with everything in the files of its indexes."""
    lake.runs.close()
    lake.catalog.close()


def changed(path, statement, *values):
    """Change an index behind its lake's back."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, values)


CHANGES = [
    "UPDATE asset SET body=replace(body, 'Mus musculus', 'Mus musculuz') WHERE name='first'",
    "UPDATE asset SET words='mouse' WHERE name='first'",
    "UPDATE asset SET latest=0 WHERE name='first'",
    "UPDATE asset SET date=0 WHERE name='first'",
    "UPDATE term SET count=count+1 WHERE id=(SELECT max(id) FROM term)",
    "UPDATE term SET fold='mus muscvlus' WHERE fold='mus musculus'",
    "DELETE FROM term WHERE fold='mus musculus'",
    "UPDATE posting SET body=x'0500' WHERE id=(SELECT max(id) FROM posting)",
    "UPDATE posting SET body=x'05' WHERE id=(SELECT max(id) FROM posting)",
    "DELETE FROM sample WHERE id=(SELECT max(id) FROM sample)",
    "UPDATE kept SET bytes=bytes+1",
    "DELETE FROM kept WHERE name='first'",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_what_the_index_says_wrongly_is_told_and_mended(kept, place, statement):
    before = [entry.to_json() for entry in kept.catalog.entries()]
    closed(kept)
    changed(place / indexing.INDEX, statement)
    report = panneuro.open(place).check()
    assert kinds(report) == [("corrupt", indexing.INDEX)]
    assert "--repair" in report.problems[0].message
    lake = panneuro.open(place)
    assert lake.check(repair=True).ok
    again = panneuro.open(place)
    assert again.check().problems == []
    assert [entry.to_json() for entry in again.catalog.entries()] == before
    assert sorted(again.find("species=mouse").names) == ["first", "second"]


def test_a_row_that_says_other_things_than_its_asset_is_told_and_mended(kept):
    entry = kept.catalog.get("first")
    kept.catalog.index([replace(entry, doc={**entry.doc, "title": "else"})], replace=True)
    for references in ([], ["first"]):
        (problem,) = kept.check(*references, quick=True).problems
        assert (problem.kind, problem.asset) == ("index-differs", f"first@{entry.version}")
    assert kept.check("second").problems == []
    assert kept.check("first", repair=True).ok
    assert kept.check().problems == []
    assert kept.catalog.get("first") == entry


@pytest.mark.parametrize("key", [indexing.INDEX, indexing.RUNS])
def test_an_index_that_is_no_index_is_told_and_made_again(kept, place, key):
    closed(kept)
    for mend in (lambda lake: lake.check(repair=True), panneuro.Lake.reindex):
        (place / key).write_bytes(b"no index" * 1000)
        (problem,) = panneuro.open(place).check().problems
        assert (problem.key, problem.repaired) == (key, False)
        mended = panneuro.open(place)
        mend(mended)
        assert mended.check().problems == []
        assert len(mended) == 2
        closed(mended)
