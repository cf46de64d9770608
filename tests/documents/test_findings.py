from __future__ import annotations

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from panneuro.documents.fields import set_field
from panneuro.documents.findings import Finding, Severity, flag, how_to_give, in_order
from panneuro.documents.overrides import parse_yaml
from panneuro.documents.profiles import REQUIREMENTS


def test_a_finding_says_what_was_found_and_what_to_type():
    finding = Finding(Severity.SHOULD, "subject.age", "age-format", "wrong", "'old'", "--set …")
    assert finding.slot == "subject"
    assert finding.to_dict()["severity"] == "should"
    assert str(finding).splitlines() == ["should subject.age: wrong (found 'old')", "      --set …"]


def test_errors_come_first():
    tip, error = (Finding(s, "a", "b", "c") for s in (Severity.TIP, Severity.ERROR))
    assert in_order([tip, error]) == [error, tip]


def test_numbers_are_suggested_as_numbers():
    assert how_to_give("subject.weight_g", "24.5").endswith("subject: {weight_g: 24.5}")
    assert how_to_give("subject.id", "007").endswith('subject: {id: "007"}')


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_what_to_type_survives_a_shell(example):
    typed = how_to_give("subject.id", example).partition("   or in a file:")[0]
    if "   or in a file:" not in example:
        assert shlex.split(typed) == ["--set", f"subject.id={example}"]
    assert shlex.split(flag("subject.id", example)) == ["--set", f"subject.id={example}"]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.paths[0])
def test_every_suggestion_works_as_typed(requirement):
    path, example = requirement.paths[0], requirement.example
    slot, _, field = path.partition(".")
    by_flag = set_field({}, path, example)
    line = how_to_give(path, example).partition("or in a file:")[2].strip()
    written = parse_yaml(line)[slot][field]
    assert yaml.safe_load(line)
    assert by_flag[slot][field]
    if isinstance(written, str):
        assert set_field({}, path, written) == by_flag
