"""A lake served from a thread, with sign-in, and who visits it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import uvicorn
from provider import CLIENT, SECRET, IdentityProvider

from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.serving import address_of, bound
from panneuro.portal.signing import Provider


@contextmanager
def running(
    app: object, listens: socket.socket | None = None, lifespan: str = "off"
) -> Iterator[str]:
    """Serve an app from a thread and return its address."""
    config = uvicorn.Config(app, log_level="warning", lifespan=lifespan)
    server = uvicorn.Server(config)
    with listens or bound("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class Hosted:
    """A lake with grants, served with sign-in, and who vouches for people there."""

    lake: Lake
    provider: IdentityProvider
    origin: str
    stack: ExitStack
    usual: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def client(self) -> httpx.Client:
        """A client of nobody in particular."""
        return self.visitor()

    def visitor(self, **fields: Any) -> httpx.Client:
        """Return a new client, closed when the lake is."""
        said = {"base_url": self.origin, "timeout": 60, **self.usual, **fields}
        return self.stack.enter_context(httpx.Client(**said))

    def person(self, address: str, *groups: str) -> httpx.Client:
        """Return a client of who signed in."""
        self.provider.claims = {"email": address, "email_verified": True, "groups": list(groups)}
        visitor = self.visitor()
        assert visitor.get("/sign-in", follow_redirects=True).status_code == 200
        return visitor


@contextmanager
def hosted(lake: Lake, lifespan: str = "off", **usual: Any) -> Iterator[Hosted]:
    """Serve a lake with sign-in; `usual` is what its clients are made with."""
    provider = IdentityProvider()
    with ExitStack() as stack:
        provider.issuer = stack.enter_context(running(provider.app()))
        listening = stack.enter_context(bound("127.0.0.1", 0))
        public = address_of(listening)
        known = Provider(provider.issuer, CLIENT, SECRET)
        app = make_app(lake, Hosting(public_url=public, provider=known))
        stack.enter_context(running(app, listening, lifespan))
        clients = stack.enter_context(ExitStack())
        yield Hosted(lake, provider, public, clients, usual)
