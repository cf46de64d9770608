"""Every kind of real recording, through the public door: added, opened, compared, validated."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray
from hdmf_zarr.nwb import NWBZarrIO
from pynwb import validate
from pynwb.misc import Units

import panneuro
from panneuro.formats.readers import read
from panneuro.lake.asset import Asset
from panneuro.signals.events import Events
from panneuro.signals.recording import Recording

RECORDINGS = (
    "raw/spikeglx/np_ultra_stub",
    "raw/spikeglx/NP2_with_sync",
    "raw/spikeglx/Noise4Sam_g0",
    "raw/openephys_legacy/OpenEphys_SampleData_1",
    "raw/openephys_binary/v0.6.x_neuropixels_multiexp_multistream",
    "raw/intan/intan_fpc_test_231117_052630",
    "raw/neuralynx/Cheetah_v5.5.1",
    "raw/blackrock/blackrock_2_1",
    "raw/plexon/File_plexon_3.plx",
    "raw/biocam/biocam_hw3.0_fw1.6.brw",
    "raw/spike2/File_spike2_1.smr",
    "raw/locust_tetrode",
    "spikes/phy/phy_example_0",
    "spikes/nelpy/linear-track/spikes.mat",
    "lfp/ecog/sample_ecog.edf",
    "patch/pyabf/17o05028_ic_steps.abf",
    "patch/nwb/LantyerEtAl2018_180817_ME_9_CC.nwb",
    "nwb/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb",
    "behaviour/foraging/697062_2023-11-14_11-12-44.nwb",
    "behaviour/foraging/705599_2024-05-31_14-06-54.nwb",
    "behaviour/foraging/717121_2024-06-15_10-58-01.nwb",
    "behaviour/ibl/trials_df_test.csv",
    "video/openfield/m3v1mp4.mp4",
    "imaging/ScanImage/scanimage_20220923_noroi.tif",
    "imaging/suite2p/plane0",
    "imaging/792757260_test_data.h5",
)
UNSAID = {
    "description": {
        "title": "a real recording",
        "lab": "somewhere",
        "institution": "somewhere",
        "licence": "CC-BY-4.0",
        "modalities": ["ecephys"],
    },
    "subject": {"id": "one", "species": "mouse"},
    "acquisition": {"timezone": "UTC", "session_start": "2024-05-01T10:00:00+00:00"},
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_was_recorded_is_what_is_read(sample_data: Path, tmp_path: Path, name: str) -> None:
    lake = panneuro.open(tmp_path / "lake", create=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        added = lake.add(sample_data / name, template=UNSAID)
        asset, recording = lake[added.manifest.name], read(sample_data / name)
        assert_same(recording, asset)
        assert lake.check().ok
        assert_open_to_all(recording, asset, tmp_path / "lake" / added.manifest.prefix)


def assert_same(recording: Recording, asset: Asset) -> None:
    """Compare every signal with the reader's own, to the bit."""
    assert list(asset) == [signal.name for signal in recording.signals]
    for signal in recording.signals:
        back = asset[signal.name]
        for part in ("data", "timestamps", "times", "ends", "ids"):
            mine = getattr(signal, part, None)
            if mine is not None and not callable(mine):
                np.testing.assert_array_equal(getattr(back, part)[:], mine[:])
        for fact in ("rate_hz", "unit", "gain", "offset", "channels", "electrodes", "n_rows"):
            if hasattr(signal, fact):
                np.testing.assert_array_equal(getattr(back, fact), getattr(signal, fact))


def assert_open_to_all(recording: Recording, asset: Asset, folder: Path) -> None:
    """Open the version with pynwb and xarray alone, and let pynwb validate what we laid out."""
    with NWBZarrIO(str(folder), mode="r") as io:
        session = io.read()
        assert session.identifier
        if "units" in asset and session.units is not None:
            assert_same_spikes(session.units, asset.units)
        if recording.structure is None:
            assert validate(io=io) == []
    xarray.open_datatree(folder, engine="zarr", chunks=None).close()
    assert asset.zarr.attrs["neurodata_type"] == "NWBFile"


def assert_same_spikes(table: Units, units: Events) -> None:
    """Compare the spikes that pynwb finds of each unit with ours."""
    for row, unit in enumerate(units.ids):
        np.testing.assert_array_equal(table.get_unit_spike_times(row), units[unit])
