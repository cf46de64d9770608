"""What every catalog must do, as tests: subclass :class:`CatalogConformance` in a test module."""

# The names of tests say what they show.
# ruff: noqa: D102, S101

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.catalog import Catalog, Facet, Page, Searchable
from panneuro.core.conditions import OPERATORS, AnyOf, Condition, Match, Words
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import ConflictError, InputError, QueryError
from panneuro.core.query import Query, parse

Make = Callable[[Sequence[Entry]], Searchable]
"""Turns entries into something that is searched."""

_STRINGS = (
    "mouse", "Mouse", "MOUSE", "rat", "CA1", "ca1", "VISp", "Mus musculus", "Müller", "MÜLLER",
    "straße", "STRASSE", "日本語", "ﬁeld", "a'b", 'q"z', "100%", "_", "*", "a*b", "--",
    "; DROP TABLE asset", "AND", "OR NOT", "NEAR(a b)", "co:lon", "back\\slash", "nul\x00inside",
    "\ud800lone", "true", "7", " padded ", "tab\tbed", "new\nline", "🧠", "e\u0301", "x" * 300,
)  # fmt: skip
_DATES = (
    "2024-05-01",
    "2024-05-01T10:00:00Z",
    "2024-05-31T23:59:59+02:00",
    "1969-07-20",
    "9999-12-31",
)
_NUMBERS = (
    0, -0.0, 1, 100, 100.5, -3, 1e-300, 10**30, 2**53 + 1, 10**400, float("nan"), float("inf"),
)  # fmt: skip
_FACETS = ("species", "area", "has", "extensions.lab.mixed", "version")
_SORTS = (
    "-date",
    "embargo_until",
    "date",
    "units",
    "-units",
    "name",
    "-name",
    "-created",
    "extensions.lab.mixed",
)
_ALL = 10_000

_quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
        HealthCheck.too_slow,
    ],
)

_strings = st.sampled_from(_STRINGS) | st.text(max_size=6)
_numbers = st.sampled_from(_NUMBERS) | st.integers(-50, 500) | st.floats()
_lists = st.lists(_strings, max_size=3)
_fields: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "species": _strings | st.none(),
        "subject": _strings,
        "area": _lists | _strings,
        "has": _lists,
        "units": _numbers | st.none(),
        "size_bytes": _numbers,
        "embargo_until": st.sampled_from(_DATES),
        "date": st.sampled_from(_DATES) | st.datetimes().map(lambda moment: moment.isoformat()),
        "extensions.lab.mixed": _strings | _numbers | _lists | st.booleans(),
    },
)
_times = st.sampled_from(("2024-01-01T00:00:00Z", "2024-01-01", "2025-06-01T12:00:00+02:00"))


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """Draw a few entries of all sorts, with distinct names and versions."""
    names = st.sampled_from(("a", "A", "b_1", "b_2", "ecephys_625463", "Ünï", "o'x", '"', "%"))
    versions = st.sampled_from(("1", "2", "10", "v1"))
    keys = draw(st.lists(st.tuples(names, versions), unique=True, max_size=12))
    texts = st.lists(_strings, max_size=4).map(" ".join)
    return [
        Entry(name, version, draw(_times), f"sha256:{at}", draw(_fields), draw(texts))
        for at, (name, version) in enumerate(keys)
    ]


def _match(field: str, operator: str, values: list[tuple[str, ...]]) -> Match | None:
    try:
        return Match(field, operator, tuple(values))
    except QueryError:
        return None


def _words(text: str, prefix: bool, negated: bool) -> Words | None:
    try:
        return Words((text,), prefix, negated)
    except QueryError:
        return None


_texts = _strings | st.sampled_from(("1..200", "..0", "100", "2024-05", "2024", "1GB", "a", "b_"))
_patterns = st.lists(_texts, min_size=1, max_size=3).map(tuple) | _texts.map(lambda text: (text,))
_conditions: st.SearchStrategy[Condition | None] = st.builds(
    _match,
    st.sampled_from(
        (
            "name",
            "species",
            "area",
            "has",
            "units",
            "size",
            "date",
            "embargo_until",
            "created",
            "version",
            "subject",
            "extensions.lab.mixed",
            "extensions.lab.none",
        )
    ),
    st.sampled_from(OPERATORS),
    st.lists(_patterns, min_size=1, max_size=2),
) | st.builds(_words, _strings, st.booleans(), st.booleans())


