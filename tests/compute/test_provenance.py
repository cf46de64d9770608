from __future__ import annotations

import json

import pytest
from rocrate.rocrate import ROCrate

from panneuro.compute.lineage import lineage
from panneuro.compute.provenance import RO_CRATE, prov, ro_crate
from panneuro.compute.running import run

SOURCE = "ecephys_m0_2026-03-02_09-30-00"
RATES = f"{SOURCE}_rates"


@pytest.fixture
def told(lake, steps):
    """Return a lake and the lineage of a result in it."""
    run(lake, f"{steps}:rates", on="subject=m0 has:units")
    return lake, lineage(lake, [RATES])


def test_prov_says_what_was_used_made_and_by_whom(told):
    lake, found = told
    (made,) = found.runs
    said = prov(lake, found)
    json.dumps(said)
    activity = f"lake:run/{made.key}"
    asset, source = (f"lake:{name}@{version}" for name, version in found.assets)
    assert set(said["activity"]) == {activity}
    assert {asset, source} < set(said["entity"])
    assert {one["prov:entity"] for one in said["used"].values()} == {source}
    (generated,) = said["wasGeneratedBy"].values()
    assert (generated["prov:entity"], generated["prov:activity"]) == (asset, activity)
    assert {one["prov:generatedEntity"] for one in said["wasDerivedFrom"].values()} == {asset}
    (followed,) = said["wasAssociatedWith"].values()
    assert followed["prov:agent"] in said["agent"]
    assert followed["prov:plan"] in said["entity"]
    for kind, ones in said.items():
        for name in ones:
            assert name.partition(":")[0] in {"lake", "panneuro", "_"} or kind == "prefix"


def test_every_name_in_prov_is_told(told):
    said = prov(*told)
    known = {*said["entity"], *said["activity"], *said["agent"]}
    pointing = ("prov:entity", "prov:activity", "prov:agent", "prov:plan", "prov:usedEntity")
    relations = ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith")
    for relation in relations:
        for one in said[relation].values():
            assert {one[key] for key in pointing if key in one} <= known


def test_another_library_reads_the_crate(told, tmp_path):
    lake, found = told
    crate = ro_crate(lake, found, title="Ripples")
    (tmp_path / RO_CRATE).write_text(json.dumps(crate))
    read = ROCrate(tmp_path)
    assert read.name == "Ripples"
    (made,) = found.runs
    (action,) = read.get_by_type("CreateAction")
    assert action["instrument"]["name"] == "rates"
    assert [one["identifier"] for one in action["result"]] == [f"{RATES}@{made.outputs[RATES]}"]
    given = {one.id: one for one in action["object"]}
    assert f"#{SOURCE}@{lake[SOURCE].version}" in given
    (parameter,) = read.get_by_type("PropertyValue")
    assert (parameter["name"], parameter["value"]) == ("window_s", "0.25")
    assert f"numpy=={made.packages['numpy']}" in action["instrument"]["softwareRequirements"]


def test_a_crate_follows_from_what_is_in_it(told):
    lake, found = told
    assert ro_crate(lake, found) == ro_crate(lake, found)
    identifiers = [one["@id"] for one in ro_crate(lake, found)["@graph"]]
    assert len(identifiers) == len(set(identifiers))


def test_files_that_were_added_are_entities_too(lake, tmp_path):
    lake.describe(SOURCE, {"subject": {"sex": "female"}})
    found = lineage(lake, [SOURCE])
    said = prov(lake, found)
    assert {one["prov:label"] for one in said["activity"].values()} == {"panneuro.describe"}
    crate = ro_crate(lake, found)
    assert any(one["@type"] == "CreateAction" for one in crate["@graph"])
