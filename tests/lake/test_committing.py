from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

import panneuro
from panneuro.core.errors import ConflictError, CorruptionError, PanneuroError, StoreError
from panneuro.core.manifest import KEY
from panneuro.lake import committing
from panneuro.lake.adding import Options
from panneuro.lake.asset import Asset
from panneuro.lake.committing import FIRST, NEXT, commit, moment
from panneuro.lake.describing import describe
from panneuro.lake.lake import Lake
from panneuro.storage.objects import ObjectStore
from panneuro.testing.faults import FaultyStore


@pytest.fixture
def name(lake, made_up, said):
    return lake.add(made_up.use(), said=said).manifest.name


@pytest.fixture
def frozen(monkeypatch):
    """Stop the clock."""

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(2026, 3, 2, 12, tzinfo=zone or UTC)

    monkeypatch.setattr(committing, "datetime", Clock)


@pytest.fixture
def steps(monkeypatch):
    """Return what is put create-only and what is made durable, in their order."""
    order, put, durable = [], ObjectStore.put, committing.make_durable

    def note_put(self, key, data, *, create=False):
        put(self, key, data, create=create)
        order.append(("put", key))

    def note_durable(store, keys):
        keys = list(keys)
        durable(store, keys)
        order.extend(("durable", key) for key in keys)

    monkeypatch.setattr(ObjectStore, "put", note_put)
    monkeypatch.setattr(committing, "make_durable", note_durable)
    return order


class Dying(FaultyStore):
    """A store whose writer dies before the commit."""

    def put(self, key, data, *, create=False):
        if key.endswith(KEY):
            raise StoreError("the machine went down")
        super().put(key, data, create=create)


def describe_at_once(place, name, everything):
    """Describe an asset by as many threads as there are things to say."""
    barrier, errors = threading.Barrier(len(everything)), []

    def one(said):
        lake = panneuro.open(place)
        barrier.wait()
        try:
            lake.describe(name, said)
        except PanneuroError as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(said,)) for said in everything]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def line_of(lake, name):
    """Return the versions of an asset after checking that each follows the one before."""
    versions = lake.versions(name)
    assert [one.parent for one in versions] == ["", *(one.version for one in versions[:-1])]
    assert [one.created for one in versions] == sorted({one.created for one in versions})
    return versions


@pytest.mark.usefixtures("frozen")
def test_nothing_that_is_said_at_once_is_lost(lake, name):
    everything = [
        {"subject": {"strain": "C57BL/6J"}},
        {"subject": {"sex": "male"}},
        {"description": {"keywords": ["sleep"]}},
        {"subject": {"genotype": "wt/wt"}},
    ]
    assert describe_at_once(lake.store.url, name, everything) == []
    latest = line_of(lake, name)[-1].documents
    assert len(lake.versions(name)) == 5
    assert latest["subject"]["strain"]["label"] == "C57BL/6J"
    assert latest["subject"]["sex"]["label"] == "male"
    assert latest["description"]["keywords"] == ["sleep"]
    assert latest["subject"]["genotype"]
    assert lake.check(repair=True).ok
    assert not [problem for problem in lake.check().problems if problem.kind != "not-indexed"]


@pytest.mark.usefixtures("frozen")
def test_the_same_said_at_once_is_one_version(lake, name):
    said = {"subject": {"sex": "male"}}
    assert describe_at_once(lake.store.url, name, [said, said, said]) == []
    assert len(line_of(lake, name)) == 2


def test_two_commands_at_once(made_up, said, tmp_path):
    place = tmp_path / "lake"
    lake = panneuro.open(place, create=True)
    name = lake.add(made_up.use(), said=said).manifest.name
    words = ("subject.strain=BALB/c", "subject.sex=male")
    lines = [["describe", name, "--lake", str(place), "--set", word] for word in words]
    command = [sys.executable, "-c", "from panneuro.cli import main; main()"]
    processes = [subprocess.Popen([*command, *line], stdout=subprocess.PIPE) for line in lines]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0]
    latest = line_of(lake, name)[-1].documents
    assert latest["subject"]["strain"]["label"] == "BALB/c"
    assert latest["subject"]["sex"]["label"] == "male"


