"""A file written by pynwb, read by us, stored as Zarr, and read again by pynwb: the same."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray
import zarr
from hdmf.common import DynamicTable, VectorData
from hdmf.container import AbstractContainer, Data
from hdmf_zarr.nwb import NWBZarrIO
from pynwb import NWBHDF5IO, NWBFile, TimeSeries, validate
from pynwb.base import Images, TimeSeriesReference
from pynwb.behavior import BehavioralEpochs, IntervalSeries, Position, SpatialSeries
from pynwb.device import Device
from pynwb.ecephys import LFP, ElectricalSeries
from pynwb.file import Subject
from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries
from pynwb.image import GrayscaleImage, ImageSeries
from pynwb.misc import AnnotationSeries
from pynwb.ophys import (
    Fluorescence,
    ImageSegmentation,
    OpticalChannel,
    RoiResponseSeries,
    TwoPhotonSeries,
)
from zarr.core.buffer import cpu
from zarr.storage import MemoryStore

from panneuro.core.errors import FormatError
from panneuro.documents.envelope import Documents
from panneuro.formats import nwb
from panneuro.formats.readers import choose
from panneuro.formats.source import Source
from panneuro.signals import events, frames, table, timeseries
from panneuro.signals.recording import Recording, Structure

REAL = (
    "nwb/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb",
    "patch/nwb/FergusonEtAl2015_PYR5_rebound.nwb",
    "patch/nwb/LantyerEtAl2018_180817_ME_9_CC.nwb",
    "behaviour/foraging/697062_2023-11-14_11-12-44.nwb",
    "behaviour/foraging/697062_2023-11-15_10-02-05.nwb",
    "behaviour/foraging/705599_2024-05-31_14-06-54.nwb",
)


def _ecephys(session: NWBFile, device: Device, rng: np.random.Generator) -> None:
    shank = session.create_electrode_group("shank", "a shank", "CA1", device)
    for channel in range(4):
        session.add_electrode(x=0.0, y=20.0 * channel, z=0.0, location="CA1", group=shank)
    region = session.create_electrode_table_region([3, 1, 0], "three of them")
    session.add_acquisition(
        ElectricalSeries(
            "raw",
            rng.integers(-500, 500, (200_000, 3)).astype(np.int16),
            region,
            rate=2000.0,
            starting_time=1.5,
            conversion=1e-6,
            offset=0.25,
            channel_conversion=[1.0, 2.0, 4.0],
        )
    )
    lfp = LFP()
    lfp.create_electrical_series(
        "ElectricalSeries",
        rng.random((900, 4)),
        session.create_electrode_table_region([0, 1, 2, 3], "all"),
        rate=100.0,
    )
    module = session.create_processing_module("ecephys", "filtered")
    module.add(lfp)
    session.add_unit_column("quality", "of sorting")
    for unit in range(3):
        session.add_unit(
            spike_times=np.sort(rng.random(5 * unit) * 10),
            quality=["good", "mua", "noise"][unit],
            electrodes=[unit],
            obs_intervals=[[0.0, 5.0], [6.0, 10.0]],
            waveform_mean=rng.random((8, 2)),
            waveforms=[[[0.5, 1.5]], [[2.5, 3.5]]] * unit or [[[0.0, 0.0]]],
        )


def _behaviour(session: NWBFile, rng: np.random.Generator) -> None:
    times = np.cumsum(rng.random(50))
    position = SpatialSeries("position", rng.random((50, 2)), timestamps=times, unit="meters")
    module = session.create_processing_module("behavior", "what it did")
    module.add(Position(spatial_series=position))
    module.add(TimeSeries("speed", rng.random(50), "m/s", timestamps=position))
    session.add_acquisition(TimeSeries("position", rng.random(9), "V", rate=3.0))
    session.add_acquisition(
        AnnotationSeries("remarks", data=["door", "näid"], timestamps=[0.5, 2.0])
    )
    runs = IntervalSeries("runs", data=[1, 2, -1, -2, 1], timestamps=[0.0, 1.0, 2.0, 3.0, 4.0])
    module.add(BehavioralEpochs(interval_series=runs))
    session.add_trial_column("rewarded", "or not")
    session.add_trial_column("licks", "when", index=True)
    raw = session.acquisition["raw"]
    for trial in range(4):
        session.add_trial(
            start_time=float(trial),
            stop_time=trial + 0.5,
            rewarded=bool(trial % 2),
            licks=list(np.arange(trial) / 10),
            timeseries=[raw],
        )
    session.add_epoch(0.0, 2.0, ["first", "half"])


def _icephys(session: NWBFile, device: Device, rng: np.random.Generator) -> None:
    electrode = session.create_icephys_electrode(
        name="pipette", description="a pipette", device=device, location="VISp"
    )
    for sweep in range(2):
        response = CurrentClampSeries(
            f"vm_{sweep}",
            rng.random(40).astype("f4"),
            electrode,
            0.02,
            rate=20e3,
            starting_time=float(sweep),
            sweep_number=np.uint32(sweep),
            conversion=1e-3,
        )
        stimulus = CurrentClampStimulusSeries(
            f"im_{sweep}",
            rng.random(40),
            electrode,
            0.5,
            rate=20e3,
            starting_time=float(sweep),
            sweep_number=np.uint32(sweep),
        )
        session.add_intracellular_recording(
            electrode=electrode,
            stimulus=stimulus,
            stimulus_start_index=0,
            stimulus_index_count=20,
            response=response,
            response_start_index=0,
            response_index_count=30,
        )
    session.add_icephys_simultaneous_recording(recordings=[0, 1])
    session.add_icephys_sequential_recording(simultaneous_recordings=[0], stimulus_type="step")


def _ophys(session: NWBFile, device: Device, rng: np.random.Generator) -> None:
    channel = OpticalChannel("green", "green", 510.0)
    plane = session.create_imaging_plane(
        "plane", channel, "L2/3", device, 920.0, "GCaMP6f", "VISl", 30.0
    )
    movie = rng.integers(0, 9, (12, 6, 5), dtype=np.uint16)
    session.add_acquisition(
        TwoPhotonSeries("two_photon", data=movie, imaging_plane=plane, unit="n.a.", rate=30.0)
    )
    session.add_acquisition(
        ImageSeries(
            "face",
            external_file=["face.mp4"],
            format="external",
            unit="n.a.",
            starting_frame=[0],
            timestamps=[0.0, 0.1],
            device=device,
        )
    )
    segmentation = ImageSegmentation()
    rois = segmentation.create_plane_segmentation("found by hand", plane, "rois")
    for roi in range(3):
        rois.add_roi(pixel_mask=[(roi, n, 0.5) for n in range(roi + 1)])
    region = rois.create_roi_table_region(description="all", region=[0, 1, 2])
    traces = RoiResponseSeries("RoiResponseSeries", rng.random((12, 3)), "a.u.", region, rate=30.0)
    module = session.create_processing_module("ophys", "traces")
    module.add(segmentation)
    module.add(Fluorescence(roi_response_series=traces))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a session with something of everything."""
    path = tmp_path_factory.mktemp("nwb") / "session.nwb"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _write(path)
    return path


