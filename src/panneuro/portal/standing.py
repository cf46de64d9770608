"""How views stand: what is computed, since when, and, for those who may know, what is not."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import BaseModel, Field

from panneuro.core.errors import PanneuroError
from panneuro.lake.lake import Lake
from panneuro.portal.shelves import Shelf
from panneuro.views.keeping import Keeper
from panneuro.views.view import View, find_view
from panneuro.views.viewed import known

_FRESH_S = 10.0


class ViewStanding(BaseModel):
    """How a view stands to the lake."""

    name: str
    about: str = Field(description="what it tells, in a sentence")
    over: str = Field(description="the search for what it is of; or runs")
    edition: int = Field(description="the newest; 0 where it was never computed")
    at: str = Field(description="when that was made; empty where it was never computed")
    to_compute: int | None = Field(
        description="assets that it lacks or has too many; only told to who owns everything"
    )
    why: list[str] = Field(description="what changed of the view itself since")

    @property
    def is_fresh(self) -> bool:
        """Whether it is known that nothing is to be done."""
        return bool(self.edition) and self.to_compute == 0 and not self.why


class Standings:
    """Tells how the views of a lake stand; what was found is believed for some seconds.

    Parameters
    ----------
    lake : Lake
        Whose.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._told = Shelf(2)

    def all(self, *, whole: bool) -> list[ViewStanding]:
        """Return how every known view stands, by name.

        Parameters
        ----------
        whole : bool
            Whether who asks may know of all assets: then those that a view lacks are counted.
        """
        key = whole, int(time.monotonic() / _FRESH_S)
        found: list[ViewStanding] = self._told.take(key, lambda: list(self._found(whole=whole)))
        return found

    def _found(self, *, whole: bool) -> Iterator[ViewStanding]:
        for name, reference in sorted(known(self._lake).items()):
            try:
                yield self._standing(name, find_view(reference), whole=whole)
            except PanneuroError as error:
                lost = {"over": "", "edition": 0, "at": "", "to_compute": None, "why": []}
                about = error.message if whole else ""
                yield ViewStanding.model_validate({"name": name, "about": about, **lost})

    def _standing(self, name: str, view: View, *, whole: bool) -> ViewStanding:
        keeper = Keeper(self._lake, view, {})
        state = keeper.state() if whole else None
        edition = state.edition if state else keeper.editions.newest()
        return ViewStanding(
            name=name,
            about=(view.__doc__ or "").strip().partition("\n")[0],
            over="runs" if view.of_runs else str(view.over),
            edition=edition.number if edition else 0,
            at=edition.at if edition else "",
            to_compute=len(state.todo) + len(state.gone) if state else None,
            why=list(state.why) if state else [],
        )
