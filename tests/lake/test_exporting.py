from __future__ import annotations

import numpy as np
import pytest
import zarr
from pynwb import NWBHDF5IO

from panneuro.core.errors import CorruptionError, InputError, PanneuroError
from panneuro.core.manifest import Manifest, StoredFile
from panneuro.lake.asset import Asset
from panneuro.lake.exporting import export


@pytest.fixture
def name(lake, made_up, said):
    return lake.add(made_up.use(kept=True), said=said).manifest.name


def test_one_nwb_file(lake, name, made_up, tmp_path):
    written = lake.export(name, "nwb", tmp_path)
    assert written == tmp_path / f"{name}.nwb"
    with NWBHDF5IO(written, "r") as io:
        nwb = io.read()
        assert np.array_equal(nwb.acquisition["ap"].data[:], made_up.signals()[0].data)
        assert nwb.units["spike_times"][0].tolist() == [0.1, 0.4]
        assert nwb.trials.to_dataframe()["stop_time"].tolist() == [0.5, 1.5]
    assert [path.name for path in tmp_path.glob(f"*{name}*")] == [written.name]


@pytest.mark.parametrize("described", [False, True])
def test_a_zarr_store_that_is_whole(lake, name, made_up, tmp_path, described):
    if described:
        lake.describe(name, {"subject": {"sex": "male"}})
    written = lake.export(name, "zarr", tmp_path / "deep" / "out.zarr")
    root = zarr.open_group(written, mode="r")
    assert np.array_equal(root["acquisition/ap/data"][:], made_up.signals()[0].data)
    assert (written / "original" / "source.dat").read_bytes() == b"what the rig wrote"
    assert not (written / "_lake").exists()
    sex = root["general/subject/sex"]
    assert str(sex[()] if sex.shape == () else sex[0]) == ("M" if described else "U")


def test_the_originals(lake, name, tmp_path):
    written = lake.export(name, "original", tmp_path)
    assert (written / "source.dat").read_bytes() == b"what the rig wrote"
    assert [path.name for path in written.iterdir()] == ["source.dat"]


def test_what_cannot_be_exported(lake, made_up, said, name, tmp_path):
    with pytest.raises(InputError, match="use one of: nwb, zarr, original"):
        lake.export(name, "excel", tmp_path)
    (tmp_path / "there").write_text("mine")
    with pytest.raises(InputError, match="it exists"):
        lake.export(name, "nwb", tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    bare = lake.add(made_up.use(), said=said, name="bare").manifest.name
    with pytest.raises(InputError, match="keeps no original"):
        lake.export(bare, "original", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["nwb", "zarr", "original"])
def test_a_failure_leaves_nothing_behind(lake, name, tmp_path, kind):
    asset = lake[name]
    for file in asset.files:
        if file.path.startswith(("original/", "acquisition/ap/data/c")):
            lake.store.put(asset.manifest.key_of(file), b"x" * file.size)
    out = tmp_path / "out"
    with pytest.raises((PanneuroError, ValueError, RuntimeError)):
        lake.export(name, kind, out)
    assert not out.exists()
    assert not list(tmp_path.glob(".*partial"))


def test_damaged_files_are_told(lake, name):
    asset = lake[name]
    for file in asset.files:
        lake.store.put(asset.manifest.key_of(file), b"x" * file.size)
        with pytest.raises(CorruptionError, match="not what its digest says"):
            list(asset.stream_file(file.path))
        with pytest.raises(CorruptionError, match="not what its digest says"):
            asset.read_file(file.path)


def test_names_never_lead_out_of_the_target(lake, name, tmp_path):
    manifest = lake[name].manifest
    for path in ("original/../../escaped", "/etc/escaped", "original//x"):
        with pytest.raises((InputError, ValueError)):
            StoredFile(path, 1, "sha256:0")
    hostile = Manifest(**{**vars(manifest), "name": "../escaped"})
    with pytest.raises(PanneuroError):
        Manifest.decode(hostile.encode())
    with pytest.raises(PanneuroError):
        export(Asset(lake.store, hostile), "original", tmp_path)
    assert not list(tmp_path.parent.glob("*escaped*"))


def test_large_arrays_are_exported_block_by_block(lake, made_up, said, tmp_path, monkeypatch):
    from panneuro.storage import blockwise

    name = lake.add(made_up.use(), said=said).manifest.name
    monkeypatch.setattr(blockwise, "LARGE_BYTES", 1000)
    monkeypatch.setattr(blockwise, "_BLOCK_GB", 1e-5)
    with NWBHDF5IO(lake.export(name, "nwb", tmp_path / "out.nwb"), "r") as io:
        assert np.array_equal(io.read().acquisition["ap"].data[:], made_up.signals()[0].data)
