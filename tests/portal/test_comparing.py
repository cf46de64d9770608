"""Assets and units side by side; what is hidden is not there."""

from __future__ import annotations

import re

import pytest

HTML = {"accept": "text/html"}


def _units(name, *ids, signal="units"):
    return {"unit": [f"{name}/{signal}/{unit}" for unit in ids]}


def test_what_differs_is_told_apart_from_what_is_the_same(client, name, described):
    said = client.get("/compare", params={"asset": [name, described]}).json()
    assert [one.partition("@")[0] for one in said["names"]] == [name, described]
    assert said["differs"]["subject.id"] == ["mouse-7", "mouse-8"]
    assert said["differs"]["description.title"][1].startswith("A second look")
    assert said["same"]["subject.species"] == "Mus musculus"
    assert "subject.species" not in said["differs"]
    page = client.get("/compare", params={"asset": [name, described]}, headers=HTML).text
    assert "2 assets side by side" in page
    assert "A second look &lt;at&gt;" in page
    assert page.index("mouse-8") < page.index("rows are the same for all")
    assert f"lake[&#34;{name}@" in page


def test_one_asset_is_compared_with_itself_as_it_was(client, lake, described):
    versions = [f"{described}@{one.version}" for one in lake.versions(described)]
    said = client.get("/compare", params={"asset": versions}).json()
    assert said["names"] == versions
    assert list(said["differs"]) == ["description.title"]


def test_units_have_the_same_axes(client, name, described):
    asked = {"unit": [f"{name}/units/100", f"{described}/units/103"]}
    said = client.get("/compare", params=asked).json()
    assert [one["unit"] for one in said["units"]] == ["100", "103"]
    assert said["differs"]["spikes"] == [str(one["spikes"]) for one in said["units"]]
    page = client.get("/compare", params=asked, headers=HTML).text
    assert page.count('<svg class="chart"') == 4
    charts = [part.partition("</svg>")[0] for part in page.split('<svg class="chart"')[1:]]
    heights = [re.findall(r'text-anchor="end">([^<]+)</text>', chart) for chart in charts]
    for first, second in (heights[:2], heights[2:]):
        assert (
            [tick for tick in first if tick.isdigit()] == [t for t in second if t.isdigit()] != []
        )
    assert "NaN" not in page


def test_nothing_chosen_says_where_to_choose(client):
    page = client.get("/compare", headers=HTML)
    assert page.status_code == 200
    assert "Nothing is chosen" in page.text


def test_an_address_has_only_what_is_compared(client, name):
    asked = {"unit": f"{name}/units/100", "name": "units", "reason": ""}
    page = client.get("/compare", params=asked, headers=HTML)
    assert page.url.query.decode() == f"unit={name}%2Funits%2F100"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"asset": ["a"] * 9}, 422),
        ({"asset": ["a"], "unit": ["a/units/1"]}, 400),
        ({"unit": ["nothing"]}, 400),
        ({"unit": ["nobody/units/1"]}, 404),
        ({"asset": ["nobody"]}, 404),
    ],
)
def test_what_cannot_be_compared_is_told(client, asked, status):
    assert client.get("/compare", params=asked).status_code == status


def test_missing_units_and_signals_are_told(client, name):
    for asked in (_units(name, "999"), _units(name, "1", signal="none")):
        assert client.get("/compare", params=asked).status_code == 404
    assert client.get("/compare", params=_units(name, "1", signal="ap")).status_code == 400


def test_what_is_hidden_is_not_there(shared, name, described):
    asked = [{"asset": [name, described]}, _units(described, "100")]
    for one in asked:
        hidden = shared.client.get("/compare", params=one)
        gone = shared.client.get(
            "/compare",
            params={
                k: [t.replace(described, described.replace("8", "9")) for t in v]
                for k, v in one.items()
            },
        )
        assert hidden.status_code == gone.status_code == 404
        assert hidden.text.replace(described, described.replace("8", "9")) == gone.text
    assert shared.client.get("/compare", params={"asset": [name]}).status_code == 200
