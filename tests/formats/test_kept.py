"""What becomes of the files of a source: each lives on as signals, or is kept as it is."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from panneuro.formats import phy, source, suite2p
from panneuro.formats.readers import read

REAL = {
    "intan": "raw/intan/intan_fpc_test_231117_052630",
    "neuralynx": "raw/neuralynx/Cheetah_v5.5.1/original_data",
    "openephys": "raw/openephys_binary",
    "openephys-legacy": "raw/openephys_legacy/OpenEphys_SampleData_1",
    "spikeglx": "raw/spikeglx/NP2_with_sync",
    "suite2p": "imaging/suite2p",
}
LIVE_ON = {
    "intan": {".rhd", ".dat"},
    "neuralynx": {".ncs"},
    "openephys": {".dat", ".npy", ".oebin"},
    "openephys-legacy": {".continuous", ".events"},
    "spikeglx": {".bin", ".meta"},
    "suite2p": {".npy"},
}


@pytest.fixture(autouse=True)
def _nothing_is_small(monkeypatch):
    for module in (source, phy, suite2p):
        monkeypatch.setattr(module, "KEPT_BYTES", 0)


@pytest.mark.parametrize("reader", REAL)
def test_files_of_others_in_a_recording_are_kept_whole(sample_data, tmp_path, reader):
    folder = tmp_path / "recording"
    shutil.copytree(sample_data / REAL[reader], folder)
    (folder / "face.avi").write_bytes(b"frames")
    (folder / "more").mkdir()
    (folder / "more" / "notes.docx").write_bytes(b"words")
    found = read(folder, format=reader)
    kept = {file.name for file in found.files if file.kept}
    assert {"face.avi", "more/notes.docx"} <= kept
    gone = [file.path for file in found.files if not file.kept]
    assert gone
    assert {path.suffix for path in gone} <= LIVE_ON[reader]


@pytest.mark.parametrize("reader", ["arrays", "tabular", "tiff"])
def test_files_beside_what_is_read_are_kept_whole(tmp_path, reader):
    tifffile = pytest.importorskip("tifffile")
    if reader == "arrays":
        np.save(tmp_path / "a.npy", np.zeros((50, 2), "i2"))
        (tmp_path / "a.yaml").write_text("rate_hz: 100\nunit: V\n")
    elif reader == "tabular":
        (tmp_path / "a.csv").write_text("time,x\n0,1\n1,2\n")
    else:
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 4, 5), "u2"))
    (tmp_path / "face.avi").write_bytes(b"frames")
    found = {file.name: file.kept for file in read(tmp_path, format=reader).files}
    assert found["face.avi"]
    assert [name for name, kept in found.items() if not kept] == [
        {"arrays": "a.npy", "tabular": "a.csv", "tiff": "a.tif"}[reader]
    ]


def test_what_lies_beside_a_sorting_is_kept_whole(sample_data, tmp_path):
    folder = tmp_path / "sorted"
    place = next((sample_data / "spikes").rglob("spike_times.npy")).parent
    shutil.copytree(place, folder / "ks")
    (folder / "raw.bin").write_bytes(b"samples")
    (folder / "ks" / "temp_wh.dat").write_bytes(b"scratch")
    found = read(folder, format="phy")
    assert {file.name for file in found.files if file.kept} == {"raw.bin"}
    assert any("temp_wh.dat" in note for note in found.notes)
