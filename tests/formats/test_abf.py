"""Axon Binary Format, against pyabf and neo."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from neo.rawio import AxonRawIO

from panneuro.core.errors import FormatError
from panneuro.formats import abf
from panneuro.formats.source import Source
from panneuro.signals.recording import Recording
from panneuro.signals.table import Intervals
from panneuro.signals.timeseries import TimeSeries

pyabf = pytest.importorskip("pyabf")

REAL = ("17o05027_ic_ramp.abf", "17o05028_ic_steps.abf", "18711001.abf")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write two sweeps of voltage, as pyabf writes them."""
    path = tmp_path / "two.abf"
    sweeps = np.vstack([np.linspace(-70, 30, 1000), np.linspace(0, 10, 1000)])
    pyabf.abfWriter.writeABF1(sweeps, str(path), 20_000, units="mV")
    return path


def series(recording: Recording, kind: str) -> list[TimeSeries]:
    return [s for s in recording.signals if isinstance(s, TimeSeries) and s.neurodata_type == kind]


def test_written_sweeps_are_read(written: Path) -> None:
    found = abf.read(Source(written))
    first, second = (s for s in found.signals if isinstance(s, TimeSeries) and s.unit == "volts")
    assert (first.rate_hz, len(first), first.data.dtype) == (20_000, 1000, np.int16)
    np.testing.assert_allclose(first.read(scaled=True)[[0, -1]], [-0.07, 0.03], atol=1e-5)
    assert second.start_s == pytest.approx(0.05)


@pytest.mark.parametrize("cut", [3, 100, 600, 4000, 5000])
def test_truncated_files_are_told(written: Path, cut: int) -> None:
    written.write_bytes(written.read_bytes()[:cut])
    with pytest.raises(FormatError, match=r"two\.abf"):
        abf.read(Source(written))


def test_it_is_recognised(written: Path, tmp_path: Path) -> None:
    assert abf.sniff(Source(written)).score == 1
    (tmp_path / "other.abf").write_bytes(b"nothing")
    assert abf.sniff(Source(tmp_path / "other.abf")).score == 0
    assert abf.sniff(Source(tmp_path)).score == 0
    (tmp_path / "other.abf").write_bytes(written.read_bytes())
    assert abf.sniff(Source(tmp_path)).score == 0.6
    with pytest.raises(FormatError, match="2 ABF files"):
        abf.read(Source(tmp_path))


@pytest.mark.parametrize("name", REAL)
def test_integers_are_those_of_neo(sample_data: Path, name: str) -> None:
    path = sample_data / "patch/pyabf" / name
    found = series(abf.read(Source(path)), "CurrentClampSeries")
    neo = AxonRawIO(str(path))
    neo.parse_header()
    assert len(found) == neo.segment_count(0)
    for sweep, ours in enumerate(found):
        theirs = neo.get_analogsignal_chunk(0, sweep, stream_index=0)[:, 0]
        np.testing.assert_array_equal(ours.data[:], theirs)
        assert ours.start_s == pytest.approx(neo.get_signal_t_start(0, sweep, 0), abs=1e-9)
        assert ours.start_s == round(ours.start_s, 6)


@pytest.mark.parametrize("name", REAL)
def test_values_and_commands_are_those_of_pyabf(sample_data: Path, name: str) -> None:
    path = sample_data / "patch/pyabf" / name
    recording = abf.read(Source(path))
    theirs = pyabf.ABF(str(path))
    responses = series(recording, "CurrentClampSeries")
    commands = series(recording, "CurrentClampStimulusSeries")
    assert len(responses) == len(commands) == theirs.sweepCount
    for sweep, (response, command) in enumerate(zip(responses, commands, strict=True)):
        theirs.setSweep(sweep)
        ours = response.read(scaled=True) * 1e3
        np.testing.assert_allclose(ours, theirs.sweepY, rtol=1e-6)
        np.testing.assert_array_equal(command.data[:], theirs.sweepC)
        np.testing.assert_array_equal(command.data[100:200], theirs.sweepC[100:200])
        assert (response.unit, command.unit, command.gain) == ("volts", "amperes", 1e-12)
        assert command.start_s == response.start_s
    sweeps = recording["sweeps"]
    assert isinstance(sweeps, Intervals)
    assert sweeps["recordings"][1] == [responses[1].name]
    assert sweeps["stimuli"][1] == [commands[1].name]


def tampered(sample_data: Path, to: Path, section: int, at: int, value: int) -> Path:
    """Write a recording whose section of a kind has another number in its first row."""
    content = bytearray((sample_data / "patch/pyabf/18711001.abf").read_bytes())
    (block,) = struct.unpack_from("<I", content, section)
    struct.pack_into("<i", content, 512 * block + at, value)
    to.write_bytes(content)
    return to


@pytest.mark.parametrize("samples", [-5, 2**31 - 1])
def test_sweeps_that_are_not_in_the_file_are_refused(
    sample_data: Path, tmp_path: Path, samples: int
) -> None:
    path = tampered(sample_data, tmp_path / "x.abf", 316, 4, samples)
    with pytest.raises(FormatError, match=r"sweep \d+ has"):
        abf.read(Source(path))


def test_a_command_longer_than_the_recording_is_left_out(sample_data: Path, tmp_path: Path) -> None:
    path = tampered(sample_data, tmp_path / "x.abf", 156, 14, 2**31 - 1)
    found = abf.read(Source(path))
    assert any("epoch longer than the recording" in note for note in found.notes)
    assert not series(found, "CurrentClampStimulusSeries")
