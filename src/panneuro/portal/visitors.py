"""Who sends a request: by session, by token, by a reviewer's link, or nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from panneuro.access.actors import ANONYMOUS, LOCAL, Actor
from panneuro.core.errors import NotAllowedError
from panneuro.lake.lake import Lake
from panneuro.portal.sessions import LONGEST_S, Sessions

_LINK_DAYS_S = 366 * 86_400


@dataclass(frozen=True)
class Visitors:
    """Tells who sends a request.

    Parameters
    ----------
    lake : Lake
        Whose tokens and links are known.
    sessions : Sessions
        Of those who signed in.
    nobody : Actor
        Who it is where nothing says who: everyone, or the one user of this machine.
    secure : bool
        Whether the server is reached by https.
    """

    lake: Lake
    sessions: Sessions
    nobody: Actor
    secure: bool

    @classmethod
    def of(cls, lake: Lake, *, signs_in: bool, secure: bool) -> Visitors:
        """Return the visitors of a lake; without sign-in, of this machine alone."""
        return cls(lake, Sessions(lake.store), ANONYMOUS if signs_in else LOCAL, secure)

    def actor(self, request: Request) -> Actor:
        """Return who sends a request.

        Raises
        ------
        HTTPException
            If they come with a token that is not valid: 401.
        """
        said = request.headers.get("authorization", "")
        scheme, _, secret = said.partition(" ")
        if said:
            if scheme.lower() != "bearer":
                raise _refused(f"the scheme {scheme[:20]!r} is not known")
            return self._holder(secret.strip())
        session = request.cookies.get(self.name("session"), "")
        actor = self.sessions.actor(session) if session else None
        if actor is not None:
            return actor
        link = request.cookies.get(self.name("link"), "")
        if link:
            try:
                return self.lake.access.actor_for(link)
            except NotAllowedError:
                return self.nobody
        return self.nobody

    def _holder(self, secret: str) -> Actor:
        try:
            return self.lake.access.actor_for(secret)
        except NotAllowedError as error:
            raise _refused(error.message) from error

    def name(self, what: str) -> str:
        """Return the name of a cookie, which browsers guard where they can."""
        return f"__Host-panneuro-{what}" if self.secure else f"panneuro-{what}"

    def welcome(self, answer: Response, actor: Actor) -> None:
        """Begin a session of who signed in; whoever they were before, they are no more."""
        self._set(answer, "session", self.sessions.begin(actor), int(LONGEST_S))
        for what in ("link", "expected"):
            self._forget(answer, what)

    def admit(self, answer: Response, link: str) -> None:
        """Remember a reviewer's link."""
        self._set(answer, "link", link, _LINK_DAYS_S)

    def expect(self, answer: Response, secret: str, seconds: int) -> None:
        """Remember who was sent to the identity provider."""
        self._set(answer, "expected", secret, seconds)

    def expected(self, request: Request) -> str:
        """Return what `expect` gave, empty where nothing was given."""
        return request.cookies.get(self.name("expected"), "")

    def dismiss(self, request: Request, answer: Response) -> None:
        """End the session of who signs out."""
        self.sessions.end(request.cookies.get(self.name("session"), ""))
        for what in ("session", "link"):
            self._forget(answer, what)

    def _set(self, answer: Response, what: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            self.name(what),
            value,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def _forget(self, answer: Response, what: str) -> None:
        answer.delete_cookie(
            self.name(what), path="/", secure=self.secure, httponly=True, samesite="lax"
        )


def _refused(detail: str) -> HTTPException:
    return HTTPException(401, detail, {"www-authenticate": "Bearer"})
