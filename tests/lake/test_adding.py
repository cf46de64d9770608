from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import panneuro
from panneuro.core.errors import (
    ConflictError,
    CorruptionError,
    DocumentError,
    FormatError,
    InputError,
    LimitError,
    NotFoundError,
    PanneuroError,
    SourceChangedError,
    StoreError,
)
from panneuro.core.store import Prefixed
from panneuro.lake.adding import Options
from panneuro.lake.committing import commit, moment
from panneuro.lake.lake import Lake
from panneuro.lake.runs import Start
from panneuro.lake.sources import Snapshot
from panneuro.signals.recording import SourceFile
from panneuro.signals.timeseries import TimeSeries
from panneuro.testing.faults import Fault, FaultyStore


def keys(lake):
    return {found.key: found.size for found in lake.store.list()}


def test_what_was_added_is_found_opened_and_read_equal(lake, session, said):
    added = lake.add(session.probe, said=said)
    assert added.is_new
    assert added.manifest.name == "ecephys_m1_2026-03-02_09-30-00"
    assert lake.find("channels=8 has:timeseries").names == [added.manifest.name]
    asset = lake[added.manifest.name]
    assert np.array_equal(asset["ap"].read(), session.samples)
    assert np.array_equal(asset["ap"].read(0.5, 0.75, [3]), session.samples[15_000:22_500, [3]])
    sorted_ = lake[
        lake.add(
            session.sorted, said=said | {"subject": {"id": "generated"}}, name="sorted"
        ).manifest.name
    ]
    for unit, train in session.trains.items():
        assert sorted_.units[unit].tolist() == train.tolist()
    assert sorted_.trials.df["start_time"].tolist() == session.trials["start_time"].tolist()
    assert lake.find("has:units area=CA1").names == ["sorted"]
    assert lake.check().problems == []


def test_its_record_begins_when_it_was_planned(lake, made_up, said):
    plan = lake.plan(made_up.use(), Options(said=said))
    used = plan.start.core_seconds
    planned = datetime.now(UTC).isoformat()
    lake.carry_out(plan, Options())
    (run,) = lake.runs.find()
    assert datetime.fromtimestamp(plan.start.at, UTC).isoformat() == run.began < planned
    assert 0 < run.core_seconds <= Start().core_seconds - used + 0.001


def test_signals_of_every_kind_come_back(lake, made_up, said):
    asset = lake[lake.add(made_up.use(), said=said).manifest.name]
    ap, wheel, units, trials = made_up.signals()
    assert np.array_equal(asset["ap"].read(scaled=True), ap.read(scaled=True))
    assert np.array_equal(asset["wheel"].read(), wheel.read())
    assert asset["wheel"].times().tolist() == wheel.times().tolist()
    assert {u: t.tolist() for u, t in asset.units.trains().items()} == {
        u: t.tolist() for u, t in units.trains().items()
    }
    assert asset.trials["stop_time"].tolist() == trials["stop_time"].tolist()
    assert asset.trials.arrow["side"].to_pylist() == ["L", None]


def test_adding_the_same_again_sends_nothing(lake, session, said):
    first = lake.add(session.probe, said=said)
    before, there = lake.store.usage.snapshot(), keys(lake)
    again = lake.add(session.probe, said=said)
    assert (again.is_new, again.sent_bytes) == (False, 0)
    assert again.manifest == first.manifest
    assert keys(lake) == there
    # Only the probe's ten bytes or so.
    assert (lake.store.usage.snapshot() - before).bytes_written < 100


def test_adding_again_keeps_what_was_said_since(lake, session, said):
    name = lake.add(session.probe, said=said).manifest.name
    described = lake.describe(name, {"subject": {"sex": "female"}})
    again = lake.add(session.probe, said=said)
    assert not again.is_new
    assert again.manifest.version == described.manifest.version
    assert lake[name].documents.subject.sex.label == "female"


def test_adding_again_with_more_said_shares_the_data(lake, session, said):
    first = lake.add(session.probe, said=said)
    more = {**said, "subject": {**said["subject"], "sex": "male"}}
    again = lake.add(session.probe, said=more)
    assert again.is_new
    assert again.manifest.parent == first.manifest.version
    assert again.sent_bytes < 200_000 < first.sent_bytes
    assert np.array_equal(lake[again.manifest.name]["ap"].read(), session.samples)


def test_other_files_under_the_same_name_are_refused(lake, session, said):
    name = lake.add(session.probe, said=said).manifest.name
    with pytest.raises(ConflictError, match="made from other files"):
        lake.add(session.behaviour, said=said, name=name)
    replaced = lake.add(session.behaviour, said=said, name=name, replaces=True)
    assert replaced.is_new
    assert len(lake.versions(name)) == 2
    back = lake.add(session.probe, said=said, name=name, replaces=True)
    assert back.is_new
    assert "ap" in lake[name]


def test_a_plan_touches_nothing(lake, session, said):
    before = lake.store.usage.snapshot()
    plan = lake.plan(session.probe, Options(said=said))
    assert plan.name.startswith("ecephys_m1")
    assert (lake.store.usage.snapshot() - before).bytes_written == 0
    assert list(keys(lake)) == ["lake.toml"]


