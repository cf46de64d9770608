"""Formats of which no recording is at hand, from small files made by their published layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats.readers import read
from panneuro.signals.events import Events
from panneuro.signals.timeseries import TimeSeries

COUNTS = (np.arange(2 * 500, dtype="<i2").reshape(-1, 2) * 7) % 400 - 200
MICRO = 1e-6
NEUROSCOPE = """<?xml version="1.0"?>{dtd}<parameters><acquisitionSystem><nBits>16</nBits>
<nChannels>2</nChannels><samplingRate>20000</samplingRate><voltageRange>20</voltageRange>
<amplification>1000</amplification><offset>0</offset></acquisitionSystem><fieldPotentials>
<lfpSamplingRate>1250</lfpSamplingRate></fieldPotentials><anatomicalDescription><channelGroups>
<group><channel skip="0">0</channel><channel skip="0">1</channel></group></channelGroups>
</anatomicalDescription>{inside}</parameters>"""

Made = tuple[Path, np.ndarray, float]
"""What is to be read; the volts in it, time × channel; samples a second."""


def neuroscope(folder: Path) -> Made:
    (folder / "s.xml").write_text(NEUROSCOPE.format(dtd="", inside=""))
    (folder / "s.dat").write_bytes(COUNTS.tobytes())
    return folder, COUNTS * (20 / 2**16 / 1000), 20_000.0


def mcs(folder: Path) -> Made:
    header = (
        "MC_DataTool binary conversion\r\nVersion 2.6.15\r\nSample rate = 25000\r\n"
        "ADC zero = 32768\r\nEl = 0.5µV/AD\r\nStreams = El_11;El_12\r\nEOH\r\n"
    )
    data = (COUNTS.astype("i4") + 32_768).astype("<u2")
    (folder / "s.raw").write_bytes(header.encode("cp1252") + data.tobytes())
    return folder / "s.raw", COUNTS * 0.5 * MICRO, 25_000.0


def brainvision(folder: Path) -> Made:
    first = "Brain Vision Data Exchange {} File Version 1.0\n"
    (folder / "s.vhdr").write_text(
        first.format("Header") + "[Common Infos]\nDataFile=s.eeg\nMarkerFile=s.vmrk\n"
        "DataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=2\n"
        "SamplingInterval=2000\n[Binary Infos]\nBinaryFormat=INT_16\n"
        "[Channel Infos]\nCh1=Fp1,,0.1,µV\nCh2=Fp2,,0.1,µV\n",
        encoding="utf-8",
    )
    (folder / "s.vmrk").write_text(
        first.format("Marker") + "[Common Infos]\nDataFile=s.eeg\n[Marker Infos]\n"
        "Mk1=Stimulus,S  1,51,1,0\n"
    )
    (folder / "s.eeg").write_bytes(COUNTS.tobytes())
    return folder, COUNTS * 0.1 * MICRO, 500.0


def neuronexus(folder: Path) -> Made:
    stamps = np.arange(100, 100 + len(COUNTS))
    status = {
        "samp_freq": 30_000.0,
        "shape": COUNTS.shape,
        "timestamp_range": [100, 599],
        "t_range": [100 / 30_000, 600 / 30_000],
        "start_time": "2024-05-01T09:30:00",
    }
    channels = {
        "chan_name": ["a", "b"],
        "ntv_chan_name": ["pri_0", "pri_1"],
        "chan_type": ["ai0", "ai0"],
    }
    about = {"status": status, "sapiens_base": {"biointerface_map": channels}}
    (folder / "s.xdat.json").write_text(json.dumps(about))
    (folder / "s_data.xdat").write_bytes(COUNTS.astype("<f4").tobytes())
    (folder / "s_timestamp.xdat").write_bytes(stamps.astype("<i8").tobytes())
    return folder, COUNTS * MICRO, 30_000.0


def maxwell(folder: Path) -> Made:
    with h5py.File(folder / "s.raw.h5", "w") as file:
        file["version"] = np.array([b"20160704"])
        file["settings/lsb"] = [6.3e-6]
        kinds = [("channel", "i4"), ("electrode", "i4"), ("x", "f8"), ("y", "f8")]
        file["mapping"] = np.array([(0, 5, 17.5, 0.0), (1, 6, 35.0, 0.0)], kinds)
        file["sig"] = (COUNTS.T + 512).astype("u2")
    return folder / "s.raw.h5", (COUNTS + 512) * 6.3e-6, 20_000.0


MAKE: list[Callable[[Path], Made]] = [neuroscope, mcs, brainvision, neuronexus, maxwell]


@pytest.mark.parametrize("make", MAKE)
def test_samples_rate_and_scale_are_those_that_were_written(tmp_path: Path, make) -> None:
    path, volts, rate = make(tmp_path)
    recording = read(path)
    assert recording.format == make.__name__
    (found,) = (one for one in recording.signals if isinstance(one, TimeSeries))
    assert (found.unit, found.rate_hz) == ("volts", rate)
    offset = np.asarray(found.offset)
    assert np.allclose(np.asarray(found.data[:]) * found.gain + offset, volts, rtol=1e-6, atol=1e-9)


def test_units_of_neuroexplorer_fire_when_they_did(tmp_path: Path) -> None:
    head = np.zeros(1, [("sign", "S4"), ("version", "i4"), ("comment", "S256"),
                        ("freq", "f8"), ("ticks", "i4", 2), ("count", "i4"),
                        ("pad", "S260")])  # fmt: skip
    head[0] = (b"NEX1", 104, b"", 40_000.0, (0, 80_000), 1, b"")
    entity = np.zeros(208, "u1")
    entity[8:13] = np.frombuffer(b"unit1", "u1")
    spikes = np.array([400, 40_000, 60_000], "<i4")
    entity[72:80] = np.array([head.nbytes + 208, len(spikes)], "<i4").view("u1")
    (tmp_path / "s.nex").write_bytes(head.tobytes() + entity.tobytes() + spikes.tobytes())
    (units,) = (one for one in read(tmp_path / "s.nex").signals if isinstance(one, Events))
    assert [np.asarray(units[unit]).tolist() for unit in units.ids] == [[0.01, 1.0, 1.5]]


LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))


@pytest.mark.parametrize(
    ("entities", "inside"),
    [
        (f'<!ENTITY l0 "{"ha" * 10}">{LAUGHS}', "&l9;"),
        ('<!ENTITY outside SYSTEM "{secret}">', "&outside;"),
    ],
    ids=["billion laughs", "external entity"],
)
def test_entities_neither_grow_nor_reach_outside(
    tmp_path: Path, entities: str, inside: str
) -> None:
    (tmp_path / "secret").write_text("the secret")
    folder = tmp_path / "session"
    folder.mkdir()
    neuroscope(folder)
    entities = entities.replace("{secret}", (tmp_path / "secret").as_uri())
    text = NEUROSCOPE.format(dtd=f"<!DOCTYPE parameters [{entities}]>", inside=inside)
    (folder / "s.xml").write_text(text)
    with pytest.raises(FormatError) as caught:
        read(folder, "neuroscope")
    assert "the secret" not in str(caught.value)
