from __future__ import annotations

import fsspec
import numpy as np
import pytest
import zarr

import panneuro
from panneuro.core.errors import DocumentError, InputError, NotFoundError, PanneuroError


@pytest.fixture
def name(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said).manifest.name


def test_a_correction_shares_all_data(lake, name, made_up):
    first = lake[name]
    described = lake.describe(name, {"subject": {"species": "rat", "sex": "male"}})
    assert described.is_new
    assert described.sent_bytes < 200_000
    latest = lake[name]
    assert latest.documents.subject.species.label.lower() == "rattus norvegicus"
    assert first.documents.subject.species.label.lower() == "mus musculus"
    for asset in (latest, lake[f"{name}@{first.version}"], lake[f"{name}@{latest.version}"]):
        assert np.array_equal(asset["ap"].read(), made_up.signals()[0].data)
        assert asset.units["b"].tolist() == [0.2]
        assert asset.units.table["quality"].tolist() == ["good", "mua"]
        assert asset.trials["start_time"].tolist() == [0.0, 1.0]
        assert len(asset.pyramid("ap")) == 2
        assert asset.read_file("original/source.dat") == b"what the rig wrote"
    assert latest.nwb().subject.sex == "M"
    assert first.nwb().subject.sex == "U"
    assert lake.check().problems == []


def test_corrections_of_corrections(lake, name, made_up):
    versions = [lake[name].version]
    versions += [
        lake.describe(name, {"subject": {"sex": sex}}).manifest.version
        for sex in ("male", "female", "male")
    ]
    assert len(set(versions)) == 4
    assert [manifest.version for manifest in lake.versions(name)] == versions
    assert np.array_equal(lake[name]["ap"].read(), made_up.signals()[0].data)
    assert lake.check().problems == []


def test_saying_what_is_said_already_changes_nothing(lake, name):
    before = [found.key for found in lake.store.list()]
    assert not lake.describe(name, {"subject": {"id": "m1"}}).is_new
    assert [found.key for found in lake.store.list()] == before


def test_a_dry_run_touches_nothing(lake, name):
    before = {found.key for found in lake.store.list()}
    lake = panneuro.open(lake.store.url)
    assert name in lake
    written = lake.store.usage.bytes_written
    would = lake.describe(name, {"subject": {"sex": "male"}}, dry_run=True)
    assert lake.store.usage.bytes_written == written
    assert would.is_new
    assert {found.key for found in lake.store.list()} == before
    assert lake[name].version != would.manifest.version


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"description": {"name": "other"}}, InputError),
        ({"subject": {"nonsense": 1}}, PanneuroError),
        ({"nonsense": {"id": 1}}, PanneuroError),
    ],
)
def test_what_cannot_be_said(lake, name, more, error):
    with pytest.raises(error):
        lake.describe(name, more)
    assert len(lake.versions(name)) == 1


def test_only_the_latest_version_is_described(lake, name):
    first = lake[name].version
    lake.describe(f"{name}@{first}", {"subject": {"sex": "male"}})
    with pytest.raises(InputError, match="only the latest"):
        lake.describe(f"{name}@{first}", {"subject": {"sex": "female"}})
    with pytest.raises(NotFoundError):
        lake.describe("nothing", {})


def test_an_nwb_file_keeps_its_tree(lake, session, said):
    added = lake.add(session.sorted, said={"description": said["description"]})
    name = added.manifest.name
    lake.describe(name, {"subject": {"strain": "C57BL/6J"}})
    latest = lake[name]
    assert latest.documents.subject.strain.label == "C57BL/6J"
    assert latest.nwb().units["area"][0] == "VISp2/3"
    assert {u: t.tolist() for u, t in latest.units.trains().items()} == {
        u: t.tolist() for u, t in session.trains.items()
    }


def test_plain_readers_open_a_version_that_shares_through_references(made_up, said, tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    name = lake.add(made_up.use(), said=said).manifest.name
    described = lake.describe(name, {"subject": {"sex": "male"}}).manifest
    spec = tmp_path / "lake" / described.prefix / "references.json"
    files = fsspec.filesystem("reference", fo=str(spec), remote_protocol="file")
    assert np.array_equal(_array(files, "acquisition/ap/data"), made_up.signals()[0].data)
    assert files.cat(
        "general/subject/sex/c/0" if files.exists("general/subject/sex/c/0") else "zarr.json"
    )


def _array(files, path):
    from zarr.storage import MemoryStore

    keys = [key for key in files.find("") if key.startswith(path)]
    make = zarr.core.buffer.cpu.Buffer.from_bytes
    store = MemoryStore({key: make(files.cat(key)) for key in keys})
    return zarr.open_array(store, path=path, mode="r")[:]


def test_documents_that_would_not_do_are_refused_whole(lake, name):
    with pytest.raises((DocumentError, InputError)):
        lake.describe(name, {"acquisition": {"session_start": "yesterday"}})
    assert lake.check().problems == []


def test_an_optional_field_is_emptied(lake, name, made_up):
    lake.describe(name, {"subject": {"strain": "C57BL/6J", "sex": "male"}})
    emptied = lake.describe(name, {}, unset=["subject.strain"])
    assert emptied.is_new
    latest = lake[name]
    assert latest.documents.subject.strain is None
    assert latest.documents.subject.sex.label == "male"
    assert np.array_equal(latest["ap"].read(), made_up.signals()[0].data)
    assert not lake.describe(name, {}, unset=["subject.strain"]).is_new
    both = lake.describe(name, {"subject": {"sex": "female"}}, unset=["subject.sex"])
    assert both.manifest.documents["subject"]["sex"]["label"] == "female"
    assert len(lake.versions(name)) == 4


def test_a_field_that_must_be_said_is_not_emptied(lake, name):
    with pytest.raises(DocumentError) as caught:
        lake.describe(name, {}, unset=["subject.species", "description.licence"])
    assert "subject.species" in str(caught.value)
    assert "description.licence" in str(caught.value)
    with pytest.raises(InputError, match="keeps its name"):
        lake.describe(name, {}, unset=["description.name"])
    with pytest.raises(DocumentError, match="no 'nonsense'"):
        lake.describe(name, {}, unset=["subject.nonsense"])
    assert len(lake.versions(name)) == 1
