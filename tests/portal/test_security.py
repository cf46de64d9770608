"""Requests that are turned away before anything is looked at."""

from __future__ import annotations

import pytest

from panneuro.portal.app import Hosting, make_app
from panneuro.portal.security import is_loopback


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "", "[::2]:80"]
)
def test_foreign_names_are_turned_away(client, host):
    answer = client.get("/assets", headers={"host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine_are_answered(client, host):
    assert client.get("/assets", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_without_sign_in_no_proxy_is_answered(client, header):
    assert client.get("/assets", headers={header: "203.0.113.7"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
def test_changes_from_other_sites_are_refused(client, headers):
    answer = client.post("/assets", headers=headers)
    assert answer.status_code == 403


def test_a_public_name_is_the_only_name(lake, visit):
    client = visit(make_app(lake, Hosting(public_url="https://lake.example")))
    assert client.get("/assets").status_code == 421
    answer = client.get("/assets", headers={"host": "lake.example"})
    assert answer.status_code == 200
    assert "strict-transport-security" in answer.headers


def test_loopback_is_told_from_the_rest():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "example.org", "")))
