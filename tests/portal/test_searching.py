"""Find answers the same in every form, and refuses in words."""

from __future__ import annotations

import csv
import io

import pytest

HTML = {"accept": "text/html"}


def test_json_has_pages_and_facets(client, lake):
    said = client.get("/assets?limit=1&sort=name").json()
    assert said["total"] == 2
    assert len(said["assets"]) == 1
    following = client.get(said["following"]).json()
    assert following["following"] is None
    names = [said["assets"][0]["name"], following["assets"][0]["name"]]
    assert names == sorted(lake)
    assert dict(said["facets"]["project"]) == {"gratings": 1, "secret": 1}


def test_csv_and_names_have_everything(client, lake):
    rows = list(csv.DictReader(io.StringIO(client.get("/assets?format=csv&limit=1").text)))
    assert {row["name"] for row in rows} == set(lake)
    assert rows[0]["units"] == "8.0" or rows[0]["units"] == "8"
    assert set(client.get("/assets?format=names").text.split()) == set(lake)


def test_words_and_conditions_are_understood(client, name):
    said = client.get("/assets", params={"q": "species=mouse project=gratings"}).json()
    assert [one["name"] for one in said["assets"]] == [name]


@pytest.mark.parametrize(
    "query",
    [
        "units>",
        "zorgon=3",
        '"open',
        "a" * 5000,
        "'; DROP TABLE asset; --",
        "name=%' OR 1=1 --",
        "\x00",
        "(((((",
        "<script>alert(1)</script>",
        "{{7*7}}",
    ],
)
def test_hostile_searches_do_no_harm(client, query):
    answer = client.get("/assets", params={"q": query})
    assert answer.status_code in (200, 400)
    page = client.get("/assets", params={"q": query}, headers=HTML)
    assert page.status_code in (200, 400)
    assert "<script>alert" not in page.text
    assert client.get("/assets").json()["total"] == 2


def test_a_page_tells_of_a_search_that_cannot_be_understood(client):
    page = client.get("/assets?q=speces%3Dmouse", headers=HTML)
    assert page.status_code == 400
    assert "species" in page.text
    assert "project=gratings" in page.text.replace("%3D", "=")
    assert "Use this" not in page.text


@pytest.mark.parametrize("asked", ["limit=0", "limit=99999", "offset=-1", "limit=x", "sort=zorgon"])
def test_pages_that_make_no_sense_are_refused(client, asked):
    assert client.get(f"/assets?{asked}").status_code == 400


def test_facets_toggle(client):
    page = client.get("/assets", params={"q": "project=gratings"}, headers=HTML).text
    assert 'aria-current="true"' in page
    assert 'href="/assets"' in page


def test_cells_never_compute(client):
    from panneuro.portal.searching import _cell

    assert _cell("=cmd()") == "'=cmd()"
    assert _cell(("a", "b")) == "a; b"
    assert _cell(3.5) == 3.5


def test_words_are_completed(client):
    assert "species=" in client.get("/complete?prefix=spec").json()["words"]


def test_while_somebody_types_half_a_search_is_no_failure(client):
    page = client.get("/assets?q=units%3E", headers={"hx-request": "true"})
    assert page.status_code == 200
    assert "units" in page.text
    assert 'id="results"' in page.text


def test_what_is_said_twice_in_different_words_is_refused(client):
    assert client.get("/assets?q=mouse-7&q=mouse-7").status_code == 200
    refused = client.get("/assets?q=mouse-7&q=mouse-8")
    assert refused.status_code == 400
    assert "q" in refused.json()["detail"]
