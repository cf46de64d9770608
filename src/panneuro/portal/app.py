"""The portal as an ASGI application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from panneuro.access.prices import PriceBook
from panneuro.core.errors import PanneuroError
from panneuro.lake.lake import Lake
from panneuro.portal import annotating
from panneuro.portal.accounts import Accounts
from panneuro.portal.assets import Assets
from panneuro.portal.comparing import Comparing
from panneuro.portal.delivering import Deliveries
from panneuro.portal.doors import ASK_AGAIN, Door, Nothing, Visit, accepted
from panneuro.portal.exports import Exports
from panneuro.portal.happening import Happenings
from panneuro.portal.notebooks import Notebooks
from panneuro.portal.openapi import document_of
from panneuro.portal.pages import Pages
from panneuro.portal.pictures import Pictures
from panneuro.portal.portraits import Portraits
from panneuro.portal.problems import MEDIA, problem_of
from panneuro.portal.runs import Runs
from panneuro.portal.scripts import Scripts
from panneuro.portal.searching import Searching
from panneuro.portal.security import Guard
from panneuro.portal.shares import Share
from panneuro.portal.sharing import Sharing
from panneuro.portal.shelves import shelf_of_assets
from panneuro.portal.signals import Signals, shelf_of_levels
from panneuro.portal.signing import Provider, Signing
from panneuro.portal.standing import Standings
from panneuro.portal.starting import Starting
from panneuro.portal.status import Status
from panneuro.portal.supervising import Orders
from panneuro.portal.units import Units
from panneuro.portal.viewing import Views
from panneuro.portal.visitors import Visitors

_LOG = logging.getLogger("panneuro.portal")
_FRESH_S = 30.0
_LOCAL = ("file://", "memory://")
_TURNS = 4
"""Brief answers at once where nothing is waited for but processors: more threads only take the
interpreter from one another, and from the one that hears and sends, so that some wait long."""


@dataclass(frozen=True)
class Hosting:
    """How a lake is served.

    Parameters
    ----------
    public_url : str
        How it is reached from elsewhere: ``https://lake.example``; empty for this machine alone.
    title : str
        Of the lake, on every page.
    direct : bool
        Whether large objects are fetched from the store itself by signed links.
    provider : Provider, optional
        Who vouches for people. Without one, whoever reaches the server on this machine is its own
        user, who may everything.
    """

    public_url: str = ""
    title: str = "panneuro"
    direct: bool = True
    provider: Provider | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that the server goes by; none for any name of this machine alone."""
        name = urlsplit(self.public_url).hostname
        return (name,) if name else ()

    @property
    def is_secure(self) -> bool:
        """Whether it is reached by https."""
        return self.public_url.startswith("https://")