def _write(path: Path) -> None:
    rng = np.random.default_rng(7)
    session = NWBFile(
        "one line",
        "id-1",
        datetime(2024, 5, 1, 9, 30, tzinfo=UTC),
        experimenter=["Doe, Jane", "Roe, Rik"],
        lab="a lab",
        institution="an institution",
        keywords=["näive", "mouse"],
        session_id="s1",
        notes="all fine",
        protocol="P-12",
        related_publications=["doi:10.1/x"],
        surgery="headpost",
        subject=Subject(
            subject_id="m1",
            species="Mus musculus",
            sex="F",
            age="P90D",
            weight="0.021 kg",
            date_of_birth=datetime(2024, 2, 1, tzinfo=UTC),
        ),
    )
    device = session.create_device("probe", "a probe")
    _ecephys(session, device, rng)
    _behaviour(session, rng)
    _icephys(session, device, rng)
    _ophys(session, device, rng)
    session.add_stimulus(Images("faces", [GrayscaleImage("one", rng.random((3, 4)))]))
    session.add_scratch(
        DynamicTable("extra", "a table", columns=[VectorData("n", "numbers", data=[1, 2])])
    )
    with NWBHDF5IO(path, "w") as io:
        io.write(session)


def stored(structure: Structure) -> MemoryStore:
    """Store a structure, with codecs of no account."""
    store = MemoryStore({k: cpu.Buffer.from_bytes(v) for k, v in structure.nodes.items()})
    for path, values in structure.bulk.items():
        array = zarr.open_array(store, path=path, mode="r+")
        assert array.shape == tuple(values.shape)
        array[...] = values[...]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(store)
    return store


