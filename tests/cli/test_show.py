from __future__ import annotations

import json

import pytest


def test_the_whole(run, filled: str, name: str):
    result = run("show", name, "--lake", filled)
    assert "ripples in CA1" in result.stdout
    assert "1000 × 4 int16" in result.stdout
    assert f"next: panneuro get {name} ap --lake {filled}" in result.stderr
    said = json.loads(run("show", name, "--json", "--lake", filled).stdout)
    assert said["documents"]["subject"]["id"] == "mouse-7"
    assert {signal["name"] for signal in said["signals"]} == {"ap", "electrodes", "trials", "units"}


def test_a_version_by_its_number(run, filled: str, name: str):
    version = json.loads(run("show", name, "--json", "--lake", filled).stdout)["version"]
    assert run("show", f"{name}@{version}", "--lake", filled).exit_code == 0
    assert run("show", f"{name}@000000000000", "--lake", filled).exit_code == 3


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("files", "_lake/head"),
        ("documents", "subject.species: Mus musculus <NCBITaxon:10090>"),
        ("signals", "3 units, 18 events"),
        ("versions", "its own"),
    ],
)
def test_parts(run, filled: str, name: str, part: str, text: str):
    assert text in run("show", name, f"--{part}", "--lake", filled).stdout
    said = json.loads(run("show", name, f"--{part}", "--json", "--lake", filled).stdout)
    lines = run("show", name, f"--{part}", "--jsonl", "--lake", filled).stdout.splitlines()
    assert len(lines) == len(said[part])
    assert all(json.loads(line)["schema"] == "panneuro/cli/show/1.0" for line in lines)


def test_one_field(run, filled: str, name: str):
    result = run("show", name, "--path", "subject.species", "--lake", filled)
    assert result.stdout == "Mus musculus <NCBITaxon:10090>\n"
    said = run("show", name, "--path", "description.modalities", "--json", "--lake", filled)
    assert json.loads(said.stdout)["value"] == [{"label": "ecephys"}]


def test_fields_that_are_empty_or_do_not_exist(run, filled: str, name: str):
    assert run("show", name, "--path", "subject.strain", "--lake", filled).exit_code == 3
    assert run("show", name, "--path", "subject.colour", "--lake", filled).exit_code == 2
    both = run("show", name, "--path", "subject.id", "--files", "--lake", filled)
    assert both.exit_code == 2
