"""Every route there is, asked by those who may not, and for what it should not give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from panneuro.access.policy import digest_of
from panneuro.access.statements import Key
from panneuro.core.query import EVERYTHING
from panneuro.lake.lake import Lake
from panneuro.portal.app import Hosting, doors_of, make_app
from panneuro.portal.problems import MEDIA
from panneuro.portal.signing import Provider

ORIGIN = "https://lake.example"
DAY = timedelta(days=1)
ENDLESS = ("/events",)
"""What goes on until the client leaves, who here never does."""

OPEN = ("/sign-out",)
"""What anybody may post."""


@dataclass(frozen=True)
class Guarded:
    """A lake that is served to people who sign in, of which most is hidden from everyone."""

    lake: Lake
    client: httpx.Client
    routes: list[Route]
    shown: str
    hidden: str

    def places(self, method: str, part: str) -> Iterator[str]:
        """Yield the address of every route of a method, with something in place of its parts."""
        for route in self.routes:
            if method in route.methods and route.path not in ENDLESS:
                names = route.param_convertors
                if names or part == self.hidden:
                    yield route.path_format.format(**dict.fromkeys(names, part))

    def changes(self, part: str) -> Iterator[tuple[str, str]]:
        """Yield method and address of every route that changes something."""
        methods = {method for route in self.routes for method in route.methods}
        for method in sorted(methods - {"GET", "HEAD"}):
            for place in self.places(method, part):
                if place not in OPEN:
                    yield method, place

    def state(self) -> object:
        """Return all that a request could have changed."""
        lake = self.lake
        said = {one.id for one in lake.access.statements()}
        versions = {name: [one.version for one in lake.versions(name)] for name in lake}
        return said, versions, len(lake.runs.find())


@pytest.fixture(scope="module")
def guarded(copied, name, described, running):
    """Return a copy of the lake, of which everyone sees the gratings, served."""
    copied.access.grant("everyone", "reader", "project=gratings")
    copied.access.grant("ada@uni.edu", "reader", "")
    provider = Provider("http://127.0.0.1:9", "id", "secret")
    app = make_app(copied, Hosting(public_url=ORIGIN, provider=provider))
    said = {"host": "lake.example"}
    with running(app) as at, httpx.Client(base_url=at, headers=said, timeout=60) as client:
        yield Guarded(copied, client, app.routes, name, described)


@pytest.fixture(scope="module")
def owner(guarded):
    """Return what who owns everything says who they are with."""
    guarded.lake.access.grant("owner@uni.edu", "owner", "")
    return bearer(guarded.lake.access.token("owner@uni.edu", DAY, role="owner").secret)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def is_problem(answer: Any) -> bool:
    said = answer.headers["content-type"] == MEDIA and answer.json()
    return bool(said) and said["status"] == answer.status_code and bool(said["code"])


def test_every_answer_is_guarded_and_no_method_more_is_answered(guarded):
    for route in guarded.routes:
        path = route.path_format.format(**dict.fromkeys(route.param_convertors, "x"))
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - route.methods:
            others = [one for one in guarded.routes if one.path == route.path]
            if any(method in one.methods for one in others):
                continue
            answer = guarded.client.request(method, path)
            assert answer.status_code == 405, (method, path)
            assert is_problem(answer)
            assert {"content-security-policy", "x-content-type-options"} <= {*answer.headers}


def test_nobody_in_particular_finds_nothing_that_is_hidden(guarded):
    absent = guarded.hidden.replace("mouse-8", "mouse-9")
    for place in guarded.places("GET", guarded.hidden):
        answer = guarded.client.get(place)
        assert "mouse-8" not in answer.text.replace(guarded.hidden, ""), place
        assert answer.status_code < 500 or "identity provider" in answer.text, place
        if guarded.hidden in place:
            other = guarded.client.get(place.replace(guarded.hidden, absent))
            told = answer.text.replace(guarded.hidden, absent)
            assert (answer.status_code, told) == (other.status_code, other.text), place
            assert answer.status_code >= 400, place


def test_what_is_hidden_takes_the_same_steps_as_what_is_not_there(guarded, monkeypatch):
    """Nothing is timed: looked at is what is asked of the index and read from the store."""
    asked = []
    catalog = type(guarded.lake.catalog)
    for name in ("get", "find", "complete", "names", "count"):
        method = getattr(catalog, name)

        def counted(self, *given, _name=name, _method=method, **more):
            asked.append(_name)
            return _method(self, *given, **more)

        monkeypatch.setattr(catalog, name, counted)

    def steps(place):
        asked.clear()
        before = guarded.lake.store.usage.snapshot()
        assert guarded.client.get(place).status_code == 404
        return [*asked], (guarded.lake.store.usage.snapshot() - before).bytes_read

    absent = guarded.hidden.replace("mouse-8", "mouse-9")
    looked_up = 0
    for place in guarded.places("GET", guarded.hidden):
        if "/assets/" in place:
            other = steps(place.replace(guarded.hidden, absent))
            assert steps(place) == other, place
            looked_up += "get" in other[0]
    assert looked_up >= 10


def test_nobody_in_particular_changes_anything(guarded):
    before = guarded.state()
    for method, place in guarded.changes(guarded.hidden):
        answer = guarded.client.request(method, place, json=BODY)
        assert (answer.status_code, is_problem(answer)) == (401, True), place
    assert guarded.state() == before


BODY = {
    "to": "ada@uni.edu", "role": "reader", "on": "project=secret", "until": "2099-01-31",
    "id": "0" * 64, "terms": "0" * 64, "name": "drift", "status": "pass", "step": "tune",
}  # fmt: skip
"""Something for every field of every body."""


def test_who_may_only_read_changes_nothing(guarded):
    reader = bearer(guarded.lake.access.token("ada@uni.edu", DAY).secret)
    granted = guarded.lake.access.grant("x@uni.edu", "reader", "project=secret")
    before = guarded.state()
    for part in (guarded.hidden, guarded.shown):
        for method, place in guarded.changes(part):
            said = BODY | {"id": granted.id}
            answer = guarded.client.request(method, place, json=said, headers=reader)
            assert answer.status_code in (400, 403, 404), (place, answer.text)
            assert is_problem(answer)
    assert guarded.state() == before


def test_who_holds_a_link_changes_nothing(guarded):
    issued = guarded.lake.access.link("project=secret")
    before = guarded.state()
    for headers in (bearer(issued.secret), {"cookie": f"__Host-panneuro-link={issued.secret}"}):
        for method, place in guarded.changes(guarded.hidden):
            said = {**headers, "origin": ORIGIN}
            answer = guarded.client.request(method, place, json=BODY, headers=said)
            assert answer.status_code in (400, 403, 404), (place, answer.text)
    assert guarded.state() == before


def test_tokens_that_are_forged_ended_or_taken_back_open_nothing(guarded):
    access = guarded.lake.access
    revoked = access.token("ada@uni.edu", DAY)
    access.revoke(revoked.id)
    said = {"by": "local", "at": "2020-01-01", "acts_as": "person:ada@uni.edu", "role": "reader"}
    ended, forged = "pnr_" + "E" * 43, "pnr_" + "A" * 43
    access.say(Key(digest=digest_of(ended), within=EVERYTHING, until="2020-02-01", **said))
    none = [*map(bearer, (forged, ended, revoked.secret)), {"authorization": "Basic YTpi"}]
    asked = [("GET", place) for place in guarded.places("GET", guarded.shown)]
    for (method, place), headers in product([*asked, *guarded.changes(guarded.shown)], none):
        answer = guarded.client.request(method, place, headers=headers)
        assert (answer.status_code, is_problem(answer)) == (401, True), (place, headers)


def test_a_session_that_is_forged_is_nobody(guarded):
    for place in guarded.places("GET", guarded.hidden):
        forged = {"cookie": "__Host-panneuro-session=" + "A" * 43}
        assert guarded.client.get(place, headers=forged).text == guarded.client.get(place).text
    before = guarded.state()
    for method, place in guarded.changes(guarded.hidden):
        said = forged | {"origin": ORIGIN}
        assert guarded.client.request(method, place, json=BODY, headers=said).status_code == 401
    assert guarded.state() == before


ELSEWHERE = (
    "..%2f..%2flake.toml %2e%2e ..%5c..%5clake.toml %00 a%00b %2fetc%2fpasswd ....%2f%2flake.toml "
    "%C0%AE%C0%AE %F0%9F%90%AD C:%5cx file:%2f%2fx " + "x" * 5_000
).split()


def test_no_route_leads_out_of_the_lake(guarded, owner):
    for part in ELSEWHERE:
        asked = [("GET", place) for place in guarded.places("GET", part)]
        for method, place in [*asked, *guarded.changes(part)]:
            answer = guarded.client.request(method, place, headers=owner, json=BODY)
            assert 400 <= answer.status_code < 500, (method, place)
            assert is_problem(answer)
            assert "layout" not in answer.text


BODIES = {
    b" " * 300_000: "application/json",
    b"a=" + b"b" * 300_000: "application/x-www-form-urlencoded",
    b"{": "application/json",
    b"[]": "application/json",
    b"\xff\xfe\x00": "application/json",
    b"[" * 100_000: "application/json",
    b"NaN": "application/json",
    b"--x\r\nbroken": "multipart/form-data; boundary=x",
    b"&".join(b"a=b" for _ in range(20_000)): "application/x-www-form-urlencoded",
}


def test_bodies_that_are_too_large_or_none_are_refused(guarded, owner):
    before = guarded.state()
    for body, media in BODIES.items():
        for place in guarded.places("POST", guarded.shown):
            if place in OPEN:
                continue
            answer = guarded.client.post(
                place, content=body, headers=owner | {"content-type": media}
            )
            assert answer.status_code in (400, 404, 413), (place, body[:20], answer.text)
            assert is_problem(answer)
    assert guarded.state() == before


INJECTED = (
    *("' OR 1=1 --", '"; DROP TABLE entries; --', "name:x) OR (", "*", "NEAR(", "{{7*7}}", "%s%n"),
    *(
        "\x00",
        "x\r\nset-cookie: a=b",
        "<script>alert(1)</script>",
        "(" * 800,
        "-" * 500,
        "a" * 3_900,
    ),
)


def test_what_is_searched_for_is_never_executed(guarded, owner):
    before = guarded.state()
    for door in doors_of(guarded.lake):
        asked = [*door.asked.model_fields]
        if door.method != "GET" or not asked or door.path in ENDLESS:
            continue
        names = re.findall(r"\{(\w+)", door.path)
        place = re.sub(":path", "", door.path).format(**dict.fromkeys(names, guarded.shown))
        for text, accept in product(INJECTED, ("application/json", "text/html")):
            said = dict.fromkeys(asked, text)
            answer = guarded.client.get(place, params=said, headers=owner | {"accept": accept})
            assert answer.status_code < 500, (place, text)
            assert "set-cookie" not in answer.headers
            if "html" in answer.headers["content-type"]:
                assert "<script>alert" not in answer.text
    assert guarded.state() == before
