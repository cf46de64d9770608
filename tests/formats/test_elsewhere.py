"""Headers that name files elsewhere: what lies outside a source is never read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.image import ImageSeries

from panneuro.core.errors import FormatError
from panneuro.formats.readers import read
from panneuro.formats.source import Source, within

HEADER = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
DataFile={data}
MarkerFile={markers}
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=2
SamplingInterval=1000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
Ch1=Fz,,0.5,µV
Ch2=Cz,,0.5,µV
"""
MARKERS = "Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\n"
CLIMBING = ["../secret/a.eeg", "{outside}/a.eeg", "..\\secret\\a.eeg", "C:\\a.eeg", "a/../../b"]


@pytest.fixture
def outside(tmp_path):
    """A folder beside the source, whose samples nobody may see."""
    folder = tmp_path / "secret"
    folder.mkdir()
    np.full((100, 2), 77, "i2").tofile(folder / "a.eeg")
    (folder / "a.vmrk").write_text(MARKERS)
    return folder


def brainvision(folder: Path, data: str, markers: str) -> Path:
    folder.mkdir(exist_ok=True)
    samples = np.arange(200, dtype="i2").reshape(100, 2)
    samples.tofile(folder / "other.eeg")
    (folder / "other.vmrk").write_text(MARKERS)
    path = folder / "a.vhdr"
    path.write_text(HEADER.format(data=data, markers=markers), encoding="utf-8")
    return path


@pytest.mark.parametrize("named", ["file", "folder"])
def test_a_brainvision_header_names_its_files(tmp_path, named):
    path = brainvision(tmp_path / "up", "other.eeg", "other.vmrk")
    found = read(path if named == "file" else path.parent, format="brainvision")
    assert sorted(file.name for file in found.files) == ["a.vhdr", "other.eeg", "other.vmrk"]
    raw = next(signal for signal in found.signals if signal.name == "eeg")
    assert np.array_equal(raw.data[:], np.arange(200).reshape(100, 2))


@pytest.mark.parametrize("empty", ["other.eeg", "other.vmrk"])
def test_a_brainvision_file_without_a_byte_is_told(tmp_path, empty):
    path = brainvision(tmp_path / "up", "other.eeg", "other.vmrk")
    assert read(path).documents["description"] == {"modalities": ["eeg"]}
    (path.parent / empty).write_bytes(b"")
    with pytest.raises(FormatError, match=f"'{empty}', which it names, is empty"):
        read(path)


@pytest.mark.parametrize("which", ["data", "markers"])
@pytest.mark.parametrize("name", CLIMBING)
def test_a_brainvision_header_that_leads_out_is_refused(tmp_path, outside, name, which):
    names = {"data": "other.eeg", "markers": "other.vmrk"} | {which: name.format(outside=outside)}
    path = brainvision(tmp_path / "up", **names)
    for source in (path, path.parent):
        with pytest.raises(FormatError, match="not in its own folder"):
            read(source, format="brainvision")


@pytest.mark.parametrize("kind", ["continuous", "events"])
def test_open_ephys_folders_that_lead_out_are_refused(tmp_path, kind):
    folder = tmp_path / "Record Node 101" / "experiment1" / "recording1"
    (folder / "continuous" / "Rhythm-100.0").mkdir(parents=True)
    np.zeros((50, 1), "i2").tofile(folder / "continuous" / "Rhythm-100.0" / "continuous.dat")
    channel = {"channel_name": "CH1", "bit_volts": 0.195, "units": "uV"}
    stream = {"folder_name": "Rhythm-100.0/", "sample_rate": 1000.0, "channels": [channel]}
    told = {"continuous": [stream], "events": [{"folder_name": "Rhythm-100.0/TTL_1/"}]}
    told[kind][0]["folder_name"] = "../../../../secret/"
    (folder / "structure.oebin").write_text(json.dumps(told))
    with pytest.raises(FormatError, match="not in its own folder"):
        read(tmp_path, format="openephys")


@pytest.mark.parametrize("told", ["face.mp4", "../secret/a.eeg", "{outside}/a.eeg"])
def test_a_video_is_taken_from_beside_an_nwb_file_alone(tmp_path, outside, told):
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "face.mp4").write_bytes(b"frames")
    (tmp_path / "way").symlink_to(tmp_path / "up", target_is_directory=True)
    session = NWBFile("one line", "id-1", datetime(2024, 5, 1, tzinfo=UTC))
    files = [told.format(outside=outside)]
    session.add_acquisition(
        ImageSeries(
            name="face",
            unit="n.a.",
            format="external",
            external_file=files,
            starting_frame=[0],
            timestamps=[0.0],
        )
    )
    with NWBHDF5IO(tmp_path / "up" / "a.nwb", "w") as io:
        io.write(session)
    found = read(tmp_path / "way" / "a.nwb")
    names = ["a.nwb", "face.mp4"] if told == "face.mp4" else ["a.nwb"]
    assert sorted(file.name for file in found.files) == names
    assert any("is not beside it" in note for note in found.notes) == (told != "face.mp4")


@pytest.mark.parametrize(("reader", "name"), [("biocam", "x.brw"), ("maxwell", "x.raw.h5")])
@pytest.mark.parametrize("way", ["link", "storage", "virtual"])
def test_hdf5_that_reaches_into_other_files_is_refused(tmp_path, outside, reader, name, way):
    with h5py.File(outside / "other.h5", "w") as other:
        other["values"] = np.arange(10)
    with h5py.File(tmp_path / name, "w") as file:
        if way == "link":
            file["sig"] = h5py.ExternalLink(str(outside / "other.h5"), "/values")
        elif way == "storage":
            file.create_dataset(
                "sig", (200,), "i2", external=[(str(outside / "a.eeg"), 0, h5py.h5f.UNLIMITED)]
            )
        else:
            layout = h5py.VirtualLayout((10,), "i8")
            layout[:] = h5py.VirtualSource(str(outside / "other.h5"), "values", (10,))
            file.create_virtual_dataset("sig", layout)
    with pytest.raises(FormatError, match=r"is a link into|lie in other files"):
        read(tmp_path / name, format=reader)


def test_a_folder_that_is_a_link_out_of_the_source_is_refused(tmp_path, outside):
    source = tmp_path / "up"
    source.mkdir()
    (source / "a.csv").write_text("t,x\n0,1\n")
    (source / "more").symlink_to(outside, target_is_directory=True)
    with pytest.raises(FormatError, match="the link 'more' leads out"):
        read(source)


def test_a_folder_that_is_a_link_within_the_source_is_left_out(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.csv").write_text("t,x\n0,1\n")
    (tmp_path / "again").symlink_to(tmp_path / "one", target_is_directory=True)
    assert [path.name for path in Source(tmp_path).files] == ["a.csv"]


def test_what_lies_within_is_allowed(tmp_path):
    assert within(tmp_path, "a b/c..d.eeg", told="it") == tmp_path / "a b" / "c..d.eeg"
    for name in ("..", "/etc/passwd", "\\\\host\\share", "c:x", "a\0b"):
        with pytest.raises(FormatError):
            within(tmp_path, name, told="it")
