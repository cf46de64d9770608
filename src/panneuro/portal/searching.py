"""Find: the page, and the same as JSON, CSV and names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from panneuro.core.catalog import Page
from panneuro.core.conditions import Match
from panneuro.core.entry import Entry, fold
from panneuro.core.errors import InputError
from panneuro.core.fields import FIELDS
from panneuro.core.query import Query, parse
from panneuro.lake.finding import Found
from panneuro.portal.doors import ASK_AGAIN, Door, Visit
from panneuro.portal.lines import lines_of_search
from panneuro.portal.notebooks import Notebooks
from panneuro.portal.pages import Pages, address
from panneuro.portal.pictures import DRAWN
from panneuro.portal.problems import Problem, problem_of

FACETS = ("modality", "species", "area", "has", "lab", "project", "kind", "quality")
"""Counted beside what is found."""

_FACET_VALUES = 6
_MOST_ROWS = 1_000_000


class FindAsked(BaseModel):
    """What is searched for."""

    model_config = ConfigDict(extra="ignore")

    q: str = Field("", max_length=4_000, description="words and conditions: CA1 units>100")
    sort: str = Field(
        "", max_length=80, description="name, rank, date, units, …; -FIELD sorts down"
    )
    limit: int = Field(50, ge=1, le=1_000, description="entries on a page")
    offset: int = Field(0, ge=0, le=10_000_000, description="entries before the page")


class EntryGiven(BaseModel):
    """An asset as the index knows it."""

    name: str
    version: str
    created: str
    title: str | None = None
    fields: dict[str, Any]


class FoundGiven(BaseModel):
    """A page of what a search finds."""

    query: str
    total: int
    exact: bool
    following: str | None
    assets: list[EntryGiven]
    facets: dict[str, list[tuple[str, int]]]


class CompleteAsked(BaseModel):
    """The beginning of a word."""

    model_config = ConfigDict(extra="ignore")

    prefix: str = Field("", max_length=200, description="the last word of a search, so far")


class CompleteGiven(BaseModel):
    """Words that a search may go on with."""

    words: list[str]


@dataclass(frozen=True)
class Choice:
    """One value of a facet, as a link.

    Parameters
    ----------
    value : str
        Of the field.
    count : int
        How many assets have it.
    chosen : bool
        Whether the search asks for it.
    query : str
        The search with it, or without it where it is chosen.
    """

    value: str
    count: int
    chosen: bool
    query: str


class Searching:
    """Answers searches.

    Parameters
    ----------
    pages : Pages
        Where people look.
    """

    def __init__(self, pages: Pages, notebooks: Notebooks) -> None:
        self._pages = pages
        self._notebooks = notebooks

    def doors(self) -> list[Door]:
        """Return the doors."""
        gives = {"json": FoundGiven, "html": None, "csv": None, "names": None}
        return [
            Door("/assets", self.find, FindAsked, gives, brief=True),
            Door("/complete", self.complete, CompleteAsked, {"json": CompleteGiven}),
        ]

    def find(self, visit: Visit, asked: FindAsked) -> Response:
        """Find assets by what is in them.

        The language of ``q`` is that of ``panneuro find``. CSV and names give everything that is
        found, JSON and pages a part of it at a time.
        """
        form = visit.form("json", "html", "csv", "names")
        if form == "html":
            return self._page(visit, asked)
        found = visit.seen.find(asked.q)
        if form in ("csv", "names"):
            return _stream(found, form)
        page = _page_of(found, asked)
        following = _address(visit, replace_offset(asked, page.following))
        given = FoundGiven(
            query=str(found.query),
            total=page.total,
            exact=page.exact,
            following=following if page.following is not None else None,
            assets=[_given(entry) for entry in page.entries],
            facets={name: list(facet) for name, facet in _facets(found).items()},
        )
        answer = JSONResponse(given.model_dump(), headers={"cache-control": ASK_AGAIN})
        answer.headers["vary"] = "Accept, Cookie, Authorization"
        return answer

    def complete(self, visit: Visit, asked: CompleteAsked) -> Response:
        """Complete the last word of a search."""
        return JSONResponse({"words": visit.seen.complete(asked.prefix)})

    def _page(self, visit: Visit, asked: FindAsked) -> Response:
        """Show what is found; a search that cannot be understood is told beside it."""
        fault: Problem | None = None
        try:
            found, query = visit.seen.find(asked.q), parse(asked.q)
            page = _page_of(found, asked)
        except InputError as error:
            fault, query, page = problem_of(error), Query(), Page((), 0)
            found = visit.seen.find("")
        return self._pages.page(
            visit.request,
            "find",
            400 if fault and not visit.is_partial else 200,
            asked=asked,
            query=query,
            page=page,
            fault=fault,
            facets=_choices(found, query),
            sort=_order(asked, query),
            lines=lines_of_search(visit.origin, query),
            notebooks=self._notebooks.links(q=str(query)),
            to=lambda **changes: address("/assets", _said(asked, **changes)),
            drawn=DRAWN,
        )


def replace_offset(asked: FindAsked, offset: int | None) -> FindAsked:
    """Return the same search from another entry on."""
    return asked.model_copy(update={"offset": offset or 0})


def _said(asked: FindAsked, **changes: Any) -> dict[str, Any]:
    """Return what an address says of a search: only what differs from what is usual."""
    changed = asked.model_copy(update={"offset": 0, **changes})
    usual = FindAsked.model_construct(q="", sort="", limit=50, offset=0)
    return {
        name: value for name, value in changed.model_dump().items() if value != getattr(usual, name)
    }


def _address(visit: Visit, asked: FindAsked) -> str:
    return address(f"{visit.origin}/assets", _said(asked, offset=asked.offset))


def _order(asked: FindAsked, query: Query) -> str:
    return asked.sort or ("rank" if query.words else "-date")


def _page_of(found: Found, asked: FindAsked) -> Page:
    return found.page(asked.limit, asked.offset, _order(asked, parse(asked.q)))


def _facets(found: Found) -> Mapping[str, Any]:
    return found.facets(*FACETS, limit=_FACET_VALUES)


def _choices(found: Found, query: Query) -> dict[str, list[Choice]]:
    """Return the values of each facet that say something, as links."""
    choices = {}
    for name, facet in _facets(found).items():
        values = [_choice(query, name, value, count) for value, count in facet]
        if values:
            choices[name] = values
    return choices


def _choice(query: Query, name: str, value: str, count: int) -> Choice:
    condition = Match(name, "=", ((value,),))
    kept = tuple(one for one in query.conditions if not _same(one, condition))
    chosen = len(kept) < len(query.conditions)
    changed = replace(query, conditions=kept if chosen else (*kept, condition))
    return Choice(value, count, chosen, str(changed))


def _same(one: Any, other: Match) -> bool:
    return (
        isinstance(one, Match)
        and (one.field, one.operator) == (other.field, other.operator)
        and len(one.values) == 1
        and fold("*".join(one.values[0])) == fold(other.values[0][0])
    )


def _given(entry: Entry) -> EntryGiven:
    return EntryGiven(
        name=entry.name,
        version=entry.version,
        created=entry.created,
        title=(entry.doc or {}).get("title"),
        fields=dict(entry.fields),
    )


def _stream(found: Found, form: str) -> Response:
    entries = islice(found, _MOST_ROWS)
    if form == "names":
        lines = (f"{entry.name}\n" for entry in entries)
        return StreamingResponse(lines, media_type="text/plain; charset=utf-8")
    headers = {"content-disposition": 'attachment; filename="assets.csv"'}
    return StreamingResponse(_csv(entries), media_type="text/csv", headers=headers)


def _csv(entries: Iterator[Entry]) -> Iterator[str]:
    names = [name for name in FIELDS if name not in ("name", "version", "created", "text")]
    yield _row(["name", "version", "created", "title", *names])
    for entry in entries:
        cells = [entry.fields.get(name) for name in names]
        yield _row(
            [entry.name, entry.version, entry.created, (entry.doc or {}).get("title"), *cells]
        )


def _row(cells: list[Any]) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerow([_cell(cell) for cell in cells])
    return sink.getvalue()


def _cell(cell: Any) -> Any:
    """Return a cell that a spreadsheet shows and does not compute."""
    if isinstance(cell, tuple):
        cell = "; ".join(cell)
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return json.dumps(cell) if isinstance(cell, bool) else cell
