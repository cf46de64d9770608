from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from panneuro.core.errors import DocumentError
from panneuro.documents import read
from panneuro.documents.slots import SLOTS, Subject, zoned
from panneuro.documents.versions import CURRENT


def test_eight_documents_of_fewer_than_sixty_fields():
    assert list(SLOTS) == list(CURRENT)
    names = [
        n for m in SLOTS.values() for n in m.model_fields if n not in ("schema_", "extensions")
    ]
    assert len(SLOTS) == 8
    assert len(names) < 60


def test_every_field_says_what_it_means():
    for model in SLOTS.values():
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_documents_are_immutable():
    subject = Subject(id="7")
    with pytest.raises(ValueError, match="frozen"):
        subject.id = "8"


def test_one_value_stands_for_a_list_of_one():
    documents = read({"description": {"modalities": "lfp", "funding": "NIH"}})
    assert [term.label for term in documents.description.modalities] == ["lfp"]
    assert documents.description.funding[0].funder.label == "NIH"


def test_numbers_serve_as_names():
    assert read({"subject": {"id": 625463}}).subject.id == "625463"


def test_control_characters_are_dropped():
    padded = {"id": "m7\0\0\0", "species": "\x1b[31mmouse\0", "description": "a\tb\nc\x7f\x9b"}
    subject = read({"subject": padded}).subject
    assert (subject.id, subject.species.label) == ("m7", "[31mmouse")
    assert subject.description == "a\tb\nc"
    assert read({"subject": {"species": "mouse\0"}}).subject.species.id == "NCBITaxon:10090"
    with pytest.raises(DocumentError, match=r"subject\.id"):
        read({"subject": {"id": "\0"}})


def test_a_time_without_a_zone_gets_the_stated_one():
    session = {"timezone": "America/Los_Angeles", "session_start": "2024-07-01T09:30:00"}
    start = read({"acquisition": session}).acquisition.session_start
    assert start.utcoffset() == timedelta(hours=-7)
    zoned_already = {**session, "session_start": "2024-07-01T09:30:00+02:00"}
    start = read({"acquisition": zoned_already}).acquisition.session_start
    assert start.utcoffset() == timedelta(hours=2)


def test_the_hour_that_happens_twice_is_read_as_the_first():
    twice = datetime.fromisoformat("2024-10-27T02:30")
    assert zoned(twice, "Europe/Paris").utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "/etc/localtime", "a\0b"])
def test_a_zone_must_exist(zone):
    with pytest.raises(DocumentError, match="timezone"):
        read({"acquisition": {"timezone": zone}})


@pytest.mark.parametrize("bad", [2024, "2024", "20240501", True, "yesterday", "2024-13-01"])
def test_a_time_is_written_out(bad):
    with pytest.raises(DocumentError, match="session_start"):
        read({"acquisition": {"session_start": bad}})


@pytest.mark.parametrize("bad", [0, -1, "heavy", float("inf")])
def test_a_weight_is_a_positive_number(bad):
    with pytest.raises(DocumentError):
        read({"subject": {"weight_g": bad}})
