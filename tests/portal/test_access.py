"""Who may see what, by every door; signing in, links and tokens."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

import panneuro
from panneuro.access.actors import ANONYMOUS

HTML = {"accept": "text/html"}


def places(lake, name):
    """Return every place that says something of an asset."""
    asset = lake[name]
    one = f"/assets/{name}"
    files = [f"/store/{asset.manifest.key_of(file)}" for file in asset.files]
    return [
        *(f"{one}{more}" for more in ("", "/documents", "/versions", "/files", "/preview")),
        f"{one}@{asset.version}",
        f"{one}/files/{asset.files[0].path}",
        f"{one}/signals",
        f"{one}/signals/ap",
        f"{one}/signals/ap?format=svg",
        f"{one}/signals/ap/window?t0=0&t1=1&px=5",
        f"{one}/signals/camera/frame?t=1",
        f"{one}/signals/units/units/100",
        f"/compare?asset={name}",
        f"/compare?unit={name}/units/100",
        f"/store/{asset.manifest.prefix}/_lake/asset.json",
        *files,
    ]


def told(answer, name):
    """Return what an answer says, but for the name that was asked for."""
    return answer.status_code, answer.text.replace(name, "NAME")


def test_what_is_not_visible_is_as_if_it_were_not_there(
    shared, name, described, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    absent = "ecephys_nobody-8_2026-03-02_09-30-00"
    for place in places(shared.lake, described):
        for headers in ({}, HTML):
            answer = shared.client.get(place, headers=headers)
            assert answer.status_code == 404, place
            other = shared.client.get(place.replace(described, absent), headers=headers)
            assert told(answer, described) == told(other, absent)
    found = ("/assets", "/assets?format=csv", "/assets?format=names", "/complete?prefix=e")
    for place in (*found, "/health", "/status"):
        for headers in ({}, HTML):
            text = shared.client.get(place, headers=headers).text
            assert "mouse-8" not in text
            assert "secret" not in text
    assert shared.client.get("/assets").json()["total"] == 1
    assert list(panneuro.open(f"{shared.origin}/store")) == [name]


SAID = st.lists(
    st.tuples(
        st.sampled_from(["grant", "embargo", "take back"]),
        st.sampled_from(["", "project=gratings", "project=secret", "mouse-7", "-(project=secret)",
                         "subject=mouse-8", "project=gratings | project=secret", "units>100"]),
        st.sampled_from(["reader", "owner"]),
    ),
    max_size=5,
)  # fmt: skip


def test_no_door_tells_more_than_the_policy_lets(shared, name, described):
    access, whole = shared.lake.access, shared.lake
    everything = {one: places(whole, one) for one in (name, described)}

    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(said=SAID)
    def check(said):
        for one in access.statements():
            access.revoke(one.id)
        for kind, on, role in said:
            with suppress(panneuro.PanneuroError):
                if kind == "grant":
                    access.grant("everyone" if role == "reader" else "ada@uni.edu", role, on)
                elif kind == "embargo":
                    access.embargo(on, timedelta(days=1))
                else:
                    access.revoke(next((one.id for one in access.statements()), "none"))
        seen = set(whole.as_(ANONYMOUS))
        assert set(shared.client.get("/assets?format=names").text.split()) == seen
        assert shared.client.get("/assets").json()["total"] == len(seen)
        assert shared.client.get("/health").json()["assets"] == len(seen)
        for one, doors in everything.items():
            for place in doors[::5]:
                answer = shared.client.get(place)
                assert answer.status_code == (200 if one in seen else 404), (place, said)

    check()


def test_everyone_reads_what_is_public(shared, name):
    for place in places(shared.lake, name):
        assert shared.client.get(place).status_code == 200, place


def test_who_signs_in_sees_what_their_group_may(shared, described):
    ada = shared.person("Ada@Uni.edu", "doe", "no such name!")
    assert ada.get("/access").json()["actor"] == "person:ada@uni.edu"
    for place in places(shared.lake, described):
        assert ada.get(place).status_code == 200, place
    ada.post("/sign-out", headers={"origin": shared.origin})
    assert ada.get(f"/assets/{described}").status_code == 404


def test_a_session_is_new_at_each_sign_in_and_ends_with_it(shared, described):
    ada = shared.person("ada@uni.edu", "doe")
    first = ada.cookies["panneuro-session"]
    ada.get("/sign-in")
    second = ada.cookies["panneuro-session"]
    assert first != second
    old = shared.visitor(cookies={"panneuro-session": first})
    assert old.get(f"/assets/{described}").status_code == 404
    ada.post("/sign-out", headers={"origin": shared.origin})
    stolen = shared.visitor(cookies={"panneuro-session": second})
    assert stolen.get(f"/assets/{described}").status_code == 404


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(shared):
    ada = shared.visitor()
    shared.provider.claims = {"email": "ada@uni.edu", "email_verified": True}
    ada.get("/sign-in")
    last = ada.get("/sign-in").history[-1]
    said = last.headers.get_list("set-cookie")
    assert len(said) >= 1
    for one in said:
        assert "HttpOnly" in one
        assert "samesite=lax" in one.lower()
    assert last.headers["cache-control"] == "no-store"


SPOILT = [
    {"nonce": "another"},
    {"aud": "another"},
    {"iss": "https://evil.example"},
    {"exp": int(time.time()) - 3600},
    {"email_verified": False},
    {"email_verified": "true"},
    {"email": None},
    {"email": "аda@uni.edu"},
]


def test_an_identity_that_cannot_be_trusted_is_refused(shared):
    for spoilt in SPOILT:
        shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
        shared.provider.changes = spoilt
        answer = shared.client.get("/sign-in")
        assert answer.status_code == 403, answer.text
        assert shared.client.get("/access").json()["actor"] == "everyone"


def test_a_forged_signature_is_refused(shared):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    shared.provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    assert shared.client.get("/sign-in").status_code == 403


def test_an_answer_that_was_not_asked_for_is_refused(shared):
    assert shared.client.get("/sign-in/back?state=x&code=y").status_code == 403
    ada = shared.visitor(follow_redirects=False)
    shared.provider.claims = {"email": "ada@uni.edu", "email_verified": True}
    back = httpx.get(ada.get("/sign-in").headers["location"]).headers["location"]
    assert shared.client.get(back).status_code == 403
    assert ada.get(back).status_code == 303
    assert ada.get(back).status_code == 403


ELSEWHERE = ["https://evil.example", "//evil.example", "/\\evil.example", "x"]


def test_nobody_is_sent_elsewhere_after_signing_in(shared):
    for to in ELSEWHERE:
        shared.provider.claims = {"email": "ada@uni.edu", "email_verified": True}
        answer = shared.client.get("/sign-in", params={"to": to})
        assert str(answer.url).startswith(f"{shared.origin}/assets")


def test_a_reviewer_reads_by_a_link_until_it_is_taken_back(shared, described):
    owner = shared.person("owner@uni.edu")
    made = owner.post(
        "/access/links",
        json={"on": described, "until": "2027-01-31"},
        headers={"origin": shared.origin},
    )
    assert made.status_code == 201, made.text
    reviewer = shared.visitor()
    assert reviewer.get(f"/link/{made.json()['secret']}").status_code == 200
    assert reviewer.get(f"/assets/{described}/signals/ap/window?t0=0&t1=1&px=5").status_code == 200
    assert reviewer.get("/access").json()["actor"].startswith("link:")
    shared.lake.access.revoke(made.json()["id"])
    time.sleep(2.1)
    assert reviewer.get(f"/assets/{described}").status_code == 404


def test_a_token_acts_within_its_scope_and_no_longer_than_it_holds(shared, name, described):
    owner = shared.person("owner@uni.edu")
    made = owner.post(
        "/access/tokens",
        json={"until": "2027-01-31", "within": "project=secret"},
        headers={"origin": shared.origin},
    ).json()
    robot = shared.visitor(headers={"authorization": f"Bearer {made['secret']}"})
    assert robot.get(f"/assets/{described}").status_code == 200
    assert robot.get(f"/assets/{name}").status_code == 404
    refused = robot.post("/access/grants", json={"to": "everyone", "on": "project=secret"})
    assert refused.status_code == 403
    robot.headers["authorization"] = f"Bearer {made['secret'][:-1]}x"
    assert robot.get("/assets").status_code == 401
    robot.headers["authorization"] = "Basic abc"
    assert robot.get("/assets").status_code == 401


def test_a_served_lake_is_opened_with_a_token(shared, name, described, monkeypatch, tmp_path):
    token = shared.lake.access.token("owner@uni.edu", within="project=secret").secret
    host = shared.origin.partition("://")[2]
    monkeypatch.setenv("PANNEURO_TOKENS", f"elsewhere.example=x {host}={token}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "with"))
    with_it = panneuro.open(f"{shared.origin}/store")
    assert list(with_it) == [described]
    assert len(with_it[described].units.counts) == 8
    assert token not in repr(with_it.store)
    monkeypatch.delenv("PANNEURO_TOKENS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "without"))
    assert list(panneuro.open(f"{shared.origin}/store")) == [name]


def test_grants_are_made_seen_and_taken_back_by_their_owners_alone(shared, described):
    bob = shared.person("bob@uni.edu")
    assert bob.get(f"/assets/{described}").status_code == 404
    assert (
        bob.post(
            "/access/grants",
            json={"to": "bob@uni.edu", "on": "*"},
            headers={"origin": shared.origin},
        ).status_code
        == 403
    )
    owner = shared.person("owner@uni.edu")
    headers = {"origin": shared.origin, **HTML}
    page = owner.post(
        "/access/grants", data={"to": "bob@uni.edu", "on": "project=secret"}, headers=headers
    )
    assert page.status_code == 200
    assert "person:bob@uni.edu" in page.text
    assert bob.get(f"/assets/{described}").status_code == 200
    said = owner.get("/access").json()["statements"]
    granted = next(one for one in said if one.get("to") == "person:bob@uni.edu")
    owner.post("/access/revocations", data={"id": granted["id"]}, headers=headers)
    assert bob.get(f"/assets/{described}").status_code == 404


FOREIGN = [
    {},
    {"origin": "https://evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "null"},
]


def test_a_change_by_cookie_needs_to_come_from_our_own_pages(shared):
    owner = shared.person("owner@uni.edu")
    for headers in FOREIGN:
        before = len(shared.lake.access.statements())
        answer = owner.post("/access/grants", data={"to": "everyone", "on": "*"}, headers=headers)
        assert answer.status_code == 403
        assert len(shared.lake.access.statements()) == before


SENSELESS = [
    {"to": "аda@uni.edu"},
    {"to": "ada@uni.edu", "role": "god"},
    {"to": "ada@uni.edu", "on": "zorgon=1"},
    {"to": "ada@uni.edu", "until": "yesterday"},
    {"to": "everyone", "role": "owner"},
    {},
    {"to": ["x"]},
    {"to": "x" * 400},
]


def test_grants_that_make_no_sense_are_refused(shared):
    owner = shared.person("owner@uni.edu")
    headers = {"origin": shared.origin}
    for said in SENSELESS:
        assert owner.post("/access/grants", json=said, headers=headers).status_code == 400


NO_BODIES = [b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000]


def test_bodies_that_are_none_are_refused(shared):
    for body in NO_BODIES:
        headers = {"content-type": "application/json", "origin": shared.origin}
        answer = shared.client.post("/access/grants", content=body, headers=headers)
        assert answer.status_code in (400, 413)


def test_a_body_too_large_is_refused(shared):
    headers = {"content-type": "application/json", "origin": shared.origin}
    answer = shared.client.post("/access/grants", content=b" " * 300_000, headers=headers)
    assert answer.status_code in (400, 413)


def test_terms_come_before_data(shared, name):
    terms = shared.lake.access.terms("project=gratings", "Use with care", "No sharing.")
    ada = shared.person("ada@uni.edu")
    window = f"/assets/{name}/signals/ap/window?t0=0&t1=1&px=5"
    time.sleep(2.1)
    assert ada.get(f"/assets/{name}/documents").status_code == 200
    assert ada.get(window).status_code == 403
    page = ada.get(f"/assets/{name}", headers=HTML)
    assert page.status_code == 200
    assert "Use with care" in page.text
    assert ada.get(f"/assets/{name}/preview").status_code == 200
    headers = {"origin": shared.origin, **HTML}
    ada.post("/access/acceptances", data={"terms": terms.id}, headers=headers)
    assert ada.get(window).status_code == 200


def test_who_can_share_nothing_is_offered_no_forms(shared, described):
    secret = shared.lake.access.link("project=secret", timedelta(days=1)).secret
    for visitor in (shared.client, shared.visitor(headers={"authorization": f"Bearer {secret}"})):
        page = visitor.get("/access", headers=HTML).text
        assert "You share nothing here" in page
        assert "<form" not in page.partition("<main")[2].partition("</main")[0]
    page = shared.person("bob@uni.edu").get("/access", headers=HTML).text
    assert 'action="/access/tokens"' in page
    assert 'action="/access/grants"' not in page
    hidden = shared.client.get(f"/assets/{described}", headers=HTML).text
    assert "Sign in</a> to see what is not public" in hidden


def test_owners_ask_for_terms_and_make_groups_on_the_page(shared, name, described):
    owner, bob = shared.person("owner@uni.edu"), shared.person("bob@uni.edu")
    for one in (owner, bob):
        one.headers["origin"] = shared.origin
    asked = {"on": "project=gratings", "title": "Cite <us>", "text": "and say so"}
    assert bob.post("/access/terms", data=asked).status_code == 403
    page = owner.post("/access/terms", data=asked, headers=HTML)
    assert "Cite &lt;us&gt;" in page.text
    assert bob.get(f"/assets/{name}/signals/ap").status_code == 403
    assert "and say so" in bob.get(f"/assets/{name}", headers=HTML).text
    joined = {"who": "bob@uni.edu", "of": "group:doe"}
    assert bob.post("/access/memberships", data=joined).status_code == 403
    assert bob.get(f"/assets/{described}").status_code == 404
    assert owner.post("/access/memberships", data=joined).status_code == 201
    assert bob.get(f"/assets/{described}").status_code == 200
    assert 'action="/access/memberships"' in owner.get("/access", headers=HTML).text
    assert 'action="/access/memberships"' not in bob.get("/access", headers=HTML).text


def test_what_is_sent_is_noted(shared, name):
    ada = shared.person("ada@uni.edu")
    sent = len(ada.get(f"/assets/{name}/signals/ap?t0=0&t1=0.01&format=binary").content)
    shared.lake.audit.flush()
    noted = list(shared.lake.audit.search(who="person:ada@uni.edu"))
    assert {event.what for event in noted} == {"sign-in", "download"}
    download = next(event for event in noted if event.what == "download")
    assert (download.on, download.n_bytes) == (name, sent)


def test_an_embargo_hides_and_ends(shared, name):
    shared.lake.access.embargo("project=gratings", timedelta(days=3))
    time.sleep(2.1)
    assert shared.client.get(f"/assets/{name}").status_code == 404
    assert shared.client.get("/assets").json()["total"] == 0
