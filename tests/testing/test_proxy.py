from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from panneuro.testing.proxy import Request, counting_proxy
from panneuro.testing.servers import free_port


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nspik\r\n2\r\nes\r\n0\r\n\r\n")
            return
        body = self.headers.get("Range", "none").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_PUT(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Say nothing of clients that go away."""


@pytest.fixture
def proxy():
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        with counting_proxy(server.server_port) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def ask(connection, method, path, body=None, **headers):
    connection.request(method, path, body=body, headers=headers)
    with connection.getresponse() as answer:
        return answer.read()


def test_one_connection_carries_every_kind_of_request(proxy):
    connection = HTTPConnection("127.0.0.1", proxy.port)
    large = bytes(range(256)) * 8000
    assert ask(connection, "GET", "/a?x=1", Range="bytes=3-9") == b"bytes=3-9"
    assert ask(connection, "PUT", "/b", body=large) == large
    assert ask(connection, "HEAD", "/c") == b""
    assert ask(connection, "PUT", "/d", body=iter([b"spi", b"kes"])) == b"spikes"
    assert ask(connection, "GET", "/chunked") == b"spikes"
    assert ask(connection, "GET", "/e") == b"none"
    connection.close()
    assert proxy.log[0] == Request("GET", "/a?x=1", "bytes=3-9")
    assert (proxy.count(), proxy.count("GET"), proxy.count("PUT")) == (6, 3, 2)
    assert proxy.bytes_sent == len(large) + 6
    assert proxy.bytes_received > len(large)
    proxy.reset()
    assert (proxy.count(), proxy.bytes_sent, proxy.bytes_received) == (0, 0, 0)


def test_many_connections_at_once(proxy):
    proxy.latency_s = 0.001

    def one(number):
        connection = HTTPConnection("127.0.0.1", proxy.port)
        answers = [ask(connection, "GET", "/", Range=f"bytes={number}-") for _ in range(5)]
        connection.close()
        return answers == [f"bytes={number}-".encode()] * 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(20)))
    assert proxy.count() == 100


def test_a_client_that_goes_away_does_no_harm(proxy):
    connection = HTTPConnection("127.0.0.1", proxy.port)
    connection.putrequest("PUT", "/half")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"only this")
    connection.close()
    again = HTTPConnection("127.0.0.1", proxy.port)
    assert ask(again, "GET", "/") == b"none"
    again.close()


def test_an_answer_is_lost_after_the_request_arrived(proxy):
    proxy.answers_to_lose = 1
    connection = HTTPConnection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionError):
        ask(connection, "PUT", "/a", body=b"spikes")
    assert ask(connection, "PUT", "/a", body=b"spikes") == b"spikes"
    connection.close()
    assert proxy.count("PUT") == 2


def test_a_dead_target_closes_the_connection():
    with counting_proxy(free_port()) as proxy:
        connection = HTTPConnection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionError):
            ask(connection, "GET", "/")
        connection.close()
