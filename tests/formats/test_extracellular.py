"""Every stream of every real recording, bit for bit against neo's own reading."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source
from panneuro.signals.timeseries import TimeSeries

FILES = {
    "openephys-legacy": (
        "openephys_legacy/OpenEphys_SampleData_1",
        "OpenEphysRawIO",
        "dirname",
        {},
    ),
    "intan": ("intan/intan_fpc_test_231117_052630", "IntanRawIO", "info.rhd", {}),
    "neuralynx": (
        "neuralynx/Cheetah_v5.5.1/original_data",
        "NeuralynxRawIO",
        "dirname",
        {"gap_tolerance_ms": 0.0},
    ),
    "blackrock": ("blackrock/blackrock_2_1", "BlackrockRawIO", "l101210-001", {}),
    "plexon": ("plexon/File_plexon_3.plx", "PlexonRawIO", "", {"progress_bar": False}),
    "biocam": ("biocam/biocam_hw3.0_fw1.6.brw", "BiocamRawIO", "", {}),
    "spike2": ("spike2/File_spike2_1.smr", "Spike2RawIO", "", {}),
    "spike2-song": ("spike2/File_spike2_3.smr", "Spike2RawIO", "", {}),
}


@contextmanager
def by_neo(place: Path, kind: str, argument: str, keywords: dict[str, Any]) -> Iterator[Any]:
    """Yield neo's own reader, and close the files it would leave open."""
    from neo import rawio

    if argument == "dirname":
        raw = getattr(rawio, kind)(dirname=str(place), **keywords)
    else:
        raw = getattr(rawio, kind)(
            filename=str(place / argument if argument else place), **keywords
        )
    raw.parse_header()
    yield raw
    for name in ("_memmap_analogsignal_buffers", "_hdf5_analogsignal_buffers"):
        for segments in getattr(raw, name, {}).values():
            for file in (file for files in segments.values() for file in files.values()):
                file.close()
    for file in getattr(raw, "_nsx_fids", {}).values():
        file.close()


@pytest.mark.parametrize("name", FILES)
def test_every_stream_is_what_neo_reads(sample_data: Path, name: str) -> None:
    folder, kind, argument, keywords = FILES[name]
    place = sample_data / "raw" / folder
    assert choose(Source(place))[0] == name.partition("-song")[0]
    found = read(place)
    with by_neo(place, kind, argument, keywords) as raw:
        signals = [s for s in found.signals if isinstance(s, TimeSeries)]
        parts = range(raw.segment_count(0))
        streams = raw.header["signal_streams"]["name"]
        assert len(signals) >= len(streams) * len(parts)
        for segment in parts:
            suffix = f"_{segment + 1}" if segment else ""
            for index, stream in enumerate(streams):
                expected = raw.get_analogsignal_chunk(0, segment, stream_index=index)
                mine = [s for s in signals if s.source == stream and s.name.endswith(suffix)]
                mine = mine if suffix else [s for s in mine if not s.name.endswith("_2")]
                got = np.concatenate([s.data[:] for s in mine], axis=1)
                np.testing.assert_array_equal(got, expected)
                assert got.dtype == expected.dtype
                middle = len(got) // 2
                np.testing.assert_array_equal(
                    mine[0].data[middle : middle + 700, 0], got[middle:, 0][:700]
                )


@pytest.mark.parametrize("name", FILES)
def test_spikes_and_events_are_what_neo_finds(sample_data: Path, name: str) -> None:
    folder, kind, argument, keywords = FILES[name]
    place = sample_data / "raw" / folder
    found = read(place)
    units = next((s for s in found.signals if s.name == "units"), None)
    if name == "openephys-legacy":
        assert units is not None
        assert units.counts.tolist() == [454]
        return
    with by_neo(place, kind, argument, keywords) as raw:
        parts = range(raw.segment_count(0))
        counts = [
            sum(raw.spike_count(0, part, unit) for part in parts)
            for unit in range(raw.spike_channels_count())
        ]
    assert (units.counts.tolist() if units is not None else []) == counts


def test_a_gap_makes_a_second_signal_at_its_own_time(sample_data: Path) -> None:
    found = read(sample_data / "raw/neuralynx/Cheetah_v5.5.1/original_data")
    assert [len(found[name]) for name in ("csc", "csc_2")] == [1278976, 427008]
    assert found["csc_2"].start_s == pytest.approx((26366360633 - 26122557633) / 1e6)
    assert found["csc"].gain == 3.05185e-08
    assert found["units"].counts.tolist() == [1398, 1405]


