"""Runs and lineage, as far as one may see."""

from __future__ import annotations

import pandas as pd
import pytest

import panneuro
from panneuro.signals.events import Events

HTML = {"accept": "text/html"}


@panneuro.step(takes=("units",), gives="rates")
def rates(units: Events) -> pd.DataFrame:
    """Count spikes."""
    return pd.DataFrame({"count": units.counts})


@pytest.fixture
def derived(shared):
    """Return the names of what was derived from the public and from the hidden session."""
    ran = panneuro.run(shared.lake, rates, executor="inline")
    shared.lake.access.grant("everyone", "reader", "kind=derived")
    return sorted(ran.outputs)


def test_what_touches_anything_hidden_is_not_there(shared, derived, name, described):
    told = shared.client.get("/runs").json()["runs"]
    assert {run["step"] for run in told} == {"panneuro.add", "rates"}
    text = shared.client.get("/runs").text + shared.client.get("/runs", headers=HTML).text
    assert "mouse-8" not in text
    hidden = next(run for run in shared.lake.runs.making(derived[1]))
    assert "mouse-8" in derived[1]
    assert shared.client.get(f"/runs/{hidden.key}").status_code == 404
    lineage = shared.client.get(f"/assets/{derived[1]}/lineage")
    assert f'"{described}"' not in lineage.text
    assert lineage.json()["made_by"] == []
    page = shared.client.get(f"/assets/{derived[1]}", headers=HTML).text
    assert f"{described}@" not in page
    assert f"{described}<" not in page


def test_a_run_is_shown_with_what_it_took_and_made(shared, derived, name):
    owner = shared.person("owner@uni.edu")
    run = shared.lake.runs.making(derived[0])[0]
    said = owner.get(f"/runs/{run.key}").json()
    assert said["outputs"] == dict(run.outputs)
    assert "host" in said
    assert "host" not in shared.client.get(f"/runs/{run.key}").json()
    page = owner.get(f"/runs/{run.key}", headers=HTML).text
    assert f"panneuro reproduce {derived[0]}" in page
    added = shared.lake.runs.making(name)[0]
    assert "panneuro reproduce" not in owner.get(f"/runs/{added.key}", headers=HTML).text
    lineage = owner.get(f"/assets/{name}/lineage").json()
    assert [one["step"] for one in lineage["made_by"]] == ["panneuro.add"]
    assert [one["step"] for one in lineage["used_by"]] == ["rates"]


def test_runs_are_chosen_and_unknown_ones_told(client):
    assert client.get("/runs?step=nothing").json()["runs"] == []
    assert len(client.get("/runs?status=done").json()["runs"]) >= 2
    assert client.get("/runs?status=odd").status_code == 400
    assert client.get("/runs/0000").status_code == 404
    assert client.get("/runs", headers=HTML).status_code == 200
