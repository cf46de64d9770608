"""A lake that may only be read: every verb that writes says so, and ends with the same status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import panneuro
from panneuro.cli import main

from .conftest import FLAGS, write_nwb

RUN = """
import json, sys
from click.testing import CliRunner
from panneuro.cli import main
for line in json.loads(sys.argv[1]):
    result = CliRunner().invoke(main, line)
    print(json.dumps([result.exit_code, result.stdout, result.stderr]))
"""
COUNT = ("run", f"{Path(__file__).parent / 'steps.py'}:count", "--on", "has:units")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a second recording."""
    return str(write_nwb(tmp_path_factory.mktemp("other") / "other.nwb", "mouse-8", 3))


@pytest.fixture(scope="module")
def shut(filled: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a lake in a folder that may only be read, with a head that is gone."""
    lake = Path(shutil.copytree(filled, tmp_path_factory.mktemp("shut") / "lake"))
    next(lake.glob("assets/*/*/_lake/head")).unlink()
    for path in [lake, *lake.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield lake
    for path in [lake, *lake.rglob("*")]:
        path.chmod(0o755)


def lines(name: str, other: str) -> list[tuple[str, ...]]:
    return [
        ("add", other, *FLAGS),
        ("describe", name, "--set", "subject.strain=C57BL/6J"),
        ("judge", name, "asset", "pass"),
        ("check", "--repair"),
        ("grant", "ada@uni.edu", "reader", "project=ripples"),
        COUNT,
    ]


def test_a_folder(bound: list[str], shut: Path, name: str, other: str, tmp_path: Path):
    wanted = [*lines(name, other), ("find", "--names")]
    words = json.dumps([[*line, "--lake", str(shut)] for line in wanted])
    done = subprocess.run(
        [*bound, sys.executable, "-c", RUN, words],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    *writing, (_, names, _) = map(json.loads, done.stdout.splitlines())
    assert names.split() == [name]
    for line, (status, _, said) in zip(wanted, writing, strict=False):
        assert status == 4, (line, said)
        assert "permission denied" in said
        assert "owner and mode" in said
        assert "Traceback" not in said


@pytest.fixture
def denied(radosgw, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a lake in a bucket that denies writing, its snapshot gone before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for key, value in radosgw.environment().items():
        monkeypatch.setenv(key, value)
    bucket = radosgw.make_bucket()
    place = f"s3://{bucket}/lake"
    assert CliRunner().invoke(main, ["add", str(recording), "--lake", place, *FLAGS]).exit_code == 0
    store = panneuro.open(place).store
    for found in list(store.list("catalog")):
        store.delete(found.key)
    (head,) = (one.key for one in store.list("assets") if one.key.endswith("/head"))
    store.delete(head)
    radosgw.deny_writing(bucket)
    return place


@pytest.mark.s3
def test_a_bucket(run, denied: str, name: str, other: str):
    for line in [*lines(name, other), ("reindex",)]:
        result = run(*line, "--lake", denied)
        assert result.exit_code == 4, (line, result.output)
        assert "403 Forbidden" in result.stderr
    found = run("check", "--repair", "--json", "--lake", denied)
    told = json.loads(found.stdout)
    assert "403 Forbidden" in told["denied"]
    assert [problem["kind"] for problem in told["problems"]] == ["missing"]
    assert run("find", "--names", "--lake", denied).stdout.split() == [name]
