from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.lake.rebuilding import rebuild
from panneuro.signals.events import Events
from panneuro.signals.table import Table
from panneuro.storage import tables
from panneuro.storage.levels import level_node


@pytest.fixture
def added(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said).manifest


def spoil(store, key, how):
    data = store.get(key)
    if how == "gone":
        store.delete(key)
    else:
        store.put(key, data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[-1:])
    return data


@pytest.mark.parametrize("how", ["gone", "flipped"])
def test_whatever_follows_from_others_is_made_again(lake, added, how):
    inline = lake[added.name].head.inline
    mended = set()
    for file in added.files:
        data = spoil(lake.store, added.key_of(file), how)
        report = lake.check(repair=True)
        (problem,) = report.problems
        if problem.repaired:
            assert lake.store.get(added.key_of(file)) == data
            assert lake.check().problems == []
            mended.add(file.path)
        lake.store.put(added.key_of(file), data)
    expected = {file.path for file in added.files if file.path in inline}
    expected |= {file.path for file in added.files if file.path.startswith("_lake/pyramid/")}
    assert mended == expected | {"zarr.json", "_lake/head", tables.path_of("units")}


def test_all_of_it_at_once(lake, added, made_up):
    lake.store.delete(f"{added.prefix}/_lake/head")
    for file in added.files:
        if file.path.startswith("_lake/pyramid/") and "/c/" in file.path:
            lake.store.delete(added.key_of(file))
    assert not lake.check().ok
    report = lake.check(repair=True)
    assert report.ok
    assert len(report.problems) >= 3
    assert lake.check().problems == []
    assert np.array_equal(lake[added.name]["ap"].read(), made_up.signals()[0].data)


@pytest.mark.parametrize("path", ["_lake/head", "references.json"])
def test_a_version_that_shares(lake, added, path):
    described = lake.describe(added.name, {"subject": {"sex": "male"}}).manifest
    again = lake.describe(added.name, {"subject": {"strain": "BALB/c"}}).manifest
    for manifest in (described, again):
        lake.store.delete(f"{manifest.prefix}/{path}")
        assert lake.check(repair=True).ok
        assert lake.check().problems == []


def test_a_tree_that_a_file_brought(lake, session, said):
    added = lake.add(session.sorted, said={"description": said["description"]}).manifest
    for path in ("_lake/head", "zarr.json"):
        lake.store.delete(f"{added.prefix}/{path}")
        assert [problem.repaired for problem in lake.check(repair=True).problems] == [True]
        assert lake.check().problems == []


def remade(lake, manifest, *folders):
    """Spoil each object of some folders in turn; return what is there and what is made again."""
    there = [file for file in manifest.files if file.path.startswith(folders)]
    made = []
    for file in there:
        key = manifest.key_of(file)
        data = spoil(lake.store, key, "flipped")
        if rebuild(lake.store, manifest, file):
            assert lake.store.get(key) == data
            made.append(file)
        lake.store.put(key, data)
    return there, made


@pytest.mark.parametrize("source", ["sorted", "probe", "behaviour"])
def test_tables_are_read_again(lake, session, said, source):
    manifest = lake.add(getattr(session, source), said=said).manifest
    there, made = remade(lake, manifest, tables.FOLDER)
    assert made == there
    assert there


def test_thumbnails_are_made_again_from_the_video(lake, tmp_path, said):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "face.mp4"), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(20):
            level = np.full((32, 64, 3), number * 9, dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(level, format="rgb24")))
        out.mux(stream.encode())
    manifest = lake.add(tmp_path / "face.mp4", said=said).manifest
    there, made = remade(lake, manifest, "_lake/thumbnails/")
    assert made == there
    assert len(there) == 2


def test_a_table_that_follows_from_nothing_is_left(lake, added, tmp_path):
    original = next(file for file in added.files if file.path.startswith("original/"))
    lake.store.put(added.key_of(original), b"another recording")
    there, made = remade(lake, added, tables.path_of("trials"))
    assert (len(there), made) == (1, [])


@pytest.mark.parametrize("name", ["units", "licks"])
@pytest.mark.parametrize("ids", [("ch1#0", "ch1#1", "ch2#0"), (4, 9, 2)])
def test_the_table_of_events_follows_from_the_tree(lake, made_up, said, name, ids):
    times = [np.arange(300) / 100, np.empty(0), np.arange(7.0)]
    more = Table.from_frame(name, pd.DataFrame({"n_spikes": [300, 0, 7]}))
    events = Events.from_trains(name, dict(zip(ids, times, strict=True)), more)
    manifest = lake.add(made_up.use(events, kept=False), said=said).manifest
    there, made = remade(lake, manifest, tables.FOLDER)
    assert made == there
    assert len(there) == 1


def test_what_blackrock_detected_follows_from_the_tree(lake, sample_data, said):
    source = sample_data / "raw" / "blackrock" / "blackrock_2_1"
    manifest = lake.add(source, template=said).manifest
    there, made = remade(lake, manifest, tables.FOLDER)
    assert made == there
    assert len(there) == 2


def test_nothing_is_put_that_is_not_what_it_was(lake, added):
    raw = next(file for file in added.files if file.path.startswith("acquisition/ap/data/c"))
    level = next(file for file in added.files if file.path.endswith("ap/0/c/0/0/0"))
    spoil(lake.store, added.key_of(raw), "flipped")
    spoil(lake.store, added.key_of(level), "gone")
    before = {found.key: found.etag for found in lake.store.list("assets")}
    assert not rebuild(lake.store, added, raw)
    assert not rebuild(lake.store, added, level)
    assert {found.key: found.etag for found in lake.store.list("assets")} == before
    report = lake.check(repair=True)
    assert not report.ok
    assert {"restore it from a copy" in problem.message for problem in report.problems} == {True}


def test_pyramids_that_were_written_without_shards(lake, made_up, said, monkeypatch):
    new = lake.add(made_up.use(kept=True), name="new", said=said).manifest
    monkeypatch.setattr("panneuro.storage.writing.level_node", without_shards)
    old = lake.add(made_up.use(kept=True), name="old", said=said).manifest
    for level, other in zip(lake["old"].pyramid("ap"), lake["new"].pyramid("ap"), strict=True):
        assert level.array.shards is None
        assert other.array.shards
        assert np.array_equal(level[:], other[:])
    for manifest in (old, new):
        for file in manifest.files:
            if file.path.startswith("_lake/pyramid/") and "/c/" in file.path:
                lake.store.delete(manifest.key_of(file))
        assert lake.check(repair=True).ok
    assert lake.check().problems == []


def without_shards(*given):
    node = level_node(*given)
    return {**node, "codecs": node["codecs"][0]["configuration"]["codecs"]}
