"""Granting at the command line: said, shown, taken back."""

from __future__ import annotations

import json
import uuid

import pytest

import panneuro
from panneuro.access.actors import ANONYMOUS, Actor
from panneuro.core.entry import Entry
from panneuro.lake import granting


@pytest.fixture(autouse=True)
def _listed_each_time(monkeypatch):
    monkeypatch.setattr(granting, "_FRESH_S", 0.0)


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / uuid.uuid4().hex
    lake = panneuro.open(folder, create=True)
    lake.catalog.index(
        [
            Entry(name, "1", "2026-01-01", f"sha256:{name}", {"project": project})
            for name, project in (("s1", "retina"), ("t1", "cortex"))
        ]
    )
    return str(folder)


def visible(place, actor=ANONYMOUS):
    return list(panneuro.open(place).as_(actor))


def test_with_nothing_said_it_shows_what_holds(run, place):
    empty = run("grant", "--lake", place)
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "nothing is granted" in empty.stderr
    run("grant", "ada@uni.edu", "editor", "project=retina", "--why", "she did it", "--lake", place)
    shown = run("grant", "--lake", place)
    assert "person:ada@uni.edu  editor  project=retina" in shown.stdout
    (item,) = json.loads(run("grant", "--lake", place, "--json").stdout)["statements"]
    assert item["who"] == "person:ada@uni.edu"
    assert item["why"] == "she did it"


def test_what_is_granted_is_seen_and_what_is_taken_back_is_not(run, place):
    assert run("grant", "everyone", "reader", "project=retina", "--lake", place).exit_code == 0
    assert visible(place) == ["s1"]
    (item,) = json.loads(run("grant", "--lake", place, "--json").stdout)["statements"]
    gone = run("grant", "--revoke", item["id"][:12], "--lake", place)
    assert gone.exit_code == 0, gone.output
    assert visible(place) == []
    assert run("grant", "--revoke", item["id"][:12], "--lake", place).exit_code == 3


def test_the_name_of_an_asset_is_that_asset(run, place):
    run("grant", "ada@uni.edu", "reader", "t1", "--lake", place)
    assert visible(place, Actor("ada@uni.edu")) == ["t1"]


def test_embargo_terms_and_groups(run, place):
    run("grant", "everyone", "reader", "--everything", "--lake", place)
    assert run("grant", "--embargo", "2999-01-01", "project=retina", "--lake", place).exit_code == 0
    assert visible(place) == ["t1"]
    assert run("grant", "--terms", "Cite us", "project=cortex", "--lake", place).exit_code == 0
    assert not panneuro.open(place).as_(ANONYMOUS).may("read", "t1")
    run("grant", "lab:smith", "owner", "s1", "--lake", place)
    assert run("grant", "--join", "lab:smith", "ada@uni.edu", "ben", "--lake", place).exit_code == 0
    assert visible(place, Actor("ben")) == ["s1", "t1"]
    kinds = [
        item["what"]
        for item in map(json.loads, run("grant", "--lake", place, "--jsonl").stdout.splitlines())
    ]
    assert sorted(kinds) == ["embargo", "grant", "grant", "membership", "membership", "terms"]


def test_a_dry_run_says_nothing_to_the_lake(run, place):
    done = run("grant", "everyone", "reader", "--everything", "--dry-run", "--lake", place)
    assert "everyone" in done.stdout
    assert visible(place) == []
    run("grant", "everyone", "reader", "--everything", "--lake", place)
    (item,) = json.loads(run("grant", "--lake", place, "--json").stdout)["statements"]
    run("grant", "--revoke", item["id"], "--dry-run", "--lake", place)
    assert visible(place) == ["s1", "t1"]


@pytest.mark.parametrize(
    "words",
    [
        ["ada@uni.edu"], ["ada@uni.edu", "reader"], ["ada@uni.edu", "king", "project=x"],
        ["ada@uni.edu", "reader", "ripples"], ["аda@uni.edu", "reader", "project=x"],
        ["everyone", "owner", "project=x"], ["ada@uni.edu", "reader", "nonsense=x"],
        ["ada@uni.edu", "reader", "project=x", "--everything"],
        ["ada@uni.edu", "reader", "project=x", "--until", "soon"],
        ["ada@uni.edu", "reader", "project=x", "--from", "2027-01-01", "--until", "2026-01-01"],
        ["--embargo", "2027-01-01"], ["--terms", "x"], ["--join", "person:x", "ada@uni.edu"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(run, place, words):
    done = run("grant", *words, "--lake", place)
    assert done.exit_code == 2, done.output
    assert visible(place, Actor("ada@uni.edu")) == []
    assert panneuro.open(place).access.is_open
