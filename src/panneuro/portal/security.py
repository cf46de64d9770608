"""What every answer carries, and which requests are turned away before anything is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from panneuro.portal.problems import MEDIA, problem

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
)
_SECURE = "max-age=31536000"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is this machine and no other.

    Examples
    --------
    >>> is_loopback("127.0.0.9"), is_loopback("0.0.0.0"), is_loopback("localhost")
    (True, False, True)
    """
    if host.lower() in LOOPBACK:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Turns away foreign hosts and foreign writes, and puts security headers on every answer.

    A name that an attacker points at this machine is no name of ours, so that a web page cannot
    read a lake through its visitor's browser. Where there is no sign-in, what a proxy passes on
    is turned away too: the lake of one user is not made public by a line in a proxy's settings.

    Parameters
    ----------
    app : ASGI application
        That answers the rest.
    hosts : iterable of str
        Names that the server goes by; none for any loopback name.
    signed_in : bool
        Whether there is sign-in, so that others may reach it.
    secure : bool
        Whether it is reached by https.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] = (), *, signed_in: bool, secure: bool
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._signed_in = signed_in
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["strict-transport-security"] = _SECURE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        fault = self._fault(scope)
        if fault:
            await _refuse(*fault, sending)
        else:
            await self._app(scope, receive, sending)

    def _fault(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        host = host_of(headers.get("host", ""))
        if not (host in self._hosts or (not self._hosts and is_loopback(host))):
            return 421, f"this server does not go by the name {host[:100]!r}", "serve --name NAME"
        if not self._signed_in and any(name in headers for name in _FORWARDED):
            return 403, "this server has no sign-in and answers no proxy", "serve --help"
        if scope["method"] not in _SAFE and _is_foreign(headers, host):
            return 403, "a page of another site asked for a change", ""
        return None


def host_of(header: str) -> str:
    """Return the name in a Host header, without its port.

    Examples
    --------
    >>> host_of("lake.example:8080"), host_of("[::1]:8080")
    ('lake.example', '::1')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _is_foreign(headers: Headers, host: str) -> bool:
    """Tell whether a browser says that another site asks, or does not say who does."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return "cookie" in headers
    return host_of(origin.partition("://")[2]) != host


async def _refuse(status: int, detail: str, hint: str, send: Send) -> None:
    body = problem(status, "access/denied", detail, hint).model_dump_json().encode()
    headers = [(b"content-type", MEDIA.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