def test_the_second_to_follow_is_refused_and_leaves_nothing(lake, name):
    stale, around = lake[name], lake.surroundings()
    first = lake.describe(name, {"subject": {"sex": "male"}}).manifest
    before = {found.key for found in lake.store.list()}
    with pytest.raises(ConflictError, match=f"followed by {first.version}") as caught:
        describe(lake.store, stale, {"subject": {"strain": "BALB/c"}}, around, dry_run=False)
    assert caught.value.exit_code == 1
    assert {found.key for found in lake.store.list()} == before
    assert lake.check().problems == []


def test_adding_other_words_at_once_is_a_conflict(lake, name, made_up, said, monkeypatch):
    other = {**said, "subject": {**said["subject"], "sex": "male"}}
    plan = lake.plan(made_up.source, Options(said=other))
    stale = lake.versions(name)
    late = panneuro.open(lake.store.url)
    lake.describe(name, {"subject": {"strain": "BALB/c"}})
    monkeypatch.setattr(late, "versions", lambda _: stale)
    with pytest.raises(ConflictError, match="followed by"):
        late.carry_out(plan, Options())
    assert lake.carry_out(plan, Options()).is_new
    latest = line_of(lake, name)[-1].documents
    assert latest["subject"]["strain"]["label"] == "BALB/c"
    assert latest["subject"]["sex"]["label"] == "male"


def test_two_first_versions_of_one_name_are_a_conflict(lake, made_up, said, monkeypatch):
    source = made_up.use()
    plans = [
        lake.plan(source, Options(name="both", said={**said, "subject": subject}))
        for subject in ({**said["subject"], "sex": sex} for sex in ("male", "female"))
    ]
    first = lake.carry_out(plans[0], Options()).manifest
    before = {found.key for found in lake.store.list()}
    late = panneuro.open(lake.store.url)
    monkeypatch.setattr(late, "versions", lambda _: [])
    with pytest.raises(ConflictError, match="another was added under that name"):
        late.carry_out(plans[1], Options())
    assert {found.key for found in lake.store.list()} == before
    assert [one.version for one in lake.versions("both")] == [first.version]
    assert lake.check().problems == []


def test_who_dies_before_the_first_commit_is_finished_by_the_next(lake, made_up, said):
    source = made_up.use()
    plan = lake.plan(source, Options(name="both", said=said))
    with pytest.raises(StoreError, match="went down"):
        Lake(Dying(lake.store, {}), lake.settings).carry_out(plan, Options())
    assert lake.versions("both") == []
    told = [(one.kind, one.asset, one.key) for one in lake.check().problems]
    assert ("unfinished", "both", f"assets/both/{FIRST}") in told
    other = {**said, "subject": {**said["subject"], "sex": "male"}}
    with pytest.raises(ConflictError, match="another was added"):
        lake.carry_out(lake.plan(source, Options(name="both", said=other)), Options())
    assert len(lake.versions("both")) == 1
    assert lake.check().problems == []


def dies_describing(lake, name):
    dying = Lake(Dying(lake.store, {}), lake.settings)
    with pytest.raises(StoreError, match="went down"):
        dying.describe(name, {"subject": {"sex": "male"}})
    assert len(lake.versions(name)) == 1


def test_who_dies_before_the_commit_is_finished_by_the_next(lake, name):
    dies_describing(lake, name)
    report = lake.check()
    assert report.ok
    assert {problem.kind for problem in report.problems} == {"unfinished"}
    lake.describe(name, {"subject": {"strain": "BALB/c"}})
    latest = line_of(lake, name)[-1].documents
    assert len(lake.versions(name)) == 3
    assert latest["subject"]["sex"]["label"] == "male"
    assert latest["subject"]["strain"]["label"] == "BALB/c"
    assert lake.check().problems == []


