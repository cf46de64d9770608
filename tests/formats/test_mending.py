"""Formats of which neo tells some things wrongly, from small files made by their layouts."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from neo import rawio

from panneuro.core.errors import FormatError
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

MICRO = 1e-6
BEGAN = 1_714_550_400.25
"""When the tank was recorded, in seconds since 1970."""


def series(recording: Recording) -> dict[str, TimeSeries]:
    return {one.name: one for one in recording.signals if isinstance(one, TimeSeries)}


def trains(recording: Recording, name: str) -> dict[str, list[float]]:
    (found,) = (one for one in recording.signals if isinstance(one, Events) and one.name == name)
    return {str(unit): np.asarray(found[unit]).tolist() for unit in found.ids}


def volts(signal: TimeSeries) -> np.ndarray:
    return np.asarray(signal.data[:]) * np.asarray(signal.gain) + np.asarray(signal.offset)


def kept(recording: Recording) -> set[str]:
    return {file.name for file in recording.files if file.kept}


# --- Tucker-Davis Technologies: an index of records, and what they point at

TDT_RATE, CHUNK = 24_414.0625, 64
STREAM, SNIP, STRON, MARK = 0x8101, 0x8201, 0x0101, 0x8801
TDT_WAVE = (np.arange(4 * CHUNK * 2).reshape(-1, 2) * 3 % 500 - 250).astype("<i2")


def store(name: str, kind: int, channels: int, points: int, dataformat: int) -> str:
    told = {
        "StoreName": name, "HeadName": f"{name}|", "Enabled": 1, "CircType": 0,
        "NumChan": channels, "StrobeMode": 0, "TankEvType": kind, "NumPoints": points,
        "DataFormat": dataformat, "SampleFreq": TDT_RATE,
    }  # fmt: skip
    return "".join(f"NAME={key};TYPE=S;VALUE={value};\n" for key, value in told.items())


def tdt(
    folder: Path,
    name: str = "Tank_Block-1",
    *,
    wave: np.ndarray = TDT_WAVE,
    spikes: bool = True,
    discrete: bool = False,
    began: float = BEGAN,
) -> Path:
    """Write a block: two channels in four chunks, two events, and three spikes of two units."""
    folder.mkdir(parents=True, exist_ok=True)
    dataformat = {"f4": 0, "i2": 2}[wave.dtype.str[1:]]
    mode = STREAM | 0x10 if discrete else STREAM
    stores = [store("Wav1", mode, 2, CHUNK, dataformat), store("PC0/", STRON, 1, 1, 0)]
    stores += [store("eNe1", SNIP, 1, 30, 0)] if spikes else []
    tbk = "[STOREHDRITEM]\n".join(stores) + "[STOREHDRITEM]\n[USERNOTEDELIMITER]\n"
    (folder / f"{name}.Tbk").write_text(tbk)
    (folder / f"{name}.Tdx").write_bytes(b"")
    data, columns = b"", [b"", b""]
    records = [(0, MARK, b"\0", 0, 0, 0.0, 0, 0, 0.0), (10, MARK, b"\1", 0, 0, began, 0, 0, 0.0)]
    for at in range(len(wave) // CHUNK):
        for channel in range(2):
            place = len(columns[channel]) if discrete else len(data)
            chunk = wave[at * CHUNK : (at + 1) * CHUNK, channel].tobytes()
            columns[channel] += chunk if discrete else b""
            data += b"" if discrete else chunk
            time = began + 0.5 + at * CHUNK / TDT_RATE
            words = 10 + len(chunk) // 4
            records.append(
                (words, mode, b"Wav1", channel + 1, 0, time, place, dataformat, TDT_RATE)
            )
    for time, value in ((0.75, 1.0), (1.25, 2.5)):
        (bits,) = struct.unpack("<q", struct.pack("<d", value))
        records.append((10, STRON, b"PC0/", 0, 0, began + time, bits, 4, 0.0))
    for time, unit in ((0.6, 1), (0.7, 2), (0.8, 1)) if spikes else ():
        records.append((40, SNIP, b"eNe1", 1, unit, began + time, len(data), 0, TDT_RATE))
        data += np.zeros(30, "<f4").tobytes()
    records.append((10, MARK, b"\2", 0, 0, began + 2, 0, 0, 0.0))
    (folder / f"{name}.tsq").write_bytes(
        np.array(records, dtype=rawio.tdtrawio.tsq_dtype).tobytes()
    )
    (folder / f"{name}.tev").write_bytes(data)
    for channel in range(2 if discrete else 0):
        (folder / f"{name}_Wav1_Ch{channel + 1}.sev").write_bytes(columns[channel])
    return folder


@pytest.mark.parametrize("discrete", [False, True])
def test_a_block_of_tdt(tmp_path: Path, discrete: bool) -> None:
    recording = read(tdt(tmp_path / "Renamed" / "Block-1", discrete=discrete))
    wave = series(recording)["wav1"]
    assert (wave.rate_hz, wave.unit, wave.channels) == (TDT_RATE, "volts", ("Wav1 1", "Wav1 2"))
    assert wave.start_s == 0.5
    assert np.allclose(volts(wave), TDT_WAVE * MICRO)
    assert np.array_equal(wave.data[50:150, 1], TDT_WAVE[50:150, 1])
    began = recording.documents["acquisition"]["session_start"]
    assert datetime.fromisoformat(began) == datetime.fromtimestamp(BEGAN, UTC)
    assert trains(recording, "pc0") == {"1": [0.75], "2.5": [1.25]}
    found = trains(recording, "units")
    assert {name: np.round(times, 6).tolist() for name, times in found.items()} == {
        "ch1#1": [0.6, 0.8],
        "ch1#2": [0.7],
    }
    assert any(name.endswith(".tev") for name in kept(recording))


def test_it_is_said_why_a_format_is_chosen(tmp_path: Path) -> None:
    _, by_name = choose(Source(tdt(tmp_path / "Block-1")))
    assert by_name.reason == "Tank_Block-1.Tbk fits tdt by its name"
    (tmp_path / "axona").mkdir()
    _, by_bytes = choose(Source(axona(tmp_path / "axona")))
    assert by_bytes.reason == "s.set fits axona by its name and first bytes"


def test_what_lives_on_as_signals_of_tdt_is_not_kept_twice(tmp_path: Path) -> None:
    recording = read(tdt(tmp_path / "Block-1", spikes=False))
    names = {"Tank_Block-1.Tbk", "Tank_Block-1.Tdx", "Tank_Block-1.tsq"}
    assert kept(recording) == names
    assert not any("volts" in note for note in recording.notes)
    floats = tdt(tmp_path / "floats", wave=TDT_WAVE.astype("<f4"))
    assert any("many rigs store volts" in note for note in read(floats).notes)


def test_a_tank_of_tdt_has_its_blocks_on_one_clock(tmp_path: Path) -> None:
    for number in (1, 2):
        name = f"Block-{number}"
        tdt(tmp_path / "Tank" / name, f"Tank_{name}", began=BEGAN + 100 * number)
    recording = read(tmp_path / "Tank")
    found = series(recording)
    assert {name: one.start_s for name, one in found.items()} == {"wav1": 0.5, "wav1_2": 100.5}
    assert trains(recording, "pc0")["1"] == [0.75, 100.75]
    (tmp_path / "Tank").rename(tmp_path / "Other")
    with pytest.raises(FormatError, match=r"not called 'Other_Block-1\.tsq'"):
        read(tmp_path / "Other")


@pytest.mark.parametrize("ending", [".Tbk", ".Tdx", ".tev"])
def test_a_block_of_tdt_that_is_not_whole(tmp_path: Path, ending: str) -> None:
    folder = tdt(tmp_path / "Block-1")
    (folder / f"Tank_Block-1{ending}").unlink()
    with pytest.raises(FormatError, match=f"there is no 'Tank_Block-1{ending}' beside it"):
        read(folder)
    with pytest.raises(FormatError, match="one file of a recording of several"):
        read(folder / "Tank_Block-1.tsq", "tdt")


def test_a_block_of_tdt_without_data_tells_what_should_be_there(tmp_path: Path) -> None:
    folder = tdt(tmp_path / "Block-1")
    (folder / "Tank_Block-1.tev").write_bytes(b"")
    with pytest.raises(FormatError, match="tells of data in it: 'Wav1', 'eNe1'"):
        read(folder)


@pytest.mark.parametrize("discrete", [False, True])
def test_a_block_of_tdt_that_needs_no_data_tells_how_it_is_read(
    tmp_path: Path, discrete: bool
) -> None:
    wave = TDT_WAVE if discrete else TDT_WAVE[:0]
    folder = tdt(tmp_path / "Block-1", wave=wave, discrete=discrete, spikes=False)
    data = folder / "Tank_Block-1.tev"
    assert data.stat().st_size == 0
    with pytest.raises(FormatError, match=r"empty, as 'Tank_Block-1\.tsq' says") as error:
        read(folder)
    assert error.value.hint.endswith("printf 0 > Tank_Block-1.tev")
    data.write_bytes(b"0")
    found = read(folder)
    assert trains(found, "pc0") == {"1": [0.75], "2.5": [1.25]}
    assert len(series(found)["wav1"]) == len(wave)


def test_a_block_of_tdt_that_was_never_closed_prints_nothing(tmp_path: Path, capsys) -> None:
    folder = tdt(tmp_path / "Block-1")
    index = folder / "Tank_Block-1.tsq"
    index.write_bytes(index.read_bytes()[:-40])
    recording = read(folder)
    assert len(series(recording)["wav1"]) == len(TDT_WAVE)
    assert "segment stop time not found" in recording.notes
    assert capsys.readouterr().out == ""


def test_a_block_of_tdt_with_more_channels_than_there_can_be(tmp_path: Path) -> None:
    folder = tdt(tmp_path / "Block-1")
    path = folder / "Tank_Block-1.Tbk"
    path.write_text(
        path.read_text().replace("NumChan;TYPE=S;VALUE=2", "NumChan;TYPE=S;VALUE=99999999")
    )
    with pytest.raises(FormatError, match="99,999,999 channels"):
        read(folder)


# --- Axona: packets of three samples of 64 channels, in an order of their own

AXONA_RATE = 48_000
AXONA = (np.arange(300 * 64).reshape(-1, 64) * 5 % 3_000 - 1_500).astype("<i2")


def axona(folder: Path, tetrodes: Sequence[int] = (2, 5)) -> Path:
    """Write what some tetrodes recorded, and three spikes of the first."""
    lines = ["trial_date Wednesday, 1 May 2024", "trial_time 09:30:00", "rawRate 48000",
             "ADC_fullscale_mv 1500", "pretrigSamps 10", "duration 1"]  # fmt: skip
    lines += [f"collectMask_{one} {int(one in tetrodes)}" for one in range(1, 17)]
    lines += [f"gain_ch_{channel} {1_000 * (1 + channel)}" for channel in range(64)]
    (folder / "s.set").write_text("\r\n".join([*lines, "data_start", ""]))
    packets = np.zeros((len(AXONA) // 3, 216), "<i2")
    places = rawio.AxonaRawIO.channel_memory_offset
    for at in range(3):
        packets[:, 16 + 64 * at + np.array(places)] = AXONA[at::3]
    (folder / "s.bin").write_bytes(packets.tobytes())
    spikes = np.zeros((3, 4), [("time", ">i4"), ("samples", "i1", 50)])
    spikes["time"] = [[960], [9_600], [48_000]]
    header = ["duration 1", "num_chans 4", "timebase 96000 hz", "sample_rate 48000 hz",
              "num_spikes 3", "data_start"]  # fmt: skip
    told = "\r\n".join(header).encode() + spikes.tobytes() + b"\r\ndata_end\r\n"
    (folder / "s.1").write_bytes(told)
    (folder / "s.eeg").write_bytes(b"data_start")
    return folder


@pytest.mark.parametrize("tetrodes", [(1, 2), (2, 5), (3,)])
def test_axona(tmp_path: Path, tetrodes: Sequence[int]) -> None:
    recording = read(axona(tmp_path, tetrodes))
    raw = series(recording)["raw"]
    channels = np.array([4 * (one - 1) + at for one in tetrodes for at in range(4)])
    assert raw.channels == tuple(f"{one}{letter}" for one in tetrodes for letter in "abcd")
    assert (raw.rate_hz, raw.unit, raw.start_s) == (AXONA_RATE, "volts", 0.0)
    wanted = AXONA[:, channels] * (1.5 / 2**15 / (1_000 * (1 + channels)))
    assert np.allclose(volts(raw), wanted, rtol=1e-6)
    assert np.array_equal(raw.data[7:100, 2:4], AXONA[7:100, channels[2:4]])
    assert np.array_equal(raw.data[7:100, [3, 1]], AXONA[7:100, channels[[3, 1]]])
    assert recording.documents["acquisition"]["session_start"] == "2024-05-01T09:30:00"
    assert trains(recording, "units") == {"tetrode 1": [0.01, 0.1, 0.5]}
    assert {"s.bin", "s.1", "s.eeg"} <= kept(recording)
    assert "kept as they are, not read: s.eeg" in recording.notes


def test_samples_of_axona_that_are_cut_off_while_they_are_read(tmp_path: Path) -> None:
    raw = series(read(axona(tmp_path)))["raw"]
    assert np.array_equal(raw.data[:9, 0], AXONA[:9, 4])
    os.truncate(tmp_path / "s.bin", 432)
    with pytest.raises(FormatError, match="432 bytes and had 43,200 when it was opened"):
        raw.data[:9]


# --- Micromed: a header of zones, then samples of all channels

MICROMED_RATE = 512
MICROMED = (np.arange(2_000 * 3).reshape(-1, 3) * 7 % 900 + 32_000).astype("<u2")
ZONES = ("ORDER", "LABCOD", "NOTE", "FLAGS", "TRONCA", "IMPED_B", "IMPED_E", "MONTAGE", "COMPRESS",
         "AVERAGE", "HISTORY", "DVIDEO", "EVENT A", "EVENT B", "TRIGGER")  # fmt: skip


def micromed(path: Path) -> Path:
    """Write two channels of volts and one of percent; the second part begins a minute later."""
    held = dict.fromkeys(ZONES, b"")
    held["ORDER"] = np.arange(3, dtype="<u2").tobytes()
    for name, unit, top in (("Fp1", 0, 3_200), ("Fp2", 1, 5), ("SpO2", 100, 100)):
        label = struct.pack(
            "<2x6s6siiiiih", name.encode(), b"G2", 0, 65_535, 32_768, -top, top, unit
        )
        held["LABCOD"] += (label + struct.pack("<8xH", 1)).ljust(128, b"\0")
    held["TRONCA"] = np.array([512, 0, 512 * 61, 1_000, 0, 0], "<u4").tobytes()
    held["TRIGGER"] = struct.pack("<IHIH", 256, 7, 1_256, 8)
    held["EVENT A"] = struct.pack("<III", 3, 1_128, 1_256)
    header, place = bytearray(640), 640
    header[:32] = b"* MICROMED  Brain-Quick file *  "
    header[128:134] = bytes((1, 5, 124, 9, 30, 0))
    header[175] = 4
    for at, zone in enumerate(ZONES):
        entry = struct.pack("<8sII", zone.ljust(8).encode(), place, len(held[zone]))
        header[176 + 16 * at : 192 + 16 * at] = entry
        place += len(held[zone])
    struct.pack_into("<IHHHH", header, 138, place, 3, 6, MICROMED_RATE, 2)
    path.write_bytes(bytes(header) + b"".join(held.values()) + MICROMED.tobytes())
    return path


def test_micromed(tmp_path: Path) -> None:
    recording = read(micromed(tmp_path / "s.TRC"))
    found = series(recording)
    assert set(found) == {"eeg", "sp_o2", "eeg_2", "sp_o2_2"}
    first, second = found["eeg"], found["eeg_2"]
    assert (first.unit, first.rate_hz, first.channels) == ("volts", MICROMED_RATE, ("Fp1", "Fp2"))
    assert (first.start_s, second.start_s) == (1.0, 61.0)
    scale = np.array([6_400e-6, 10e-3]) / 65_536
    wanted = (MICROMED[:, :2].astype(float) - 32_768) * scale
    assert np.allclose(np.concatenate([volts(first), volts(second)]), wanted)
    assert found["sp_o2"].unit == "percent"
    assert recording.documents["acquisition"]["session_start"] == "2024-05-01T09:30:00"
    # The second trigger falls on the 257th sample of the second part.
    assert trains(recording, "trigger") == {"7": [1.5], "8": [61.5]}
    (lasting,) = (one for one in recording.signals if isinstance(one, Intervals))
    assert lasting.df[["start_time", "stop_time"]].to_numpy().tolist() == [[61.25, 61.5]]


# --- Alpha Omega: blocks that define channels, then blocks of what they recorded

AO_RATE = 22.32142857
"""Thousands of samples a second."""
AO_GAIN, AO_BITS = 20, 1_250_000 / 2**15
AO_WAVE = (np.arange(300 * 2).reshape(-1, 2) * 3 % 700 - 350).astype("<i2")


def block(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<Hc", len(body) + 3, kind) + body


def defined(number: int, name: str, mode: int = 0) -> bytes:
    text = name.encode() + b"\0\0"
    body = struct.pack("<xlhhhxBBB", 0, 1, 1, number, 0, 0, 0)
    body += struct.pack("<hffhh", mode, 5.0, AO_RATE, 0, 0)
    rest = (0.0, 100 * AO_GAIN) if mode == 0 else (1.0, 2.0, 0, 0, 0, 100 * AO_GAIN)
    body += struct.pack("<fh" if mode == 0 else "<ffhhhh", *rest)
    return block(b"2", body + text)


def alphaomega(folder: Path, gap: int = 0, *, spikes: bool = True, named: str = "") -> Path:
    """Write two channels, a line and spikes, from the sample 22,321,428 of the rig on."""
    first = 22_321_428
    began = first / (AO_RATE * 1_000)
    moment, ended = (9, 30, 0, 0, 1, 5, 2024, 3), began + 300 / AO_RATE / 1_000
    rest = (began, ended, 0, 4, b"ALab SNR\0", b"\0\1\0\0", 0)
    told = struct.pack("<xlhBBBBBBHBxddlB10s4sxl", 0, 1, *moment, *rest)
    body = block(b"h", told) + defined(1, "RAW 01") + defined(2, "RAW 02")
    body += defined(3, named) if named else b""
    body += defined(4, "SEG 01", mode=1) if spikes else b""
    ttl = struct.pack("<xlhhhxBBB", 0, 0, 1, 5, 0, 0, 0) + struct.pack("<fhfh", AO_RATE, 0, 0.0, 0)
    body += block(b"2", ttl + b"TTL 01\0\0")
    for at in range(0, 300, 100):
        late = gap if at == 200 else 0
        for channel in (1, 2):
            samples = AO_WAVE[at : at + 100, channel - 1].tobytes()
            head, tail = struct.pack("<ch", b"\0", channel), struct.pack("<L", first + at + late)
            body += block(b"5", head + samples + tail)
    for at in (50, 250) if spikes else ():
        shape = np.zeros(20, "<i2").tobytes()
        body += block(b"5", struct.pack("<ch", b"\1", 4) + shape + struct.pack("<L", first + at))
    body += block(b"5", struct.pack("<chLh", b"\0", 5, first + 150, 1))
    (folder / "s.mpx").write_bytes(body + struct.pack("<Hc", 0xFFFF, b"\0"))
    return folder


def test_alphaomega(tmp_path: Path) -> None:
    recording = read(alphaomega(tmp_path))
    raw = series(recording)["raw"]
    rate = float(np.float32(AO_RATE)) * 1_000
    assert (raw.unit, raw.start_s, raw.channels) == ("volts", 0.0, ("RAW 01", "RAW 02"))
    assert raw.rate_hz == pytest.approx(rate)
    assert np.allclose(volts(raw), AO_WAVE * (AO_BITS / AO_GAIN * MICRO))
    assert np.array_equal(raw.data[90:210, 1], AO_WAVE[90:210, 1])
    assert recording.documents["acquisition"]["session_start"] == "2024-05-01T09:30:00"
    (spikes,) = trains(recording, "units").values()
    assert spikes == pytest.approx([50 / rate, 250 / rate], abs=1e-4)
    assert trains(recording, "ttl_01") == {"1": [pytest.approx(150 / rate, abs=1e-4)]}
    assert kept(recording) == {"s.mpx"}


def test_what_alphaomega_lost_or_neo_leaves_out_is_told(tmp_path: Path) -> None:
    recording = read(alphaomega(tmp_path, spikes=False, named="ECoG HF 1"))
    assert any("not read: ECoG HF 1" in note for note in recording.notes)
    with pytest.raises(FormatError, match="'RAW 01' ends at its sample 22,321,628 and goes on"):
        read(alphaomega(tmp_path, gap=30))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_file_of_alphaomega_that_is_damaged_is_refused(tmp_path: Path, share: float) -> None:
    path = alphaomega(tmp_path) / "s.mpx"
    whole = path.read_bytes()
    at = int(share * len(whole))
    for spoilt in (whole[:at], whole[:at] + bytes(len(whole) - at)):
        path.write_bytes(spoilt)
        with pytest.raises(FormatError, match="damaged at its byte"):
            read(path.parent, "alphaomega")
