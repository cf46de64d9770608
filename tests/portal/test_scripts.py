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


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the ratio of WCAG 2, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_in_light_and_in_dark():
    css = FOLDER.joinpath("portal.css").read_text()
    known = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    for shade in (1, 2):
        colours = {said[0]: said[shade] for said in known}
        for ground in ("ground", "surface", "raised"):
            for ink in ("ink", "muted", "accent", "warn", "good"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, shade)
        assert contrast(colours["accent"], colours["accent-soft"]) >= 4.5
        for hue in range(8):
            assert contrast(colours[f"c{hue}"], colours["surface"]) >= 3, (hue, shade)
