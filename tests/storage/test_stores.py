from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

from panneuro.core.errors import (
    ConflictError,
    InputError,
    ObjectExistsError,
    ObjectNotFoundError,
    StoreError,
    UnsafeStoreError,
)
from panneuro.core.store import Prefixed, Store
from panneuro.storage.stores import clear_unfinished, open_store, probe, put_new
from panneuro.testing.faults import Fault, FaultyStore
from panneuro.testing.proxy import counting_proxy
from panneuro.testing.servers import free_port
from panneuro.testing.store import StoreConformance

SECRET = "do-not-tell-anybody"


class TestFolder(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path) -> Store:
        return open_store(tmp_path / "lake with spaces" / "é")


class TestMemory(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path) -> Store:
        return open_store(f"memory://{tmp_path}")


class TestFolderOfAStore(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path) -> Store:
        return Prefixed(open_store(f"memory://{tmp_path}"), "some/folder")


@pytest.mark.s3
@pytest.mark.parametrize("s3_server", ["radosgw"], indirect=True)
class TestBucket(StoreConformance):
    @pytest.fixture
    def store(self, s3) -> Store:
        return open_store(f"{s3}/deep/prefix é")


@pytest.mark.s3
@pytest.mark.parametrize("s3_server", ["moto"], indirect=True)
class TestBucketOfMoto(StoreConformance):
    # moto looks and then writes, so two of its threads may both find nothing.
    test_lets_one_of_many_writers_create = None
    test_settles_a_race_for_one_commit = None

    @pytest.fixture
    def store(self, s3) -> Store:
        return open_store(f"{s3}/deep/prefix é")


class IgnoresConditions(FaultyStore):
    """A store that overwrites, as several servers that speak S3 do."""

    def put(self, key, data, *, create=False):
        super().put(key, data)


@pytest.mark.parametrize(
    "place",
    [
        "memory://name/of it",
        "s3://bucket/deep/prefix",
        "s3://bucket/a?region=eu-west-1",
        "s3://bucket?endpoint=http://127.0.0.1:9000&anonymous=true",
        "gs://bucket/prefix",
        "az://account/container/prefix",
        "https://host.example/a/b",
    ],
)
def test_a_place_is_opened_again_by_its_url(place):
    store = open_store(place)
    assert store.url == place
    assert pickle.loads(pickle.dumps(store)).url == place
    assert place in repr(store)


def test_a_folder_is_opened_by_path_or_url(tmp_path, monkeypatch):
    open_store(tmp_path).put("a", b"1")
    monkeypatch.chdir(tmp_path.parent)
    for place in (str(tmp_path), tmp_path.name, tmp_path.as_uri()):
        assert open_store(place).get("a") == b"1"


def test_opening_and_looking_make_no_folder(tmp_path):
    store = open_store(tmp_path / "absent")
    assert list(store.list()) == store.folders() == []
    with pytest.raises(ObjectNotFoundError):
        store.get("a")
    store.delete("a")
    assert not (tmp_path / "absent").exists()


def test_memories_are_shared_by_name():
    open_store("memory://shared-by-name").put("a", b"1")
    assert open_store("memory://shared-by-name").get("a") == b"1"
    assert list(open_store("memory://another-name").list()) == []


