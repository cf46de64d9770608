"""Signing in with an identity provider (OpenID Connect), by links, and out again."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from panneuro.access.actors import Actor
from panneuro.access.policy import digest_of
from panneuro.core.errors import InputError, NotAllowedError, PanneuroError, StoreError
from panneuro.portal.doors import Door, Nothing, Visit
from panneuro.portal.visitors import Visitors

_BACK = "/sign-in/back"
_PENDING_S = 600.0
_LEEWAY_S = 30
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_TIMEOUT_S = 10.0
_RETRY_S = "30"
_LONGEST_PLACE = 3_000
"""Browsers keep cookies of 4,096 bytes."""

_LOG = logging.getLogger("panneuro.portal")


@dataclass(frozen=True)
class Provider:
    """An identity provider.

    Parameters
    ----------
    issuer : str
        ``https://login.example``, which has ``/.well-known/openid-configuration``.
    client_id, client_secret : str
        What it knows this server by.
    groups : str
        The claim in which it names the groups of a person.
    """

    issuer: str
    client_id: str
    client_secret: str
    groups: str = "groups"


@dataclass(frozen=True)
class Question:
    """What somebody is sent to the provider with, all from a secret that only their browser has.

    Any server of the lake can take the answer, and nothing is kept of those who never come back.

    Parameters
    ----------
    secret : str
        Random.
    asked : int
        When: seconds since 1970.
    place : str
        Where they wanted to go.

    Examples
    --------
    >>> question = Question("random", 1750000000, "/assets?q=a")
    >>> Question.decode(question.encode()) == question
    True
    >>> question.state == question.nonce
    False
    """

    secret: str
    asked: int
    place: str

    @classmethod
    def decode(cls, cookie: str) -> Question | None:
        """Return the question that a cookie holds; None if it holds none."""
        secret, _, rest = cookie.partition(".")
        asked, _, place = rest.partition(".")
        if not (secret and asked.isascii() and asked.isdigit() and len(asked) < 20):
            return None
        return cls(secret, int(asked), place_on_this_server(unquote(place)))

    def encode(self) -> str:
        """Return it as a cookie holds it: a place that is too long for one is left out."""
        place = quote(self.place, safe="/")
        return f"{self.secret}.{self.asked}.{place if len(place) <= _LONGEST_PLACE else ''}"

    @property
    def state(self) -> str:
        """By which the answer is known."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """By which the provider's word is known to be about this."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """By which who asked is known to the provider."""
        return self._derived("verifier")

    def _derived(self, what: str) -> str:
        return digest_of(f"{what} {self.secret}")


