from __future__ import annotations

import uuid

import numpy as np
import pytest

import panneuro
from panneuro.core.errors import CorruptionError, InputError, NotFoundError
from panneuro.lake.asset import Asset, parse_reference
from panneuro.testing.faults import Fault, FaultyStore
from panneuro.testing.proxy import counting_proxy


@pytest.fixture
def asset(lake, made_up, said):
    return lake[lake.add(made_up.use(kept=True), said=said).manifest.name]


def asked(store, what):
    before = store.usage.snapshot()
    found = what()
    return found, (store.usage.snapshot() - before).requests


def test_requests_to_open_to_the_first_table_and_to_the_first_second(lake, asset, made_up):
    store = lake.store
    opened, requests = asked(store, lambda: Asset.open(store, asset.name, asset.version))
    assert requests == 1
    trials, requests = asked(store, lambda: opened.trials.df)
    assert (len(trials), requests) == (2, 1)
    opened = Asset.open(store, asset.name, asset.version)
    second, requests = asked(store, lambda: opened["ap"].read(1.0, 2.0))
    assert np.array_equal(second, made_up.signals()[0].read(1.0, 2.0))
    assert requests == 2
    opened = Asset.open(store, asset.name, asset.version)
    _, requests = asked(store, lambda: opened.units["a"])
    assert requests <= 3


@pytest.mark.s3
def test_requests_on_the_wire(made_up, said, moto, monkeypatch):
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)
    place = f"s3://{moto.make_bucket()}/lake"
    name = panneuro.open(place, create=True).add(made_up.use(), said=said).manifest.name
    lake = panneuro.open(place)
    assert name in lake
    with counting_proxy(moto.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        through = panneuro.open(place)
        version = lake[name].version
        proxy.reset()
        asset = Asset.open(through.store, name, version)
        assert proxy.count() == 1
        assert len(asset.trials.df) == 2
        assert proxy.count() == 2
        asset = Asset.open(through.store, name, version)
        proxy.reset()
        assert np.array_equal(asset["ap"].read(1.0, 2.0), made_up.signals()[0].read(1.0, 2.0))
        assert proxy.count() <= 2


def test_what_there_is_not_is_told_with_what_there_is(asset):
    with pytest.raises(NotFoundError, match="did you mean 'wheel'"):
        asset["whel"]
    with pytest.raises(NotFoundError, match="it has: ap, wheel, units, trials"):
        asset["electrodes"]
    with pytest.raises(NotFoundError, match="no file"):
        asset.read_file("original/nothing")
    with pytest.raises(NotFoundError, match="no signal"):
        asset.pyramid("nothing")
    with pytest.raises(NotFoundError, match="no file"):
        list(asset.stream_file("nothing"))


def test_a_damaged_manifest_is_told_by_its_key(lake, asset, made_up, said):
    key = f"{asset.manifest.prefix}/_lake/asset.json"
    lake.store.put(key, lake.store.get(key)[:-20])
    for what in (lambda: lake[asset.name], lambda: lake.add(made_up.source, said=said)):
        with pytest.raises(CorruptionError, match=f"'{key}' cannot be read") as error:
            what()
        assert "restore a copy" in error.value.hint


def test_what_it_holds(asset):
    assert list(asset) == ["ap", "wheel", "units", "trials"]
    assert "ap" in asset
    assert "nothing" not in asset
    assert asset.zarr["acquisition/ap/data"].shape == (9000, 3)
    assert b"".join(asset.stream_file("original/source.dat")) == b"what the rig wrote"
    assert repr(asset) == f"<Asset {asset.name} {asset.version}: ap, wheel, units, trials>"
    shown = dict(asset.summary())
    assert shown["ap"] == "9000 × 3 int16, 3000 Hz, volts"
    assert shown["units"] == "2 units, 3 events"
    assert shown["trials"].startswith("2 rows: start_time, stop_time")
    assert "<th style='text-align:left'>subject</th><td>m1 Mus musculus" in asset._repr_html_()


def test_html_shows_text_as_text(lake, made_up, said):
    nasty = {**said, "description": {**said["description"], "title": "<script>alert(1)</script>"}}
    shown = lake[lake.add(made_up.use(), said=nasty).manifest.name]._repr_html_()
    assert "<script>" not in shown


def test_a_version_that_there_is_not(lake, asset):
    with pytest.raises(NotFoundError, match="no version"):
        Asset.open(lake.store, asset.name, "0" * 12)
    with pytest.raises(NotFoundError, match="no asset"):
        lake[f"{asset.name}@{'0' * 12}"]


@pytest.mark.parametrize("reference", ["", "@", "@abc"])
def test_references_that_name_nothing(reference):
    with pytest.raises(InputError, match="names no asset"):
        parse_reference(reference)


@pytest.mark.parametrize("reference", ["../x", "a/b", "x@../../y", "\0", "x" * 5000])
def test_references_that_would_lead_elsewhere(lake, reference):
    with pytest.raises((NotFoundError, InputError)):
        lake[reference]


def test_pynwb_reads_a_version(asset, made_up):
    nwb = asset.nwb()
    assert np.array_equal(nwb.acquisition["ap"].data[:], made_up.signals()[0].data)
    assert nwb.subject.subject_id == "m1"


def test_reading_from_many_threads(asset, made_up):
    from concurrent.futures import ThreadPoolExecutor

    raw = made_up.signals()[0]
    with ThreadPoolExecutor(8) as threads:
        spans = [(start / 10, start / 10 + 0.3) for start in range(20)]
        found = list(threads.map(lambda span: asset["ap"].read(*span), spans))
    for span, values in zip(spans, found, strict=True):
        assert np.array_equal(values, raw.read(*span))


def test_a_lake_is_opened_by_name():
    place = f"memory://{uuid.uuid4()}"
    panneuro.open(place, create=True)
    assert len(panneuro.open(place)) == 0


@pytest.mark.parametrize("fault", [Fault.CORRUPTED, Fault.TRUNCATED])
def test_answers_that_are_spoilt_are_told_and_never_believed(lake, asset, fault):
    faulty = FaultyStore(lake.store, {1: fault}, only="get_range")
    spoilt = Asset(faulty, asset.manifest)
    with pytest.raises(CorruptionError, match="is damaged"):
        spoilt["ap"].read(1.0, 2.0)
    assert spoilt["ap"].read(1.0, 2.0).shape == (3000, 3)
    whole = np.asarray(spoilt["ap"].data)
    assert np.array_equal(whole, asset["ap"].read())
    for path in ("_lake/head", "_lake/tables/trials.parquet"):
        with pytest.raises(CorruptionError):
            Asset(FaultyStore(lake.store, {1: fault}, only="get"), asset.manifest).read_file(path)