@pytest.mark.parametrize(
    "place",
    [
        f"s3://key:{SECRET}@bucket/a",
        f"https://user:{SECRET}@host.example/a",
        f"https://host.example/a?token={SECRET}",
        f"az://account/container?sig={SECRET}",
        f"s3://bucket?secret_access_key={SECRET}",
        f"s3://bucket?endpoint=https://user:{SECRET}@host.example",
        f"memory://name?x={SECRET}",
        f"file:///folder?x={SECRET}",
        f"ftp://user:{SECRET}@host.example",
    ],
)
def test_credentials_in_a_place_are_refused_and_not_repeated(place):
    with pytest.raises(InputError) as caught:
        open_store(place)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        "ftp://host.example/a",
        "s3:///no-bucket",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket?endpoint=nonsense",
        "s3://bucket?endpoint=http://host.example",
        "http://host.example/a",
        "file://host.example/a",
    ],
)
def test_places_that_cannot_be_used_are_refused(place, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    with pytest.raises(InputError) as caught:
        open_store(place)
    assert caught.value.hint or "key" in caught.value.message


def test_options_are_for_buckets_alone(tmp_path):
    with pytest.raises(InputError, match="options"):
        open_store(tmp_path, region="eu-west-1")
    with pytest.raises(InputError, match="'colour'"):
        open_store("s3://bucket", colour="red")


def test_http_to_a_trusted_machine_can_be_allowed(monkeypatch):
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    assert open_store("s3://bucket", endpoint="http://host.example").url.endswith("host.example")


def test_a_server_that_refuses_connections_is_told(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    store = open_store("s3://bucket/lake", endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreError, match="cannot read 'a'") as caught:
        store.get("a")
    assert "address" in caught.value.hint
    assert SECRET not in str(caught.value) + repr(store)


@pytest.mark.s3
def test_a_wrong_secret_is_told_and_not_repeated(radosgw, monkeypatch):
    for name, value in radosgw.environment().items():
        monkeypatch.setenv(name, value)
    bucket = radosgw.make_bucket()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    store = open_store(f"s3://{bucket}")
    for call in (lambda: store.put("a", b"1"), lambda: store.get("a"), lambda: list(store.list())):
        with pytest.raises(StoreError) as caught:
            call()
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__
    assert SECRET.encode() not in pickle.dumps(store)


@pytest.mark.s3
def test_a_public_bucket_is_read_without_credentials(radosgw, monkeypatch):
    bucket, client = radosgw.make_bucket(), radosgw.client()
    client.put_object(Bucket=bucket, Key="lake/a", Body=b"1", ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    store = open_store(f"s3://{bucket}/lake", endpoint=radosgw.endpoint, anonymous="true")
    assert store.get("a") == b"1"
    assert pickle.loads(pickle.dumps(store)).get("a") == b"1"
    with pytest.raises(StoreError):
        store.put("b", b"2")


@pytest.mark.s3
def test_a_missing_bucket_is_told(s3_server):
    store = open_store("s3://no-such-bucket")
    for call in (lambda: store.put("a", b"1"), lambda: list(store.list()), store.folders):
        with pytest.raises(StoreError, match="no-such-bucket") as caught:
            call()
        assert "bucket" in caught.value.hint


@pytest.mark.s3
def test_https_places_are_read_only(moto):
    bucket = moto.make_bucket()
    public = {"Bucket": bucket, "ACL": "public-read"}
    moto.client().put_object(**public, Key="lake/ä b", Body=b"0123456789")
    store = open_store(f"{moto.endpoint}/{bucket}/lake")
    assert store.get("ä b") == b"0123456789"
    assert store.get_ranges("ä b", [(8, 2), (0, 1)]) == [b"89", b"0"]
    assert store.info("ä b").size == 10
    with pytest.raises(StoreError, match="read-only"):
        store.put("b", b"")
    with pytest.raises(StoreError, match="read-only"):
        store.delete("ä b")
    with pytest.raises(StoreError, match="cannot list"):
        list(store.list())


@pytest.mark.s3
def test_what_is_counted_is_what_passes_the_wire(s3_server, tmp_path):
    place = f"s3://{s3_server.make_bucket()}/lake"
    with counting_proxy(s3_server.port) as proxy:
        store = open_store(place, endpoint=proxy.endpoint)
        for number in range(3):
            store.put(f"a/{number}", bytes(3_000_000))
        store.put("large", bytes(40_000_000))
        source = tmp_path / "source"
        source.write_bytes(bytes(20_000_000))
        store.put_file("file", source)
        store.get_ranges("a/0", [(0, 10), (2_000_000, 10), (2_000_100, 10), (9, 5)])
        store.get_range("a/1", 5, 100)
        store.get("a/2")
        store.info("a/2")
        list(store.list())
        store.folders()
        store.delete("a/0")
        assert store.usage.requests == proxy.count()
        assert store.usage.bytes_written <= proxy.bytes_sent
        assert store.usage.bytes_read == 14 + 110 + 100 + 3_000_000
        assert store.usage.bytes_read <= proxy.bytes_received


@pytest.mark.s3
@pytest.mark.parametrize("lost", [1, 3, 100])
def test_a_commit_survives_answers_lost_on_the_wire(s3_server, lost):
    place = f"s3://{s3_server.make_bucket()}"
    with counting_proxy(s3_server.port) as proxy:
        store = open_store(place, endpoint=proxy.endpoint)
        proxy.answers_to_lose = lost
        if lost < 100:
            assert put_new(store, "a", b"{}") in {True, False}
        else:
            with pytest.raises(StoreError, match="cannot"):
                put_new(store, "a", b"{}")
        proxy.answers_to_lose = 0
        assert put_new(store, "a", b"{}") is False
        with pytest.raises(ConflictError):
            put_new(store, "a", b"[]")
        assert open_store(place).get("a") == b"{}"


@pytest.mark.s3
def test_a_listing_is_counted_page_by_page(radosgw, monkeypatch):
    for name, value in radosgw.environment().items():
        monkeypatch.setenv(name, value)
    place = f"s3://{radosgw.make_bucket()}"
    with counting_proxy(radosgw.port) as proxy:
        store = open_store(place, endpoint=proxy.endpoint)
        for number in range(1001):
            store.put(f"{number}", b"")
        before = store.usage.snapshot()
        proxy.reset()
        assert len(list(store.list())) == 1001
        assert (store.usage.snapshot() - before).requests == proxy.count() == 2


def test_the_probe_finds_a_store_that_ignores_conditions(tmp_path):
    inner = open_store(tmp_path)
    with pytest.raises(UnsafeStoreError, match="create-only"):
        probe(IgnoresConditions(inner, {}))
    assert list(inner.list()) == []


def test_the_probe_asks_once_for_each_handle(tmp_path):
    store = open_store(tmp_path)
    probe(store)
    before = store.usage.snapshot()
    probe(store)
    assert store.usage.snapshot() == before


def test_the_probe_tells_a_store_that_cannot_be_written(moto):
    with pytest.raises(StoreError, match="read-only"):
        probe(open_store(moto.endpoint))


def test_a_commit_is_not_called_done_when_reading_back_fails(tmp_path):
    store = FaultyStore(open_store(tmp_path), {1: Fault.LOST, 2: Fault.REFUSED})
    with pytest.raises(StoreError, match="refused"):
        put_new(store, "a", b"{}")
    assert put_new(store, "a", b"{}") is False


def test_a_commit_takes_views_of_memory(tmp_path):
    store = open_store(tmp_path)
    assert put_new(store, "a", memoryview(b"{}"))
    assert not put_new(store, "a", memoryview(b"{}"))
    with pytest.raises(ConflictError) as caught:
        put_new(store, "a", memoryview(b"[]"))
    assert caught.value.hint


def test_an_object_where_a_folder_is_needed_is_told(tmp_path):
    store = open_store(tmp_path)
    store.put("a", b"1")
    with pytest.raises(StoreError) as caught:
        store.put("a/b", b"1", create=True)
    assert not isinstance(caught.value, ObjectExistsError | ObjectNotFoundError)


def test_half_written_files_are_cleared_once_they_are_old(tmp_path):
    store = open_store(tmp_path)
    store.put("a/b", b"1")
    left = [tmp_path / "a" / "b#1", tmp_path / "c#12"]
    for path in left:
        path.write_bytes(b"half")
    (tmp_path / "link#1").symlink_to(tmp_path / "a" / "b")
    (tmp_path / "folder#1").mkdir()
    assert clear_unfinished(store, timedelta(hours=1)) == 0
    assert all(path.exists() for path in left)
    assert clear_unfinished(store, timedelta(seconds=-60)) == 8
    assert not any(path.exists() for path in left)
    assert (tmp_path / "link#1").is_symlink()
    assert [found.key for found in store.list()] == ["a/b"]
    assert clear_unfinished(open_store("memory://clear"), timedelta()) == 0