class Portal:
    """A lake's pages and its HTTP API.

    Parameters
    ----------
    lake : Lake
        That is served.
    hosting : Hosting
        How.
    """

    def __init__(self, lake: Lake, hosting: Hosting) -> None:
        self.lake = lake
        self.hosting = hosting
        self.turns: CapacityLimiter | None = None
        signs_in = hosting.provider is not None
        self._visitors = Visitors.of(lake, signs_in=signs_in, secure=hosting.is_secure)
        self._opened = shelf_of_assets()
        scripts = Scripts()
        self._pages = Pages(scripts, hosting.title, signs_in=signs_in)
        levels = shelf_of_levels()
        pictures = Pictures(levels)
        self._orders = Orders(lake)
        self._deliveries = Deliveries(lake)
        runs = Runs(self._pages, lake, self._orders)
        prices = PriceBook.from_table(lake.settings.prices)
        notebooks = Notebooks(lake.settings.notebooks)
        portraits, standings = Portraits(), Standings(lake)
        self._doors = [
            *scripts.doors(),
            *self._deliveries.doors(),
            *Searching(self._pages, notebooks).doors(),
            *Units(self._pages, portraits, notebooks).doors(),
            *notebooks.doors(),
            *Comparing(self._pages, portraits).doors(),
            *Signals(pictures, levels).doors(),
            *pictures.doors(),
            *Starting(self._pages, lake, self._orders).doors(),
            *runs.doors(),
            *Views(self._pages, lake, notebooks, standings).doors(),
            *annotating.doors(),
            *Exports().doors(),
            *Happenings(lake, self._orders).doors(),
            *Accounts(self._pages, lake).doors(),
            *Assets(self._pages, prices, runs, notebooks, direct=hosting.direct).doors(),
            *Share(lake, direct=hosting.direct).doors(),
            *Sharing(self._pages).doors(),
            *Status(self._pages, lake, self._orders, standings).doors(),
            *Signing(hosting.provider, self._visitors, hosting.public_url).doors(),
            Door("/openapi.json", self.openapi, listed=False),
            Door("/", self.home, listed=False),
        ]

    def app(self) -> Starlette:
        """Return the application."""
        guard: Any = Middleware(
            Guard,
            self.hosting.hosts,
            signed_in=self.hosting.provider is not None,
            secure=self.hosting.is_secure,
        )
        return Starlette(
            lifespan=self._living,
            routes=[door.route(self) for door in self._doors],
            middleware=[guard],
            exception_handlers={HTTPException: self._handled, Exception: self._handled},
        )

    @asynccontextmanager
    async def _living(self, _: Starlette) -> AsyncIterator[None]:
        """Learn, while the server lives, what others added and ran; then end what runs here."""
        if self.lake.store.url.startswith(_LOCAL):
            self.turns = CapacityLimiter(_TURNS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._learn)
            yield
            tasks.cancel_scope.cancel()
        await run_in_threadpool(self._orders.close)
        await run_in_threadpool(self._deliveries.close)

    async def _learn(self) -> None:
        while True:
            await anyio.sleep(_FRESH_S)
            try:
                await run_in_threadpool(self.lake.refresh)
            except PanneuroError as error:
                _LOG.warning("learning what others did: %s", error.message)

    def visit_of(self, request: Request) -> Visit:
        """Return the visit of who sent a request: here every route gets its lake."""
        actor = request.state.actor = self._visitors.actor(request)
        origin = self.hosting.public_url or str(request.base_url).rstrip("/")
        return Visit(request, self.lake.as_(actor), self.lake, self._opened, origin)

    def failed(self, request: Request, error: Exception) -> Response:
        """Return how a request is answered that failed: a page for people, else problem+json."""
        said = problem_of(error)
        if accepted(request.headers.get("accept", "*/*"), ["json", "html"]) == "html":
            answer = self._pages.page(request, "problem", said.status, problem=said)
        else:
            answer = Response(said.model_dump_json(), said.status, media_type=MEDIA)
        answer.headers["cache-control"] = "no-store"
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})
        return answer

    async def _handled(self, request: Request, error: Exception) -> Response:
        return self.failed(request, error)

    def home(self, _: Visit, __: Nothing) -> Response:
        """Go where one searches."""
        return RedirectResponse("/assets", 307, {"cache-control": ASK_AGAIN})

    def openapi(self, _: Visit, __: Nothing) -> Response:
        """Describe the interface, as OpenAPI."""
        return JSONResponse(document_of(self._doors, self.hosting.title))


def make_app(lake: Lake, hosting: Hosting | None = None) -> Starlette:
    """Return the ASGI application that serves a lake.

    Parameters
    ----------
    lake : Lake
        That is served.
    hosting : Hosting, optional
        How; to this machine alone where not given.

    Examples
    --------
    >>> import panneuro
    >>> app = make_app(panneuro.open("memory://served", create=True))
    >>> "/assets" in [route.path for route in app.routes]
    True
    """
    return Portal(lake, hosting or Hosting()).app()


def doors_of(lake: Lake) -> Iterable[Door]:
    """Return the doors of a served lake, for the reference of its interface."""
    return Portal(lake, Hosting())._doors
