"""Serving: never public by accident, and it stops when it is told to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest

from panneuro.core.errors import InputError
from panneuro.portal.serving import bound, serve
from panneuro.portal.signing import Provider

PROVIDER = Provider("https://login.example", "id", "secret")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "lake.example"])
def test_others_reach_no_lake_without_sign_in(lake, host):
    with pytest.raises(InputError, match="there is no sign-in"):
        serve(lake, host=host)


def test_a_proxy_reaches_no_lake_without_sign_in(lake):
    with pytest.raises(InputError, match="there is no sign-in"):
        serve(lake, public_url="https://lake.example")


@pytest.mark.parametrize("public_url", ["", "http://lake.example"])
def test_nobody_signs_in_unencrypted(lake, public_url):
    with pytest.raises(InputError, match="https"):
        serve(lake, public_url=public_url, provider=PROVIDER)


def test_a_port_that_is_taken_is_told():
    with bound("127.0.0.1", 0) as taken, pytest.raises(InputError, match="listening on"):
        bound("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="listening on"):
        bound("127.0.0.1", 99_999)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_stop(lake, sign):
    run = "from panneuro.cli import main; main()"
    line = [sys.executable, "-c", run, "serve", "--lake", lake.store.url, "--port", "0"]
    serving = subprocess.Popen(
        [*line, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        place = json.loads(serving.stdout.readline())["url"]
        with urlopen(f"{place}/assets") as answer:
            assert json.load(answer)["total"] == 2
        serving.send_signal(sign)
        serving.communicate(timeout=60)
    finally:
        serving.kill()
        serving.communicate()
    assert serving.returncode in (0, 130, -sign)
    address = place.rpartition("/")[2].split(":")
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection((address[0], int(address[1])), 1),
    ):
        pass


def test_small_answers_are_sent_at_once():
    with bound("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_half_a_provider_is_refused(lake, monkeypatch):
    from click.testing import CliRunner

    from panneuro.cli import main

    monkeypatch.delenv("PANNEURO_OIDC_SECRET", raising=False)
    line = ["serve", "--lake", lake.store.url, "--issuer", "https://login.example"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert "PANNEURO_OIDC_SECRET" in result.output
