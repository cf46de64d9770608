from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import panneuro


@pytest.fixture
def lake(filled: str, tmp_path: Path) -> str:
    place = tmp_path / "lake"
    shutil.copytree(filled, place)
    return str(place)


def test_a_correction_is_a_new_version(run, lake: str, name: str):
    result = run("describe", name, "--set", "subject.strain=C57BL/6J", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert " added" in result.stdout
    opened = panneuro.open(lake)
    assert opened[name].documents.subject.strain.label == "C57BL/6J"
    assert len(opened.versions(name)) == 2
    again = run("describe", name, "--set", "subject.strain=C57BL/6J", "--json", "--lake", lake)
    assert json.loads(again.stdout)["described"][0]["status"] == "there already"


def test_what_was_probably_mistyped_is_told_with_how_to_mend_it(run, lake: str, name: str):
    words = ("--set", "subject.species=mous", "--set", "subject.age=90")
    result = run("describe", name, *words, "--lake", lake)
    assert result.exit_code == 0, result.output
    assert "tip: subject.species: kept as it is" in result.stderr
    assert "did you mean 'mouse'?" in result.stderr
    assert "(found '90')\n      --set subject.age=P90D" in result.stderr


def test_a_field_is_emptied(run, lake: str, name: str):
    run("describe", name, "--set", "subject.strain=C57BL/6J", "--lake", lake)
    result = run("describe", name, "--unset", "subject.strain", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert panneuro.open(lake)[name].documents.subject.strain is None
    refused = run("describe", name, "--unset", "subject.species", "--lake", lake)
    assert refused.exit_code == 5
    assert "subject.species" in refused.stderr
    misspelt = run("describe", name, "--unset", "subject.spec", "--lake", lake)
    assert misspelt.exit_code == 2
    assert "'species'" in misspelt.stderr
    nothing = run("describe", name, "--set", "subject.strain=", "--lake", lake)
    assert nothing.exit_code == 2
    assert "--unset" in nothing.stderr


def test_a_dry_run_changes_nothing(run, lake: str, name: str, tmp_path: Path):
    said = tmp_path / "said.csv"
    said.write_text("field,value\nsubject.strain,BALB/c\n")
    result = run("describe", name, "--describe", said, "--dry-run", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert "would be added" in result.stdout
    assert len(panneuro.open(lake).versions(name)) == 1
    rig = tmp_path / "rig.yaml"
    assert (
        run("describe", "--template", name, "-o", rig, "--dry-run", "--lake", lake).exit_code == 0
    )
    assert not rig.exists()


def test_a_person_is_asked(run, lake: str, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("panneuro.cli.describe.is_attended", lambda no_input: not no_input)
    result = run("describe", name, "--lake", lake, input="Jane Doe\n")
    assert result.exit_code == 0, result.output
    assert "the same answers" not in result.stderr
    assert panneuro.open(lake)[name].documents.description.experimenters[0].label == "Jane Doe"


def test_answers_are_told_where_nothing_came_of_them(
    run, lake: str, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("panneuro.cli.describe.is_attended", lambda no_input: not no_input)
    tried = run("describe", name, "--dry-run", "--lake", lake, input="Jane Doe\n")
    assert "  --set 'description.experimenters=Jane Doe'\n" in tried.stderr


def test_nothing_said(run, filled: str, name: str):
    assert run("describe", name, "--lake", filled).exit_code == 2
    assert run("describe").exit_code == 2
    assert run("describe", name, "--template", name, "--lake", filled).exit_code == 2
    assert run("describe", "nobody", "--set", "subject.id=7", "--lake", filled).exit_code == 3


def test_the_schema(run):
    assert (
        json.loads(run("describe", "--schema", "subject").stdout)["$id"] == "panneuro/subject/1.0"
    )
    said = json.loads(run("describe", "--json", "--schema").stdout)
    assert said["schema"] == "panneuro/cli/describe/1.0"
    assert said["json_schema"]["$id"] == "panneuro/documents/1.0"


def test_what_a_profile_misses(run, filled: str, name: str):
    result = run("describe", "--profile", "publish", name, "--lake", filled)
    assert result.exit_code == 5
    assert "description.experimenters" in result.stdout
    said = json.loads(run("describe", "--profile", "lake", name, "--json", "--lake", filled).stdout)
    assert {finding["severity"] for finding in said["findings"]} <= {"should", "tip"}


@pytest.mark.parametrize(
    ("header", "cell"),
    [("Session", "session.nwb"), ("recording", "/rig/session.nwb"), ("Subject", "mouse-7")],
)
def test_a_row_of_a_spreadsheet(run, lake: str, name: str, tmp_path: Path, header: str, cell: str):
    (tmp_path / "log.csv").write_text(f"{header};Strain\n{cell};DBA/2J\nother;BALB/c\n")
    result = run("describe", name, "--describe", tmp_path / "log.csv", "--lake", lake)
    assert result.exit_code == 0, result.output
    assert panneuro.open(lake)[name].documents.subject.strain.label == "DBA/2J"


def test_a_spreadsheet_of_other_sessions(run, lake: str, name: str, tmp_path: Path):
    (tmp_path / "log.csv").write_text("session,strain\nday-1,DBA/2J\n")
    result = run("describe", name, "--describe", tmp_path / "log.csv", "--lake", lake)
    assert result.exit_code == 5
    assert f"{name!r} or 'session.nwb'" in result.stderr
    assert "there are 'day-1'" in result.stderr
