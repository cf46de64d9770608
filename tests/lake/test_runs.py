from __future__ import annotations

import getpass
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from panneuro.core.run import Run
from panneuro.lake import runs
from panneuro.lake.runs import Attempt, outputs_since, record_key, synchronise


def test_the_same_work_has_the_same_key(lake):
    run = Attempt.at("step", {"a": 1}, {"in": "sha256:0"})
    run.outputs["name"] = "0123"
    assert run.key == Attempt.at("step", {"a": 1}, {"in": "sha256:0"}).key
    assert run.key != Attempt.at("step", {"a": 2}, {"in": "sha256:0"}).key
    assert run.record(lake.store).key == run.record(lake.store).key == run.key
    (found,) = lake.store.list("runs")
    said = json.loads(lake.store.get(found.key))
    assert (said["step"], said["outputs"]) == ("step", {"name": "0123"})
    assert said["peak_memory_bytes"] > 1 << 20


def test_gpus_count_for_as_long_as_nobody_else_has_them(lake, monkeypatch):
    attempt = Attempt(Run("a" * 64, "train", {}, {}, gpus=2))
    monkeypatch.setattr(runs.time, "time", lambda began=attempt.start.at: began + 30)
    run = attempt.record(lake.store)
    assert (run.gpus, run.gpu_seconds) == (2, 60.0)
    assert Run.decode(run.encode()) == run
    assert Attempt.at("step", {}, {}).record(lake.store).gpu_seconds == 0


def test_the_image_of_a_container_is_noted(lake, monkeypatch):
    image = f"registry.example.org/lab/panneuro@sha256:{'0' * 64}"
    assert Attempt.at("step", {}, {}).record(lake.store).image == ""
    monkeypatch.setenv("PANNEURO_IMAGE", image)
    assert Attempt.at("step", {"in": 1}, {}).record(lake.store).image == image


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no user")])
def test_a_user_without_a_name(lake, monkeypatch, error):
    def nameless():
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    Attempt.at("step", {}, {}).record(lake.store)
    (found,) = lake.store.list("runs")
    assert json.loads(lake.store.get(found.key))["user"].isdigit()


def test_what_was_made_since(lake, made_up, said):
    manifest = lake.add(made_up.use(), said=said).manifest
    now = datetime.now(UTC)
    made = [(manifest.name, manifest.version)]
    assert list(outputs_since(lake.store, now - timedelta(hours=1))) == made
    assert list(outputs_since(lake.store, now + timedelta(hours=1))) == []


def recorded(store, key, **fields):
    run = Run(key, "step", {}, {}, ended="2026-03-02T09:30:00+00:00", **fields)
    store.put(record_key(run), run.encode(), create=True)
    return run


def test_what_others_ran_is_learnt_once(lake):
    first = recorded(lake.store, "0a", outputs={"name": "0123"})
    assert lake.runs.get("0a") == first
    second = recorded(lake.store, "0b")
    assert synchronise(lake.store, lake.runs) == [second]
    assert synchronise(lake.store, lake.runs) == []
    assert lake.refresh() == 0


def test_failed_runs_have_records_of_their_own(lake):
    for host in "ab":
        recorded(lake.store, "0a", status="failed", host=host)
    assert lake.runs.get("0a") is None
    done = recorded(lake.store, "0a")
    assert lake.refresh() == 1
    assert lake.runs.get("0a") == done
    assert len(lake.runs.find(step="step", status="failed")) == 2


def test_a_damaged_record_is_passed_over(lake):
    lake.store.put("runs/2026-03/0c.json", b"{")
    lake.store.put("runs/code/0c.json", b"{}")
    assert len(lake.runs.find()) == 0


def test_reindexing_learns_runs_anew(lake):
    run = recorded(lake.store, "0a")
    lake.runs.clear()
    lake.reindex()
    assert lake.runs.get("0a") == run


def test_the_memory_of_children_counts(lake):
    alone = Attempt.at("alone", {}, {}).record(lake.store)
    attempt = Attempt.at("with a child", {}, {})
    hold = f"held = bytearray({alone.peak_memory_bytes + (200 << 20)})"
    subprocess.run([sys.executable, "-c", hold], check=True)
    assert attempt.record(lake.store).peak_memory_bytes > alone.peak_memory_bytes + (190 << 20)
