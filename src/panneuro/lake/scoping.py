"""What can be searched, seen through a query: nothing else is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from panneuro.core.catalog import Facet, Page, Searchable
from panneuro.core.entry import Entry
from panneuro.core.query import Query

_ABSENT = Entry("-", "-", "1970-01-01", "-", {"project": "-", "access": "private", "units": 1})
"""Judged where there is no asset of a name, so that it takes as long as where one is hidden."""


class Within:
    """What can be searched, seen through a query: nothing else is there.

    Parameters
    ----------
    whole : Searchable
        What is searched.
    scope : callable
        Returns the query of the moment.
    """

    def __init__(self, whole: Searchable, scope: Callable[[], Query]) -> None:
        self._whole = whole
        self._scope = scope

    def get(self, name: str, version: str | None = None) -> Entry | None:
        """Return one version of an asset, by default the latest, or None.

        A version is there if it is in the scope and the latest is, too: what is corrected or
        taken back in a description is so for the older ones.
        """
        scope, latest = self._scope(), self._whole.get(name)
        entry = latest if version is None else self._whole.get(name, version)
        seen = [scope.matches(one or _ABSENT) for one in (latest, entry)]
        return entry if latest and entry and all(seen) else None

    def find(
        self,
        query: Query,
        limit: int = 50,
        offset: int = 0,
        sort: str = "-date",
        versions: bool = False,
    ) -> Page:
        """Return a page of what a query finds; see `panneuro.core.catalog.Searchable.find`."""
        return self._whole.find(query & self._scope(), limit, offset, sort, versions)

    def facets(
        self, query: Query, fields: Sequence[str], limit: int = 10, versions: bool = False
    ) -> Mapping[str, Facet]:
        """Return the most frequent values of some keyword fields among what a query finds."""
        return self._whole.facets(query & self._scope(), fields, limit, versions)

    def count(self, query: Query, bound: int | None = None, versions: bool = False) -> int:
        """Return how many entries a query finds, or ``bound`` if there are at least as many."""
        return self._whole.count(query & self._scope(), bound, versions)

    def names(self, query: Query) -> Iterator[str]:
        """Yield the names of the assets that a query finds, in no particular order."""
        return self._whole.names(query & self._scope())

    def latest(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield (name, latest version) of the assets that a query finds."""
        return self._whole.latest(query & self._scope())
