"""The portal as a whole: what every answer has, and how failures are told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import panneuro
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.searching import Searching
from panneuro.testing.sessions import make_session

HTML = {"accept": "text/html"}
SAID = {"description": {"licence": "CC-BY-4.0", "modalities": ["ecephys"]}}


def test_every_page_answers_and_is_guarded(client, name):
    for place in ("/", "/assets", f"/assets/{name}", f"/assets/{name}/signals/units/units/100"):
        answer = client.get(place, headers=HTML)
        assert answer.status_code == 200, answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script>" not in answer.text
        assert " style=" not in answer.text
        assert " onclick" not in answer.text


@pytest.mark.parametrize(
    "place",
    ["/nowhere", "/assets/nobody", "/assets/{name}/signals/none", "/assets/{name}/files/none"],
)
def test_what_is_not_there_is_told_to_programs_and_to_people(client, name, place):
    told = client.get(place.format(name=name))
    assert told.status_code == 404
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["code"] == "asset/not-found"
    assert told.json()["status"] == 404
    page = client.get(place.format(name=name), headers=HTML)
    assert page.status_code == 404
    assert "<h1>Not Found</h1>" in page.text


def test_an_error_names_no_place_of_this_machine(client, lake):
    for place in ("/assets/nobody", "/store/assets/x/y/z", "/assets?q=zorgon%3D1"):
        text = client.get(place).text
        assert str(lake.store.url) not in text
        assert "/tmp" not in text


def test_a_method_that_is_not_there_is_refused(client, name):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, f"/assets/{name}")
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


def test_health_is_told(client):
    assert client.get("/health").json()["status"] == "ok"


def test_an_empty_lake_says_what_to_do(visit):
    app = make_app(panneuro.open("memory://empty-portal", create=True), Hosting(title="Doe <lab>"))
    page = visit(app).get("/assets", headers=HTML)
    assert "This lake is empty" in page.text
    assert "Doe &lt;lab&gt;" in page.text


def test_what_cannot_be_read_is_told_without_saying_where(name, lake, tmp_path, visit):
    import shutil
    from urllib.parse import urlsplit

    broken = tmp_path / "lake"
    shutil.copytree(urlsplit(lake.store.url).path, broken)
    version = panneuro.open(broken)[name].version
    (broken / "assets" / name / version / "_lake" / "head").write_bytes(b"spoilt")
    app = make_app(panneuro.open(broken))
    answer = visit(app).get(f"/assets/{name}/signals/ap/window?t0=0&t1=1&px=10")
    assert answer.status_code == 500
    assert answer.json()["code"] == "asset/corrupt"
    assert str(broken) not in answer.text


def test_what_others_add_is_learnt_while_the_server_lives(monkeypatch, tmp_path, running):
    monkeypatch.setattr("panneuro.portal.app._FRESH_S", 0.05)
    app = make_app(panneuro.open("memory://living", create=True))
    session = make_session(tmp_path, seconds=3, n_channels=4, n_units=2)
    with running(app, lifespan="on") as address, httpx.Client(base_url=address) as client:
        assert client.get("/assets").json()["total"] == 0
        panneuro.open("memory://living").add(session.sorted, said=SAID)
        for _ in range(600):
            if client.get("/assets").json()["total"]:
                return
            time.sleep(0.1)
    raise AssertionError("never learnt")


def test_brief_answers_are_made_a_few_at_a_time(monkeypatch, tmp_path, running):
    now, most, found = [], [], Searching.find

    def find(self, visit, asked):
        now.append(1)
        most.append(len(now))
        time.sleep(0.02)
        now.pop()
        return found(self, visit, asked)

    monkeypatch.setattr(Searching, "find", find)
    app = make_app(panneuro.open(tmp_path / "lake", create=True))
    with (
        running(app, lifespan="on") as address,
        httpx.Client(base_url=address, timeout=60) as client,
        ThreadPoolExecutor(16) as readers,
    ):
        answers = list(readers.map(lambda _: client.get("/assets").status_code, range(48)))
    assert answers == [200] * 48
    assert len(most) == 48
    assert max(most) <= 4


def test_what_is_opened_once_is_not_read_again(client, lake, monkeypatch, name):
    monkeypatch.setattr("panneuro.lake.granting._FRESH_S", 3600.0)
    first = client.get(f"/assets/{name}/documents")
    before = lake.store.usage.snapshot()
    assert client.get(f"/assets/{name}/documents").json() == first.json()
    assert client.get(f"/assets/{name}/files").status_code == 200
    assert (lake.store.usage.snapshot() - before).requests == 0
