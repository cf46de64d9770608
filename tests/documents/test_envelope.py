from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError, LimitError, PanneuroError
from panneuro.documents import Documents, Term, read
from panneuro.documents.envelope import MAX_BYTES
from panneuro.documents.slots import SLOTS

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**20),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["mouse", "P90D", "2024-05-01T09:30:00+02:00", "panneuro/subject/1.0", "-1"]),
)
field_names = st.sampled_from(
    sorted({name for model in SLOTS.values() for name in model.model_fields} | {"schema", "label"})
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(field_names, st.text(max_size=5)), inner, max_size=4),
    ),
    max_leaves=12,
)
anything = st.one_of(
    json_values,
    st.dictionaries(
        st.sampled_from(list(SLOTS)), st.dictionaries(field_names, json_values, max_size=4)
    ),
)


def _read_again(text):
    try:
        return read(text)
    except PanneuroError as error:
        raise AssertionError("what was written cannot be read") from error


@settings(max_examples=400)
@given(anything)
def test_any_value_is_a_document_or_a_clear_error(value):
    with contextlib.suppress(PanneuroError):
        documents = read(value)
        text = documents.to_json()
        assert json.loads(text) == documents.to_dict()
        assert _read_again(text) == documents


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_any_text_is_a_document_or_a_clear_error(text):
    with contextlib.suppress(PanneuroError):
        assert isinstance(read(text), Documents)


def test_nothing_known_is_a_document():
    assert read({}) == Documents()
    assert read("{}").subject.id is None


def test_all_problems_are_told_at_once():
    with pytest.raises(DocumentError) as caught:
        read({"subject": {"weight_g": "x", "date_of_birth": 7}, "access": {"policy": "none"}})
    for path in ("subject.weight_g", "subject.date_of_birth", "access.policy"):
        assert path in caught.value.message


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ({"subjekt": {}}, "subject"),
        ({"subject": {"specis": "mouse"}}, "species"),
        ({"subject": {"species": {"label": "mouse", "ids": "x"}}}, "id"),
        ({"acquisition": {"streams": [{"name": "a", "rate": 3}]}}, "rate_hz"),
        ({"subject": {"subject_id": "7"}}, "id"),
        ({"description": {"investigators": ["Doe, Jane"]}}, "experimenters"),
    ],
)
def test_an_unknown_field_is_told_with_the_nearest(value, near):
    with pytest.raises(DocumentError, match="there is no") as caught:
        read(value)
    assert repr(near) in caught.value.hint


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers(bad):
    with pytest.raises(DocumentError, match="finite"):
        read({"subject": {"extensions": {"lab": [bad]}}})
    with pytest.raises(DocumentError, match="not a JSON number"):
        read(json.dumps({"subject": {"weight_g": bad}}))


def test_what_is_too_large_is_refused():
    deep: dict = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(LimitError):
        read({"subject": {"extensions": deep}})
    with pytest.raises(PanneuroError):
        read("[" * 200_000)
    with pytest.raises(LimitError):
        read(" " * (MAX_BYTES + 1))


def test_values_are_found_by_path():
    documents = read(
        {
            "instrument": {"probes": [{"name": "A", "model": "NP1"}]},
            "description": {"modalities": ["lfp", "eeg"]},
            "subject": {"extensions": {"lab": {"cage": 4}}},
        }
    )
    assert documents.get("instrument.probes.A.model.label") == "Neuropixels 1.0"
    assert documents.get("description.modalities.1") == Term(label="eeg")
    assert documents.get("subject.extensions.lab.cage") == 4
    assert documents.get("subject.schema") == "panneuro/subject/1.0"
    assert documents.get("subject.species.id") is None
    assert documents.get("instrument.probes.B.model") is None
    with pytest.raises(DocumentError, match="there is no 'weight'"):
        documents.get("subject.weight")


def test_extensions_are_kept_untouched():
    block = {"empty": [], "none": None, "nested": {"a": {}}}
    run = {"step": "sorting", "parameters": block}
    value = {"quality": {"extensions": {"lab": block}}, "processing": {"runs": [run]}}
    stored = read(value).to_dict()
    assert stored["quality"]["extensions"] == {"lab": block}
    assert stored["processing"]["runs"] == [run]


def test_areas_of_mice_get_atlas_identifiers_and_those_of_others_do_not():
    def areas(species):
        value = {"subject": {"species": species}, "acquisition": {"areas": ["ca1", "V1"]}}
        return read(value).acquisition.areas

    assert areas("mouse") == (Term(label="CA1", id="MBA:382"), Term(label="V1"))
    assert areas("human") == (Term(label="ca1"), Term(label="V1"))
