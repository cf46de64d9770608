"""Real S3 servers on this machine, started for a test and gone with it.

Both listen on the loopback only and keep their data in memory. Where ``setpriv`` is installed
(Linux), they die with the process that started them, however it ends.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from panneuro.core.errors import StoreError

RADOSGW_PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool")
"""What :func:`radosgw_server` runs; Debian has them in radosgw, ceph-mon and ceph-osd."""

_PATIENCE_S = 60.0

_CEPH_CONF = """\
[global]
fsid = {fsid}
mon host = {monitors}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {root}
admin socket =
log file = {root}/$name.log
mon data = {root}/mon
osd data = {root}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data avail crit = 0
paxos propose interval = 0.05
paxos min wait = 0.01
[client.rgw]
# Without tcp_nodelay every small read costs 40 ms.
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {root}/rgw
# The gateway insists on a secure channel by default, which "auth none" cannot have.
ms mon client mode = crc
rgw thread pool size = 64
rgw enable usage log = false
rgw enable ops log = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server.

    Attributes
    ----------
    port : int
        Its port on the loopback.
    access_key, secret_key : str
        Credentials that it accepts.
    """

    port: int
    access_key: str = "test"
    secret_key: str = field(default="testsecret", repr=False)

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables by which a client finds the server and is let in."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self, name: str = "") -> str:
        """Make a bucket and return its name, a new one unless given."""
        name = name or f"bucket-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def deny_writing(self, bucket: str) -> None:
        """Let everybody, the owner too, only read a bucket; the server must honour policies."""
        denied = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [denied]}
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def client(self) -> Any:
        """Return a boto3 client, for what a store does not do."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Run moto's S3 in a process of its own.

    It accepts any secret, and honours create-only puts only of one writer at a time: for
    authorisation and for races use :func:`radosgw_server`.
    """
    server = S3Server(free_port())
    with tempfile.TemporaryDirectory(prefix="moto-") as folder, ExitStack() as stack:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(server.port)]
        process = stack.enter_context(_running(command, Path(folder, "moto.out")))
        _wait_until(lambda: _listens(server.port), [process], Path(folder))
        yield server


def radosgw_missing() -> list[str]:
    """Return those of `RADOSGW_PROGRAMS` that are not installed."""
    return [name for name in RADOSGW_PROGRAMS if shutil.which(name) is None]


@contextmanager
def radosgw_server() -> Iterator[S3Server]:
    """Run Ceph's S3 gateway over a cluster of one monitor and one in-memory object store.

    It verifies signatures and honours create-only puts of any number of writers. Needs
    `RADOSGW_PROGRAMS`.
    """
    server = S3Server(free_port())
    # Not beside the caller's files: sockets have short paths.
    with tempfile.TemporaryDirectory(prefix="ceph-") as folder, ExitStack() as stack:
        root = Path(folder)
        _start_cluster(root, server, stack)
        yield server


def _start_cluster(root: Path, server: S3Server, stack: ExitStack) -> None:
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    monitors = f"[v2:127.0.0.1:{free_port()},v1:127.0.0.1:{free_port()}]"
    conf, map_ = str(root / "ceph.conf"), str(root / "monmap")
    Path(conf).write_text(
        _CEPH_CONF.format(fsid=fsid, monitors=monitors, root=root, port=server.port)
    )
    for name in ("mon", "osd", "rgw"):
        (root / name).mkdir()
    with_conf, as_gateway = ["-c", conf], ["-c", conf, "-n", "client.rgw"]

    def start(*command: str) -> None:
        log = root / f"{command[0]}.out"
        processes.append(stack.enter_context(_running([*command, "-f"], log)))

    processes: list[subprocess.Popen[bytes]] = []
    _run(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", monitors, map_])
    _run(["ceph-mon", *with_conf, "-i", "a", "--mkfs", "--monmap", map_])
    start("ceph-mon", *with_conf, "-i", "a")
    _run(["ceph", *with_conf, "osd", "new", osd, "0"])
    _run(["ceph-osd", *with_conf, "-i", "0", "--mkfs", "--osd-uuid", osd, "--no-mon-config"])
    start("ceph-osd", *with_conf, "-i", "0")
    keys = [f"--access-key={server.access_key}", f"--secret={server.secret_key}"]
    user = ["user", "create", "--uid=test", "--display-name=test", *keys]
    _run(["radosgw-admin", *as_gateway, *user])
    start("radosgw", *as_gateway)
    _wait_until(lambda: _listens(server.port), processes, root)


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise StoreError(f"cannot start a server: {command[0]} does not end") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise StoreError(f"cannot start a server: {command[0]} failed: {said}")


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that keeps nothing worth a gentle end."""
    tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*tied, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until(
    ready: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]], logs: Path
) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if time.monotonic() > deadline or any(p.poll() is not None for p in processes):
            said = "".join(log.read_text(errors="replace")[-500:] for log in logs.glob("*.out"))
            raise StoreError(f"cannot start a server: {said or 'it does not answer'}")
        time.sleep(0.02)
