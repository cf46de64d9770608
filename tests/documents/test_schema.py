from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from panneuro.core.errors import InputError
from panneuro.documents import json_schema
from panneuro.documents.slots import SLOTS

FROZEN = sorted((Path(__file__).parent / "frozen").rglob("*.json"))


@pytest.mark.parametrize("path", FROZEN, ids=lambda p: p.stem)
def test_stored_documents_satisfy_the_exported_schema(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json_schema()).validate(stored)
    for kind, slot in stored.items():
        jsonschema.Draft202012Validator(json_schema(kind)).validate(slot)


def test_the_schema_refuses_what_the_models_refuse():
    validator = jsonschema.Draft202012Validator(json_schema("subject"))
    assert not validator.is_valid({"weight_g": -1})
    assert not validator.is_valid({"id": ""})


def test_the_schema_is_small():
    assert len(json.dumps(json_schema())) < 60_000


@pytest.mark.parametrize("kind", SLOTS)
def test_every_kind_has_one(kind):
    assert json_schema(kind)["$id"] == f"panneuro/{kind}/1.0"


def test_an_unknown_kind_is_told():
    with pytest.raises(InputError, match="'rig'"):
        json_schema("rig")
