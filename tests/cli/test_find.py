from __future__ import annotations

import csv
import io
import json

import pytest


def test_words_and_conditions(run, filled: str, name: str):
    for words in (["ripples"], ["species=mouse", "units>2"], ["area=HPF"], ["-noise"], [name]):
        assert name in run("find", *words, "--lake", filled).stdout, words
    for words in (["replay"], ["units>100"], ["-ripples"], ["-hippocampus", "-ca1"]):
        result = run("find", *words, "--lake", filled)
        assert result.exit_code == 0
        assert result.stdout == ""
        assert "nothing found" in result.stderr


def test_where_nothing_is_found_the_values_that_there_are_can_be_listed(run, filled: str):
    nothing = run("find", "units>1", "area=VISp", "--lake", filled)
    assert nothing.stdout == ""
    assert f"next: panneuro find --facet area --lake {filled}" in nothing.stderr
    assert "CA1" in run("find", "--facet", "area", "--lake", filled).stdout
    assert "next:" not in run("find", "name=nobody", "units>99", "--lake", filled).stderr


def test_a_word_is_no_option_and_an_option_no_word(run, filled: str):
    result = run("find", "--limt", "3", "--lake", filled)
    assert result.exit_code == 2
    assert "--limit" in result.stderr


def test_the_table_leaves_out_what_is_empty(run, filled: str):
    header = run("find", "--lake", filled).stdout.splitlines()[0]
    assert "subject" in header
    assert "channels" in header


def test_json(run, filled: str, name: str):
    said = json.loads(run("find", "ripples", "--json", "--lake", filled).stdout)
    assert said["schema"] == "panneuro/cli/find/1.0"
    assert said["query"] == "ripples"
    assert said["total"] == 1
    assert said["following"] is None
    assert said["assets"][0]["name"] == name
    assert said["assets"][0]["fields"]["units"] == 3
    assert said["assets"][0]["title"] == "ripples in CA1"


def test_a_line_each(run, filled: str, name: str):
    lines = run("find", "--jsonl", "--lake", filled).stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == [name]
    assert json.loads(lines[0])["schema"] == "panneuro/cli/find/1.0"
    assert run("find", "--names", "--lake", filled).stdout == f"{name}\n"
    assert run("find", "--names", "--offset", "1", "--lake", filled).stdout == ""


def test_csv(run, filled: str, name: str):
    text = run("find", "--csv", "--lake", filled).stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["name"] == name
    assert row["units"] == "3"
    assert "CA1" in row["area"].split(";")
    assert row["title"] == "ripples in CA1"


def test_facets(run, filled: str):
    assert "Mus musculus" in run("find", "--facet", "species", "--lake", filled).stdout
    said = json.loads(run("find", "--facet", "species", "--json", "--lake", filled).stdout)
    assert said["facets"] == [{"field": "species", "value": "Mus musculus", "count": 1}]


@pytest.mark.parametrize("words", [["--sort", "colour"], ["units>many"], ["colour=red"]])
def test_what_cannot_be_searched(run, filled: str, words: list[str]):
    result = run("find", *words, "--lake", filled)
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize("words", [["--csv", "--json"], ["--json", "--jsonl"]])
def test_forms_that_exclude_each_other(run, filled: str, words: list[str]):
    assert run("find", *words, "--lake", filled).exit_code == 2
