"""The audit at the command line."""

from __future__ import annotations

import json

import pytest

import panneuro
from panneuro.access.actors import Actor
from panneuro.cli.audit import day_of


@pytest.fixture
def place(tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    grant = lake.grant("ada@uni.edu", "reader", "project=retina")
    lake.audit.record("download", Actor("ada@uni.edu"), "s1", n_bytes=2_000_000)
    lake.audit.record("refused", Actor("ben"), "s1\x1b[31m", verb="read")
    lake.audit.flush()
    lake.revoke(grant.id, why="it was a mistake")
    return str(tmp_path / "lake")


def test_it_tells_what_was_said_and_done_in_order(run, place):
    events = json.loads(run("audit", "--lake", place, "--json").stdout)["events"]
    assert [event["what"] for event in events] == ["grant", "download", "refused", "revocation"]
    assert events[3]["on"] == events[0]["about"]["id"]
    assert events[3]["about"]["why"] == "it was a mistake"
    shown = run("audit", "--lake", place).stdout
    assert "2 MB" in shown
    assert "\x1b" not in shown


def test_it_is_searched(run, place):
    def whats(*words):
        lines = run("audit", *words, "--lake", place, "--jsonl").stdout.splitlines()
        return [json.loads(line)["what"] for line in lines]

    assert whats("--who", "*ada*") == ["download"]
    assert whats("--what", "refused") == ["refused"]
    assert whats("--on", "s1") == ["download"]
    assert whats("--since", "2999") == []
    assert whats("--until", "2020-05") == []
    assert whats("--limit", "1") == ["grant"]
    assert "--limit shows more" in run("audit", "--limit", "1", "--lake", place).stderr


def test_a_day_is_a_day():
    assert str(day_of("2026-05", 0)) == "2026-05-01"
    assert str(day_of("2026-05", 1)) == "2026-05-31"
    assert str(day_of("2026-05-03", 1)) == "2026-05-03"
    assert day_of("", 0) is None


def test_a_date_that_is_none_is_told(run, place):
    assert run("audit", "--since", "yesterday", "--lake", place).exit_code == 2
