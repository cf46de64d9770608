from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta

import pytest

from panneuro.lake.runs import Run, outputs_since


def test_the_same_work_has_the_same_key(lake):
    run = Run("step", {"a": 1}, {"in": "sha256:0"}, {"name": "0123"})
    assert run.key == Run("step", {"a": 1}, {"in": "sha256:0"}).key
    assert run.key != Run("step", {"a": 2}, {"in": "sha256:0"}).key
    assert run.record(lake.store) == run.record(lake.store) == run.key
    (found,) = lake.store.list("runs")
    said = json.loads(lake.store.get(found.key))
    assert (said["step"], said["outputs"]) == ("step", {"name": "0123"})
    assert said["peak_memory_bytes"] > 1 << 20


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no user")])
def test_a_user_without_a_name(lake, monkeypatch, error):
    def nameless():
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    Run("step", {}, {}).record(lake.store)
    (found,) = lake.store.list("runs")
    assert json.loads(lake.store.get(found.key))["user"].isdigit()


def test_what_was_made_since(lake, made_up, said):
    manifest = lake.add(made_up.use(), said=said).manifest
    now = datetime.now(UTC)
    made = [(manifest.name, manifest.version)]
    assert list(outputs_since(lake.store, now - timedelta(hours=1))) == made
    assert list(outputs_since(lake.store, now + timedelta(hours=1))) == []
