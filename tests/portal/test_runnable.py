"""What is run for a visitor is what they may run, whatever they hold and ask for."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import panneuro
from panneuro.access.actors import Actor
from panneuro.access.roles import ROLES
from panneuro.compute.pipelines import Stage
from panneuro.compute.planning import Given
from panneuro.core.errors import LimitError
from panneuro.core.query import EVERYTHING, parse
from panneuro.portal import runnable
from panneuro.portal.offers import STEP, Offer
from panneuro.portal.runnable import Admission, choose, may_all
from panneuro.signals.table import Intervals

ASKED = (
    "",
    "project=gratings",
    "project=secret",
    "has:trials",
    "mouse",
    "project=none",
    "units>100",
)


@panneuro.step(takes=("trials",), gives="counts")
def counts(trials: Intervals) -> pd.DataFrame:
    """Count trials."""
    return pd.DataFrame({"count": [len(trials)]})


OFFER = Offer(STEP, "counts", (Stage(counts),))


@pytest.fixture(scope="module")
def owned(lake, tmp_path_factory):
    """Return a copy of the lake that somebody owns."""
    copied = tmp_path_factory.mktemp("owned") / "lake"
    shutil.copytree(urlsplit(lake.store.url).path, copied)
    copy = panneuro.open(copied)
    copy.access.grant("owner@uni.edu", "owner", "")
    return copy


@settings(max_examples=60)
@given(st.sampled_from(sorted(ROLES)), st.sampled_from(ASKED), st.sampled_from(ASKED))
def test_what_is_chosen_is_what_may_be_run(owned, role, within, on):
    actor = Actor("person:owner@uni.edu", within=parse(within), verbs=ROLES[role])
    seen, verbs = owned.as_(actor), ROLES[role]
    entries = [owned.index.get(name) for name in owned]
    wanted = {one.name for one in entries if (parse(within) & parse(on)).matches(one)}
    chosen = choose(seen, owned, OFFER, seen.find(on).query, Given())
    assert set(chosen.names) == (wanted if {"find", "run"} <= verbs else set())
    assert set(chosen.not_theirs) == (wanted if "find" in verbs and "run" not in verbs else set())
    taken = {name for task in chosen.admitted for name in task.run.input_names}
    assert taken <= wanted
    assert may_all(seen, owned, "run", sorted(taken))


def test_what_would_leave_a_scope_is_not_made(owned, name):
    named = Actor("person:owner@uni.edu", within=parse(f"name={name}"))
    seen = owned.as_(named)
    chosen = choose(seen, owned, OFFER, EVERYTHING, Given())
    assert chosen.names == (name,)
    assert [one.why for one in chosen.refused] == ["you may not add what it would make"]
    scoped = owned.as_(Actor("person:owner@uni.edu", within=parse("project=gratings")))
    admitted, refused = Admission(scoped, owned).judged(chosen.work.due)
    assert [task.run.user for task in admitted] == ["owner@uni.edu"]
    assert refused == []


def test_a_search_that_finds_too_much_is_refused(owned, monkeypatch):
    monkeypatch.setattr(runnable, "MOST_INPUTS", 1)
    seen = owned.as_(Actor("person:owner@uni.edu"))
    with pytest.raises(LimitError, match="more than 1 assets"):
        choose(seen, owned, OFFER, EVERYTHING, Given())
