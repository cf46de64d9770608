"""A lake for pipelines to run in, and what they are run on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import panneuro
from panneuro.compute.running import run

UNSAID = {
    "description": {
        "title": "a recording",
        "lab": "somewhere",
        "institution": "somewhere",
        "licence": "CC-BY-4.0",
        "modalities": ["ecephys"],
    },
    "subject": {"id": "one", "species": "mouse"},
    "acquisition": {"timezone": "UTC", "session_start": "2024-05-01T10:00:00+00:00"},
}


@pytest.fixture(scope="session")
def _packages(tmp_path_factory):
    """Return uv's cache: that of whoever tests, or else one for all tests."""
    own = Path(os.environ.get("UV_CACHE_DIR", "~/.cache/uv")).expanduser()
    return own if own.is_dir() else tmp_path_factory.mktemp("uv")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch, _packages):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(_packages))


@pytest.fixture
def lake(tmp_path):
    """Return an empty lake."""
    return panneuro.open(str(tmp_path / "lake"), create=True)


@pytest.fixture
def add(lake):
    """Return what adds a recording, with what it does not say itself."""

    def added(path: Path, **options):
        return lake.add(path, template=UNSAID, **options).manifest.name

    return added


@pytest.fixture
def result(lake):
    """Return what runs a step on one asset and gives what it made."""

    def made(step: str, name: str, **options):
        ran = run(lake, step, on=lake[name], **options)
        assert not ran.failed, [(one.error, one.log) for one in ran.failed]
        assert not ran.skipped, ran.skipped
        (output,) = ran.outputs
        return lake[output]

    return made
