from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError
from panneuro.documents import Severity, read, validate
from panneuro.documents.versions import (
    CURRENT,
    Migration,
    Version,
    parse_schema,
    schema_of,
    upgrade,
)

FROZEN = Path(__file__).parent / "frozen"


def _weight_in_grams(fields):
    weight = fields.pop("weight_kg", None)
    return fields if weight is None else {**fields, "weight_g": weight * 1000}


def _named(fields):
    name = fields.pop("name", None)
    return fields if name is None else {**fields, "id": name}


TOY = {
    ("toy", Version(0, 9)): Migration(Version(1, 0), _weight_in_grams),
    ("toy", Version(1, 0)): Migration(Version(1, 2), dict),
    ("toy", Version(1, 2)): Migration(Version(2, 0), _named),
}
TODAY = {"toy": Version(2, 0)}


def test_migrations_chain():
    old = {"schema": "panneuro/toy/0.9", "weight_kg": 0.02, "name": "7"}
    assert upgrade(old, migrations=TOY, current=TODAY) == {
        "schema": "panneuro/toy/2.0",
        "weight_g": 20.0,
        "id": "7",
    }
    assert old == {"schema": "panneuro/toy/0.9", "weight_kg": 0.02, "name": "7"}


fields = st.dictionaries(st.sampled_from(["weight_kg", "name", "note"]), st.integers(0, 9))


@given(fields, st.sampled_from([Version(0, 9), Version(1, 0), Version(1, 2), Version(2, 0)]))
def test_upgrading_twice_changes_nothing_more(values, version):
    document = {"schema": schema_of("toy", version), **values}
    once = upgrade(document, migrations=TOY, current=TODAY)
    assert once["schema"] == "panneuro/toy/2.0"
    assert upgrade(once, migrations=TOY, current=TODAY) == once


@given(fields)
def test_a_chain_is_the_same_in_one_go_and_in_steps(values):
    document = {"schema": "panneuro/toy/0.9", **values}
    halfway = upgrade(document, migrations=TOY, current={"toy": Version(1, 2)})
    rest = upgrade(halfway, migrations=TOY, current=TODAY)
    assert rest == upgrade(document, migrations=TOY, current=TODAY)


def test_nothing_is_relabelled_without_a_migration():
    with pytest.raises(DocumentError, match=r"0\.8, from which no upgrade"):
        upgrade({"schema": "panneuro/toy/0.8"}, migrations=TOY, current=TODAY)
    with pytest.raises(DocumentError, match="no upgrade leads on"):
        read({"subject": {"schema": "panneuro/subject/0.9"}})


def test_a_migration_that_does_not_advance_is_refused():
    stuck = {("toy", Version(1, 0)): Migration(Version(1, 0), dict)}
    with pytest.raises(DocumentError, match="no upgrade leads on"):
        upgrade({"schema": "panneuro/toy/1.0"}, migrations=stuck, current=TODAY)


def test_a_newer_major_is_refused_with_what_to_do():
    with pytest.raises(DocumentError, match=r"version 2\.0") as caught:
        read({"subject": {"schema": "panneuro/subject/2.0", "id": "7"}})
    assert "pip install --upgrade panneuro" in caught.value.hint


def test_a_newer_minor_is_read_kept_and_told():
    newer = {
        "schema": "panneuro/subject/1.7",
        "id": "7",
        "mood": "fine",
        "species": {"label": "mouse", "rank": "species"},
    }
    documents = read({"subject": newer})
    stored = documents.to_dict()["subject"]
    assert stored["schema"] == "panneuro/subject/1.7"
    assert stored["mood"] == "fine"
    assert stored["species"]["rank"] == "species"
    tips = [f for f in validate(documents) if f.code == "newer-field"]
    assert {tip.path for tip in tips} == {"subject.mood", "subject.species.rank"}
    assert {tip.severity for tip in tips} == {Severity.TIP}
    assert read(documents.to_json()) == documents


@pytest.mark.parametrize(
    "bad", [None, 7, "", "subject", "panneuro/subject/1", "panneuro/subject/1.x", "nwb/subject/1.0"]
)
def test_a_schema_has_one_form(bad):
    with pytest.raises(DocumentError, match="schema"):
        parse_schema(bad)


def test_a_document_of_another_kind_is_refused():
    with pytest.raises(DocumentError, match="its schema is"):
        read({"subject": {"schema": "panneuro/access/1.0"}})
    with pytest.raises(DocumentError, match="its kind is 'toy'"):
        upgrade({"schema": "panneuro/toy/1.0"})


@pytest.mark.parametrize(
    "path", sorted(FROZEN.rglob("*.json")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_frozen_documents_of_every_release_load_for_ever(path):
    documents = read(path.read_bytes())
    assert read(documents.to_json()) == documents
    for kind, slot in documents.slots():
        assert parse_schema(slot.schema_) == (kind, CURRENT[kind])
    if path.parent.name == str(max(CURRENT.values())):
        assert documents.to_json() == path.read_text(encoding="utf-8")


def test_there_are_frozen_documents_of_this_release():
    newest = max(CURRENT.values())
    assert list((FROZEN / str(newest)).glob("*.json"))