@contextmanager
def both(path: Path, structure: Structure) -> Iterator[tuple[NWBFile, NWBFile]]:
    """Open the original and what we made of it with pynwb."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = stored(structure)
        with NWBHDF5IO(path, "r") as one, NWBZarrIO(store, mode="r") as two:
            yield one.read(), two.read()


def plain(value: Any) -> Any:
    """Reduce what pynwb gives to what can be compared."""
    if isinstance(value, TimeSeriesReference):
        return (int(value.idx_start), int(value.count), value.timeseries.object_id)
    if isinstance(value, AbstractContainer):
        return value.object_id
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, h5py.Dataset | zarr.Array) and value.dtype.kind in "biuf":
        return value.shape, str(value.dtype), np.asarray(value[()]).tobytes()
    if isinstance(value, list | tuple | Data) or getattr(value, "shape", ()):
        return [plain(element) for element in value]
    if hasattr(value, "shape") and not isinstance(value, np.generic):
        return plain(value[()])
    if isinstance(value, np.void):
        return tuple(plain(v) for v in value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic):
        value = value.item()
    return "nan" if value != value else value


def told(container: AbstractContainer) -> dict[str, Any]:
    """Return all that an object of pynwb holds."""
    fields = {k: v for k, v in container.fields.items() if k not in ("parent", "children")}
    if isinstance(container, Data):
        fields["data"] = container.data
    return {k: plain(v) for k, v in fields.items()}


def assert_same(path: Path, structure: Structure) -> int:
    """Compare every object that pynwb finds in the original and in ours."""
    with both(path, structure) as (one, two):
        assert set(one.objects) == set(two.objects)
        for key, container in one.objects.items():
            theirs, ours = told(container), told(two.objects[key])
            assert type(container).__name__ == type(two.objects[key]).__name__
            assert theirs == ours, container.name
        return len(one.objects)


def errors(io: Any) -> set[str]:
    return {f"{error.name}: {error.reason}" for error in validate(io=io)}


def assert_valid(path: Path, structure: Structure, folder: Path) -> None:
    """Our store has no fault that the original has not, or that pynwb's own copy would not have.

    Attributes are JSON in Zarr: an unsigned ``sweep_number`` comes back as a plain integer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with NWBHDF5IO(path, "r") as one, NWBZarrIO(folder / "copy", mode="w") as copy:
            known = errors(one)
            copy.export(src_io=one, write_args={"link_data": False})
        with NWBZarrIO(folder / "copy", mode="r") as copy:
            known |= errors(copy)
        with NWBZarrIO(stored(structure), mode="r") as two:
            assert errors(two) <= known


@pytest.fixture(scope="module")
def recording(written: Path) -> Recording:
    return nwb.read(Source(written))


def test_pynwb_reads_the_same_from_what_we_store(written: Path, recording: Recording) -> None:
    assert recording.structure is not None
    assert assert_same(written, recording.structure) > 80


def test_what_we_store_is_valid(written: Path, recording: Recording, tmp_path: Path) -> None:
    assert recording.structure is not None
    assert_valid(written, recording.structure, tmp_path)


@pytest.mark.parametrize("name", REAL)
def test_real_files_stay_the_same(sample_data: Path, name: str) -> None:
    path = sample_data / name
    found = nwb.read(Source(path))
    assert found.structure is not None
    assert assert_same(path, found.structure) > 5
    Documents.model_validate(found.documents)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_files_are_valid(sample_data: Path, name: str, tmp_path: Path) -> None:
    path = sample_data / name
    structure = nwb.read(Source(path)).structure
    assert structure is not None
    assert_valid(path, structure, tmp_path)


def test_every_group_opens_in_xarray(recording: Recording) -> None:
    assert recording.structure is not None
    store = stored(recording.structure)
    groups = [k for k in recording.structure.nodes if k.endswith("zarr.json")]
    opened = 0
    for key in groups:
        if json.loads(recording.structure.nodes[key])["node_type"] == "group":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with xarray.open_zarr(
                    store, group=key.removesuffix("zarr.json"), consolidated=False
                ) as found:
                    assert not set(found.sizes) & set(found.variables)
            opened += 1
    assert opened > 40


