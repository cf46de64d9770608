from __future__ import annotations

import io
import json
import zipfile

import pytest

from panneuro.compute import repeating, reproducing
from panneuro.compute.archives import pack
from panneuro.compute.bundling import bundle, results, unbundle
from panneuro.compute.reproducing import reproduce
from panneuro.compute.running import run
from panneuro.compute.texts import code_key
from panneuro.core.errors import (
    FormatError,
    InputError,
    LimitError,
    NotFoundError,
    PanneuroError,
    UnobtainableError,
)

SOURCE = "ecephys_m0_2026-03-02_09-30-00"
RATES = f"{SOURCE}_rates"
BEST = f"{RATES}.best"


@pytest.fixture
def computed(folder_lake, steps):
    """Return a lake with two results, one made of the other."""
    run(folder_lake, f"{steps}:rates", on="subject=m0 has:units")
    run(folder_lake, f"{steps}:best", on=f"name={RATES}")
    return folder_lake


@pytest.fixture
def notebook(tmp_path):
    """Return a file of the paper."""
    path = tmp_path / "figure1.ipynb"
    path.write_text('{"cells": []}')
    return path


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_a_bundle_holds_all_that_a_result_takes(computed, notebook, tmp_path):
    path = tmp_path / "paper.zip"
    found = bundle(computed, f"name={BEST}", path, files=[notebook], title="Ripples")
    assert [name for name, _ in found.assets] == [BEST, RATES, SOURCE]
    inside = names_in(path)
    assert {"README.md", "ro-crate-metadata.json", "notebooks/figure1.ipynb"} <= set(inside)
    assert sum(name.endswith("_lake/asset.json") for name in inside) == 3
    assert sum(name.startswith("lake/runs/code/") for name in inside) == 3
    assert not [name for name in inside if "_m1_" in name or "catalog" in name]
    with zipfile.ZipFile(path) as archive:
        assert b"# Ripples" in archive.read("README.md")
        crate = json.loads(archive.read("ro-crate-metadata.json"))
    told = {one["@id"] for one in crate["@graph"]}
    assert {"notebooks/figure1.ipynb", "README.md"} <= told


def test_the_same_content_gives_the_same_bytes(computed, notebook, tmp_path):
    one, other = tmp_path / "a.zip", tmp_path / "b.zip"
    bundle(computed, f"name={BEST}", one, files=[notebook])
    computed.reindex()
    bundle(computed, f"name={BEST}", other, files=[notebook])
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_bundle_is_made_again_elsewhere(computed, tmp_path, monkeypatch):
    path = tmp_path / "paper.zip"
    bundle(computed, f"name={BEST}", path)
    for found in list(computed.store.list()):
        computed.store.delete(found.key)
    lake = unbundle(path, tmp_path / "elsewhere")
    assert [one.partition("@")[0] for one in results(lake)] == [RATES, BEST]
    assert lake.check().ok
    monkeypatch.setattr(
        reproducing, "_asked", lambda python, order, folder: repeating.repeat(order)
    )
    for name in results(lake):
        assert reproduce(lake, name, here=True).outcome == "identical"


def test_recordings_may_be_referred_to(computed, tmp_path):
    whole, slim = tmp_path / "whole.zip", tmp_path / "slim.zip"
    bundle(computed, f"name={BEST}", whole)
    bundle(computed, f"name={BEST}", slim, references=True)
    assert slim.stat().st_size < whole.stat().st_size
    lake = unbundle(slim, tmp_path / "elsewhere")
    assert lake[SOURCE]["lfp"].read(0, 1).shape == (50, 2)
    assert lake.check().ok
    victim = next(f for f in computed[SOURCE].files if f.path.endswith("units.parquet"))
    computed.store.put(computed[SOURCE].manifest.key_of(victim), bytes(victim.size))
    with pytest.raises(UnobtainableError, match=r"1 of \d+ files .* another file") as caught:
        unbundle(slim, tmp_path / "again")
    assert len(caught.value.missing) == 1
    assert not (tmp_path / "again").exists()
    unbundle(slim, tmp_path / "again", source=str(tmp_path / "elsewhere" / "lake"))


