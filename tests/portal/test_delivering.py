"""Recordings are sent to a served lake: in parts, resumed, verified, and added once."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from workshop import opened

import panneuro
from panneuro.cli.app import main
from panneuro.core.errors import (
    DocumentError,
    InputError,
    LimitError,
    NotAllowedError,
    StoreError,
)
from panneuro.lake.adding import Options
from panneuro.portal import delivering, sending, staging
from panneuro.portal.sending import Sender
from panneuro.portal.staging import DeliveryAsked, Staging

SAID = {
    "subject": {"id": "m9", "species": "Mus musculus", "sex": "female"},
    "description": {
        "title": "Licks, made up",
        "modalities": ["behavior"],
        "institution": "University of Somewhere",
        "lab": "Doe lab",
        "licence": "CC-BY-4.0",
        "project": "gratings",
    },
    "acquisition": {"session_start": "2026-04-02T09:30:00+00:00"},
}


@pytest.fixture(scope="module")
def workshop(lake, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with opened(lake, tmp_path_factory.mktemp("workshop")) as made:
            yield made


@pytest.fixture
def bearer(workshop, monkeypatch):
    """Return what lets this machine act as somebody at the served lake."""

    def holds(principal: str, role: str) -> str:
        token = workshop.lake.access.token(principal, timedelta(days=1), role=role).secret
        host = workshop.origin.partition("://")[2]
        monkeypatch.setenv("PANNEURO_TOKENS", f"{host}={token}")
        return token

    return holds


@pytest.fixture
def recording(tmp_path):
    """Return a folder that a rig wrote: one signal, of 3 MB."""
    folder = tmp_path / "licks"
    folder.mkdir()
    rng = np.random.default_rng(0)
    (folder / "trials.csv").write_text(
        "start_time,stop_time,noise\n"
        + "\n".join(f"{at},{at + 0.5},{rng.random()}" for at in range(60_000))
    )
    return folder / "trials.csv"


class Told:
    """Keeps what it is told of progress."""

    def __init__(self):
        self.phases, self.sent = [], 0

    def start(self, phase, total, unit="bytes"):
        self.phases.append(phase)

    def advance(self, amount):
        self.sent += amount if self.phases[-1] == "sending" else 0


def test_a_rig_sends_what_was_interrupted_only_once(workshop, bearer, recording, monkeypatch):
    workshop.lake.access.grant("rig:two", "adder", "project=gratings")
    bearer("rig:two", "adder")
    monkeypatch.setattr(delivering, "PART_BYTES", 500_000)
    size, options, told = recording.stat().st_size, Options(said=SAID), Told()
    with Sender(f"{workshop.origin}/store") as sender:
        request, parts = sender._client.request, []

        def breaking(method, place, **said):
            answer = request(method, place, **said)
            if method == "PUT":
                parts.append(said["params"]["offset"])
                if len(parts) == 2:
                    raise httpx.ReadTimeout("the answer was lost")
                if len(parts) == 4:
                    raise KeyboardInterrupt
            return answer

        monkeypatch.setattr(sender._client, "request", breaking)
        with pytest.raises(KeyboardInterrupt):
            sender.send(recording, options, told)
    assert told.sent < size
    told = Told()
    with Sender(f"{workshop.origin}/store") as sender:
        added = sender.send(recording, options, told)
        assert 0 < told.sent < size
        assert added["is_new"]
        assert told.phases[:2] == ["hashing", "sending"]
        # What the server does next is asked for now and then: of brief phases some are missed.
        seen = iter(["verifying", "hashing", "compressing"])
        assert all(phase in seen for phase in told.phases[2:])
        again = Told()
        same = sender.send(recording, options, again)
        assert same == {**added, "is_new": False, "sent_bytes": 0}
        assert again.phases == ["hashing"]
    lake = panneuro.open(workshop.lake.store.url)
    assert len(lake[added["name"]]["trials"]) == 60_000
    mine = delivering.user_cache() / lake.settings.id / "deliveries"
    assert list(mine.iterdir()) == []


def test_parts_are_as_small_as_a_proxy_takes(workshop, bearer, recording, monkeypatch):
    workshop.lake.access.grant("rig:two", "adder", "project=gratings")
    bearer("rig:two", "adder")
    with Sender(f"{workshop.origin}/store") as sender:
        request, most, parts = sender._client.request, 1 << 20, []

        def proxied(method, place, **said):
            if len(said.get("content", b"")) > most:
                return httpx.Response(413, html="<h1>413 Request Entity Too Large</h1>")
            parts.append(len(said.get("content", b"")))
            return request(method, place, **said)

        monkeypatch.setattr(sender._client, "request", proxied)
        renamed = Options(said=SAID, name="behavior_licks_proxied")
        assert sender.send(recording, renamed)["is_new"]
        assert sum(parts) == recording.stat().st_size
        assert max(parts) == most
        recording.write_text(recording.read_text().replace("0.5", "0.25"))
        most = 1000
        with pytest.raises(LimitError, match="a proxy before it"):
            sender.send(recording, Options(said=SAID, name="behavior_licks_refused"))


def test_what_cannot_be_added_is_told_as_here(workshop, bearer, recording):
    bearer("ada@uni.edu", "editor")
    with Sender(f"{workshop.origin}/store") as sender:
        with pytest.raises(DocumentError, match="subject"):
            sender.send(recording, Options())
        elsewhere = {**SAID, "description": {**SAID["description"], "project": "secret"}}
        with pytest.raises(NotAllowedError, match="may not add"):
            sender.send(recording, Options(said=elsewhere))
    bearer("ada@uni.edu", "reader")
    with Sender(f"{workshop.origin}/store") as sender, pytest.raises(NotAllowedError):
        sender.send(recording, Options(said=SAID))


def test_the_same_line_adds_to_a_lake_elsewhere(workshop, bearer, recording, tmp_path):
    bearer("ada@uni.edu", "editor")
    said = tmp_path / "said.json"
    said.write_text(json.dumps({**SAID, "subject": {**SAID["subject"], "id": "m10"}}))
    line = ["add", str(recording), "--lake", f"{workshop.origin}/store", "--describe", str(said)]
    result = CliRunner().invoke(main, [*line, "--dry-run", "--json"])
    assert json.loads(result.stdout)["added"][0]["status"] == "would be sent", result.stderr
    statuses = []
    for _ in range(2):
        result = CliRunner().invoke(main, [*line, "--json"])
        assert result.exit_code == 0, result.stderr
        (added,) = json.loads(result.stdout)["added"]
        statuses.append(added["status"])
    assert statuses == ["added", "there already"]
    assert added["name"].startswith("behavior_m10_2026-04-02")
    assert CliRunner().invoke(main, [*line, "--portable"]).exit_code == 2


def test_a_server_that_is_not_there_is_told(monkeypatch, recording):
    monkeypatch.setattr(sending, "_FIRST_PAUSE_S", 0.0)
    with (
        Sender("http://127.0.0.1:9/store") as sender,
        pytest.raises(StoreError, match="sending to"),
    ):
        sender.send(recording, Options(said=SAID))
    with pytest.raises(InputError, match="unencrypted"):
        Sender("http://lake.example/store")
    with pytest.raises(InputError, match="no served lake"):
        Sender("https://lake.example")


def asked(*paths, root=None, data=b"spikes", **more):
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    files = [{"path": path, "size": len(data), "digest": digest} for path in paths]
    return {"root": paths[0] if root is None else root, "files": files, **more}


HOSTILE = [
    "../../lake.toml",
    "/etc/passwd",
    "a/../../b",
    "a//b",
    "./a",
    "..",
    "",
    "a\\..\\b",
    "a\0b",
    "a\nb",
    "x" * 2_000,
    "C:/../x/..",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_names_that_climb_are_refused(workshop, bearer, path):
    headers = {"authorization": f"Bearer {bearer('owner@uni.edu', 'owner')}"}
    answer = workshop.visitor().post("/assets", json=asked(path), headers=headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_no_record_can_hold_is_refused(value):
    with pytest.raises(ValidationError):
        DeliveryAsked.model_validate(asked("a", said={"subject": {"id": value}}))


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_whatever_is_accepted_stays_inside(paths):
    try:
        found = DeliveryAsked.model_validate(asked(*paths))
    except (ValidationError, InputError):
        return
    for file in found.files:
        assert not file.path.startswith("/")
        assert not {"", ".", ".."} & set(file.path.split("/"))


def test_files_and_folders_do_not_meet():
    two = asked("a", "b")
    two["files"][0]["size"] = 7
    for said in (
        two,
        asked("a", "a/b"),
        asked("a", "a"),
        asked("a/b", root="b"),
        asked("a", root=""),
    ):
        with pytest.raises(ValidationError):
            DeliveryAsked.model_validate(said)


def test_parts_are_what_was_said(tmp_path):
    kept = Staging(tmp_path / "staging")
    one = kept.begin(DeliveryAsked.model_validate(asked("a/x", "a/y", root="a")), "rig:two")
    (digest,) = one.sizes
    with pytest.raises(InputError, match="no file"):
        one.put("sha256:" + "0" * 64, 0, b"x")
    with pytest.raises(InputError, match="6 bytes"):
        one.put(digest, 0, b"too many bytes")
    assert one.put(digest, 0, b"spi") == 3
    again = Staging(tmp_path / "staging").get(one.id)
    assert [file.offset for file in again.missing()] == [3]
    again.put(digest, 3, b"kez")
    assert again.missing() == []
    with pytest.raises(panneuro.PanneuroError, match="something else"):
        again.put_together(lambda _: None)
    again.put(digest, 0, b"spikes")
    tree = again.put_together(lambda _: None)
    assert {file.name: file.read_bytes() for file in tree.iterdir()} == {
        "x": b"spikes",
        "y": b"spikes",
    }


def test_there_is_not_room_for_everything(tmp_path, monkeypatch):
    kept = Staging(tmp_path / "staging")
    large = asked("a")
    large["files"][0]["size"] = 1 << 50
    with pytest.raises(LimitError, match="no room"):
        kept.begin(DeliveryAsked.model_validate(large), "rig:two")
    monkeypatch.setattr(staging, "_MOST_OPEN", 1)
    kept.begin(DeliveryAsked.model_validate(asked("a")), "rig:two")
    with pytest.raises(LimitError, match="on their way"):
        kept.begin(DeliveryAsked.model_validate(asked("b")), "rig:two")
    monkeypatch.setattr(staging, "_DEAD_S", -1.0)
    third = Staging(tmp_path / "staging").begin(DeliveryAsked.model_validate(asked("c")), "rig:two")
    assert list((tmp_path / "staging").iterdir()) == [third.folder]


def test_a_delivery_is_its_senders(workshop, bearer):
    mine = {"authorization": f"Bearer {bearer('owner@uni.edu', 'owner')}"}
    other = {"authorization": f"Bearer {bearer('ada@uni.edu', 'editor')}"}
    visitor = workshop.visitor()
    told = visitor.post("/assets", json=asked("a.csv"), headers=mine).json()
    assert told["state"] == "missing"
    (missing,) = told["missing"]
    place = f"/deliveries/{told['id']}"
    assert visitor.get(place, headers=mine).json() == told
    assert visitor.get(place, headers=other).status_code == 404
    assert visitor.get("/deliveries/nothing", headers=mine).status_code == 404
    part = f"{place}/{missing['digest']}"
    assert visitor.put(part, content=b"spi", headers=other).status_code == 404
    assert visitor.put(part, content=b"spi").status_code == 401
    assert visitor.put(part, content=b"spi", headers=mine).json() == {"offset": 3}
    assert visitor.put(part, content=b"spi", headers=mine).status_code == 409
    assert visitor.put(f"{part}?offset=-1", content=b"", headers=mine).status_code == 400
    assert visitor.put(part, content=b"0" * (9 << 20), headers=mine).status_code == 413
    assert visitor.post("/assets", json=asked("a.csv")).status_code == 401
    reader = workshop.person("reader@uni.edu")
    refused = reader.post("/assets", json=asked("a.csv"))
    assert (refused.status_code, refused.json()["code"]) == (403, "access/denied")
    climbs = visitor.post("/assets", json=asked("../a.csv"), headers=mine).json()["detail"]
    assert climbs.startswith("the request: the key '../a.csv' climbs")
    cookie = workshop.person("owner@uni.edu")
    forged = cookie.post("/assets", json=asked("a"), headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403
