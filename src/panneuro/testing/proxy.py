"""An HTTP proxy before a server of this machine: it counts requests and imitates distance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BLOCK = 1 << 18
_HEAD_LIMIT = 1 << 20
_CUT_OFF = (asyncio.IncompleteReadError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that passed: its method, path with query, and Range header (or "")."""

    method: str
    path: str
    byte_range: str


@dataclass(slots=True)
class CountingProxy:
    """What passed through a proxy so far.

    Attributes
    ----------
    target_port : int
        Where requests are passed on to, on the loopback.
    latency_s : float
        Delay of every request in seconds; may be changed while running.
    answers_to_lose : int
        So many of the next answers are lost: the request has reached the server, then the
        connection ends.
    port : int
        Where the proxy listens, on the loopback.
    log : list of Request
        Every request, in order.
    bytes_sent : int
        Bytes of request bodies.
    bytes_received : int
        Bytes of answers, heads included.
    """

    target_port: int
    latency_s: float = 0.0
    answers_to_lose: int = 0
    port: int = 0
    log: list[Request] = field(default_factory=list)
    bytes_sent: int = 0
    bytes_received: int = 0

    @property
    def endpoint(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str = "") -> int:
        """Return the number of requests, of one method or of all."""
        return sum(method in {"", request.method} for request in self.log)

    def reset(self) -> None:
        """Forget what passed so far."""
        self.log.clear()
        self.bytes_sent = self.bytes_received = 0


@contextmanager
def counting_proxy(target_port: int, latency_s: float = 0.0) -> Iterator[CountingProxy]:
    """Run a proxy on a thread of its own.

    Parameters
    ----------
    target_port : int
        Port of an HTTP/1.1 server on the loopback.
    latency_s : float
        Delay of every request in seconds.

    Yields
    ------
    CountingProxy
        Its endpoint, and what passed through it.
    """
    proxy = CountingProxy(target_port, latency_s)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[_serve(proxy, ready, stop)])
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(proxy: CountingProxy, ready: threading.Event, stop: asyncio.Event) -> None:
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_connection(proxy, reader, writer))
        connections[task] = writer
        task.add_done_callback(lambda task: connections.pop(task).close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=_HEAD_LIMIT)
    proxy.port = server.sockets[0].getsockname()[1]
    ready.set()
    await stop.wait()
    server.close()
    # What was accepted at the last moment becomes a connection a few turns of the loop later.
    await asyncio.sleep(0.01)
    while connections:
        for task, writer in list(connections.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0)
    await server.wait_closed()


async def _connection(
    proxy: CountingProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    opening = asyncio.ensure_future(asyncio.open_connection("127.0.0.1", proxy.target_port))
    try:
        answers, upstream = await asyncio.shield(opening)
    except ConnectionError:
        return
    except asyncio.CancelledError:
        with suppress(ConnectionError):
            (await opening)[1].transport.abort()
        raise
    tasks = [
        asyncio.create_task(_pass_requests(proxy, reader, upstream)),
        asyncio.create_task(_pass_answers(proxy, answers, writer)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        upstream.transport.abort()
        with suppress(ConnectionError):
            await upstream.wait_closed()


async def _pass_requests(
    proxy: CountingProxy, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter
) -> None:
    with suppress(*_CUT_OFF):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line, *rest = head.decode("latin-1").split("\r\n")
            method, path, _ = line.split(" ", 2)
            fields = dict(_field(text) for text in rest if text)
            proxy.log.append(Request(method, path, fields.get("range", "")))
            await asyncio.sleep(proxy.latency_s)
            upstream.write(head)
            await _pass_body(proxy, reader, upstream, fields)


def _field(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip().lower(), value.strip()


async def _pass_body(
    proxy: CountingProxy,
    reader: asyncio.StreamReader,
    upstream: asyncio.StreamWriter,
    fields: dict[str, str],
) -> None:
    if "chunked" not in fields.get("transfer-encoding", "").lower():
        await _pass_bytes(proxy, reader, upstream, int(fields.get("content-length", 0)))
        return
    while True:
        size = await reader.readline()
        upstream.write(size)
        length = int(size.partition(b";")[0], 16)
        await _pass_bytes(proxy, reader, upstream, length)
        upstream.write(await reader.readexactly(2))
        if not length:
            return


async def _pass_bytes(
    proxy: CountingProxy, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, length: int
) -> None:
    while length > 0:
        block = await reader.readexactly(min(length, _BLOCK))
        length -= len(block)
        proxy.bytes_sent += len(block)
        upstream.write(block)
        await upstream.drain()


async def _pass_answers(
    proxy: CountingProxy, answers: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(*_CUT_OFF):
        while block := await answers.read(_BLOCK):
            if proxy.answers_to_lose > 0:
                proxy.answers_to_lose -= 1
                return
            proxy.bytes_received += len(block)
            writer.write(block)
            await writer.drain()
