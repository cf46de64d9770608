from __future__ import annotations

import itertools
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import zarr

from panneuro.core.digests import digest_bytes
from panneuro.core.errors import ConflictError, FormatError, ObjectExistsError, StoreError
from panneuro.core.manifest import KEY, Manifest
from panneuro.core.store import Prefixed
from panneuro.signals.recording import SourceFile
from panneuro.signals.timeseries import TimeSeries
from panneuro.storage.chunks import ChunkCoder
from panneuro.storage.pyramid import FACTOR
from panneuro.storage.stores import open_store
from panneuro.storage.writing import Choice
from panneuro.testing.faults import Fault, FaultyStore

PREFIX = "assets/session/0123456789ab"
SHARD = "acquisition/ap/data/c/0/0"


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
    damaged |= {f"{PREFIX}/{SHARD}", f"{PREFIX}/_lake/head"}
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
    assert sorted(key for key in noted if "_lake/mending" not in key) == sorted(damaged)
    assert again.content.files == first.content.files
    assert_whole(store, again)


def assert_whole(store, *written):
    """Say that what was written is in the store, and nothing else."""
    there = {found.key: digest_bytes(store.get(found.key)) for found in store.list(PREFIX)}
    for one in written:
        assert there == {f"{PREFIX}/{file.path}": file.digest for file in one.content.files}


@pytest.mark.parametrize("call", [1, 2, 3, 5, 9])
def test_a_put_that_is_refused_is_told_and_made_good_by_the_next(store, write, call):
    with pytest.raises(StoreError, match="as the test asked"):
        write(FaultyStore(store, {call: Fault.REFUSED}, only="put"), [trace()])
    assert_whole(store, write(store, [trace()]))


@pytest.mark.parametrize("path", ["_lake/choices/acquisition/ap/data.json", SHARD])
def test_a_create_only_put_whose_answer_is_lost_knows_its_own(store, write, path):
    noting, noted = puts(store)
    write(noting, [trace()])
    call = 1 + noted.index(f"{PREFIX}/{path}")
    other = open_store(f"{store.url}-again")
    assert_whole(other, write(FaultyStore(other, {call: Fault.LOST}, only="put"), [trace()]))


@pytest.fixture
def moody(monkeypatch):
    """Let the codec give other bytes every time, as one that fits in floating point may."""
    moods, encode = itertools.cycle(itertools.product((1, 19), (True, False))), ChunkCoder.encode

    def other(self, values):
        if self.codecs[1]["name"] != "zstd":
            return encode(self, values)
        level, checksum = next(moods)
        zstd = {"name": "zstd", "configuration": {"level": level, "checksum": checksum}}
        return encode(replace(self, codecs=(self.codecs[0], zstd, *self.codecs[2:])), values)

    monkeypatch.setattr(ChunkCoder, "encode", other)


def at_once(*calls):
    """Call everything at the same moment, and return what each gives."""
    barrier = threading.Barrier(len(calls))

    def one(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as executor:
        return [future.result() for future in [executor.submit(one, call) for call in calls]]


@pytest.mark.usefixtures("moody")
@pytest.mark.parametrize("seed", range(5))
def test_writers_of_one_version_at_once_list_the_same(store, write, seed):
    if seed % 2:
        write(store, [trace()])
        key = f"{PREFIX}/{SHARD}"
        store.put(key, store.get(key)[:-seed])
    written = at_once(*[lambda: write(open_store(store.url), [trace()])] * 3)
    assert_whole(store, *written)
    assert written[0].content.signals == written[1].content.signals


@pytest.mark.usefixtures("moody")
def test_a_shard_of_another_writer_is_kept(store, write):
    """The other comes between our look at what is there and our put."""
    key = f"{PREFIX}/{SHARD}"
    others = write(store, [trace()])
    shard = store.get(key)
    for found in list(store.list()):
        store.delete(found.key)

    class Overtaken(FaultyStore):
        def put(self, at, data, *, create=False):
            if at == key and create:
                with suppress(ObjectExistsError):
                    store.put(key, shard, create=True)
            super().put(at, data, create=create)

    ours = write(Overtaken(store, {}), [trace()])
    assert store.get(key) == shard
    assert_whole(store, ours)
    listed = {file.path: file.digest for file in ours.content.files}
    assert listed[SHARD] == digest_bytes(shard)
    assert ours.content.sent_bytes < others.content.sent_bytes


def test_what_another_chose_is_used(store, write):
    def writing(level):
        zstd = {"name": "zstd", "configuration": {"level": level, "checksum": False}}
        codecs = ({"name": "bytes", "configuration": {"endian": "little"}}, zstd)
        choice = Choice(codecs, f"zstd-{level}", f"on machine {level}", level / 10)
        return write(store, [trace()], choose=lambda *_: choice)

    first, second = writing(3), writing(7)
    assert_whole(store, first, second)
    assert second.content.signals == first.content.signals
    assert second.content.sent_bytes == 0
    said = first.content.signals[0]
    assert (said["codec"], said["noise_floor_bits"]) == ("zstd-3", 0.3)


@pytest.mark.usefixtures("moody")
def test_a_damaged_shard_of_a_commit_is_not_replaced_by_another(store, write):
    """Another writer committed while we were at it, and then its shard was damaged."""
    written = write(store, [trace()])
    key = f"{PREFIX}/{SHARD}"
    committed = Manifest(
        "session", "0123456789ab", "", "", "", {}, (), tuple(written.content.files), ()
    )
    store.put(f"{PREFIX}/{KEY}", committed.encode())
    damaged = store.get(key)[:-1]
    store.put(key, damaged)
    with pytest.raises(ConflictError, match="another writer has committed"):
        write(store, [trace()])
    assert store.get(key) == damaged
    assert not list(store.list(f"{PREFIX}/_lake/mending"))


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
