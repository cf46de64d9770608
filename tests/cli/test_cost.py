"""Costs at the command line: tables that add up."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import panneuro
from panneuro.core.entry import Entry
from panneuro.core.run import Run

TOML = """
[prices]
standard = 20
cold = 4
core_hour = 1
[budgets]
total = 10
[[lifecycle]]
on = ""
idle_days = 0
do = "tier"
tier = "cold"
"""


@pytest.fixture
def place(tmp_path):
    lake = panneuro.open(tmp_path / "lake", create=True)
    toml = tmp_path / "lake" / "lake.toml"
    toml.write_text(toml.read_text() + TOML)
    doc = {"stored_bytes": 10**12, "stored_objects": 10, "source_bytes": 2 * 10**12}
    created = "2020-01-01T00:00:00+00:00"
    lake.catalog.index([Entry("s1", "1", created, "d", {"project": "retina"}, doc=doc)])
    now = datetime.now(UTC).isoformat()
    lake.learn([Run("a" * 64, "sort", {}, {}, {"s1": "1"}, ended=now, core_seconds=9 * 3600.0)])
    return str(tmp_path / "lake")


def test_a_table_adds_up_to_its_total(run, place):
    said = json.loads(
        run("cost", "--by", "project", "--by", "asset", "--lake", place, "--json").stdout
    )
    assert said["by"] == ["project", "asset"]
    assert sum(Decimal(row["total"]) for row in said["rows"]) == Decimal(said["total"])
    assert said["rows"][0]["asset"] == "s1"
    shown = run("cost", "--lake", place)
    assert "retina" in shown.stdout
    assert "USD in all" in shown.stderr
    assert "coding saves 240.00 USD a year" in shown.stderr


def test_the_accountant_has_a_sheet(run, place):
    done = run("cost", "--csv", "--since", "2020-02", "--until", "2020-02", "--lake", place)
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows == [
        ["project", "storage", "total", "currency"],
        ["retina", "20.00", "20.00", "USD"],
        ["total", "20.00", "20.00", "USD"],
    ]
    assert run("cost", "--csv", "--json", "--lake", place).exit_code == 2


def test_months_to_come(run, place):
    said = json.loads(run("cost", "--forecast", "3", "--lake", place, "--json").stdout)
    assert [month["storage"] for month in said["months"]] == ["20.00"] * 3
    assert len(run("cost", "--forecast", "3", "--lake", place).stdout.splitlines()) == 4


def test_budgets_and_how_they_stand(run, place):
    (budget,) = json.loads(run("cost", "--budgets", "--lake", place, "--json").stdout)["budgets"]
    assert budget["for"] == "total"
    assert budget["state"] in ("warn", "spent")


def test_rules_and_what_they_would_save(run, place):
    done = run("cost", "--rules", "--lake", place)
    assert "tier cold" in done.stdout
    assert "no storage_class is said of the tier 'cold'" in done.stdout
    assert "would save 0 USD a month; nothing is done" in done.stderr
    done = run("cost", "--rules", "--apply", "--lake", place)
    assert "no storage_class is said of the tier 'cold'" in done.stdout
    assert "saves 0 USD a month; done" in done.stderr
    assert run("cost", "--apply", "--lake", place).exit_code == 2


def test_prices_and_whose_they_are(run, place):
    prices = json.loads(run("cost", "--prices", "--lake", place, "--json").stdout)["prices"]
    assert {price["name"]: price["source"] for price in prices}["standard"] == "lake.toml"
    assert all(price["source"] for price in prices)


@pytest.mark.parametrize("words", [["--by", "colour"], ["--since", "soon"], ["--forecast", "0"]])
def test_what_makes_no_sense_is_told(run, place, words):
    assert run("cost", *words, "--lake", place).exit_code == 2
