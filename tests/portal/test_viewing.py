"""Views over HTTP: of the assets that one may read, and never code that somebody names."""

from __future__ import annotations

import io

import pandas as pd
import pytest

import panneuro

HTML = {"accept": "text/html"}


@pytest.fixture
def computed(shared):
    panneuro.view(shared.lake, "session-overview")
    return shared


def test_rows_are_those_of_what_one_may_read(computed, name, described):
    said = computed.client.get("/views/session-overview").json()
    assert said["values"]["asset"] == [name]
    csv = computed.client.get("/views/session-overview?format=csv").text
    page = computed.client.get("/views/session-overview", headers=HTML).text
    assert name in csv
    assert name in page
    assert "mouse-8" not in csv + page
    owner = computed.person("owner@uni.edu")
    found = owner.get("/views/session-overview?format=parquet").content
    assert set(pd.read_parquet(io.BytesIO(found))["asset"]) == {name, described}


def test_figures_are_drawn(computed):
    answer = computed.person("owner@uni.edu").get("/views/session-overview?format=svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in answer.text


def test_views_are_listed_and_what_is_not_computed_is_told(client):
    assert "unit-yield" in client.get("/views").json()["views"]
    assert client.get("/views", headers=HTML).status_code == 200
    assert client.get("/views/unit-yield").status_code == 404
    page = client.get("/views/unit-yield", headers=HTML)
    assert page.status_code == 200
    assert "panneuro view unit-yield" in page.text


@pytest.mark.parametrize("view", ["os:system", "x.py:f", "..%2fx.py:f", "%2ftmp%2fx.py", "none"])
def test_code_that_somebody_names_is_never_run(client, view):
    for headers in ({}, HTML):
        assert client.get(f"/views/{view}", headers=headers).status_code == 404
