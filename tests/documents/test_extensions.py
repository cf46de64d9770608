from __future__ import annotations

import socket

import pytest

from panneuro.documents import Surroundings, read, validate

CAGE = {
    "type": "object",
    "required": ["cage"],
    "properties": {"cage": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}


def found(block, schemas, slot="subject"):
    documents = read({slot: {"extensions": {"lab": block}}})
    findings = validate(documents, around=Surroundings(schemas=schemas))
    return [(f.code, f.path) for f in findings if f.code.startswith("extension")]


def test_a_block_that_fits_is_silent():
    assert found({"cage": 3}, {"lab": CAGE}) == []


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"cage": 0}, "subject.extensions.lab.cage"),
        ({}, "subject.extensions.lab"),
        ({"cage": 1, "box": 2}, "subject.extensions.lab"),
        ([], "subject.extensions.lab"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(block, path):
    assert found(block, {"lab": CAGE}) == [("extension-invalid", path)]


def test_a_schema_may_be_for_one_document_only():
    assert found({}, {"lab/subject": CAGE}) != []
    assert found({}, {"lab/subject": CAGE}, slot="quality") == []
    assert found({}, {"lab": CAGE, "lab/subject": {}}) == []


def test_blocks_of_unknown_labs_are_left_alone():
    assert found({"anything": [1]}, {"other": CAGE}) == []


def test_references_inside_the_schema_are_followed():
    schema = {"$ref": "#/$defs/cage", "$defs": {"cage": CAGE}}
    assert found({"cage": 1}, {"lab": schema}) == []
    assert found({"cage": 0}, {"lab": schema}) != []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "no such type"},
        {"pattern": "("},
        {"properties": {"cage": {"pattern": "("}}},
        {"minimum": "three"},
        {"$schema": "https://example.org/dialect"},
    ],
)
def test_a_schema_that_cannot_be_used_is_one_clear_finding(schema, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    codes = {code for code, _ in found({"cage": "x"}, {"lab": schema})}
    assert codes <= {"extension-schema"}


def test_only_so_many_problems_are_listed():
    schema = {"items": {"type": "integer"}}
    assert len(found(["x"] * 1000, {"lab": schema})) == 20
