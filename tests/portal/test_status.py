"""How the lake stands, of what one may see."""

from __future__ import annotations

import pytest

import panneuro
from panneuro.cli.app import main

HTML = {"accept": "text/html"}


def test_health_counts_what_one_may_see(shared, client, lake):
    everything = client.get("/health").json()
    assert everything["status"] == "ok"
    assert everything["assets"] == len(lake) == 2
    assert everything["keeping"]["indexed"] == 2
    assert "zarr" in everything["keeping"]["software"]
    part = shared.client.get("/health").json()
    assert part["assets"] == 1
    assert part["keeping"] is None
    assert 0 < part["stored_bytes"] < everything["stored_bytes"]
    assert part["source_bytes"] < everything["source_bytes"]
    owner = shared.person("owner@uni.edu").get("/health").json()
    assert owner["assets"] == 2
    assert owner["keeping"]["indexed"] == 2


def test_the_page_shows_it(shared, client):
    page = client.get("/status", headers=HTML).text
    assert "assets that you may see" in page
    assert "never: <code>panneuro check</code>" in page
    assert client.get("/status?format=json").json()["assets"] == 2
    assert "Versions" not in shared.client.get("/status", headers=HTML).text


def test_a_check_of_everything_is_told(shared):
    for words in (["check", "--quick"], ["check", "--quick", "--dry-run"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--lake", shared.lake.store.url])
        assert not ended.value.code
    shared.lake.refresh()
    assert len(shared.lake.runs.find(step="panneuro.check")) == 1
    owner = shared.person("owner@uni.edu")
    check = owner.get("/health").json()["keeping"]["check"]
    assert check["ok"]
    assert check["said"].endswith("no problems left")
    assert "no problems left" in owner.get("/status", headers=HTML).text


def test_failed_runs_are_told_to_who_may_see_their_assets(shared, name, described):
    @panneuro.step(takes=("trials",), gives="spans")
    def broken(trials):
        raise ValueError("no <way>")

    panneuro.run(shared.lake, broken, on="project=secret", executor="inline")
    assert shared.client.get("/health").json()["runs_failed"] == 0
    owner = shared.person("owner@uni.edu")
    assert owner.get("/health").json()["runs_failed"] == 1
    page = owner.get("/status", headers=HTML).text
    assert "no &lt;way&gt;" in page
