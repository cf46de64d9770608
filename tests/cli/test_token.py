"""Secrets at the command line: told once."""

from __future__ import annotations

import json

import pytest

import panneuro
from panneuro.core.entry import Entry
from panneuro.core.errors import NotAllowedError


@pytest.fixture
def lake(tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    lake.catalog.index([Entry("s1", "1", "2026-01-01", "sha256:1", {"project": "retina"})])
    return lake


@pytest.fixture
def place(tmp_path, lake):
    return str(tmp_path / "lake")


def test_a_link_opens_what_its_conditions_find(run, lake, place):
    done = run("token", "--link", "project=retina", "--lake", place)
    assert done.exit_code == 0, done.output
    secret = done.stdout.strip()
    assert list(lake.as_(lake.access.actor_for(secret))) == ["s1"]
    assert "not shown again" in done.stderr
    assert secret not in run("grant", "--lake", place, "--json").stdout


def test_a_token_acts_as_its_person_until_it_is_taken_back(run, lake, place):
    run("grant", "ada@uni.edu", "editor", "s1", "--lake", place)
    done = run("token", "ada@uni.edu", "--days", "7", "--json", "--lake", place)
    said = json.loads(done.stdout)
    assert said["acts_as"] == "person:ada@uni.edu"
    assert list(lake.as_(lake.access.actor_for(said["secret"]))) == ["s1"]
    run("grant", "--revoke", said["id"][:12], "--lake", place)
    again = panneuro.open(place)
    with pytest.raises(NotAllowedError):
        again.access.actor_for(said["secret"])


def test_a_rig_has_a_token_that_adds(run, lake, place):
    done = run("token", "rig:two", "project=retina", "--role", "adder", "--lake", place)
    actor = lake.access.actor_for(done.stdout.strip())
    assert (actor.principal, actor.verbs, str(actor.within)) == (
        "rig:two",
        frozenset({"add"}),
        "project=retina",
    )


def test_a_dry_run_makes_none(run, lake, place):
    done = run("token", "ada@uni.edu", "--dry-run", "--lake", place)
    assert (done.exit_code, done.stdout) == (0, "")
    assert lake.access.is_open


@pytest.mark.parametrize(
    "words",
    [[], ["--link"], ["lab:smith"], ["ada", "--days", "0"], ["ada", "--days", "999"],
     ["--link", "ripples"], ["ada", "--role", "king"]],
)  # fmt: skip
def test_what_makes_no_sense_is_told(run, lake, place, words):
    assert run("token", *words, "--lake", place).exit_code == 2
    assert lake.access.is_open
