"""Files that begin like a rig's and go on like anything: every reader says what is wrong."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core import plugins
from panneuro.core.errors import PanneuroError
from panneuro.formats.readers import GROUP, read
from panneuro.formats.source import Source

from .spoiling import refused_or_read, spoil

HDF5 = b"\x89HDF\r\n\x1a\n"
XML = b"<parameters><acquisitionSystem><nBits>16</nBits><nChannels>9</nChannels>"
LEGACY = b"header.format = 'Open Ephys Data Format'; header.version = 0.4; header.sampleRate = "
BEGINNINGS = [
    ("alphaomega", "x.mpx", b"h"),
    ("axona", "x.set", b"trial_date Monday, 1 Jan 2020\r\nnum_chans "),
    ("biocam", "x.brw", HDF5),
    ("blackrock", "x.nev", b"NEURALEV\x02\x01"),
    ("blackrock", "x.ns5", b"NEURALCD\x02\x03"),
    (
        "brainvision",
        "x.vhdr",
        b"Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\n",
    ),
    ("intan", "x.rhd", b"\x02\x27\x91\xc6\x01\x00\x05\x00"),
    ("intan", "x.rhs", b"\xac\x27\x91\xd6\x01\x00\x00\x00"),
    ("maxwell", "x.raw.h5", HDF5),
    ("mcs", "x.raw", b"MC_DataTool binary conversion\r\nVersion 2.6.15\r\nSample rate = "),
    ("micromed", "x.trc", b"* MICROMED  Brain-Quick file *"),
    ("neuralynx", "CSC1.ncs", b"######## Neuralynx Data File Header\r\n-SamplingFrequency "),
    ("neuroexplorer", "x.nex", b"NEX1\x6a\x00\x00\x00"),
    ("neuronexus", "x.xdat.json", b'{"status": {'),
    ("neuroscope", "x.xml", XML),
    ("openephys-legacy", "100_CH1.continuous", LEGACY),
    ("plexon", "x.plx", b"PLEX\x6a\x00\x00\x00"),
    ("spike2", "x.smr", b"\x09\x00(C) CED 87"),
    ("spikegadgets", "x.rec", b"<Configuration><SpikeConfiguration>"),
    ("suite2p", "plane0/F.npy", b"\x93NUMPY\x01\x00"),
    ("tdt", "a_b-1.tsq", b"\x00"),
    ("whitematter", "HSW_2024_12_12__10_28_23__70min_17sec__hsamp_64ch_25000sps.bin", b""),
    ("zarr-traces", "x.zarr/.zattrs", b'{"sampling_frequency": '),
]
REAL = [
    ("biocam", "raw/biocam/biocam_hw3.0_fw1.6.brw"),
    ("blackrock", "raw/blackrock/blackrock_2_1/l101210-001-02.nev"),
    ("intan", "raw/intan/intan_fpc_test_231117_052630"),
    ("openephys-legacy", "raw/openephys_legacy"),
    ("plexon", "raw/plexon/File_plexon_3.plx"),
    ("spike2", "raw/spike2/File_spike2_1.smr"),
    ("suite2p", "imaging/suite2p"),
]
ANY = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(("reader", "name", "begins"), BEGINNINGS)
@settings(max_examples=12, **ANY)
@given(rest=st.binary(max_size=600) | st.integers(-9, 10**12).map(lambda n: b"%d\r\n" % n))
def test_what_only_begins_well_is_refused_or_read(
    tmp_path: Path, reader: str, name: str, begins: bytes, rest: bytes
) -> None:
    path = tmp_path / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(begins + rest)
    assert 0 <= plugins.load(GROUP, reader).sniff(Source(path.parent)).score <= 1
    refused_or_read(read, path.parent, reader)


@pytest.mark.parametrize(("reader", "place"), REAL)
@settings(max_examples=4, **ANY)
@given(data=st.data())
def test_real_recordings_that_were_damaged_are_refused_or_read(
    sample_data: Path, tmp_path: Path, reader: str, place: str, data: st.DataObject
) -> None:
    original, copy = sample_data / place, tmp_path / Path(place).name
    if original.is_dir():
        shutil.copytree(original, copy, dirs_exist_ok=True)
    else:
        shutil.copyfile(original, copy)
    files = sorted(path for path in [copy, *copy.rglob("*")] if path.is_file())
    spoil(data.draw(st.sampled_from([path for path in files if path.stat().st_size])), data)
    refused_or_read(read, copy, reader)


def test_an_entity_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    names = "abcdefghij"
    grown = "".join(
        f'<!ENTITY {name} "{f"&{names[n - 1]};" * 10 if n else "a" * 10}">'
        for n, name in enumerate(names)
    )
    said = f'<!DOCTYPE parameters [{grown}]><parameters acquisitionSystem="&j;"/>'
    (tmp_path / "x.xml").write_text(said)
    (tmp_path / "x.dat").write_bytes(bytes(64))
    with pytest.raises(PanneuroError):
        read(tmp_path, "neuroscope")
