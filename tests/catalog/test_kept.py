"""Sums of what versions keep are those of their entries, whatever was added or removed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.catalog import SqliteCatalog
from panneuro.catalog.kept import month_at
from panneuro.core.entry import Entry
from panneuro.core.query import EVERYTHING, parse

FIRST = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR = 365 * 86_400
entries = st.builds(
    lambda name, version, second, size, project: Entry(
        name, version, datetime.fromtimestamp(second, UTC).isoformat(), "d",
        {"project": project} if project else {},
        doc={"stored_bytes": size, "stored_objects": 2, "source_bytes": 3 * size},
    ),
    st.sampled_from("abc"), st.sampled_from("12"), st.integers(FIRST, FIRST + YEAR),
    st.integers(0, 1 << 45), st.sampled_from(["", "retina", "cortex"]),
)  # fmt: skip
spans = st.tuples(*[st.integers(FIRST - YEAR, FIRST + 2 * YEAR)] * 2).map(sorted)


def second_of(entry):
    return int(datetime.fromisoformat(entry.created).timestamp())


def expected(there, since, until):
    """Return the sums of entries by project and month, each worked out by itself."""
    found = {}
    for one in there:
        second, size = second_of(one), one.doc["stored_bytes"]
        if second >= until:
            continue
        month, remaining = month_at(second)
        came = second >= since
        kept = (size, 3 * size, 0 if came else size, 2 * came, size * remaining * came)
        key = one.fields.get("project", ""), month
        found[key] = [a + b for a, b in zip(found.get(key, [0] * 5), kept, strict=True)]
    return found


def latest_of(there):
    last = {}
    for one in sorted(there, key=lambda one: one.age_key):
        last[one.name] = one
    return last


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=9), st.sets(st.sampled_from("abc"), max_size=1), spans)
def test_sums_are_those_of_the_entries(added, removed, span):
    catalog, there = SqliteCatalog(), {}
    for one in added:
        catalog.index([one], replace=True)
        there[one.name, one.version] = one
    catalog.remove(removed)
    left = [one for one in there.values() if one.name not in removed]
    for query in (EVERYTHING, parse("project=retina"), parse("-project=retina")):
        last = latest_of(left)
        seen = [one for one in left if query.matches(one) and query.matches(last[one.name])]
        whole = catalog.kept(query, *span)
        assert {(one.project, one.month): list(one[4:]) for one in whole} == expected(seen, *span)
        each = catalog.kept(query, *span, each=True)
        assert Counter((one.name, one.version) for one in each) == Counter(
            (one.name, one.version) for one in seen if second_of(one) < span[1]
        )
        for column in range(4, 9):
            assert sum(one[column] for one in each) == sum(one[column] for one in whole)
        known = {one.name: one.fields.get("project", "") for one in latest_of(seen).values()}
        assert catalog.projects(["a", "b", "none"], query) == {
            name: project for name, project in known.items() if name in "ab"
        }


def test_versions_can_be_left_out(tmp_path):
    with SqliteCatalog(tmp_path / "index.sqlite") as catalog:
        doc = {"stored_bytes": 5, "stored_objects": 1, "source_bytes": 9}
        catalog.index(Entry(name, "1", "2026-02-01", "d", doc=doc) for name in ("a", "B"))
        span = FIRST, FIRST + YEAR
        (left,) = catalog.kept(EVERYTHING, *span, each=True, but={("B", "1"), ("gone", "1")})
        assert (left.name, left.n_bytes, left.source_bytes) == ("a", 5, 9)
        assert left.byte_seconds == 5 * 28 * 86_400


def test_sizes_that_are_none_count_for_nothing():
    catalog = SqliteCatalog()
    for at, doc in enumerate([None, {}, {"stored_bytes": "much"}, {"stored_bytes": -5}]):
        catalog.index([Entry(f"a{at}", "1", "2026-02-01", "d", doc=doc)])
    catalog.index([Entry("huge", "1", "2026-02-01", "d", doc={"stored_bytes": 10**30})])
    (found,) = catalog.kept(EVERYTHING, FIRST, FIRST + YEAR)
    assert found.n_bytes == (1 << 53) - 1