def test_series_are_told_as_pynwb_tells_them(written: Path, recording: Recording) -> None:
    with NWBHDF5IO(written, "r") as io:
        session = io.read()
        checked = 0
        for theirs in session.objects.values():
            ours = {
                s.path: s for s in recording.signals if isinstance(s, timeseries.TimeSeries)
            }.get(_path(theirs))
            if ours is None:
                continue
            checked += 1
            assert ours.neurodata_type == type(theirs).__name__
            assert ours.unit == theirs.unit
            np.testing.assert_array_equal(ours.data[:], theirs.data[:])
            np.testing.assert_array_equal(ours.times(), theirs.get_timestamps())
            if ours.name != "raw":
                np.testing.assert_allclose(
                    ours.read(scaled=True), theirs.get_data_in_units(), rtol=1e-6
                )
        assert checked == 10


def _path(container: Any) -> str:
    """Return where pynwb found an object."""
    found = getattr(container, "data", None)
    return found.name.strip("/").removesuffix("/data") if isinstance(found, h5py.Dataset) else ""


def test_channels_have_gains_and_electrodes(recording: Recording) -> None:
    raw = recording["raw"]
    assert isinstance(raw, timeseries.TimeSeries)
    np.testing.assert_array_equal(raw.gain, [1e-6, 2e-6, 4e-6])
    assert (raw.offset, raw.rate_hz, raw.start_s) == (0.25, 2000.0, 1.5)
    assert (raw.electrodes, raw.role, raw.unit) == ((3, 1, 0), "acquisition", "volts")
    lfp = recording["lfp"]
    assert isinstance(lfp, timeseries.TimeSeries)
    assert (lfp.path, lfp.role) == ("processing/ecephys/LFP/ElectricalSeries", "processing/ecephys")


def test_names_are_short_and_unique(recording: Recording) -> None:
    names = {signal.path: signal.name for signal in recording.signals}
    assert names["acquisition/position"] == "position"
    assert names["processing/behavior/Position/position"] == "behavior_position"
    assert len(set(names.values())) == len(recording.signals)


def test_linked_timestamps_are_followed(recording: Recording) -> None:
    speed, position = recording["speed"], recording["behavior_position"]
    assert isinstance(speed, timeseries.TimeSeries)
    assert isinstance(position, timeseries.TimeSeries)
    np.testing.assert_array_equal(speed.times(), position.times())


def test_units_are_events(written: Path, recording: Recording) -> None:
    units = recording["units"]
    assert isinstance(units, events.Events)
    assert units.table is not None
    with NWBHDF5IO(written, "r") as io:
        theirs = io.read().units
        for row in range(3):
            np.testing.assert_array_equal(units[row], theirs["spike_times"][row])
    assert units.table["quality"].tolist() == ["good", "mua", "noise"]
    assert [list(cell) for cell in units.table["electrodes"]] == [[0], [1], [2]]
    assert np.shape(units.table["waveform_mean"].tolist()) == (3, 8, 2)


def test_tables_are_told_as_pynwb_tells_them(written: Path, recording: Recording) -> None:
    trials = recording["trials"]
    assert isinstance(trials, table.Intervals)
    with NWBHDF5IO(written, "r") as io:
        theirs = io.read().trials.to_dataframe()
    for name in ("start_time", "stop_time", "rewarded"):
        np.testing.assert_array_equal(trials[name], theirs[name])
    assert [list(cell) for cell in trials["licks"]] == [list(cell) for cell in theirs["licks"]]
    assert (
        trials["timeseries"][0] == [{"idx_start": 0, "count": 0, "timeseries": "/acquisition/raw"}]
        or trials["timeseries"][0][0]["timeseries"] == "/acquisition/raw"
    )
    assert trials.arrow.num_rows == 4
    assert recording["epochs"].df["tags"].tolist() == [["first", "half"]]


def test_cells_recorded_in_patch_clamp_keep_their_sweeps(recording: Recording) -> None:
    response = recording["vm_1"]
    assert isinstance(response, timeseries.TimeSeries)
    assert response.attributes["sweep_number"] == 1
    assert response.attributes["electrode"] == "/general/intracellular_ephys/pipette"
    sweeps = recording["intracellular_recordings"]
    assert isinstance(sweeps, table.Table)
    assert sweeps["stimuli.stimulus"][1]["timeseries"] == "/stimulus/presentation/im_1"
    assert sweeps["responses.response"][0]["count"] == 30
    assert sweeps.arrow.num_rows == 2


