from __future__ import annotations

import json
from pathlib import Path

import pytest

from panneuro.core.errors import InputError
from panneuro.documents import read, validate
from panneuro.documents.profiles import PROFILES, REQUIREMENTS, checked_profile, missing

MUSTS = json.loads((Path(__file__).parent / "frozen/1.0/musts.json").read_text())


def errors(documents, profile="lake"):
    return [f.path for f in validate(documents, profile) if f.severity == "error"]


def test_the_lake_asks_for_eight_things():
    asked = [r for r in REQUIREMENTS if r.severity("lake") == "error"]
    assert len(asked) == 8
    assert len(errors(read({}))) == 8
    assert errors(read(MUSTS)) == []


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.paths[0])
def test_levels_name_every_profile(requirement):
    assert len(requirement.levels) == len(PROFILES)
    assert set(requirement.levels) <= set("EST-")


def test_no_profile_asks_for_less_than_the_lake():
    for requirement in REQUIREMENTS:
        if requirement.severity("lake") == "error":
            assert requirement.levels == "EEEEE"


@pytest.mark.parametrize(
    ("profile", "paths"),
    [
        ("publish", {"subject.sex", "subject.age", "description.ethics"}),
        ("dandi", {"subject.sex", "subject.age"}),
        ("bids", {"acquisition.task"}),
        ("aind", {"description.project", "description.funding", "instrument.id"}),
    ],
)
def test_other_profiles_ask_for_more(profile, paths):
    assert paths <= set(errors(read(MUSTS), profile))


def test_either_of_two_fields_is_enough():
    born = {**MUSTS, "subject": {**MUSTS["subject"], "date_of_birth": "2024-02-01"}}
    assert "subject.age" not in {f.path for f in missing(read(born), "dandi")}


@pytest.mark.parametrize("kind", ["model", "simulation"])
def test_what_was_not_recorded_has_no_subject(kind):
    paths = {f.path for f in missing(read({"description": {"kind": kind}}), "aind")}
    assert not {p for p in paths if p.startswith(("subject", "acquisition", "instrument"))}


def test_strain_is_asked_of_mice_only():
    rat = {**MUSTS, "subject": {"id": "r", "species": "rat"}}
    assert "subject.strain" in {f.path for f in missing(read(MUSTS), "aind")}
    assert "subject.strain" not in {f.path for f in missing(read(rat), "aind")}


def test_an_unknown_profile_is_told_with_those_there_are():
    with pytest.raises(InputError, match="no profile 'nature'") as caught:
        checked_profile("nature")
    assert "publish" in caught.value.hint
