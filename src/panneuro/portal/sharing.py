"""Who may do what: the page of grants, links, tokens and embargoes, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from panneuro.access.roles import ROLES
from panneuro.access.statements import Statement
from panneuro.lake.granting import Issued
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.pages import Pages
from panneuro.portal.signing import place_on_this_server

_ON = Field(
    min_length=1,
    max_length=4_000,
    description="what it is about: project=retina, or a name; * for everything",
)
_UNTIL = Field("", max_length=40, description="2027-01-31; always, where empty")
_WHY = Field("", max_length=1_000, description="in words, for the record")


class _Posted(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class GrantAsked(_Posted):
    """Who shall be allowed what."""

    to: str = Field(max_length=300, description="ada@uni.edu, lab:smith, everyone")
    role: str = Field("reader", pattern=f"^({'|'.join(ROLES)})$", description="what they may")
    on: str = _ON
    until: str = _UNTIL
    why: str = _WHY


class EmbargoAsked(_Posted):
    """What is hidden from everyone until a date."""

    on: str = _ON
    until: str = Field(max_length=40, description="2027-01-31")
    why: str = _WHY


class LinkAsked(_Posted):
    """What the holder of a link may read."""

    on: str = _ON
    until: str = Field(max_length=40, description="2027-01-31, within a year")
    why: str = _WHY


class TermsAsked(_Posted):
    """What is to be accepted before data are read."""

    on: str = _ON
    title: str = Field(min_length=1, max_length=200, description="Data use agreement")
    text: str = Field("", max_length=20_000, description="the terms in full")
    why: str = _WHY


class MembershipAsked(_Posted):
    """Who belongs to whom."""

    who: str = Field(max_length=300, description="ada@uni.edu")
    of: str = Field(max_length=300, description="lab:smith, group:reviewers")
    until: str = _UNTIL
    why: str = _WHY


class TokenAsked(_Posted):
    """What the holder of a token may do in one's own name."""

    role: str = Field("reader", pattern=f"^({'|'.join(ROLES)})$", description="at most this")
    within: str = Field("", max_length=4_000, description="only with these assets")
    until: str = Field(max_length=40, description="2027-01-31, within a year")
    rig: str = Field("", max_length=200, description="of a rig that only adds: rig:two")
    why: str = _WHY


class RevocationAsked(_Posted):
    """What is taken back."""

    id: str = Field(min_length=8, max_length=64, description="of the statement")
    why: str = _WHY


class AcceptanceAsked(_Posted):
    """Which terms are accepted."""

    terms: str = Field(min_length=8, max_length=64, description="their id")
    to: str = Field("/assets", max_length=2_000, description="where to go then")


