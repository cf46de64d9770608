from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile, TimeSeries

from panneuro.compute.products import product
from panneuro.compute.running import run
from panneuro.pipelines.spectra import lfp_spectra
from panneuro.testing.fields import make_field


def test_gamma_in_cortex_comes_with_gratings(add, result, tmp_path):
    name = add(make_field(tmp_path / "field.nwb"))
    asset = result("lfp-spectra", name)
    bands = asset["bands"].df.set_index(["area", "band", "condition"]).sort_index()
    gamma = bands.loc["VISp5", "gamma"].power
    # 40 µV of cosine have 8e-10 V².
    assert gamma["grating"] == pytest.approx(8e-10, rel=0.1)
    assert gamma["grey"] < gamma["grating"] / 50
    assert bands.loc[("VISp5", "gamma", "grating"), "peak_hz"] == pytest.approx(50, abs=2)
    assert (bands.loc["CA1", "theta"].peak_hz == 8.0).all()
    assert bands.loc["CA1", "theta"].n_presentations.sum() == 58
    spectra = product(asset, "spectra")
    at_gamma = spectra.sel(channel=7, frequency=50.0)
    assert at_gamma.low.sel(condition="grating") > at_gamma.high.sel(condition="grey")
    assert asset.read_file("figures/figure.png").startswith(b"\x89PNG")
    assert b"<svg" in product(asset, "figure")


def test_windows_beyond_the_recording_are_left_out(add, result, tmp_path):
    name = add(make_field(tmp_path / "field.nwb", seconds=20.0))
    bands = result("lfp-spectra", name, start_s=-1.5, stop_s=0.5)["bands"].df
    assert bands[(bands.area == "CA1") & (bands.band == "theta")].n_presentations.sum() == 17


def test_what_cannot_be_done_is_told(add, lake, tmp_path):
    name = add(make_field(tmp_path / "field.nwb", seconds=10.0, n_channels=2))
    (failed,) = run(lake, "lfp-spectra", on=lake[name], condition="image").failed
    assert "no column 'image'" in failed.error["message"]
    (failed,) = run(lake, "lfp-spectra", on=lake[name], stop_s=60.0).failed
    assert "of 8 trials none lies wholly in 'lfp'" in failed.error["message"]


@pytest.mark.parametrize(
    ("path", "rate_hz", "peak_hz"), [("ca1", 1250, 8.0), ("sample_data_2", 1000, 6.5)]
)
def test_theta_of_real_hippocampus(add, result, tmp_path, sample_data, path, rate_hz, peak_hz):
    """Theta of two rats, in windows of two seconds of either half of the recording."""
    values = np.load(sample_data / "lfp" / f"{path}.npy").ravel()
    nwb = NWBFile("rat hippocampus", path, datetime(2024, 5, 1, tzinfo=UTC))
    nwb.add_acquisition(TimeSeries(name="lfp", data=values, unit="volts", rate=float(rate_hz)))
    nwb.add_trial_column("condition", "half of the recording")
    starts = np.arange(0.0, len(values) / rate_hz - 2.0, 2.0)
    for start in starts:
        half = "first" if start < starts[-1] / 2 else "second"
        nwb.add_trial(start_time=start, stop_time=start + 2.0, condition=half)
    with NWBHDF5IO(tmp_path / "rat.nwb", "w") as io, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        io.write(nwb)
    name = add(tmp_path / "rat.nwb")
    asset = result("lfp-spectra", name, stop_s=2.0, half_bandwidth_hz=1.0)
    bands = asset["bands"].df.set_index("band")
    assert bands.loc["theta"].area.unique().tolist() == ["all"]
    assert bands.loc["theta"].peak_hz.to_numpy() == pytest.approx(peak_hz, abs=1.0)
    assert lfp_spectra.takes["lfp"] == "*lf*"
