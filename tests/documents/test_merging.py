from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError
from panneuro.documents import Layer, merge, read

READER = {
    "description": {"kind": "derived", "modalities": ["ecephys"]},
    "subject": {"id": "7", "species": "Mus musculus"},
    "instrument": {"probes": [{"name": "A", "serial": "1"}, {"name": "B", "serial": "2"}]},
    "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
}


def codes(merged):
    return [(finding.code, finding.path, str(finding.severity)) for finding in merged.findings]


def test_later_layers_win_field_by_field():
    merged = merge(
        Layer("lab", {"description": {"institution": "UW", "licence": "CC0"}}),
        Layer("template", {"description": {"licence": "CC-BY-4.0"}}),
        Layer("reader", READER),
        Layer("user", {"subject": {"sex": "F"}}),
    )
    documents = merged.documents
    assert documents.description.institution.label == "UW"
    assert documents.description.licence.id == "SPDX:CC-BY-4.0"
    assert documents.description.kind == "derived"
    assert documents.subject.sex.label == "female"
    assert merged.findings == []
    assert merged.provenance["description.institution"] == "lab"
    assert merged.provenance["description.licence"] == "template"
    assert merged.provenance["subject.id"] == "reader"
    assert merged.provenance["instrument.probes.A.serial"] == "reader"
    assert merged.provenance["subject.sex"] == "user"


def test_defaults_that_nobody_said_override_nothing():
    merged = merge(Layer("reader", READER), Layer("user", read({"description": {"lab": "Doe"}})))
    assert merged.documents.description.kind == "derived"
    assert "access.policy" not in merged.provenance


def test_named_things_are_merged_one_by_one():
    user = {"instrument": {"probes": [{"name": "B", "model": "NP1"}, {"name": "C"}]}}
    probes = merge(Layer("reader", READER), Layer("user", user)).documents.instrument.probes
    assert [(p.name, p.serial) for p in probes] == [("A", "1"), ("B", "2"), ("C", None)]
    assert probes[1].model.label == "Neuropixels 1.0"


def test_a_person_who_contradicts_the_recording_is_followed_and_told():
    merged = merge(Layer("reader", READER), Layer("user", {"subject": {"id": "8"}}))
    assert merged.documents.subject.id == "8"
    assert codes(merged) == [("contradicts-recording", "subject.id", "should")]
    assert merged.findings[0].found == "'8'"


def test_a_recording_that_contradicts_a_template_is_followed_and_told():
    template = {"instrument": {"probes": [{"name": "A", "serial": "old"}]}}
    merged = merge(Layer("template", template), Layer("reader", READER))
    assert merged.documents.instrument.probes[0].serial == "1"
    assert codes(merged) == [("contradicts-template", "instrument.probes.A.serial", "tip")]


def test_the_same_said_in_other_words_is_no_contradiction():
    user = {
        "subject": {"species": "mouse"},
        "acquisition": {"session_start": "2024-05-01T09:30:00.000+02:00"},
    }
    assert merge(Layer("reader", READER), Layer("user", user)).findings == []


def test_an_identifier_survives_the_same_word_without_one():
    reader = {"description": {"lab": {"label": "Doe lab", "id": "LAB:1"}}}
    merged = merge(Layer("reader", reader), Layer("user", {"description": {"lab": "Doe lab"}}))
    assert merged.documents.description.lab.id == "LAB:1"


def test_blocks_of_labs_are_merged():
    a, b = ({"subject": {"extensions": {lab: {"x": 1}}}} for lab in ("a", "b"))
    merged = merge(Layer("reader", a), Layer("user", b))
    assert merged.documents.subject.extensions == {"a": {"x": 1}, "b": {"x": 1}}


def test_things_of_the_same_name_are_not_mixed_up():
    twice = {"acquisition": {"streams": [{"name": "a", "rate_hz": 1}, {"name": "a", "rate_hz": 2}]}}
    merged = merge(Layer("reader", twice), Layer("user", {"subject": {"id": "7"}}))
    assert [s.rate_hz for s in merged.documents.acquisition.streams] == [1, 2]


def test_a_name_with_dots_is_quoted_in_paths():
    streams = {"acquisition": {"streams": [{"name": "imec0.ap", "rate_hz": 1}]}}
    merged = merge(Layer("reader", streams))
    assert merged.provenance['acquisition.streams."imec0.ap".rate_hz'] == "reader"
    assert all(merged.documents.get(path) is not None for path in merged.provenance)


def test_what_contradicts_is_told_in_the_words_that_people_use():
    said = {"description": {"modalities": ["ophys", "behavior"]}}
    (finding,) = merge(Layer("reader", READER), Layer("user", said)).findings
    assert finding.message == "the recording says 'ecephys'; what you gave is used"


def test_a_long_text_is_cut_inside_its_quotes():
    said = {"description": {"title": "Flies"}}
    recording = Layer("reader", {"description": {"title": "It's " * 50}})
    (finding,) = merge(recording, Layer("user", said)).findings
    shown = finding.message.removeprefix("the recording says ").partition(";")[0]
    assert ast.literal_eval(shown).endswith("…")
    assert len(shown) <= 80


def test_an_error_says_whose_it_is():
    with pytest.raises(DocumentError, match="from the template"):
        merge(Layer("template", {"subject": {"weight_g": "x"}}), Layer("reader", READER))


layers = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.fixed_dictionaries(
            {}, optional={"id": st.sampled_from("ab"), "species": st.sampled_from(["mouse", "rat"])}
        ),
        "instrument": st.fixed_dictionaries(
            {},
            optional={
                "devices": st.lists(
                    st.fixed_dictionaries(
                        {"name": st.sampled_from("xyz")}, optional={"serial": st.sampled_from("12")}
                    ),
                    max_size=3,
                    unique_by=lambda device: device["name"],
                )
            },
        ),
    },
)


@given(layers)
def test_merging_a_layer_with_itself_changes_nothing(values):
    once = merge(Layer("reader", values)).documents
    merged = merge(Layer("reader", values), Layer("user", values))
    assert merged.documents == once
    assert merged.findings == []


@given(layers, layers, layers)
def test_merging_in_steps_is_merging_at_once(a, b, c):
    at_once = merge(Layer("lab", a), Layer("template", b), Layer("user", c)).documents
    first = merge(Layer("lab", a), Layer("template", b)).documents
    assert merge(Layer("lab", first), Layer("user", c)).documents == at_once