def test_everything_that_is_not_said_is_told_at_once(lake, session):
    with pytest.raises(DocumentError) as refused:
        lake.add(session.probe)
    for field in ("subject.species", "description.licence", "description.lab"):
        assert field in str(refused.value)
    assert list(keys(lake)) == ["lake.toml"]


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", ".", "a@b", "a\0b", "x" * 300, "a\\b", "a\u202eb", "a#1"]
)
def test_names_that_would_lead_elsewhere(lake, session, said, name):
    with pytest.raises(InputError, match="name"):
        lake.add(session.behaviour, said=said, name=name)
    assert list(keys(lake)) == ["lake.toml"]


@pytest.mark.parametrize("name", ["Zürich-1", "測定", "with space", ".hidden", "a+b=c&d%20"])
def test_names_of_any_script(lake, made_up, said, name):
    lake.add(made_up.use(), said=said, name=name)
    assert np.array_equal(lake[name]["ap"].read(), made_up.signals()[0].data)
    assert lake.check().problems == []


@pytest.mark.parametrize("name", ["../ap", "a/b", "", "a:b", "..", "x" * 300, "zarr.json"])
def test_signal_names_that_would_lead_elsewhere(lake, made_up, said, name):
    source = made_up.use(TimeSeries(name, np.zeros(3), rate_hz=1.0))
    with pytest.raises(FormatError, match="name"):
        lake.add(source, said=said)
    assert list(keys(lake)) == ["lake.toml"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a//b", "a\nb", "x" * 300])
def test_file_names_that_would_lead_elsewhere(lake, made_up, said, name):
    files = (SourceFile(made_up.source, name, True),)
    with pytest.raises(FormatError, match="file name"):
        lake.add(made_up.use(files=files), said=said)
    assert list(keys(lake)) == ["lake.toml"]


def test_two_files_of_one_name(lake, made_up, said):
    files = (SourceFile(made_up.source, "a", True),) * 2
    with pytest.raises(FormatError, match="2 files"):
        lake.add(made_up.use(files=files), said=said)


def test_unicode_paths(lake, session, said, tmp_path):
    folder = tmp_path / "Aufnahme №1 測定"
    folder.mkdir()
    (folder / "Verhalten ü.csv").write_bytes(session.behaviour.read_bytes())
    added = lake.add(folder, said=said)
    originals = [f.path for f in added.manifest.files if f.path.startswith("original/")]
    assert originals == ["original/Verhalten ü.csv"]
    assert lake[added.manifest.name].read_file(originals[0]) == session.behaviour.read_bytes()


def test_links_in_circles_and_out(lake, said, probe, tmp_path):
    (probe / "loop").symlink_to(probe)
    assert lake.add(probe, said=said).is_new
    (tmp_path / "secret").write_text("not yours")
    (probe / "leak.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(FormatError, match="leads out"):
        lake.add(probe, said=said)


def test_nothing_there_and_nothing_in_it(lake, said, tmp_path):
    with pytest.raises(NotFoundError):
        lake.add(tmp_path / "nothing", said=said)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PanneuroError, match="empty"):
        lake.add(tmp_path / "empty", said=said)


def test_a_folder_of_countless_files_is_refused(lake, said, tmp_path, monkeypatch):
    monkeypatch.setattr("panneuro.formats.source.MAX_FILES", 100)
    for number in range(102):
        (tmp_path / f"{number}.csv").touch()
    with pytest.raises(LimitError, match="more than 100 files"):
        lake.add(tmp_path, said=said)


class Changing:
    """An array whose file is written to while it is read."""

    shape = (9000, 3)
    dtype = np.dtype("i2")

    def __init__(self, then):
        self.then = then

    def __getitem__(self, key):
        self.then()
        return np.zeros(self.shape, self.dtype)[key]


def test_a_source_that_changes_while_it_is_read_is_not_committed(lake, made_up, said):
    source = made_up.source
    for then in (
        lambda: source.write_bytes(b"more and more"),
        lambda: os.utime(source, (1, 1)),
        lambda: source.unlink(missing_ok=True),
    ):
        source.write_bytes(b"what the rig wrote")
        made_up.use(TimeSeries("ap", Changing(then), rate_hz=1.0), kept=True)
        with pytest.raises(SourceChangedError, match=r"source file"):
            lake.add(source, said=said)
    assert len(lake) == 0
    report = lake.check()
    assert report.ok
    assert {problem.kind for problem in report.problems} == {"unfinished"}


def test_a_source_that_changes_while_it_is_searched_is_not_committed(lake, made_up, said):
    def search(recording):
        made_up.source.write_bytes(b"more and more")
        return replace(recording, search=None)

    made_up.use(search=search)
    with pytest.raises(DocumentError):
        lake.add(made_up.source)
    assert made_up.source.read_bytes() == b"what the rig wrote"
    with pytest.raises(SourceChangedError, match=r"source file"):
        lake.add(made_up.source, said=said)
    assert len(lake) == 0


@pytest.mark.parametrize("error", [FormatError("no such word"), KeyboardInterrupt()])
def test_what_cannot_be_planned_is_hashed_no_further(lake, made_up, said, monkeypatch, error):
    taken = []
    take = Snapshot.take

    def noted(*given):
        taken.append(take(*given))
        return taken[-1]

    def search(_):
        raise error

    monkeypatch.setattr(Snapshot, "take", noted)
    made_up.use(search=search)
    with pytest.raises(type(error)):
        lake.add(made_up.source, said=said)
    assert [snapshot.reading.is_stopped for snapshot in taken] == [True]


def test_a_source_that_ends_early_is_not_committed(lake, said, probe):
    data = next(probe.glob("*.bin"))
    os.truncate(data, 1000)
    with pytest.raises(PanneuroError):
        lake.add(probe, said=said)
    assert len(lake) == 0


def test_whichever_put_fails_the_next_add_makes_it_good(lake, made_up, said):
    source = made_up.use(*made_up.signals()[:1])
    plan = lake.plan(source, Options(said=said))
    faulty = FaultyStore(lake.store, {}, only="put")
    Lake(faulty, lake.settings).carry_out(plan, Options())
    total = faulty.calls
    clean = keys(lake)
    lake.store.usage.snapshot()
    for call in sorted({3, total // 2, total - 2, total - 1, total}):
        for fault in (Fault.REFUSED, Fault.LOST):
            for key in keys(lake):
                if key != "lake.toml":
                    lake.store.delete(key)
            broken = Lake(FaultyStore(lake.store, {call: fault}, only="put"), lake.settings)
            try:
                broken.carry_out(plan, Options())
            except StoreError:
                assert lake.check(quick=True).problems[:1] != ["corrupt"]
            else:
                assert fault is Fault.LOST or call >= total - 2
            fresh = Lake(lake.store, lake.settings)
            fresh.carry_out(plan, Options())
            assert fresh.check().ok
            assert {k for k in keys(lake) if k.startswith("assets")} == {
                k for k in clean if k.startswith("assets")
            }


def test_a_commit_whose_answer_is_lost_is_a_commit(lake, made_up, said):
    plan = lake.plan(made_up.use(), Options(said=said))

    class Losing(FaultyStore):
        def put(self, key, data, *, create=False):
            super().put(key, data, create=create)
            if key.endswith("asset.json"):
                raise StoreError("the answer was lost")

    added = Lake(Losing(lake.store, {}), lake.settings).carry_out(plan, Options())
    assert added.is_new
    assert lake.check().ok


def test_a_commit_of_something_else_is_a_conflict(lake, made_up, said):
    plan = lake.plan(made_up.use(), Options(said=said))
    added = lake.carry_out(plan, Options())
    other = added.manifest.__class__(**{**vars(added.manifest), "notes": ("tampered",)})
    key = f"{other.prefix}/_lake/asset.json"
    lake.store.put(key, other.encode())
    with pytest.raises(ConflictError, match="differs"):
        commit(lake.store, added.manifest)
    lake.store.put(key, b"{}")
    with pytest.raises(CorruptionError):
        commit(lake.store, added.manifest)


def test_two_adds_of_one_recording_at_once(lake, made_up, said):
    plan = lake.plan(made_up.use(), Options(said=said))
    barrier, results = threading.Barrier(4), []

    def one():
        other = panneuro.open(lake.store.url)
        barrier.wait()
        results.append(other.carry_out(plan, Options()))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert sum(result.is_new for result in results) == 1
    assert len({result.manifest for result in map(_hashable, results)}) == 1
    assert lake.check(repair=True).ok
    assert len(lake.versions(plan.name)) == 1


def _hashable(result):
    from types import SimpleNamespace

    return SimpleNamespace(manifest=result.manifest.digest)


def test_only_the_codecs_that_are_wanted(lake, made_up, said):
    added = lake.add(made_up.use(), said=said, codecs=("blosc",))
    codecs = {one["name"]: one.get("codec") for one in added.manifest.signals}
    assert codecs["ap"] == "blosc"
    with pytest.raises(InputError, match="'flac'"):
        lake.add(made_up.use(), said=said, name="other", codecs=("flac",))


def test_commits_follow_their_parents_whatever_the_clock_says():
    ahead = (datetime.fromisoformat(moment()) + timedelta(days=1)).isoformat()
    assert datetime.fromisoformat(moment(ahead)) > datetime.fromisoformat(ahead)
    assert moment() < moment(ahead)


def test_an_add_is_within_its_own_folder(lake, made_up, said):
    added = lake.add(made_up.use(kept=True), said=said)
    inside = Prefixed(lake.store, added.manifest.prefix)
    listed = {file.path for file in added.manifest.files} | {"_lake/asset.json"}
    assert {found.key for found in inside.list()} == listed
    rooms = {key.partition("/")[0] for key in keys(lake)}
    assert rooms == {"assets", "catalog", "lake.toml", "runs"}
