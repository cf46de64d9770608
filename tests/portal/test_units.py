"""A unit's page and numbers."""

from __future__ import annotations

import numpy as np
import pytest

HTML = {"accept": "text/html"}


@pytest.fixture
def base(name):
    return f"/assets/{name}/signals/units/units"


def test_numbers_are_those_of_the_spikes(client, base, truth):
    said = client.get(f"{base}/103").json()
    train = truth.trains[3]
    assert said["spikes"] == len(train)
    lags = train[:, None] - train
    near = np.abs(lags[~np.eye(len(train), dtype=bool)]) < 0.0495
    assert sum(said["autocorrelogram"][1:-1]) == near.sum()
    assert said["autocorrelogram"][50] == 0
    assert said["around"] == "trials"
    assert said["by"] == "orientation"
    assert [one["condition"] for one in said["psth"]] == [
        f"{value:g}" for value in sorted(set(truth.trials["orientation"]))
    ]


def test_conditions_are_chosen(client, base):
    said = client.get(f"{base}/103?around=trials&by=correct").json()
    assert {one["condition"] for one in said["psth"]} <= {"True", "False"}
    together = client.get(f"{base}/103?around=trials").json()
    assert [one["condition"] for one in together["psth"]] == ["all"]


@pytest.mark.parametrize(
    "asked", ["999", "103?around=none", "103?around=trials&by=none", "ap", "%00"]
)
def test_what_is_not_there_is_told(client, base, asked):
    assert client.get(f"{base}/{asked}").status_code == 404


def test_the_page_has_charts_and_ways_on(client, base):
    page = client.get(f"{base}/103", headers=HTML).text
    assert page.count('<svg class="chart"') >= 2
    assert "unit 104 →" in page
    assert "← unit 102" in page
    assert "NaN" not in page
