"""What goes wrong, as an answer: problem+json (RFC 9457) with the stable codes of our errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from panneuro.core.errors import (
    ConflictError,
    ExpiredError,
    InputError,
    LimitError,
    MissingExtraError,
    NotAllowedError,
    NotFoundError,
    PanneuroError,
)

MEDIA = "application/problem+json"
_DOCS = "https://panneuro.readthedocs.io/reference/errors/#"
_LOG = logging.getLogger("panneuro.portal")

_STATUS: Mapping[type[PanneuroError], int] = MappingProxyType(
    {
        InputError: 400,
        NotAllowedError: 403,
        ExpiredError: 410,
        NotFoundError: 404,
        ConflictError: 409,
        LimitError: 422,
        MissingExtraError: 501,
    }
)
_CODES: Mapping[int, str] = MappingProxyType(
    {
        401: "access/denied",
        403: "access/denied",
        404: "asset/not-found",
        413: "limit/exceeded",
        503: "store/failed",
    }
)


class Problem(BaseModel):
    """What went wrong, as every failed request is answered.

    Parameters
    ----------
    type : str
        Address of the code's documentation.
    title : str
        The kind of failure in a few words.
    status : int
        Of the answer.
    code : str
        Stable name, such as ``asset/not-found``.
    detail : str
        What was being done and what was found.
    hint : str
        What to do next.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""


def problem(status: int, code: str, detail: str, hint: str = "") -> Problem:
    """Return a problem with its title and the address of its documentation."""
    title = HTTPStatus(status).phrase
    anchor = _DOCS + code.replace("/", "")
    return Problem(type=anchor, title=title, status=status, code=code, detail=detail, hint=hint)


def problem_of(error: Exception) -> Problem:
    """Return what may be told of an error.

    Of what is wrong with the server itself only the code is told; the rest goes to its log.
    """
    if isinstance(error, ValidationError):
        return problem(400, "usage/invalid", _in_words(error))
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "usage/invalid")
        return problem(error.status_code, code, error.detail)
    if isinstance(error, PanneuroError):
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 0)
        if status:
            return problem(status, error.code, error.message, error.hint)
        _LOG.error("%s: %s", error.code, error)
        return problem(500, error.code, "the lake could not be read", "tell who keeps this lake")
    _LOG.error("unexpected", exc_info=error)
    return problem(500, "panneuro/unexpected", "something unexpected went wrong")


def _in_words(error: ValidationError) -> str:
    found = [_one(said) for said in error.errors(include_url=False)[:5]]
    return "; ".join(found)


def _one(said: Any) -> str:
    what = said["msg"].removeprefix("Value error, ")
    where = ".".join(map(str, said["loc"]))
    return f"{where}={str(said['input'])[:80]!r}: {what}" if where else f"the request: {what}"
