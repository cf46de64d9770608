"""What can be made again is let go of, told of, and made again: the very same bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import panneuro
from panneuro.access.lifecycle import Proposal, Rule
from panneuro.compute import recomputing, repeating, reproducing
from panneuro.compute.recomputing import apply, recompute
from panneuro.compute.reproducing import reproduce
from panneuro.compute.running import run
from panneuro.core.errors import (
    CorruptionError,
    ExpiredError,
    InputError,
    StoreError,
    UnobtainableError,
)
from panneuro.core.query import EVERYTHING
from panneuro.lake import retiring
from panneuro.lake.metering import kept, used
from panneuro.lake.retiring import expire, proposals
from panneuro.lake.tombstones import EXPIRE, KEY, RECOMPUTE

STEPS = Path(__file__).parent / "repeated.py"
RULE = '\n[[lifecycle]]\non = "kind=derived"\nidle_days = 0\ndo = "expire"\n'
KEPT = ("/_lake/asset.json", "/first.json")
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """Repeat runs in this process: another takes seconds to begin."""

    def asked(_, order, folder):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder / "code"))
            return repeating.repeat(json.loads(json.dumps(order)))

    monkeypatch.setattr(reproducing, "_asked", asked)


CHAIN = """\
import pandas as pd
import panneuro

@panneuro.step(takes="units", gives="counts")
def first(units) -> pd.DataFrame:
    return pd.DataFrame({"unit": units.ids, "n": units.counts})

@panneuro.step(takes="counts", gives="total")
def second(counts: pd.DataFrame) -> int:
    return int(counts["n"].sum())
