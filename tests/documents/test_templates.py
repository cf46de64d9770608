from __future__ import annotations

import json
from pathlib import Path

from panneuro.documents import Layer, load_overrides, merge, read, require, template_of
from panneuro.documents.templates import CONSTANT

FULL = read((Path(__file__).parent / "frozen/1.0/full.json").read_text(encoding="utf-8"))


def test_a_template_holds_the_rig_and_not_the_session():
    template = read(template_of(FULL))
    assert template.instrument == FULL.instrument
    assert template.description.licence == FULL.description.licence
    assert template.acquisition.timezone == "America/Los_Angeles"
    for path in (
        "subject.id",
        "subject.weight_g",
        "acquisition.session_start",
        "description.name",
        "description.parents",
    ):
        assert not template.get(path), path


def test_the_second_session_needs_no_typing():
    recording = {
        "subject": {"id": "mouse-8"},
        "acquisition": {"session_start": "2024-06-01T10:00:00"},
        "description": {"title": "Visual cortex, day 2"},
    }
    merged = merge(Layer("template", template_of(FULL)), Layer("reader", recording))
    require(merged.documents)
    assert merged.documents.acquisition.session_start.isoformat() == "2024-06-01T10:00:00-07:00"


def test_constant_fields_exist():
    for kind, names in CONSTANT.items():
        for name in names:
            FULL.get(f"{kind}.{name}")


def test_nothing_known_gives_only_that_data_are_private():
    assert read(template_of(read({}))) == read({"access": {"policy": "private"}})
    assert list(template_of(read({}))) == ["access"]


def test_a_template_survives_a_file(tmp_path):
    path = tmp_path / "rig.json"
    path.write_text(json.dumps(template_of(FULL)), encoding="utf-8")
    assert read(load_overrides(path).common) == read(template_of(FULL))
