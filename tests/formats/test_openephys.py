from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source

from .spoiling import refused_or_read, spoil

RATE = 30000.0


def write_recording(
    root: Path,
    experiment: int = 1,
    recording: int = 1,
    n_rows: int = 40,
    first: int = 90000,
    software_ms: int | None = 1651600344618,
    stamps: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Write a tiny recording of one probe and a card, as version 0.6 does."""
    folder = root / "Record Node 101" / f"experiment{experiment}" / f"recording{recording}"
    rng = np.random.default_rng(n_rows + experiment)
    written: dict[str, np.ndarray] = {}
    told = []
    for name, channels in {
        "Neuropix-PXI-100.ProbeA-AP": ["AP1", "AP2", "AP_SYNC"],
        "NI-DAQmx-103.PXIe-6341": ["AI0", "AI1"],
    }.items():
        where = folder / "continuous" / name
        where.mkdir(parents=True)
        values = rng.integers(-500, 500, (n_rows, len(channels)), dtype=np.int16)
        if channels[-1] == "AP_SYNC":
            values[:, -1] = (np.arange(n_rows) // 10) % 2
        (where / "continuous.dat").write_bytes(values.tobytes())
        numbers = np.arange(first, first + n_rows)
        np.save(where / "sample_numbers.npy", numbers)
        np.save(where / "timestamps.npy", numbers / RATE if stamps is None else stamps)
        written[name] = values
        told.append(
            {
                "folder_name": f"{name}/",
                "sample_rate": RATE,
                "channels": [
                    {"channel_name": c, "bit_volts": 0.195 if "AP" in c else 0.0003, "units": ""}
                    for c in channels
                ],
            }
        )
    ttl = folder / "events" / "NI-DAQmx-103.PXIe-6341" / "TTL"
    ttl.mkdir(parents=True)
    np.save(ttl / "timestamps.npy", np.array([3.0, 3.2, 3.4]))
    np.save(ttl / "sample_numbers.npy", np.array([90000, 96000, 102000]))
    np.save(ttl / "states.npy", np.array([1, -1, 1], dtype=np.int16))
    np.save(ttl / "full_words.npy", np.array([1, 0, 1], dtype=np.uint64))
    events = [
        {
            "folder_name": "NI-DAQmx-103.PXIe-6341/TTL/",
            "channel_name": "digital in",
            "sample_rate": RATE,
        }
    ]
    structure = {"GUI version": "0.6.0", "continuous": told, "events": events, "spikes": []}
    (folder / "structure.oebin").write_text(json.dumps(structure))
    if software_ms is not None:
        line = f"Software Time (milliseconds since midnight Jan 1st 1970 UTC): {software_ms}\n"
        (folder / "sync_messages.txt").write_text(line)
    return written


def test_streams_are_bit_for_bit(tmp_path: Path) -> None:
    written = write_recording(tmp_path)
    found = read(tmp_path)
    assert choose(Source(tmp_path))[0] == "openephys"
    probe = written["Neuropix-PXI-100.ProbeA-AP"]
    np.testing.assert_array_equal(found["ap"].data[:], probe[:, :2])
    np.testing.assert_array_equal(found["ap_sync"].data[:], probe[:, 2:])
    np.testing.assert_array_equal(found["nidq"].data[:], written["NI-DAQmx-103.PXIe-6341"])
    np.testing.assert_array_equal(found["ap"].data[5:9, 1], probe[5:9, 1])
    np.testing.assert_array_equal(found["ap"].data[-1], probe[-1, :2])


def test_units_are_volts_for_probe_and_card_alike(tmp_path: Path) -> None:
    write_recording(tmp_path)
    found = read(tmp_path)
    assert (found["ap"].unit, found["ap"].gain) == ("volts", 1.95e-07)
    assert (found["nidq"].unit, found["nidq"].gain) == ("volts", 0.0003)
    assert found["ap"].neurodata_type == "ElectricalSeries"
    assert found["nidq"].neurodata_type == found["ap_sync"].neurodata_type == "TimeSeries"


def test_times_count_from_the_first_sample(tmp_path: Path) -> None:
    write_recording(tmp_path)
    found = read(tmp_path)
    assert found["ap"].start_s == 0
    np.testing.assert_allclose(found["nidq_ttl"]["line 1 on"], [0.0, 0.4], atol=1e-12)
    np.testing.assert_allclose(found["nidq_ttl"]["line 1 off"], [0.2], atol=1e-12)
    np.testing.assert_allclose(
        found["ap_sync_lines"]["AP_SYNC line 0 on"], np.array([10, 30]) / RATE, atol=1e-12
    )
    start = found.documents["acquisition"]["session_start"]
    assert start == "2022-05-03T17:52:24.618000+00:00"
    assert not any("zone" in note for note in found.notes)


def test_uneven_timestamps_are_kept_as_they_are(tmp_path: Path) -> None:
    stamps = 3 + np.arange(40) / RATE
    stamps[20:] += 0.5
    write_recording(tmp_path, stamps=stamps)
    found = read(tmp_path)["ap"]
    assert found.rate_hz is None
    np.testing.assert_allclose(found.times(), stamps - 3, atol=1e-12)


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_timestamps_that_were_not_synchronised_are_not_trusted(tmp_path: Path, bad: float) -> None:
    write_recording(tmp_path, stamps=np.full(40, bad))
    found = read(tmp_path)
    assert found["ap"].rate_hz == RATE
    assert any("not synchronised" in note for note in found.notes)


def test_lost_samples_move_what_follows(tmp_path: Path) -> None:
    write_recording(tmp_path, stamps=np.full(40, -1.0))
    for path in tmp_path.rglob("continuous/*/sample_numbers.npy"):
        numbers = np.arange(40) + 90000
        numbers[30:] += 300
        np.save(path, numbers)
    found = read(tmp_path)
    assert any("samples were lost" in note for note in found.notes)
    assert found["ap"].times()[-1] == pytest.approx(339 / RATE)


def test_experiments_are_put_on_one_clock(tmp_path: Path) -> None:
    write_recording(tmp_path)
    later = write_recording(tmp_path, experiment=2, first=3000, software_ms=1651600344618 + 60_000)
    found = read(tmp_path)
    assert found["ap_experiment1"].start_s == 0
    assert found["ap_experiment2"].start_s == pytest.approx(60)
    np.testing.assert_array_equal(
        found["ap_experiment2"].data[:], later["Neuropix-PXI-100.ProbeA-AP"][:, :2]
    )
    assert found["ap_experiment1"].electrodes == found["ap_experiment2"].electrodes
    assert any("2 experiments" in note for note in found.notes)


def test_experiments_without_a_date_are_not_guessed(tmp_path: Path) -> None:
    write_recording(tmp_path, software_ms=None)
    write_recording(tmp_path, experiment=2, software_ms=None)
    with pytest.raises(FormatError, match="several experiments") as error:
        read(tmp_path)
    assert "experiment1" in error.value.hint
    assert read(tmp_path / "Record Node 101" / "experiment2")["ap"].start_s == 0


def test_recordings_of_an_experiment_share_its_clock(tmp_path: Path) -> None:
    write_recording(tmp_path)
    write_recording(tmp_path, recording=2, first=390000)
    found = read(tmp_path)
    assert found["ap_2"].start_s - found["ap"].start_s == pytest.approx(10)


def test_a_missing_data_file_is_refused(tmp_path: Path) -> None:
    write_recording(tmp_path)
    data = next(tmp_path.rglob("Neuropix*/continuous.dat"))
    data.unlink()
    with pytest.raises(FormatError, match="1 of its data files are missing") as error:
        read(tmp_path)
    assert "continuous.dat" in error.value.message
    shutil.rmtree(data.parent)
    left = read(tmp_path)
    assert [s.name for s in left.signals] == ["nidq", "nidq_ttl"]
    assert any("missing" in note for note in left.notes)


def test_a_data_file_cut_within_a_sample_is_refused(tmp_path: Path) -> None:
    write_recording(tmp_path)
    data = next(tmp_path.rglob("Neuropix*/continuous.dat"))
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(FormatError, match="not a whole number of samples"):
        read(tmp_path)


def test_a_data_file_cut_short_is_told(tmp_path: Path) -> None:
    write_recording(tmp_path)
    data = next(tmp_path.rglob("Neuropix*/continuous.dat"))
    data.write_bytes(data.read_bytes()[: 6 * 25])
    found = read(tmp_path)
    assert len(found["ap"]) == 25
    assert any("25 of the 40 samples" in note for note in found.notes)


def test_a_structure_file_away_from_its_folders_is_refused(tmp_path: Path) -> None:
    write_recording(tmp_path / "whole")
    shutil.copy(next(tmp_path.rglob("structure.oebin")), tmp_path / "structure.oebin")
    shutil.rmtree(tmp_path / "whole")
    with pytest.raises(FormatError, match="experimentN/recordingN"):
        read(tmp_path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    write_recording(folder, n_rows=6)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    victim = data.draw(st.sampled_from([*files, *folder.rglob("structure.oebin")]))
    spoil(victim, data)
    refused_or_read(read, folder, "openephys")


MULTIPLE = "raw/openephys_binary/v0.6.x_neuropixels_multiexp_multistream"
INCOMPLETE = "raw/openephys_incomplete/tests/resources/ephys_test_data"


def test_real_experiments_are_bit_for_bit_what_neo_reads(sample_data: Path) -> None:
    from neo.rawio import OpenEphysBinaryRawIO

    found = read(sample_data / MULTIPLE)
    raw = OpenEphysBinaryRawIO(str(sample_data / MULTIPLE))
    raw.parse_header()
    names = {"NI-DAQ": "nidq", "ProbeB": "probe_b_ap", "ProbeC": "probe_c_ap"}
    for block, experiment in enumerate((1, 3, 6)):
        for index, stream in enumerate(raw.header["signal_streams"]["name"]):
            expected = raw.get_analogsignal_chunk(block, 0, stream_index=index)
            name = next(ours for theirs, ours in names.items() if theirs in stream)
            got = found[f"{name}_experiment{experiment}"]
            np.testing.assert_array_equal(got.data[:], expected)
            assert got.data.dtype == expected.dtype


def test_real_clocks_are_the_synchronised_ones(sample_data: Path) -> None:
    node = sample_data / MULTIPLE / "Record Node 101"
    found = read(node / "experiment1")
    stamps = {
        name: np.load(next(node.glob(f"experiment1/recording1/continuous/*{name}/timestamps.npy")))
        for name in ("ProbeB", "ProbeC", "6341")
    }
    for name, signal in (("ProbeC", "probe_c_ap"), ("6341", "nidq")):
        expected = stamps[name][0] - stamps["ProbeB"][0]
        assert found[signal].start_s == pytest.approx(expected, abs=1e-9)
    edges = node / "experiment1/recording1/events/Neuropix-PXI-100.ProbeB/TTL"
    states, times = np.load(edges / "states.npy"), np.load(edges / "timestamps.npy")
    np.testing.assert_allclose(
        found["probe_b_ttl"]["line 1 on"], times[states == 1] - stamps["ProbeB"][0], atol=1e-9
    )


def test_real_probes_have_their_positions(sample_data: Path) -> None:
    import probeinterface

    settings_file = sample_data / MULTIPLE / "Record Node 101" / "settings.xml"
    rows = read(sample_data / MULTIPLE)["electrodes"].df
    for name, group in (("ProbeB", "probe_b"), ("ProbeC", "probe_c")):
        probe = probeinterface.read_openephys_neuropixels(settings_file, stream_name=name)
        mine = rows[rows.group_name == group]
        np.testing.assert_array_equal(mine[["rel_x", "rel_y"]], probe.contact_positions)


def test_a_real_partial_upload_is_refused(sample_data: Path) -> None:
    (session,) = (sample_data / INCOMPLETE).iterdir()
    with pytest.raises(FormatError, match="2 of its data files are missing"):
        read(session)


def test_real_probes_are_called_as_their_signals(sample_data: Path) -> None:
    found = read(sample_data / MULTIPLE)
    probes = found.documents["instrument"]["probes"]
    assert [(p["name"], p["serial"], p["model"]) for p in probes] == [
        ("probe_b", "20403311724", "NP2000"),
        ("probe_c", "20403311714", "NP2000"),
    ]
