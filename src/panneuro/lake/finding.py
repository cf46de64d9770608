"""What a search found, fetched when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from panneuro.core.catalog import Facet, Page, Searchable
from panneuro.core.entry import Entry
from panneuro.core.fields import FIELDS
from panneuro.core.query import Query

if TYPE_CHECKING:
    import pandas as pd


class Found:
    """What a search found: names, rows and counts, each fetched when asked for.

    Parameters
    ----------
    catalog : Searchable
        That is searched.
    query : Query
        What for.
    """

    def __init__(self, catalog: Searchable, query: Query) -> None:
        self._catalog = catalog
        self.query = query

    def __len__(self) -> int:
        return self._catalog.count(self.query)

    def __iter__(self) -> Iterator[Entry]:
        offset: int | None = 0
        while offset is not None:
            page = self.page(1000, offset, sort="name")
            yield from page.entries
            offset = page.following

    def __repr__(self) -> str:
        return f"<Found {len(self)} for {str(self.query)!r}>"

    def page(self, limit: int = 50, offset: int = 0, sort: str = "-date") -> Page:
        """Return some of the entries, newest session first."""
        return self._catalog.find(self.query, limit, offset, sort)

    def facets(self, *fields: str, limit: int = 10) -> Mapping[str, Facet]:
        """Return the most frequent values of some fields among what was found."""
        return self._catalog.facets(self.query, fields, limit)

    @property
    def names(self) -> list[str]:
        """Names of the assets found, sorted."""
        return sorted(self._catalog.names(self.query))

    @property
    def df(self) -> pd.DataFrame:
        """One row an asset, one column a field, empty where an asset does not have it."""
        import pandas as pd

        columns = dict.fromkeys(("name", *FIELDS))
        rows = [
            {"name": entry.name, **entry.fields, "version": entry.version, "created": entry.created}
            for entry in self
        ]
        columns |= {name: None for row in rows for name in row}
        return pd.DataFrame(rows, columns=list(columns))
