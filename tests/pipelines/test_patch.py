from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.icephys import VoltageClampSeries, VoltageClampStimulusSeries

from panneuro.compute.flow import up
from panneuro.compute.running import run
from panneuro.pipelines.patch import patch_clamp
from panneuro.testing.cells import AMPLITUDES_A, RESISTANCE_OHM, REST_V, TAU_S, make_cell

RATE_HZ = 20_000.0


@pytest.fixture
def made(lake, add):
    """Return what adds a file, runs the pipeline and gives its last asset, by name of the step."""

    def through(path, **options):
        add(path, **options)
        stages = up(lake, patch_clamp)["patch-clamp"]
        assert not [one.error for ran in stages for one in ran.failed]
        return [lake[name] for ran in stages for name in ran.outputs]

    return through


def test_a_cell_whose_membrane_is_known(made, tmp_path):
    quality, features = made(make_cell(tmp_path / "cell.nwb", noisy_sweep=6))
    why = quality["quality"].df.why
    assert (why[6], why.drop(6).unique().tolist()) == ("noise", [""])
    pulses = features["pulses"].df
    assert pulses.amplitude_a.to_numpy() == pytest.approx(np.delete(AMPLITUDES_A, 6))
    assert pulses.n_spikes[:4].tolist() == [0, 0, 0, 0]
    assert (np.diff(pulses.n_spikes[4:]) > 0).all()
    (cell,) = features["cell"].df.to_dict("records")
    assert cell["input_resistance_ohm"] == pytest.approx(RESISTANCE_OHM, rel=0.01)
    assert cell["tau_s"] == pytest.approx(TAU_S, rel=0.05)
    assert cell["rest_v"] == pytest.approx(REST_V, abs=1e-4)
    assert cell["rheobase_a"] == pytest.approx(110e-12)
    assert cell["peak_v"] == pytest.approx(30e-3, abs=1e-3)
    assert cell["n_sweeps"] == len(AMPLITUDES_A) - 1


def test_a_cell_that_fires_more_the_more_it_is_given(made, sample_data):
    quality, features = made(sample_data / "patch/nwb/LantyerEtAl2018_180817_ME_9_CC.nwb")
    assert quality["quality"].df.passes.all()
    pulses = features["pulses"].df
    assert pulses.n_spikes.tolist() == [0, 0, 0, 9, 21, 27, 33, 37, 42, 46]
    spikes = features["spikes"].df
    assert spikes.groupby("sweep").size().tolist() == [9, 21, 27, 33, 37, 42, 46]
    (cell,) = features["cell"].df.to_dict("records")
    assert cell["rheobase_a"] == pytest.approx(161e-12, rel=0.01)
    assert cell["rest_v"] == pytest.approx(-69.4e-3, abs=0.5e-3)
    assert 150e6 < cell["input_resistance_ohm"] < 200e6
    assert cell["max_rate_hz"] == pytest.approx(92)
    assert cell["upstroke_v_per_s"] == pytest.approx(568, rel=0.02)
    for asset, name in ((quality, "quality_figure"), (features, "figure")):
        assert asset.read_file(f"figures/{name}.png").startswith(b"\x89PNG")


def test_a_cell_that_fires_by_itself(made, sample_data):
    """Two pulses a sweep, one right after another: only those from rest are answers."""
    quality, features = made(sample_data / "patch/pyabf/17o05028_ic_steps.abf")
    assert quality["quality"].df.access_ohm[:10].isna().all()
    (cell,) = features["cell"].df.to_dict("records")
    assert 1.1e9 < cell["input_resistance_ohm"] < 1.4e9
    assert 0.04 < cell["tau_s"] < 0.07
    pulses = features["pulses"].df
    assert pulses.groupby("sweep").size().max() == 2
    assert (np.diff(np.sort(pulses.start_s.round(3).unique())) > 0.4).all()


def test_sweeps_without_a_pulse_still_have_spikes(made, sample_data):
    _, features = made(sample_data / "patch/pyabf/17o05027_ic_ramp.abf")
    assert features["spikes"].df.groupby("sweep").size().tolist() == [6, 9]
    assert len(features["pulses"].df) == 0
    assert features["cell"].df.n_spikes.tolist() == [15]


def clamped(path, access_ohm):
    """Write sweeps in voltage clamp: a step of -5 mV over a circuit that is known."""
    t = np.arange(0, 0.2, 1 / RATE_HZ) - 0.05
    on = (t >= 0) & (t < 0.1)
    nwb = NWBFile("voltage clamp of a circuit", "clamp", datetime(2024, 5, 1, tzinfo=UTC))
    electrode = nwb.create_icephys_electrode(
        name="pipette", description="glass", device=nwb.create_device("rig")
    )
    for number, access in enumerate(access_ohm):
        late = -0.005 / (access + 2e8)
        tau = 3e-11 / (1 / access + 1 / 2e8)
        course = late + (-0.005 / access - late) * np.exp(-np.maximum(t, 0) / tau)
        current = np.where(on, course, 0.0) - 5e-11
        said = {
            "electrode": electrode,
            "gain": 1.0,
            "rate": RATE_HZ,
            "sweep_number": np.uint64(number),
        }
        nwb.add_acquisition(VoltageClampSeries(name=f"vc_{number}", data=current, **said))
        nwb.add_stimulus(
            VoltageClampStimulusSeries(name=f"cmd_{number}", data=-0.07 - 0.005 * on, **said)
        )
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


def test_access_in_voltage_clamp(lake, add, result, tmp_path):
    name = add(clamped(tmp_path / "clamp.nwb", [1e7, 2e7, 8e7]))
    found = result("check-sweeps", name)["quality"].df
    assert found.clamp.tolist() == ["voltage"] * 3
    assert found.access_ohm.to_numpy() == pytest.approx([1e7, 2e7, 8e7], rel=0.05)
    assert found.membrane_ohm.to_numpy() == pytest.approx([2e8] * 3, rel=0.05)
    assert found.why.tolist() == ["", "", "access"]
    assert found.level.to_numpy() == pytest.approx([-5e-11] * 3)
    _, second = up(lake, patch_clamp)["patch-clamp"]
    assert "none in current clamp passes" in second.failed[0].error["message"]


def test_limits_fail_sweeps_and_features_leave_them_out(lake, add, sample_data, result):
    name = add(sample_data / "patch/nwb/LantyerEtAl2018_180817_ME_9_CC.nwb")
    found = result("check-sweeps", name, max_noise_v=0.285e-3)["quality"].df
    assert not found.passes.all()
    assert set(found.why) == {"", "noise"}


def test_what_has_no_sweeps_is_told(lake, add, tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("start_time,stop_time\n0.0,1.0\n1.0,2.0\n")
    name = add(path)
    (failed,) = run(lake, "check-sweeps", on=lake[name]).failed
    assert "has no sweeps" in failed.error["message"]
