from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats import edf
from panneuro.formats.edf import read as read_edf
from panneuro.formats.readers import Match, choose, read
from panneuro.formats.source import Source

from .spoiling import refused_or_read, spoil

RNG = np.random.default_rng(3)
FAST, SLOW = RNG.integers(-2048, 2047, (2, 3, 10)), RNG.integers(-2048, 2047, (1, 3, 2))


def field(value: object, width: int) -> bytes:
    return str(value).ljust(width).encode()


def write_edf(place: Path, kind: str = "EDF+C", onsets: tuple[float, ...] = (0, 0.1, 0.2)) -> None:
    """Write two fast channels, a slow one and annotations, in three records of 0.1 s."""
    labels = ["Fp1", "Fp2", "EOG left", "EDF Annotations"]
    units, lengths = ["uV", "mV", "uV", ""], [10, 10, 2, 20]
    limits = [(-100, 100), (-5, 5), (-100, 100), (-1, 1)]
    head = field("0", 8) + field("mouse7 M 02-MAY-1951 X", 80) + field("Startdate", 80)
    head += b"12.01.2412.30.05" + field(256 * 5, 8) + field(kind, 44) + field(3, 8)
    head += field(0.1, 8) + field(4, 4)
    columns = [
        [field(v, 16) for v in labels],
        [field("", 80)] * 4,
        [field(v, 8) for v in units],
        [field(low, 8) for low, _ in limits],
        [field(high, 8) for _, high in limits],
        [field(-2048, 8)] * 4,
        [field(2047, 8)] * 4,
        [field("", 80)] * 4,
        [field(v, 8) for v in lengths],
        [field("", 32)] * 4,
    ]
    body = b""
    for record, onset in enumerate(onsets):
        said = f"+{onset}\x14\x14\0".encode()
        if record == 1:
            said += b"+0.15\x150.5\x14seizure\x14\0"
        values = np.concatenate([FAST[:, record].ravel(), SLOW[0, record]]).astype("<i2")
        body += values.tobytes() + said.ljust(40, b"\0")
    place.write_bytes(head + b"".join(b"".join(column) for column in columns) + body)


def write_bdf(place: Path, values: np.ndarray) -> None:
    """Write two channels of 24 bits, BioSemi's triggers and annotations, in records of 0.5 s."""
    labels, units = ["A1", "A2", "Status", "BDF Annotations"], ["uV", "uV", "Boolean", ""]
    most = 2**23
    columns = [
        [field(label, 16) for label in labels],
        [field("", 80)] * 4,
        [field(unit, 8) for unit in units],
        [field(-262144, 8), field(-262144, 8), field(-most, 8), field(-1, 8)],
        [field(262143, 8), field(262143, 8), field(most - 1, 8), field(1, 8)],
        [field(-most, 8)] * 4,
        [field(most - 1, 8)] * 4,
        [field("", 80)] * 4,
        [field(length, 8) for length in (8, 8, 8, 10)],
        [field("", 32)] * 4,
    ]
    head = b"\xffBIOSEMI" + field("X X X X", 80) + field("", 80) + b"12.01.2412.30.05"
    head += field(256 * 5, 8) + field("24BIT", 44) + field(-1, 8) + field(0.5, 8) + field(4, 4)
    body = b""
    for number, record in enumerate(values):
        samples = record.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3]
        said = f"+{number / 2}\x14\x14\0+0.25\x14blink\x14\0" if number == 0 else "+0.5\x14\x14\0"
        body += samples.tobytes() + said.encode().ljust(30, b"\0")
    place.write_bytes(head + b"".join(b"".join(column) for column in columns) + body)


EXTREMES = np.array([-(2**23), 2**23 - 1, -1, 0, 1, 255, 256, -65536])
SAMPLES = np.stack([np.stack([EXTREMES, EXTREMES[::-1], np.arange(8) << 8])] * 2)


