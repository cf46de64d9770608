"""Scripts and styles: small, whole, and where they came from is said."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from importlib.resources import files

MOST_BYTES = 60_000
FOLDER = files("panneuro.portal").joinpath("static")


def test_they_are_small_over_the_wire():
    sent = {
        one.name: len(gzip.compress(one.read_bytes()))
        for one in FOLDER.iterdir()
        if one.name.endswith((".js", ".css"))
    }
    assert sum(sent.values()) < MOST_BYTES, sent


def test_what_others_wrote_is_unchanged_and_named():
    said = tomllib.loads(FOLDER.joinpath("vendored.toml").read_text())["file"]
    assert {one.name for one in FOLDER.iterdir() if ".min." in one.name} == {
        one["path"] for one in said
    }
    for one in said:
        data = FOLDER.joinpath(one["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one["sha256"]
        assert one["licence"]
        assert one["version"] in one["path"]


def test_they_are_kept_for_ever_and_found_by_their_content(client):
    page = client.get("/assets", headers={"accept": "text/html"}).text
    places = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(places) >= 4
    for place in places:
        answer = client.get(place)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    digest = places[0].split("/")[2]
    assert client.get(f"/static/{'0' * len(digest)}/portal.css").status_code == 404
    assert client.get(f"/static/{digest}/vendored.toml").status_code == 404
    assert client.get(f"/static/{digest}/..%2fapp.py").status_code == 404


def test_scripts_ask_nothing_of_other_places():
    for one in FOLDER.iterdir():
        if one.name.endswith((".js", ".css")) and ".min." not in one.name:
            text = one.read_text()
            assert not re.search(r"https?://(?!www\.w3\.org)", text), one.name
            assert "innerHTML = `" not in text