def test_what_is_gone_is_named(computed, tmp_path):
    (made,) = computed.runs.making(BEST)
    computed.store.delete(code_key(made.code))
    with pytest.raises(UnobtainableError, match="code of the run of 'best'"):
        bundle(computed, f"name={BEST}", tmp_path / "paper.zip")
    assert not list(tmp_path.glob("*paper.zip*"))


def test_what_is_damaged_is_not_bundled(computed, tmp_path):
    victim = next(f for f in computed[SOURCE].files if f.path.endswith("units.parquet"))
    computed.store.put(computed[SOURCE].manifest.key_of(victim), bytes(victim.size))
    with pytest.raises(PanneuroError, match="is not what its digest says"):
        bundle(computed, f"name={BEST}", tmp_path / "paper.zip")
    assert not list(tmp_path.glob("*paper.zip*"))


def test_what_cannot_be_bundled_is_refused(computed, notebook, tmp_path):
    with pytest.raises(InputError, match="nothing is found"):
        bundle(computed, "name=nobody", tmp_path / "paper.zip")
    (tmp_path / "there.zip").touch()
    with pytest.raises(InputError, match="it exists"):
        bundle(computed, f"name={BEST}", tmp_path / "there.zip")
    with pytest.raises(NotFoundError, match=r"no file .*none\.png"):
        bundle(computed, f"name={BEST}", tmp_path / "p.zip", files=[tmp_path / "none.png"])
    with pytest.raises(InputError, match="two files are named"):
        bundle(computed, f"name={BEST}", tmp_path / "p.zip", files=[notebook, notebook])


def archive(tmp_path, files):
    path = tmp_path / "hostile.zip"
    with path.open("wb") as sink:
        pack(sink, files)
    return path


GOOD = {"lake/lake.toml": b'layout = 1\nid = "0a"\n'}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": b"hello"}, "is no bundle: it holds no lake"),
        (GOOD | {"lake/catalog/index.sqlite": b""}, "is no bundle: it holds lake/catalog/index"),
        (GOOD | {"lake/grants/all.json": b"{}"}, "is no bundle: it holds lake/grants/all"),
        ({"lake/lake.toml": b"\xff"}, "cannot be read"),
        ({"lake/lake.toml": b"layout = 1"}, "cannot be read"),
        ({"lake/lake.toml": b'id = "../../x"'}, "has the id"),
        (GOOD | {"lake/assets/a/0a/_lake/asset.json": b"{}"}, "cannot be read"),
    ],
)
def test_hostile_bundles_are_refused(tmp_path, files, message):
    with pytest.raises(PanneuroError, match=message):
        unbundle(archive(tmp_path, files), tmp_path / "in")
    assert not (tmp_path / "in").exists()
    assert not list(tmp_path.glob(".*partial"))


def test_settings_that_come_with_a_bundle_do_not_count(tmp_path):
    said = b'layout = 1\nid = "0a"\n[compute]\nexecutor = "dask"\ncluster = "os.system"\n'
    lake = unbundle(archive(tmp_path, {"lake/lake.toml": said}), tmp_path / "in")
    assert lake.settings.compute == {}
    assert lake.settings.id == "0a"


def test_where_a_bundle_goes(tmp_path):
    with pytest.raises(NotFoundError, match="there is no bundle"):
        unbundle(tmp_path / "none.zip", tmp_path / "in")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(InputError, match="it is not empty"):
        unbundle(archive(tmp_path, GOOD), tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").exists()
    (tmp_path / "empty").mkdir()
    assert len(unbundle(archive(tmp_path, GOOD), tmp_path / "empty")) == 0


def test_bombs_and_other_files_are_refused(tmp_path):
    sink = io.BytesIO()
    pack(sink, GOOD | {f"lake/runs/{n}": bytes(10 << 20) for n in range(9)}, compress=True)
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(sink.getvalue())
    with pytest.raises(LimitError, match="says that it becomes"):
        unbundle(bomb, tmp_path / "in")
    bomb.write_bytes(b"no archive")
    with pytest.raises(FormatError, match="cannot be read"):
        unbundle(bomb, tmp_path / "in")
