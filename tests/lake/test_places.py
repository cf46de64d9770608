"""The same lake on a folder, in memory and on real S3 servers."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import panneuro
from panneuro.core.errors import InputError, NotFoundError, PanneuroError, StoreDeniedError
from panneuro.lake.adding import Options


@pytest.fixture(
    params=["folder", "memory", pytest.param("s3", marks=pytest.mark.s3)],
)
def place(request, tmp_path, radosgw_place):
    if request.param == "folder":
        return str(tmp_path / "Ein See")
    if request.param == "memory":
        return f"memory://{uuid.uuid4()}"
    return radosgw_place()


@pytest.fixture
def radosgw_place(request, monkeypatch):
    def make():
        server = request.getfixturevalue("radosgw")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        return f"s3://{server.make_bucket()}/lake"

    return make


def test_everything_works_everywhere(place, session, said):
    with pytest.raises(NotFoundError, match="no lake"):
        panneuro.open(place)
    lake = panneuro.open(place, create=True)
    added = lake.add(session.probe, said=said)
    assert np.array_equal(lake[added.manifest.name]["ap"].read(), session.samples)
    assert lake.add(session.probe, said=said).sent_bytes == 0
    described = lake.describe(added.manifest.name, {"subject": {"sex": "male"}})
    again = panneuro.open(place)
    assert again.find("sex=male").names == [added.manifest.name]
    asset = again[added.manifest.name]
    assert asset.version == described.manifest.version
    assert np.array_equal(asset["ap"].read(1.0, 1.5), session.samples[30_000:45_000])
    assert again.reindex() == 2
    assert again.check().problems == []
    assert np.array_equal(asset.nwb().acquisition["ap"].data[:100], session.samples[:100])


def _add(place, source, said, environment, gate, answers):
    # The server that forks us was started with the environment of another test.
    os.environ.update(environment)
    lake = panneuro.open(place)
    plan = lake.plan(source, Options(said=said))
    gate.wait(60)
    answers.put(lake.carry_out(plan, Options()).is_new)


def test_two_processes_add_one_recording_at_once(place, session, said):
    if place.startswith("memory"):
        pytest.skip("memory is not shared between processes")
    panneuro.open(place, create=True)
    context = multiprocessing.get_context("forkserver")
    gate, answers = context.Barrier(2), context.Queue()
    arguments = (place, str(session.behaviour), said, dict(os.environ), gate, answers)
    both = [context.Process(target=_add, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(answers.get(timeout=1) for _ in both) == [False, True]
    lake = panneuro.open(place)
    assert lake.check(repair=True).ok
    assert len(lake.versions(next(iter(lake)))) == 1


def test_different_recordings_at_once(place, made_up, said):
    panneuro.open(place, create=True)
    source = made_up.use()

    def one(number):
        return panneuro.open(place).add(source, said=said, name=f"session-{number}").is_new

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(one, range(6)))
    lake = panneuro.open(place)
    assert len(lake) == 6
    assert lake.check().problems == []


def test_others_additions_are_seen(radosgw_place, made_up, said, monkeypatch, tmp_path):
    place = radosgw_place()
    mine = panneuro.open(place, create=True)
    mine.add(made_up.use(), said=said, name="mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user"))
    panneuro.open(place).add(made_up.use(), said=said, name="theirs")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert sorted(panneuro.open(place)) == ["mine", "theirs"]


def test_what_others_said_since_is_not_lost(radosgw_place, made_up, said, monkeypatch, tmp_path):
    place = radosgw_place()
    mine = panneuro.open(place, create=True)
    mine.add(made_up.use(), said=said, name="a")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user"))
    panneuro.open(place).describe("a", {"subject": {"sex": "female"}})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mine.describe("a", {"subject": {"genotype": "wt"}})
    subject = mine["a"].documents.subject
    assert (subject.sex.label, subject.genotype) == ("female", "wt")


@pytest.fixture
def small_disk(tmp_path):
    """Give a file system of 3 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_the_same_line_resumes(small_disk, made_up, said):
    lake = panneuro.open(small_disk / "lake", create=True)
    assert len(lake) == 0
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 2_900_000)
    with pytest.raises(PanneuroError, match="full"):
        lake.add(made_up.use(), said=said)
    assert len(lake) == 0
    left = [problem for problem in lake.check().problems if problem.kind != "unfinished"]
    assert [problem.key for problem in left] == ["catalog/runs.sqlite"]
    filler.unlink()
    name = lake.add(made_up.use(), said=said).manifest.name
    assert np.array_equal(lake[name]["ap"].read(), made_up.signals()[0].data)
    assert lake.check().problems == []


def test_a_place_where_we_may_not_write(tmp_path, made_up, said):
    lake = panneuro.open(tmp_path / "lake", create=True)
    name = lake.add(made_up.use(), said=said).manifest.name
    if not os.getuid():
        pytest.skip("root may write anywhere")
    folders = [Path(folder) for folder, _, _ in os.walk(tmp_path / "lake")]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert panneuro.open(tmp_path / "lake")[name]["ap"].read().any()
        with pytest.raises(StoreDeniedError, match="permission"):
            panneuro.open(tmp_path / "lake").add(made_up.use(), said=said, name="other")
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_a_place_that_holds_something_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"not empty \(it holds 'thesis.tex'\)"):
        panneuro.open(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_probe_that_was_left_behind_is_no_hindrance(tmp_path):
    (tmp_path / "_probe").mkdir()
    (tmp_path / "_probe" / "0123").write_bytes(b"first")
    assert len(panneuro.open(tmp_path, create=True)) == 0


def test_no_lake_is_named(monkeypatch):
    monkeypatch.delenv("PANNEURO_LAKE", raising=False)
    with pytest.raises(InputError, match="no lake is named"):
        panneuro.open()
    monkeypatch.setenv("PANNEURO_LAKE", f"memory://{uuid.uuid4()}")
    assert len(panneuro.open(create=True)) == 0
    assert len(panneuro.open()) == 0
