from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.current_pulses import pulse_answer, pulses
from panneuro.core.errors import InputError
from panneuro.formats.readers import read

RATE_HZ = 20_000.0


def steps(*parts, noise=0.0):
    """Return a stimulus of (seconds, level) one after the other."""
    whole = np.concatenate([np.full(round(s * RATE_HZ), level) for s, level in parts])
    return whole + noise * np.random.default_rng(0).standard_normal(len(whole))


@given(
    amplitude=st.floats(5e-12, 5e-10),
    sign=st.sampled_from([-1, 1]),
    holding=st.floats(-1e-10, 1e-10),
    rest_s=st.floats(0.05, 0.3),
    lasting_s=st.floats(0.05, 0.5),
)
def test_a_pulse_is_found_where_it_is(amplitude, sign, holding, rest_s, lasting_s):
    level = holding + sign * amplitude
    found = pulses(steps((rest_s, holding), (lasting_s, level), (0.1, holding)), RATE_HZ)
    assert len(found) == 1
    assert found.start_s[0] == pytest.approx(rest_s, abs=1e-4)
    assert found.stop_s[0] == pytest.approx(rest_s + lasting_s, abs=1e-4)
    assert found.amplitude[0] == pytest.approx(sign * amplitude, rel=1e-6)
    assert found.before_s[0] == pytest.approx(rest_s, abs=1e-4)


def test_noise_and_artefacts_make_no_pulses():
    stimulus = steps((0.1, 0.0), (0.3, -2e-10), (0.3, 0.0), noise=2.5e-12)
    stimulus[5_000:5_010] += 4e-10
    found = pulses(stimulus, RATE_HZ)
    assert found.amplitude.to_numpy() == pytest.approx([-2e-10], abs=1e-12)
    assert pulses(steps((0.5, 5e-11), noise=2.5e-12), RATE_HZ).empty
    assert pulses(np.zeros(1000), RATE_HZ).empty


def test_a_pulse_right_after_another_is_not_from_rest():
    found = pulses(steps((0.1, 0.0), (0.2, -5e-11), (0.2, 5e-11), (0.1, 0.0)), RATE_HZ)
    assert found.before_s.to_numpy() == pytest.approx([0.1, 0.0], abs=1e-3)
    assert found.amplitude.to_numpy() == pytest.approx([-5e-11, 5e-11])


def test_short_pulses_are_passed_over_on_demand():
    stimulus = steps((0.1, 0.0), (0.01, 6e-11), (0.1, 0.0), (0.2, 9e-11), (0.1, 0.0))
    assert len(pulses(stimulus, RATE_HZ)) == 2
    assert pulses(stimulus, RATE_HZ, min_s=0.05).amplitude.tolist() == pytest.approx([9e-11])


@given(
    resistance=st.floats(5e7, 1e9),
    series=st.floats(0, 3e7),
    tau=st.floats(0.005, 0.05),
    amplitude=st.sampled_from([-1e-10, -5e-11, 2e-11]),
)
def test_a_circuit_is_measured(resistance, series, tau, amplitude):
    t = np.arange(0, 0.6, 1 / RATE_HZ) - 0.1
    charged = resistance * (1 - np.exp(-np.maximum(t, 0) / tau)) + series
    voltage = -0.07 + amplitude * np.where(t < 0, 0.0, charged)
    found = pulse_answer(voltage, RATE_HZ, 0.1, 0.6, amplitude)
    assert found.baseline_v == pytest.approx(-0.07)
    assert found.resistance_ohm == pytest.approx(resistance + series, rel=0.01)
    assert found.tau_s == pytest.approx(tau, rel=0.02)
    assert found.series_ohm == pytest.approx(series, abs=0.01 * resistance)
    assert found.sag == pytest.approx(0, abs=0.01)


def test_sag_is_what_comes_back():
    t = np.arange(0, 0.6, 1 / RATE_HZ) - 0.1
    fall = np.where(t < 0, 0, 1 - np.exp(-np.maximum(t, 0) / 0.01))
    back = np.where(t < 0, 0, 1 - np.exp(-np.maximum(t - 0.1, 0) / 0.02))
    found = pulse_answer(-0.07 - 0.02 * fall + 0.005 * back, RATE_HZ, 0.1, 0.6, -1e-10)
    assert found.sag == pytest.approx(0.25, abs=0.01)
    assert found.lowest_v == pytest.approx(-0.09, abs=1e-4)


@pytest.mark.parametrize("pulse", [(0.0, 0.3, 1e-10), (0.1, 0.9, 1e-10), (0.1, 0.3, 0.0)])
def test_a_pulse_that_is_not_there_is_refused(pulse):
    with pytest.raises(InputError, match="is not in a sweep"):
        pulse_answer(np.zeros(10_000), RATE_HZ, *pulse)


def test_membranes_of_a_real_cell_are_as_efel_has_them(sample_data):
    """By eFEL 5.7.34: -66.676 and -85.802 mV, time constants of 17.1 ms on the way down and
    19.1 ms on the way back, a sag_ratio1 of 0.036."""
    recording = read(sample_data / "patch/pyabf/18711001.abf")
    sweep, command = recording["in_0_sweep_000"], recording["cmd_0_command_000"]
    (pulse,) = pulses(command.read(scaled=True).ravel(), command.rate_hz).to_dict("records")
    assert pulse["amplitude"] == pytest.approx(-1e-10)
    found = pulse_answer(
        sweep.read(scaled=True).ravel(), sweep.rate_hz, pulse["start_s"], pulse["stop_s"], -1e-10
    )
    assert 1e3 * found.baseline_v == pytest.approx(-66.676, abs=0.1)
    assert 1e3 * found.steady_v == pytest.approx(-85.802, abs=0.1)
    assert 16e-3 < found.tau_s < 20e-3
    assert found.sag == pytest.approx(0.036, abs=0.01)