class AskedBack(BaseModel):
    """With what the provider sends somebody back."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field("", max_length=200, description="which question it answers")
    code: str = Field("", max_length=4_000, description="for which it tells who it is")
    error: str = Field("", max_length=200, description="why it does not")


class AskedTo(BaseModel):
    """Where somebody goes after signing in."""

    model_config = ConfigDict(extra="ignore")

    to: str = Field("/assets", max_length=2_000, description="a place on this server")


class Signing:
    """Answers those who sign in and out.

    Parameters
    ----------
    provider : Provider, optional
        Who vouches for people; without one there are links and tokens alone.
    visitors : Visitors
        Who is who.
    origin : str
        How this server is reached.
    """

    def __init__(self, provider: Provider | None, visitors: Visitors, origin: str) -> None:
        self._provider = provider
        self._visitors = visitors
        self._origin = origin
        self._said: Mapping[str, Any] = {}

    def doors(self) -> list[Door]:
        """Return the doors."""
        doors = [
            Door("/sign-out", self.sign_out, listed=False, method="POST"),
            Door("/link/{secret}", self.link, listed=False),
        ]
        if self._provider:
            doors += [
                Door("/sign-in", self.sign_in, AskedTo, listed=False),
                Door(_BACK, self.back, AskedBack, listed=False),
            ]
        return doors

    def sign_in(self, _: Visit, asked: AskedTo) -> Response:
        """Send somebody to the identity provider."""
        provider, known = self._known()
        place = place_on_this_server(asked.to)
        question = Question(secrets.token_urlsafe(32), int(time.time()), place)
        asked_of_it = {
            "response_type": "code",
            "scope": "openid email profile",
            "client_id": provider.client_id,
            "redirect_uri": self._origin + _BACK,
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": create_s256_code_challenge(question.verifier),
            "code_challenge_method": "S256",
        }
        address = f"{known['authorization_endpoint']}?{urlencode(asked_of_it)}"
        answer = RedirectResponse(address, 303, {"cache-control": "no-store"})
        self._visitors.expect(answer, question.encode(), int(_PENDING_S))
        return answer

    def back(self, visit: Visit, asked: AskedBack) -> Response:
        """Take in somebody whom the identity provider sends back."""
        question = Question.decode(self._visitors.expected(visit.request))
        if not question or not _is_same(question.state, asked.state):
            raise NotAllowedError("signing in: this answer was not asked for", hint="sign in again")
        if abs(time.time() - question.asked) > _PENDING_S or asked.error or not asked.code:
            raise NotAllowedError(
                f"signing in was not completed: {asked.error[:80] or 'it took too long'}",
                hint="sign in again",
            )
        actor = self._vouched(asked.code, question)
        visit.whole.audit.record("sign-in", actor)
        answer = RedirectResponse(question.place, 303, {"cache-control": "no-store"})
        self._visitors.sessions.end(visit.request.cookies.get(self._visitors.name("session"), ""))
        self._visitors.welcome(answer, actor)
        return answer

    def sign_out(self, visit: Visit, _: Nothing) -> Response:
        """End a session."""
        answer = RedirectResponse("/assets", 303, {"cache-control": "no-store"})
        self._visitors.dismiss(visit.request, answer)
        visit.whole.audit.record("sign-out", visit.seen.actor)
        return answer

    def link(self, visit: Visit, _: Nothing) -> Response:
        """Let in who holds a reviewer's link."""
        secret = visit.part("secret")
        actor = visit.whole.access.actor_for(secret)
        visit.whole.audit.record("sign-in", actor)
        headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
        answer = RedirectResponse("/assets", 303, headers)
        self._visitors.admit(answer, secret)
        return answer

    def _known(self) -> tuple[Provider, Mapping[str, Any]]:
        """Return the provider and what it says of itself, asked once."""
        if self._provider is None:
            raise InputError("this server has no sign-in")
        if not self._said:
            place = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            said = _fetched(place)
            if said.get("issuer") != self._provider.issuer:
                raise StoreError(f"the identity provider calls itself {said.get('issuer')!r}")
            self._said = said
        return self._provider, self._said

    def _told(self, code: str, verifier: str) -> str:
        """Exchange a code for what the provider says of a person, signed."""
        provider, known = self._known()
        answer = httpx.post(
            known["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._origin + _BACK,
                "code_verifier": verifier,
            },
            auth=(provider.client_id, provider.client_secret),
            timeout=_TIMEOUT_S,
        )
        return str(answer.raise_for_status().json()["id_token"])

    def _vouched(self, code: str, question: Question) -> Actor:
        """Return who it is, by the provider's word."""
        provider, known = self._known()
        try:
            told = self._told(code, question.verifier)
            keys = KeySet.import_key_set(cast("KeySetSerialization", _fetched(known["jwks_uri"])))
            claims = jwt.decode(told, keys, algorithms=_ALGORITHMS).claims
            _registry(provider, question).validate(claims)
        except PanneuroError:
            raise
        except (JoseError, httpx.HTTPError, ValueError, KeyError, TypeError, OSError) as error:
            raise NotAllowedError(
                f"the identity provider's answer cannot be trusted: {type(error).__name__}",
                hint="sign in again",
            ) from error
        return actor_of(claims, provider.groups)


def _registry(provider: Provider, question: Question) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=lambda: int(time.time()),
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        nonce={"essential": True, "value": question.nonce},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode(errors="replace"))


def actor_of(claims: Mapping[str, Any], groups: str) -> Actor:
    """Return who a provider's claims are about.

    Raises
    ------
    NotAllowedError
        If the provider does not vouch for an address: anybody could give any.

    Examples
    --------
    >>> actor_of({"email": "Ada@uni.edu", "email_verified": True, "groups": ["Rigs"]}, "groups")
    Actor(principal='person:ada@uni.edu', memberships=frozenset({'group:rigs'}), \
within=Query(conditions=()), verbs=None, via='')
    """
    address = claims.get("email")
    if not isinstance(address, str) or claims.get("email_verified") is not True:
        raise NotAllowedError(
            "the identity provider vouches for no address of yours",
            hint="verify your address there, and sign in again",
        )
    named = claims.get(groups) or ()
    found = []
    for group in named if isinstance(named, list | tuple) else ():
        try:
            found.append(Actor.person("nobody", [f"group:{group}"]))
        except InputError:
            continue
    try:
        return Actor.person(address, [one for actor in found for one in actor.memberships])
    except InputError as error:
        raise NotAllowedError(f"the address {address[:80]!r} cannot be a name here") from error


def place_on_this_server(place: str) -> str:
    """Return a place if it is on this server, else where one searches.

    Examples
    --------
    >>> place_on_this_server("/assets?q=a"), place_on_this_server("//evil.example/")
    ('/assets?q=a', '/assets')
    """
    plain = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return place if plain and place.isprintable() and place.isascii() else "/assets"


def _fetched(place: str) -> Mapping[str, Any]:
    try:
        said = httpx.get(place, timeout=_TIMEOUT_S).raise_for_status().json()
        if not isinstance(said, dict):
            raise ValueError("it says nothing")
    except (httpx.HTTPError, ValueError) as error:
        _LOG.warning("the identity provider does not answer at %r: %s", place, error)
        raise HTTPException(
            503, "the identity provider does not answer", {"retry-after": _RETRY_S}
        ) from error
    return said