def test_the_text_export_of_neuralynx_agrees(sample_data: Path) -> None:
    folder = sample_data / "raw/neuralynx/Cheetah_v5.5.1"
    found = read(folder / "original_data")["csc"]
    with (folder / "plain_data/Tet3a.txt").open() as lines:
        for record in range(20):
            fields = [int(field) for field in next(lines).split()]
            first = record * 512
            np.testing.assert_array_equal(found.data[first : first + 512, 0], fields[4:516])
            time = (fields[0] - 26122557633) / 1e6
            assert found.times()[first] == pytest.approx(time, abs=2e-6)


def test_slow_inputs_of_intan_run_at_the_rate_they_are_stored_at(sample_data: Path) -> None:
    found = read(sample_data / "raw/intan/intan_fpc_test_231117_052630")
    rates = {s.name: s.rate_hz for s in found.signals if isinstance(s, TimeSeries)}
    assert set(rates.values()) == {30000.0}
    assert found["analog_in"].offset == -10.24
    assert found["amplifier"].gain == 1.95e-07


def test_the_array_of_biocam_has_positions(sample_data: Path) -> None:
    import probeinterface

    place = sample_data / "raw/biocam/biocam_hw3.0_fw1.6.brw"
    found = read(place)
    probe = probeinterface.read_3brain(place)
    rows = found["electrodes"].df
    np.testing.assert_array_equal(rows[["rel_x", "rel_y"]], probe.contact_positions)
    scaled = found["mea"].read(0, 0.01, scaled=True)
    assert np.abs(scaled).max() < 4.2e-3


def test_analogue_inputs_of_blackrock_are_no_electrodes(sample_data: Path) -> None:
    found = read(sample_data / "raw/blackrock/blackrock_2_1")
    assert found["ns2_analog"].neurodata_type == "TimeSeries"
    assert found.documents["acquisition"]["session_start"].endswith("+00:00")
    assert any("-02.nev" in note for note in found.notes)


def test_several_recordings_in_a_folder_are_not_guessed(sample_data: Path) -> None:
    with pytest.raises(FormatError, match="holds 3 recordings") as error:
        read(sample_data / "raw/spike2")
    assert error.value.hint.startswith("name one: panneuro add ")


@pytest.mark.parametrize("name", [name for name in FILES if name != "biocam"])
def test_files_cut_off_while_they_are_read_are_told(
    sample_data: Path, tmp_path: Path, name: str
) -> None:
    place = sample_data / "raw" / FILES[name][0]
    copied = tmp_path / place.name
    if place.is_dir():
        shutil.copytree(place, copied, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(place, copied)
    found = read(copied)
    for file in found.files:
        os.truncate(file.path, file.path.stat().st_size // 8)
    signals = [signal for signal in found.signals if isinstance(signal, TimeSeries)]
    with pytest.raises(FormatError, match=r"had .* when it was opened|bytes were asked for"):
        [signal.data[:] for signal in signals]


@pytest.mark.parametrize("name", ["plexon", "biocam", "spike2", "spike2-song"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.9])
def test_files_cut_short_are_errors_or_shorter(
    sample_data: Path, tmp_path: Path, name: str, share: float
) -> None:
    place = sample_data / "raw" / FILES[name][0]
    content = place.read_bytes()
    (tmp_path / place.name).write_bytes(content[: int(len(content) * share)])
    told = ""
    try:
        found = read(tmp_path / place.name, name.partition("-song")[0])
        for signal in found.signals:
            if isinstance(signal, TimeSeries):
                signal.data[:10]
    except FormatError as error:
        told = str(error)
    assert not told or place.name in told


@pytest.mark.parametrize(
    ("place", "signal"), [("neuralynx", "csc"), ("openephys_legacy", "raw"), ("intan", "amplifier")]
)
def test_a_folder_above_the_recording_will_do(
    sample_data: Path, tmp_path: Path, place: str, signal: str
) -> None:
    folder = next(path for path in (sample_data / "raw" / place).rglob("*") if path.is_file())
    (tmp_path / "session").mkdir()
    for path in folder.parent.iterdir() if place != "neuralynx" else _originals(sample_data):
        shutil.copyfile(path, tmp_path / "session" / path.name)
    assert len(read(tmp_path)[signal]) > 1000


def _originals(sample_data: Path) -> list[Path]:
    return list((sample_data / "raw/neuralynx/Cheetah_v5.5.1/original_data").iterdir())


def test_a_file_that_is_named_brings_those_beside_it(sample_data: Path) -> None:
    stem = sample_data / "raw/blackrock/blackrock_2_1/l101210-001.ns2"
    found = read(stem)
    assert {f.name: f.kept for f in found.files} == {
        "l101210-001.ns2": False,
        "l101210-001.nev": True,
    }
    assert found["units"].counts.sum() == 14210
    header = sample_data / "raw/intan/intan_fpc_test_231117_052630/info.rhd"
    assert {"settings.xml", "amp-A-000.dat"} <= {f.name for f in read(header).files}