def _groups(inner: st.SearchStrategy[Condition | None]) -> st.SearchStrategy[Condition | None]:
    every = st.lists(inner, max_size=2).map(lambda drawn: tuple(one for one in drawn if one))
    return st.builds(AnyOf, st.lists(every, max_size=3).map(tuple), st.booleans())


_nested = st.recursive(_conditions, _groups, max_leaves=4)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Draw a query of a few conditions of all kinds, alternatives among them."""
    drawn = draw(st.lists(_nested, max_size=3))
    return Query(tuple(condition for condition in drawn if condition is not None))


class Reference:
    """The meaning of a search, by looking at every entry: slow and plain.

    Parameters
    ----------
    entries : sequence of Entry
        With distinct names and versions.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._all = list(entries)
        by_name = sorted(entries, key=lambda entry: (entry.name, entry.age_key))
        self._latest = [list(same)[-1] for _, same in groupby(by_name, lambda entry: entry.name)]

    def found(self, query: Query, *, versions: bool = False) -> list[Entry]:
        """Return what a query finds, in no particular order."""
        return [one for one in (self._all if versions else self._latest) if query.matches(one)]

    def facet(self, query: Query, field: str, limit: int, *, versions: bool = False) -> Facet:
        """Return the most frequent folded values of a field."""
        counts: Counter[str] = Counter()
        for entry in self.found(query, versions=versions):
            counts.update({fold(value) for value in entry.strings(field)})
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def _keys(found: Sequence[Entry] | Iterator[Entry]) -> list[tuple[str, str]]:
    return sorted((entry.name, entry.version) for entry in found)


def _folded(facets: Mapping[str, Facet]) -> dict[str, Facet]:
    return {field: [(fold(v), n) for v, n in facet] for field, facet in facets.items()}


def _sort_key(entry: Entry, field: str) -> Any:
    return fold(entry.name) if field == "name" else entry.number(field)


def _assert_sorted(found: Sequence[Entry], sort: str) -> None:
    values = [_sort_key(entry, sort.removeprefix("-")) for entry in found]
    present = [value for value in values if value is not None]
    assert values[len(present) :] == [None] * (len(values) - len(present)), "missing ones come last"
    assert present == sorted(present, reverse=sort.startswith("-"))


def _paged(searchable: Searchable, query: Query, sort: str) -> list[Entry]:
    found: list[Entry] = []
    page = Page((), 0, following=0)
    while page.following is not None:
        page = searchable.find(query, 2, page.following, sort)
        found += page.entries
    return found


