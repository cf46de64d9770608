"""A door is a typed route: what may be asked there, and in which forms it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from panneuro.core.errors import InputError
from panneuro.portal.seeing import Seen

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
}
"""Every form in which something is answered, by its short name."""

FOREVER = "private, max-age=31536000, immutable"
"""What is named by its version never changes."""

ASK_AGAIN = "private, no-cache"

_LEAST = 600
_FAST = 5


class Nothing(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class Visit:
    """One request, with the lake as its actor sees it.

    Parameters
    ----------
    request : Request
        As Starlette has it.
    seen : Seen
        The lake.
    """

    request: Request
    seen: Seen

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
        return accepted(self.request.headers.get("accept", "*/*"), offered)

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

    def seen_by(self, request: Request) -> Seen:
        """Return the lake as who sent a request may see it."""
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
    """

    path: str
    call: Callable[[Visit, Any], Response]
    asked: type[BaseModel] = Nothing
    gives: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    squeezed: bool = True
    listed: bool = True

    def route(self, keeper: Keeper) -> Route:
        """Return the route, every failure told by the portal."""

        def answer(request: Request) -> Response:
            try:
                asked = self.asked.model_validate(dict(request.query_params))
                return self.call(Visit(request, keeper.seen_by(request)), asked)
            except Exception as error:  # noqa: BLE001
                return keeper.failed(request, error)

        squeeze = Middleware(GZipMiddleware, minimum_size=_LEAST, compresslevel=_FAST)
        return Route(self.path, answer, middleware=[squeeze] if self.squeezed else None)
