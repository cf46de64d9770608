"""The process that adds a delivery says what it does, from the first phase to what was added."""

from __future__ import annotations

import json
import subprocess
import sys

import panneuro
from panneuro.access.actors import LOCAL
from panneuro.core.digests import digest_bytes
from panneuro.portal.orders import actor_to_json
from panneuro.portal.staging import DeliveryAsked, Staging

SAID = {
    "description": {
        "title": "licks",
        "modalities": ["behavior"],
        "lab": "Doe lab",
        "institution": "University of Somewhere",
        "licence": "CC0-1.0",
    },
    "subject": {"id": "m9", "species": "mouse"},
    "acquisition": {"session_start": "2026-03-02T09:30:00+00:00"},
}
DATA = b"start_time,stop_time\n0.0,1.0\n2.0,3.5\n"


def received(folder, data=DATA):
    """Return all that is said while a delivery is received, and the lake that it came to."""
    lake = panneuro.open(folder / "lake", create=True)
    file = {"path": "trials.csv", "size": len(DATA), "digest": digest_bytes(DATA)}
    asked = DeliveryAsked(files=[file], root="trials.csv", said=SAID)
    delivery = Staging(folder / "staged").begin(asked, LOCAL.principal)
    delivery.put(file["digest"], 0, data)
    order = {"place": lake.store.url, "actor": actor_to_json(LOCAL), "folder": str(delivery.folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "panneuro.portal.receiver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        # It ends where its standard input does: that stays open until all is said.
        said = [json.loads(line) for line in process.stdout]
    return said, panneuro.open(folder / "lake")


def test_every_phase_is_told_in_its_order(tmp_path):
    said, lake = received(tmp_path)
    phases = [one for one in said if one["what"] == "phase"]
    assert list(dict.fromkeys(one["phase"] for one in phases)) == [
        "verifying",
        "hashing",
        "compressing",
    ]
    assert phases[0]["total"] == len(DATA)
    assert {one["unit"] for one in phases} == {"bytes"}
    added = said[-1]
    assert (added["what"], added["is_new"]) == ("added", True)
    assert lake[added["name"]].version == added["version"]


def test_what_arrived_otherwise_is_told_and_not_added(tmp_path):
    said, lake = received(tmp_path, DATA.replace(b"3.5", b"9.5"))
    assert {one["phase"] for one in said[:-1]} == {"verifying"}
    assert said[-1]["what"] == "error"
    assert "send it again" in said[-1]["hint"]
    assert len(lake) == 0
