from __future__ import annotations

import json
from pathlib import Path

import pytest

from panneuro.documents import Surroundings, read, validate

FULL = json.loads((Path(__file__).parent / "frozen/1.0/full.json").read_text())


def codes(change, profile="lake", **around):
    """Return the findings of a whole set of documents after one change, by code."""
    values = json.loads(json.dumps(FULL))
    for path, value in change.items():
        slot, _, field = path.partition(".")
        values.setdefault(slot, {})[field] = value
    found = validate(read(values), profile, Surroundings(**around))
    return {f.code: (str(f.severity), f.path) for f in found}


def test_a_whole_set_of_documents_has_no_errors():
    for profile in ("lake", "publish", "dandi", "bids", "aind"):
        assert "error" not in {severity for severity, _ in codes({}, profile).values()}, profile


@pytest.mark.parametrize(
    ("change", "code", "severity", "path"),
    [
        ({"subject.id": "rat-9"}, "subject-mismatch", "error", "subject.id"),
        (
            {"acquisition.session_stop": "2024-05-01T08:00:00-07:00"},
            "stop-before-start",
            "error",
            "acquisition.session_stop",
        ),
        (
            {"acquisition.timezone": None, "acquisition.session_start": "2024-05-01T09:30:00"},
            "no-time-zone",
            "error",
            "acquisition.session_start",
        ),
        ({"subject.date_of_birth": "2025-01-01"}, "born-after-session", "error", None),
        ({"acquisition.session_start": "1904-01-01T00:00:00Z"}, "implausible-time", "should", None),
        (
            {"acquisition.streams": [{"name": "a", "modality": "ecephys"}]},
            "modality-without-stream",
            "should",
            "acquisition.streams",
        ),
        (
            {"acquisition.streams": [{"name": "a", "modality": "eeg"}]},
            "stream-without-modality",
            "should",
            "description.modalities",
        ),
        (
            {"acquisition.streams": [{"name": "a", "device": "imec9"}]},
            "unknown-device",
            "error",
            "acquisition.streams.a.device",
        ),
        (
            {"acquisition.streams": [{"name": "a"}, {"name": "a"}]},
            "duplicate-name",
            "error",
            "acquisition.streams",
        ),
        (
            {"instrument.devices": [{"name": "imec0"}, {"name": "imec0"}]},
            "duplicate-name",
            "error",
            "instrument.devices",
        ),
        (
            {"acquisition.epochs": [{"name": "e", "start_s": 5, "stop_s": 4}]},
            "stop-before-start",
            "error",
            "acquisition.epochs.e.stop_s",
        ),
        (
            {"acquisition.epochs": [{"name": "e", "start_s": 5, "stop_s": 5000}]},
            "outside-session",
            "should",
            "acquisition.epochs.e",
        ),
        ({"description.parents": []}, "no-parents", "should", "description.parents"),
        ({"access.embargo_until": None}, "endless-embargo", "should", "access.embargo_until"),
        ({"subject.age": "three months"}, "age-format", "should", "subject.age"),
        ({"subject.species": "human"}, "identifies-person", "should", "subject.date_of_birth"),
        (
            {
                "quality.evaluations": [
                    {"name": "q", "history": [{"status": "pass", "when": "2024-05-01T01:00:00"}]}
                ]
            },
            "no-time-zone",
            "should",
            "quality.evaluations.q.history.0.when",
        ),
    ],
)
def test_each_contradiction_is_found(change, code, severity, path):
    found = codes(change)
    assert code in found
    assert found[code][0] == severity
    if path:
        assert found[code][1] == path


def test_what_lies_around_is_compared():
    assert "name-mismatch" in codes({}, folder="other")
    assert "name-mismatch" not in codes({}, folder=FULL["description"]["name"])
    assert "unknown-signal" in codes({}, signals=["ap"])
    assert "unknown-signal" not in codes({}, signals=["ap", "face"])
    assert "unknown-parent" in codes({}, parent_exists=lambda name: False)
    assert "unknown-parent" not in codes({}, parent_exists=lambda name: True)


def test_sharing_is_stricter_than_keeping():
    human = {"subject.species": "human", "description.ethics": None}
    assert codes(human)["no-consent"][0] == "should"
    assert codes(human, "publish")["no-consent"][0] == "error"
    assert codes({"description.parents": []}, "dandi")["no-parents"][0] == "error"
    assert codes({"access.policy": "private"}, "publish")["not-public"][0] == "should"


@pytest.mark.parametrize(
    "age", ["P90D", "P12W", "P8M", "P34Y", "P1Y6M", "PT36H", "P1.5Y", "P90D/P95D"]
)
def test_ages_that_programs_read(age):
    assert "age-format" not in codes({"subject.age": age})


@pytest.mark.parametrize("age", ["P", "90", "PT", "P90", "adult", "90D"])
def test_ages_that_programs_do_not_read(age):
    assert codes({"subject.age": age}, "dandi")["age-format"][0] == "error"
