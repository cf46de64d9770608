from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.formats.readers import choose, read
from panneuro.formats.source import Source

RNG = np.random.default_rng(5)
TRACES = RNG.integers(-300, 300, (1000, 4)).astype(np.int16)


def codec(name: str) -> Any:
    """Return a numcodecs codec by name, or skip."""
    if name == "blosc":
        from numcodecs import Blosc

        return Blosc("zstd")
    if name == "wavpack":
        module = pytest.importorskip(
            "wavpack_numcodecs.wavpack", reason="wavpack-numcodecs is missing"
        )
        return module.WavPack()
    module = pytest.importorskip("flac_numcodecs", reason="flac-numcodecs is missing")
    return module.Flac()


def write_store(place: Path, compressor: Any, zarr_format: Any = 2, segments: int = 1) -> None:
    """Write traces as SpikeInterface does."""
    import zarr
    from probeinterface import ProbeGroup, generate_linear_probe

    probe = generate_linear_probe(4, ypitch=20)
    probe.set_device_channel_indices([3, 2, 1, 0])
    group = ProbeGroup()
    group.add_probe(probe)
    root = zarr.open_group(place, mode="w", zarr_format=zarr_format)
    root.attrs.update(
        sampling_frequency=30000.0, num_segments=segments, probe=group.to_dict(array_as_list=True)
    )
    for segment in range(segments):
        array = root.create_array(
            f"traces_seg{segment}",
            shape=TRACES.shape,
            chunks=(300, 4),
            dtype="int16",
            compressors=compressor,
        )
        array[:] = TRACES
    for name, values in {
        "channel_ids": np.array(["AP1", "AP2", "AP3", "AP4"]),
        "properties/gain_to_uV": np.full(4, 0.195),
        "properties/offset_to_uV": np.zeros(4),
        "t_starts": np.array([2.5, 90.0][:segments]),
    }.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = root.create_array(name, shape=values.shape, dtype=values.dtype)
            array[:] = values


@pytest.mark.parametrize("name", ["blosc", "wavpack", "flac"])
def test_what_others_compressed_is_read(tmp_path: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_store(tmp_path / "probe.zarr", codec(name))
    found = read(tmp_path / "probe.zarr")
    assert choose(Source(tmp_path / "probe.zarr"))[0] == "zarr-traces"
    raw = found["raw"]
    np.testing.assert_array_equal(raw.data[:], TRACES)
    np.testing.assert_array_equal(raw.data[290:310, 1:3], TRACES[290:310, 1:3])
    assert (raw.rate_hz, raw.start_s, raw.gain, raw.unit) == (30000.0, 2.5, 1.95e-07, "volts")
    assert raw.channels == ("AP1", "AP2", "AP3", "AP4")
    assert found["electrodes"].df.rel_y.tolist() == [60.0, 40.0, 20.0, 0.0]


def test_version_3_is_read(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", "auto", 3)
    np.testing.assert_array_equal(read(tmp_path / "probe.zarr")["raw"].data[:], TRACES)


def test_segments_are_signals_at_their_own_times(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"), segments=2)
    found = read(tmp_path / "probe.zarr")
    assert (found["raw"].start_s, found["raw_2"].start_s) == (2.5, 90.0)
    assert found["raw"].electrodes == found["raw_2"].electrodes == (0, 1, 2, 3)


def test_a_folder_of_stores_is_one_recording(tmp_path: Path) -> None:
    for stream in ("ProbeA-AP", "ProbeA-LFP"):
        name = f"experiment1_Record Node 104#Neuropix-PXI-100.{stream}.zarr"
        write_store(tmp_path / "ecephys_compressed" / name, codec("blosc"))
    names = [signal.name for signal in read(tmp_path).signals]
    assert names == ["probe_a_ap", "probe_a_lfp", "electrodes"]


def test_absent_chunks_are_told(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"))
    (tmp_path / "probe.zarr/traces_seg0/1.0").unlink()
    assert any("1 of the 4 chunks" in note for note in read(tmp_path / "probe.zarr").notes)
    for chunk in (tmp_path / "probe.zarr/traces_seg0").glob("[0-9]*"):
        chunk.unlink()
    with pytest.raises(FormatError, match="none of the 4 chunks"):
        read(tmp_path / "probe.zarr")


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"))
    (tmp_path / "probe.zarr/traces_seg0/0.0").write_bytes(b"nonsense")
    raw = read(tmp_path / "probe.zarr")["raw"]
    with pytest.raises(FormatError, match=r"probe\.zarr"):
        raw.data[:10]


def test_an_unknown_codec_names_the_package(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"))
    said = tmp_path / "probe.zarr/traces_seg0/.zarray"
    said.write_text(said.read_text().replace('"blosc"', '"flac-of-tomorrow"'))
    shutil.rmtree(tmp_path / "probe.zarr/.zmetadata", ignore_errors=True)
    with pytest.raises(FormatError) as error:
        read(tmp_path / "probe.zarr")
    assert "flac" in str(error.value)


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"))
    said = tmp_path / "probe.zarr/channel_ids/.zarray"
    text = said.read_text().replace('"filters": null', '"filters": [{"id": "pickle"}]')
    assert "pickle" in text
    said.write_text(text)
    with pytest.raises(FormatError, match="pickle"):
        read(tmp_path / "probe.zarr")


def test_a_store_without_a_rate_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path / "probe.zarr", codec("blosc"))
    (tmp_path / "probe.zarr/.zattrs").write_text("{}")
    with pytest.raises(FormatError, match="sampling_frequency"):
        read(tmp_path / "probe.zarr")
