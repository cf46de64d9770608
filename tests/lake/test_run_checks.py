"""Records of runs that changed, that name what is not there, and that the index does not know."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from panneuro.lake.runs import Attempt, record_key, recorded


@pytest.fixture
def added(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said).manifest


@pytest.fixture
def key(lake, added):
    """Return the key of the one record that there is, which the index knows."""
    (key,) = lake.runs.records()
    return key


def kinds(report):
    return [(problem.kind, problem.key) for problem in report.problems]


def test_records_that_are_sound(lake, key):
    report = lake.check()
    assert report.problems == []
    assert report.checked_runs == 1
    assert recorded(lake.store) == [key]


def test_a_byte_that_changed_is_found_and_put_right_from_the_index(lake, key):
    data = lake.store.get(key)
    for at in range(0, len(data), 29):
        lake.store.put(key, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert lake.check(quick=True).ok
        (problem,) = lake.check().problems
        assert (problem.kind, problem.key) == ("corrupt", key)
        assert "--repair" in problem.message
        assert lake.check(repair=True).ok
        assert lake.store.get(key) == data


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_one_that_nobody_knows_is_told_and_left(lake, key, spoilt):
    lake.runs.clear()
    lake.store.put(key, spoilt)
    report = lake.check(repair=True)
    assert kinds(report) == [("corrupt", key)]
    assert not report.ok
    assert "restore it from a copy" in report.problems[0].message
    assert lake.store.get(key) == spoilt


def test_one_that_tells_another_story_than_its_key(lake, key):
    said = json.loads(lake.store.get(key)) | {"parameters": {"format": "other"}}
    del said["digest"]
    other = json.loads(lake.store.get(key)) | {"key": "0" * 64}
    del other["digest"]
    lake.runs.clear()
    for forged in (said, other):
        lake.store.put(key, json.dumps(forged).encode())
        assert kinds(lake.check()) == [("corrupt", key)]


def test_an_index_that_does_not_know_a_record(lake, key, added):
    run = Attempt.at("old", {}, {added.name: added.version}).said
    old = replace(run, ended="1999-01-01")
    for one in (old, replace(run, ended="2001-01-01")):
        lake.store.put(record_key(one), one.encode())
    assert kinds(lake.check(quick=True)) == [("not-indexed", record_key(old))]
    assert lake.check(repair=True).ok
    assert lake.check().problems == []
    assert lake.runs.record(record_key(old)) == old


def test_an_index_that_knows_a_record_that_is_gone(lake, key):
    lake.store.delete(key)
    assert kinds(lake.check()) == [("index-only", key)]
    assert lake.check(repair=True).ok
    assert lake.check().problems == []
    assert lake.runs.records() == set()


def test_what_runs_name_and_is_not_there(lake, added, key):
    name, gone = "later", "0123456789ab"
    attempt = Attempt.at(
        "tune", {}, {added.name: added.version, "never": gone, "a.dat": "sha256:0"}
    )
    attempt.outputs[name] = gone
    attempt.record(lake.store)
    failed = Attempt.at("tune", {"more": 1}, {"failing": gone})
    failed.record(lake.store, status="failed")
    report = lake.check()
    assert kinds(report) == [("gone", f"assets/{name}/{gone}"), ("gone", f"assets/never/{gone}")]
    assert report.ok
    assert "'tune' made it" in report.problems[0].message
    assert "a run took it" in report.problems[1].message
    assert kinds(lake.check(quick=True)) == kinds(report)
    assert lake.check(added.name).problems == []
