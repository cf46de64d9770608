from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.core.errors import ConflictError, InputError
from panneuro.documents import read
from panneuro.documents.slots import Quality, RunReference
from panneuro.lake.deriving import Derived, derive, find_derived, inherited, version_of
from panneuro.signals.events import Events
from panneuro.signals.table import Table

TABLE = Table.from_frame("rates", pd.DataFrame({"hz": [1.0, 2.0]}))


def derived(run="0a", signals=(TABLE,), files=None, name="m1_rates", **said):
    documents = read(
        {
            "description": {"name": name, "kind": "derived"},
            "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
            **said,
        }
    )
    return Derived(documents, run, signals, files or {}, {})


def test_what_is_made_is_an_asset(lake, tmp_path):
    (tmp_path / "weights").write_bytes(b"123")
    files = {"values/n.json": b"3", "files/weights": tmp_path / "weights"}
    manifest, sent = derive(lake.store, derived(files=files))
    lake.reindex()
    asset = lake["m1_rates"]
    assert asset.version == manifest.version == version_of("0a", "m1_rates")
    assert asset["rates"].df.hz.tolist() == [1.0, 2.0]
    assert asset.read_file("values/n.json") == b"3"
    assert asset.read_file("files/weights") == b"123"
    assert sent > 0
    assert lake.check().ok


def test_signals_with_samples_or_times_are_nwb(lake):
    units = Events.from_trains("units", {"a": [0.1, 0.4], "b": [0.2]})
    derive(lake.store, derived(signals=(units, TABLE), files={"values/n.json": b"3"}))
    lake.reindex()
    asset = lake["m1_rates"]
    assert np.asarray(asset.units.times[:]).tolist() == [0.1, 0.4, 0.2]
    assert len(asset.nwb().units) == 2
    assert lake.check().ok


def test_the_same_run_makes_the_same_version_once(lake):
    first, _ = derive(lake.store, derived())
    again, sent = derive(lake.store, derived())
    assert (again, sent) == (first, 0)
    assert find_derived(lake.store, "0a", "m1_rates") == first
    assert find_derived(lake.store, "0b", "m1_rates") is None


def test_equal_content_is_no_new_version(lake):
    first, _ = derive(lake.store, derived("0a"))
    same, sent = derive(lake.store, derived("0b"))
    assert (same, sent) == (first, 0)
    assert len(lake.store.folders("assets/m1_rates")) == 1
    other = Table.from_frame("rates", pd.DataFrame({"hz": [1.0, 3.0]}))
    new, _ = derive(lake.store, derived("0c", (other,)))
    assert new.parent == first.version
    lake.reindex()
    assert lake.check().ok


def test_described_like_any_other(lake):
    derive(lake.store, derived(files={"values/n.json": b"3"}))
    lake.reindex()
    said = {
        "description": {
            "title": "rates",
            "lab": "Smith lab",
            "institution": "Somewhere",
            "licence": "CC-BY-4.0",
            "modalities": ["ecephys"],
            "parents": [],
        },
        "subject": {"id": "m1", "species": "mouse"},
    }
    lake.describe("m1_rates", said)
    asset = lake["m1_rates"]
    assert asset.documents.description.title == "rates"
    assert asset["rates"].df.hz.tolist() == [1.0, 2.0]
    assert asset.read_file("values/n.json") == b"3"


@pytest.mark.parametrize("name", ["a/b", "a@1", "..", "x\ny"])
def test_impossible_names(lake, name):
    with pytest.raises(InputError):
        derive(lake.store, derived(name=name))


@pytest.mark.parametrize("path", ["../x", "_lake/asset.json", "original/a", "/x", "a//b"])
def test_impossible_paths(lake, path):
    with pytest.raises(InputError, match="cannot be kept"):
        derive(lake.store, derived(files={path: b""}))


def test_a_run_that_makes_something_else_is_told(lake, monkeypatch):
    derive(lake.store, derived("0a"))
    monkeypatch.setattr("panneuro.lake.deriving.versions", lambda *_: [])
    with pytest.raises(ConflictError):
        derive(lake.store, derived("0a", files={"values/n.json": b"4"}))


def test_documents_are_what_all_parents_say():
    def parent(subject, policy, hour):
        return read(
            {
                "description": {"lab": "Smith lab", "title": subject, "modalities": ["ecephys"]},
                "subject": {"id": subject, "species": "mouse"},
                "acquisition": {"session_start": f"2026-03-02T{hour}:30:00+00:00"},
                "access": {"policy": policy},
            }
        )

    parents = {"b": parent("m1", "public", "10"), "a": parent("m2", "embargo", "09")}
    run = RunReference(key="0a", step="tune")
    quality = Quality(notes="good")
    found = inherited("made", parents, run, [quality])
    assert found.description.name == "made"
    assert found.description.kind == "derived"
    assert found.description.parents == ("a", "b")
    assert found.description.title is None
    assert found.description.lab.label == "Smith lab"
    assert found.subject.id is None
    assert found.subject.species.label == "Mus musculus"
    assert found.acquisition.session_start.hour == 9
    assert found.access.policy == "embargo"
    assert found.processing.runs == (run,)
    assert found.quality == quality