class SearchConformance:
    """The conformance suite of what can be searched: a catalog, or a snapshot of one.

    Give it a fixture ``make`` that turns a sequence of entries into a
    :class:`~panneuro.core.catalog.Searchable`; it is called many times in one test.

    Examples
    --------
    .. code-block:: python

        class TestMySnapshot(SearchConformance):
            @pytest.fixture
            def make(self):
                return MySnapshot
    """

    @_quick
    @given(drawn=entries(), query=queries(), versions=st.booleans())
    def test_it_finds_what_the_query_means(
        self, make: Make, drawn: list[Entry], query: Query, versions: bool
    ) -> None:
        searchable, expected = make(drawn), Reference(drawn).found(query, versions=versions)
        page = searchable.find(query, _ALL, versions=versions)
        assert _keys(page.entries) == _keys(expected)
        assert (page.total, page.exact, page.more) == (len(expected), True, False)
        assert searchable.count(query, versions=versions) == len(expected)
        assert searchable.count(query, bound=1, versions=versions) == min(1, len(expected))

    @_quick
    @given(drawn=entries(), query=queries(), limit=st.integers(1, 4), versions=st.booleans())
    def test_facets_count_what_the_query_finds(
        self, make: Make, drawn: list[Entry], query: Query, limit: int, versions: bool
    ) -> None:
        found = make(drawn).facets(query, _FACETS, limit, versions)
        reference = Reference(drawn)
        assert _folded(found) == {
            field: reference.facet(query, field, limit, versions=versions) for field in _FACETS
        }

    @_quick
    @given(drawn=entries(), query=queries(), sort=st.sampled_from(_SORTS))
    def test_pages_are_sorted_and_complete(
        self, make: Make, drawn: list[Entry], query: Query, sort: str
    ) -> None:
        searchable = make(drawn)
        found = _paged(searchable, query, sort)
        assert _keys(found) == _keys(Reference(drawn).found(query))
        _assert_sorted(found, sort)

    @_quick
    @given(drawn=entries(), query=queries())
    def test_names_and_versions_are_told(
        self, make: Make, drawn: list[Entry], query: Query
    ) -> None:
        searchable = make(drawn)
        expected = Reference(drawn).found(query)
        assert sorted(searchable.names(query)) == sorted(entry.name for entry in expected)
        newest = {entry.name: entry.version for entry in expected}
        assert dict(searchable.latest(query)) == newest
        for entry in drawn:
            same = searchable.get(entry.name, entry.version)
            assert same is not None
            assert (same.digest, same.fields, same.created) == (
                entry.digest,
                entry.fields,
                entry.created,
            )
        for entry in Reference(drawn).found(Query()):
            latest = searchable.get(entry.name)
            assert latest is not None
            assert latest.version == entry.version
        assert searchable.get("nothing has this name") is None

    def test_rank_prefers_more_and_rarer_words(self, make: Make) -> None:
        filler = "neural activity recorded during a visual task in the mouse cortex"
        texts = {
            "none": filler,
            "one": f"{filler} ripple",
            "three": f"{filler} ripple ripple ripple",
        }
        searchable = make(
            [Entry(name, "1", "2024-01-01", "d", {}, text) for name, text in texts.items()]
        )
        found = searchable.find(parse("ripple"), sort="rank")
        assert [entry.name for entry in found.entries] == ["three", "one"]

    def test_rows_beyond_one_block_are_found(self, make: Make) -> None:
        many = [
            Entry(
                f"s{at:04d}", "1", "2024-01-01", "d", {"units": at, "species": "m" + "x" * (at % 3)}
            )
            for at in range(3_000)
        ]
        searchable = make(many)
        assert searchable.count(parse("units=100..1599 species=mx")) == 500
        page = searchable.find(parse("units>=10"), 3, sort="-units")
        assert [entry.number("units") for entry in page.entries] == [2999.0, 2998.0, 2997.0]
        assert searchable.facets(parse("units<2"), ["species"]) == {
            "species": [("m", 1), ("mx", 1)]
        }

    @pytest.mark.parametrize("sort", ["species", "text", "nonsense", ""])
    def test_an_order_that_is_none_is_refused(self, make: Make, sort: str) -> None:
        with pytest.raises(InputError):
            make([]).find(Query(), sort=sort)

    @pytest.mark.parametrize("field", ["units", "date", "text", "name", "nonsense"])
    def test_a_facet_that_is_none_is_refused(self, make: Make, field: str) -> None:
        with pytest.raises(InputError):
            make([]).facets(Query(), [field])

    @pytest.mark.parametrize(("limit", "offset"), [(-1, 0), (1, -1)])
    def test_a_page_that_is_none_is_refused(self, make: Make, limit: int, offset: int) -> None:
        with pytest.raises(InputError):
            make([]).find(Query(), limit, offset)


