"""Views: tables and figures that are kept, of the assets whose data one may read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from panneuro.core.digests import digest_json
from panneuro.core.errors import NotFoundError, PanneuroError
from panneuro.lake.lake import Lake
from panneuro.lake.parts import Part
from panneuro.lake.writing import values
from panneuro.portal.doors import ASK_AGAIN, MEDIA, Door, Nothing, Visit
from panneuro.portal.lines import lines_of_table
from panneuro.portal.notebooks import Notebooks
from panneuro.portal.pages import Pages
from panneuro.portal.shelves import Shelf
from panneuro.portal.standing import Standings, ViewStanding
from panneuro.views.viewed import Viewed, known, view_of

_HEADERS = {"cache-control": ASK_AGAIN, "vary": "Accept, Cookie, Authorization"}
_ROWS_SHOWN = 500
_MOST_FIGURES = 32
_OWN = ("asset", "version")


class ViewsGiven(BaseModel):
    """The views of a lake, and how they stand."""

    views: list[ViewStanding]


class ViewGiven(BaseModel):
    """The newest edition of a view, as far as one may see."""

    name: str
    edition: int
    columns: list[str]
    values: Any
    failed: int


class Views:
    """Answers for views.

    Parameters
    ----------
    pages : Pages
        Where people look.
    lake : Lake
        Whose views.
    notebooks : Notebooks
        That open them.
    standings : Standings
        Of the views.
    """

    def __init__(
        self, pages: Pages, lake: Lake, notebooks: Notebooks, standings: Standings
    ) -> None:
        self._pages = pages
        self._standings = standings
        self._figures = Shelf(_MOST_FIGURES)
        self._notebooks = notebooks
        self._lake = lake

    def doors(self) -> list[Door]:
        """Return the doors."""
        tables: dict[str, type[BaseModel] | None] = {"json": ViewGiven}
        tables |= dict.fromkeys(("html", "csv", "parquet", "svg"))
        return [
            Door("/views", self.views, gives={"json": ViewsGiven, "html": None}),
            Door("/views/{view}", self.view, gives=tables),
        ]

    def views(self, visit: Visit, _: Nothing) -> Response:
        """List the views that the lake knows, and how they stand."""
        standings = self._standings.all(whole=visit.owns_all)
        if visit.form("json", "html") == "json":
            given = ViewsGiven(views=standings)
            return JSONResponse(given.model_dump(), headers=_HEADERS)
        return self._pages.page(visit.request, "views", views=standings)

    def view(self, visit: Visit, _: Nothing) -> Response:
        """Read the newest edition of a view: its table, or its figure as SVG.

        Rows are those of assets whose data one may read.
        """
        name, form = visit.part("view"), visit.form("json", "html", "csv", "parquet", "svg")
        if name not in known(self._lake):
            raise NotFoundError(f"there is no view {name[:80]!r}", hint="/views")
        if form == "html":
            return self._page(visit, name)
        viewed = self._newest(visit, name)
        if form == "svg":
            return self._figure(visit, viewed)
        if form == "json":
            return JSONResponse(_given(viewed).model_dump(), headers=_HEADERS)
        sink = io.BytesIO()
        if form == "csv":
            viewed.df.to_csv(sink, index=False)
        else:
            viewed.df.to_parquet(sink, index=False)
        saved = {"content-disposition": f'attachment; filename="{name}.{form}"', **_HEADERS}
        return Response(sink.getvalue(), media_type=MEDIA[form], headers=saved)

    def _newest(self, visit: Visit, name: str) -> Viewed:
        def readable(names: Iterable[str]) -> set[str]:
            return {one for one in names if visit.seen.may("read", one)}

        visible = None if visit.seen.actor.is_local else readable
        return view_of(self._lake, known(self._lake)[name], refresh=False, visible=visible)

    def _figure(self, visit: Visit, viewed: Viewed) -> Response:
        """Draw the figure of a view; the same of the same rows is drawn once."""
        edition, rows = viewed.edition, "\n".join(viewed.df[_OWN[0]])
        tag = digest_json([viewed.view.name, edition.number, edition.at, rows])
        return visit.unless_known(
            tag,
            lambda: Response(
                self._figures.take(tag, lambda: _drawn(viewed)), media_type=MEDIA["svg"]
            ),
        )

    def _page(self, visit: Visit, name: str) -> Response:
        """Show a view; one that was never computed is shown as such."""
        try:
            viewed: Viewed | None = self._newest(visit, name)
        except NotFoundError:
            viewed = None
        state = viewed.state if viewed and visit.owns_all else None
        return self._pages.page(
            visit.request,
            "view",
            name=name,
            viewed=viewed,
            rows=viewed.df.head(_ROWS_SHOWN).to_dict("records") if viewed else [],
            columns=[one for one in viewed.df.columns if one not in _OWN] if viewed else [],
            is_drawn=bool(viewed and viewed.view.draw and len(viewed)),
            state=state,
            lines=lines_of_table(visit.origin, f"/views/{quote(name, safe='')}"),
            notebooks=self._notebooks.links(view=name),
        )


def _given(viewed: Viewed) -> ViewGiven:
    table = _arrow(viewed)
    part = Part(viewed.view.name, table.nbytes, {}, tables=lambda: iter([table]))
    return ViewGiven(
        name=viewed.view.name,
        edition=viewed.edition.number,
        columns=list(viewed.df.columns),
        values=values(part),
        failed=len(viewed.failed),
    )


def _arrow(viewed: Viewed) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(viewed.df, preserve_index=False)


def _drawn(viewed: Viewed) -> bytes:
    """Draw the figure of a view.

    Raises
    ------
    PanneuroError
        If it does not say how, or has nothing to draw.
    """
    figure, sink = viewed.figure(), io.BytesIO()
    try:
        figure.savefig(sink, format="svg", bbox_inches="tight")
    except ValueError as error:
        raise PanneuroError(f"the view {viewed.view.name!r} cannot be drawn: {error}") from error
    return sink.getvalue()
