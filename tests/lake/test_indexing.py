from __future__ import annotations

import uuid

import pytest

import panneuro
from panneuro.core.errors import CorruptionError, StoreDeniedError, StoreError
from panneuro.lake import indexing


@pytest.fixture
def place(tmp_path):
    return tmp_path / "lake"


def test_what_was_committed_by_the_dead_is_indexed_at_the_next_opening(
    place, made_up, said, monkeypatch
):
    lake = panneuro.open(place, create=True)
    lake.add(made_up.use(), said=said, name="first")

    class KilledError(BaseException):
        """Stands for the end of the process."""

    def die(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(panneuro.Lake, "_learn", die)
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        with pytest.raises(KilledError):
            lake.add(made_up.use(), said=said, name="second")
    assert sorted(panneuro.open(place)) == ["first", "second"]
    assert panneuro.open(place).check().ok


def test_notes_are_taken_away(place, made_up, said):
    lake = panneuro.open(place, create=True)
    lake.add(made_up.use(), said=said, name="first")
    lake.describe("first", {"subject": {"sex": "male"}})
    assert not list((place / "catalog").glob("*.adding"))


def test_an_asset_in_another_place_than_it_says_is_not_believed(lake, made_up, said):
    manifest = lake.add(made_up.use(), said=said, name="first").manifest
    data = lake.store.get(f"{manifest.prefix}/_lake/asset.json")
    lake.store.put(f"assets/second/{manifest.version}/_lake/asset.json", data)
    with pytest.raises(CorruptionError, match="is that of 'first'"):
        indexing.decode_at(lake.store, f"assets/second/{manifest.version}/_lake/asset.json")
    with pytest.warns(UserWarning, match="is that of 'first'.*panneuro check --repair"):
        assert lake.reindex() == 1


def test_an_index_is_beside_its_lake_or_in_the_cache(tmp_path):
    from panneuro.storage.stores import open_store

    folder = tmp_path / "lake"
    folder.mkdir()
    assert indexing.index_path(open_store(folder), "id") == folder / "catalog" / "index.sqlite"
    assert indexing.index_path(open_store(f"memory://{uuid.uuid4()}"), "id") is None
    far = indexing.index_path(open_store("s3://bucket/lake"), "id")
    assert far == tmp_path / "cache" / "panneuro" / "id" / "index.sqlite"
    assert indexing.is_shared(far)
    assert not indexing.is_shared(folder / "catalog" / "index.sqlite")


def test_what_was_committed_and_could_not_be_indexed_is_at_the_next_opening(
    place, made_up, said, monkeypatch
):
    lake = panneuro.open(place, create=True)

    def fail(*_, **__):
        raise StoreError("the index fails")

    with monkeypatch.context() as patch:
        patch.setattr(panneuro.Lake, "_learn", fail)
        with pytest.raises(StoreError, match="the index fails"):
            lake.add(made_up.use(), said=said, name="first")
    assert list(panneuro.open(place)) == ["first"]
    assert not list((place / "catalog").glob("*.adding"))


def test_who_may_not_write_the_index_of_a_folder_adds_nothing(
    place, made_up, said, monkeypatch, tmp_path
):
    lake = panneuro.open(place, create=True)
    own = tmp_path / "own" / "index.sqlite"
    own.parent.mkdir()
    monkeypatch.setattr(indexing, "index_path", lambda *_: own)
    with pytest.raises(StoreDeniedError, match="'catalog'"):
        lake.add(made_up.use(), said=said, name="first")
    assert not (place / "assets").exists()