def test_images_stay_frames(recording: Recording) -> None:
    movie, face = recording["two_photon"], recording["face"]
    assert isinstance(movie, frames.Frames)
    assert isinstance(face, frames.Frames)
    assert movie.read(0.1, 0.2).shape == (3, 6, 5)
    assert (face.file, face.times[:].tolist()) == ("face.mp4", [0.0, 0.1])
    assert any("face.mp4" in note for note in recording.notes)
    assert recording["faces"].df["picture"].tolist() == ["one"]


def test_rois_and_their_traces(recording: Recording) -> None:
    rois, traces = recording["rois"], recording["RoiResponseSeries"]
    assert isinstance(rois, table.Table)
    assert isinstance(traces, timeseries.TimeSeries)
    assert [len(mask) for mask in rois["pixel_mask"]] == [1, 2, 3]
    assert rois["pixel_mask"][2][1] == {"x": 2, "y": 1, "weight": 0.5}
    assert traces.data.shape == (12, 3)


def test_words_and_epochs(recording: Recording) -> None:
    remarks, runs = recording["remarks"], recording["runs"]
    assert isinstance(remarks, table.Table)
    assert isinstance(runs, table.Intervals)
    assert remarks["annotation"].tolist() == ["door", "näid"]
    assert runs.df.values.tolist() == [[0.0, 2.0, 1.0], [1.0, 3.0, 2.0]]
    assert any("never end" in note for note in recording.notes)


def test_documents_are_filled(recording: Recording) -> None:
    told = recording.documents
    assert told["subject"] == {
        "id": "m1",
        "species": "Mus musculus",
        "sex": "F",
        "age": "P90D",
        "weight_g": 21.0,
        "date_of_birth": "2024-02-01",
    }
    assert told["description"]["experimenters"] == ["Doe, Jane", "Roe, Rik"]
    assert told["description"]["keywords"] == ["näive", "mouse"]
    assert told["description"]["modalities"] == ["ecephys", "icephys", "ophys", "behavior"]
    assert told["acquisition"]["areas"] == ["CA1", "VISp", "VISl"]
    assert told["acquisition"]["session_start"].startswith("2024-05-01T09:30")
    assert told["instrument"]["devices"] == [{"name": "probe", "description": "a probe"}]
    Documents.model_validate(told)


def test_it_is_recognised(written: Path) -> None:
    name, match = choose(Source(written))
    assert (name, match.score) == ("nwb", 1.0)


def test_a_folder_of_several_files_is_refused(written: Path, tmp_path: Path) -> None:
    for name in ("a.nwb", "b.nwb"):
        shutil.copy(written, tmp_path / name)
    assert nwb.sniff(Source(tmp_path)).score > 0.5
    with pytest.raises(FormatError, match="holds 2 NWB files"):
        nwb.read(Source(tmp_path))


def test_zarr_v3_is_read_like_hdf5(written: Path, recording: Recording, tmp_path: Path) -> None:
    place = tmp_path / "copy.nwb.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with NWBHDF5IO(written, "r") as one, NWBZarrIO(place, mode="w") as copy:
            copy.export(src_io=one, write_args={"link_data": False})
    found = nwb.read(Source(place))
    assert found.structure is not None
    assert [s.name for s in found.signals] == [s.name for s in recording.signals]
    assert found.documents == recording.documents
    assert assert_same(written, found.structure) > 80


@pytest.mark.parametrize("cut", [8, 2000, 20_000])
def test_truncated_files_are_told(written: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.nwb"
    path.write_bytes(written.read_bytes()[:cut])
    assert nwb.sniff(Source(path)).score > 0
    with pytest.raises(FormatError, match=r"cut\.nwb"):
        nwb.read(Source(path))


@pytest.mark.parametrize("version", [b"NWB-1.0.6", np.arange(3), None])
def test_the_first_version_of_nwb_is_named(tmp_path: Path, version: Any) -> None:
    path = tmp_path / "cell.nwb"
    with h5py.File(path, "w") as handle:
        if version is None:
            handle.create_group("nwb_version")
        else:
            handle["nwb_version"] = version
        handle.create_group("acquisition/timeseries/Sweep_1")["data"] = np.arange(5.0)
    assert choose(Source(path))[0] == "nwb"
    with pytest.raises(FormatError, match=r"first version of NWB") as caught:
        nwb.read(Source(path))
    assert "convert it to NWB 2" in caught.value.hint
