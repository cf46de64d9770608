from __future__ import annotations

import json
import uuid

import numpy as np
import pytest
import zarr

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import FormatError, StoreError
from panneuro.core.store import Prefixed
from panneuro.signals.recording import SourceFile
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.pyramid import FACTOR
from panneuro.storage.stores import open_store
from panneuro.testing.faults import Fault, FaultyStore

PREFIX = "assets/session/0123456789ab"


@pytest.fixture
def store():
    return open_store(f"memory://writing-{uuid.uuid4()}")


def trace(seed=0, **fields):
    data = np.random.default_rng(seed).normal(0, 99, (20_000, 3)).astype("i2")
    return TimeSeries("ap", data, "volts", **{"rate_hz": 1000.0, **fields})


def test_every_object_is_listed_with_its_size_and_digest(zoo):
    listed = {f"{PREFIX}/{file.path}": file for file in zoo.content.files}
    there = {found.key: found.size for found in zoo.store.list("assets")}
    assert {key: file.size for key, file in listed.items()} == there
    for key, file in listed.items():
        assert digest_bytes(zoo.store.get(key)) == file.digest
    assert zoo.content.sent_bytes == sum(there.values())


def test_a_plain_reader_needs_nothing_of_ours(zoo):
    from obstore.store import MemoryStore
    from zarr.storage import ObjectStore

    backend = MemoryStore()
    for file in zoo.content.files:
        if not file.path.startswith("_lake/"):
            backend.put(file.path, zoo.store.get(f"{PREFIX}/{file.path}"))
    root = zarr.open_group(ObjectStore(backend, read_only=True), mode="r", use_consolidated=True)
    assert np.array_equal(root["acquisition/ap/data"][:], zoo.signals["ap"].data)
    assert root["acquisition/words/data"][:2].tolist() == ["a", "Zürich"]
    assert root["acquisition/ap/data"].metadata.dimension_names == ("time", "channel")


def test_pyramids_are_the_extremes(zoo, open_head):
    store = open_head(zoo.store)
    raw = zoo.signals["ap"].data
    finest = zarr.open_array(store, path="_lake/pyramid/acquisition/ap/0", mode="r")[:]
    padded = [raw[at : at + FACTOR] for at in range(0, len(raw), FACTOR)]
    assert np.array_equal(finest[..., 0], [part.min(0) for part in padded])
    assert np.array_equal(finest[..., 1], [part.max(0) for part in padded])
    assert {one["name"]: one.get("pyramid") for one in zoo.content.signals}["ap"] == 2


def puts(store):
    """Note the keys of every put."""
    noted = []

    class Noting(FaultyStore):
        def put(self, key, data, *, create=False):
            noted.append(key)
            super().put(key, data, create=create)

        def put_file(self, key, path):
            noted.append(key)
            super().put_file(key, path)

    return Noting(store, {}), noted


def test_the_same_again_sends_nothing(store, write, tmp_path):
    path = tmp_path / "settings.xml"
    path.write_bytes(b"<settings/>")
    kept = [(SourceFile(path, "settings.xml", True), digest_bytes(b"<settings/>"))]
    first = write(store, [trace()], kept=kept)
    assert store.get(f"{PREFIX}/original/settings.xml") == b"<settings/>"
    noting, noted = puts(store)
    again = write(noting, [trace()], kept=kept)
    assert noted == []
    assert again.content.sent_bytes == 0
    assert again.content.files == first.content.files
    assert again.content.signals == first.content.signals


@pytest.mark.parametrize("damage", ["gone", "flipped", "cut", "longer"])
def test_only_what_is_damaged_is_sent_again(store, write, damage):
    first = write(store, [trace()])
    damaged = {f"{PREFIX}/{file.path}" for file in first.content.files[::3]}
    damaged |= {f"{PREFIX}/acquisition/ap/data/c/0/0", f"{PREFIX}/_lake/head"}
    for key in damaged:
        data = bytearray(store.get(key))
        if damage == "gone":
            store.delete(key)
        elif damage == "flipped":
            data[len(data) // 2] ^= 1
            store.put(key, bytes(data))
        else:
            store.put(key, bytes(data[:-3] if damage == "cut" else data + b"x"))
    noting, noted = puts(store)
    again = write(noting, [trace()])
    assert sorted(noted) == sorted(damaged)
    assert again.content.files == first.content.files


@pytest.mark.parametrize("call", [1, 2, 5])
def test_a_put_that_fails_is_told_and_made_good_by_the_next(store, write, call):
    for fault in (Fault.REFUSED, Fault.LOST):
        with pytest.raises(StoreError, match="as the test asked"):
            write(FaultyStore(store, {call: fault}, only="put"), [trace()])
    write(store, [trace()])
    head = open_store(store.url)
    assert {found.key for found in head.list()} == {found.key for found in store.list()}


def test_values_of_another_type_than_declared_are_refused(store, write, monkeypatch):
    from panneuro.storage import compose

    placed = compose.place

    def lying(nwb, electrodes, signal):
        where = placed(nwb, electrodes, signal)
        for path in where.bulk:
            where.bulk[path] = np.asarray(where.bulk[path], "f4")
        return where

    monkeypatch.setattr(compose, "place", lying)
    with pytest.raises(FormatError, match="declared as 'int16' but holds float32"):
        write(store, [trace()])


def test_memory_is_bounded_by_blocks(store, write):
    class Wide:
        shape = (100_000, 2000)
        dtype = np.dtype("i2")
        most = 0

        def __getitem__(self, key):
            rows = key[0] if isinstance(key, tuple) else key
            count = len(range(*rows.indices(self.shape[0])))
            self.most = max(self.most, count * 4000)
            return np.zeros((count, 2000), "i2")

    data = Wide()
    write(store, [TimeSeries("wide", data, rate_hz=1000.0)])
    assert data.most <= 40 << 20
    node = json.loads(store.get(f"{PREFIX}/acquisition/wide/data/zarr.json"))
    assert node["shape"] == [100_000, 2000]
    assert Prefixed(store, PREFIX).get("acquisition/wide/data/c/0/0")


def test_progress_counts_every_byte_once(store, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from panneuro.documents import read
    from panneuro.storage.compose import compose
    from panneuro.storage.writing import Choice, VersionWriter

    class Counted:
        total = done = 0

        def start(self, phase, total, unit="bytes"):
            self.total = total

        def advance(self, amount):
            self.done += amount

    documents = read({"acquisition": {"session_start": "2026-03-02T09:30:00+00:00"}})
    codecs = ({"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"})
    for damaged in (False, True):
        progress = Counted()
        structure, placed = compose([trace()], documents)
        with ThreadPoolExecutor(1) as executor:
            VersionWriter(
                store, executor, lambda *_: Choice(codecs, "plain", "test"), progress
            ).write(structure, placed, (), "x")
        assert progress.done == progress.total == 120_000
        key = "acquisition/ap/data/c/0/0"
        if not damaged:
            data = bytearray(store.get(key))
            data[-100] ^= 1
            store.put(key, bytes(data))