class CatalogConformance(SearchConformance):
    """The conformance suite of the Catalog seam.

    Give it a fixture ``catalog`` that returns an empty :class:`~panneuro.core.catalog.Catalog`.

    Examples
    --------
    .. code-block:: python

        class TestMyCatalog(CatalogConformance):
            @pytest.fixture
            def catalog(self, tmp_path):
                return MyCatalog(tmp_path / "index")
    """

    @pytest.fixture
    def make(self, catalog: Catalog) -> Make:
        def filled(drawn: Sequence[Entry]) -> Searchable:
            catalog.clear()
            assert catalog.index(drawn) == len(drawn)
            return catalog

        return filled

    @_quick
    @given(drawn=entries(), query=queries(), data=st.data())
    def test_a_history_of_changes_leaves_what_it_should(
        self, catalog: Catalog, drawn: list[Entry], query: Query, data: st.DataObject
    ) -> None:
        catalog.clear()
        kept: dict[tuple[str, str], Entry] = {}
        for entry in data.draw(st.permutations(drawn)):
            catalog.index([entry])
            kept[entry.name, entry.version] = entry
        for entry in data.draw(
            st.lists(st.sampled_from(drawn), max_size=5) if drawn else st.just([])
        ):
            if data.draw(st.booleans()):
                gone = [key for key in kept if key[0] == entry.name]
                assert catalog.remove([entry.name]) == len(gone)
                kept = {key: value for key, value in kept.items() if key not in gone}
            else:
                other = Entry(
                    entry.name, entry.version, data.draw(_times), "sha256:new", data.draw(_fields)
                )
                assert catalog.index([other], replace=True) == (
                    (entry.name, entry.version) not in kept
                )
                kept[entry.name, entry.version] = other
        reference = Reference(list(kept.values()))
        assert _keys(catalog.find(query, _ALL).entries) == _keys(reference.found(query))
        assert _folded(catalog.facets(query, ["area"])) == {
            "area": reference.facet(query, "area", 10)
        }
        assert catalog.count(Query(), versions=True) == len(kept)
        _assert_sorted(catalog.find(Query(), _ALL, sort="units").entries, "units")

    def test_indexing_again_changes_nothing(self, catalog: Catalog) -> None:
        entry = Entry("a", "1", "2024-01-01", "d1", {"species": "mouse"}, "text", {"shown": [1]})
        assert (catalog.index([entry]), catalog.index([entry, entry])) == (1, 0)
        assert catalog.get("a") == entry
        assert catalog.facets(Query(), ["species"]) == {"species": [("mouse", 1)]}

    def test_another_digest_is_a_conflict_and_nothing_of_its_batch_stays(
        self, catalog: Catalog
    ) -> None:
        catalog.index([Entry("a", "1", "2024-01-01", "d1")])
        with pytest.raises(ConflictError, match="'a' version '1'"):
            catalog.index([Entry("b", "1", "2024-01-01", "d"), Entry("a", "1", "2024-01-01", "d2")])
        assert list(catalog.names(Query())) == ["a"]

    def test_completion_offers_fields_names_and_values(self, catalog: Catalog) -> None:
        catalog.index(
            [
                Entry("spikes_1", "1", "2024-01-01", "d", {"species": "Mus musculus"}),
                Entry("spikes_2", "1", "2024-01-01", "d", {"species": "Macaca mulatta"}),
            ]
        )
        assert catalog.complete("sp") == ["species=", "spikes_1", "spikes_2"]
        assert catalog.complete("sp", limit=2) == ["species=", "spikes_1"]
        assert catalog.complete("species=m") == ["species=Macaca mulatta", "species=Mus musculus"]
        assert catalog.complete("species=m", within=parse("name=spikes_1")) == [
            "species=Mus musculus"
        ]
        assert catalog.complete("spikes", within=parse("name=spikes_1")) == ["spikes_1"]
        assert catalog.complete("nonsense=") == []

    def test_the_older_version_stands_in_when_the_newer_is_replaced(self, catalog: Catalog) -> None:
        old, new = Entry("a", "1", "2024-02-01", "d1"), Entry("a", "2", "2024-03-01", "d2")
        catalog.index([new, old])
        assert catalog.get("a") == new
        older = Entry("a", "2", "2024-01-01", "d3")
        catalog.index([older], replace=True)
        assert catalog.get("a") == old
        assert [entry.version for entry in catalog.find(Query()).entries] == ["1"]

    def test_closing_twice_does_nothing(self, catalog: Catalog) -> None:
        catalog.close()
        catalog.close()
