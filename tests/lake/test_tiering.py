"""Objects in other classes of storage: read as before, and paid for as what they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import panneuro
from panneuro.access.costs import MONTH_PARTS
from panneuro.access.lifecycle import Proposal, Rule
from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError
from panneuro.core.query import EVERYTHING
from panneuro.core.run import Run
from panneuro.lake.metering import kept, used
from panneuro.lake.tiering import TIER, move, moves, why_not
from panneuro.storage.objects import PART

BOOK = PriceBook()
COLD = Rule(EVERYTHING, 0, "tier", "cold")


@pytest.fixture
def bucket(moto, monkeypatch):
    """Return the name of a new bucket."""
    for name, value in moto.environment().items():
        monkeypatch.setenv(name, value)
    return moto.make_bucket()


def classes(moto, bucket, prefix):
    """Return the class of every object below a prefix, by key."""
    found = moto.client().list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    return {one["Key"]: one.get("StorageClass", "STANDARD") for one in found}


@pytest.mark.s3
def test_a_version_is_moved_and_read_as_before(moto, bucket, made_up, said):
    lake = panneuro.open(f"s3://{bucket}", create=True)
    manifest = lake.add(made_up.use(), name="s1", said=said).manifest
    before = np.asarray(lake["s1"]["ap"].data[:])
    proposal = Proposal("s1", manifest.version, COLD, manifest.stored_bytes, Decimal(1))
    assert why_not(lake, "cold", BOOK) == ""
    run = move(lake, proposal, BOOK)
    found = classes(moto, bucket, f"{manifest.prefix}/")
    assert found.pop(f"{manifest.prefix}/_lake/asset.json") == "STANDARD"
    assert {*found.values()} == {"GLACIER_IR"}
    assert lake.check().ok
    assert np.array_equal(np.asarray(panneuro.open(f"s3://{bucket}")["s1"]["ap"].data[:]), before)
    assert run.bytes_written == sum(file.size for file in manifest.files)
    (one,) = kept(lake)
    assert one.tier == "cold"
    now = datetime.now(UTC)
    lines = [one for one in used(lake, now, now + timedelta(days=9)) if one.asset == "s1"]
    assert {one.tier for one in lines if one.kind == "storage"} == {"cold"}


@pytest.mark.s3
def test_what_is_sent_in_parts_is_moved_too(moto, bucket):
    store = panneuro.open(f"s3://{bucket}", create=True).store
    data = np.random.default_rng(0).bytes(PART + 10_000)
    store.put("large", data)
    store.keep_as("large", "STANDARD_IA")
    assert store.get("large") == data
    assert classes(moto, bucket, "large") == {"large": "STANDARD_IA"}


def test_where_nothing_can_be_moved_it_is_told(lake, tmp_path):
    assert "has no classes of storage: keep the lake in a bucket" in why_not(lake, "cold", BOOK)
    assert "not read in seconds" in why_not(lake, "archive", BOOK)
    own = PriceBook.from_table({"tape": 1.2, "cool": {"per_tb_month": 2, "storage_class": "COOL"}})
    assert "no storage_class" in why_not(lake, "tape", own)
    assert own.tier("cool").storage_class == "COOL"
    with pytest.raises(InputError, match="no classes"):
        move(lake, Proposal("s1", "1", COLD, 1, Decimal(1)), BOOK)
    for store in (lake.store, panneuro.open(tmp_path / "lake", create=True).store):
        with pytest.raises(InputError, match="has no classes"):
            store.keep_as("lake.toml", "COOL")


def test_each_tier_is_paid_for_as_long_as_it_was_kept_there(lake, made_up, said):
    lake.add(made_up.use(), name="s1", said=said)
    taken = {"source": {"s1": lake["s1"].version}}
    now = datetime.now(UTC)
    days = [(10, "cold"), (20, "standard")]
    for at, (day, tier) in enumerate(days):
        ended = (now + timedelta(days=day)).isoformat()
        lake.learn([Run(f"{at:064x}", TIER, {"tier": tier}, taken, ended=ended)])
    assert [tier for _, tier in moves(lake.runs)["s1", lake["s1"].version]] == ["cold", "standard"]
    (one,) = kept(lake)
    lines = [one for one in used(lake, now, now + timedelta(days=30)) if one.asset == "s1"]
    by_tier = {tier: [x for x in lines if (x.kind, x.tier) == ("storage", tier)] for tier in
               ("", "cold", "standard")}  # fmt: skip
    days_of = {
        tier: sum(part.quantity * _days(part.month) for part in parts) / (one.n_bytes * MONTH_PARTS)
        for tier, parts in by_tier.items()
    }
    assert {tier: round(float(days), 1) for tier, days in days_of.items()} == {
        "": 10.0,
        "cold": 10.0,
        "standard": 10.0,
    }


def _days(month):
    first = datetime.fromisoformat(f"{month}-01")
    return ((first + timedelta(days=31)).replace(day=1) - first).days