@pytest.mark.parametrize("piece", [1, 50, 1 << 20])
def test_samples_of_24_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(edf, "_PIECE_SAMPLES", piece)
    write_bdf(tmp_path / "x.bdf", SAMPLES)
    assert choose(Source(tmp_path)) == ("edf", Match(0.9, "x.bdf is BDF, EDF of 24 bits"))
    found = read(tmp_path)
    eeg = found["eeg"]
    assert (eeg.channels, eeg.rate_hz, eeg.data.dtype) == (("A1", "A2"), 16.0, np.int32)
    np.testing.assert_array_equal(eeg.data[:, 0], np.tile(EXTREMES, 2))
    np.testing.assert_array_equal(eeg.data[3:11, 1], np.tile(EXTREMES[::-1], 2)[3:11])
    np.testing.assert_allclose(eeg.read(scaled=True)[:2, 0], [-0.262144, 0.262143])
    np.testing.assert_array_equal(found["status"].data[:8, 0], np.arange(8) << 8)
    assert found["annotations"].df["label"].tolist() == ["blink"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_to_24_bits_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    write_bdf(tmp_path / "x.bdf", SAMPLES)
    spoil(tmp_path / "x.bdf", data)
    refused_or_read(read_edf, Source(tmp_path / "x.bdf"))


@pytest.mark.parametrize("piece", [1, 50, 1 << 20])
def test_channels_of_a_rate_and_unit_are_one_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(edf, "_PIECE_SAMPLES", piece)
    write_edf(tmp_path / "x.edf")
    assert choose(Source(tmp_path))[0] == "edf"
    found = read(tmp_path)
    eeg, eye = found["eeg"], found["eog_left"]
    np.testing.assert_array_equal(eeg.data[:], FAST.reshape(2, -1).T)
    np.testing.assert_array_equal(eeg.data[7:25, 1], FAST[1].ravel()[7:25])
    np.testing.assert_array_equal(eye.data[:, 0], SLOW.ravel())
    assert (eeg.rate_hz, eye.rate_hz) == (100, 20)
    assert (eeg.unit, eeg.channels) == ("volts", ("Fp1", "Fp2"))
    scaled = eeg.read(scaled=True)
    np.testing.assert_allclose(scaled[:, 0], (FAST[0].ravel() + 2048) * 200e-6 / 4095 - 100e-6)
    np.testing.assert_allclose(scaled[:, 1], (FAST[1].ravel() + 2048) * 10e-3 / 4095 - 5e-3)
    assert eye.neurodata_type == "TimeSeries"


def test_annotations_and_documents(tmp_path: Path) -> None:
    write_edf(tmp_path / "x.edf")
    found = read(tmp_path)
    assert found["annotations"].df.to_dict("records") == [
        {"start_time": 0.15, "stop_time": 0.65, "label": "seizure"}
    ]
    assert found.documents["subject"] == {"id": "mouse7", "sex": "M"}
    assert found.documents["acquisition"]["session_start"] == "2024-01-12T12:30:05"


def test_signals_and_annotations_are_on_one_clock(tmp_path: Path) -> None:
    write_edf(tmp_path / "x.edf", onsets=(0.77, 0.87, 0.97))
    found = read(tmp_path)
    assert [found[name].start_s for name in ("eeg", "eog_left")] == [0.77, 0.77]
    assert found["annotations"].df["start_time"].tolist() == [0.15]


def test_records_with_pauses_between_are_stamped(tmp_path: Path) -> None:
    write_edf(tmp_path / "x.edf", "EDF+D", (0, 0.1, 7.5))
    found = read(tmp_path)["eeg"]
    assert found.rate_hz is None
    np.testing.assert_allclose(found.times()[[0, 19, 20, 29]], [0, 0.19, 7.5, 7.59])


@pytest.mark.parametrize("cut", [0, 5, 255, 300, 1279, 1280, 1300, -1])
def test_files_that_end_too_early_are_refused(tmp_path: Path, cut: int) -> None:
    write_edf(tmp_path / "x.edf")
    content = (tmp_path / "x.edf").read_bytes()
    (tmp_path / "x.edf").write_bytes(content[:cut])
    with pytest.raises(FormatError):
        read(tmp_path / "x.edf", "edf")


def test_missing_records_are_told(tmp_path: Path) -> None:
    write_edf(tmp_path / "x.edf")
    content = (tmp_path / "x.edf").read_bytes()
    (tmp_path / "x.edf").write_bytes(content[: -2 * 42])
    assert any("2 of the 3 records" in note for note in read(tmp_path).notes)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    place = tmp_path / "x.edf"
    write_edf(place)
    spoil(place, data)
    refused_or_read(read_edf, Source(place))


def test_the_real_recording(sample_data: Path) -> None:
    place = sample_data / "lfp" / "ecog" / "sample_ecog.edf"
    eeg, heart = read(place)["eeg"], read(place)["auxiliary"]
    assert eeg.rate_hz == pytest.approx(999.41, abs=0.01)
    assert eeg.duration_s == pytest.approx(21.67, abs=0.01)
    # As MNE reads it, the seizure begins 10.22874 s after the first sample.
    assert read(place)["annotations"].df["start_time"][0] - eeg.start_s == pytest.approx(10.22874)
    assert (eeg.data.shape, heart.channels) == ((238 * 91, 76), ("EKGL", "EKGR"))
    records = np.frombuffer(place.read_bytes(), "<i2", offset=256 * 80).reshape(91, -1)
    np.testing.assert_array_equal(eeg.data[:238, 0], records[0, :238])
    np.testing.assert_array_equal(heart.data[-238:, 1], _channel(place, records, "EKGR"))
    assert 1e-6 < np.median(np.std(eeg.read(scaled=True), axis=0)) < 1e-3


def _channel(place: Path, records: np.ndarray, label: str) -> np.ndarray:
    labels = [place.read_bytes()[256 + 16 * i : 272 + 16 * i].strip() for i in range(79)]
    first = 238 * labels.index(label.encode())
    return records[-1, first : first + 238]
