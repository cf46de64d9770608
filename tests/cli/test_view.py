"""``panneuro view``."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from tests.views.conftest import VIEW, put


@pytest.fixture
def viewable(tmp_path):
    import panneuro

    lake = panneuro.open(tmp_path / "lake", create=True)
    put(lake, "a")
    put(lake, "bad")
    (tmp_path / "mine.py").write_text(VIEW)
    return str(tmp_path / "lake")


def test_a_table_is_shown_written_and_drawn(run, viewable, tmp_path):
    mine = str(tmp_path / "mine.py")
    told = run("view", mine, "--lake", viewable)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0].split() == ["asset", "unit", "spikes"]
    assert "2 rows, edition 1 (1 made, 1 failed)" in told.stderr
    assert "failed: bad: ValueError: no good" in told.stderr
    for name in ("out.csv", "out.parquet", "out.json"):
        assert run("view", mine, "--lake", viewable, "-o", str(tmp_path / name)).exit_code == 0
    assert pd.read_csv(tmp_path / "out.csv")["spikes"].tolist() == [3, 1]
    assert pd.read_json(tmp_path / "out.json")["spikes"].tolist() == [3, 1]
    assert (
        run("view", mine, "--lake", viewable, "--figure", str(tmp_path / "out.png")).exit_code == 0
    )
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    assert run("view", mine, "--lake", viewable, "-o", "out.xls").exit_code == 2


def test_views_are_listed_and_have_a_history(run, viewable, tmp_path):
    mine = str(tmp_path / "mine.py")
    told = run("view", "--lake", viewable, "--json")
    assert {"unit-yield", "pipeline-health"} <= {
        one["view"] for one in json.loads(told.stdout)["views"]
    }
    run("view", mine, "--lake", viewable)
    told = run("view", mine, "--lake", viewable, "--history", "--json")
    [edition] = json.loads(told.stdout)["editions"]
    assert (edition["assets"], edition["rows"], edition["failed"]) == (2, 2, 1)
    lines = run("view", mine, "--lake", viewable, "--jsonl", "-p", "least=2").stdout.splitlines()
    assert [json.loads(line)["spikes"] for line in lines] == [3]
