"""Serving a lake: which interface, under which name, until it is told to stop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.lake.lake import Lake, open_lake

if TYPE_CHECKING:
    from panneuro.portal.signing import Provider

_GRACE_S = 10
_BACKLOG = 256
_SWITCH_S = 0.0005
"""Who hears and sends gets the interpreter after at most so long from each that computes."""


def serve(
    lake: Lake | str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    public_url: str = "",
    title: str = "",
    direct: bool = True,
    provider: Provider | None = None,
    ready: Callable[[str], object] = lambda _: None,
) -> None:
    """Serve a lake's pages and its HTTP API until interrupted.

    Parameters
    ----------
    lake : Lake, str or Path
        That is served, or its place.
    host : str
        Address to listen on. Without sign-in only this machine's own is allowed: 127.0.0.1.
    port : int
        Port to listen on; 0 for any that is free.
    public_url : str
        How the lake is reached from elsewhere: ``https://lake.example``.
    title : str
        Of the lake, on every page.
    direct : bool
        Whether large objects are fetched from the store itself by signed links, where it can.
    provider : Provider, optional
        Who vouches for people; with one, others may reach the lake.
    ready : callable
        Told the address, once the server listens.

    Raises
    ------
    InputError
        If the lake would be public without sign-in, or the port is taken.
    MissingExtraError
        If the portal's libraries are not installed.
    """
    uvicorn = need("uvicorn", "portal", "Serving a lake")
    need("jinja2", "portal", "Serving a lake")
    from panneuro.portal.app import Hosting, make_app
    from panneuro.portal.security import is_loopback

    if not provider and (not is_loopback(host) or public_url):
        raise InputError(
            f"serving on {public_url or host!r}: others could reach it, and there is no sign-in",
            hint="--issuer https://… --client-id …   lets people sign in",
        )
    if provider and not public_url.startswith(("https://", "http://localhost", "http://127.")):
        raise InputError(
            f"people cannot sign in at {public_url!r}: it is not https://…",
            hint="--public-url https://lake.example, with a proxy that does TLS in front",
        )
    sys.setswitchinterval(_SWITCH_S)
    opened = lake if isinstance(lake, Lake) else open_lake(lake)
    hosting = Hosting(public_url.rstrip("/"), title or "panneuro", direct, provider)
    config = uvicorn.Config(
        make_app(opened, hosting),
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
    )
    with bound(host, port) as listening:
        ready(public_url or address_of(listening))
        uvicorn.Server(config).run(sockets=[listening])


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises
    ------
    InputError
        If it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, asyncio sends small answers at once; else each waits 40 ms for the next.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(
            f"listening on {host}:{port}: {error}", hint="--port 0   takes any that is free"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Return how a listening socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
