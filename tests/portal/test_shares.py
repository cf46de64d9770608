"""A served lake is opened like any other."""

from __future__ import annotations

import numpy as np
import pytest

import panneuro
from panneuro.core.errors import StoreError
from panneuro.storage.stores import open_store


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def served(origin, cache):
    return panneuro.open(f"{origin}/store")


def test_it_is_found_and_read_as_in_its_folder(served, lake, name, truth):
    assert list(served) == list(lake)
    assert served.find("mouse-7").names == [name]
    asset = served[name]
    assert asset.version == lake[name].version
    assert np.array_equal(asset["ap"].read(1.0, 1.2), truth.samples[30_000:36_000])
    assert asset.units[103].tolist() == truth.trains[3].tolist()
    assert asset.trials.df["start_time"].tolist() == truth.trials["start_time"].tolist()


def test_few_requests_open_an_asset(served, name):
    assert served.index is not None
    before = served.store.usage.snapshot()
    asset = served[name]
    asset["ap"].read(0.0, 0.1)
    assert (served.store.usage.snapshot() - before).requests <= 4


def test_a_version_that_shares_files_is_read_whole(served, lake, described):
    asset = served[described]
    assert asset.documents.description.title.startswith("A second look")
    for file in asset.files:
        assert asset.read_file(file.path) == lake[described].read_file(file.path)


@pytest.mark.parametrize(
    "key",
    [
        "catalog/index.sqlite",
        "catalog/other.parquet",
        "assets",
        "assets/",
        "%2e%2e/lake.toml",
        "assets/{name}/{version}/%2e%2e/%2e%2e/%2e%2e/lake.toml",
        "assets/{name}/000000000000/_lake/asset.json",
        "assets/{name}@x/{version}/_lake/asset.json",
        "runs/2026-03/x.json",
        "_probe/x",
        "grants/everyone.json",
        "",
    ],
)
def test_other_keys_are_not_served(client, lake, name, key):
    place = f"/store/{key.format(name=name, version=lake[name].version)}"
    assert client.get(place).status_code == 404


def test_settings_say_no_more_than_a_reader_needs(client, lake):
    text = client.get("/store/lake.toml").text
    assert text.splitlines() == ["layout = 1", f'id = "{lake.settings.id}"']


def test_what_cannot_be_listed_says_so(origin):
    with pytest.raises(StoreError, match=r"behind http\(s\) are not listed"):
        list(open_store(f"{origin}/store").list("runs"))
