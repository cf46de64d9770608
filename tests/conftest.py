"""What tests of every room share: real recordings, real servers, and what may be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from panneuro.testing.servers import S3Server, moto_server, radosgw_missing, radosgw_server

ROOT = Path(__file__).parent.parent

# A busy machine is no failure of a property.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def need(part: str, available: object, reason: str) -> None:
    """Skip a test whose part is not on this machine, or fail where it must be.

    `PANNEURO_TEST_REQUIRE` names the parts that must be there, comma-separated, or ``all``.
    """
    if available:
        return
    required = os.environ.get("PANNEURO_TEST_REQUIRE", "").split(",")
    if part in required or "all" in required:
        pytest.fail(f"{part} is required by PANNEURO_TEST_REQUIRE: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", name="need")
def _need():
    """Return :func:`need`, for tests that look for a part themselves."""
    return need


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """Return the folder of real recordings."""
    place = Path(os.environ.get("PANNEURO_SAMPLE_DATA") or ROOT.parent / "shared" / "data")
    need("sample-data", place.is_dir(), f"no real recordings in {place}: set PANNEURO_SAMPLE_DATA")
    return place


@pytest.fixture(scope="session")
def said() -> dict[str, dict[str, object]]:
    """Return what must be said of a recording that says nothing of itself."""
    return {
        "description": {
            "title": "a session",
            "lab": "Smith lab",
            "institution": "Somewhere",
            "licence": "CC-BY-4.0",
            "modalities": ["ecephys"],
        },
        "subject": {"id": "m1", "species": "mouse"},
        "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
    }


@pytest.fixture(scope="session")
def bound() -> list[str]:
    """Return what to put in front of a command so that permissions bind it, whoever we are."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv") or "setpriv"
    words = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
    works = shutil.which("setpriv") and not subprocess.call([*words, "true"])
    need("setpriv", works, "root may read and write anything")
    return words


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """Return a quick S3 server that accepts any secret; no referee of races."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def radosgw() -> Iterator[S3Server]:
    """Return Ceph's S3 server, which verifies signatures and lets one writer win."""
    missing = radosgw_missing()
    need("radosgw", not missing, f"not installed: {', '.join(missing)}")
    with radosgw_server() as server:
        yield server


@pytest.fixture(params=["moto", "radosgw"])
def s3_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Return each S3 server in turn, with the environment that lets clients in."""
    server: S3Server = request.getfixturevalue(request.param)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def s3(s3_server: S3Server) -> str:
    """Return the place of a new bucket on each S3 server in turn."""
    return f"s3://{s3_server.make_bucket()}"
