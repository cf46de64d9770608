"""Views over HTTP: of the assets that one may read, and never code that somebody names."""

from __future__ import annotations

import io

import pandas as pd
import pytest

import panneuro
from conftest import copy_of
from panneuro.portal import standing, viewing
from panneuro.portal.app import make_app
from panneuro.portal.standing import Standings

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


def test_a_figure_is_drawn_once_for_the_same_rows(computed, monkeypatch):
    place, drawn = "/views/session-overview?format=svg", []
    real = viewing._drawn
    monkeypatch.setattr(viewing, "_drawn", lambda viewed: drawn.append(len(viewed)) or real(viewed))
    owner = computed.person("owner@uni.edu")
    first = owner.get(place)
    assert owner.get(place).content == first.content
    again = owner.get(place, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert drawn == [2]
    other = computed.client.get(place)
    assert (other.status_code, drawn) == (200, [2, 1])
    assert other.headers["etag"] != first.headers["etag"]


def test_how_fresh_a_view_is_is_told_and_what_it_lacks_to_owners_alone(computed, name, monkeypatch):
    monkeypatch.setattr(standing, "_FRESH_S", 1e-9)
    owner = computed.person("owner@uni.edu")

    def of(visitor):
        views = visitor.get("/views").json()["views"]
        return next(view for view in views if view["name"] == "session-overview")

    assert (of(owner)["edition"], of(owner)["to_compute"], of(owner)["why"]) == (1, 0, [])
    assert of(computed.client)["to_compute"] is None
    assert ">fresh<" in owner.get("/views", headers=HTML).text
    assert ">fresh<" not in computed.client.get("/views", headers=HTML).text
    computed.lake.describe(name, {"description": {"title": "again"}})
    assert of(owner)["to_compute"] == 1
    assert "1 to compute" in owner.get("/views", headers=HTML).text
    assert "1 to compute" in owner.get("/views/session-overview", headers=HTML).text
    assert "to compute" not in computed.client.get("/views", headers=HTML).text


def test_a_view_that_cannot_be_found_is_listed_with_why(lake, visit, tmp_path):
    copy = copy_of(lake, tmp_path / "lake")
    with (tmp_path / "lake" / "lake.toml").open("a") as settings:
        settings.write('\n[views]\nlost = "gone.py:lost"\n')
    client = visit(make_app(panneuro.open(copy.store.url)))
    views = {view["name"]: view for view in client.get("/views").json()["views"]}
    assert "gone.py" in views["lost"]["about"]
    (told,) = [
        one
        for one in Standings(panneuro.open(copy.store.url)).all(whole=False)
        if one.name == "lost"
    ]
    assert told.about == ""
    assert client.get("/views", headers=HTML).status_code == 200


def test_cells_show_nothing_for_what_is_missing(computed):
    page = computed.person("owner@uni.edu").get("/views/session-overview", headers=HTML).text
    assert ">nan<" not in page
    assert '<td><time datetime="2026-03-02T09:30:00' in page


def test_views_are_listed_and_what_is_not_computed_is_told(client):
    views = {view["name"]: view for view in client.get("/views").json()["views"]}
    assert (views["unit-yield"]["edition"], views["unit-yield"]["at"]) == (0, "")
    assert views["unit-yield"]["about"].startswith("Units of each area")
    assert "not computed yet" in client.get("/views", headers=HTML).text
    assert client.get("/views/unit-yield").status_code == 404
    page = client.get("/views/unit-yield", headers=HTML)
    assert page.status_code == 200
    assert "panneuro view unit-yield" in page.text


@pytest.mark.parametrize("view", ["os:system", "x.py:f", "..%2fx.py:f", "%2ftmp%2fx.py", "none"])
def test_code_that_somebody_names_is_never_run(client, view):
    for headers in ({}, HTML):
        assert client.get(f"/views/{view}", headers=headers).status_code == 404
