from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError, PanneuroError
from panneuro.documents import from_aind, read
from panneuro.documents.vocabularies import look_up

V2 = {
    "name": "795133_2026-02-10_11-06-18",
    "schema_version": "2.2.2",
    "subject": {
        "subject_id": "795133",
        "subject_details": {
            "sex": "Female",
            "date_of_birth": "2025-03-04",
            "species": {"name": "Mus musculus", "registry_identifier": "NCBI:txid10090"},
            "strain": {"name": "C57BL/6J"},
        },
    },
    "data_description": {
        "license": "CC-BY-4.0",
        "modalities": [{"abbreviation": "pophys", "name": "Planar optical physiology"}],
        "investigators": [
            {
                "name": "Jane Doe",
                "registry": "Open Researcher and Contributor ID (ORCID)",
                "registry_identifier": "0000-0002-1825-0097",
            }
        ],
        "institution": {
            "name": "AIND",
            "registry": {"abbreviation": "ROR"},
            "registry_identifier": "04szwah67",
        },
        "data_level": "raw",
    },
    "acquisition": {
        "acquisition_start_time": "2026-02-10T11:06:18-08:00",
        "acquisition_end_time": "2026-02-10T12:06:18-08:00",
        "acquisition_type": "Foraging",
        "data_streams": [
            {
                "modalities": [{"abbreviation": "pophys"}],
                "stream_start_time": "2026-02-10T11:06:20-08:00",
                "configurations": [
                    {"probes": [{"primary_targeted_structure": {"acronym": "VISp"}}]}
                ],
            }
        ],
        "stimulus_epochs": [
            {
                "stimulus_name": "gratings",
                "stimulus_start_time": "2026-02-10T11:07:18-08:00",
                "stimulus_end_time": "2026-02-10T11:08:18-08:00",
            }
        ],
    },
    "instrument": {
        "instrument_id": "rig-5",
        "components": [
            {
                "object_type": "Ephys assembly",
                "name": "A",
                "probes": [{"name": "P", "object_type": "Ephys probe", "probe_model": "NP1"}],
            }
        ],
    },
    "quality_control": {
        "metrics": [
            {
                "name": "drift",
                "status_history": [{"status": "Pass", "timestamp": "2026-02-11T00:00:00Z"}],
            }
        ]
    },
}


def test_a_record_of_version_2():
    documents = from_aind(V2)
    assert documents.subject.sex.label == "female"
    assert documents.subject.species.id == "NCBITaxon:10090"
    assert documents.description.modalities[0].label == "ophys"
    assert documents.description.experimenters[0].id == "ORCID:0000-0002-1825-0097"
    assert documents.description.institution.id == "ROR:04szwah67"
    assert documents.acquisition.session_start.utcoffset() == timedelta(hours=-8)
    assert documents.acquisition.streams[0].start_s == 2
    assert (documents.acquisition.epochs[0].start_s, documents.acquisition.epochs[0].stop_s) == (
        60,
        120,
    )
    assert [area.id for area in documents.acquisition.areas] == ["MBA:385"]
    assert documents.instrument.probes[0].model.label == "Neuropixels 1.0"
    assert documents.quality.evaluations[0].status == "pass"


def test_a_derived_record_names_its_parent():
    name = "behavior_754560_2024-08-28_09-07-05_videoprocessed_2026-03-14_00-21-14"
    record = {"name": name, "data_description": {"data_level": "derived"}}
    documents = from_aind(record)
    assert documents.description.kind == "derived"
    assert documents.description.parents == ("behavior_754560_2024-08-28_09-07-05",)


def test_a_time_without_a_zone_keeps_none():
    record = {"session": {"session_start_time": "2024-02-19T12:47:17"}}
    assert from_aind(record).acquisition.session_start == datetime.fromisoformat(
        "2024-02-19T12:47:17"
    )


@pytest.mark.parametrize("record", [None, [], "x", 3])
def test_a_record_is_an_object(record):
    with pytest.raises(DocumentError, match="AIND record"):
        from_aind(record)


@given(
    st.dictionaries(
        st.sampled_from(
            ["subject", "session", "data_description", "rig", "procedures", "processing"]
        ),
        st.dictionaries(
            st.sampled_from(
                ["subject_id", "species", "modality", "data_streams", "session_start_time"]
            ),
            st.recursive(
                st.one_of(st.none(), st.integers(), st.text(max_size=4)),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=2),
                    st.dictionaries(st.sampled_from(["name", "registry"]), inner, max_size=2),
                ),
                max_leaves=4,
            ),
            max_size=3,
        ),
    )
)
def test_any_record_is_read_or_refused_clearly(record):
    with contextlib.suppress(PanneuroError):
        from_aind(record)


def test_real_records_of_all_versions(sample_data):
    files = sorted((sample_data / "metadata" / "aind_records").rglob("*.json"))
    assert len(files) >= 50
    for path in files:
        record = json.loads(path.read_text(encoding="utf-8"))
        documents = from_aind(record)
        assert read(documents.to_json()) == documents, path.name
        _same_facts(record, documents)


def _same_facts(record, documents):
    """Compare what a record and its documents say of subject, time and modalities."""
    part = record.get("subject") or record.get("session") or record.get("acquisition") or {}
    if part.get("subject_id"):
        assert documents.subject.id == part["subject_id"]
    session = record.get("acquisition") or record.get("session") or {}
    start = session.get("acquisition_start_time") or session.get("session_start_time")
    found = documents.acquisition.session_start
    assert (start is None) == (found is None)
    if start:
        assert found == datetime.fromisoformat(start)
    given_ = record.get("data_description") or {}
    stated = given_.get("modalities") or given_.get("modality") or []
    stated = stated if isinstance(stated, list) else [stated]
    wanted = {look_up("modalities", one["abbreviation"]).label for one in stated}
    assert {term.label for term in documents.description.modalities} == wanted
