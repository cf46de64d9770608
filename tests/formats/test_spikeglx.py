from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats.readers import begin, choose, read
from panneuro.formats.source import Source

from .spoiling import refused_or_read, spoil

IMRO = "(0,4)" + "".join(f"({c} 0 0 {500 + 250 * (c % 2)} 250 1)" for c in range(4))
META = """acqApLfSy=4,4,1
fileCreateTime=2024-05-01T09:30:00
fileName=D:/run_g0/run_g0_t0.imec0.{band}.bin
fileSizeBytes={size}
firstSample={first}
imAiRangeMax=0.6
imDatPrb_pn=NP1000
imDatPrb_sn=123
imDatPrb_port=1
imDatPrb_slot=2
imSampRate={rate}
nSavedChans={saved}
snsApLfSy={counts}
snsSaveChanSubset={subset}
typeThis=imec
appVersion=20230815
~imroTbl={imro}
~snsChanMap=(4,4,1){channels}
"""


def write_imec(
    folder: Path, band: str = "ap", n_rows: int = 30, kept: tuple[int, ...] = (0, 1, 2, 3)
) -> np.ndarray:
    """Write a tiny probe of four channels and a sync line; return what was written."""
    rng = np.random.default_rng(len(band) + n_rows)
    n = len(kept)
    values = rng.integers(-512, 512, (n_rows, n + 1), dtype=np.int16)
    lf = band == "lf"
    channels = "".join(f"({band.upper()}{c};{c}:{i})" for i, c in enumerate(kept)) + f"(SY0;8:{n})"
    subset = ",".join(str(c + 4 * lf) for c in kept) + ",8"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"run_g0_t0.imec0.{band}"
    stem.with_suffix(f".{band}.bin").write_bytes(values.tobytes())
    text = META.format(
        band=band,
        size=values.nbytes,
        first=2500 if lf else 30000,
        rate=2500 if lf else 30000,
        saved=n + 1,
        counts=f"0,{n},1" if lf else f"{n},0,1",
        subset=subset,
        imro=IMRO,
        channels=channels,
    )
    stem.with_suffix(f".{band}.meta").write_text(text)
    return values


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_imec(tmp_path / "run_g0")
    return tmp_path / "run_g0"


def ap(folder: Path) -> Path:
    return folder / "run_g0_t0.imec0.ap.bin"


def test_several_runs_are_not_read_as_one(tmp_path: Path) -> None:
    for name in ("run_g0", "rest_g0"):
        write_imec(tmp_path / name)
    for path in sorted((tmp_path / "rest_g0").iterdir()):
        path.rename(path.with_name(path.name.replace("run", "rest")))
    with pytest.raises(FormatError, match="several runs \\('rest', 'run'\\)") as error:
        read(tmp_path)
    assert error.value.hint == f"add each: panneuro add {tmp_path}/*"
    for path in sorted((tmp_path / "rest_g0").iterdir()):
        path.rename(tmp_path / "run_g0" / path.name)
    with pytest.raises(FormatError, match="several runs") as error:
        read(tmp_path / "run_g0")
    assert error.value.hint == "give each run a folder of its own"


def test_bands_share_electrodes_and_start_together(tmp_path: Path) -> None:
    wide, slow = write_imec(tmp_path), write_imec(tmp_path, "lf", 5)
    found = read(tmp_path)
    assert choose(Source(tmp_path))[0] == "spikeglx"
    assert [s.name for s in found.signals if s.name != "electrodes"][:2] == ["ap", "lf"]
    np.testing.assert_array_equal(found["ap"].data[:], wide[:, :4])
    np.testing.assert_array_equal(found["lf"].data[:], slow[:, :4])
    np.testing.assert_array_equal(found["ap_sync"].data[:], wide[:, 4:])
    assert found["ap"].data.dtype == np.int16
    assert found["ap"].electrodes == found["lf"].electrodes == (0, 1, 2, 3)
    assert (found["ap"].start_s, found["lf"].start_s) == (0.0, 0.0)
    assert any("read 1.000000 s" in note for note in found.notes)
    assert found["ap_sync"].unit == "n.a."


def test_samples_are_searched_for_edges_when_it_is_completed(tmp_path: Path) -> None:
    values = write_imec(tmp_path)
    begun = begin(tmp_path)
    assert [signal.name for signal in begun.signals] == ["ap", "ap_sync", "electrodes"]
    whole = begun.complete()
    assert [one.name for one in whole.signals] == ["ap", "ap_sync", "ap_sync_lines", "electrodes"]
    assert whole.complete() is whole
    assert np.array_equal(whole["ap_sync"].data[:], values[:, 4:])
    assert (begun.files, begun.documents) == (whole.files, whole.documents)


