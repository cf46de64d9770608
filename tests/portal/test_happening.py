"""Pages are told of runs as they end, of those that one may see."""

from __future__ import annotations

import threading

import pandas as pd

import panneuro
from panneuro.signals.table import Intervals


@panneuro.step(takes=("trials",), gives="lengths")
def lengths(trials: Intervals) -> pd.DataFrame:
    """Measure trials."""
    return pd.DataFrame({"length": trials.durations_s})


def listen(visitor, told, begun):
    """Gather what is told until something happens."""
    with visitor.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                told.append(line.removeprefix("event: "))
                begun.set()
            if line == "event: run":
                return


def test_who_may_see_a_run_is_told_of_it(shared, described, monkeypatch):
    monkeypatch.setattr("panneuro.portal.happening._PERIOD_S", 0.05)
    told, begun = [], threading.Event()
    ada = shared.person("ada@uni.edu", "doe")
    listener = threading.Thread(target=listen, args=(ada, told, begun))
    listener.start()
    assert begun.wait(60)
    panneuro.run(shared.lake, lengths, on="project=secret", executor="inline")
    listener.join(60)
    assert told == ["hello", "run"]


def test_listening_ends_and_is_bounded(shared, monkeypatch):
    monkeypatch.setattr("panneuro.portal.happening._LONGEST_S", 0.2)
    monkeypatch.setattr("panneuro.portal.happening._PERIOD_S", 0.05)
    assert shared.client.get("/events").text.startswith("retry:")
    monkeypatch.setattr("panneuro.portal.happening._MOST_LISTENERS", 0)
    assert shared.client.get("/events").status_code == 422


def test_nobody_is_told_of_what_they_may_not_see(shared, monkeypatch):
    monkeypatch.setattr("panneuro.portal.happening._LONGEST_S", 2.0)
    monkeypatch.setattr("panneuro.portal.happening._PERIOD_S", 0.05)
    told = []
    listener = threading.Thread(target=lambda: told.append(shared.client.get("/events").text))
    listener.start()
    panneuro.run(shared.lake, lengths, on="project=secret", executor="inline")
    listener.join(60)
    assert "event: run" not in told[0]
