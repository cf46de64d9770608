"""A door is a typed route: what may be asked there, and in which forms it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, get_origin

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive

from panneuro.access.actors import EVERYONE, Actor
from panneuro.access.policy import limited
from panneuro.core.errors import InputError
from panneuro.core.query import EVERYTHING
from panneuro.core.store import Store
from panneuro.lake.acting import LakeFor
from panneuro.lake.asset import Asset
from panneuro.lake.lake import Lake
from panneuro.portal.shelves import Shelf

MEDIA: Mapping[str, str] = {
    "html": "text/html",
    "json": "application/json",
    "csv": "text/csv",
    "names": "text/plain",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
    "binary": "application/octet-stream",
    "svg": "image/svg+xml",
    "png": "image/png",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "hdf5": "application/x-hdf5",
    "ipynb": "application/x-ipynb+json",
}
"""Every form in which something is answered, by its short name."""

FOREVER = "private, max-age=31536000, immutable"
"""What is named by its version never changes."""

ASK_AGAIN = "private, no-cache"

_LEAST = 600
_FAST = 5
_MOST_POSTED = 256 << 10
_MOST_FIELDS = 5_000


class Nothing(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class Visit:
    """One request, with the lake as its actor sees it: what is not for them is not there.

    Parameters
    ----------
    request : Request
        As Starlette has it.
    seen : LakeFor
        The lake.
    whole : Lake
        All of it, for what was allowed before.
    opened : Shelf
        Of assets that were opened before, by anybody.
    origin : str
        How this server is reached: ``https://lake.example``.
    """

    request: Request
    seen: LakeFor
    whole: Lake
    opened: Shelf
    origin: str

    @property
    def store(self) -> Store:
        """Where the lake's objects lie."""
        return self.whole.store

    @property
    def asset_name(self) -> str:
        """Name of the asset that is asked for, without its version; empty where there is none."""
        parts = self.request.path_params
        if "key" in parts:
            return str(parts["key"]).split("/")[1] if "/" in parts["key"] else ""
        return str(parts.get("name", "")).partition("@")[0]

    def asset(self) -> Asset:
        """Open the asset that is asked for, for its documents and lists."""
        return self.seen.veiled(self._opened("find", self.part("name")))

    def data(self) -> Asset:
        """Open the asset that is asked for, for its signals and files.

        Its documents are those that are stored, with parents that may be hidden: they are not
        for showing.
        """
        return self.data_of(self.part("name"))

    def data_of(self, reference: str) -> Asset:
        """Open any asset for its signals and files; see `data`."""
        return self._opened("read", reference)

    def _opened(self, verb: str, reference: str) -> Asset:
        """Open an asset with which the actor may do something; it may be kept from before."""
        entry = self.seen.need(verb, reference)
        return self.opened.take(
            (entry.name, entry.version, entry.digest),
            lambda: Asset.open(self.store, entry.name, entry.version),
        )

    def is_editable(self, asset: Asset) -> bool:
        """Say whether the actor may say more of what they look at: the latest version of it."""
        latest = self.seen.index.get(asset.name)
        is_latest = latest is not None and latest.version == asset.version
        return is_latest and self.seen.may("edit", asset.name)

    @property
    def owns_all(self) -> bool:
        """Whether the actor may know of everything that is in the lake and done with it."""
        return limited(EVERYTHING, self.seen.allowed("audit")) == EVERYTHING

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    @property
    def is_exact(self) -> bool:
        """Whether the asset is named with its version, so that the answer never changes."""
        return "@" in str(self.request.path_params.get("name", ""))

    def form(self, *offered: str) -> str:
        """Return the form to answer in: as ``format=`` says, else as the ``Accept`` header does.

        Raises
        ------
        InputError
            If ``format=`` names another one.
        """
        asked = self.request.query_params.get("format")
        if asked is not None:
            if asked not in offered:
                raise InputError(
                    f"format={asked[:40]!r} is no form of this", hint=f"one of {', '.join(offered)}"
                )
            return asked
        if self.is_partial and "html" in offered:
            return "html"
        return accepted(self.request.headers.get("accept", "*/*"), offered)

    @property
    def is_partial(self) -> bool:
        """Whether a page asks for a part of itself, as somebody types."""
        return "hx-request" in self.request.headers

    def unless_known(self, tag: str, make: Callable[[], Response]) -> Response:
        """Answer with what `make` returns, or say that the client has it already.

        Parameters
        ----------
        tag : str
            That changes whenever the answer does: a digest.
        make : callable
            Makes the answer; not called where the client has it.
        """
        mark = f'"{tag}"'
        kept = FOREVER if self.is_exact else ASK_AGAIN
        headers = {"etag": mark, "cache-control": kept, "vary": "Accept, Cookie, Authorization"}
        said = self.request.headers.get("if-none-match", "")
        known = {one.strip().removeprefix("W/") for one in said.split(",")}
        if mark in known or said.strip() == "*":
            return Response(status_code=304, headers=headers)
        answer = make()
        for name, value in headers.items():
            answer.headers.setdefault(name, value)
        return answer


