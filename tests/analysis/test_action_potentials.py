from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.action_potentials import COLUMNS, action_potentials
from panneuro.core.errors import InputError
from panneuro.formats.readers import read

RATE_HZ = 20_000.0
SHAPE_S = 0.4e-3


def sweep(at_s, height_v=0.1, duration_s=0.5, noise_v=0.0):
    """Return Gaussian spikes, each with an undershoot, on a rest of -70 mV."""
    t = np.arange(0, duration_s, 1 / RATE_HZ)
    voltage = np.full(len(t), -0.07) + noise_v * np.random.default_rng(0).standard_normal(len(t))
    for time in at_s:
        voltage += height_v * np.exp(-(((t - time) / SHAPE_S) ** 2))
        voltage -= 0.01 * np.exp(-(((t - time - 5e-3) / 2e-3) ** 2))
    return voltage


def test_each_is_found_and_measured():
    times = [0.05, 0.1, 0.3]
    found = action_potentials(sweep(times), RATE_HZ)
    assert found.peak_s.to_numpy() == pytest.approx(times, abs=1 / RATE_HZ)
    assert found.peak_v.to_numpy() == pytest.approx([0.03] * 3, abs=1e-4)
    # The steepest slope of a Gaussian is at 1/√2 of its width.
    steepest = 0.1 * np.sqrt(2) / SHAPE_S * np.exp(-0.5)
    assert found.upstroke_v_per_s.to_numpy() == pytest.approx([steepest] * 3, rel=0.02)
    assert found.downstroke_v_per_s.to_numpy() == pytest.approx([-steepest] * 3, rel=0.02)
    assert found.width_s.to_numpy() == pytest.approx([0.66e-3] * 3, abs=0.02e-3)
    assert found.ahp_s.to_numpy() == pytest.approx(np.array(times) + 5e-3, abs=1e-4)
    assert found.ahp_v.to_numpy() == pytest.approx([-0.08] * 3, abs=1e-4)
    depths = found.threshold_v - found.ahp_v
    assert found.ahp_depth_v.to_numpy() == pytest.approx(depths.to_numpy())
    assert (found.threshold_s < found.peak_s).all()


@given(
    gaps_ms=st.lists(st.floats(8, 60), min_size=0, max_size=8),
    noise_v=st.sampled_from([0.0, 2e-5]),
)
def test_as_many_are_found_as_there_are(gaps_ms, noise_v):
    times = 0.01 + np.cumsum(gaps_ms) * 1e-3
    found = action_potentials(sweep(times, duration_s=0.6, noise_v=noise_v), RATE_HZ)
    assert list(found.columns) == list(COLUMNS)
    assert found.peak_s.to_numpy() == pytest.approx(times, abs=2e-4)
    assert (found.height_v > 0.08).all()


def test_what_is_no_spike_is_passed_over():
    small = sweep([0.1], height_v=0.03)  # reaches -40 mV
    assert action_potentials(small, RATE_HZ).empty
    ramp = np.linspace(-0.07, 0.0, 10_000)
    assert action_potentials(ramp, RATE_HZ).empty
    step = np.where(np.arange(10_000) < 5_000, -0.07, -0.0695)
    assert action_potentials(step, RATE_HZ).empty


def test_a_pause_on_the_way_up_makes_no_second_spike():
    voltage = sweep([0.1])
    row = round(0.1 * RATE_HZ) - 5
    voltage[row + 1 :] = np.concatenate([[voltage[row]] * 2, voltage[row + 1 : -2]])
    assert len(action_potentials(voltage, RATE_HZ)) == 1


def test_a_spike_at_the_end_has_no_afterhyperpolarisation():
    (row,) = action_potentials(sweep([0.1])[: round(0.1 * RATE_HZ) + 2], RATE_HZ).to_dict("records")
    assert row["peak_v"] == pytest.approx(0.03, abs=1e-4)
    assert np.isnan([row["width_s"], row["ahp_v"], row["downstroke_v_per_s"]]).all()


def test_fast_sampling_is_smoothed():
    t = np.arange(0, 0.1, 1 / 200_000)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(t))
    voltage = -0.07 + 0.1 * np.exp(-(((t - 0.05) / SHAPE_S) ** 2)) + noise
    assert len(action_potentials(voltage, 200_000)) == 1


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((20, 2)), np.r_[np.zeros(20), np.nan]])
def test_what_is_no_sweep_is_refused(bad):
    with pytest.raises(InputError, match="no row of 16 or more"):
        action_potentials(bad, RATE_HZ)


EFEL = {
    # eFEL 5.7.34 on the same sweeps: number, and means of AP_peak_upstroke, AP_peak_downstroke
    # (V/s), peak_voltage, AP_begin_voltage (mV).
    3: (9, 500.972, -332.986, 61.160, -35.806),
    4: (21, 485.194, -319.554, 60.586, -34.881),
    5: (27, 451.447, -302.778, 58.867, -33.367),
    7: (37, 389.688, -265.161, 54.895, -30.633),
    9: (46, 336.209, -208.655, 55.784, -23.662),
}


def test_spikes_of_a_real_cell_are_those_that_efel_finds(sample_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = read(sample_data / "patch/nwb/LantyerEtAl2018_180817_ME_9_CC.nwb")
    sweeps = [
        s for s in recording.signals if getattr(s, "neurodata_type", "") == "CurrentClampSeries"
    ]
    found = [action_potentials(s.read(scaled=True).ravel(), s.rate_hz) for s in sweeps]
    assert [len(one) for one in found] == [0, 0, 0, 9, 21, 27, 33, 37, 42, 46]
    for number, (count, up, down, peak, begin) in EFEL.items():
        mean = found[number].mean()
        assert len(found[number]) == count
        assert mean.upstroke_v_per_s == pytest.approx(up, rel=1e-5)
        assert mean.downstroke_v_per_s == pytest.approx(down, rel=1e-5)
        assert 1e3 * mean.peak_v == pytest.approx(peak, abs=1e-3)
        # It begins elsewhere: eFEL at a slope of 10 V/s, we at a twentieth of the usual one.
        assert 1e3 * mean.threshold_v == pytest.approx(begin, abs=2.0)
