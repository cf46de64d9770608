from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError, LimitError, PanneuroError
from panneuro.documents import load_overrides, read
from panneuro.documents.overrides import (
    MAX_BYTES,
    MAX_YAML_BYTES,
    parse_typed_yaml,
    parse_yaml,
)


def load(tmp_path, name, text, **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_overrides(path, **options)


YAML = """
description: {lab: Doe lab, modalities: "lfp, eeg"}
subject.species: mouse
instrument:
  devices:
    - {name: cam, kind: camera, serial: 0042}
  extensions: {doe: {gain: 2.5, on: true, name: "7"}}
sessions:
  day-1: {subject: {id: 007}}
  day-2: {subject.id: no, description: {lab: Bee lab}}
"""


def test_yaml_holds_what_all_sessions_share_and_what_single_ones_say(tmp_path):
    overrides = load(tmp_path, "rig.yaml", YAML)
    common = read(overrides.for_session())
    assert common.subject.species.id == "NCBITaxon:10090"
    assert [m.label for m in common.description.modalities] == ["lfp", "eeg"]
    assert common.instrument.devices[0].serial == "0042"
    assert common.instrument.extensions == {"doe": {"gain": 2.5, "on": True, "name": "7"}}
    first, second = (read(overrides.for_session(day)) for day in ("day-1", "day-2"))
    assert (first.subject.id, first.description.lab.label) == ("007", "Doe lab")
    assert (second.subject.id, second.description.lab.label) == ("no", "Bee lab")
    assert first.subject.species == common.subject.species


def test_json_says_the_same(tmp_path):
    text = '{"subject": {"id": 7, "weight_g": 20}, "description.keywords": ["a", "b"]}'
    documents = read(load(tmp_path, "rig.json", text).for_session("any"))
    assert (documents.subject.id, documents.subject.weight_g) == ("7", 20.0)
    assert documents.description.keywords == ("a", "b")


def test_csv_of_fields(tmp_path):
    text = (
        'field,value\nsubject.species,rat\ndescription.experimenters,"Doe, Jane"\n\nsubject.sex,\n'
    )
    documents = read(load(tmp_path, "rig.csv", text).for_session())
    assert documents.subject.species.label == "Rattus norvegicus"
    assert documents.description.experimenters[0].label == "Doe, Jane"
    assert documents.subject.sex is None


def test_csv_of_sessions_as_spreadsheets_write_it(tmp_path):
    text = "\ufeffsession,subject,subject.sex,subject.weight_g\r\nday-1,m1,F,20\r\nday-2,m2,,\r\n"
    overrides = load(tmp_path, "log.csv", text)
    assert read(overrides.for_session("day-1")).subject.weight_g == 20
    assert read(overrides.for_session("day-2")).subject.id == "m2"
    with pytest.raises(DocumentError, match="'day-3': no row fits; there are 'day-1', 'day-2'"):
        overrides.for_session("day-3")


def test_rows_without_a_session_are_told_by_subject(tmp_path):
    text = "subject,subject.sex\nm1,F\nm2,M\nm3,M\nm3,F\n"
    overrides = load(tmp_path, "log.csv", text)
    assert read(overrides.for_session("x", "m2")).subject.sex.label == "male"
    assert overrides.needs_subject
    with pytest.raises(DocumentError, match="there are subject 'm1', "):
        overrides.for_session("x")
    with pytest.raises(DocumentError, match="2 rows fit"):
        overrides.for_session("x", "m3")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yaml", "a: &x [1]\nb: *x", "aliases"),
        ("a.yaml", "subject: {id: 1", "line"),
        ("a.yaml", "subject: {id: 1, id: 2}", "twice"),
        ("a.yaml", "[1, 2]", "not fields"),
        ("a.yaml", "? [a]\n: b", "not text"),
        ("a.yaml", "subject: {idd: 1}", "no 'idd'"),
        ("a.yaml", "sessions: [1]", "sessions"),
        ("a.yaml", "[" * 50_000, "deep"),
        ("a.yaml", "a: b\n---\nc: d", "single document"),
        ("a.yaml", "subject: {weight_g: .nan}", "valid number"),
        ("a.json", "{", "JSON"),
        ("a.json", '{"subject": {"weight_g": NaN}}', "NaN"),
        ("a.csv", "subject.idd\n1\n", "no 'idd'"),
        ("a.csv", "subject.id,subject.sex\n1\n", "row 2"),
        ("a.csv", 'field,value\nsubject.id,"7\n', "CSV"),
        ("a.csv", "field,value\nsubject.weight_g,heavy\n", "weight_g"),
        ("a.csv", b"field,value\nsubject.id,\xff\n", "UTF-8"),
        ("a.txt", "subject.id: 7", "ends in '.txt'"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_place(tmp_path, name, text, reason):
    with pytest.raises(DocumentError, match=reason):
        load(tmp_path, name, text)


def test_a_file_must_be_a_file_of_bounded_size(tmp_path):
    with pytest.raises(DocumentError, match="no such file"):
        load_overrides(tmp_path / "none.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(DocumentError, match="no such file"):
        load_overrides(tmp_path / "folder.yaml")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DocumentError, match="no such file"):
        load_overrides(tmp_path / "pipe.csv")
    with pytest.raises(LimitError):
        load(tmp_path, "a.yaml", " " * (MAX_YAML_BYTES + 1))
    with pytest.raises(LimitError):
        load(tmp_path, "a.csv", " " * (MAX_BYTES + 1))


def test_tags_build_nothing():
    assert parse_yaml("a: !!python/object/apply:os.getpid []") == {"a": []}


def test_empty_files_say_nothing(tmp_path):
    for name in ("a.yaml", "a.csv"):
        assert load(tmp_path, name, "").for_session("x") == {}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["f.yaml", "f.json", "f.csv"]),
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(str.encode),
        st.lists(
            st.sampled_from(["subject", "id", ":", " ", "{", "}", "\n", ",", "-", "[", '"', "é"]),
            max_size=30,
        ).map(lambda parts: "".join(parts).encode()),
    ),
)
def test_any_file_is_read_or_refused_clearly(tmp_path, name, data):
    with contextlib.suppress(PanneuroError):
        overrides = load(tmp_path, name, data)
        read(overrides.for_session("x", "y"))


@pytest.mark.parametrize("text", ["1e-6", "-2E3", "1.5e9", "1.e+2", "+3e0"])
def test_numbers_with_exponents_are_numbers(text):
    assert parse_typed_yaml(f"gain: {text}") == {"gain": float(text)}
    assert parse_yaml(f"subject: {{id: {text}}}") == {"subject": {"id": text}}


@pytest.mark.parametrize("text", ["1e", "e5", "1e5x", "a1e5", "1e+"])
def test_what_only_looks_like_an_exponent_is_text(text):
    assert parse_typed_yaml(f"name: {text}") == {"name": text}
