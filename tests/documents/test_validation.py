from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.core.errors import DocumentError, InputError
from panneuro.documents import (
    Layer,
    Surroundings,
    merge,
    read,
    require,
    template_of,
    validate,
)
from panneuro.documents.profiles import PROFILES

FROZEN = sorted((Path(__file__).parent / "frozen").rglob("*.json"))


def test_a_refusal_lists_all_that_is_missing_and_how_to_give_it():
    with pytest.raises(DocumentError) as caught:
        require(read({"subject": {"id": "7"}}))
    message = str(caught.value)
    assert "7 things to settle" in message
    for line in (
        "--set description.modalities=ecephys",
        "--set description.licence=CC-BY-4.0",
        "--set subject.species=mouse",
        "--set acquisition.session_start=2024-05-01T09:30:00+02:00",
        "--set 'description.lab=Doe lab'",
        'acquisition: {session_start: "2024-05-01T09:30:00+02:00"}',
    ):
        assert line in message
    assert "subject.id:" not in message


def test_what_is_not_an_error_is_returned():
    documents = read((Path(__file__).parent / "frozen/1.0/musts.json").read_text())
    findings = require(documents)
    assert findings
    assert "error" not in {finding.severity for finding in findings}


@pytest.mark.parametrize("path", FROZEN, ids=lambda p: p.stem)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_finding_can_be_acted_on(path, profile):
    documents = read(path.read_text(encoding="utf-8"))
    for finding in validate(documents, profile):
        assert finding.message
        assert finding.code
        assert finding.slot in dict(documents.slots())


def test_unknown_words_are_tips_with_the_nearest():
    documents = read({"subject": {"species": "Mus musculs"}, "description": {"modalities": "fUSX"}})
    tips = [f for f in validate(documents) if f.code == "unknown-word"]
    assert {tip.severity for tip in tips} == {"tip"}
    assert "did you mean 'Mus musculus'" in tips[0].fix
    assert {tip.path for tip in tips} == {"subject.species", "description.modalities"}


def test_a_labs_own_words_are_known():
    words = {"modalities": {"voltage imaging": ""}}
    value = {"description": {"modalities": "voltage imaging"}}
    findings = validate(read(value, vocabularies=words), around=Surroundings(vocabularies=words))
    assert "unknown-word" not in {f.code for f in findings}
    assert "unknown-word" in {f.code for f in validate(read(value))}


FULL = json.loads((Path(__file__).parent / "frozen/1.0/full.json").read_text(encoding="utf-8"))


def leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, (dict, list)):
            yield from leaves(inner, (*path, key))
        yield (*path, key)


odd = st.sampled_from(
    [
        None,
        "",
        [],
        {},
        0,
        -1,
        1e308,
        "x",
        "a.b",
        'a"b',
        "2024-05-01T09:30:00",
        "9999-12-31",
        "P",
        True,
    ]
)


@given(
    st.lists(st.tuples(st.sampled_from(list(leaves(FULL))), odd), min_size=1, max_size=3),
    st.sampled_from(PROFILES),
)
def test_documents_with_odd_values_are_refused_or_validated(changes, profile):
    values = copy.deepcopy(FULL)
    for path, value in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError):
            here = values
            for key in path[:-1]:
                here = here[key]
            here[path[-1]] = value
    try:
        documents = read(values)
    except DocumentError:
        return
    for finding in validate(documents, profile):
        assert str(finding)
    assert read(documents.to_json()).to_dict() == documents.to_dict()
    read(template_of(documents))
    assert merge(Layer("reader", documents)).documents == documents


@given(st.text(max_size=9))
def test_a_profile_must_exist(name):
    if name in PROFILES:
        return
    with pytest.raises(InputError):
        validate(read({}), name)
