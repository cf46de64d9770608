from __future__ import annotations

import sqlite3
from threading import Thread

import pytest

from panneuro.catalog.runs import SqliteRuns
from panneuro.core.errors import CorruptionError, StoreError
from panneuro.core.run import Run, RunIndex


def run(key, step="tune", day=1, **fields):
    return Run(key, step, {}, fields.pop("inputs", {}), ended=f"2026-03-{day:02}", **fields)


def recorded(*runs):
    return [(f"runs/2026-03/{one.key}.json", one) for one in runs]


@pytest.fixture
def index() -> RunIndex:
    """Return an index of a small history."""
    index = SqliteRuns()
    index.add(
        recorded(
            run("0a", inputs={"units": {"m1": "1"}}, outputs={"m1_tune": "a"}),
            run("0b", day=2, inputs={"units": {"m1": "2"}}, outputs={"m1_tune": "b"}),
            run("0c", inputs={"units": {"m2": "1"}}, packages={"numpy": "2.1"}, status="failed"),
            run("0d", "best", inputs={"t": {"m1_tune": "b"}}, packages={"numpy": "2.2"}),
        )
    )
    return index


def keys(runs):
    return [one.key for one in runs]


def test_runs_are_found_by_what_they_are(index):
    assert index.get("0a").outputs == {"m1_tune": "a"}
    assert index.get("0c") is None
    assert index.outputs("tune") == {"0a": {"m1_tune": "a"}, "0b": {"m1_tune": "b"}}
    assert index.outputs("best") == {"0d": {}}
    assert index.made_by("tune") == {"m1_tune"}
    assert keys(index.latest("tune").values()) == ["0b"]
    assert keys(index.making("m1_tune")) == ["0b", "0a"]
    assert keys(index.making("m1_tune", "a")) == ["0a"]
    assert keys(index.using("m1")) == ["0b", "0a"]
    assert keys(index.using("m1", "1")) == ["0a"]
    assert keys(index.with_package("numpy", "2.2")) == ["0d"]
    assert sorted(keys(index.with_package("numpy"))) == ["0c", "0d"]
    assert keys(index.find(step="tune", status="done")) == ["0b", "0a"]
    assert keys(index.find(status="failed")) == ["0c"]
    assert len(index.find()) == 4
    assert keys(index.find(limit=1)) == ["0b"]
    assert len(index.find(limit=2, offset=3)) == 1


def test_a_record_is_noted_once(index):
    again = recorded(run("0a"))
    assert index.add(again) == 0
    assert index.add([("runs/2026-04/0a.json", run("0a"))]) == 1
    assert len(index.records()) == 5


def test_everything_can_be_forgotten(index):
    index.clear()
    assert index.records() == set()
    assert not index.find()


def test_it_is_shared_by_those_who_open_it(tmp_path):
    first, second = SqliteRuns(tmp_path / "runs.sqlite"), SqliteRuns(tmp_path / "runs.sqlite")
    threads = [
        Thread(target=one.add, args=([(f"r/{n}", run(str(n))) for n in numbers],))
        for one, numbers in ((first, range(1, 50)), (second, range(50, 99)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(first.records()) == len(second.records()) == 98
    first.close()
    first.close()
    second.close()


def test_an_index_of_another_layout_is_emptied(tmp_path):
    path = tmp_path / "runs.sqlite"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE run(x)")
        old.execute("PRAGMA user_version=99")
    old.close()
    index = SqliteRuns(path)
    assert index.records() == set()
    index.close()


def test_what_is_no_index_is_refused(tmp_path):
    (tmp_path / "text").write_text("not a database, but long enough to be looked at" * 99)
    with pytest.raises(CorruptionError, match="reindex"):
        SqliteRuns(tmp_path / "text")
    with pytest.raises(StoreError):
        SqliteRuns(tmp_path)
