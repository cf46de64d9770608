"""Through a scope nothing else is there, and nothing tells that it is elsewhere."""

from __future__ import annotations

import pytest

from panneuro.access.actors import Actor
from panneuro.catalog import SqliteCatalog
from panneuro.core.entry import Entry
from panneuro.core.query import Query, parse
from panneuro.lake.scoping import Within
from panneuro.testing.catalog import SearchConformance

ADA = Actor("ada@uni.edu")


class TestEverything(SearchConformance):
    """Through a scope that finds everything, it is what it was."""

    @pytest.fixture
    def make(self):
        def made(entries):
            catalog = SqliteCatalog()
            catalog.index(entries)
            return Within(catalog, Query)

        return made


@pytest.fixture
def several(lake):
    """Return a lake whose index knows of some assets."""
    lake.catalog.index(
        [
            Entry(name, "1", "2026-01-01", f"sha256:{name}", {"project": project})
            for name, project in (("ecephys_a1", "retina"), ("ecephys_b1", "cortex"))
        ]
    )
    return lake


def test_looking_up_what_is_hidden_asks_as_much_as_what_is_not_there(several):
    several.grant("ada@uni.edu", "reader", "project=retina")
    judged = []

    class Watched(Query):
        def matches(self, one):
            judged.append(one.name)
            return super().matches(one)

    scope = Watched(parse("project=retina").conditions)
    index = Within(several.index, lambda: scope)
    for name in ("ecephys_b1", "nothing"):
        judged.clear()
        assert index.get(name) is index.get(name, "1") is None
        assert len(judged) == 4
    before = several.store.usage.snapshot()
    for name in ("ecephys_b1", "nothing"):
        assert name not in several.as_(ADA)
    assert (several.store.usage.snapshot() - before).bytes_read == 0