def accepted(accept: str, offered: Sequence[str]) -> str:
    """Return which of some forms an ``Accept`` header likes best; the first where it likes all.

    Examples
    --------
    >>> accepted("text/html,*/*;q=0.8", ["json", "html"])
    'html'
    >>> accepted("*/*", ["json", "html"])
    'json'
    """
    best, liking = offered[0], 0.0
    for entry in accept.split(","):
        media, *options = (part.strip() for part in entry.split(";"))
        weight = _weight(options)
        for form in offered:
            if media == MEDIA[form] and weight > liking:
                best, liking = form, weight
    return best


def _weight(options: Sequence[str]) -> float:
    for option in options:
        if option.startswith("q="):
            try:
                return float(option[2:])
            except ValueError:
                return 0.0
    return 1.0


class Keeper(Protocol):
    """What a door needs of the portal that it belongs to."""

    @property
    def turns(self) -> CapacityLimiter | None:
        """How many brief answers are made at once; as many as there are threads where None."""
        ...

    def visit_of(self, request: Request) -> Visit:
        """Return the visit of who sent a request."""
        ...

    def failed(self, request: Request, error: Exception) -> Response:
        """Return how a request is answered that failed."""
        ...


@dataclass(frozen=True)
class Door:
    """A typed route.

    Parameters
    ----------
    path : str
        With parts in braces, as Starlette has them.
    call : callable
        Given the visit and what is asked, answers; its docstring is the documentation.
    asked : type
        Model of the query's parameters.
    gives : mapping of str to type
        For each form that it answers in, the model of the JSON; None where it has none.
    squeezed : bool
        Whether the answer is compressed for who takes it; not where parts of it may be asked for.
    listed : bool
        Whether it is part of the documented interface.
    metered : bool
        Whether what it sends is data, which is noted.
    brief : bool
        Whether its answers are soon made, so that they wait for their turn.
    method : {"GET", "POST", "PUT"}
        How it is asked; what is posted is a form or JSON, what is put is bytes.
    status : int
        How a change is answered that was made.
    most_bytes : int
        That may be sent with it.
    """

    path: str
    call: Callable[[Visit, Any], Response]
    asked: type[BaseModel] = Nothing
    gives: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    squeezed: bool = True
    listed: bool = True
    metered: bool = False
    brief: bool = False
    method: str = "GET"
    status: int = 201
    most_bytes: int = _MOST_POSTED

    def route(self, keeper: Keeper) -> Route:
        """Return the route, every failure told by the portal."""

        async def answer(request: Request) -> Response:
            try:
                said = await self._heard(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except HTTPException as error:
                return keeper.failed(request, error)
            except (ValueError, RecursionError) as error:
                return keeper.failed(request, InputError(f"reading what was posted: {error}"))
            turns = keeper.turns if self.brief else None
            return await to_thread.run_sync(self._answer, keeper, request, said, limiter=turns)

        squeeze = Middleware(GZipMiddleware, minimum_size=_LEAST, compresslevel=_FAST)
        return Route(
            self.path,
            answer,
            methods=[self.method],
            middleware=[squeeze] if self.squeezed else None,
        )

    async def _heard(self, request: Request) -> dict[str, Any]:
        """Return what is asked; bytes that are put are kept with the request."""
        if self.method == "GET":
            return _said(request.query_params, self.asked)
        bounded = Request(request.scope, _bounded(request.receive, self.most_bytes))
        if self.method == "PUT":
            request.state.body = await bounded.body()
            return _said(request.query_params, self.asked)
        return await _posted(bounded, self.asked)

    def _answer(self, keeper: Keeper, request: Request, said: dict[str, Any]) -> Response:
        try:
            visit = keeper.visit_of(request)
            if self.method != "GET" and self.listed:
                _need_somebody(visit.seen.actor)
            answer = self.call(visit, self.asked.model_validate(said))
        except Exception as error:  # noqa: BLE001
            return keeper.failed(request, error)
        is_sent = answer.status_code in (200, 206) and request.method != "HEAD"
        if self.metered and is_sent and not visit.seen.actor.is_local:
            sent = int(answer.headers.get("content-length", 0))
            audit = visit.whole.audit
            audit.record("download", visit.seen.actor, visit.asset_name, n_bytes=sent)
        return answer


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    """Return what receives a body, and refuses one that is too large."""
    n_bytes = 0

    async def receiving() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > most_bytes:
            raise HTTPException(413, f"more than {most_bytes:,} bytes were posted")
        return message

    return receiving


def _need_somebody(actor: Actor) -> None:
    """Refuse nobody in particular, whatever it is about: the answer tells of nothing hidden."""
    if actor.principal == EVERYONE:
        raise HTTPException(401, "sign in to change anything", {"www-authenticate": "Bearer"})


def _said(items: ImmutableMultiDict[str, Any], asked: type[BaseModel]) -> dict[str, Any]:
    """Return what is asked; what is said several times is a list, whether it may be one or not."""
    said: dict[str, Any] = {
        name: text for name, text in items.multi_items() if isinstance(text, str)
    }
    for name, one in asked.model_fields.items():
        given = items.getlist(name) if name in said else []
        if given and (get_origin(one.annotation) is tuple or len({*given}) > 1):
            said[name] = given
    return said


async def _posted(request: Request, asked: type[BaseModel]) -> dict[str, Any]:
    """Return what was posted, as a form or as a JSON object."""
    if request.headers.get("content-type", "").startswith("application/json"):
        said = await request.json()
        if not isinstance(said, dict):
            raise ValueError("it is no JSON object")
        return said
    return _said(await request.form(max_files=0, max_fields=_MOST_FIELDS), asked)
