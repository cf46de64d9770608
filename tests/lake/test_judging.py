"""Judgements by hand: all are kept, whoever comes second."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import panneuro
from panneuro.access.actors import Actor
from panneuro.core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
)
from panneuro.lake import curation


@pytest.fixture
def name(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said).manifest.name


def _verdicts(asset):
    return [
        (one.name, [past.status for past in one.history])
        for one in asset.documents.quality.evaluations
    ]


def test_a_judgement_is_a_version_with_its_run(lake, name):
    first = lake[name]
    lake.judge(name, "drift", "pending", by="ada@uni.edu")
    judged = lake.judge(name, "drift", "fail", why=" it moves ", by="bob@uni.edu")
    lake.judge(name, "video", "pass")
    asset = lake[name]
    assert _verdicts(asset) == [("drift", ["pending", "fail"]), ("video", ["pass"])]
    last = asset.documents.quality.evaluations[0].history[-1]
    assert (last.author.label, last.reason) == ("bob@uni.edu", "it moves")
    assert _verdicts(first) == []
    lake.refresh()
    (run,) = lake.runs.making(name, judged.manifest.version)
    assert (run.step, run.user) == ("panneuro.judge", "bob@uni.edu")
    assert run.parameters["verdict"] == "fail"
    assert lake.find("quality=fail").names == [name]


def test_labels_are_a_column_and_share_the_data(lake, name, made_up):
    first = lake[name]
    labelled = lake.judge(name, "units", "mua", units=["b"], why="two clusters", by="ada")
    assert labelled.sent_bytes < 200_000
    lake.judge(name, "units", "noise", units=["a", "b"], by="bob")
    lake.judge(name, "units", "good", units=["a"], by="ada")
    asset = lake[name]
    assert asset.units.table["curation"].tolist() == ["good", "noise"]
    assert "curation" not in first.units.table.columns
    assert np.array_equal(asset["ap"].read(), made_up.signals()[0].data)
    assert [(one.unit, one.label, one.by) for one in curation.labels(asset)] == [
        ("b", "mua", "ada"),
        ("a", "noise", "bob"),
        ("b", "noise", "bob"),
        ("a", "good", "ada"),
    ]
    assert curation.labels(asset)[0].why == "two clusters"
    assert list(asset.nwb().units["curation"][:]) == ["good", "noise"]
    assert lake.find("has:curation").names == [name]


def test_labels_outlive_a_description_and_are_found_intact(lake, name):
    lake.judge(name, "units", "good", units=["a"], by="ada")
    lake.describe(name, {"subject": {"sex": "male"}})
    assert lake[name].units.table.df["curation"].fillna("").tolist() == ["good", ""]
    lake.judge(name, "units", "noise", units=["b"], by="ada")
    assert lake[name].units.table["curation"].tolist() == ["good", "noise"]
    assert lake.check().problems == []


def test_the_head_of_a_labelled_version_is_made_again(lake, name):
    lake.judge(name, "units", "good", units=["a"])
    manifest = lake[name].manifest
    key = f"{manifest.prefix}/_lake/head"
    whole = lake.store.get(key)
    lake.store.delete(key)
    assert all(problem.repaired for problem in lake.check(repair=True).problems)
    assert lake.store.get(key) == whole


def test_units_of_an_nwb_file_are_labelled(lake, session, said):
    name = lake.add(session.sorted, said={"description": said["description"]}).manifest.name
    unit = str(lake[name].units.ids[0])
    lake.judge(name, "units", "good", units=[unit])
    assert lake[name].units.table["curation"].tolist()[0] == "good"
    assert lake[name].nwb().units["area"][0] == "VISp2/3"


@pytest.mark.parametrize(
    ("what", "verdict", "units", "error"),
    [
        ("drift", "good", (), InputError),
        ("units", "pass", ("a",), InputError),
        (" ", "pass", (), InputError),
        ("units", "good", ("z",), NotFoundError),
        ("ap", "good", ("a",), NotFoundError),
        ("nothing", "good", ("a",), NotFoundError),
    ],
)
def test_what_cannot_be_judged_changes_nothing(lake, name, what, verdict, units, error):
    with pytest.raises(error):
        lake.judge(name, what, verdict, units=units)
    assert len(lake.versions(name)) == 1


@pytest.mark.parametrize(("what", "word", "units"), [("drift", "fail", ()), ("units", "mua", "a")])
def test_who_looked_before_others_judged_is_told(lake, name, what, word, units):
    seen = f"{name}@{lake[name].version}"
    lake.judge(seen, what, word, units=units, by="ada")
    with pytest.raises(ConflictError, match=f"since you looked, ada judged .* {word}"):
        lake.judge(seen, what, "pending", units=units, by="bob")
    lake.judge(seen, what, "pending", units=units, by="ada")
    lake.judge(f"{name}@{lake[name].version}", what, "pending", units=units, by="bob")
    lake.judge(seen, "another", "pass", by="bob")
    assert len(lake.versions(name)) == 5


def test_of_many_who_judge_at_once_all_are_heard(name, lake):
    n_people, place = 4, lake.store.url
    ready = Barrier(n_people)

    def say(number: int) -> None:
        own = panneuro.open(place)
        ready.wait()
        if number % 2:
            own.judge(name, "units", "good", units=["a"], by=f"person-{number}")
        else:
            own.judge(name, "drift", "pass", by=f"person-{number}")

    with ThreadPoolExecutor(n_people) as threads:
        list(threads.map(say, range(n_people)))
    asset = panneuro.open(place)[name]
    (evaluation,) = asset.documents.quality.evaluations
    said = {one.author.label for one in evaluation.history} | {
        one.by for one in curation.labels(asset)
    }
    assert said == {f"person-{number}" for number in range(n_people)}
    assert len(lake.versions(name)) == 1 + n_people
    lake.refresh()
    assert len(lake.runs.find(step="panneuro.judge")) == n_people
    assert lake.check().problems == []


def test_a_dry_run_says_what_would_be(lake, name):
    before = {found.key for found in lake.store.list()}
    for what, verdict, units in (("drift", "fail", ()), ("units", "mua", "a")):
        would = lake.judge(name, what, verdict, units=units, dry_run=True)
        assert would.is_new
    assert {found.key for found in lake.store.list()} == before


def test_who_may_not_edit_may_not_judge(lake, name):
    lake.access.grant("reader@uni.edu", "reader", name)
    lake.access.grant("editor@uni.edu", "editor", "quality=pass,pending")
    lake.judge(name, "drift", "pass")
    with pytest.raises(NotAllowedError):
        lake.as_(Actor.person("reader@uni.edu")).judge(name, "drift", "fail")
    with pytest.raises(NotFoundError):
        lake.as_(Actor.person("nobody@uni.edu")).judge(name, "drift", "fail")
    editor = lake.as_(Actor.person("editor@uni.edu"))
    with pytest.raises(NotAllowedError, match="as its documents would have it"):
        editor.judge(name, "drift", "fail")
    editor.judge(name, "drift", "pending", by="somebody else")
    (drift,) = lake[name].documents.quality.evaluations
    assert [one.status for one in drift.history] == ["pass", "pending"]
    assert drift.history[-1].author.label == "editor@uni.edu"
