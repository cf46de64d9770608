from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError, LimitError, PanneuroError
from panneuro.documents import Documents, read, set_field
from panneuro.documents.fields import as_text, empty_field, field_at, from_person
from panneuro.documents.slots import SLOTS

PATHS = sorted(
    f"{kind}.{name}"
    for kind, model in SLOTS.items()
    for name in model.model_fields
    if name != "schema_"
)


def setting(*pairs: tuple[str, str]) -> Documents:
    values: dict = {}
    for path, text in pairs:
        values = set_field(values, path, text)
    return read(values)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("subject.id", "0123", "0123"),
        ("subject.id", "no", "no"),
        ("subject.weight_g", "24.5", 24.5),
        ("subject.species.label", "Mus x", "Mus x"),
        ("description.keywords", "sleep, ripples", ("sleep", "ripples")),
        ("description.keywords", "a, b; c", ("a, b", "c")),
        ("description.publications", "10.1000/182", ("10.1000/182",)),
        ("subject.extensions.lab.cage", "12", 12),
        ("subject.extensions.lab.name", "box 3", "box 3"),
        ("subject.extensions.lab.list", "[1, 2]", [1, 2]),
        ("instrument.probes.A.channels", "384", 384),
        ("acquisition.streams.lfp.rate_hz", "2500", 2500.0),
    ],
)
def test_text_becomes_what_the_field_holds(path, text, expected):
    assert setting((path, text)).get(path) == expected


def test_people_have_commas():
    people = setting(("description.experimenters", "Doe, Jane; Bee, Ann")).description.experimenters
    assert [person.label for person in people] == ["Doe, Jane", "Bee, Ann"]


def test_items_of_a_list_are_told_by_name_or_number():
    documents = setting(
        ("instrument.devices.cam.kind", "camera"),
        ("instrument.devices.laser.kind", "laser"),
        ("instrument.devices.cam.serial", "77"),
        ("procedures.surgeries", "craniotomy; headpost"),
        ("procedures.surgeries.1.areas", "VISp, CA1"),
        ("procedures.injections", '[{"kind": "virus", "volume_nl": 100}]'),
        ("procedures.surgeries.0.coordinates_mm", "-3.5, 2.5, 0"),
        ("description.funding", "NIH; NSF"),
        ("description.funding.1.grant", "42"),
        ("acquisition.epochs.task.start_s", "10"),
    )
    assert [d.name for d in documents.instrument.devices] == ["cam", "laser"]
    assert documents.instrument.devices[0].serial == "77"
    assert [a.label for a in documents.procedures.surgeries[1].areas] == ["VISp", "CA1"]
    assert documents.procedures.surgeries[0].coordinates_mm == (-3.5, 2.5, 0.0)
    assert documents.procedures.injections[0].volume_nl == 100
    assert documents.description.funding[1].grant == "42"


def test_a_word_already_there_gets_an_identifier():
    values = set_field({"description": {"lab": "Doe lab"}}, "description.lab.id", "ROR:1")
    assert read(values).description.lab.model_dump() == {"label": "Doe lab", "id": "ROR:1"}


def test_nothing_empties_a_field_and_the_original_stays():
    before = {"subject": {"id": "7", "sex": "F"}}
    assert set_field(before, "subject.sex", " ") == {"subject": {"id": "7"}}
    assert before == {"subject": {"id": "7", "sex": "F"}}
    assert set_field({}, "subject.sex", "") == {"subject": {}}


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("subjct.id", "'subject'"),
        ("subject.specie", "'species'"),
        ("acquisition.streams.lfp.rate", "'rate_hz'"),
        ("subject", None),
        ("subject.id.more", None),
        ("", None),
        ("subject.", None),
        ("description.modalities.0.id.x", None),
    ],
)
def test_a_field_that_is_not_there(path, near):
    with pytest.raises(DocumentError) as caught:
        set_field({}, path, "x")
    if near:
        assert near in caught.value.hint


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("subject.weight_g", "heavy"),
        ("subject.weight_g", "nan"),
        ("subject.weight_g", "-1"),
        ("acquisition.session_start", "yesterday"),
        ("acquisition.timezone", "Moon"),
        ("description.kind", "cooked"),
        ("instrument.devices", '[{"kind": "camera"}]'),
        ("instrument.devices", "[{"),
        ("subject.extensions.lab", "[NaN"),
    ],
)
def test_what_a_field_cannot_hold(path, text):
    if path.endswith(".lab"):
        assert set_field({}, path, text)["subject"]["extensions"]["lab"] == text
        return
    with pytest.raises(DocumentError):
        set_field({}, path, text)


