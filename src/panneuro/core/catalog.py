"""The seam between a lake and its index: what every catalog answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from panneuro.core.entry import Entry
from panneuro.core.query import Query

Facet = list[tuple[str, int]]
"""The values of one field with how many assets have each, most frequent first."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the entries that a query finds.

    Parameters
    ----------
    entries : tuple of Entry
        In the order that was asked for.
    total : int
        How many the query finds in all.
    exact : bool
        Whether ``total`` is exact; otherwise there are at least as many.
    following : int, optional
        The offset of the next page, or None on the last one.
    """

    entries: tuple[Entry, ...]
    total: int
    exact: bool = True
    following: int | None = None

    @property
    def more(self) -> bool:
        """Whether there is a next page."""
        return self.following is not None


class Searchable(Protocol):
    """What can be searched: a catalog, or a snapshot of one."""

    def get(self, name: str, version: str | None = None) -> Entry | None:
        """Return one version of an asset, by default the latest, or None."""

    def find(
        self,
        query: Query,
        limit: int = 50,
        offset: int = 0,
        sort: str = "-date",
        versions: bool = False,
    ) -> Page:
        """Return a page of the entries that a query finds.

        Parameters
        ----------
        query : Query
            What to search for.
        limit, offset : int
            The page: at most ``limit`` entries, after the first ``offset``.
        sort : str
            ``name``, ``rank`` (best match of the words first) or a number or date field; a
            leading ``-`` sorts down. What lacks the field comes last.
        versions : bool
            Whether to look at every version, not only at the latest of each name.
        """

    def facets(
        self, query: Query, fields: Sequence[str], limit: int = 10, versions: bool = False
    ) -> Mapping[str, Facet]:
        """Return the most frequent values of some keyword fields among what a query finds."""

    def count(self, query: Query, bound: int | None = None, versions: bool = False) -> int:
        """Return how many entries a query finds, or ``bound`` if there are at least as many."""

    def names(self, query: Query) -> Iterator[str]:
        """Yield the names of the assets that a query finds, in no particular order."""

    def latest(self, query: Query) -> Iterator[tuple[str, str]]:
        """Yield the name and latest version of the assets that a query finds, in no order."""


class Catalog(Searchable, Protocol):
    """An index over assets, fed from the store and rebuilt from it at will."""

    def index(self, entries: Iterable[Entry], replace: bool = False) -> int:
        """Add entries and return how many were new.

        An entry that is there already with the same digest is left as it is.

        Parameters
        ----------
        entries : iterable of Entry
            In any order.
        replace : bool
            Whether an entry of the same name and version takes the old one's place.

        Raises
        ------
        ConflictError
            If the same name and version is there with another digest, and not ``replace``.
        """

    def remove(self, names: Iterable[str]) -> int:
        """Forget all versions of some assets and return how many entries that were."""

    def clear(self) -> None:
        """Forget everything."""

    def complete(self, prefix: str, limit: int = 20, within: Query | None = None) -> list[str]:
        """Return words of a search that begin with a prefix.

        Parameters
        ----------
        prefix : str
            The beginning of a field, of a name, or of a value: ``species=mo``.
        limit : int
            At most this many.
        within : Query, optional
            Only what assets found by this query would complete.
        """

    def close(self) -> None:
        """Close the index. Closing twice does nothing."""
