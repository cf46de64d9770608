"""Visitors have steps and pipelines run: planned, begun, watched, stopped, and gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from workshop import Workshop, opened

import panneuro
from panneuro.portal.app import Hosting, make_app

HTML = {"accept": "text/html"}
LONGEST = {"pipeline": "longest", "on": "project=gratings"}
SECRET = {"pipeline": "breaks", "on": "project=secret"}


@pytest.fixture
def workshop(lake, tmp_path: Path) -> Iterator[Workshop]:
    with opened(lake, tmp_path) as made:
        yield made


def test_a_pipeline_is_planned_and_run(workshop, name):
    ada = workshop.person("ada@uni.edu")
    plan = ada.post("/runs/plan", json=LONGEST).json()
    assert plan["names"] == [name]
    assert [one["name"] for one in plan["would_run"]] == [f"{name}_spans"]
    assert plan["waiting"] == {"longest": 1}
    assert ada.get("/runs").json()["orders"] == []
    answer = ada.post("/runs", json={**LONGEST, "plan": plan["plan"]})
    assert answer.status_code == 202, answer.text
    told = workshop.ended(ada, answer.headers["location"])
    assert told["status"] == "done", str(told)
    assert [run["step"] for run in told["runs"]] == ["spans", "longest"]
    assert (told["left"], told["by"]) == (0, "person:ada@uni.edu")
    assert "measuring" in told["log"]
    assert told["bytes_read"] > 0
    assert ada.get(f"/assets/{name}_spans.longest").status_code == 200
    assert ada.get(f"/runs/{told['runs'][0]['key']}").json()["user"] == "ada@uni.edu"
    again = ada.post("/runs", json=LONGEST)
    assert again.status_code == 400
    assert "2 are done" in again.json()["detail"]


def test_what_is_stopped_leaves_nothing_half_there_and_is_gone_on_with(workshop, name):
    workshop.gate.touch()
    ada = workshop.person("ada@uni.edu")
    place = ada.post("/runs", json=LONGEST).headers["location"]
    assert ada.post("/runs", json=LONGEST).headers["location"] == place, "given twice, begun once"
    assert ada.post(f"{place}/retry").status_code == 409
    workshop.until(ada, place, lambda told: "waiting" in told["log"])
    assert ada.get("/runs").json()["orders"][0]["status"] == "running"
    page = ada.get(place, headers=HTML).text
    assert 'http-equiv="refresh"' in page
    assert f'action="{place}/stop"' in page
    assert ada.post(f"{place}/stop").status_code == 202
    told = workshop.ended(ada, place)
    assert told["status"] == "stopped"
    assert [(run["step"], run["status"]) for run in told["runs"]] == [("spans", "done")]
    fresh = panneuro.open(workshop.lake.store.url)
    assert f"{name}_spans" in fresh
    assert not list(fresh.store.list(f"assets/{name}_spans.longest"))
    assert ada.post(f"{place}/stop").status_code == 409
    workshop.gate.unlink()
    retried = ada.post(f"{place}/retry", headers=HTML)
    assert retried.status_code == 303
    told = workshop.ended(ada, retried.headers["location"])
    assert told["status"] == "done", str(told)
    assert [run["step"] for run in told["runs"]] == ["longest"]
    assert place.endswith(told["again"])


def test_a_failure_is_told_to_who_may_know_and_to_nobody_else(workshop, described):
    owner, ada = workshop.person("owner@uni.edu"), workshop.person("ada@uni.edu")
    place = owner.post("/runs", json=SECRET).headers["location"]
    told = workshop.ended(owner, place)
    assert told["status"] == "failed"
    assert told["runs"][0]["error"]["message"] == "ValueError: it breaks <b>here</b>"
    page = owner.get(place, headers=HTML).text
    assert "it breaks &lt;b&gt;here&lt;/b&gt;" in page
    assert f'action="{place}/retry"' in page
    for visitor in (ada, workshop.visitor()):
        absent = visitor.get("/runs/orders/20260101T000000Z-00000000")
        hidden = visitor.get(place)
        assert hidden.status_code == absent.status_code == 404
        order = place.rpartition("/")[2]
        said = hidden.json()["detail"].replace(order, "…")
        assert said == absent.json()["detail"].replace("20260101T000000Z-00000000", "…")
        assert visitor.get(f"/events?order={order}").status_code == 404
        assert order not in visitor.get("/runs").text + visitor.get("/runs", headers=HTML).text
    assert ada.post(f"{place}/retry").status_code == 404
    # Who reads what it was run on sees that it ran, and not what it said.
    workshop.lake.access.grant("ada@uni.edu", "reader", "project=secret")
    seen = ada.get(place).json()
    assert seen["status"] == "failed"
    assert not seen.keys() & {"log", "by"}
    run = ada.get(f"/runs/{told['runs'][0]['key']}").json()
    assert run["error"]["message"] == told["runs"][0]["error"]["message"]
    assert "steps.py" in str(told)
    assert "steps.py" not in str([seen, run["error"]])
    assert ada.post(f"{place}/retry").status_code == 403


def test_nobody_runs_what_they_may_not(workshop, name, described):
    reader, ada = workshop.person("reader@uni.edu"), workshop.person("ada@uni.edu")
    refused = reader.post("/runs", json=LONGEST)
    assert refused.status_code == 403
    assert refused.json()["code"] == "access/denied"
    assert reader.post("/runs/plan", json=LONGEST).status_code == 403
    hidden = ada.post("/runs/plan", json={**LONGEST, "on": f"name={described}"}).json()
    absent = ada.post("/runs/plan", json={**LONGEST, "on": "name=nothing"}).json()
    assert hidden == absent
    everything = ada.post("/runs/plan", json={**LONGEST, "on": "has:trials"}).json()
    assert everything["names"] == [name]
    anonymous = workshop.visitor(headers={"sec-fetch-site": "same-origin"})
    assert anonymous.post("/runs", json=LONGEST).status_code == 401
    assert list(workshop.lake.store.list("runs/orders")) == []


def test_tokens_run_within_their_scope(workshop):
    sharing = workshop.lake.access
    until = timedelta(days=1)
    secrets = {
        role: sharing.token("ada@uni.edu", until, role=role).secret for role in ("editor", "reader")
    }
    rig = sharing.token("rig:two", until, role="adder").secret
    elsewhere = sharing.token("ada@uni.edu", until, role="editor", within="project=other").secret
    expired = sharing.token("ada@uni.edu", until, role="editor")
    sharing.revoke(expired.id)

    def answer(secret: str, doing: str = "/runs/plan") -> httpx.Response:
        bearer = {"authorization": f"Bearer {secret}"}
        return workshop.visitor().post(doing, json=LONGEST, headers=bearer)

    assert answer(secrets["editor"]).status_code == 200
    assert answer(secrets["reader"]).status_code == 403
    for secret in (rig, elsewhere):
        assert answer(secret).json()["names"] == []
        assert answer(secret, "/runs").status_code == 400
    for secret in (expired.secret, "pnr_forged"):
        assert answer(secret, "/runs").status_code == 401


def test_only_what_is_installed_is_run(workshop, tmp_path):
    ada = workshop.person("ada@uni.edu")
    mine = tmp_path / "mine.py"
    mine.write_text("raise SystemExit('it was run')")
    for step in (str(mine), f"{mine}:step", "steps.py:spans", "os:system", "../steps.py", "spans"):
        for kind in ("step", "pipeline"):
            answer = ada.post("/runs", json={kind: step, "on": "project=gratings"})
            assert answer.status_code == 404, answer.text
    told = ada.get("/steps").json()
    assert {"longest", "breaks"} <= {one["name"] for one in told["pipelines"]}
    assert "check-channels" in {one["name"] for one in told["steps"]}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({**LONGEST, "parameters": {"x": 1}}, 400),
        ({**LONGEST, "label": "mine"}, 400),
        ({}, 400),
        ({"step": "check-channels", "parameters": {"dead_below": "no number"}}, 400),
        ({"step": "check-channels", "parameters": {"nothing": 1}}, 400),
        ({"step": "check-channels", "parameters": [1]}, 400),
        ({"step": "check-channels", "takes": {"nothing": "ap"}}, 400),
        ({"step": "check-channels", "on": "(((("}, 400),
        ({"step": "check-channels", "on": "name='; drop table assets; --"}, 400),
        ({"step": "check-channels", "on": "x" * 5_000}, 400),
        ({"step": "check-channels", "seed": -1}, 400),
        ({"step": "check-channels", "max_bytes": 1}, 422),
        ({"step": "check-channels", "plan": "another"}, 409),
        ({"step": "check-channels", "on": "project=nothing"}, 400),
        ({"step": "check-channels", "on": "y" * 300_000}, 413),
    ],
)
def test_what_makes_no_sense_is_refused(keeper, said, status):
    answer = keeper.post("/runs", json=said)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module")
def keeper(lake, tmp_path_factory):
    with opened(lake, tmp_path_factory.mktemp("workshop")) as made:
        yield made.person("owner@uni.edu")
        assert list(made.lake.store.list("runs/orders")) == []


@pytest.mark.parametrize(
    "said",
    [
        b'{"step": "check-channels", "max_cost": NaN}',
        b'{"step": "check-channels", "max_cost": Infinity}',
        b'{"step": "check-channels", "parameters": {"dead_below": NaN}}',
        b'{"step": "check-channels", "label": "\\ud800"}',
        b'{"step": "\\ud800"}',
        b'{"step": ' + b"[" * 100_000,
        b'["step"]',
        b"\xff",
    ],
)
def test_what_no_record_can_hold_is_refused(keeper, said):
    for place in ("/runs", "/runs/plan", "/assets"):
        answer = keeper.post(place, content=said, headers={"content-type": "application/json"})
        assert answer.status_code == 400, answer.text


def test_pages_of_other_sites_run_nothing(keeper):
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example", "sec-fetch-site": ""},
    ):
        answer = keeper.post("/runs", data={"pipeline": "longest"}, headers=headers)
        assert answer.status_code == 403, headers


def test_forms_say_parameters_by_name(keeper):
    page = keeper.get("/runs/plan?step=check-channels", headers=HTML).text
    assert 'name="p.dead_below"' in page
    page = keeper.get(
        "/runs/plan?step=check-channels&on=project%3Dgratings&p.dead_below=0.25", headers=HTML
    ).text
    assert '<input type="hidden" name="p.dead_below" value="0.25">' in page
    assert "Start 1 run" in page
    wrong = keeper.get("/runs/plan?step=check-channels&on=&p.dead_below=x", headers=HTML)
    assert wrong.status_code == 400
    assert "Start" not in wrong.text
    assert 'href="/runs/plan?pipeline=longest"' in keeper.get("/runs/plan", headers=HTML).text


def test_no_order_is_begun_for_which_there_is_no_money(workshop, running):
    folder = Path(urlsplit(workshop.lake.store.url).path)
    with (folder / "lake.toml").open("a") as settings:
        settings.write("\n[budgets]\ntotal = 0\n")
    app = make_app(panneuro.open(folder), Hosting())
    with running(app) as origin:
        answer = httpx.post(f"{origin}/runs", json=LONGEST, timeout=60)
        page = httpx.get(f"{origin}/runs/plan", params=LONGEST, headers=HTML, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (422, "limit/budget")
    assert page.status_code == 422
    assert "budget" in page.text
    assert 'action="/runs"' not in page.text
    assert list(workshop.lake.store.list("runs/orders")) == []


def test_a_name_that_is_taken_is_not_taken_over(workshop, described):
    owner, ada = workshop.person("owner@uni.edu"), workshop.person("ada@uni.edu")
    said = {"pipeline": "gathered", "on": "project=secret"}
    told = workshop.ended(owner, owner.post("/runs", json=said).headers["location"])
    made = told["runs"][0]["name"]
    plan = ada.post("/runs/plan", json={"pipeline": "gathered", "on": "project=gratings"}).json()
    assert plan["skipped"] == [{"name": made, "why": "that name is taken"}]
    assert described not in str(plan)
    assert ada.post("/runs", json={**said, "on": "project=gratings"}).status_code == 403


def test_what_a_server_leaves_behind_is_gone_on_with(workshop, running):
    workshop.gate.touch()
    lake = panneuro.open(workshop.lake.store.url)
    alone = {"headers": {"sec-fetch-site": "same-origin"}, "timeout": 60}

    @contextmanager
    def served():
        app = make_app(panneuro.open(lake.store.url), Hosting())
        with (
            running(app, lifespan="on") as origin,
            httpx.Client(base_url=origin, **alone) as keeper,
        ):
            yield keeper

    with served() as keeper:
        place = keeper.post("/runs", json=LONGEST).headers["location"]
        workshop.until(keeper, place, lambda told: "waiting" in told["log"])
    workshop.gate.unlink()
    with served() as keeper:
        assert keeper.get("/runs").json()["orders"][0]["status"] == "interrupted"
        place = keeper.post(f"{place}/retry").headers["location"]
        assert [run["step"] for run in workshop.ended(keeper, place)["runs"]] == ["longest"]