def test_gains_follow_the_channel_and_are_exact(run: Path) -> None:
    found = read(run)["ap"]
    assert found.unit == "volts"
    np.testing.assert_allclose(found.gain, [0.6 / 512 / g for g in (500, 750) * 2], rtol=1e-15)


def test_a_saved_subset_keeps_each_channels_own_gain(tmp_path: Path) -> None:
    write_imec(tmp_path, kept=(1, 3))
    found = read(tmp_path)["ap"]
    assert found.channels == ("AP1", "AP3")
    np.testing.assert_allclose(found.gain, 0.6 / 512 / 750, rtol=1e-15)


def test_the_last_channel_has_its_gain_where_no_sync_was_saved(tmp_path: Path) -> None:
    values = write_imec(tmp_path)
    path = ap(tmp_path)
    path.write_bytes(np.ascontiguousarray(values[:, :4]).tobytes())
    text = path.with_suffix(".meta").read_text()
    text = text.replace("nSavedChans=5", "nSavedChans=4")
    text = text.replace("snsApLfSy=4,0,1", "snsApLfSy=4,0,0")
    text = text.replace("=0,1,2,3,8", "=0,1,2,3").replace("(SY0;8:4)", "")
    text = text.replace(f"fileSizeBytes={values.nbytes}", f"fileSizeBytes={path.stat().st_size}")
    path.with_suffix(".meta").write_text(text)
    found = read(tmp_path)["ap"]
    np.testing.assert_allclose(found.gain, [0.6 / 512 / g for g in (500, 750) * 2], rtol=1e-15)


def test_positions_are_those_of_probeinterface(run: Path) -> None:
    probeinterface = pytest.importorskip("probeinterface")
    probe = probeinterface.read_spikeglx(ap(run).with_suffix(".meta"))
    rows = read(run)["electrodes"].df
    np.testing.assert_array_equal(rows[["rel_x", "rel_y"]], probe.contact_positions)
    assert rows.contact_id.tolist() == probe.contact_ids.tolist()


def test_documents_tell_session_and_probe(run: Path) -> None:
    found = read(run)
    assert found.documents["acquisition"]["session_start"] == "2024-05-01T09:30:00"
    assert found.documents["instrument"]["probes"] == [
        {
            "name": "imec0",
            "kind": "probe",
            "manufacturer": "imec",
            "model": "NP1000",
            "serial": "123",
        }
    ]
    assert any("tells no time zone" in note for note in found.notes)
    assert {f.name: f.kept for f in found.files} == {
        "run_g0_t0.imec0.ap.bin": False,
        "run_g0_t0.imec0.ap.meta": True,
    }


def test_a_file_cut_short_is_told(run: Path) -> None:
    data = ap(run)
    data.write_bytes(data.read_bytes()[: 20 * 10])
    assert any("20 of the 30 samples" in note for note in read(run).notes)


def test_a_file_cut_within_a_sample_is_refused(run: Path) -> None:
    data = ap(run)
    data.write_bytes(data.read_bytes()[:-3])
    with pytest.raises(FormatError, match="not a whole number of samples") as error:
        read(run)
    assert "truncate -s 290" in error.value.hint


def test_a_missing_meta_is_refused(run: Path) -> None:
    ap(run).with_suffix(".meta").unlink()
    with pytest.raises(FormatError, match=r"there is no run_g0_t0.imec0.ap.meta"):
        read(run)


def test_a_missing_bin_is_told(tmp_path: Path) -> None:
    write_imec(tmp_path)
    write_imec(tmp_path, "lf", 5)
    (tmp_path / "run_g0_t0.imec0.lf.bin").unlink()
    assert any("lf.bin is missing" in note for note in read(tmp_path).notes)


def test_one_file_of_a_pair_is_not_a_recording(run: Path) -> None:
    with pytest.raises(FormatError) as error:
        read(ap(run))
    assert "folder" in str(error.value) or "meta" in str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("nSavedChans", "0"), ("nSavedChans", "-5"), ("nSavedChans", "x"), ("imSampRate", "0")],
)
def test_impossible_headers_are_refused(run: Path, field: str, value: str) -> None:
    meta = ap(run).with_suffix(".meta")
    lines = [
        f"{field}={value}" if line.startswith(f"{field}=") else line
        for line in meta.read_text().splitlines()
    ]
    meta.write_text("\n".join(lines))
    with pytest.raises(FormatError):
        read(run)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    write_imec(folder, n_rows=8)
    victim = folder / f"run_g0_t0.imec0.ap.{data.draw(st.sampled_from(['meta', 'meta', 'bin']))}"
    spoil(victim, data)
    refused_or_read(read, folder, "spikeglx")


