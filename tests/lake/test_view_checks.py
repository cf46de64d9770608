"""Editions of views that cannot be read whole: told, forgotten and computed again."""

from __future__ import annotations

from datetime import timedelta

import pytest

import panneuro
from panneuro.signals.events import Events
from panneuro.views.view import view

NOW = timedelta(0)


@view(over="has:units", takes="units")
def spikes(units):
    return {"n": int(units.counts.sum())}


@pytest.fixture
def viewed(lake, made_up, said):
    """Return a lake whose view has two editions, the second of two parts."""
    events = Events.from_trains("units", {"a": [0.1, 0.4]})
    for number in range(4):
        lake.add(made_up.use(events), said=said, name=f"m{number}")
        if number > 1:
            panneuro.view(lake, spikes)
    return lake


def keys(lake, of):
    return sorted(found.key for found in lake.store.list(f"views/spikes/{of}"))


def spoil(lake, key, how):
    data = lake.store.get(key)
    if how == "gone":
        lake.store.delete(key)
    else:
        lake.store.put(key, data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[-9:])
    return data


def test_a_view_that_is_sound(viewed):
    report = viewed.check(sweep=True)
    assert report.problems == []
    assert report.checked_editions == 2


@pytest.mark.parametrize("how", ["gone", "flipped"])
def test_any_table_that_is_damaged_is_found_and_computed_again(viewed, how):
    expected = panneuro.view(viewed, spikes, refresh=False).df.to_dict()
    for key in keys(viewed, "parts"):
        if key not in keys(viewed, "parts"):
            continue
        spoil(viewed, key, how)
        report = viewed.check()
        assert {problem.kind for problem in report.problems} == {
            "missing" if how == "gone" else "corrupt"
        }
        assert not report.ok
        assert viewed.check(quick=True).ok == (how == "flipped")
        assert viewed.check(repair=True).ok
        assert viewed.check(sweep=True, grace=NOW).ok
        assert viewed.check().problems == []
        assert panneuro.view(viewed, spikes).df.to_dict() == expected


def test_any_edition_that_is_damaged_is_found_and_forgotten(viewed):
    expected = panneuro.view(viewed, spikes, refresh=False).df.to_dict()
    for key in keys(viewed, "editions"):
        spoil(viewed, key, "flipped")
        report = viewed.check()
        assert [(problem.kind, problem.key) for problem in report.problems] == [("unreadable", key)]
        assert "--repair forgets" in report.problems[0].message
        assert viewed.check(repair=True).ok
        assert viewed.check().problems == []
        assert panneuro.view(viewed, spikes).df.to_dict() == expected


def test_an_edition_under_the_number_of_another(viewed):
    first, second = keys(viewed, "editions")
    viewed.store.put(second, viewed.store.get(first))
    (problem,) = viewed.check().problems
    assert (problem.kind, problem.key) == ("unreadable", second)


def test_what_no_edition_names_is_swept_when_it_is_old(viewed):
    stray = "views/spikes/parts/0123456789abcdef/rows.parquet"
    viewed.store.put(stray, b"of a refresh that died")
    assert viewed.check(sweep=True).problems == []
    report = viewed.check(grace=NOW)
    assert [problem.kind for problem in report.problems] == ["unfinished"]
    assert report.ok
    assert viewed.check(sweep=True, grace=NOW).problems[0].repaired
    assert stray not in keys(viewed, "parts")
    assert len(panneuro.view(viewed, spikes, refresh=False).at(1).df) == 3


def test_nothing_is_swept_while_an_edition_cannot_be_read(viewed):
    spoil(viewed, keys(viewed, "editions")[0], "flipped")
    before = keys(viewed, "parts")
    assert [problem.kind for problem in viewed.check(sweep=True, grace=NOW).problems] == [
        "unreadable"
    ]
    assert keys(viewed, "parts") == before
