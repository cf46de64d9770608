"""An asset leaves as a file that other tools open."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pynwb import NWBHDF5IO


def test_nwb_is_one_file_and_nothing_is_left(client, name, truth, tmp_path, monkeypatch):
    kept = tmp_path / "temporary"
    kept.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    answer = client.get(f"/assets/{name}/export/nwb")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.nwb"'
    path = Path(tmp_path / "got.nwb")
    path.write_bytes(answer.content)
    with NWBHDF5IO(path, "r") as io:
        session = io.read()
        assert session.acquisition["ap"].data.shape == truth.samples.shape
        assert len(session.units) == len(truth.trains)
    assert not list(kept.iterdir())


def test_what_is_sent_is_noted(shared, name):
    sent = len(shared.client.get(f"/assets/{name}/export/nwb").content)
    shared.lake.audit.flush()
    noted = list(shared.lake.audit.search(what="download"))
    assert [(event.on, event.n_bytes) for event in noted] == [(name, sent)]


def test_other_kinds_and_hidden_assets_are_not_there(client, shared, name, described):
    assert client.get(f"/assets/{name}/export/zarr").status_code == 404
    assert shared.client.get(f"/assets/{described}/export/nwb").status_code == 404
    assert client.get("/assets/nobody/export/nwb").status_code == 404


def test_what_is_too_large_is_refused(client, name, monkeypatch):
    monkeypatch.setattr("panneuro.portal.exports.MOST_BYTES", 10)
    answer = client.get(f"/assets/{name}/export/nwb")
    assert answer.status_code == 422
    assert "panneuro export" in answer.json()["hint"]