PROBES = sorted(
    {
        "NP-Ultra.meta",
        "NP1_saved_only_subset_of_channels.meta",
        "NP2_2013_all_channels.imec0.ap.meta",
        "NP2_2013_subset_channels.imec0.ap.meta",
        "NP2_4_shanks.imec0.ap.meta",
        "NP2_4_shanks_save_different_electrodes.imec0.ap.meta",
        "NP2020_sample_g0_t0.imec0.ap.meta",
        "Noise_g0_t0.imec0.ap.meta",
        "allan-longcol_g0_t0.imec0.ap.meta",
        "catgt.meta",
        "doppio-checkerboard_t0.imec0.ap.meta",
        "non_human_primate_long_staggered.imec0.ap.meta",
        "non_human_primate_short_linear_probe_type_0.meta",
        "p2_g0_t0.imec0.ap.meta",
        "phase3a.imec.ap.meta",
    }
)


@pytest.mark.parametrize("name", PROBES)
def test_every_kind_of_probe(sample_data: Path, tmp_path: Path, name: str) -> None:
    probeinterface = pytest.importorskip("probeinterface")
    origin = sample_data / "metadata" / "probes" / "spikeglx" / name
    shutil.copyfile(origin, tmp_path / name)
    fields = dict(line.split("=", 1) for line in origin.read_text().splitlines() if "=" in line)
    values = np.arange(20 * int(fields["nSavedChans"]), dtype=np.int16)
    (tmp_path / name).with_suffix(".bin").write_bytes(values.tobytes())
    found = read(tmp_path)
    trace = next(s for s in found.signals if s.neurodata_type == "ElectricalSeries")
    probe = probeinterface.read_spikeglx(origin)
    rows = found["electrodes"].df
    np.testing.assert_array_equal(rows[["rel_x", "rel_y"]], probe.contact_positions)
    assert rows.contact_id.tolist() == probe.contact_ids.tolist()
    assert trace.n_channels == len(probe.contact_positions)
    if "ap_gains" in probe.contact_annotations:
        told = np.asarray(probe.contact_annotations["ap_gains"], dtype=float)
        expected = float(fields["imAiRangeMax"]) / 512 / told
        np.testing.assert_allclose(np.broadcast_to(trace.gain, told.shape), expected, rtol=1e-12)


def test_a_probe_whose_gains_are_not_understood_is_refused(
    sample_data: Path, tmp_path: Path
) -> None:
    name = "NP1110_bank0_g0_t0.imec0.ap.meta"
    shutil.copyfile(sample_data / "metadata" / "probes" / "spikeglx" / name, tmp_path / name)
    (tmp_path / name).with_suffix(".bin").write_bytes(bytes(770))
    with pytest.raises(FormatError, match="NP1110"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["NP2_with_sync", "Noise4Sam_g0", "np_ultra_stub"])
def test_real_recordings_are_bit_for_bit_what_neo_reads(sample_data: Path, name: str) -> None:
    from neo.rawio import SpikeGLXRawIO

    folder = sample_data / "raw" / "spikeglx" / name
    found, raw = read(folder), SpikeGLXRawIO(str(folder))
    raw.parse_header()
    base = min(raw.get_signal_t_start(0, 0, i) for i in range(raw.signal_streams_count()))
    for index, stream in enumerate(raw.header["signal_streams"]["name"]):
        expected = raw.get_analogsignal_chunk(0, 0, stream_index=index)
        mine = [s for s in found.signals if getattr(s, "source", None) == stream]
        got = np.concatenate([s.data[:] for s in mine], axis=1)
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype
        assert mine[0].start_s == pytest.approx(raw.get_signal_t_start(0, 0, index) - base)
        assert mine[0].rate_hz == raw.get_signal_sampling_rate(index)
        np.testing.assert_array_equal(mine[0].data[7:19, 0:1], got[7:19, 0:1])


def test_digital_words_are_not_volts(sample_data: Path) -> None:
    found = read(sample_data / "raw" / "spikeglx" / "Noise4Sam_g0")
    assert found["nidq"].channels == tuple(f"XA{i}" for i in range(8))
    assert (found["nidq"].unit, found["nidq_digital"].unit) == ("volts", "n.a.")
    assert found["nidq"].neurodata_type == "TimeSeries"
    assert found["ap"].attributes == {"band": "ap"}
