"""Sessions are the lake's: every server of it knows them, also one that was started again."""

from __future__ import annotations

import time
import uuid

import pytest

from panneuro.access.actors import Actor
from panneuro.portal import sessions
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.sessions import FOLDER, IDLE_S, LONGEST_S, Sessions
from panneuro.portal.signing import Provider, Question
from panneuro.storage.stores import open_store

ADA = Actor.person("ada@uni.edu", ["lab:smith"])
NOW = time.time()


@pytest.fixture
def store():
    return open_store(f"memory://{uuid.uuid4()}")


class Clock:
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_every_server_knows_who_signed_in(store):
    secret = Sessions(store).begin(ADA)
    others = Sessions(store), Sessions(open_store(store.url))
    assert [one.actor(secret) for one in others] == [ADA, ADA]
    assert all(secret not in found.key for found in store.list(FOLDER))


def test_signing_out_ends_it_everywhere(store):
    clock = Clock()
    here, there = Sessions(store, clock), Sessions(store, clock)
    secret = here.begin(ADA)
    assert there.actor(secret) == ADA
    here.end(secret)
    here.end(secret)
    clock.now += sessions._FRESH_S
    assert here.actor(secret) is there.actor(secret) is None
    assert list(store.list(FOLDER)) == []


def test_looking_it_up_is_no_request_each_time(store):
    clock = Clock()
    held = Sessions(store, clock)
    secret = held.begin(ADA)
    held.actor(secret)
    before = store.usage.snapshot()
    for _ in range(100):
        assert held.actor(secret) == ADA
    assert (store.usage.snapshot() - before).requests == 0


def test_a_session_that_nobody_uses_ends(store):
    clock = Clock()
    here, there = Sessions(store, clock), Sessions(store, clock)
    used, unused = here.begin(ADA), here.begin(ADA)
    for _ in range(3):
        clock.now += IDLE_S * 0.6
        assert here.actor(used) == ADA
        assert there.actor(used) == ADA
    assert here.actor(unused) is None
    assert there.actor(unused) is None


def test_a_session_ends_used_or_not(store):
    clock = Clock()
    held = Sessions(store, clock)
    secret = held.begin(ADA)
    while clock.now <= NOW + LONGEST_S:
        assert held.actor(secret) == ADA
        clock.now += IDLE_S / 2
    assert held.actor(secret) is None
    assert list(store.list(FOLDER)) == []


def test_what_is_left_of_old_sessions_is_removed(store):
    clock = Clock()
    Sessions(store).begin(ADA)
    clock.now = max(found.modified.timestamp() for found in store.list(FOLDER)) + 3 * LONGEST_S
    Sessions(store, clock).begin(ADA)
    assert len(list(store.list(FOLDER))) == 1


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"person": "local:x"}', b"\xff", b'{"person": "ada"}']
)
def test_what_is_no_session_is_nobody(store, data):
    held = Sessions(store)
    secret = held.begin(ADA)
    (found,) = store.list(FOLDER)
    store.put(found.key, data)
    assert held.actor(secret) is None
    assert held.actor("never was") is held.actor("") is None


@pytest.mark.parametrize("cookie", ["", "x", "x.y.z", "x.٣.z", ".1.z", f"x.{'9' * 30}.z"])
def test_what_is_no_question_is_none(cookie):
    assert Question.decode(cookie) is None


def test_one_never_comes_back_elsewhere():
    assert Question.decode("x.1.//evil.example").place == "/assets"
    assert Question.decode("x.1.%2F%2Fevil.example").place == "/assets"


def test_a_place_that_no_cookie_holds_is_forgotten():
    for place in ("/assets?q=" + "é" * 900, "/" + "x" * 1_900):
        question = Question("x" * 43, 1, place)
        kept = Question.decode(question.encode())
        assert len(question.encode()) < 3_500
        assert kept.place in (place, "/assets")
        assert kept.state == question.state


def test_two_servers_of_a_lake_are_one(shared, running, described):
    """Sign in through one, come back at the other, sign out at the first; also started again."""
    hosting = Hosting(
        shared.origin,
        provider=Provider(shared.provider.issuer, "panneuro", "a secret of the client"),
    )
    with (
        running(make_app(shared.lake, hosting)) as other,
        running(make_app(shared.lake, hosting)) as third,
    ):
        shared.provider.claims = {"email": "ada@uni.edu", "email_verified": True, "groups": ["doe"]}
        host = {"host": shared.origin.partition("://")[2]}
        ada = shared.visitor(follow_redirects=False)
        asked = ada.get(f"{other}/sign-in", params={"to": f"/assets/{described}"}, headers=host)
        back = ada.get(asked.headers["location"]).headers["location"]
        landed = ada.get(back.replace(shared.origin, third), headers=host)
        assert (landed.status_code, landed.headers["location"]) == (303, f"/assets/{described}")
        for place in (shared.origin, other, third):
            answer = ada.get(f"{place}/assets/{described}", headers=host)
            assert answer.status_code == 200, answer.text
        cookie = {"cookie": f"panneuro-session={ada.cookies['panneuro-session']}"}
        ada.post(f"{other}/sign-out", headers=host | {"origin": shared.origin})
        stolen = shared.visitor(headers=cookie | host)
        assert stolen.get(f"{other}/assets/{described}").status_code == 404
    with running(make_app(shared.lake, hosting)) as again:
        assert stolen.get(f"{again}/assets/{described}").status_code == 404
