from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from panneuro.compute.repeating import Overlay, main
from panneuro.core.errors import ObjectExistsError, ObjectNotFoundError
from panneuro.storage.stores import open_store


@pytest.fixture
def overlay(request):
    """Return a store that sees one object of another."""
    below = open_store(f"memory://below-{request.node.name}")
    here = open_store(f"memory://here-{request.node.name}")
    below.put("assets/in/1", b"input")
    below.put("assets/out/1", b"what was made")
    return Overlay(below, here, frozenset({"assets/in/1"}))


def test_only_the_inputs_are_seen(overlay):
    assert overlay.get("assets/in/1") == b"input"
    assert overlay.get_range("assets/in/1", 1, 2) == b"np"
    assert overlay.get_ranges("assets/in/1", [(0, 1), (4, 1)]) == [b"i", b"t"]
    assert asyncio.run(overlay.get_async("assets/in/1")) == b"input"
    assert asyncio.run(overlay.get_range_async("assets/in/1", 0, 2)) == b"in"
    assert overlay.info("assets/in/1").size == 5
    for ask in (overlay.get, overlay.info):
        with pytest.raises(ObjectNotFoundError):
            ask("assets/out/1")
    assert list(overlay.list()) == []
    assert overlay.folders("assets") == []


def test_nothing_is_written_below(overlay, tmp_path):
    before = {one.key: overlay.below.get(one.key) for one in overlay.below.list()}
    overlay.put("assets/out/1", b"made again", create=True)
    assert overlay.get("assets/out/1") == b"made again"
    with pytest.raises(ObjectExistsError):
        overlay.put("assets/out/1", b"and again", create=True)
    (tmp_path / "file").write_bytes(b"large")
    overlay.put_file("assets/out/2", tmp_path / "file")
    assert sorted(one.key for one in overlay.list("assets")) == ["assets/out/1", "assets/out/2"]
    overlay.delete("assets/in/1")
    overlay.delete("assets/out/1")
    assert {one.key: overlay.below.get(one.key) for one in overlay.below.list()} == before
    assert overlay.url == overlay.here.url


def test_an_order_that_cannot_be_done_is_answered(tmp_path):
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"run": {"schema": "panneuro/run/1.0"}}))
    main(order)
    assert "cannot be read" in json.loads((tmp_path / "answer.json").read_text())["error"]


def test_it_runs_as_a_module(tmp_path):
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"run": {}}))
    subprocess.run([sys.executable, "-m", "panneuro.compute.repeating", order], check=True)
    assert "error" in json.loads((tmp_path / "answer.json").read_text())
