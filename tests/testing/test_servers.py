from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from panneuro.core.errors import StoreError
from panneuro.testing import servers
from panneuro.testing.servers import S3Server, free_port, moto_server, radosgw_server

STARTERS = {"moto": moto_server, "radosgw": radosgw_server}


@pytest.mark.s3
@pytest.mark.parametrize("kind", STARTERS)
def test_a_server_is_gone_after_its_test(kind, request):
    request.getfixturevalue(kind)  # skips where it is not installed
    with STARTERS[kind]() as server:
        assert server.make_bucket("named") == "named"
        assert servers._listens(server.port)
    assert not servers._listens(server.port)


KILLED = """
import os, signal
from panneuro.testing.servers import {kind}_server
with {kind}_server() as server:
    print(server.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.s3
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's parent-death signal")
@pytest.mark.parametrize("kind", STARTERS)
def test_a_server_dies_with_a_killed_test(kind, request, tmp_path):
    request.getfixturevalue(kind)
    command = [sys.executable, "-c", KILLED.format(kind=kind)]
    # Nobody is left to remove the files of what was killed.
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    port = int(done.stdout)
    deadline = time.monotonic() + 30
    while servers._listens(port):
        assert time.monotonic() < deadline


@pytest.mark.s3
def test_radosgw_verifies_signatures(radosgw):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        S3Server(radosgw.port, secret_key="wrong").make_bucket()


def test_a_server_that_cannot_start_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(StoreError, match="cannot start a server"), moto_server():
        pytest.fail("it started")


def test_a_program_that_fails_is_told():
    with pytest.raises(StoreError, match="ls failed"):
        servers._run(["ls", "/nowhere"])


def test_a_free_port_is_free():
    assert not servers._listens(free_port())


def test_secrets_are_not_shown():
    assert "hidden" not in repr(S3Server(1, secret_key="hidden"))