def test_who_dies_before_the_commit_resumes(lake, name):
    dies_describing(lake, name)
    assert lake.describe(name, {"subject": {"sex": "male"}}).manifest.parent
    assert len(line_of(lake, name)) == 2
    assert lake.check().problems == []


def test_what_was_not_committed_is_finished_after_a_day(lake, name):
    dies_describing(lake, name)
    assert lake.check(sweep=True).ok
    assert len(lake.versions(name)) == 1
    report = lake.check(sweep=True, repair=True, grace=timedelta(0))
    assert report.ok
    assert len(line_of(lake, name)) == 2
    assert lake.check().problems == []
    assert lake[name].documents.subject.sex.label == "male"


def test_what_was_not_committed_and_is_gone_is_forgotten(lake, name):
    dies_describing(lake, name)
    for found in list(lake.store.list(f"assets/{name}")):
        if "references" in found.key:
            lake.store.delete(found.key)
    with pytest.raises(CorruptionError, match=r"its object 'references.json' is gone"):
        lake.describe(name, {"subject": {"strain": "BALB/c"}})
    assert lake.check(sweep=True, grace=timedelta(0)).ok
    lake.describe(name, {"subject": {"strain": "BALB/c"}})
    assert len(line_of(lake, name)) == 2
    assert lake.check().problems == []


def test_a_lost_answer_is_an_answer(lake, name):
    class Losing(FaultyStore):
        def put(self, key, data, *, create=False):
            super().put(key, data, create=create)
            if create and key.startswith("assets"):
                raise StoreError("the answer was lost")

    losing = Lake(Losing(lake.store, {}), lake.settings)
    assert losing.describe(name, {"subject": {"sex": "male"}}).is_new
    assert len(line_of(lake, name)) == 2
    assert lake.check(repair=True).ok


def test_a_follower_that_cannot_be_read_is_told(lake, name):
    first = lake[name].version
    lake.describe(name, {"subject": {"sex": "male"}})
    key = f"assets/{name}/{first}/{NEXT}"
    lake.store.put(key, b"{}")
    assert [(one.kind, one.key) for one in lake.check().problems] == [("unreadable", key)]
    asset = Asset.open(lake.store, name, first)
    with pytest.raises(CorruptionError):
        describe(
            lake.store,
            asset,
            {"subject": {"sex": "female"}},
            lake.surroundings(),
            dry_run=False,
        )


def test_a_commit_is_one_put_of_an_object_that_nobody_else_makes(lake, name):
    manifest = lake[name].manifest
    again, is_new = commit(lake.store, manifest)
    assert (again, is_new) == (manifest, False)


def test_moments_follow_one_another(frozen):
    assert moment(moment()) > moment()


def test_what_is_committed_is_durable_and_was_before_it_could_be_seen(
    tmp_path, made_up, said, steps
):
    lake = panneuro.open(tmp_path / "lake", create=True)
    manifest = lake.add(made_up.use(kept=True), said=said).manifest
    steps_of = {step: number for number, step in enumerate(steps)}
    first, last = f"assets/{manifest.name}/{FIRST}", f"{manifest.prefix}/{KEY}"
    objects = [steps_of["durable", manifest.key_of(file)] for file in manifest.files]
    assert max(objects) < steps_of["put", first] < steps_of["durable", first]
    assert steps_of["durable", first] < steps_of["put", last] < steps_of["durable", last]


def test_what_the_disk_does_not_take_is_not_committed(tmp_path, made_up, said, monkeypatch):
    lake = panneuro.open(tmp_path / "lake", create=True)

    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match="on the disk"):
            lake.add(made_up.use(), said=said)
    assert {problem.kind for problem in lake.check().problems} == {"unfinished"}
    assert lake.add(made_up.use(), said=said).is_new
    assert lake.check().problems == []
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match="on the disk"):
            lake.add(made_up.use(), said=said)
    assert not lake.add(made_up.use(), said=said).is_new
