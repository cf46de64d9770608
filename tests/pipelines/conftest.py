"""A lake for pipelines to run in, and what they are run on."""

from __future__ import annotations

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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