"""


@pytest.fixture
def chained(folder_lake, tmp_path):
    """Return a lake with a rule, and the names of what was made of a session and of that."""
    toml = tmp_path / "lake" / "lake.toml"
    toml.write_text(toml.read_text() + RULE)
    lake = panneuro.open(tmp_path / "lake")
    steps = tmp_path / "chain.py"
    steps.write_text(CHAIN)
    (first,) = run(lake, f"{steps}:first", on="subject=m0 has:units").outputs
    (second,) = run(lake, f"{steps}:second", on=first).outputs
    return lake, first, second


def objects(lake, name):
    """Return every object of an asset, but its commit."""
    found = {one.key: lake.store.get(one.key) for one in lake.store.list(f"assets/{name}")}
    return {key: data for key, data in found.items() if not key.endswith(KEPT)}


def test_nothing_goes_that_was_never_made_again(chained):
    lake, first, second = chained
    before = objects(lake, first)
    told = {one.name: one.kept_because for one in apply(lake, LATER)}
    assert all("never made again" in told[name] for name in (first, second))
    assert objects(lake, first) == before
    assert lake.runs.find(step=EXPIRE) == []


def test_what_was_made_again_goes_and_comes_back_byte_for_byte(chained):
    lake, first, second = chained
    before = {name: objects(lake, name) for name in (first, second)}
    for name in (first, second):
        assert reproduce(lake, name, here=True).outcome == "identical"
    saved = {one.name: one.kept_because for one in proposals(lake, LATER)}
    assert saved[first] == saved[second] == ""
    done = {one.name for one in apply(lake, LATER) if not one.kept_because}
    assert done == {first, second}
    assert list(objects(lake, first)) == [f"{lake[first].manifest.prefix}/{KEY}"]
    assert {tuple(run.input_names) for run in lake.runs.find(step=EXPIRE)} == {(first,), (second,)}
    lake.audit.flush()
    assert {event.on.partition("@")[0] for event in lake.audit.search(what="expire")} == done
    assert done.isdisjoint({one.name for one in proposals(lake, LATER)})
    with pytest.raises(ExpiredError, match="expired on") as told:
        lake[first].read_file(lake[first].files[0].path)
    assert "--restore" in told.value.hint
    assert lake[first].documents.processing
    assert first in lake

    recompute(lake, second, here=True)
    assert {name: objects(lake, name) for name in (first, second)} == before
    assert [run.input_names for run in lake.runs.find(step=RECOMPUTE)] == [(second,), (first,)]
    with pytest.raises(InputError, match="has not expired"):
        recompute(lake, first, here=True)
    assert lake.check().ok


def test_nothing_goes_or_is_said_to_be_back_that_is_not_on_the_disk(chained, monkeypatch):
    lake, first, _ = chained
    reproduce(lake, first, here=True)
    before = objects(lake, first)

    def refuse(*_):
        raise StoreError("the disk does not take it")

    with monkeypatch.context() as broken:
        broken.setattr(retiring, "make_durable", refuse)
        with pytest.raises(StoreError):
            list(apply(lake, LATER))
    there = objects(lake, first)
    assert {key: there[key] for key in before} == before
    with monkeypatch.context() as broken:
        broken.setattr(recomputing, "make_durable", refuse)
        with pytest.raises(StoreError):
            recompute(lake, first, here=True)
    assert f"{lake[first].manifest.prefix}/{KEY}" in objects(lake, first)
    recompute(lake, first, here=True)
    assert objects(lake, first) == before


def test_what_expired_costs_nothing_and_is_no_wrong(chained):
    lake, first, _ = chained
    reproduce(lake, first, here=True)
    list(apply(lake, LATER))
    assert {one.entry.name: one.bytes_now for one in kept(lake)}[first] == 0
    stored = [one for one in used(lake, LATER, LATER + timedelta(days=9)) if one.asset == first]
    assert stored == []
    report = lake.check()
    assert report.ok
    assert [one.kind for one in report.problems] == ["expired"]


def test_without_its_data_nothing_is_made_of_it_and_nothing_said(chained):
    lake, first, second = chained
    reproduce(lake, first, here=True)
    list(apply(lake, LATER))
    with pytest.raises(ExpiredError, match="expired on"):
        lake.describe(first, {"description": {"title": "described without its data"}})
    verdict = reproduce(lake, second, here=True)
    assert verdict.outcome == "unobtainable"
    assert "expired" in "".join(verdict.missing.values())


def test_who_described_it_at_that_moment_is_told_and_gets_it_back(chained, monkeypatch):
    lake, first, _ = chained
    version = lake[first].version
    reproduce(lake, first, here=True)
    lake.describe(first, {"description": {"title": "described meanwhile"}})
    with monkeypatch.context() as patch:
        patch.setattr(retiring, "why_not", lambda *_: "")
        rule = Rule(EVERYTHING, 0, "expire")
        expire(lake, Proposal(first, version, rule, 1, Decimal(0)))
    shared = next(file for file in lake[first].files if file.key)
    with pytest.raises(ExpiredError, match=f"{first}@{version} expired"):
        lake[first].read_file(shared.path)
    assert lake.check().ok
    recompute(lake, first, here=True)
    assert lake[first].read_file(shared.path)


def test_what_cannot_be_made_again_any_more_stays(chained):
    lake, first, _ = chained
    reproduce(lake, first, here=True)
    (made,) = lake.runs.making(first)
    lake.store.delete(f"runs/code/{made.code.partition(':')[2]}.json")
    told = {one.name: one.kept_because for one in apply(lake, LATER)}
    assert told[first].startswith("code: ")


def test_other_bytes_are_not_put_back(chained, monkeypatch):
    lake, first, _ = chained
    reproduce(lake, first, here=True)
    list(apply(lake, LATER))
    stone = list(objects(lake, first))
    (made,) = lake.runs.making(first)
    key = f"runs/code/{made.code.partition(':')[2]}.json"
    text = lake.store.get(key).decode()
    assert "units.counts" in text
    lake.store.put(key, text.replace("units.counts", "units.counts + 1").encode())
    with pytest.raises(CorruptionError, match="other bytes"):
        recompute(lake, first, here=True)
    assert list(objects(lake, first)) == stone
    lake.store.delete(key)
    with pytest.raises(UnobtainableError):
        recompute(lake, first, here=True)
