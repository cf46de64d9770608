"""Bytes of objects: ranges as HTTP has them, nothing outside an asset."""

from __future__ import annotations

import hashlib

import pytest
from starlette.datastructures import Headers

import panneuro
from panneuro.core.manifest import KEY
from panneuro.portal.app import Hosting, make_app
from panneuro.portal.files import asked_range


@pytest.fixture
def file(lake, name):
    return max(lake[name].files, key=lambda one: one.size)


@pytest.fixture
def place(name, file):
    return f"/assets/{name}/files/{file.path}"


def test_a_file_is_what_its_digest_says(client, place, file):
    answer = client.get(place)
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == file.digest
    assert answer.headers["etag"] == f'"{file.digest}"'
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "cut"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-5", slice(5, 6)),
        ("bytes=3-99999999999", slice(3, None)),
        ("bytes=-99999999999", slice(None)),
        ("bytes=0-99999999999", slice(None)),
    ],
)
def test_ranges_are_cut_out(client, place, asked, cut):
    whole = client.get(place).content
    part = client.get(place, headers={"range": asked})
    assert part.content == whole[cut]
    assert part.status_code == 206
    start = range(len(whole))[cut].start
    said = f"bytes {start}-{start + len(part.content) - 1}/{len(whole)}"
    assert part.headers["content-range"] == said


@pytest.mark.parametrize("asked", ["bytes=99999999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(client, place, asked, file):
    answer = client.get(place, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{file.size}"


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b", "0-1"]
)
def test_what_is_no_range_asks_for_everything(client, place, asked, file):
    answer = client.get(place, headers={"range": asked})
    assert answer.status_code == 200
    assert len(answer.content) == file.size


def test_a_range_of_what_it_was_before_asks_for_everything(file):
    said = Headers({"range": "bytes=0-1", "if-range": '"sha256:other"'})
    assert asked_range(said, file.size, file.digest) == (0, file.size)


def test_a_head_says_how_long_it_is(client, place, file):
    answer = client.head(place)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == file.size
    assert not answer.content


@pytest.mark.parametrize(
    "path",
    [
        "../asset.json",
        "%2e%2e/%2e%2e/%2e%2e/lake.toml",
        "..%2f..%2f..%2flake.toml",
        "%2fetc%2fpasswd",
        "_lake/../../../../lake.toml",
        "a%00b",
        KEY,
        "",
        "x" * 5000,
    ],
)
def test_nothing_else_is_read(client, name, path):
    answer = client.get(f"/assets/{name}/files/{path}")
    assert answer.status_code in (404, 405)
    assert "layout" not in answer.text


def test_large_objects_come_from_the_bucket_by_links_that_end(s3, truth, visit, monkeypatch):
    monkeypatch.setattr("panneuro.portal.files._DIRECT_BYTES", 1000)
    lake = panneuro.open(f"{s3}/lake", create=True)
    said = {"description": {"licence": "CC-BY-4.0", "modalities": ["ecephys"]}}
    manifest = lake.add(truth.sorted, said=said).manifest
    file = max(manifest.files, key=lambda one: one.size)
    client = visit(make_app(lake))
    place = f"/assets/{manifest.name}/files/{file.path}"
    answer = client.get(place)
    assert [one.status_code for one in answer.history] == [307]
    assert answer.history[0].headers["cache-control"] == "private, no-store"
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == file.digest
    part = client.get(place, headers={"range": "bytes=5-9"})
    assert part.content == answer.content[5:10]
    through = visit(make_app(lake, Hosting(direct=False)))
    assert not through.get(place).history