def test_a_name_with_dots_is_quoted():
    documents = setting(
        ('acquisition.streams."imec0.ap".rate_hz', "30000"),
        ('acquisition.streams."imec0.ap".modality', "ecephys"),
        ("acquisition.streams.lfp.rate_hz", "2500"),
    )
    assert [s.name for s in documents.acquisition.streams] == ["imec0.ap", "lfp"]
    assert documents.get('acquisition.streams."imec0.ap".modality.label') == "ecephys"


def test_paths_are_bounded():
    with pytest.raises(LimitError):
        field_at("subject.extensions" + ".a" * 1000)


def test_a_value_in_the_way_is_told():
    with pytest.raises(DocumentError, match="there is"):
        set_field({"instrument": {"devices": 3}}, "instrument.devices.a.kind", "x")


path_texts = st.one_of(
    st.sampled_from(PATHS),
    st.lists(st.sampled_from(["subject", "id", "0", "A", "devices", "x", ""]), max_size=5).map(
        ".".join
    ),
    st.text(max_size=10),
)


@settings(max_examples=300)
@given(path_texts, st.text(max_size=15))
def test_any_path_and_text_is_a_value_or_a_clear_error(path, text):
    with contextlib.suppress(PanneuroError):
        read(set_field({}, path, text))


@pytest.mark.parametrize("path", [p for p in PATHS if not p.endswith(".extensions")])
def test_every_field_can_be_asked_for(path):
    assert field_at(path).path == path


def test_what_is_written_as_text_is_read_back():
    documents = setting(
        ("subject.species", "mouse"),
        ("description.experimenters", "Doe, Jane <0000-0002-1825-0097>; Bee"),
        ("description.keywords", "a;b"),
        ("subject.weight_g", "20"),
        ("instrument.devices", "cam; laser"),
    )
    for path in (
        "subject.species",
        "description.experimenters",
        "description.keywords",
        "subject.weight_g",
        "instrument.devices",
    ):
        again = setting((path, as_text(documents.get(path))))
        assert again.get(path) == documents.get(path)
    assert as_text(None) == ""


def test_a_person_writes_slots_or_paths():
    written = {
        "subject": {"id": "7", "species": "mouse", "schema": "panneuro/subject/1.0"},
        "description.modalities": "lfp, eeg",
        "instrument.devices": ["cam"],
    }
    documents = read(from_person(written))
    assert documents.subject.species.id == "NCBITaxon:10090"
    assert [m.label for m in documents.description.modalities] == ["lfp", "eeg"]
    assert documents.instrument.devices[0].name == "cam"
    with pytest.raises(DocumentError, match="'sbject'"):
        from_person({"sbject": {"id": "7"}})


PROBES = {"instrument": {"probes": [{"name": "A", "model": "1.0"}, {"name": "B"}]}}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("instrument.probes.A.model", [{"name": "A"}, {"name": "B"}]),
        ("instrument.probes.A", [{"name": "B"}]),
        ("instrument.probes.1", [{"name": "A", "model": "1.0"}]),
        ("instrument.probes.Z.model", PROBES["instrument"]["probes"]),
        ("instrument.probes.9", PROBES["instrument"]["probes"]),
        ("instrument.probes.²", PROBES["instrument"]["probes"]),
        ("subject.extensions.lab.cage", PROBES["instrument"]["probes"]),
    ],
)
def test_a_field_is_emptied_and_nothing_else(path, left):
    before = json.dumps(PROBES)
    assert empty_field(PROBES, path) == {"instrument": {"probes": left}}
    assert json.dumps(PROBES) == before


def test_only_fields_that_there_are_can_be_emptied():
    with pytest.raises(DocumentError, match="no 'nonsense'"):
        empty_field(PROBES, "subject.nonsense")


@pytest.mark.parametrize("path", PATHS)
def test_every_field_can_be_emptied(path):
    slot, _, field = path.partition(".")
    assert field not in empty_field({slot: {field: "x"}}, path)[slot]
