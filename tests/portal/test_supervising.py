"""Orders are carried out apart, and end with whoever gave them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict

import pytest
from workshop import opened

import panneuro
from panneuro.access.actors import LOCAL
from panneuro.core.errors import ConflictError, InputError, LimitError, NotFoundError
from panneuro.portal import supervising
from panneuro.portal.beside import environment
from panneuro.portal.orders import Order, Progressed, actor_to_json, keep, keep_end, keep_going
from panneuro.portal.supervising import Orders


@pytest.fixture
def workshop(lake, tmp_path):
    with opened(lake, tmp_path) as made:
        yield made


def order(name, **more):
    return Order(kind="pipeline", name="longest", on="", names=(name,), **more)


def test_a_process_ends_with_the_server_that_began_it(workshop, name):
    workshop.gate.touch()
    said = {"place": workshop.lake.store.url, "actor": actor_to_json(LOCAL)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "panneuro.portal.supervisor"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        process.stdin.write(json.dumps({**said, "order": asdict(order(name))}) + "\n")
        process.stdin.flush()
        told = next(line for line in process.stdout if json.loads(line)["what"] == "run")
        process.stdin.close()
        assert process.wait(60) == 130
    assert json.loads(told)["run"]["status"] == "done"


def test_a_process_that_dies_is_told_of(workshop, name):
    workshop.gate.touch()
    orders = Orders(workshop.lake)
    begun = orders.start(order(name), LOCAL)
    watched = orders._watched[begun.id]
    for _ in range(1_200):
        if "waiting" in watched.progressed.log:
            break
        time.sleep(0.05)
    watched.beside.process.kill()
    watched.beside.wait()
    _, progressed = orders.get(begun.id)
    assert progressed.status == "failed"
    assert "ended unexpectedly, with -9" in progressed.error["message"]
    _, kept = Orders(workshop.lake).get(begun.id)
    assert kept == progressed


def test_orders_are_bounded_and_known_again(workshop, name, monkeypatch):
    lake = workshop.lake
    with pytest.raises(NotFoundError):
        Orders(lake).get("../../lake")
    first, second = order(name, plan="1"), order(name, plan="2")
    for one in (first, second):
        keep(lake.store, one)
    ended = Progressed(log="it was there")
    ended.end("done")
    keep_end(lake.store, second, ended)
    found = {one.id: progressed for one, progressed in Orders(lake).newest()}
    assert found[first.id].status == "interrupted"
    assert found[second.id] == ended
    monkeypatch.setattr(supervising, "MOST_AT_ONCE", 0)
    with pytest.raises(LimitError, match="runs 0 orders already"):
        Orders(lake).start(order(name), LOCAL)


@pytest.fixture
def at_once(monkeypatch):
    """Let servers tell each other at once."""
    monkeypatch.setattr(supervising, "TOLD_EVERY_S", 0.02)
    monkeypatch.setattr(supervising, "_FRESH_S", 0.02)


def until(holds):
    for _ in range(1_200):
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("it never held")


def test_another_server_knows_how_far_an_order_is_and_stops_it(workshop, name, at_once):
    workshop.gate.touch()
    here, there = Orders(workshop.lake), Orders(workshop.lake)
    assert list(there.newest()) == []
    begun = here.start(order(name), LOCAL)
    told = until(lambda: (found := there.get(begun.id)[1]).runs and found)
    assert (told.status, told.runs[0]["status"]) == ("running", "done")
    assert told.told
    assert [one.id for one, _ in there.newest()] == [begun.id]
    there.stop(begun.id)
    here._watched[begun.id].beside.wait()
    assert here.get(begun.id)[1].status == "stopped"
    assert until(lambda: there.get(begun.id)[1].ended)
    assert there.get(begun.id)[1].outputs == told.outputs
    with pytest.raises(ConflictError, match="does not run"):
        there.stop(begun.id)
    left = {found.key.partition(".")[2] for found in workshop.lake.store.list("runs/orders")}
    assert left == {"json", "ended.json"}


def test_what_a_dead_server_ran_is_interrupted_with_what_it_had_done(workshop, name, monkeypatch):
    one, going = order(name), Progressed(log="as far as it came", left=3)
    keep(workshop.lake.store, one)
    assert not keep_going(workshop.lake.store, one, going)
    monkeypatch.setattr("panneuro.portal.orders.SILENT_S", -1.0)
    _, found = Orders(workshop.lake).get(one.id)
    assert (found.status, found.log, found.left) == ("interrupted", "as far as it came", 3)


def test_a_lake_in_memory_cannot_be_reached_from_elsewhere():
    lake = panneuro.open("memory://test-supervising", create=True)
    with pytest.raises(InputError, match="in the memory"):
        Orders(lake).start(order("m1"), LOCAL)


def test_secrets_of_the_server_stay_with_it(monkeypatch):
    monkeypatch.setenv("PANNEURO_OIDC_SECRET", "hush")
    assert "hush" not in environment().values()