class StatementGiven(BaseModel):
    """What was said about access."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str
    by: str
    at: str
    secret: str | None = None


class AccessGiven(BaseModel):
    """Who asks, and what was said that concerns them."""

    actor: str
    statements: list[StatementGiven]


class Sharing:
    """Answers about access.

    Parameters
    ----------
    pages : Pages
        Where people look.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def doors(self) -> list[Door]:
        """Return the doors."""
        said = {"json": StatementGiven, "html": None}
        posts: tuple[tuple[str, Callable[..., Response], type[BaseModel]], ...] = (
            ("grants", self.grant, GrantAsked),
            ("embargoes", self.embargo, EmbargoAsked),
            ("links", self.link, LinkAsked),
            ("tokens", self.token, TokenAsked),
            ("terms", self.terms, TermsAsked),
            ("memberships", self.join, MembershipAsked),
            ("revocations", self.revoke, RevocationAsked),
            ("acceptances", self.accept, AcceptanceAsked),
        )
        return [
            Door("/access", self.access, gives={"json": AccessGiven, "html": None}),
            *(
                Door(f"/access/{name}", call, asked, said, method="POST")
                for name, call, asked in posts
            ),
        ]

    def access(self, visit: Visit, _: Nothing) -> Response:
        """Show what was said about access that concerns who asks."""
        said = visit.seen.sharing.statements()
        if visit.form("json", "html") == "json":
            given = AccessGiven(actor=str(visit.seen.actor), statements=list(map(_given, said)))
            return JSONResponse(given.model_dump(exclude_none=True), headers=_NOT_KEPT)
        return self._page(visit, said)

    def _page(self, visit: Visit, said: list[Statement], issued: Issued | None = None) -> Response:
        secret, is_theirs = issued.secret if issued else "", visit.seen.sharing.revocable()
        answer = self._pages.page(
            visit.request,
            "access",
            who=visit.seen.actor,
            statements=[{**_told(one), "is_theirs": is_theirs(one)} for one in reversed(said)],
            secret=secret,
            place=f"{visit.origin}/link/{secret}",
            is_link=bool(issued and issued.key.acts_as.startswith("link:")),
            roles=tuple(ROLES),
            owns_all=visit.owns_all,
            owns_anything=visit.seen.sharing.owns_anything,
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    def grant(self, visit: Visit, asked: GrantAsked) -> Response:
        """Say that somebody may do something."""
        sharing = visit.seen.sharing
        made = sharing.grant(asked.to, asked.role, asked.on, until=asked.until, why=asked.why)
        return _said(visit, made)

    def embargo(self, visit: Visit, asked: EmbargoAsked) -> Response:
        """Hide from everyone what they could see, until a date."""
        return _said(visit, visit.seen.sharing.embargo(asked.on, asked.until, why=asked.why))

    def terms(self, visit: Visit, asked: TermsAsked) -> Response:
        """Ask that something is accepted before data are read."""
        sharing = visit.seen.sharing
        return _said(visit, sharing.terms(asked.on, asked.title, asked.text, why=asked.why))

    def join(self, visit: Visit, asked: MembershipAsked) -> Response:
        """Say that somebody belongs to a group, which only who owns everything can."""
        sharing = visit.seen.sharing
        return _said(visit, sharing.join(asked.who, asked.of, until=asked.until, why=asked.why))

    def link(self, visit: Visit, asked: LinkAsked) -> Response:
        """Let whoever holds a link read something, with no name and no account."""
        issued = visit.seen.sharing.link(asked.on, asked.until, why=asked.why)
        return self._issued(visit, issued)

    def token(self, visit: Visit, asked: TokenAsked) -> Response:
        """Make a token with which programs act in one's name, within a scope."""
        issued = visit.seen.sharing.token(
            asked.until, role=asked.role, within=asked.within, rig=asked.rig, why=asked.why
        )
        return self._issued(visit, issued)

    def _issued(self, visit: Visit, issued: Issued) -> Response:
        if visit.form("json", "html") == "json":
            given = _given(issued.key).model_copy(update={"secret": issued.secret})
            return JSONResponse(given.model_dump(), 201, headers=_NOT_KEPT)
        return self._page(visit, visit.seen.sharing.statements(), issued)

    def revoke(self, visit: Visit, asked: RevocationAsked) -> Response:
        """Take back what was said."""
        return _said(visit, visit.seen.sharing.revoke(asked.id, why=asked.why))

    def accept(self, visit: Visit, asked: AcceptanceAsked) -> Response:
        """Accept terms, for the record."""
        return _said(visit, visit.seen.accept(asked.terms), place_on_this_server(asked.to))


_NOT_KEPT = {"cache-control": "no-store"}


def _said(visit: Visit, made: Statement, to: str = "/access") -> Response:
    if visit.form("json", "html") == "json":
        return JSONResponse(_given(made).model_dump(exclude_none=True), 201, headers=_NOT_KEPT)
    return RedirectResponse(to, 303, _NOT_KEPT)


def _given(statement: Statement) -> StatementGiven:
    """Return what may be told of a statement: of a key not its digest."""
    said = json.loads(statement.encode())
    said.pop("digest", None)
    said.pop("schema", None)
    return StatementGiven.model_validate({**said, "id": statement.id})


def _told(statement: Statement) -> dict[str, Any]:
    """Return a statement in words, for a row of the page."""
    said = statement
    on = getattr(said, "on", None)
    whom = [str(getattr(said, name)) for name in ("to", "acts_as", "who") if hasattr(said, name)]
    is_link = bool(whom) and whom[0].startswith("link:")
    return {
        "id": said.id,
        "kind": {"key": "link" if is_link else "token"}.get(said.kind, said.kind),
        "whom": whom[0] if whom else "",
        "role": getattr(said, "role", ""),
        "on": ("everything" if on is not None and not on.conditions else str(on or ""))
        or getattr(said, "of", ""),
        "until": getattr(said, "until", ""),
        "by": said.by,
        "why": ": ".join(filter(None, (getattr(said, "title", ""), said.why))),
    }
